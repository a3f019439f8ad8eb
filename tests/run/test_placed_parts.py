"""Parts of operators that know where their elements stand, fed their box alone, equal the whole's in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, helper, numpy_helper
from support.parts import Differences, edges, random_feeds, some_boxes

from striate.formats.model import Model
from striate.formats.onnx.call import Array

FLOAT, UINT8, INT32 = 1, 2, 6
RANDOM = np.random.default_rng(0)


def built(
    nodes: Sequence[NodeProto], shapes: dict[str, tuple[int, ...]], constants: dict[str, Array], opset: int = 18,
    kinds: dict[str, int] | None = None,
) -> Model:  # fmt: skip
    """A model of a few nodes, ``y`` its output."""
    inputs = [helper.make_tensor_value_info(x, (kinds or {}).get(x, FLOAT), shape) for x, shape in shapes.items()]
    output = helper.make_tensor_value_info("y", (kinds or {}).get("y", FLOAT), None)
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "placed", inputs, [output], stored)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    return Model(model.SerializeToString())


def checked(model: Model, boxes: int = 6, feeds: dict[str, Array] | None = None, whole: int = 0) -> Differences:
    """Parts at corners and edges, and some drawn at random."""
    found = Differences(model, "y", feeds)
    for box in list(edges(found.shape, max(len(found.shape) - 2, 0)))[:9:2]:
        found.check(box)
    for box in some_boxes(Random(0), found.shape, boxes, whole):
        found.check(box)
    assert found.ran > boxes
    assert not found.refused
    return found


@pytest.mark.parametrize(
    ("mode", "exclude", "size", "coordinates"),
    [
        ("linear", 0, (5, 4), "half_pixel"),
        ("linear", 1, (29, 7), "align_corners"),
        ("cubic", 0, (29, 7), "half_pixel"),
        ("cubic", 1, (5, 4), "asymmetric"),
    ],
)
def test_a_resize_against_aliasing(mode: str, exclude: int, size: tuple[int, int], coordinates: str) -> None:
    options: dict[str, Any] = {"mode": mode, "exclude_outside": exclude, "coordinate_transformation_mode": coordinates}
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], antialias=1, **options)
    checked(built([node], {"x": (1, 2, 26, 17)}, {"size": np.array([1, 2, *size])}))


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [None, -2, 3])
def test_a_triangle(upper: int, k: int | None) -> None:
    constants = {} if k is None else {"k": np.array(k)}
    node = helper.make_node("Trilu", ["x", *constants], ["y"], upper=upper)
    assert checked(built([node], {"x": (2, 7, 9)}, constants)).bitwise


def test_a_triangle_too_large_to_follow_and_one_whose_diagonal_is_fed() -> None:
    node = helper.make_node("Trilu", ["x"], ["y"])
    checked(built([node], {"x": (1, 300, 310)}, {}))
    node = helper.make_node("Trilu", ["x", "k"], ["y"], upper=0)
    model = built([node], {"x": (7, 9), "k": ()}, {}, kinds={"k": 7})
    checked(model, feeds={**random_feeds(model), "k": np.array(2)})


MASKS: dict[str, Array | None] = {
    "no mask": None,
    "truths": RANDOM.random((7, 7)) < 0.6,
    "scores": RANDOM.standard_normal((7, 7)).astype(np.float32),
    "scores of heads": RANDOM.standard_normal((1, 3, 7, 7)).astype(np.float32),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [0, 1])
def test_attention_to_what_comes_before(mask: str, causal: int) -> None:
    given = MASKS[mask]
    if given is not None and given.dtype == np.bool_:
        given = given | (np.arange(7) == 0)
    constants = {} if given is None else {"mask": given}
    node = helper.make_node("Attention", ["q", "k", "v", *constants], ["y"], is_causal=causal)
    checked(built([node], dict.fromkeys("qkv", (2, 3, 7, 4)), constants, opset=23))


@pytest.mark.parametrize(
    ("op", "direction", "fed"),
    [("RNN", "forward", False), ("GRU", "reverse", False), ("LSTM", "forward", True), ("LSTM", "reverse", True)],
)
def test_a_recurrence_over_rows_of_several_lengths(op: str, direction: str, fed: bool) -> None:
    gates, lengths = {"RNN": 1, "GRU": 3, "LSTM": 4}[op], np.array([8, 3, 5], np.int32)
    constants = {
        "w": RANDOM.standard_normal((1, gates * 2, 4)).astype(np.float32),
        "r": RANDOM.standard_normal((1, gates * 2, 2)).astype(np.float32),
        **({} if fed else {"lengths": lengths}),
    }
    node = helper.make_node(op, ["x", "w", "r", "", "lengths"], ["y"], hidden_size=2, direction=direction)
    shapes: dict[str, tuple[int, ...]] = {"x": (8, 3, 4), **({"lengths": (3,)} if fed else {})}
    model = built([node], shapes, constants, kinds={"lengths": INT32})
    feeds = random_feeds(model)
    checked(model, feeds={**feeds, "lengths": lengths} if fed else feeds)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_join_of_quantised_tensors(axis: int) -> None:
    parts = ["x", "a", "b", "x", "c", "d"]
    constants: dict[str, Array] = {
        name: np.array(value, np.float32) for name, value in {"s": 0.3, "a": 0.5, "c": 0.2}.items()
    }
    constants |= {name: np.array(value, np.uint8) for name, value in {"z": 5, "b": 3, "d": 90}.items()}
    node = helper.make_node("QLinearConcat", ["s", "z", *parts], ["y"], axis=axis, domain="com.microsoft")
    model = built([node], {"x": (1, 3, 6, 5)}, constants, kinds={"x": UINT8, "y": UINT8})
    feeds: dict[str, Array] = {"x": RANDOM.integers(0, 255, (1, 3, 6, 5), np.uint8)}
    found = checked(model, 20, feeds)
    assert found.bitwise == found.ran
