"""Literal pieces whose units follow one rule again: joined slices, gathers, masks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from striate.fields.pieces import FAR, Ints, Piece, changed
from striate.fields.views import Digit, Place

Bools = NDArray[np.bool_]

LONGEST, FEW = 64, 16


def reopened(piece: Piece, extent: int) -> Piece:
    """The piece with every literal dimension that is an axis of its own and follows a rule opened by it.

    A rule is taken from the units in the middle and must hold for all: a unit may see something else only where by
    the rule it would reach past the input's ``extent``, and nothing at either end where more than two periods lie
    between; at least half follow the rule.
    """
    for dim in closed(piece):
        d = piece.dims[dim]
        found = rule(np.moveaxis(piece.lo, dim, 0), np.moveaxis(piece.hi, dim, 0), extent)
        if found is not None:
            lo, hi, step = found
            opened = d._replace(open=True, step=step)
            piece = changed(piece, dim, opened, np.moveaxis(lo, 0, dim), np.moveaxis(hi, 0, dim))
    return piece


def closed(piece: Piece) -> list[int]:
    """The literal dimensions that are an axis of their own, grow with the input, and along which units differ."""
    return [
        dim
        for dim, d in enumerate(piece.dims)
        if d.grown and not d.open and piece.lo.shape[dim] > 1 and Place((Digit(dim, d.size),), d.size) in piece.view
    ]


def rule(lo: Ints, hi: Ints, extent: int | None) -> tuple[Ints, Ints, int] | None:
    """One period of ``lo`` and ``hi`` along their first axis, and the step; without ``extent`` no unit is excepted.

    Of the rules that hold, that with the fewest exceptions, of those the shortest.
    """
    best, fewest = None, lo.size + 1
    empty = lo >= hi
    ends = _ends(np.asarray(empty.reshape(len(lo), -1).all(axis=1)))
    for period in _likely(lo, hi, ends, extent):
        start = (len(lo) - 2 * period) // 2
        step = _step(lo, hi, empty, start, period)
        found = None if step is None else _holds(lo, hi, empty, ends, extent, start, period, step)
        if step is not None and found is not None and found[2] < fewest:
            best, fewest = (*found[:2], step), found[2]
            if not fewest:
                break
    return best


def _holds(
    lo: Ints, hi: Ints, empty: Bools, ends: Bools, extent: int | None, start: int, period: int, step: int
) -> tuple[Ints, Ints, int] | None:
    """One period of the rule of the two middle ones, and how many do not follow it; None where it does not hold."""
    turns, phases = np.divmod(np.arange(len(lo)) - start, period)
    shift = (turns * step).reshape([-1] + [1] * (lo.ndim - 1))
    low, high = lo[start + phases] + shift, hi[start + phases] + shift
    alike = ((low == lo) & (high == hi)) | (empty & (low >= high))
    if extent is not None:
        outer = int((~ends).sum()) > 2 * period
        excepted = (outer & ends.reshape(shift.shape)) | (low < 0) | (high > extent)
        if not (alike | excepted).all():
            return None
    elif not alike.all():
        return None
    followed = 2 * (alike & ~empty).sum() >= (~empty).sum()
    return (low[:period], high[:period], int((~alike).sum())) if extent is None or followed else None


def _likely(lo: Ints, hi: Ints, ends: Bools, extent: int | None) -> list[int]:
    """The periods, shortest first, by which one row of values moves on evenly in its middle and at a few units more."""
    n, longest = len(lo), min(len(lo) // 2, LONGEST)
    if not longest:
        return []
    lo, hi = lo.reshape(n, -1), hi.reshape(n, -1)
    middle = slice(n // 2 - longest, n // 2 + longest)
    column = int((lo[middle] < hi[middle]).any(0).argmax())
    lo, hi = lo[:, column], hi[:, column]
    low, high = lo[middle], hi[middle]
    seen = low < high
    first, second, inside = _pairs(longest)
    both, one = seen[first] & seen[second] & inside, (seen[first] != seen[second]) & inside
    moves = np.stack([values[second] - values[first] for values in (low, high)])
    most = np.where(both, moves, -4 * FAR).max((0, 2))
    alike = (np.where(both, moves, most[:, None]) == most[:, None]).all((0, 2))
    even = np.flatnonzero(alike & ~one.any(1) & both.any(1))
    found: list[int] = (even + 1)[_for_some(lo, hi, ends, extent, even + 1, most[even])].tolist()
    return found


def _for_some(lo: Ints, hi: Ints, ends: Bools, extent: int | None, periods: Ints, steps: Ints) -> Bools:
    """Of periods and the steps of each, which hold for a few units from the first to the last of one row."""
    units, starts = _some(len(lo)), (len(lo) // 2 - periods)[:, None]
    turns, phases = np.divmod(units - starts, periods[:, None])
    shift = turns * steps[:, None]
    low, high = lo[starts + phases] + shift, hi[starts + phases] + shift
    alike = ((low == lo[units]) & (high == hi[units])) | ((lo >= hi)[units] & (low >= high))
    if extent is None:
        return np.asarray(alike.all(1))
    outer = (int((~ends).sum()) > 2 * periods)[:, None]
    return np.asarray((alike | (outer & ends[units]) | (low < 0) | (high > extent)).all(1))


@lru_cache(maxsize=256)
def _some(n: int) -> Ints:
    """A few units from the first to the last."""
    return np.unique(np.linspace(0, n - 1, FEW).astype(np.int64))


@lru_cache(maxsize=LONGEST)
def _pairs(longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Bools]:
    """For each period, in the middle ``2 * longest`` units: those of its two middle turns, and which of them count."""
    periods, units = np.arange(1, longest + 1)[:, None], np.arange(longest)
    inside = units < periods
    first = np.where(inside, longest - periods + units, 0)
    return first, np.where(inside, first + periods, 0), inside


def _step(lo: Ints, hi: Ints, empty: Bools, start: int, period: int) -> int | None:
    """How far the two middle periods stand apart; None where they differ."""
    first, second = slice(start, start + period), slice(start + period, start + 2 * period)
    seen = ~empty[first]
    if (empty[first] != empty[second]).any() or not seen.any():
        return None
    moves = np.concatenate([(values[second] - values[first])[seen] for values in (lo, hi)])
    return int(moves[0]) if (moves == moves[0]).all() else None


def _ends(empty: Bools) -> Bools:
    """The empty units before the first and after the last that is not."""
    filled = np.flatnonzero(~empty)
    found = np.ones(len(empty), dtype=np.bool_)
    if filled.size:
        found[filled[0] : filled[-1] + 1] = False
    return found
