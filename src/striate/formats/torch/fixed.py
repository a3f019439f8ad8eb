"""What masks leave of data: which elements of an operand are surely zero, or minus infinity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from torch import Tensor

from striate.formats.torch.call import Call
from striate.formats.torch.values import Bools, Fixed, Value, View
from striate.network.operators import Expand, Mask, Masked, Reshape, Select, Slice, Transpose
from striate.network.relation import Shape, factors
from striate.network.zeros import narrow

LOWEST = -1e30
LOW = -1e3
LARGEST_MASK = 1 << 16

Test = Callable[[Any], Any]


def is_zero(x: Any) -> Any:
    """Where a tensor, or whether a number, is zero."""
    return x == 0


def is_lowest(x: Any) -> Any:
    """Where it is minus infinity, or so near that no score reaches it."""
    return x <= LOWEST


def fixed_of(value: Value) -> Fixed | None:
    """What is known of a value now."""
    if value.fixed is not None and value.fixed_at == value.root.version:
        return value.fixed
    if value.parent is None:
        return None
    above = fixed_of(value.parent)
    if above is None or above.keep is None:
        return above
    keep = viewed(above.keep, value.view, value.parent.shape, value.shape)
    return Fixed(keep, above.fill)


def fix(call: Call, fixed: Fixed | None) -> None:
    """Let the first output of a call have elements that are constant."""
    call.outputs[0].fixed = fixed


def where(call: Call, item: Any, test: Test, fill: float) -> Fixed | None:
    """Which elements of an argument surely pass a test, whatever is learned; None where none do."""
    if isinstance(item, Tensor):
        value = call.value_of(item)
        if not value.constant or value.parameters:
            fixed = fixed_of(value)
            return fixed if fixed is not None and test(fixed.fill) else None
        everywhere = fixed_of(value)
        if everywhere is not None:
            return everywhere if test(everywhere.fill) else None
        found = call.known(item)
        if found is None:
            return Fixed(None, fill)
        if found.is_complex():
            return None
        keep = ~test(found).numpy()
        return None if keep.all() else Fixed(narrow(keep), fill)
    return Fixed(np.zeros((), np.bool_), fill) if isinstance(item, int | float) and test(item) else None


def number_of(call: Call, item: Any) -> float | None:
    """The number that a constant holds everywhere; None where it does not, or is learned."""
    if not isinstance(item, Tensor):
        return float(item)
    value = call.value_of(item)
    found = call.known(item) if value.constant and not value.parameters else None
    if found is None or not found.numel() or found.is_complex() or not bool((found == found.flatten()[0]).all()):
        return None
    return float(found.flatten()[0])


def masked_weights(call: Call) -> Fixed | None:
    """Which elements of a product of constants are zero whatever is learned."""
    found = [where(call, item, is_zero, 0.0) for item in (call["self"], call["other"])]
    known = [fixed.keep for fixed in found if fixed is not None and fixed.keep is not None]
    return Fixed(narrow(both(known)), 0.0) if known else next((fixed for fixed in found if fixed is not None), None)


def both(keeps: Iterable[Bools]) -> Bools:
    """The places that every mask keeps."""
    return reduce(np.logical_and, keeps)


def emit_kept(
    call: Call, values: Sequence[Value], keeps: Sequence[Bools | None], constants: Sequence[Value], unknown: bool
) -> None:
    """The first output elementwise from data, of each value only where its mask keeps it.

    ``unknown`` says that there may be masks that nobody knows; masks too large to follow count as such.
    """
    masks = [None if keep is None else _kept(keep, call.shape) for keep in keeps]
    call.at_most = unknown or any(mask is None and keep is not None for mask, keep in zip(masks, keeps, strict=True))
    numbers = []
    for value, mask in zip(values, masks, strict=True):
        number = call.graph.number(value)
        if mask is not None and value.shape != call.shape:
            number = call.add(Expand(call.shape), [number], call.shape)
        if mask is not None and len(values) > 1:
            number = call.add(Masked(Mask.of(mask)), [number], call.shape)
        numbers.append(number)
    if len(values) == 1 and masks[0] is not None:
        call.emit(Masked(Mask.of(masks[0])), numbers, constants)
    else:
        call.elementwise_of(numbers, [value.shape for value in values], constants)


def fitted(keep: Bools, shape: Shape) -> Bools | None:
    """A mask for a tensor of a shape, of its rank; None where it has too many elements to follow."""
    padded = keep.reshape((1,) * (len(shape) - keep.ndim) + keep.shape)
    return padded if padded.size <= LARGEST_MASK else None


def _kept(keep: Bools, shape: Shape) -> Bools | None:
    """As ``fitted``, for elements one by one: of any size where each axis keeps or hides by itself."""
    padded = keep.reshape((1,) * (len(shape) - keep.ndim) + keep.shape)
    return padded if padded.size <= LARGEST_MASK or factors(padded) is not None else None


def viewed(keep: Bools, view: View, before: Shape, after: Shape) -> Bools | None:
    """The places after a view."""
    if view.unseen:
        return None
    keep = keep.reshape((1,) * (len(before) - keep.ndim) + keep.shape)
    match view.op:
        case None | Expand():
            return keep
        case Transpose(order):
            return keep.transpose(order)
        case Reshape():
            return narrow(np.broadcast_to(keep, before).reshape(after))
        case Select(axis, index):
            return np.asarray(keep[(slice(None),) * axis + (index if keep.shape[axis] > 1 else 0,)])
        case Slice(axes, starts, counts, steps):
            for axis, start, count, step in zip(axes, starts, counts, steps, strict=True):
                if keep.shape[axis] > 1:
                    keep = keep.take([start + k * step for k in range(count)], axis)
            return keep
    return None
