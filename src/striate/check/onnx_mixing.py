"""The twins of normalisations, resizes and recurrences: an element and all that stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, Rewrite, attributes
from striate.check.onnx_masks import softened
from striate.errors import UnsupportedError

# Interpolation weights smaller than this are float32 rounding of an exact zero.
LINEAR_ZERO = 4e-4
CUBIC_ZERO = 2e-5


def _beside(reduced: Callable[[GraphBuilder, onnx.NodeProto, str], str]) -> Rewrite:
    """A rule ``x OR reduced(x)``."""

    def rule(twin: GraphBuilder, node: onnx.NodeProto) -> None:
        x = node.input[0]
        others = [twin.reduce(name, range(twin.ranks[name])) for name in node.input[1:] if name in twin.data]
        parts = [part for part in (x, reduced(twin, node, x)) if x in twin.data]
        twin.union([*(parts or [twin.filled(0.0, x)]), *others], node.output[0])

    return rule


def _trailing(axis: int) -> Callable[[GraphBuilder, onnx.NodeProto, str], str]:
    """All axes from the attribute ``axis`` on."""

    def reduced(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
        first, rank = attributes(node).get("axis", axis), twin.ranks[x]
        return twin.reduce(x, range(first % rank, rank))

    return reduced


def _softmax(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
    return twin.reduce(x, _softmax_axes(twin, node))


def _softmax_axes(twin: GraphBuilder, node: onnx.NodeProto) -> list[int]:
    rank = twin.ranks[node.input[0]]
    if twin.opset < 13:
        return list(range(attributes(node).get("axis", 1) % rank, rank))
    return [attributes(node).get("axis", -1) % rank]


def _masked_softmax(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    if not softened(twin, node, _softmax_axes(twin, node)):
        _beside(_softmax)(twin, node)


def _one_axis(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
    return twin.reduce(x, [attributes(node).get("axis", -1)])


def _mean_variance(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
    return twin.reduce(x, attributes(node).get("axes", [0, 2, 3]))


def _instance(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
    return twin.reduce(x, range(2, twin.ranks[x]))


def _channels(twin: GraphBuilder, node: onnx.NodeProto, x: str) -> str:
    """The window of neighbouring channels of a local response normalisation."""
    size = attributes(node)["size"]
    before, rank = (size - 1) // 2, twin.ranks[x]
    last = twin.emit("Transpose", [x], perm=[0, *range(2, rank), 1])
    still = [0] * (rank - 3)
    pads = [*still, before, *still, size - 1 - before]
    pooled = twin.emit("MaxPool", [last], kernel_shape=[1] * (rank - 3) + [size], pads=pads)
    return twin.emit("Transpose", [twin.emit("Relu", [pooled])], perm=[0, rank - 1, *range(1, rank - 1)])


def _group(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    x = node.input[0]
    shape = twin.constant(np.array([0, attributes(node)["num_groups"], -1], dtype=np.int64))
    grouped = twin.emit("Reshape", [x, shape])
    mixed = twin.union([grouped, twin.reduce(grouped, [2])])
    twin.emit("Reshape", [mixed, twin.emit("Shape", [x])], node.output[0])


def _resize(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """One axis at a time, so that the smallest true weight stays far above rounding; by one channel where alike."""
    a = attributes(node)
    mode = a.get("mode", b"nearest").decode()
    cropped = a.get("coordinate_transformation_mode") == b"tf_crop_and_resize"
    together = cropped or a.get("keep_aspect_ratio_policy", b"stretch") != b"stretch" or "axes" in a
    x, output = node.input[0], node.output[0]
    wide = together or x not in twin.alike
    inputs = list(node.input) if wide else _one_channel(twin, node)
    if mode == "nearest":
        y = twin.emit(node.op_type, inputs, output if wide else "", **a)
    elif together:
        limit = LINEAR_ZERO if mode == "linear" else CUBIC_ZERO
        y = _interpolate(twin, node.op_type, inputs, a, limit * limit, mode)
    else:
        y = _axis_by_axis(twin, node, inputs, a, mode)
    if not wide:
        twin.thin(output, y, twin.alike[x].channels)
    elif mode != "nearest":
        twin.emit("Identity", [y], output)


def _one_channel(twin: GraphBuilder, node: onnx.NodeProto) -> list[str]:
    """The inputs of a resize that runs on one channel of an image."""
    inputs, rank = [twin.alike[node.input[0]].name, *node.input[1:]], twin.ranks[node.input[0]]
    if len(inputs) > 3 and inputs[3]:
        channel = (np.arange(rank) == 1).astype(np.int64)
        rest = twin.emit("Mul", [inputs[3], twin.constant(1 - channel)])
        inputs[3] = twin.emit("Add", [rest, twin.constant(channel)])
    return inputs


def _axis_by_axis(twin: GraphBuilder, node: onnx.NodeProto, inputs: list[str], a: dict[str, Any], mode: str) -> str:
    limit, rank = LINEAR_ZERO if mode == "linear" else CUBIC_ZERO, twin.ranks[node.input[0]]
    y, kept = inputs[0], dict(a)
    for axis in range(2, rank):
        if "scales" in a:
            kept["scales"] = [scale if k == axis else 1.0 for k, scale in enumerate(a["scales"])]
        one = _for_one_axis(twin, node, [y, *inputs[1:]], axis, rank)
        y = _interpolate(twin, node.op_type, one, kept, limit, mode)
    return y


def _for_one_axis(twin: GraphBuilder, node: onnx.NodeProto, inputs: list[str], axis: int, rank: int) -> list[str]:
    """The inputs of a Resize or Upsample that changes one axis and leaves the others."""
    x = inputs[0]
    if len(inputs) == 1:
        return [x]
    only = (np.arange(rank) == axis).astype(np.float32)
    sized = len(inputs) > 3 and inputs[3]
    kind = np.int64 if sized else np.float32
    if sized:
        wanted, same = inputs[3], twin.emit("Shape", [x])
        rest = twin.emit("Mul", [same, twin.constant((1 - only).astype(kind))])
    else:
        wanted = inputs[min(2, len(inputs) - 1)]
        rest = twin.constant(1 - only)
    each = twin.emit("Add", [twin.emit("Mul", [wanted, twin.constant(only.astype(kind))]), rest])
    none = "" if twin.opset >= 13 else twin.constant(np.zeros(0, np.float32))
    if sized:
        return [x, none, none, each]
    return [x, none, each] if node.op_type == "Resize" and twin.opset >= 11 else [x, each]


def _interpolate(twin: GraphBuilder, op: str, inputs: list[str], a: dict[str, Any], limit: float, mode: str) -> str:
    """1 where a weight above ``limit`` meets a 1; cubic weights are kept from cancelling by random magnitudes."""
    x, parts = inputs[0], []
    for seed in range(2 if mode == "cubic" else 1):
        image = x
        if mode == "cubic":
            noise = twin.emit("RandomUniformLike", [x], low=0.5, high=1.5, seed=float(seed + 1))
            image = twin.emit("Mul", [x, noise])
        size = twin.emit("Abs", [twin.emit(op, [image, *inputs[1:]], **a)])
        above = twin.emit("Sub", [size, twin.constant(np.array(limit, dtype=np.float32))])
        parts.append(twin.saturate(twin.emit("Relu", [above])))
    return twin.union(parts)


def _top(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Each of the k largest can be any element of the axis."""
    a = attributes(node)
    axis, x = a.get("axis", -1), node.input[0]
    zero = twin.filled(0.0, x)
    outputs = [twin.fresh(), twin.fresh()]
    top = onnx.helper.make_node("TopK", [zero, *node.input[1:]], outputs, **a)
    twin.keep(top)
    for output in filter(None, node.output):
        twin.union([outputs[0], twin.reduce(x, [axis])], output)


