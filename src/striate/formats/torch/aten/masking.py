"""Operators that constants mask: behind a constant zero, a discarded branch or minus infinity nothing is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from striate.formats.torch.call import Call, axis_of, handles
from striate.formats.torch.fixed import (
    LOW,
    LOWEST,
    both,
    emit_kept,
    fitted,
    fix,
    fixed_of,
    is_lowest,
    is_zero,
    number_of,
    where,
)
from striate.formats.torch.values import Bools, Fixed, Value, View
from striate.formats.torch.zeros import lit_of
from striate.network.operators import Concat, Elementwise, Mask, Mix, Reshape
from striate.network.relation import Shape
from striate.network.zeros import narrow


def _data(call: Call, operands: Sequence[Any]) -> tuple[list[Value], list[Value]]:
    """The values among some operands: data, and constants."""
    values = [call.value_of(item) for item in operands if isinstance(item, Tensor)]
    return [v for v in values if not v.constant], [v for v in values if v.constant]


def _absorbed(call: Call, operands: Sequence[Any], found: Sequence[Fixed | None], fill: float, unknown: bool) -> None:
    """Elementwise, and the constant ``fill`` wherever one operand surely is what absorbs all others."""
    data, constants = _data(call, operands)
    known = [fixed.keep for fixed in found if fixed is not None and fixed.keep is not None]
    open_ = any(fixed is not None and fixed.keep is None for fixed in found)
    keep = narrow(both(known)) if known else None
    emit_kept(call, data, [keep] * len(data), constants, unknown and open_)
    if known or open_:
        fix(call, Fixed(None if open_ else keep, fill))


@handles("mul", "logical_and", "bitwise_and")
def multiply(call: Call) -> None:
    """A product: zero wherever one factor surely is."""
    operands = [call["self"], call["other"]]
    _absorbed(call, operands, [where(call, item, is_zero, 0.0) for item in operands], 0.0, True)
    if isinstance(operands[1], int | float) and operands[1] > 0:
        _scaled(call, fixed_of(call.value("self")))


@handles("div", "true_divide")
def divide(call: Call) -> None:
    """A quotient: zero wherever the numerator surely is."""
    operands = [call["self"], call["other"]]
    _absorbed(call, operands, [where(call, operands[0], is_zero, 0.0)], 0.0, True)
    if isinstance(operands[1], int | float) and operands[1] > 0:
        _scaled(call, fixed_of(call.value("self")))


def _scaled(call: Call, fixed: Fixed | None) -> None:
    """Minus infinity stays what it is under a positive factor."""
    if fixed is not None and is_lowest(fixed.fill):
        fix(call, Fixed(fixed.keep, -np.inf))


@handles("add", "sub")
def add(call: Call) -> None:
    """A sum: minus infinity wherever one term surely is."""
    operands = [call["self"], call["other"]]
    counted = operands if call.op == "add" and call.get("alpha", 1) > 0 else operands[:1]
    found = [_low(call, item) for item in counted]
    _absorbed(call, operands, found, -np.inf, False)


def _low(call: Call, item: Any) -> Fixed | None:
    """Where a term is minus infinity; not known where it is a number so low that a softmax may underflow."""
    found = where(call, item, is_lowest, -np.inf)
    if found is None and where(call, item, lambda x: x <= LOW, -np.inf) is not None:
        return Fixed(None, -np.inf)
    return found


@handles("where")
def choose(call: Call) -> None:
    """Elements of one tensor or the other; of both and the condition where data makes the condition."""
    _chosen(call, call["condition"], call["self"], call["other"])


@handles("masked_fill")
def masked_fill(call: Call) -> None:
    """Elements, or a number where a mask is true."""
    _chosen(call, call["mask"], call["value"], call["self"])


def _chosen(call: Call, condition: Tensor, first: Any, second: Any) -> None:
    constant = call.value_of(condition).constant
    found = call.known(condition) if constant else None
    keep = None if found is None else narrow((found != 0).numpy())
    sides = [(first, second, keep), (second, first, None if keep is None else ~keep)]
    data: list[Value] = [] if constant else [call.value_of(condition)]
    keeps: list[Bools | None] = [None] * len(data)
    for item, other, kept in sides:
        if isinstance(item, Tensor) and not call.value_of(item).constant and (kept is None or kept.any()):
            data.append(call.value_of(item))
            keeps.append(None if kept is None or kept.all() else kept)
            fill = number_of(call, other)
            if fill is not None and not (kept is not None and kept.all()):
                fix(call, Fixed(kept, fill))
    if data:
        _, constants = _data(call, [condition, first, second])
        emit_kept(call, data, keeps, constants, constant and found is None)
        _chosen_zeros(call, keep, first, second)


def _chosen_zeros(call: Call, keep: Bools | None, first: Any, second: Any) -> None:
    """Zero where what is chosen is, or where both are if nobody knows which is chosen."""
    known, sides = call.outputs[0].fixed, [lit_of(call, first), lit_of(call, second)]
    if known is not None and known.fill <= LOW:
        return
    one, other = (np.ones((), np.bool_) if side is None else side for side in sides)
    lit = one | other if keep is None else (keep & one) | (~keep & other)
    if not lit.all():
        fix(call, Fixed(narrow(lit), 0.0))
    elif any(side is None for side in sides):
        fix(call, Fixed(None, 0.0))


@handles("tril", "triu")
def triangle(call: Call) -> None:
    """The lower or upper triangle of the last two axes, and zeros."""
    x, rows, columns = call.value("self"), *call.shape[-2:]
    lower = np.tri(rows, columns, call["diagonal"] - (call.op == "triu"), dtype=np.bool_)
    keep = narrow(lower if call.op == "tril" else ~lower)
    emit_kept(call, [x], [None if keep.all() else keep], [], False)
    fixed = fixed_of(x)
    if fixed is not None and fixed.fill == 0:
        keep = keep & fixed.keep if fixed.keep is not None else keep
    fix(call, None if keep.all() else Fixed(keep, 0.0))


@handles("_to_copy", "clone", "contiguous", "lift_fresh_copy", "native_dropout", "dropout", "exp")
def carried(call: Call) -> None:
    """Every element from the one at its place; the exponential of minus infinity is a zero."""
    values = call.tensors()
    call.elementwise(values)
    if len(call.outputs) > 1:
        call.emit_rest(Elementwise(), [value for value in values if not value.constant])
    fixed = fixed_of(values[0])
    if fixed is not None and call.op == "exp":
        fix(call, Fixed(fixed.keep, 0.0) if is_lowest(fixed.fill) else None)
    elif fixed is not None and fixed.fill != 0:
        fix(call, fixed)


@handles("_unsafe_view", "view_copy", "_reshape_copy", "unsqueeze_copy", "squeeze_copy")
def reshape(call: Call) -> None:
    """The same elements in row-major order."""
    x = call.value("self")
    call.emit(Reshape(call.shape), [x])
    fixed = fixed_of(x)
    if fixed is not None and fixed.fill != 0:
        fix(call, fixed_of(x.take(View(Reshape(call.shape)), call.shape, x.item_bytes, 0, "")))


@handles("cat", "concat", "concatenate")
def cat(call: Call) -> None:
    """One after the other along an axis; empty tensors of rank 1 do not count."""
    parts = [call.value_of(t) for t in call["tensors"] if t.shape != (0,)]
    call.emit(Concat(axis_of(call["dim"], len(call.shape))), parts)
    known = [fixed_of(part) for part in parts if not part.constant]
    low = next((fixed for fixed in known if fixed is not None and fixed.fill != 0), None)
    fix(call, None if low is None else Fixed(None, low.fill))


@handles("_softmax", "_log_softmax", "softmax", "log_softmax", "_safe_softmax")
def softmax(call: Call) -> None:
    """An element and all along one axis; what is minus infinity takes no part and becomes a constant."""
    x = call.value("self")
    axes = (axis_of(call["dim"], len(x.shape)),) if x.shape else ()
    fixed = fixed_of(x)
    if fixed is None or fixed.fill > LOW:
        call.emit(Mix(axes), [x])
        return
    followed = fixed.keep is not None and fixed.fill <= LOWEST
    keep = fitted(_shared(fixed.keep, x.shape, axes), x.shape) if fixed.keep is not None and followed else None
    call.at_most = keep is None
    call.emit(Mix(axes, keep=None if keep is None else Mask.of(keep)), [x])
    fix(call, Fixed(fixed.keep if followed else None, -np.inf if "log" in call.op else 0.0))


def _shared(keep: Bools, shape: Shape, axes: tuple[int, ...]) -> Bools:
    """Of the places that take part, those that are not alone: what stands alone becomes one, whatever it is."""
    padded = keep.reshape((1,) * (len(shape) - keep.ndim) + keep.shape)
    spread = np.broadcast_to(padded, [n if k in axes else padded.shape[k] for k, n in enumerate(shape)])
    return np.asarray(np.logical_and(padded, spread.sum(axes, keepdims=True) != 1), np.bool_)
