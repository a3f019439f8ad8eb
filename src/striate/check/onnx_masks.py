"""Constants that hide elements: what a twin must not read although the operator takes it.

Hidden are: what a constant condition of Where does not choose; what stands beside a zero in a product, a truth value
that decides And or Or, or an addend below -1e30, which absorbs it; and what a softmax makes nothing of, because a
constant below -1e4 was added or chosen there, together with what those zeros are then multiplied with. Weights hide
nothing: floats of more than one element that the file states, and what is computed from them, are read whatever
their values, unless they are zeros and one other value. So is every operand of a convolution or a normalisation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from striate.check.onnx_graph import GraphBuilder, attributes

FLOAT = int(onnx.TensorProto.FLOAT)
VANISHING, ABSORBING = -1e4, -1e30
Marks = Callable[[GraphBuilder, str], "str | None"]
ODD = ["Abs", "Ceil", "Erf", "Floor", "Gelu", "LeakyRelu", "Neg", "PRelu", "Relu", "Round", "Sign", "Sqrt", "Tanh"]
MOVED = frozenset(
    (
        "Cast",
        "Dropout",
        "Expand",
        "Flatten",
        "Identity",
        "Reshape",
        "Slice",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    )
)


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
        if k == position or name in twin.data:
            continue
        if op in ("Mul", "And", "BitwiseAnd") or (op == "Div" and k == 0):
            found.append(zero(twin, name))
        elif op == "Or":
            found.append(twin.emit("Cast", [name], to=FLOAT))
        elif op == "Add":
            found.append(_below(twin, name, ABSORBING))
    return [mask for mask in found if mask is not None]


def mark(twin: GraphBuilder, node: onnx.NodeProto) -> None:
    """Note where the output of a node is zero, or vanishes in a softmax, whatever the source's values."""
    for known, of in ((twin.zeros, zero), (twin.lows, low)):
        found = _marked(twin, node, known, of)
        if found is not None:
            known[node.output[0]] = found


def _marked(twin: GraphBuilder, node: onnx.NodeProto, known: dict[str, str], of: Marks) -> str | None:
    x, op = node.input[0], node.op_type
    if op in MOVED and x in known:
        rest = {} if op == "Cast" else attributes(node)
        if op in ("Cast", "Dropout"):
            return known[x]
        whole = twin.union([known[x], twin.filled(0.0, x)])
        return twin.emit(op, [whole, *node.input[1:]], **rest)
    if op == "Where":
        return _chosen(twin, node, of)
    if op == "Exp" and of is zero:
        return twin.lows.get(x)
    if ((op in ODD or op == "Div") and of is zero) or (op == "Sub" and of is low):
        return of(twin, x)
    if op in (("Mul", "And", "BitwiseAnd") if of is zero else ("Add",)):
        found = [mask for name in node.input if (mask := of(twin, name)) is not None]
        return twin.union(found) if found else None
    return None


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
