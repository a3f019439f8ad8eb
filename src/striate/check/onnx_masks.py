"""What hides elements: those that a twin must not read although the operator takes them.

Hidden are: what a constant condition of Where does not choose; what stands beside a zero in a product, a truth value
that decides And or Or, or an addend below -1e30, which absorbs it; and what a softmax makes nothing of, because a
constant below -1e4 was added or chosen there. Zeros that are carried on, written by a pad or left between the units of
a transposed convolution hide what data they meet in a product, as constants do. Weights hide nothing: floats of more
than one element that the file states, and what is computed from them, are read whatever their values, unless they are
zeros and one other value. So is every operand of a convolution or a normalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, Rewrite, attributes

FLOAT = int(onnx.TensorProto.FLOAT)
VANISHING, ABSORBING = -1e4, -1e30
Marks = Callable[[GraphBuilder, str], "str | None"]
PRODUCTS = ("Mul", "And", "BitwiseAnd")
ODD = (
    "Abs Asin Asinh Atan Atanh Ceil Celu Elu Erf Floor Gelu HardSwish LeakyRelu Mish Mod Neg PRelu Relu Round Selu "
    "Shrink Sign Sin Sinh Softsign Sqrt Swish Tan Tanh ThresholdedRelu"
)
TOGETHER = ("Add", "Max", "Mean", "Min", "Sub", "Sum")
SUMMING = (
    "AveragePool Concat CumSum DepthToSpace Expand Flatten Gather GatherElements GatherND GlobalAveragePool "
    "GlobalLpPool GlobalMaxPool Identity LpPool MaxPool Pad ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin "
    "ReduceSum ReduceSumSquare Reshape Resize ReverseSequence Slice SpaceToDepth Split Squeeze Tile Transpose "
    "Trilu Unsqueeze Upsample"
)
MAKING = ("ConvTranspose", "CumSum", "Pad", "Trilu")
WRITING = ("Concat", "ScatterElements", "ScatterND")
MOVED = ("Expand", "Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze")


def learn(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Note the outputs of a node that no source value reaches, where they are computed from weights."""
    if node.op_type not in ("Shape", "Size") and any(name in twin.weights for name in node.input):
        twin.weights.update(node.output)


def hiding(twin: GraphBuilder, node: onnx.NodeProto, position: int) -> list[str]:
    """Where one operand of an elementwise operator is hidden: tensors of 0 and 1."""
    inputs, op = list(node.input), node.op_type
    if op == "Where":
        if position == 0 or inputs[0] in twin.data:
            return []
        chosen = twin.emit("Cast", [inputs[0]], to=FLOAT)
        return [twin.opposite(chosen) if position == 1 else chosen]
    found = []
    for k, name in enumerate(inputs):
        if k == position:
            continue
        if op in PRODUCTS or (op == "Div" and k == 0):
            found.append(zero(twin, name))
        elif name in twin.data:
            continue
        elif op == "Or":
            found.append(twin.emit("Cast", [name], to=FLOAT))
        elif op == "Add":
            found.append(_below(twin, name, ABSORBING))
    return [mask for mask in found if mask is not None]


def mark(twin: GraphBuilder, node: onnx.NodeProto, rule: Rewrite) -> None:
    """Note where the output of a node is zero, or vanishes in a softmax, whatever the source's values.

    Zeros are carried through sums by the operator's own ``rule``: an output that reads no other element is zero.
    """
    if _sums(twin, node):
        _carry(twin, node, rule)
    for known, of in ((twin.zeros, zero), (twin.lows, low)):
        found = _marked(twin, node, known, of)
        if found is not None:
            known[node.output[0]] = found


def _sums(twin: GraphBuilder, node: onnx.NodeProto) -> bool:
    """Whether zeros alone make a zero, and there are any."""
    op, a = node.op_type, attributes(node)
    if op in ("Conv", "ConvTranspose"):
        fits = len(node.input) < 3 or not node.input[2]
    elif op.startswith("Scatter"):
        fits = a.get("reduction", b"none") in (b"none", b"add")
    else:
        fits = op in SUMMING.split()
    return fits and (op in WRITING or _makes(twin, node) or any(name in twin.zeros for name in node.input))


