"""The twins of normalisations, resizes and recurrences: an element and all that stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, Rewrite, attributes

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
    if twin.opset < 13:
        return _trailing(1)(twin, node, x)
    return twin.reduce(x, [attributes(node).get("axis", -1)])


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
    """One axis at a time, so that the smallest true weight stays far above rounding."""
    a = attributes(node)
    mode = a.get("mode", b"nearest").decode()
    if mode == "nearest":
        twin.nodes.append(node)
        return
    limit = LINEAR_ZERO if mode == "linear" else CUBIC_ZERO
    kept = dict(a)
    x, rank = node.input[0], twin.ranks[node.input[0]]
    cropped = a.get("coordinate_transformation_mode") == b"tf_crop_and_resize"
    if cropped or a.get("keep_aspect_ratio_policy", b"stretch") != b"stretch" or "axes" in a:
        y = _interpolate(twin, node.op_type, [x, *node.input[1:]], kept, limit * limit, mode)
    else:
        y = x
        for axis in range(2, rank):
            if "scales" in a:
                kept["scales"] = [scale if k == axis else 1.0 for k, scale in enumerate(a["scales"])]
            y = _interpolate(twin, node.op_type, _along(twin, node, y, axis, rank), kept, limit, mode)
    twin.emit("Identity", [y], node.output[0])


def _along(twin: GraphBuilder, node: onnx.NodeProto, x: str, axis: int, rank: int) -> list[str]:
    """The inputs of a Resize or Upsample that changes one axis and leaves the others."""
    if len(node.input) == 1:
        return [x]
    only = (np.arange(rank) == axis).astype(np.float32)
    sized = len(node.input) > 3 and node.input[3]
    kind = np.int64 if sized else np.float32
    if sized:
        wanted, same = node.input[3], twin.emit("Shape", [x])
        rest = twin.emit("Mul", [same, twin.constant((1 - only).astype(kind))])
    else:
        wanted = node.input[min(2, len(node.input) - 1)]
        rest = twin.constant(1 - only)
    each = twin.emit("Add", [twin.emit("Mul", [wanted, twin.constant(only.astype(kind))]), rest])
    if sized:
        return [x, "", "", each]
    return [x, "", each] if node.op_type == "Resize" and twin.opset >= 11 else [x, each]


def _interpolate(
    twin: GraphBuilder, op: str, inputs: list[str], a: dict[str, Any], limit: float, mode: str
) -> str:
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
    twin.nodes.append(top)
    for output in filter(None, node.output):
        twin.union([outputs[0], twin.reduce(x, [axis])], output)


MIXING: dict[str, Rewrite] = {
    "GroupNormalization": _group,
    "Hardmax": _beside(_softmax),
    "InstanceNormalization": _beside(_instance),
    "LRN": _beside(_channels),
    "LayerNormalization": _beside(_trailing(-1)),
    "LogSoftmax": _beside(_softmax),
    "LpNormalization": _beside(_one_axis),
    "MeanVarianceNormalization": _beside(_mean_variance),
    "RMSNormalization": _beside(_trailing(-1)),
    "Resize": _resize,
    "Softmax": _beside(_softmax),
    "TopK": _top,
    "Upsample": _resize,
}
