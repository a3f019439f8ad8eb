"""Pieces: the interval, along one input axis, that every element of a tensor sees through some paths.

A piece holds ``lo`` and ``hi`` (half-open) over its own dimensions, and a view that says how the tensor's axes run
over them. An *open* dimension holds one period of a pattern that goes on for ever, ``element[u + period] =
element[u] + step`` for every integer ``u``, as if the layer had no border; any other holds literal values for its
real elements and nothing outside. Both may have length 1, which stands for every element alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd, isqrt, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.fields.spread import spread
from striate.fields.views import Digit, Place, digits_of, leaves, renamed, replaced
from striate.geometry import AxisMap, TapMap, part_map
from striate.network.relation import Shape, Split

Ints = NDArray[np.int64]

FAR = 2**60


class Dim(NamedTuple):
    """A dimension of ``size`` elements.

    ``grown`` is not empty where the extent comes from the input's, so that to read all of it is to read the whole
    input: for each axis of the input that grows it, the number of elements from that axis on.
    """

    size: int
    open: bool = False
    step: int = 0
    grown: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """What each element of a tensor sees along one input axis through some paths; empty where ``lo >= hi``.

    In a ``whole`` piece an element that is not empty sees the whole axis, through a global operator.
    """

    lo: Ints
    hi: Ints
    dims: tuple[Dim, ...]
    view: tuple[Place, ...]
    whole: bool = False

    @property
    def seen(self) -> bool:
        """Whether any element sees anything."""
        return bool((self.lo < self.hi).any())

    def uniform(self, dim: int) -> bool:
        """Whether every element along a dimension sees the same."""
        return self.lo.shape[dim] == 1 and self.dims[dim].step == 0


def source_piece(shape: Shape, spatial: Sequence[int], axis: int, *, clipped: bool) -> Piece:
    """The input itself: element ``i`` of ``axis`` sees ``[i, i+1)``; as if it had no border, unless ``clipped``."""
    ones = [1] * len(shape)
    if clipped:
        ones[axis] = shape[axis]
    dims = tuple(
        Dim(n)
        if clipped or k not in spatial
        else Dim(n, open=True, step=int(k == axis), grown=(n,) if k == axis else ())
        for k, n in enumerate(shape)
    )
    lo = np.arange(ones[axis], dtype=np.int64).reshape(ones)
    view = tuple(Place((Digit(k, n),), n) for k, n in enumerate(shape))
    return Piece(lo, lo + 1, dims, view)


def shaped(values: Ints, dim: int, rank: int) -> Ints:
    """A row of values along one dimension of ``rank``."""
    return values.reshape([-1 if k == dim else 1 for k in range(rank)])


def changed(piece: Piece, dim: int, new: Dim, lo: Ints, hi: Ints) -> Piece:
    """The piece with one dimension, and the values, exchanged."""
    return Piece(lo, hi, (*piece.dims[:dim], new, *piece.dims[dim + 1 :]), piece.view, piece.whole)


def at(piece: Piece, dim: int, indices: NDArray[np.int64]) -> tuple[Ints, Ints]:
    """The values at some indices of an open dimension, or at indices inside one that is not."""
    period = piece.lo.shape[dim]
    turns, phases = np.divmod(indices, period)
    shift = shaped(turns * piece.dims[dim].step, dim, piece.lo.ndim)
    return piece.lo.take(phases, dim) + shift, piece.hi.take(phases, dim) + shift


def finite(piece: Piece, dim: int) -> Piece:
    """The piece with an open dimension written out for its real elements; one that is uniform keeps length 1."""
    d = piece.dims[dim]
    if not d.open:
        return piece
    closed = Dim(d.size, grown=d.grown)
    if piece.uniform(dim):
        return changed(piece, dim, closed, piece.lo, piece.hi)
    return changed(piece, dim, closed, *at(piece, dim, np.arange(d.size)))


def without(piece: Piece, dim: int) -> Piece:
    """The piece at index 0 of a dimension, which goes."""
    lo, hi = (values[(slice(None),) * dim + (0,)] for values in (piece.lo, piece.hi))
    names = {k: k - (k > dim) for k in range(len(piece.dims))}
    view = tuple(
        renamed(Place(tuple(d for d in p.digits if d.root != dim), p.size, p.offset), names) for p in piece.view
    )
    return Piece(lo, hi, (*piece.dims[:dim], *piece.dims[dim + 1 :]), view, piece.whole)


def on_view(piece: Piece, axis: int, place: Place) -> Piece:
    """The piece with one axis of its view exchanged."""
    return viewed(piece, (*piece.view[:axis], place, *piece.view[axis + 1 :]))


def viewed(piece: Piece, view: Iterable[Place]) -> Piece:
    """The piece with another view."""
    return Piece(piece.lo, piece.hi, piece.dims, tuple(view), piece.whole)


def added(piece: Piece, axis: int, size: int) -> tuple[Piece, int]:
    """The piece with an axis that runs over a new dimension, uniform and of ``size``; and its number."""
    dim = len(piece.dims)
    lo, hi = piece.lo[..., None], piece.hi[..., None]
    grown = Piece(lo, hi, (*piece.dims, Dim(size)), piece.view, piece.whole)
    return on_view(grown, axis, Place((Digit(dim, size),), size)), dim


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


def narrowed(piece: Piece, dim: int) -> Piece:
    """The same piece with the shortest period along an open dimension, with length 1 along a uniform one."""
    d, n = piece.dims[dim], piece.lo.shape[dim]
    if n == 1:
        return piece
    before = (slice(None),) * dim
    corner = tuple(slice(None) if k == dim else 0 for k in range(piece.lo.ndim))
    rows = (piece.lo[corner], piece.hi[corner])
    for short in divisors(n) if d.open else (1,):
        if (d.step * short) % n:
            continue
        move = d.step * short // n
        if any((row[short:] - row[: n - short] != move).any() for row in rows):
            continue
        later, sooner, kept = ((*before, slice(*ends)) for ends in ((short, n), (0, n - short), (0, short)))
        if all((v[later] - v[sooner] == move).all() for v in (piece.lo, piece.hi)):
            return changed(piece, dim, Dim(d.size, d.open, move, d.grown), piece.lo[kept], piece.hi[kept])
    return piece


@lru_cache(maxsize=4096)
def divisors(n: int) -> tuple[int, ...]:
    """The numbers below ``n`` that divide it, the smallest first."""
    low = [k for k in range(1, isqrt(n) + 1) if n % k == 0]
    return tuple(k for k in (*low, *(n // k for k in reversed(low) if k * k != n)) if k < n)


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


def values_at(piece: Piece, index: Sequence[int | slice]) -> tuple[Any, Any]:
    """The values of a flat piece at an index, a slice standing for the whole axis."""
    for dim, i in enumerate(index):
        if isinstance(i, int) and piece.lo.shape[dim] + abs(piece.dims[dim].step) > 1:
            lo, hi = at(piece, dim, np.array([i]))
            piece = changed(piece, dim, Dim(1), lo, hi)
        else:
            piece = finite(piece, dim)
    return piece.lo, piece.hi