def _makes(twin: GraphBuilder, node: onnx.NodeProto) -> bool:
    """Whether zeros may come out where none go in; of a convolution where its pads are wider than its windows."""
    if node.op_type != "Conv":
        return node.op_type in MAKING
    a, weight = attributes(node), twin.constants.get(node.input[1])
    kernel = a.get("kernel_shape") or (weight.dims[2:] if weight is not None else ())
    spans = [(n - 1) * d for n, d in zip(kernel, a.get("dilations") or [1] * len(kernel), strict=False)]
    return any(pad > span for pad, span in zip(a.get("pads") or (), spans * 2, strict=False))


def _carry(twin: GraphBuilder, node: onnx.NodeProto, rule: Rewrite) -> None:
    """Run the rule on 1 where an operand may differ from zero."""
    if node.op_type == "Pad":
        operands = [node.input[0]]
    elif node.op_type.startswith("Scatter"):
        operands = [node.input[0], node.input[2]]
    else:
        operands = list(node.input) if node.op_type == "Concat" else [n for n in node.input if n in twin.data]
    zeros = {name: zero(twin, name) for name in operands}
    if not _makes(twin, node) and not any(zeros.values()):
        return
    lit = _ruled(twin, node, rule, zeros)
    if node.op_type == "Pad" and not _pads_with_zeros(twin, node):
        inner = _ruled(twin, node, rule, dict.fromkeys(zeros))
        lit = [twin.union([lit[0], twin.opposite(inner[0])])]
    for output, name in zip(filter(None, node.output), lit, strict=True):
        twin.zeros[output] = twin.opposite(name)


def _ruled(twin: GraphBuilder, node: onnx.NodeProto, rule: Rewrite, zeros: Mapping[str, str | None]) -> list[str]:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for k, name in enumerate(node.input):
        if name in zeros:
            mask, fresh = zeros[name], twin.filled(1.0, name)
            copy.input[k] = fresh if mask is None else twin.emit("Sub", [fresh, mask])
            twin.data.add(copy.input[k])
    copy.name = ""
    copy.output[:] = [twin.fresh() if name else "" for name in node.output]
    for name, fresh in zip([*node.input, *node.output], [*copy.input, *copy.output], strict=True):
        rank = twin.rank(name)
        if rank is not None:
            twin.ranks[fresh] = rank
    rule(twin, copy)
    return [name for name in copy.output if name]


def _pads_with_zeros(twin: GraphBuilder, node: onnx.NodeProto) -> bool:
    if len(node.input) < 3 or not node.input[2]:
        return bool(attributes(node).get("value", 0.0) == 0)
    value = None if node.input[2] in twin.data else twin.value(node.input[2])
    return value is not None and not value.any()


def _keeps_zero(twin: GraphBuilder, node: onnx.NodeProto) -> bool:
    """Whether an elementwise function of its first operand leaves zero as it is."""
    if node.op_type != "Clip":
        return node.op_type in ODD.split() or node.op_type == "Div"
    a, bounds = attributes(node), []
    for k, key in ((1, "min"), (2, "max")):
        given = len(node.input) > k and node.input[k]
        bounds.append(twin.value(node.input[k]) if given else a.get(key, 0.0))
    low, high = bounds
    return low is not None and high is not None and bool(np.all(low <= 0)) and bool(np.all(high >= 0))


def _marked(twin: GraphBuilder, node: onnx.NodeProto, known: dict[str, str], of: Marks) -> str | None:
    x, op = node.input[0], node.op_type
    if op in ("Cast", "Dropout"):
        return known.get(x)
    if op in MOVED and of is low and x in known:
        whole = twin.union([known[x], twin.filled(0.0, x)])
        return twin.emit(op, [whole, *node.input[1:]], **attributes(node))
    if op == "Where":
        return _chosen(twin, node, of)
    if op == "Exp" and of is zero:
        return twin.lows.get(x)
    if (of is zero and _keeps_zero(twin, node)) or (op == "Sub" and of is low):
        return of(twin, x)
    if op in TOGETHER and of is zero:
        parts = [zero(twin, name) for name in node.input]
        return None if None in parts else _every(twin, [part for part in parts if part is not None])
    if op in (PRODUCTS if of is zero else ("Add",)):
        found = [mask for name in node.input if (mask := of(twin, name)) is not None]
        return twin.union(found) if found else None
    return None


