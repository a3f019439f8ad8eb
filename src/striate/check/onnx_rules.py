"""How each ONNX operator becomes an OR over what it reads.

An operator outside these tables, on a path from the source to a layer asked for, is refused by name.
"""

from __future__ import annotations

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, Rewrite, attributes
from striate.check.onnx_masks import hiding, learn, mark, zero
from striate.check.onnx_mixing import MIXING, with_axes
from striate.errors import UnsupportedError

# Any of these reads its element and nothing else, whatever the values.
UNARY = (
    "Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh "
    "DequantizeLinear Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish "
    "Neg Not QuantizeLinear Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish "
    "Tan Tanh ThresholdedRelu"
)
ELEMENTWISE = (
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean "
    "Min Mod Mul Or PRelu Pow Sub Sum Where Xor"
)
MOVES = (
    "Compress DepthToSpace Expand Flatten Gather GatherElements GatherND Reshape ReverseSequence Slice SpaceToDepth "
    "Split Squeeze Tile Transpose Trilu Unsqueeze"
)
SUMS = "CumSum ReduceL1 ReduceL2 ReduceMean ReduceSum ReduceSumSquare"
REDUCTIONS = "ReduceLogSum ReduceLogSumExp ReduceMin ReduceProd"


def rewrite(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Append the twin of one node; nodes that no source value reaches stay as they are."""
    data = [name for name in node.input if name in twin.data]
    if not data or node.op_type in ("Shape", "Size"):
        twin.keep(node)
        learn(twin, node)
        return
    rule = _rule(node)
    if rule is None:
        raise UnsupportedError(f"check has no twin for {node.op_type} (node {node.name or node.output[0]!r})")
    rule(twin, node)
    twin.data.update(name for name in node.output if name)
    mark(twin, node, rule)


def _rule(node: onnx.NodeProto) -> Rewrite | None:
    op = node.op_type
    if op in SPECIAL:
        return SPECIAL[op]
    families = (UNARY, _identity), (ELEMENTWISE, _elementwise), (MOVES, _move), (SUMS, _sum), (REDUCTIONS, _reduce)
    return next((rule for ops, rule in families if op in ops.split()), None)


def _only_first(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Refuse an operator whose indices or sizes are computed from the source's values."""
    driven = [name for name in node.input[1:] if name in twin.data]
    if driven:
        raise UnsupportedError(
            f"check has no twin for {node.op_type} (node {node.name or node.output[0]!r}): "
            f"its input {driven[0]!r} depends on the image, so what it reads does too"
        )


def _identity(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    first = next(name for name in node.input if name in twin.data)
    for output in filter(None, node.output):
        if first in twin.alike:
            twin.thin(output, twin.alike[first].name, twin.alike[first].channels)
        else:
            twin.emit("Identity", [first], output)


def _elementwise(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    data = [(k, name) for k, name in enumerate(node.input) if name in twin.data]
    masks = {k: hiding(twin, node, k) for k, _ in data}
    constants = [name for name in node.input if name not in twin.data and twin.dims(name) != ()]
    if not any(masks.values()) and _elementwise_alike(twin, node, [name for _, name in data], constants):
        return
    parts = []
    for k, name in data:
        shown = name
        for mask in masks[k]:
            shown = twin.emit("Mul", [shown, twin.opposite(mask)])
        parts.append(shown)
    twin.union([*parts, *(twin.filled(0.0, name) for name in constants)], node.output[0])


def _elementwise_alike(twin: GraphBuilder, node: onnx.NodeProto, data: list[str], constants: list[str]) -> bool:
    """The union by one channel, where all operands' channels are alike; False where they are not."""
    output = node.output[0]
    rank = twin.ranks.get(output)
    shapes = [twin.dims(name) for name in constants]
    if not all(name in twin.alike and twin.ranks[name] == rank for name in data) or rank is None or None in shapes:
        return False
    padded = [(*[1] * (rank - len(shape)), *shape) for shape in shapes if shape is not None]
    zeros = [twin.filled(0.0, (shape[0], 1, *shape[2:])) for shape in padded]
    channels = max([twin.alike[name].channels for name in data] + [shape[1] for shape in padded])
    twin.thin(output, twin.union([*(twin.alike[name].name for name in data), *zeros]), channels)
    return True


def _per_channel(rule: Rewrite) -> Rewrite:
    """A rule for one operand that leaves the channels apart: where they are alike, it runs on one of them."""

    def one_of_them(twin: GraphBuilder, node: onnx.NodeProto) -> None:
        x = node.input[0]
        if x not in twin.alike or any(name in twin.data for name in node.input[1:]) or len(node.output) > 1:
            rule(twin, node)
            return
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[0], copy.output[0] = twin.alike[x].name, twin.fresh()
        twin.ranks[copy.input[0]] = twin.ranks[x]
        twin.data.add(copy.input[0])
        rule(twin, copy)
        twin.thin(node.output[0], copy.output[0], twin.alike[x].channels)

    return one_of_them


def _move(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _only_first(twin, node)
    twin.keep(node)


def _gather(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """An index that the source makes may point at anything; each output reads its own index, and all there is."""
    x, index = node.input
    if index not in twin.data:
        _move(twin, node)
        return
    shape = twin.dims(x)
    rank = twin.ranks[x] if shape is None else len(shape)
    axis = attributes(node).get("axis", 0) % rank
    before, after = list(range(axis)), [axis + twin.ranks[index] + k for k in range(rank - axis - 1)]
    nowhere = twin.emit("Cast", [twin.filled(0.0, index)], to=int(onnx.TensorProto.INT64))
    parts = [twin.emit("Gather", [twin.filled(0.0, x), nowhere], axis=axis), with_axes(twin, index, [*before, *after])]
    if x in twin.data:
        whole = twin.reduce(x, range(rank))
        parts.append(twin.emit("Reshape", [whole, twin.constant(np.array([1], dtype=np.int64))]))
    twin.union(parts, node.output[0])


def _one_hot(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """A new axis, along which every element reads the index."""
    _only_first(twin, node)
    rank = twin.ranks[node.input[0]] + 1
    axis = attributes(node).get("axis", -1) % rank
    depth = twin.emit("Reshape", [node.input[1], twin.constant(np.array([1], dtype=np.int64))])
    sizes = [twin.constant(np.ones(n, dtype=np.int64)) for n in (axis, rank - axis - 1)]
    whole = twin.emit("Cast", [depth], to=int(onnx.TensorProto.INT64))
    shape = twin.emit("Concat", [sizes[0], whole, sizes[1]], axis=0)
    wide = twin.emit("Expand", [twin.constant(np.zeros((), np.float32)), shape])
    twin.union([with_axes(twin, node.input[0], [axis]), wide], node.output[0])


def _concat(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    parts = [name if name in twin.data else twin.filled(0.0, name) for name in node.input]
    twin.emit("Concat", parts, node.output[0], **attributes(node))
    if attributes(node)["axis"] == 1 and all(name in twin.data for name in node.input):
        twin.join(node.output[0], list(node.input))


def _scatter(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    target, index, updates = node.input
    if index in twin.data:
        raise UnsupportedError(f"check has no twin for {node.op_type}: its indices depend on the image")
    parts = [name if name in twin.data else twin.filled(0.0, name) for name in (target, updates)]
    twin.emit(node.op_type, [parts[0], index, parts[1]], node.output[0], **attributes(node))


def _sum(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _only_first(twin, node)
    twin.saturate(twin.emit(node.op_type, node.input, **attributes(node)), node.output[0])


def _reduce(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _only_first(twin, node)
    twin.emit("ReduceMax", node.input, node.output[0], **attributes(node))


def _arg_reduce(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    a = attributes(node)
    found = twin.reduce(node.input[0], [a.get("axis", 0)])
    if a.get("keepdims", 1):
        twin.emit("Identity", [found], node.output[0])
    elif twin.opset < 13:
        twin.emit("Squeeze", [found], node.output[0], axes=[a.get("axis", 0)])
    else:
        axes = twin.constant(np.array([a.get("axis", 0)], dtype=np.int64))
        twin.emit("Squeeze", [found, axes], node.output[0])


def _max_pool(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    pooled = twin.emit(node.op_type, node.input[:1], **attributes(node))
    for output in filter(None, node.output):
        twin.emit("Relu", [pooled], output)


def _conv(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _weigh(twin, node, node.input[0], node.input[1], transposed=False)


def _conv_transpose(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _weigh(twin, node, node.input[0], node.input[1], transposed=True)


def _quantised_conv(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _weigh(twin, node, node.input[0], node.input[3], transposed=False)


def _weigh(twin: GraphBuilder, node: onnx.NodeProto, x: str, weights: str, *, transposed: bool) -> None:
    """A convolution by ones; without groups, or where its channels are alike, they are one sum and its outputs too."""
    a, dims, output = attributes(node), twin.dims(weights), node.output[0]
    op = "ConvTranspose" if transposed else "Conv"
    groups = a.pop("group", 1)
    if dims is not None and weights not in twin.data and (groups == 1 or x in twin.alike):
        one = twin.clip(twin.emit(op, [twin.either(x), twin.filled(1.0, (1, 1, *dims[2:]))], **a))
        twin.thin(output, one, dims[1] * groups if transposed else dims[0])
        return
    parts = []
    if x in twin.data:
        parts.append(twin.clip(twin.emit(op, [x, twin.filled(1.0, weights)], group=groups, **a)))
    if weights in twin.data:
        if x not in twin.data:
            parts.append(twin.emit(op, [twin.filled(0.0, x), twin.filled(0.0, weights)], group=groups, **a))
        parts.append(twin.reduce(weights, range(twin.ranks[weights])))
    twin.union(parts, output)


def _gemm(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    a = attributes(node)
    dims = twin.dims(node.input[1])
    flags = {"transA": a.get("transA", 0), "transB": a.get("transB", 0)}
    parts = []
    for k, x in enumerate(node.input[:2]):
        if x not in twin.data:
            continue
        pair = [x, twin.filled(1.0, node.input[1])] if k == 0 else [twin.filled(1.0, node.input[0]), x]
        width = 1
        if k == 0 and dims is not None:
            inner, width = (dims[1], dims[0]) if flags["transB"] else dims
            pair[1] = twin.filled(1.0, (1, inner) if flags["transB"] else (inner, 1))
        y = twin.clip(twin.emit("Gemm", [*pair, twin.filled(0.0, (1,))], **flags))
        parts.append(twin.emit("Add", [y, twin.filled(0.0, (width,))]))
    parts += [name for name in node.input[2:] if name in twin.data]
    twin.union(parts, node.output[0])


def _matmul(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _product(twin, node, node.input[0], node.input[1])


def _quantised_matmul(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _product(twin, node, node.input[0], node.input[3])


def _product(twin: GraphBuilder, node: onnx.NodeProto, x: str, y: str) -> None:
    """The union of both operands' reads: each multiplied by ones in the other's shape."""
    dims, parts = twin.dims(y), []
    if x in twin.data and dims is not None and len(dims) == 2:
        one = twin.clip(twin.emit("MatMul", [x, twin.filled(1.0, (dims[0], 1))]))
        parts.append(twin.emit("Add", [one, twin.filled(0.0, (dims[1],))]))
    elif x in twin.data:
        parts.append(twin.clip(twin.emit("MatMul", [x, twin.filled(1.0, y)])))
    if y in twin.data:
        rows = twin.filled(1.0, x)
        hidden = zero(twin, x)
        if hidden is not None:
            rows = twin.emit("Mul", [rows, twin.opposite(hidden)])
        parts.append(twin.clip(twin.emit("MatMul", [rows, y])))
    twin.union(parts, node.output[0])


def _einsum(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    parts = []
    for k, name in enumerate(node.input):
        if name in twin.data:
            operands = [x if j == k else twin.filled(1.0, x) for j, x in enumerate(node.input)]
            parts.append(twin.saturate(twin.emit("Einsum", operands, **attributes(node))))
    twin.union(parts, node.output[0])


def _pad(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _only_first(twin, node)
    a = {name: value for name, value in attributes(node).items() if name != "value"}
    inputs = [name if k != 2 else "" for k, name in enumerate(node.input)]
    twin.emit("Pad", inputs, node.output[0], **a)


SPECIAL: dict[str, Rewrite] = {
    **MIXING,
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "GlobalLpPool", "LpPool"), _per_channel(_sum)),
    "ArgMax": _arg_reduce,
    "ArgMin": _arg_reduce,
    "Concat": _concat,
    "Conv": _conv,
    "ConvInteger": _conv,
    "ConvTranspose": _conv_transpose,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "Gather": _gather,
    "GlobalMaxPool": _per_channel(_move),
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "MaxPool": _per_channel(_max_pool),
    "OneHot": _one_hot,
    "Pad": _pad,
    "QLinearConv": _quantised_conv,
    "QLinearMatMul": _quantised_matmul,
    "ReduceMax": _move,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
}
