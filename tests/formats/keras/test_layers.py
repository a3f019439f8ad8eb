"""Every layer, element by element: what striate says that an output reads is what moves it in Keras."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from support.keras_cases import CASES, QUIET, built
from support.keras_models import L, dependence, keras, lit, saved
from support.oracle import dependence as claimed_by

from striate.formats.given import Given
from striate.formats.keras import LAYERS, OPERATIONS, Reading, load_graph, read_file
from striate.formats.keras.activations import MIXING
from striate.formats.keras.combine import PASSING
from striate.formats.keras.config import CallOf, Layer, Reference
from striate.formats.keras.operations import ACTIVATIONS, BINARY, REDUCING, UNARY
from striate.formats.keras.walk import Walk
from striate.formats.steps import Tensor
from striate.formats.unknown import Unknown
from striate.network.operators import Elementwise


def read(content: bytes) -> Reading:
    return read_file(content, "m.keras", None, Unknown.REFUSE, Given())


@pytest.mark.parametrize("name", CASES)
def test_an_output_reads_what_moves_it_in_keras(name: str) -> None:
    model = lit(built(name))
    reading = read(saved(model))
    reading.network.validate()
    (output,) = reading.network.outputs
    order = reading.orders[output]
    measured = np.any([dependence(model, model.outputs[0], seed) for seed in range(2)], axis=0)
    claimed = claimed_by(reading.network)[output]
    measured = measured.transpose(*order, measured.ndim - 1)
    assert claimed.shape == measured.shape
    np.testing.assert_array_equal(claimed, measured)


@pytest.mark.parametrize("name", QUIET)
def test_an_output_reads_no_more_than_it_is_said_to(name: str) -> None:
    model = lit(built(name))
    reading = read(saved(model))
    (output,) = reading.network.outputs
    measured = dependence(model, model.outputs[0]).transpose(*reading.orders[output], -1)
    claimed = claimed_by(reading.network)[output]
    assert claimed.shape == measured.shape
    assert not (measured & ~claimed).any()


def test_an_embedding_reads_the_index_at_its_place() -> None:
    x = L.Input((6,), dtype="int32", name="x")
    model = lit(keras.Model(x, L.Conv1D(3, 3, padding="same")(L.Embedding(9, 2)(x))))
    reading = read(saved(model))
    (output,) = reading.network.outputs
    measured = dependence(model, model.outputs[0]).transpose(*reading.orders[output], -1)
    np.testing.assert_array_equal(claimed_by(reading.network)[output], measured)


def test_layers_and_functions_of_single_elements_and_those_of_training() -> None:
    """Each by its own name in a chain of them all: what comes out reads what stands at its place."""
    x = L.Input((2, 3, 4), name="x")
    graph = load_graph(saved(keras.Model(x, L.ReLU(name="first")(x))))
    kinds = [(kind, "keras.layers") for kind in PASSING] + [
        (kind, "keras.src.ops.nn") for kind in (*UNARY, *ACTIVATIONS) if ACTIVATIONS.get(kind) not in (*MIXING, "glu")
    ]
    layers, before = list(graph.layers), "first"
    for k, (kind, module) in enumerate(kinds):
        layers.append(Layer(kind, module, f"l{k}", {}, (CallOf((Reference(before, 0, 0),), {}),)))
        before = f"l{k}"
    walk = Walk([Tensor("x", (1, 2, 3, 4), (0, 1, 2, 3), "float32", True)], True, Unknown.REFUSE)
    walk.run(replace(graph, layers=tuple(layers), outputs=(Reference(before, 0, 0),)))
    nodes = walk.written.nodes
    assert len(nodes) == len(kinds) + 1
    assert {type(node.op) for node in nodes} == {Elementwise}


def test_every_layer_has_a_case() -> None:
    used = {layer.kind for name in (*CASES, *QUIET) for layer in load_graph(saved(built(name))).layers}
    alike = {*PASSING, *UNARY, *BINARY, *ACTIVATIONS, *REDUCING}
    of_other_axes = {
        kind for kind in LAYERS if kind[-1:] == "D" and kind[:-2] in {found[:-2] for found in used if found[-1:] == "D"}
    }
    elsewhere = {"CustomScaleLayer", "Embedding", "LayerScale", *(f"AdaptiveMaxPooling{axes}D" for axes in (1, 2, 3))}
    assert (set(LAYERS) | set(OPERATIONS)) - used - alike - of_other_axes == elsewhere


def test_every_name_is_one_of_keras() -> None:
    parts = [import_module(f"keras.src.ops.{part}") for part in ("numpy", "nn", "core", "image", "math")]
    functions = {name for part in parts for name in vars(part)}
    assert set(OPERATIONS) <= functions
    assert set(LAYERS) - set(dir(L)) == {"CustomScaleLayer", "LayerScale", "StochasticDepth"}


def test_the_oracle_can_fail() -> None:
    x = L.Input((6, 5, 1), name="x")
    model = keras.Model(x, L.Conv2D(1, 3, strides=2, padding="same")(x))
    shifted = lit(keras.Model(x, L.Conv2D(1, 3, strides=2)(L.ZeroPadding2D(((1, 0), (1, 1)))(x))))
    reading = read(saved(model))
    (output,) = reading.network.outputs
    claimed = claimed_by(reading.network)[output]
    measured = dependence(shifted, shifted.outputs[0]).transpose(*reading.orders[output], -1)
    assert claimed.shape == measured.shape
    assert (claimed != measured).any()
