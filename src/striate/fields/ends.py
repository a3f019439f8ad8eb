"""Pieces after an operator that reads an axis from end to end, and whether that ends their local fields."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from striate.fields.flat import isolated, resolved
from striate.fields.pieces import FAR, Dim, Piece, added, at, changed, finite, on_view, without
from striate.fields.sliding import through
from striate.fields.views import Digit, Place, leaves
from striate.geometry import AxisMap, Prefix


def all_of(piece: Piece, axis: int, m: AxisMap, ends: bool) -> Piece:
    """The piece after an operator that reads an axis from end to end, and whether that ``ends`` local fields."""
    piece = resolved(piece, axis)
    dims = _run_over(piece, axis)
    if ends:
        return _reduced(_presence(piece), axis, dims, m)
    if isinstance(m, Prefix) and dims:
        piece, _ = isolated(piece, axis)
        return through(piece, axis, m)
    return _tied(_reduced(piece, axis, dims, m), any(piece.dims[dim].grown for dim in dims))


def _run_over(piece: Piece, axis: int) -> list[int]:
    """The dimensions that a resolved axis runs over."""
    return [digit.root for digit in piece.view[axis].digits if isinstance(digit.root, int)]


def _tied(piece: Piece, grown: bool) -> Piece:
    """A piece after a mask's part of a grown axis was read: what still varies, varies with that axis."""
    if not grown:
        return piece
    dims = (
        d._replace(grown=d.grown or (d.size,)) if piece.lo.shape[dim] > 1 else d for dim, d in enumerate(piece.dims)
    )
    return Piece(piece.lo, piece.hi, tuple(dims), piece.view, piece.whole)


class Reading(NamedTuple):
    """How much one element reads that reads a grown axis of a local piece from end to end.

    ``among`` is what a literal piece, which may hold a mask, sees in all; None of one that is open.
    """

    most: int
    among: int | None

    def moved(self, low: int, high: int) -> Reading:
        """The same of a piece that begins ``low`` and ends ``high`` pixels further on."""
        return Reading(self.most + high - low, None if self.among is None else self.among + high - low)

    def ends(self, extent: int) -> bool:
        """Whether to read the axis is to read an input of ``extent`` from end to end.

        One element must read more than half: of the input, where a slice may have left some of it, or of what the
        literal piece sees in all.
        """
        return 2 * self.most > (extent if self.among is None else self.among)


def reading(piece: Piece, axis: int) -> Reading | None:
    """How much an element reads of an axis from end to end; None where no local field can end by that."""
    if piece.whole or not any(piece.dims[dim].grown for dim in leaves(piece.view[axis : axis + 1])):
        return None
    piece = resolved(piece, axis)
    dims = _run_over(piece, axis)
    grown = [dim for dim in dims if piece.dims[dim].grown]
    if not grown:
        return None
    opened = any(piece.dims[dim].open for dim in grown)
    for dim in dims:
        piece = _ends(piece, dim) if opened else finite(piece, dim)
    lo, hi = piece.lo.min(axis=tuple(dims)), piece.hi.max(axis=tuple(dims))
    return Reading(int((hi - lo).max()), None if opened else int(piece.hi.max() - piece.lo.min()))


def _ends(piece: Piece, dim: int) -> Piece:
    """The first and the last period of an open dimension, which hold its lowest and its highest values."""
    d, period = piece.dims[dim], piece.lo.shape[dim]
    if not d.open or piece.uniform(dim) or d.size <= 2 * period:
        return finite(piece, dim)
    places = np.concatenate([np.arange(period), np.arange(d.size - period, d.size)])
    return changed(piece, dim, Dim(2 * period), *at(piece, dim, places))


def _presence(piece: Piece) -> Piece:
    """Where a piece sees anything, as a whole piece."""
    seen = piece.lo < piece.hi
    lo = np.where(seen, 0, FAR).astype(np.int64)
    dims = tuple(Dim(d.size, d.open) for d in piece.dims)
    return Piece(lo, 1 - lo, dims, piece.view, True)


def _reduced(piece: Piece, axis: int, dims: list[int], m: AxisMap) -> Piece:
    """The union over some dimensions, which an axis runs over, as a new uniform one."""
    for dim in dims:
        piece = finite(piece, dim)
    lo, hi = piece.lo, piece.hi
    if dims:
        lo, hi = lo.min(axis=tuple(dims), keepdims=True), hi.max(axis=tuple(dims), keepdims=True)
    if len(dims) == 1 and piece.view[axis].full:
        piece = changed(piece, dims[0], Dim(m.out_size), lo, hi)
        return on_view(piece, axis, Place((Digit(dims[0], m.out_size),), m.out_size))
    piece = on_view(Piece(lo, hi, piece.dims, piece.view, piece.whole), axis, Place((), 1))
    for dim in sorted(dims, reverse=True):
        piece = without(piece, dim)
    return added(piece, axis, m.out_size)[0]
