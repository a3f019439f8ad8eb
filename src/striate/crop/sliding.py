"""The rules of operators that slide a window over an image, lay out its border, or place it on another grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, prod

from striate.crop.moves import moved
from striate.crop.narrow import Rule, Shapes, only_first, whole
from striate.crop.part import Part, UncroppableError, put, some, trim
from striate.crop.windows import Held, scattered, slid
from striate.geometry import Border, Box, Coordinates, Interval, Window
from striate.network.operators import (
    AdaptivePool,
    Conv,
    ConvTranspose,
    Fold,
    Operator,
    Pad,
    Pool,
    Reshape,
    Resize,
    Stft,
)
from striate.network.relation import reshape


def _conv(op: Conv, shapes: Shapes, output: int, box: Box) -> Part:
    sides = [slid(w, n, units, op.border) for w, n, units in zip(op.windows(), shapes[0][2:], box[2:], strict=True)]
    channels = Interval(0, op.out_channels)
    return _windowed(replace(op, padding=_pads(sides)), shapes, Box([box[0], channels]), sides)


def _conv_transpose(op: ConvTranspose, shapes: Shapes, output: int, box: Box) -> Part:
    rows = zip(op.windows(), shapes[0][2:], box[2:], op.output_padding, strict=True)
    sides = [scattered(*row) for row in rows]
    extra = tuple(side.output_padding for side in sides)
    own = replace(op, padding=_pads(sides), output_padding=extra)
    return _windowed(own, shapes, Box([box[0], Interval(0, op.out_channels)]), sides)


def _pool(op: Pool, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "the indices of maxima")
    first = len(box) - len(op.kernel)
    windows, sizes, units = op.windows(op.ceil), shapes[0][first:], box[first:]
    sides = [slid(w, n, u) for w, n, u in zip(windows, sizes, units, strict=True)]
    counts = tuple(side.made.size for side in sides)
    stated = op.count or any(side.count is not None for side in sides)
    ceil = any(side.window.ceil for side in sides)
    if not stated and ceil:
        own = (replace(side.window, ceil=True).output_size(side.held.size) for side in sides)
        stated = any(made != n for made, n in zip(counts, own, strict=True))
    pooled = replace(op, padding=_pads(sides), ceil=ceil, count=counts if stated else (), outputs=1)
    part = _windowed(pooled, shapes, Box(box[:first]), sides)
    spread = tuple((0, first + k) for k, (w, n) in enumerate(zip(windows, sizes, strict=True)) if 1 < w.size == n)
    return replace(part, spread=spread)


def _pads(sides: Sequence[Held]) -> tuple[tuple[int, int], ...]:
    return tuple((side.window.pad_before, side.window.pad_after) for side in sides)


def _windowed(op: Operator, shapes: Shapes, leading: Box, sides: Sequence[Held]) -> Part:
    """An operator that slides along the trailing axes; of axis 1 a convolution reads all."""
    channels = [Interval(0, shapes[0][1])] if isinstance(op, Conv | ConvTranspose) else leading[1:]
    read = Box([*leading[:1], *channels, *(side.held for side in sides)])
    return Part((read, *map(whole, shapes[1:])), (op,), Box([*leading, *(side.made for side in sides)]))


def _adaptive_pool(op: AdaptivePool, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "the indices of maxima")
    first = len(box) - len(op.size)
    read, made, spread = box, box, []
    for axis, count in enumerate(op.size, start=first):
        n, units = shapes[0][axis], box[axis]
        times = gcd(n, count)
        pixels, period = n // times, count // times
        turns = Interval(units.start // period, (units.stop - 1) // period + 1)
        read = put(read, axis, Interval(turns.start * pixels, turns.stop * pixels))
        made = put(made, axis, Interval(turns.start * period, turns.stop * period))
        if count == 1:
            spread.append((0, axis))
    own = replace(op, size=made.shape[first:], outputs=1)
    return Part((read,), (own,), made, tuple(spread))


def _resize(op: Resize, shapes: Shapes, output: int, box: Box) -> Part:
    x = shapes[0]
    if op.coordinates is Coordinates.TF_CROP_AND_RESIZE:
        raise UncroppableError("a resize of a crop leaves out what lies outside the whole")
    maps = op.maps(x)
    read = Box([some(maps[axis].needs(side)) if axis in maps else side for axis, side in enumerate(box)])
    rows = list(zip(op.axes, op.size, op.places(x), strict=True))
    at = tuple((slope, origin + slope * box[axis].start - read[axis].start) for axis, _, (slope, origin) in rows)
    picks = op.picks and tuple(
        tuple(None if pick is None else pick - read[axis].start for pick in row[box[axis].start : box[axis].stop])
        for axis, row in zip(op.axes, op.picks, strict=True)
    )
    own = replace(
        op,
        size=tuple(box[axis].size for axis in op.axes),
        scale=op.scale or tuple(Fraction(count, x[axis]) for axis, count, _ in rows),
        at=at,
        picks=picks,
    )
    return Part((read, *[None] * (len(shapes) - 1)), (own,), box)


def _pad(op: Pad, shapes: Shapes, output: int, box: Box) -> Part:
    x = shapes[0]
    sides = []
    for n, (before, after), units in zip(x, op.pads, box, strict=False):
        if op.border is Border.CIRCULAR and min(before, after) < 0:
            raise UncroppableError("a circular pad that crops as well is not followed")
        sides.append(slid(Window(1, 1, 1, before, after), n, units, op.border))
    rest = box[len(sides) :]
    own = replace(op, pads=_pads(sides))
    return Part((Box([*(side.held for side in sides), *rest]),), (own,), Box([*(s.made for s in sides), *rest]))


def _stft(op: Stft, shapes: Shapes, output: int, box: Box) -> Part:
    x, made = shapes[0], Box([*box[:2], Interval(0, op.bins), Interval(0, 2)])
    frames = Window(op.length, op.step).needs(box[1])
    return Part((Box([box[0], frames, *whole(x[2:])]), *[None] * (len(shapes) - 1)), (op,), made)


def _fold(op: Fold, shapes: Shapes, output: int, box: Box) -> Part:
    x, sides = shapes[0], []
    for window, n, units in zip(op.windows(), op.size, box[2:], strict=True):
        count = window.output_size(n)
        end = (count - 1) * window.stride - window.pad_before + window.extent
        sides.append((count, scattered(replace(window, pad_after=0), count, units, max(n - end, 0))))
    opened = (*x[:2], *(count for count, _ in sides))
    held = Box([box[0], Interval(0, x[1]), *(side.held for _, side in sides)])
    part = moved(reshape(x, opened), x, held)
    size = box.shape[2:]
    folded = replace(op, size=size, padding=_pads([side for _, side in sides]))
    closed = Reshape((*held.shape[:2], prod(held.shape[2:])))
    made = Box([box[0], Interval(0, x[1] // prod(op.kernel)), *box[2:]])
    return Part(part.reads, (*part.steps, *trim(part.made, held), closed, folded), made)


SLIDING: Mapping[type[Operator], Rule] = {
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Pool: _pool,
    AdaptivePool: _adaptive_pool,
    Resize: _resize,
    Pad: _pad,
    Stft: _stft,
    Fold: _fold,
}
