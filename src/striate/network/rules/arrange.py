"""Operators that move elements without mixing them: reshape, transpose, slice, concat, gather, tile."""

from __future__ import annotations

from itertools import accumulate

from striate.geometry import Border, TapMap, expand_map, gather_map, slice_map
from striate.network.relation import (
    ELEMENTWISE,
    NOTHING,
    Along,
    Merge,
    Permute,
    Shape,
    Split,
    Step,
    broadcast,
    everything,
    masked,
    part,
    permute,
    reshape,
    select,
)
from striate.network.rules.base import Attributes, Output, Result, one, rule, through


@rule("reshape")
def reshape_rule(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """A row-major reshape (flatten, squeeze, view). Attributes: shape."""
    return through(reshape(shapes[0], tuple(a["shape"])), shapes)


@rule("transpose")
def transpose(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Axes in another order. Attributes: order."""
    return through(permute(tuple(a["order"])), shapes)


@rule("expand")
def expand(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Broadcasting to ``shape``."""
    return through(broadcast(shapes[0], tuple(a["shape"])), shapes)


@rule("slice")
def slice_rule(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """``x[start::step]`` along some axes. Attributes: axes, starts, counts, steps (negative flips)."""
    steps = tuple(
        Along(axis, slice_map(shapes[0][axis], start, count, step))
        for axis, start, count, step in zip(a["axes"], a["starts"], a["counts"], a["steps"], strict=True)
        if (start, count, step) != (0, shapes[0][axis], 1)
    )
    return through(steps, shapes)


@rule("select")
def select_rule(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """One index of an axis, the axis dropped. Attributes: axis, index."""
    return through(select(shapes[0], a["axis"], a["index"]), shapes)


@rule("gather")
def gather(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Fixed indices along an axis. Attributes: axis, indices (flat), shape (of the indices; the axis becomes it)."""
    axis = a["axis"]
    relation: tuple[Step, ...] = (Along(axis, gather_map(shapes[0][axis], tuple(a["indices"]))),)
    flat = (*shapes[0][:axis], len(a["indices"]), *shapes[0][axis + 1 :])
    after = (*shapes[0][:axis], *a["shape"], *shapes[0][axis + 1 :])
    return through(relation + reshape(flat, after), shapes)


@rule("concat")
def concat(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Inputs one after the other along ``axis``."""
    axis = a["axis"]
    offsets = list(accumulate((s[axis] for s in shapes), initial=0))
    total = offsets.pop()
    shape = (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
    return one(shape, *((part(s, axis, at, total),) for s, at in zip(shapes, offsets, strict=True)))


@rule("split")
def split(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Consecutive parts of an axis, one output each. Attributes: axis, sizes."""
    x, axis, outputs = shapes[0], a["axis"], []
    for start, size in zip(accumulate(a["sizes"], initial=0), a["sizes"], strict=False):
        relation = (Along(axis, slice_map(x[axis], start, size)),)
        shape = (*x[:axis], size, *x[axis + 1 :])
        outputs.append(Output(shape, ((relation,), *[NOTHING] * (len(shapes) - 1))))
    return Result(tuple(outputs))


@rule("unbind")
def unbind(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Every index of an axis as an output of its own, the axis dropped. Attributes: axis."""
    x, axis = shapes[0], a["axis"]
    shape = (*x[:axis], *x[axis + 1 :])
    return Result(tuple(Output(shape, ((select(x, axis, k),),)) for k in range(x[axis])))


@rule("scatter")
def scatter(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """The first input with some elements overwritten or added to; where the further inputs land is not followed."""
    x = shapes[0]
    return one(x, ELEMENTWISE, *((everything(s, x),) for s in shapes[1:]))


@rule("mask")
def mask(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Elements kept where a constant says so, and constant elsewhere.

    Attributes: keep (booleans, of the input's rank, broadcast to it).
    """
    return through(masked(shapes[0], a["keep"]), shapes)


@rule("tile")
def tile(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """The tensor repeated along each axis. Attributes: repeats, one per axis (leading axes may be new)."""
    x, repeats = shapes[0], tuple(a["repeats"])
    wide = (1,) * (len(repeats) - len(x)) + x
    steps: list[Step] = list(reshape(x, wide))
    for axis, (n, r) in enumerate(zip(wide, repeats, strict=True)):
        if r != 1:
            whole = expand_map(r) if n == 1 else TapMap(n, n * r, 1, ((0,),), Border.CIRCULAR)
            steps.append(Along(axis, whole))
    return through(tuple(steps), shapes)


@rule("repeat_interleave")
def repeat_interleave(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Every element ``repeats`` times in a row. Attributes: axis, repeats."""
    n, r = shapes[0][a["axis"]], a["repeats"]
    return through((Along(a["axis"], TapMap(n, n * r, 1, ((0,),) * r)),), shapes)


@rule("roll")
def roll(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """A circular shift. Attributes: axes, shifts (positive moves towards higher indices)."""
    steps = tuple(
        Along(axis, TapMap(shapes[0][axis], shapes[0][axis], 1, ((-shift,),), Border.CIRCULAR))
        for axis, shift in zip(a["axes"], a["shifts"], strict=True)
        if shift % shapes[0][axis]
    )
    return through(steps, shapes)


@rule("channel_shuffle")
def channel_shuffle(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Channels of axis 1 dealt out over ``groups``."""
    groups, channels = a["groups"], shapes[0][1]
    inner = channels // groups
    order = (0, 2, 1, *range(3, len(shapes[0]) + 1))
    return through((Split(1, groups, inner, inner), Permute(order), Merge(1)), shapes)