def _recurrent(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """A step reads its own step of the sequence, all before it (after it, in reverse) and the initial state."""
    a, inputs = attributes(node), [*node.input, *[""] * (7 - len(node.input))]
    if a.get("layout", 0) or inputs[4] or inputs[0] not in twin.data:
        raise UnsupportedError(f"check has no twin for this form of {node.op_type} ({node.name or node.output[0]!r})")
    step = twin.reduce(inputs[0], [2])
    directions = {b"forward": (0,), b"reverse": (1,)}.get(a.get("direction", b"forward"), (0, 1))
    zero = twin.constant(np.array(0, dtype=np.int64))
    seen = [twin.saturate(twin.emit("CumSum", [step, zero], reverse=turned)) for turned in directions]
    states = [twin.reduce(name, [2]) for name in inputs[5:7] if name in twin.data]
    widths = twin.filled(0.0, (len(directions), 1, a["hidden_size"]))
    ends = twin.union([twin.reduce(step, [0]), *states, widths])
    steps = twin.emit("Concat", [with_axes(twin, part, [1]) for part in seen], axis=1)
    every = twin.union([steps, *(with_axes(twin, state, [0]) for state in (*states, widths))])
    for output, made in zip(node.output, (every, ends, ends), strict=False):
        if output:
            twin.emit("Identity", [made], output)


def with_axes(twin: GraphBuilder, x: str, axes: list[int]) -> str:
    """A tensor with new axes of size 1."""
    if not axes:
        return x
    if twin.opset < 13:
        return twin.emit("Unsqueeze", [x], axes=axes)
    return twin.emit("Unsqueeze", [x, twin.constant(np.array(axes, dtype=np.int64))])


MIXING: dict[str, Rewrite] = {
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    "GroupNormalization": _group,
    "Hardmax": _beside(_softmax),
    "InstanceNormalization": _beside(_instance),
    "LRN": _beside(_channels),
    "LayerNormalization": _beside(_trailing(-1)),
    "LogSoftmax": _masked_softmax,
    "LpNormalization": _beside(_one_axis),
    "MeanVarianceNormalization": _beside(_mean_variance),
    "RMSNormalization": _beside(_trailing(-1)),
    "Resize": _resize,
    "Softmax": _masked_softmax,
    "TopK": _top,
    "Upsample": _resize,
}
