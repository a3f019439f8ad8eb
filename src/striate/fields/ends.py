"""Pieces after an operator that reads an axis from end to end, and whether that ends their local fields."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from striate.fields.flat import isolated, resolved
from striate.fields.pieces import FAR, Dim, Piece, added, at, changed, finite, on_view, without
from striate.fields.sliding import through
from striate.fields.views import Digit, Place, leaves
from striate.geometry import AxisMap, Prefix


def all_of(pieces: tuple[Piece, ...], axis: int, m: AxisMap, ends: tuple[bool, ...]) -> Iterator[Piece]:
    """The pieces after an operator that reads an axis from end to end; ``ends`` says whose local fields end there."""
    for piece, end in zip(pieces, ends, strict=True):
        piece = resolved(piece, axis)
        dims = _run_over(piece, axis)
        if end:
            yield _reduced(_presence(piece), axis, dims, m)
        elif isinstance(m, Prefix) and dims:
            piece, _ = isolated(piece, axis)
            yield through(piece, axis, m)
        else:
            yield _tied(_reduced(piece, axis, dims, m), any(piece.dims[dim].grown for dim in dims))


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


def ending(pieces: tuple[Piece, ...], axis: int, extent: int) -> tuple[bool, ...]:
    """For each piece, whether to read an axis from end to end ends its local fields."""
    return tuple(_reads_all(piece, axis, extent) for piece in pieces)


def _reads_all(piece: Piece, axis: int, extent: int) -> bool:
    """Whether to read an axis of a local piece from end to end is to read the input from end to end.

    One element must read more than half: of the input, where a slice may have left some of it, and of what the piece
    sees in all, where it is literal and may hold a mask.
    """
    if piece.whole or not any(piece.dims[dim].grown for dim in leaves(piece.view[axis : axis + 1])):
        return False
    piece = resolved(piece, axis)
    dims = _run_over(piece, axis)
    grown = [dim for dim in dims if piece.dims[dim].grown]
    if not grown:
        return False
    opened = any(piece.dims[dim].open for dim in grown)
    for dim in dims:
        piece = _ends(piece, dim) if opened else finite(piece, dim)
    lo, hi = piece.lo.min(axis=tuple(dims)), piece.hi.max(axis=tuple(dims))
    return bool(2 * (hi - lo).max() > (extent if opened else piece.hi.max() - piece.lo.min()))


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
