"""Functions of ``keras.ops`` that move elements without mixing them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.arrange import shaped
from striate.formats.keras.call import FIRST, LAST, Call, axis_of, integer, operation, reshaped
from striate.formats.keras.combine import joined
from striate.formats.steps import Step, step
from striate.network.operators import DepthToSpace, Pad, RepeatInterleave, Slice, SpaceToDepth, Transpose
from striate.network.relation import Shape


@operation("Reshape")
def reshape(call: Call) -> Step:
    """To a shape; -1 takes what is left, and a leading open size is the batch's."""
    wanted = call.get("newshape")
    if not isinstance(wanted, list):
        raise ModelError(f"newshape should be a list of integers, is {wanted!r}")
    row = [call.shape[0] if k == 0 and n is None else n for k, n in enumerate(wanted)]
    return reshaped(call.x, shaped(call.shape, row))


@operation("Transpose")
def transpose(call: Call) -> Step:
    """Axes in another order, reversed unless told."""
    axes = call.get("axes", list(range(call.rank))[::-1])
    order = tuple(axis_of("axes", axis, call.rank) for axis in axes)
    if sorted(order) != list(range(call.rank)):
        raise ModelError(f"axes {axes} are no order of {call.rank} axes")
    return step(Transpose(order), call.filed())


@operation("ExpandDims")
def expand_dims(call: Call) -> Step:
    """New axes of size 1."""
    found = call.get("axis")
    row = found if isinstance(found, list) else [found]
    rank = call.rank + len(row)
    new = {axis_of("axis", axis, rank) for axis in row}
    rest = iter(call.shape)
    return reshaped(call.x, tuple(1 if axis in new else next(rest, 1) for axis in range(rank)))


@operation("Squeeze")
def squeeze(call: Call) -> Step:
    """Axes of size 1 dropped: those named, else all."""
    gone = set(call.axes("axis")) if call.get("axis") is not None else {k for k, n in enumerate(call.shape) if n == 1}
    if any(call.shape[axis] != 1 for axis in gone):
        raise ModelError(f"cannot squeeze axes {sorted(gone)} of {call.shape}")
    return reshaped(call.x, tuple(n for axis, n in enumerate(call.shape) if axis not in gone))


@operation("Concatenate")
def concatenate(call: Call) -> Step:
    """One after the other along an axis."""
    return joined(list(call.inputs), call.get("axis", 0))


@operation("Stack")
def stack(call: Call) -> Step:
    """Tensors of one shape along a new axis."""
    shape = call.inputs[0].filed
    axis = axis_of("axis", call.get("axis", 0), len(shape) + 1)
    wide = (*shape[:axis], 1, *shape[axis:])
    return joined([reshaped(part, wide, f"part_{k}") for k, part in enumerate(call.inputs)], axis)


@operation("Split")
def split(call: Call) -> tuple[Step, ...]:
    """Parts of an axis: so many alike, or cut at some places."""
    axis, found = axis_of("axis", call.get("axis", 0), call.rank), call.get("indices_or_sections")
    n = call.shape[axis]
    if isinstance(found, list):
        cuts = [0, *(integer("a place", at, 0) for at in found), n]
    else:
        count = integer("indices_or_sections", found, 1)
        cuts = [n * k // count for k in range(count + 1)]
    if any(last <= first for first, last in pairwise(cuts)):
        raise ModelError(f"cannot split {n} elements at {found}")
    x = call.x
    place = x.order.index(axis)
    return tuple(step(Slice((place,), (first,), (last - first,), (1,)), x) for first, last in pairwise(cuts))


@operation("Pad")
def pad(call: Call) -> Step:
    """Zeros, or a constant, around axes."""
    if call.get("mode", "constant") != "constant":
        raise UnsupportedError(f"padding by {call.get('mode')} has no rule")
    found = call.get("pad_width")
    row = found if isinstance(found, list) else [found]
    pairs = [pair if isinstance(pair, list) else [pair, pair] for pair in row]
    pairs = pairs * call.rank if len(pairs) == 1 else pairs
    if len(pairs) != call.rank or any(len(pair) != 2 for pair in pairs):
        raise ModelError(f"pad_width {found} does not fit {call.rank} axes")
    pads = tuple((integer("a pad", before, 0), integer("a pad", after, 0)) for before, after in pairs)
    return step(Pad(tuple(pads[axis] for axis in call.x.order)), call.x)


@operation("Flip")
def flip(call: Call) -> Step:
    """Axes from end to start, all of them unless told."""
    axes = call.axes("axis") if call.get("axis") is not None else tuple(range(call.rank))
    places = call.places(axes)
    counts = tuple(call.x.shape[place] for place in places)
    return step(Slice(places, tuple(n - 1 for n in counts), counts, (-1,) * len(places)), call.x)


@operation("Repeat")
def repeat(call: Call) -> Step:
    """Every element of an axis some times in a row."""
    if call.get("axis") is None:
        raise UnsupportedError("repeating along no axis has no rule")
    place = call.x.order.index(axis_of("axis", call.get("axis"), call.rank))
    return step(RepeatInterleave(place, call.integer("repeats")), call.x)


@operation("DepthToSpace", "SpaceToDepth")
def blocks(call: Call) -> Step:
    """Channels as blocks of pixels or back; the place in a block stands before the channel."""
    if call.word("data_format", (LAST, FIRST), LAST) == FIRST:
        raise UnsupportedError("with channels_first Keras's backends differ: it has no rule")
    made = DepthToSpace if call.layer.kind == "DepthToSpace" else SpaceToDepth
    return step(made(call.integer("block_size"), True), call.image(2))


@operation("GetItem")
def get_item(call: Call) -> Step:
    """Python's slices and indices; a new axis for each None."""
    keys = call.args[1] if len(call.args) > 1 else call.kwargs.get("key")
    taken, shape = _taken(call.shape, keys if isinstance(keys, list) else [keys])
    x = call.x
    rows = [(k, taken[axis]) for k, axis in enumerate(x.order) if taken[axis] != range(call.shape[axis])]
    if any(not len(row) for _, row in rows):
        raise ModelError(f"nothing of {call.shape} is left")
    columns = [tuple(column) for column in zip(*((k, r.start, len(r), r.step) for k, r in rows), strict=True)]
    made = step(Slice(*(columns or [()] * 4)), x)
    if shape == tuple(map(len, taken)):
        return made
    return reshaped(step(made.op, x, word="taken"), shape)


def _taken(sizes: Shape, keys: Sequence[Any]) -> tuple[list[range], Shape]:
    """What of each axis is taken, and the shape with dropped axes out and new ones in."""
    count = sum(key is not None and key is not Ellipsis for key in keys)
    if count > len(sizes) or list(keys).count(Ellipsis) > 1:
        raise ModelError(f"{count} indices for {len(sizes)} axes")
    rest = [slice(None)] * (len(sizes) - count)
    at = list(keys).index(Ellipsis) if Ellipsis in keys else len(keys)
    taken: list[range] = []
    shape: list[int] = []
    for key in (*keys[:at], *rest, *keys[at + 1 :]):
        if key is None:
            shape.append(1)
            continue
        n = sizes[len(taken)]
        if isinstance(key, slice):
            taken.append(range(n)[key])
            shape.append(len(taken[-1]))
        elif isinstance(key, int) and not isinstance(key, bool) and -n <= key < n:
            taken.append(range(key % n, key % n + 1))
        else:
            raise UnsupportedError(f"the index {str(key)[:40]} of an axis of {n} has no rule")
    return taken, tuple(shape)
