"""Every unit of a layer at once: from which line of the input to which each of them reads, axis by axis.

A twin whose lines are lit one at a time says of all units whether they read that line. So every phase of every
resize and stride on the way is met, also of those that repeat nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.check.report import Disagreement, Extent
from striate.fields import Fields
from striate.fields.pieces import FAR, finite
from striate.fields.unit import first_unit_axis

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Lines = Callable[[Bools], Sequence[Bools]]
Reads = Callable[[Bools], Bools]


def claimed_hulls(fields: Fields, layer: str, k: int) -> tuple[Ints, Ints]:
    """The first line and the one past the last that each unit reads along spatial axis ``k``; 0, 0 where none."""
    tensor = fields.network.tensor(layer)
    shape = fields.network.shapes[tensor]
    first = first_unit_axis(shape)
    low, high = np.full(shape[first:], FAR, dtype=np.int64), np.full(shape[first:], -1, dtype=np.int64)
    for piece in fields.clipped[tensor][k].flat:
        for dim in range(len(piece.dims)):
            piece = finite(piece, dim)
        none, others = piece.lo >= piece.hi, tuple(range(first))
        low = np.minimum(low, np.where(none, FAR, piece.lo).min(axis=others))
        high = np.maximum(high, np.where(none, -1, piece.hi).max(axis=others))
    return np.where(high < 0, 0, low), np.maximum(high, 0)


class ExtentPass:
    """The claimed hulls of all units of some layers along each axis, and what the twin has shown of them.

    ``bounds`` tells for each layer whether its claim is an upper bound.
    """

    def __init__(self, fields: Fields, layers: Sequence[str], bounds: Sequence[bool]) -> None:
        shape = fields.network.shapes[fields.source]
        self.sizes = {name: shape[axis] for name, axis in fields.spatial.items()}
        self._fields, self._layers, self._bounds = fields, layers, bounds

    def by_lines(self, lines: Lines, apart: int, tick: Callable[[], None]) -> list[Extent]:
        """Light every line of every axis, those that stand ``apart`` from one another together."""
        return [extent for k in range(len(self.sizes)) for extent in self._lit(k, lines, apart, tick)]

    def _lit(self, k: int, lines: Lines, apart: int, tick: Callable[[], None]) -> list[Extent]:
        name, n = list(self.sizes.items())[k]
        hulls = [claimed_hulls(self._fields, layer, k) for layer in self._layers]
        apart = min(apart, n)
        found: list[Disagreement | None] = [None] * len(hulls)
        shown = [(high - low < apart) | (apart == n) for low, high in hulls]
        for start in range(apart):
            image = np.zeros(tuple(self.sizes.values()), dtype=np.bool_)
            image[(*(slice(None),) * k, slice(start, None, apart))] = True
            for j, read in enumerate(lines(image)):
                dark, must = _expected(*hulls[j], start, apart, n)
                wrong = (read & dark) | (~read & must & (not self._bounds[j]))
                shown[j] &= ~wrong
                if wrong.any() and found[j] is None:
                    lit = f"line {start}" if apart == n else f"any of lines {start}, {start + apart}, ..."
                    found[j] = _disagreement(wrong, read, f"{lit} of {name}", *hulls[j])
            tick()
        how = f"{n} lines lit one by one" if apart == n else f"lines {apart} apart of {n} lit together"
        rows = zip(self._layers, shown, found, strict=True)
        return [self._extent(layer, k, int(ok.sum()), ok.size, how, first) for layer, ok, first in rows]

    def by_units(self, layer: str, reads: Reads, most: int, tick: Callable[[], None]) -> list[Extent]:
        """Ask for what several units of one layer read together, whose claims lie apart, at most so often an axis."""
        found = []
        bound = self._bounds[list(self._layers).index(layer)]
        for k, name in enumerate(self.sizes):
            low, high = claimed_hulls(self._fields, layer, k)
            packs = _packs(low, high)
            chosen = packs if len(packs) <= most else [packs[j * len(packs) // most] for j in range(most)]
            first, agreeing = None, 0
            for pack in chosen:
                read = reads(pack)
                seen = read.any(axis=tuple(axis for axis in range(read.ndim) if axis != k))
                wrong = _unlike(np.asarray(seen), low[pack], high[pack], bound)
                tick()
                if wrong is None:
                    agreeing += int(pack.sum())
                elif first is None:
                    at = tuple(int(i) for i in np.argwhere(pack)[wrong[0]])
                    first = Disagreement("extent", at, f"unit {at} {wrong[1]} of {name}, {_claim(low[at], high[at])}")
            how = "by gradients" if len(chosen) == len(packs) else f"by {len(chosen)} of {len(packs)} gradients"
            found.append(self._extent(layer, k, agreeing, low.size, how, first))
        return found

    def _extent(self, layer: str, k: int, agreeing: int, units: int, how: str, first: Disagreement | None) -> Extent:
        name, bound = list(self.sizes)[k], self._bounds[list(self._layers).index(layer)]
        first = first or stated_otherwise(self._fields, layer, k)
        return Extent(layer, name, self._fields[layer].axes[name].facts, agreeing, units, how, first, bound)


def _expected(low: Ints, high: Ints, start: int, apart: int, n: int) -> tuple[Bools, Bools]:
    """Which units must stay dark, and which must answer because a line at an end of theirs is lit."""
    following = start + np.maximum(0, -((start - low) // apart)) * apart
    dark = (following >= high) | (following >= n)
    ends = ((low - start) % apart == 0) | ((high - 1 - start) % apart == 0)
    return dark, ends & (low < high)


def _disagreement(wrong: Bools, read: Bools, lit: str, low: Ints, high: Ints) -> Disagreement:
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    verb = "reads" if read[at] else "does not read"
    return Disagreement("extent", at, f"unit {at} {verb} {lit}, {_claim(low[at], high[at])}")


def _claim(low: int, high: int) -> str:
    return f"[{low}, {high}) is claimed" if low < high else "nothing is claimed"


def _packs(low: Ints, high: Ints) -> list[Bools]:
    """All units, those that read anything in as few sets as keep their hulls a line apart."""
    hulls = np.stack([low.reshape(-1), high.reshape(-1)], axis=1)
    distinct, which = np.unique(hulls, axis=0, return_inverse=True)
    packs: list[tuple[int, list[int]]] = []
    for k, (start, stop) in enumerate(distinct.tolist()):
        place = next((j for j, (end, _) in enumerate(packs) if end < start), None)
        if place is None:
            packs.append((stop, [k]))
        else:
            packs[place] = (stop, [*packs[place][1], k])
    return [np.isin(which.reshape(low.shape), members) for _, members in packs]


def _unlike(seen: Bools, low: Ints, high: Ints, bound: bool) -> tuple[int, str] | None:
    """The first of some units whose hull differs from the lines seen, and how; None where all agree."""
    claimed = np.zeros_like(seen)
    for start, stop in {(int(a), int(b)) for a, b in zip(low, high, strict=True)}:
        claimed[start:stop] = True
    beyond = np.flatnonzero(seen & ~claimed)
    if len(beyond):
        line = int(beyond[0])
        return int(np.argmin(np.minimum(abs(low - line), abs(high - line)))), f"reads line {line}"
    ends = [(j, line) for j, (a, b) in enumerate(zip(low, high, strict=True)) if a < b for line in (int(a), int(b) - 1)]
    absent = next(((j, line) for j, line in ends if not seen[line]), None)
    return None if absent is None or bound else (absent[0], f"does not read line {absent[1]}")


def _whole_lines(low: Ints, high: Ints, axis: int) -> tuple[Ints, Ints]:
    """For each unit, the hull of all units that share its index along one axis."""
    others = tuple(k for k in range(low.ndim) if k != axis)
    none = low >= high
    lows = np.where(none, np.iinfo(np.int64).max, low).min(axis=others, keepdims=True)
    highs = np.where(none, -1, high).max(axis=others, keepdims=True)
    return np.broadcast_to(lows, low.shape), np.broadcast_to(highs, high.shape)


def stated_otherwise(fields: Fields, layer: str, k: int) -> Disagreement | None:
    """A unit whose hull is not the interval that the layer's field states for it; None where all agree.

    Of the units that are stated to see nothing but image, each reads no more than is stated, and one at least,
    which no border of a layer between cuts, reads just that.
    """
    name, n = list(fields.spatial)[k], fields.network.shapes[fields.source][list(fields.spatial.values())[k]]
    stated = fields[layer].axes[name]
    along = stated.along
    first = first_unit_axis(fields[layer].shape)
    if stated.status not in ("exact", "periodic") or (along is not None and along < first):
        return None
    low, high = claimed_hulls(fields, layer, k)
    index, placed = np.zeros(low.shape, dtype=np.int64), np.ones(low.shape, dtype=np.bool_)
    if along is not None:
        index = np.indices(low.shape)[along - first]
        low, high = _whole_lines(low, high, along - first)
    grid = fields.layer_axes(layer).grid
    if grid is not None and along == grid.axis:
        side = grid.names.index(name)
        placed = (index >= grid.first) & (index < grid.first + grid.count)
        index = np.where(placed, (index - grid.first) // grid.strides[side] % grid.sizes[side], 0)
    intervals = [stated.unit(u) for u in range(int(index.max()) + 1)]
    start, stop = (np.array([getattr(i, end) for i in intervals])[index] for end in ("start", "stop"))
    inside = placed & (start >= 0) & (stop <= n) & (start < stop)
    beyond = inside & (low < high) & ((low < start) | (high > stop))
    equal = inside & (low == start) & (high == stop)
    wrong = beyond if beyond.any() or equal.any() else inside
    if not wrong.any():
        return None
    places = np.argwhere(wrong)
    at = tuple(int(i) for i in places[len(places) // 2])
    detail = f"unit {at} is stated to see [{start[at]}, {stop[at]}) of {name}"
    return Disagreement("stated", at, f"{detail}, {_claim(int(low[at]), int(high[at]))} for the unit")
