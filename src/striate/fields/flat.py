"""Pieces whose axes run over dimensions of their own: one axis alone, or all."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

import numpy as np

from striate.fields.pieces import (
    FAR,
    Dim,
    Ints,
    Piece,
    added,
    at,
    finite,
    narrowed,
    on_view,
    viewed,
    without,
)
from striate.fields.sliding import through
from striate.fields.views import Digit, Place, digits_of, leaves, renamed, replaced
from striate.geometry import part_map
from striate.network.relation import Split


def resolved(piece: Piece, axis: int) -> Piece:
    """The piece with an axis that runs over whole dimensions only."""
    while True:
        for digit in piece.view[axis].digits:
            if isinstance(digit.root, tuple):
                piece = _one_root(piece, digit.root)
                break
            if digit.size != piece.dims[digit.root].size:
                piece = _parted(piece, digit.root)
                break
        else:
            return piece


def _one_root(piece: Piece, root: tuple[Digit, ...]) -> Piece:
    """The digits of ``root`` written out as one dimension."""
    extra = len(piece.view)
    mark = -extra
    size = prod(digit.size for digit in root)
    parts = {digit: Digit(mark, digit.size, digit.stride) for digit in digits_of(piece.view, root)}
    view = [p._replace(digits=replaced(p.digits, root, parts)) for p in piece.view]
    piece, dim = isolated(viewed(piece, (*view, Place(root, size))), extra)
    back = {digit: Digit(dim, digit.size, digit.stride) for digit in parts.values()}
    return viewed(piece, (p._replace(digits=replaced(p.digits, mark, back)) for p in piece.view[:extra]))


def _parted(piece: Piece, dim: int) -> Piece:
    """A dimension split into the digits that the view names of it."""
    digits = digits_of(piece.view, dim)
    new, rest = {}, dim
    for digit in digits[:-1]:
        inner = digit.stride
        piece = split_dim(piece, rest, Split(0, piece.dims[rest].size // inner, inner, inner))
        new[digit], rest = Digit(rest, digit.size), len(piece.dims) - 1
    new[digits[-1]] = Digit(rest, digits[-1].size)
    return viewed(piece, (p._replace(digits=replaced(p.digits, dim, new)) for p in piece.view))


def split_dim(piece: Piece, dim: int, s: Split) -> Piece:
    """A dimension split in two: the outer one stands in its place, the inner one last; the view is not touched."""
    d, values, period = piece.dims[dim], (piece.lo, piece.hi), piece.lo.shape[dim]
    step, reshaped = 0, (s.stride, s.dilation, s.offset, s.outer * s.inner) == (s.inner, 1, 0, d.size)
    if piece.uniform(dim) and (d.open or reshaped or _all_inside(s, d.size)):
        lo, hi = (v[..., None] for v in values)
    elif d.open:
        repeats = period // gcd(period, s.stride)
        if reshaped and repeats * s.inner == period:
            found = values
        else:
            places = np.arange(repeats)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset
            found = at(piece, dim, places.ravel())
        lo, hi = (_apart(v, dim, (repeats, s.inner)) for v in found)
        step = d.step * repeats * s.stride // period
    elif reshaped and period == d.size:
        lo, hi = (_apart(v, dim, (s.outer, s.inner)) for v in values)
    else:
        indices = np.arange(s.outer)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset
        inside = (indices >= 0) & (indices < d.size)
        picked = np.clip(indices, 0, period - 1).ravel()
        keep = np.moveaxis(inside.reshape([s.outer, s.inner, *[1] * (piece.lo.ndim - 1)]), (0, 1), (dim, -1))
        lo, hi = (_apart(v.take(picked, dim), dim, (s.outer, s.inner)) for v in values)
        lo, hi = np.where(keep, lo, FAR), np.where(keep, hi, -FAR)
    outer = Dim(s.outer, d.open, step, tuple(max(k // s.stride, 1) for k in d.grown if k > s.inner))
    inner = Dim(s.inner, grown=tuple(k for k in d.grown if k <= s.inner))
    split = Piece(lo, hi, (*piece.dims[:dim], outer, *piece.dims[dim + 1 :], inner), piece.view, piece.whole)
    return narrowed(narrowed(split, dim), len(piece.dims))


def _all_inside(s: Split, n: int) -> bool:
    """Whether a split reads nothing outside an axis of ``n``."""
    corners = [a * s.stride + b * s.dilation + s.offset for a in (0, s.outer - 1) for b in (0, s.inner - 1)]
    return min(corners) >= 0 and max(corners) < n


def _apart(values: Ints, dim: int, sizes: tuple[int, int]) -> Ints:
    """One dimension as two, the inner one last."""
    shape = (*values.shape[:dim], *sizes, *values.shape[dim + 1 :])
    return np.moveaxis(values.reshape(shape), dim + 1, -1)


def isolated(piece: Piece, axis: int) -> tuple[Piece, int]:
    """The piece with an axis that runs over one whole dimension, and the dimension's number."""
    match piece.view[axis]:
        case Place((Digit(int(dim), size),), n, 0) if size == n == piece.dims[dim].size:
            return piece, dim
    piece = resolved(piece, axis)
    place = piece.view[axis]
    order = [digit.root for digit in place.digits if isinstance(digit.root, int)]
    if not order:
        piece, dim = added(piece, axis, 1)
    else:
        piece, dim = _flattened(piece, order)
    size = piece.dims[dim].size
    piece = on_view(piece, axis, Place((Digit(dim, size),), size))
    if not place.full:
        piece = through(finite(piece, dim), axis, part_map(size, place.offset, place.size))
    return piece, dim


