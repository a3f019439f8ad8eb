"""A map along an axis of pieces that runs over one whole dimension."""

from __future__ import annotations

from math import gcd

import numpy as np

from striate.fields.pieces import FAR, Dim, Piece, at, changed, finite, narrowed, on_view
from striate.fields.spread import spread
from striate.fields.views import Digit, Place
from striate.geometry import AxisMap, TapMap


def through(piece: Piece, axis: int, m: AxisMap) -> Piece:
    """The piece after a map along an axis that runs over one whole dimension."""
    dim = piece.view[axis].digits[0].root
    assert isinstance(dim, int)
    d = piece.dims[dim]
    endless = d.open or (piece.whole and piece.uniform(dim))
    if isinstance(m, TapMap) and m.periodic and endless:
        piece = _slid(piece, dim, m)
    else:
        piece = finite(piece, dim)
        lo = spread(piece.lo, dim, m, np.minimum, FAR)
        hi = spread(piece.hi, dim, m, np.maximum, -FAR)
        piece = changed(piece, dim, Dim(m.out_size, grown=_still_grown(d, m)), lo, hi)
    return on_view(piece, axis, Place((Digit(dim, m.out_size),), m.out_size))


def _still_grown(d: Dim, m: AxisMap) -> tuple[int, ...]:
    """What grows a dimension after a map: nothing where the map picks some elements only."""
    if not d.grown or m.out_size == 0:
        return ()
    if isinstance(m, TapMap) and not m.periodic and m.out_size < d.size:
        return ()
    return d.grown if m.out_size == d.size else (m.out_size,)


def _slid(piece: Piece, dim: int, m: TapMap) -> Piece:
    """A periodic map along an open dimension: the period becomes the common one of piece and map."""
    d, period = piece.dims[dim], piece.lo.shape[dim]
    grown = d.grown if m.out_size == d.size else (m.out_size,) * bool(d.grown)
    if period == m.out_step == 1 and m.taps[0]:
        moves = [d.step * tap for tap in m.taps[0]]
        return changed(
            piece, dim, Dim(m.out_size, True, d.step * m.in_step, grown), piece.lo + min(moves), piece.hi + max(moves)
        )
    repeats = period // gcd(period, m.in_step)
    lo, hi = [], []
    for i in range(repeats * m.out_step):
        taps = np.array(m.virtual(i), dtype=np.int64)
        if taps.size:
            low, high = at(piece, dim, taps)
            lo.append(low.min(dim, keepdims=True))
            hi.append(high.max(dim, keepdims=True))
        else:
            lo.append(np.full_like(piece.lo.take([0], dim), FAR))
            hi.append(np.full_like(piece.hi.take([0], dim), -FAR))
    step = d.step * (repeats * m.in_step) // period
    new = Dim(m.out_size, True, step, grown)
    return narrowed(changed(piece, dim, new, np.concatenate(lo, dim), np.concatenate(hi, dim)), dim)
