"""Every operator, element by element: what striate says that an output reads is what moves it in LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from support.litert import Runtime
from support.oracle import dependence
from support.tflite_cases import CASES, case, conv
from support.tflite_models import Sketch

from striate.formats.given import Given
from striate.formats.shapes import input_shapes
from striate.formats.tflite import Reading, read_file
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


def test_the_oracle_can_fail() -> None:
    sketch = Sketch()
    content = sketch.file(conv(sketch, sketch.input(1, 6, 5, 1), 1, 1, StrideH=2, StrideW=2))
    other = Sketch()
    shifted = other.file(conv(other, other.input(1, 6, 5, 1), 1, 1, StrideH=2, StrideW=2, DilationWFactor=2))
    claimed = dependence(read(content).network)["t3"]
    measured = Runtime(shifted).dependence(3).transpose(0, 3, 1, 2, 4)
    assert claimed.shape == measured.shape
    assert (claimed != measured).any()
