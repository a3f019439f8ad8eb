"""Operators that copy elements to other places: concatenation, gathers, flips, repeats, writes at fixed places."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import torch
from torch import Tensor

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, axis_of, handles
from striate.formats.torch.fixed import emit_kept, fix, number_of
from striate.formats.torch.values import Fixed, Value
from striate.formats.torch.zeros import lit_of
from striate.network.operators import (
    Concat,
    Expand,
    Gather,
    Places,
    Reshape,
    Roll,
    Sample,
    Slice,
    Split,
    Tile,
    Transpose,
)
from striate.network.relation import Shape


@handles("stack")
def stack(call: Call) -> None:
    """One after the other along a new axis."""
    rank = len(call.shape)
    axis = axis_of(call["dim"], rank)
    values = [call.value_of(t) for t in call["tensors"]]
    shape = (*call.shape[:axis], 1, *call.shape[axis + 1 :])
    parts = [call.add(Reshape(shape), [call.graph.number(v)], shape) for v in values]
    call.emit(Concat(axis), parts, [value for value in values if value.constant])


@handles("flip")
def flip(call: Call) -> None:
    """Axes backwards."""
    x = call.value("self")
    axes = tuple(axis_of(d, len(x.shape)) for d in call["dims"])
    call.emit(_flipped(x.shape, axes), [x])


def _flipped(shape: Shape, axes: tuple[int, ...]) -> Slice:
    counts = tuple(shape[axis] for axis in axes)
    return Slice(axes, tuple(n - 1 for n in counts), counts, (-1,) * len(axes))


@handles("rot90")
def rot90(call: Call) -> None:
    """Quarter turns in the plane of two axes."""
    x = call.value("self")
    first, second = (axis_of(d, len(x.shape)) for d in call["dims"])
    turns = call["k"] % 4
    axes: tuple[tuple[int, ...], ...] = ((), (second,), (first, second), (first,))
    made = call.add(_flipped(x.shape, axes[turns]), [call.graph.number(x)], x.shape)
    order = list(range(len(x.shape)))
    if turns % 2:
        order[first], order[second] = second, first
    call.emit(Transpose(tuple(order)), [made])


@handles("roll")
def roll(call: Call) -> None:
    """A circular shift; without axes, of the flattened tensor."""
    x, shifts = call.value("self"), tuple(call["shifts"])
    if call["dims"]:
        axes = tuple(axis_of(d, len(x.shape)) for d in call["dims"])
        call.emit(Roll(axes, shifts), [x])
        return
    flat = (prod(x.shape),)
    made = call.add(Reshape(flat), [call.graph.number(x)], flat)
    made = call.add(Roll((0,), shifts), [made], flat)
    call.emit(Reshape(call.shape), [made])


@handles("repeat", "tile")
def repeat(call: Call) -> None:
    """The tensor repeated along each axis."""
    call.emit(Tile(tuple(call["repeats"])), [call.value("self")])


def _by_data(call: Call, indices: Iterable[Tensor | None]) -> bool:
    """Where data makes the indices: everything is seen, and the node says so."""
    if all(item is None or call.value_of(item).constant for item in indices):
        return False
    call.at_most = True
    call.emit(Sample((call.shape,)), [value for value in call.tensors() if not value.constant])
    return True


@handles("scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy", "index_fill")
def scatter(call: Call) -> None:
    """Writes at places that data gives."""
    if not _by_data(call, [call["index"]]):
        raise UnsupportedError("it writes at fixed places")


@handles("index_select")
def index_select(call: Call) -> None:
    """Fixed indices of an axis."""
    if _by_data(call, [call["index"]]):
        return
    _gather(call, call.value("self"), axis_of(call["dim"], len(call.shape)), call.integers(call["index"]))


def _gather(call: Call, x: Value, axis: int, indices: Tensor) -> None:
    call.emit(Gather(axis, Places.of(indices.numpy())), [x])


@handles("index", "_unsafe_index")
def index(call: Call) -> None:
    """Fixed indices of neighbouring axes."""
    if _by_data(call, call["indices"]):
        return
    x = call.value("self")
    first, indices = _indices(call)
    merged, flat = _ravel(x.shape, first, indices)
    number = call.graph.number(x)
    if merged != x.shape:
        number = call.add(Reshape(merged), [number], merged)
    call.emit(Gather(first, Places.of(flat.numpy())), [number])


def _indices(call: Call) -> tuple[int, list[Tensor]]:
    """The first indexed axis, and the indices of it and its neighbours; masks become indices."""
    found: list[Tensor | None] = []
    for item in call["indices"]:
        if item is None:
            found.append(None)
            continue
        known = call.integers(item)
        found += list(known.nonzero().unbind(1)) if known.dtype in (torch.bool, torch.uint8) else [known]
    places = [k for k, item in enumerate(found) if item is not None]
    if places != list(range(places[0], places[-1] + 1)):
        raise UnsupportedError("its indexed axes are not neighbours")
    indices = [item for item in found if item is not None]
    like = sum(torch.zeros_like(item) for item in indices)
    return places[0], [item + like for item in indices]


def _ravel(shape: Shape, first: int, indices: list[Tensor]) -> tuple[Shape, Tensor]:
    """The shape with the indexed axes merged into one, and the indices along it."""
    sizes = shape[first : first + len(indices)]
    flat = torch.zeros_like(indices[0])
    for n, places in zip(sizes, indices, strict=True):
        flat = flat * n + places % n
    return (*shape[:first], prod(sizes), *shape[first + len(indices) :]), flat


@handles("gather", "take_along_dim")
def gather(call: Call) -> None:
    """Fixed indices along an axis that may differ at every place."""
    if _by_data(call, [call["index"]]):
        return
    x = call.value("self")
    axis = axis_of(call["dim"], len(x.shape))
    known = call.integers(call["index"])
    places = list(torch.meshgrid(*[torch.arange(n) for n in known.shape], indexing="ij"))
    places[axis] = known
    merged, flat = _ravel(x.shape, 0, places)
    number = call.add(Reshape(merged), [call.graph.number(x)], merged)
    call.emit(Gather(0, Places.of(flat.numpy())), [number])


@handles("index_put", "_unsafe_index_put", "_index_put_impl")
def index_put(call: Call) -> None:
    """New elements at fixed indices of neighbouring axes."""
    fill = number_of(call, call["values"])
    if _by_data(call, call["indices"]):
        fix(call, None if fill is None else Fixed(None, fill))
        return
    if call["accumulate"]:
        raise UnsupportedError("it adds at indices")
    x, values = call.value("self"), call.value("values")
    first, indices = _indices(call)
    merged, flat = _ravel(x.shape, first, indices)
    if values.constant:
        keep = np.ones(merged[first], np.bool_)
        keep[flat.flatten().tolist()] = False
        sizes = x.shape[first : first + len(indices)]
        keep = keep.reshape((1,) * first + sizes + (1,) * (len(x.shape) - first - len(sizes)))
        emit_kept(call, [x], [keep], [values], False)
        fix(call, None if fill is None else Fixed(keep, fill))
        return
    region = (*merged[:first], flat.numel(), *merged[first + 1 :])
    spread = (*merged[:first], *flat.shape, *merged[first + 1 :])
    number = call.add(Expand(spread), [call.graph.number(values)], spread)
    number = call.add(Reshape(region), [number], region)
    whole = Value(merged, x.item_bytes, None, x.parameters)
    below = lit_of(call, call["self"]) if x.constant else None
    whole.fixed = None if below is None or below.any() else Fixed(np.zeros((1,) * len(merged), np.bool_), 0.0)
    old = call.graph.read(x)
    whole.source = None if old is None else call.add(Reshape(merged), [old], merged)
    made = call.graph.replace(whole, number, first, flat.flatten().tolist())
    call.emit(Reshape(call.shape), [made])


@handles("slice_scatter", "select_scatter")
def scatter_part(call: Call) -> None:
    """A copy with one slice of an axis exchanged."""
    x, source = call.value("self"), call.value("src")
    axis, number = axis_of(call["dim"], len(x.shape)), call.graph.number(source)
    if call.op == "select_scatter":
        start = call["index"] % x.shape[axis]
        shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        number = call.add(Reshape(shape), [number], shape)
        places = range(start, start + 1)
    else:
        places = range(*slice(call["start"], call["end"], call["step"]).indices(x.shape[axis]))
    made = call.graph.replace(x, number, axis, places)
    call.emit(Reshape(call.shape), [made])


@handles("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "split_copy", "split_with_sizes_copy")
def split(call: Call) -> None:
    """Consecutive parts of an axis, copied."""
    axis = axis_of(call["dim"], len(call.shape))
    call.emit_all(Split(axis, tuple(output.shape[axis] for output in call.outputs)), [call.value("self")])


@handles("repeat_interleave")
def repeat_interleave(call: Call) -> None:
    """Every element some times in a row."""
    raise UnsupportedError("its repeats depend on data")
