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
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.fields.views import Digit, Place, renamed
from striate.network.relation import Shape

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


def values_at(piece: Piece, index: Sequence[int | slice]) -> tuple[Any, Any]:
    """The values of a flat piece at an index, a slice standing for the whole axis."""
    for dim, i in enumerate(index):
        if isinstance(i, int) and piece.lo.shape[dim] + abs(piece.dims[dim].step) > 1:
            lo, hi = at(piece, dim, np.array([i]))
            piece = changed(piece, dim, Dim(1), lo, hi)
        else:
            piece = finite(piece, dim)
    return piece.lo, piece.hi