def _every(twin: GraphBuilder, masks: Sequence[str]) -> str:
    found = masks[0]
    for mask in masks[1:]:
        found = twin.emit("Mul", [found, mask])
    return found


def _chosen(twin: GraphBuilder, node: onnx.NodeProto, of: Marks) -> str | None:
    """Where what a condition chooses is marked; where both sides are, if the condition is not known."""
    condition, *sides = node.input
    marks = [of(twin, name) for name in sides]
    if condition in twin.data:
        return None if None in marks else twin.emit("Mul", [mark for mark in marks if mark is not None])
    yes = twin.emit("Cast", [condition], to=FLOAT)
    parts = [
        twin.emit("Mul", [mark, yes if k == 0 else twin.opposite(yes)])
        for k, mark in enumerate(marks)
        if mark is not None
    ]
    return twin.union(parts) if parts else None


def zero(twin: GraphBuilder, name: str) -> str | None:
    """Where a tensor is zero whatever weights and source; None where nowhere."""
    if name in twin.data or name in twin.zeros:
        return twin.zeros.get(name)
    if name in twin.constants:
        value = twin.value(name)
        if value is None or value.dtype.kind not in "biuf" or value.size == 0 or value.all():
            return None
        rest = np.unique(value[value != 0])
        if name in twin.weights and rest.size != 1:
            return None
        return twin.constant((value == 0).astype(np.float32))
    number = twin.emit("Cast", [name], to=FLOAT)
    found = twin.opposite(twin.saturate(number))
    return twin.emit("Mul", [found, _two_valued(twin, number)]) if name in twin.weights else found


def _two_valued(twin: GraphBuilder, number: str) -> str:
    """1 where a tensor holds zeros and one other value, else 0."""
    high, low_ = (twin.emit(f"Reduce{end}", [number], keepdims=0) for end in ("Max", "Min"))
    other = twin.emit("Add", [high, low_])
    beyond = twin.emit("Mul", [number, twin.emit("Sub", [number, other])])
    unlike = twin.emit("ReduceMax", [twin.saturate(beyond)], keepdims=0)
    return twin.emit("Mul", [twin.opposite(unlike), twin.saturate(other)])


def low(twin: GraphBuilder, name: str) -> str | None:
    """Where a tensor vanishes in a softmax; None where nowhere."""
    return twin.lows.get(name) if name in twin.data else _below(twin, name, VANISHING)


def _below(twin: GraphBuilder, name: str, limit: float) -> str | None:
    if name in twin.constants:
        value = twin.value(name)
        if value is None or value.dtype.kind != "f" or not (value <= limit).any():
            return None
        return twin.constant((value <= limit).astype(np.float32))
    number = twin.emit("Cast", [name], to=FLOAT)
    below = twin.emit("Less", [number, twin.constant(np.array(limit * (1 - 1e-6), dtype=np.float32))])
    return twin.emit("Cast", [below], to=FLOAT)


def softened(twin: GraphBuilder, node: onnx.NodeProto, axes: list[int]) -> bool:
    """A softmax whose low elements weigh nothing, unless all of theirs are low; False where there are none."""
    x, output = node.input[0], node.output[0]
    mask = twin.lows.get(x)
    if mask is None or node.op_type == "Hardmax":
        return False
    wide = twin.union([mask, twin.filled(0.0, x)])
    every = twin.opposite(twin.reduce(twin.opposite(wide), axes))
    hidden = twin.emit("Mul", [wide, twin.opposite(every)])
    shown = twin.opposite(hidden)
    mixed = twin.reduce(twin.emit("Mul", [x, shown]), axes)
    twin.emit("Mul", [twin.union([x, mixed]), shown], output)
    if node.op_type == "Softmax":
        twin.zeros[output] = hidden
    return True
