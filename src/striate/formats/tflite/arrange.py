"""TFLite operators that move elements: reshape, transpose, slice, concatenation, gather, constants."""

from __future__ import annotations

from math import prod
from typing import Any

from striate.errors import ModelError, UnsupportedError
from striate.formats.steps import Part, Step, as_stored, step
from striate.formats.tflite.call import Call, activated, operator
from striate.network.operators import (
    Concat,
    Constant,
    Everything,
    Expand,
    Gather,
    Places,
    Reshape,
    Slice,
    Split,
    Tile,
    Transpose,
    Unbind,
    broadcast_shape,
)
from striate.network.relation import Shape


def _reshaped(call: Call, shape: Shape) -> Step:
    return step(Reshape(shape), call.filed(0), order=as_stored(len(shape)))


@operator("RESHAPE")
def reshape(call: Call) -> Step:
    """To a shape that is a constant input or else an option; -1 takes what is left."""
    shape = call.ints(1) if call.has(1) else tuple(map(int, _listed(call.settings("ReshapeOptions").NewShapeAsNumpy())))
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or known <= 0 or prod(call.x) % known:
            raise ModelError(f"cannot reshape {call.x} to {shape}")
        shape = tuple(prod(call.x) // known if n == -1 else n for n in shape)
    if prod(shape) != prod(call.x) or any(n < 1 for n in shape):
        raise ModelError(f"cannot reshape {call.x} of {prod(call.x)} elements to {shape} of {prod(shape)}")
    return _reshaped(call, shape)


def _listed(found: Any) -> list[int]:
    """A vector of integers; the schema's accessors give 0 where there is none."""
    return [] if isinstance(found, int) else list(found)


@operator("SQUEEZE")
def squeeze(call: Call) -> Step:
    """Axes of size 1 dropped: those named, else all."""
    named = {call.axis(int(axis)) for axis in _listed(call.settings("SqueezeOptions").SqueezeDimsAsNumpy())}
    gone = named or {axis for axis, n in enumerate(call.x) if n == 1}
    if any(call.x[axis] != 1 for axis in gone):
        raise ModelError(f"cannot squeeze axes {sorted(gone)} of {call.x}")
    return _reshaped(call, tuple(n for axis, n in enumerate(call.x) if axis not in gone))


@operator("EXPAND_DIMS")
def expand_dims(call: Call) -> Step:
    """A new axis of size 1."""
    axis = call.axis(call.integer(1), call.rank + 1)
    return _reshaped(call, (*call.x[:axis], 1, *call.x[axis:]))


@operator("TRANSPOSE")
def transpose(call: Call) -> Step:
    """Axes in another order."""
    order = tuple(axis % max(call.rank, 1) for axis in call.ints(1))
    if sorted(order) != list(range(call.rank)):
        raise ModelError(f"perm {call.ints(1)} is no order of {call.rank} axes")
    return step(Transpose(order), call.filed(0))


@operator("CONCATENATION")
def concatenation(call: Call) -> Step:
    """Every input, constants too, has its place."""
    options = call.settings("ConcatenationOptions")
    axis, parts = call.axis(int(options.Axis())), call.common(*range(len(call.inputs)))
    return activated(step(Concat(parts[0].order.index(axis)), *parts), options.FusedActivationFunction())


@operator("PACK")
def pack(call: Call) -> Step:
    """Inputs of one shape along a new axis."""
    axis = call.axis(int(call.settings("PackOptions").Axis()), call.rank + 1)
    wide = (*call.x[:axis], 1, *call.x[axis:])
    order = as_stored(len(wide))
    parts: list[Part] = [
        step(Reshape(wide), call.filed(k), order=order, word=f"part_{k}", source="RESHAPE")
        for k in range(len(call.inputs))
    ]
    return step(Concat(axis), *parts)


@operator("UNPACK")
def unpack(call: Call) -> Step:
    """Every index of an axis as an output."""
    axis = call.axis(int(call.settings("UnpackOptions").Axis()))
    if call.x[axis] != len(call.declared):
        raise ModelError(
            f"axis {axis} of {call.x} makes {call.x[axis]} outputs, the operation has {len(call.declared)}"
        )
    return step(Unbind(axis), call.filed(0), order=as_stored(call.rank - 1))


def _parted(call: Call, position: int, axis: int, sizes: Shape) -> Step:
    x, n = call.tensor(position), call.shape(position)[axis]
    if sum(sizes) != n or min(sizes, default=0) < 1 or len(sizes) != len(call.declared):
        raise ModelError(f"cannot split {n} elements into {len(call.declared)} parts of {sizes}")
    return step(Split(x.order.index(axis), sizes), x)


@operator("SPLIT")
def split(call: Call) -> Step:
    """Equal parts of an axis."""
    shape, count = call.shape(1), len(call.declared)
    axis = call.axis(call.integer(0), len(shape))
    return _parted(call, 1, axis, (shape[axis] // max(count, 1),) * count)


@operator("SPLIT_V")
def split_v(call: Call) -> Step:
    """Parts of sizes given; -1 takes what is left."""
    axis, sizes = call.axis(call.integer(2)), call.ints(1)
    rest = call.x[axis] - sum(n for n in sizes if n != -1)
    return _parted(call, 0, axis, tuple(rest if n == -1 else n for n in sizes))


def _cut(x: Part, sizes: Shape, taken: list[range]) -> Step:
    """Some elements of every axis of the file, of which there are ``sizes``."""
    rows = [(k, taken[axis]) for k, axis in enumerate(x.order) if taken[axis] != range(sizes[axis])]
    if any(not len(row) for _, row in rows):
        raise ModelError(f"nothing of {sizes} is left")
    columns = [tuple(column) for column in zip(*((k, r.start, len(r), r.step) for k, r in rows), strict=True)]
    return step(Slice(*(columns or [()] * 4)), x)


@operator("SLICE")
def slice_(call: Call) -> Step:
    """From a place on, so many elements; -1 takes all that follow."""
    starts, sizes = call.ints(1), call.ints(2)
    if not len(starts) == len(sizes) == call.rank:
        raise ModelError(f"starts {starts} and sizes {sizes} do not name the {call.rank} axes of {call.x}")
    taken = []
    for n, start, size in zip(call.x, starts, sizes, strict=True):
        stop = n if size == -1 else start + size
        if not 0 <= start <= stop <= n:
            raise ModelError(f"starts {starts} and sizes {sizes} lie outside {call.x}")
        taken.append(range(start, stop))
    return _cut(call.tensor(0), call.x, taken)


@operator("STRIDED_SLICE")
def strided_slice(call: Call) -> Step:
    """Python's slices, with an ellipsis, new axes and axes that an index drops, each told by a bit."""
    taken, shape = strided(call)
    if shape == tuple(map(len, taken)):
        return _cut(call.tensor(0), call.x, taken)
    return step(Reshape(shape), _cut(call.filed(0), call.x, taken), order=as_stored(len(shape)), word="axes")


def strided(call: Call) -> tuple[list[range], Shape]:
    """What a strided slice takes of each axis, and the shape with new axes in and dropped ones out."""
    options, columns = call.settings("StridedSliceOptions"), [call.ints(k) for k in (1, 2, 3)]
    if len({len(column) for column in columns}) > 1 or 0 in columns[2]:
        raise ModelError(
            f"starts {columns[0]}, ends {columns[1]} and steps {columns[2]}: as many of each, no step of 0"
        )
    masks = [
        int(mask)
        for mask in (options.BeginMask(), options.EndMask(), options.EllipsisMask(), options.NewAxisMask(),
                     options.ShrinkAxisMask())
    ]  # fmt: skip
    told = [[bool(mask >> k & 1) for mask in masks] for k in range(len(columns[0]))]
    named = sum(not ellipsis and not new for _, _, ellipsis, new, _ in told)
    if named > call.rank or sum(row[2] for row in told) > 1:
        raise ModelError(f"{named} slices for the {call.rank} axes of {call.x}")
    taken: list[range] = []
    shape: list[int] = []
    for start, stop, stride, (opens, ends, ellipsis, new, drops) in zip(*columns, told, strict=True):
        if ellipsis:
            whole = [range(n) for n in call.x[len(taken) : len(taken) + call.rank - named]]
            taken += whole
            shape += map(len, whole)
        elif new:
            shape.append(1)
        else:
            n = call.x[len(taken)]
            taken.append(_row(n, None if opens else start, None if ends else _end(options, start, stop), stride, drops))
            shape += [] if drops else [len(taken[-1])]
    rest = [range(n) for n in call.x[len(taken) :]]
    return taken + rest, (*shape, *map(len, rest))


def _end(options: Any, start: int, stop: int) -> int:
    return start + stop if options.Offset() else stop


def _row(n: int, start: int | None, stop: int | None, stride: int, drops: bool) -> range:
    """The elements of one axis; an index that drops the axis takes one."""
    if not drops:
        return range(n)[slice(start, stop, stride)]
    at = 0 if start is None else start
    if not -n <= at < n:
        raise ModelError(f"index {at} lies outside an axis of {n}")
    return range(at % n, at % n + 1)


@operator("TILE")
def tile(call: Call) -> Step:
    """Repeats of each axis."""
    repeats, x = call.ints(1), call.tensor(0)
    if len(repeats) != call.rank or min(repeats, default=1) < 1:
        raise ModelError(f"repeats {repeats} do not name the {call.rank} axes of {call.x}")
    return step(Tile(tuple(repeats[axis] for axis in x.order)), x)


@operator("BROADCAST_TO")
def broadcast_to(call: Call) -> Step:
    """Axes of size 1 made longer."""
    shape = broadcast_shape((call.x, call.ints(1)))
    return step(Expand(shape), call.filed(0), order=as_stored(len(shape)))


@operator("REVERSE_V2")
def reverse(call: Call) -> Step:
    """Axes from the end to the start."""
    axes = {call.axis(axis) for axis in call.ints(1)}
    taken = [range(n - 1, -1, -1) if axis in axes else range(n) for axis, n in enumerate(call.x)]
    return _cut(call.tensor(0), call.x, taken)


@operator("GATHER")
def gather(call: Call) -> Step:
    """Fixed indices are a map; indices that data makes may read everything."""
    options = call.settings("GatherOptions")
    if options.BatchDims():
        raise UnsupportedError("batch_dims have no rule")
    axis = call.axis(int(options.Axis()))
    shape = (*call.x[:axis], *call.shape(1), *call.x[axis + 1 :])
    if call.tensor(1).data or call.tensor(1).value is None:
        return step(Everything((shape,)), call.filed(0), *call.alive(1), order=as_stored(len(shape)), at_most=True)
    return step(Gather(axis, Places.of(call.value(1))), call.filed(0), order=as_stored(len(shape)))


@operator("FILL")
def fill(call: Call) -> Step:
    """One value everywhere, which data may make."""
    if not call.tensor(1).data:
        return constant(call)
    shape = call.sizes(call.ints(0))
    return step(Expand(shape), call.filed(1), order=as_stored(len(shape)))


@operator("SHAPE", "RANK", "ZEROS_LIKE", "RANGE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL")
def constant(call: Call) -> Step:
    """What depends on no element of an input."""
    shape = call.x if call.op == "ZEROS_LIKE" else call.declared[0]
    if call.op in ("FILL", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"):
        shape = call.ints(0)
    return Step(Constant(shape), (), as_stored(len(shape)), (shape,), "constant")


@operator("WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def sized_by_data(call: Call) -> Step:
    """No shape can be given before the data is seen."""
    raise UnsupportedError("how many elements come out depends on data")