def _flattened(piece: Piece, order: list[int]) -> tuple[Piece, int]:
    """Some dimensions as one, row-major, and its number; the view is left for the caller to mend."""
    if len(order) == 1:
        return piece, order[0]
    for dim in order[1:]:
        piece = finite(piece, dim)
    dims, sizes = [piece.dims[k] for k in order], [piece.dims[k].size for k in order]
    rest = [k for k in range(len(piece.dims)) if k not in order]
    lead = piece.lo.shape[order[0]] if dims[0].open else sizes[0]
    alike = all(piece.uniform(k) for k in order)
    full = (1,) * len(order) if alike else (lead, *sizes[1:])
    flat = []
    for values in (piece.lo, piece.hi):
        moved = values.transpose([*rest, *order])
        kept = moved.shape[: len(rest)]
        flat.append(np.broadcast_to(moved, (*kept, *full)).reshape(*kept, prod(full)))
    new = _as_one(dims)
    names = {k: position for position, k in enumerate(rest)}
    names |= dict.fromkeys(order, len(rest))
    view = tuple(renamed(place, names) for place in piece.view)
    made = Piece(flat[0], flat[1], (*[piece.dims[k] for k in rest], new), view, piece.whole)
    return narrowed(made, len(rest)), len(rest)


def canonical(piece: Piece) -> Piece:
    """The same piece with its dimensions in the order in which the view names them, literal ones of size 1 left out."""
    for axis in range(len(piece.view)):
        match piece.view[axis]:
            case Place((Digit(int(dim), 1, 1),), 1) if piece.dims[dim].size == 1 and not piece.dims[dim].open:
                piece = on_view(without(piece, dim), axis, Place((), 1))
    return _ordered(piece)


def _ordered(piece: Piece) -> Piece:
    """The same piece with its dimensions in the order in which the view names them."""
    order = leaves(piece.view)
    if order == tuple(range(len(piece.dims))):
        return piece
    names = {k: position for position, k in enumerate(order)}
    lo, hi = (values.transpose(order) for values in (piece.lo, piece.hi))
    view = tuple(renamed(place, names) for place in piece.view)
    return Piece(lo, hi, tuple(piece.dims[k] for k in order), view, piece.whole)


def flat(piece: Piece) -> Piece:
    """The same piece with one dimension for each axis of the tensor, in order."""
    for axis, place in enumerate(piece.view):
        if not place.full:
            piece, _ = isolated(piece, axis)
    while not all(plain(piece, place) for place in piece.view):
        for axis in range(len(piece.view)):
            piece = resolved(piece, axis)
    rows = [[digit.root for digit in place.digits if isinstance(digit.root, int)] for place in piece.view]
    order = [dim for row in rows for dim in row]
    if all(len(row) == 1 for row in rows):
        return piece if order == list(range(len(order))) else _ordered(piece)
    return _laid_out(piece, rows, order)


def plain(piece: Piece, place: Place) -> bool:
    """Whether an axis runs over whole dimensions only."""
    return all(isinstance(digit.root, int) and digit.size == piece.dims[digit.root].size for digit in place.digits)


def _laid_out(piece: Piece, rows: list[list[int]], order: list[int]) -> Piece:
    """The piece with one dimension for each of the rows that make up its axes."""
    several = [axis for axis, row in enumerate(rows) if len(row) > 1]
    lengths = [1 if not row else piece.lo.shape[row[0]] for row in rows]
    full = [piece.lo.shape[dim] for dim in order]
    dims, start = [], 0
    for axis, row in enumerate(rows):
        if axis in several and not all(piece.uniform(dim) for dim in row):
            for dim in row[1:]:
                piece = finite(piece, dim)
            sizes = [piece.dims[dim].size for dim in row]
            lead = piece.lo.shape[row[0]] if piece.dims[row[0]].open else sizes[0]
            full[start : start + len(row)] = [lead, *sizes[1:]]
            lengths[axis] = lead * prod(sizes[1:])
        dims.append(_as_one([piece.dims[dim] for dim in row]))
        start += len(row)
    lo, hi = (np.broadcast_to(v.transpose(order), full).reshape(lengths) for v in (piece.lo, piece.hi))
    view = tuple(Place((Digit(axis, d.size),), d.size) for axis, d in enumerate(dims))
    piece = Piece(lo, hi, tuple(dims), view, piece.whole)
    for axis in several:
        piece = narrowed(piece, axis)
    return piece


def _as_one(dims: Sequence[Dim]) -> Dim:
    """Some dimensions as one, row-major."""
    if len(dims) < 2:
        return dims[0] if dims else Dim(1)
    sizes = [d.size for d in dims]
    grown = tuple(k * prod(sizes[i + 1 :]) for i, d in enumerate(dims) for k in d.grown)
    return Dim(prod(sizes), dims[0].open, dims[0].step, grown)
