"""How each ONNX operator becomes an OR over what it reads.

An operator outside these tables, on a path from the source to a layer asked for, is refused by name.
"""

from __future__ import annotations

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, Rewrite, attributes
from striate.check.onnx_mixing import MIXING
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
SUMS = (
    "AveragePool CumSum GlobalAveragePool GlobalLpPool LpPool ReduceL1 ReduceL2 ReduceMean ReduceSum "
    "ReduceSumSquare"
)
REDUCTIONS = "ReduceLogSum ReduceLogSumExp ReduceMin ReduceProd"


def rewrite(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Append the twin of one node; nodes that no source value reaches stay as they are."""
    data = [name for name in node.input if name in twin.data]
    if not data or node.op_type in ("Shape", "Size"):
        twin.nodes.append(node)
        return
    rule = _rule(node)
    if rule is None:
        raise UnsupportedError(f"check has no twin for {node.op_type} (node {node.name or node.output[0]!r})")
    rule(twin, node)
    twin.data.update(name for name in node.output if name)


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
        twin.emit("Identity", [first], output)


def _elementwise(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    parts = [name for name in node.input if name in twin.data]
    constants = [name for name in node.input if name not in twin.data and twin.dims(name) != ()]
    parts += [twin.filled(0.0, name) for name in constants]
    twin.union(parts, node.output[0])


def _move(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    _only_first(twin, node)
    twin.nodes.append(node)


def _concat(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    parts = [name if name in twin.data else twin.filled(0.0, name) for name in node.input]
    twin.emit("Concat", parts, node.output[0], **attributes(node))


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
    """A convolution by ones; without groups all output channels are one sum, computed once."""
    a, dims, output = attributes(node), twin.dims(weights), node.output[0]
    op = "ConvTranspose" if transposed else "Conv"
    parts = []
    if x in twin.data:
        if dims is not None and a.get("group", 1) == 1:
            kernel = (dims[0], 1, *dims[2:]) if transposed else (1, *dims[1:])
            one = twin.clip(twin.emit(op, [x, twin.filled(1.0, kernel)], **a))
            channels = (1, dims[1] if transposed else dims[0], *[1] * (len(dims) - 2))
            parts.append(twin.emit("Add", [one, twin.filled(0.0, channels)]))
        else:
            parts.append(twin.clip(twin.emit(op, [x, twin.filled(1.0, weights)], **a)))
    if weights in twin.data:
        rank = twin.ranks[weights]
        everything = twin.reduce(weights, range(rank))
        if x not in twin.data:
            shape = twin.emit(op, [twin.filled(0.0, x), twin.filled(0.0, weights)], **a)
            parts.append(shape)
        parts.append(everything)
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
        parts.append(twin.clip(twin.emit("MatMul", [twin.filled(1.0, x), y])))
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
    "ArgMax": _arg_reduce,
    "ArgMin": _arg_reduce,
    "Concat": _concat,
    "Conv": _conv,
    "ConvInteger": _conv,
    "ConvTranspose": _conv_transpose,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "GlobalMaxPool": _move,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "QLinearConv": _quantised_conv,
    "QLinearMatMul": _quantised_matmul,
    "ReduceMax": _move,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
}
