"""Every operator, element by element: what striate says that an output reads is what moves it in LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from support.litert import Runtime
from support.oracle import dependence
from support.tflite_cases import CASES, QUIET, case, conv
from support.tflite_models import Sketch

from striate.formats.given import Given
from striate.formats.shapes import input_shapes
from striate.formats.tflite import OPERATORS, Reading, read_file
from striate.formats.tflite.schema import load_graph
from striate.formats.unknown import Unknown


def read(content: bytes, *shape: int) -> Reading:
    return read_file(content, "m.tflite", input_shapes(shape or None), Unknown.REFUSE, Given())


@pytest.mark.parametrize("name", CASES)
def test_an_output_reads_what_moves_it_in_litert(name: str) -> None:
    content = case(name)
    reading = read(content)
    reading.network.validate()
    (output,) = reading.network.outputs
    place, order = reading.places[output]
    measured = Runtime(content).dependence(place)
    claimed = dependence(reading.network)[output]
    measured = measured.transpose(*order, measured.ndim - 1)
    assert claimed.shape == measured.shape
    np.testing.assert_array_equal(claimed, measured)


@pytest.mark.parametrize("name", QUIET)
def test_an_output_reads_no_more_than_it_is_said_to(name: str) -> None:
    content = case(name)
    reading = read(content)
    (output,) = reading.network.outputs
    graph = load_graph(content)
    measured = Runtime(content).dependence(graph.outputs[0])
    if name == "ZEROS_LIKE":
        assert not measured.any()
        return
    _, order = reading.places[output]
    measured = measured.transpose(*order, measured.ndim - 1)
    claimed = dependence(reading.network)[output]
    assert claimed.shape == measured.shape
    assert not (measured & ~claimed).any()


def test_every_operator_has_a_case() -> None:
    used: set[str] = set()
    for build in [*CASES.values(), *QUIET.values()]:
        sketch = Sketch()
        build(sketch)
        used |= {op for op, _ in sketch.operations}
    by_data = {"WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"}
    of_constants = {"DENSIFY", "FILL", "RANGE", "RANK", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"}
    assert set(OPERATORS) - used == by_data | of_constants


def test_the_oracle_can_fail() -> None:
    sketch = Sketch()
    content = sketch.file(conv(sketch, sketch.input(1, 6, 5, 1), 1, 1, StrideH=2, StrideW=2))
    other = Sketch()
    shifted = other.file(conv(other, other.input(1, 6, 5, 1), 1, 1, StrideH=2, StrideW=2, DilationWFactor=2))
    claimed = dependence(read(content).network)["t3"]
    measured = Runtime(shifted).dependence(3).transpose(0, 3, 1, 2, 4)
    assert claimed.shape == measured.shape
    assert (claimed != measured).any()
