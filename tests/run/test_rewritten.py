"""Parts whose operators say something else of a part than of the whole: run beside the whole, box by box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from support.parts import Differences, some_boxes
from torch.nn import functional as F

from striate.crop import crop
from striate.formats.model import Model
from striate.geometry import Box
from striate.run import Array, runner

node = helper.make_node
RANDOM = np.random.default_rng(0)
IMAGE = (1, 4, 13, 17)


def normal(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, tuple[int, ...]]],
    opset: int,
    constants: Mapping[str, Array],
) -> Model:
    """A model whose last node gives its output, ``y``."""
    entries = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    outputs = [onnx.ValueInfoProto(name="y")]
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", entries, outputs, held)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return Model(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def image(nodes: list[onnx.NodeProto], shape: tuple[int, ...] = IMAGE, **constants: Array) -> Model:
    return model(nodes, {"x": (TensorProto.FLOAT, shape)}, 18, constants)


def resized(scales: tuple[float, ...], **attributes: Any) -> Model:
    own = node("Resize", ["x", "", "scales"], ["y"], antialias=1, **attributes)
    return image([own], scales=np.array((1, 1, *scales), np.float32))


def triangle(upper: int, k: int | None) -> Model:
    given: dict[str, Any] = {} if k is None else {"k": np.array(k)}
    return image([node("Trilu", ["x", *given], ["y"], upper=upper)], **given)


def attention(mask: Array | None = None, causal: int = 1) -> Model:
    given = {} if mask is None else {"mask": mask}
    own = node("Attention", ["q", "k", "v", *given], ["y"], is_causal=causal)
    return model([own], dict.fromkeys("qkv", (TensorProto.FLOAT, (2, 3, 9, 4))), 23, given)


def recurrent(kind: str, direction: str, gates: int) -> Model:
    own = node(kind, ["x", "w", "r", "", "lengths"], ["y"], hidden_size=3, direction=direction)
    ways = 2 if direction == "bidirectional" else 1
    return image([own], (7, 4, 2), w=normal(ways, 3 * gates, 2), r=normal(ways, 3 * gates, 3), lengths=LENGTHS)


LENGTHS = np.array([7, 1, 4, 6], np.int32)
MODELS: dict[str, Callable[[], Model]] = {
    "triangle": lambda: triangle(1, None),
    "upper triangle": lambda: triangle(1, 3),
    "lower triangle": lambda: triangle(0, -4),
    "triangle beyond": lambda: triangle(1, -20),
    "large triangle": lambda: image([node("Trilu", ["x"], ["y"])], (1, 300, 300)),
    "causal attention": lambda: attention(),
    "causal attention under a mask": lambda: attention(np.eye(9, dtype=bool)[::-1] | np.tri(9, k=-2, dtype=bool)),
    "causal attention over a table": lambda: attention(normal(1, 1, 9, 9)),
    "causal attention over a table for each head": lambda: attention(normal(1, 3, 9, 9)),
    "attention over a table for each head": lambda: attention(normal(1, 3, 9, 9), causal=0),
    "sums over neighbouring channels": lambda: image([node("LRN", ["x"], ["y"], size=5)], (1, 9, 3, 2)),
    "lengths": lambda: recurrent("LSTM", "forward", 4),
    "lengths from the end": lambda: recurrent("GRU", "reverse", 3),
    "lengths both ways": lambda: recurrent("LSTM", "bidirectional", 4),
    "elements of a table": lambda: model(
        [node("GatherElements", ["t", "x"], ["y"], axis=1)], {"x": (TensorProto.INT64, (3, 5, 7))}, 18,
        {"t": normal(3, 11, 8)}),
    "halved": lambda: resized((0.5, 0.5), mode="linear"),
    "filtered": lambda: resized((0.4, 1.7), mode="linear"),
    "filtered corners": lambda: resized((0.4, 0.3), mode="linear", coordinate_transformation_mode="align_corners"),
    "filtered without the outside": lambda: resized((0.35, 0.25), mode="linear", exclude_outside=1),
    "filtered from the corner": lambda: resized((0.4, 0.3), mode="cubic", coordinate_transformation_mode="asymmetric"),
    "filtered by cubics": lambda: resized((0.4, 0.6), mode="cubic"),
    "filtered by flatter cubics": lambda: resized((0.3, 2), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_operators(name: str) -> None:
    held = MODELS[name]()
    feeds = {"x": RANDOM.integers(0, 11, (3, 5, 7))} if name == "elements of a table" else None
    found = Differences(held, "y", feeds)
    for box in some_boxes(Random(0), found.shape, 15):
        found.check(box)
    assert found.ran > 12, found.refused


def test_lengths_that_are_data() -> None:
    w, r = normal(1, 12, 2), normal(1, 12, 3)
    inputs = {"x": (TensorProto.FLOAT, (7, 4, 2)), "lengths": (TensorProto.INT32, (4,))}
    own = node("LSTM", ["x", "w", "r", "", "lengths"], ["y"], hidden_size=3)
    found = Differences(model([own], inputs, 18, {"w": w, "r": r}), "y", {"x": normal(7, 4, 2), "lengths": LENGTHS})
    for box in some_boxes(Random(0), found.shape, 8):
        found.check(box)
    assert found.ran == 8


def test_a_diagonal_that_is_data() -> None:
    inputs = {"x": (TensorProto.FLOAT, (1, 9, 8)), "k": (TensorProto.INT64, ())}
    held = model([node("Trilu", ["x", "k"], ["y"])], inputs, 18, {})
    found = Differences(held, "y", {"x": normal(1, 9, 8), "k": np.array(2)})
    for box in some_boxes(Random(0), found.shape, 8):
        found.check(box)
    assert found.ran == 8


def test_pads_below_zero_are_cut_off_before() -> None:
    """onnxruntime takes no such pads in the whole, so torch says what it gives."""
    x, w = normal(*IMAGE), normal(5, 4, 3, 3)
    held = image([node("Conv", ["x", "w"], ["y"], pads=[-2, 1, -1, 0], kernel_shape=[3, 3])], w=w)
    whole = F.conv2d(F.pad(torch.from_numpy(x), (1, 0, -2, -1)), torch.from_numpy(w)).numpy()
    for box in (*some_boxes(Random(0), whole.shape, 20), Box.whole(whole.shape)):
        part = crop(held.network, {"y": box})
        fed = x[part.feeds["x"].slices]
        np.testing.assert_allclose(runner(held, part).run({"x": fed})["y"], whole[part.boxes["y"].slices], atol=1e-4)


def quantised() -> Model:
    """Three inputs of different scales, joined along rows behind a quantised convolution of the first."""
    scales = {f"s{k}": np.array(s, np.float32) for k, s in enumerate((0.1, 0.07, 0.2, 0.04))}
    zeros = {f"z{k}": np.array(z, np.uint8) for k, z in enumerate((3, 9, 128, 0))}
    weights = {"w": RANDOM.integers(0, 255, (2, 2, 3, 3)).astype(np.uint8)}
    conv = node("QLinearConv", ["a", "s0", "z0", "w", "s1", "z1", "s2", "z2"], ["c"], pads=[1, 1, 1, 1], strides=[1, 1])
    rows = ["s0", "z0", "c", "s2", "z2", "b", "s1", "z1", "b", "s3", "z3"]
    joined = node("QLinearConcat", rows, ["y"], axis=2, domain="com.microsoft")
    shape = (1, 2, 8, 16)
    inputs = dict.fromkeys("ab", (TensorProto.UINT8, shape))
    return model([conv, joined], inputs, 18, {**scales, **zeros, **weights})


def test_quantised_convolution_and_concatenation() -> None:
    held = quantised()
    levels = np.arange(256, dtype=np.uint8).reshape(1, 2, 8, 16)
    found = Differences(held, "y", {"a": levels, "b": levels[:, :, ::-1]})
    for box in (*some_boxes(Random(0), found.shape, 40), Box("0:1,0:2,8:16,0:16"), Box("0:1,0:2,17:24,3:4")):
        found.check(box)
    assert found.ran == found.bitwise == 42


def test_another_triangle_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.formats.onnx.editing._moves_triangle", lambda *_: None)
    found = Differences(triangle(1, 3), "y")
    with pytest.raises(AssertionError):
        found.check(Box("0:1,0:4,5:9,2:12"))
