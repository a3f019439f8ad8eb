"""Interior against border: which units see their whole field, and how much of a field is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from striate.fields.fields import AxisField, Fields
from striate.fields.tables import FieldTable
from striate.geometry import Interval
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class Borders:
    """How a layer meets the border of the image.

    ``interior`` holds, per spatial axis of the input, the units along the layer's axis, or the side of its tokens'
    grid, that follows it (one that stands for all where none does) whose true hull is their whole unclipped field,
    empty where no unit fits; ``centre`` and ``corner`` are the shares of the field of the middle and of the first
    unit that lie outside the image, None where a global operator or an irregular field leaves nothing to share.
    """

    interior: tuple[Interval, ...]
    centre: Fraction | None
    corner: Fraction | None


def borders(fields: Fields, layer: str) -> Borders:
    """Interior and padding shares of a layer."""
    axes, (placed, tables) = tuple(fields[layer].axes.values()), fields.hulls(layer)
    image = [fields.network.shapes[fields.source][axis] for axis in fields.spatial.values()]
    alongs = [None if axis.along is None else placed.counted(axis.axis, axis.along) for axis in axes]
    units = [_units(axis, along, placed.shape) for axis, along in zip(axes, alongs, strict=True)]
    interior = tuple(
        _interior(axis, table, along, n) if n else Interval(0, 0)
        for axis, table, along, n in zip(axes, tables, alongs, units, strict=False)
    )
    if not all(units):
        return Borders(interior, None, None)
    return Borders(
        interior, padding_share(axes, [n // 2 for n in units], image), padding_share(axes, [0] * len(units), image)
    )


def _units(axis: AxisField, along: int | None, shape: Shape) -> int:
    """How many units an axis tells apart; none where it has no rule."""
    if not axis.phases:
        return 0
    return 1 if along is None else shape[along]


def padding_share(axes: Sequence[AxisField], at: Sequence[int], image: Sequence[int]) -> Fraction:
    """The share of one unit's unclipped field that lies outside an image of the given sizes."""
    inside = Fraction(1)
    for axis, u, n in zip(axes, at, image, strict=True):
        seen = axis.unit(u)
        if not seen.empty:
            inside *= Fraction(seen.clip(Interval(0, n)).size, seen.size)
    return 1 - inside


def _interior(axis: AxisField, table: FieldTable, along: int | None, units: int) -> Interval:
    """The first unbroken run of units whose true hull is the unclipped one."""
    lo, hi = table.profile(along, units)
    seen = [axis.unit(u) for u in range(units)]
    start, stop = np.array([s.start for s in seen]), np.array([s.stop for s in seen])
    whole = np.flatnonzero((lo == start) & (hi == stop))
    if not whole.size:
        return Interval(0, 0)
    gaps = np.flatnonzero(np.diff(whole) > 1)
    return Interval(int(whole[0]), int(whole[gaps[0] if gaps.size else -1]) + 1)
