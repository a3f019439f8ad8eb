"""Operators whose outputs share the input's memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, axis_of, views
from striate.formats.torch.values import View
from striate.network.operators import Expand, Reduce, Reshape, Select, Slice, Sliding, Transpose
from striate.network.relation import Shape


def slice_view(axis: int, start: int, count: int, step: int = 1) -> View:
    """``count`` indices of an axis."""
    return View(Slice((axis,), (start,), (count,), (step,)))


@views("alias", "detach", "lift_fresh", "lift", "view_as", "_reshape_alias_copy", "_conj", "resolve_conj",
       "resolve_neg", "real", "expand_as", "to")
def same(call: Call) -> list[View]:
    """The same elements."""
    return [View()]


@views("view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "flatten", "unflatten")
def reshaped(call: Call) -> list[View]:
    """The same elements in row-major order."""
    before, after = call.value("self").shape, call.shape
    if before == after:
        return [View()]
    if prod(before) != prod(after):
        raise UnsupportedError("it reads elements as another type of another size")
    return [View(Reshape(after))]


@views("permute")
def permute(call: Call) -> list[View]:
    """Axes in another order."""
    return [View(Transpose(tuple(axis_of(d, len(call.shape)) for d in call["dims"])))]


@views("transpose", "t", "swapaxes", "swapdims")
def transpose(call: Call) -> list[View]:
    """Two axes exchanged."""
    rank = len(call.shape)
    order = list(range(rank))
    first, second = axis_of(call.get("dim0", 0), rank), axis_of(call.get("dim1", 1), rank)
    if rank > 1:
        order[first], order[second] = second, first
    return [View(Transpose(tuple(order)))]


@views("slice")
def cut(call: Call) -> list[View]:
    """``x[start:end:step]`` along one axis."""
    before = call.value("self").shape
    axis = axis_of(call["dim"], len(before))
    start, _, step = slice(call["start"], call["end"], call["step"]).indices(before[axis])
    if call.shape == before:
        return [View()]
    return [slice_view(axis, start, call.shape[axis], step)]


@views("select")
def select(call: Call) -> list[View]:
    """One index of an axis."""
    before = call.value("self").shape
    axis = axis_of(call["dim"], len(before))
    return [View(Select(axis, call["index"] % before[axis]))]


@views("unbind")
def unbind(call: Call) -> list[View]:
    """Every index of an axis."""
    axis = axis_of(call["dim"], len(call.value("self").shape))
    return [View(Select(axis, index)) for index in range(len(call.outputs))]


@views("split", "split_with_sizes", "chunk", "unsafe_split", "unsafe_chunk", "tensor_split")
def split(call: Call) -> list[View]:
    """Consecutive parts of an axis."""
    axis = axis_of(call["dim"], len(call.shape))
    sizes = [output.shape[axis] for output in call.outputs]
    return [slice_view(axis, start, size) for start, size in zip(accumulate(sizes, initial=0), sizes, strict=False)]


@views("expand", "broadcast_to")
def expand(call: Call) -> list[View]:
    """Broadcasting."""
    same_shape = call.value("self").shape == call.shape
    return [View() if same_shape else View(Expand(call.shape))]


@views("view_as_real")
def pairs(call: Call) -> list[View]:
    """Complex numbers as real and imaginary parts along a new last axis."""
    column = (*call.shape[:-1], 1)
    return [View(Expand(call.shape), (View(Reshape(column)), column))]


@views("view_as_complex")
def complex_numbers(call: Call) -> list[View]:
    """Real and imaginary parts along the last axis as complex numbers."""
    return [View(Reduce((len(call.shape),), False))]


@views("diagonal")
def diagonal(call: Call) -> list[View]:
    """The elements whose indices on two axes agree, along a new last axis."""
    before = call.value("self").shape
    first, second = (axis_of(call[name], len(before)) for name in ("dim1", "dim2"))
    if (first, second) != (len(before) - 2, len(before) - 1):
        raise UnsupportedError("a diagonal of axes that are not the last two")
    rows, columns = before[-2:]
    flat = (*before[:-2], rows * columns)
    row, column = max(-call["offset"], 0), max(call["offset"], 0)
    start = row * columns + column
    view = slice_view(len(before) - 2, start, call.shape[-1], columns + 1)
    return [View(view.op, (View(Reshape(flat)), flat))]


@views("unfold")
def sliding(call: Call) -> list[View]:
    """Windows of an axis as a new last axis."""
    axis = axis_of(call["dimension"], len(call.value("self").shape))
    return [View(Sliding(axis, call["size"], call["step"]))]


@views("as_strided")
def strided(call: Call) -> list[View]:
    """A strided view of the whole, where it keeps the elements' order."""
    before, (stride, offset) = call.value("self").shape, call["layout"]
    old, new = _steps(before, stride), _steps(call.shape, call["stride"])
    same_place = call.get("storage_offset") in (None, offset)
    dense = prod(before) == prod(call.shape) and old == _row_major(before) and new == _row_major(call.shape)
    if same_place and (old == new or dense):
        return reshaped(call)
    raise UnsupportedError("a strided view that does not keep the elements' order")


def _steps(shape: Shape, stride: Sequence[int]) -> list[tuple[int, int]]:
    """Size and stride of every axis with more than one element."""
    return [(n, step) for n, step in zip(shape, stride, strict=True) if n != 1]


def _row_major(shape: Shape) -> list[tuple[int, int]]:
    return _steps(shape, [prod(shape[axis + 1 :]) for axis in range(len(shape))])
