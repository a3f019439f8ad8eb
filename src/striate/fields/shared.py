"""Pieces that say the same as one object, so that what follows from them is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, Protocol, Self, TypeVar
from zlib import crc32

import numpy as np

from striate.fields.pieces import FAR, Piece

Answer = TypeVar("Answer")
Pieces = tuple[Piece, ...]

SMALL, MIDDLE, LARGE = 2**6, 2**12, 2**14
WIDE = FAR >> 20


class Moving(Protocol):
    """What is told of fields."""

    def moved(self, low: int, high: int) -> Self:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""


Told = TypeVar("Told", bound=Moving)


class Normal(NamedTuple):
    """Pieces moved so that the first local one begins at 0 and ends at ``WIDE``, and how far they stood from there."""

    pieces: tuple[Piece, ...]
    low: int
    high: int


class Shared:
    """The pieces of a network by what they say, and the answers of functions of them.

    The blocks of a deep network see the same again and again: a piece that comes once more is the object that came
    first, and a question about it finds its answer. Where each sees more than the block before, it still sees the same
    from another begin to another end. Large pieces come and go.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[Piece]] = {}
        self._small: dict[Hashable, Piece] = {}
        self._normal: dict[Pieces, Normal] = {}
        self._ends: dict[Piece, tuple[int, int]] = {}
        self._moved: dict[tuple[Piece, int, int], Piece] = {}
        self._answers: dict[Hashable, Any] = {}

    def pieces(self, pieces: Iterable[Piece]) -> tuple[Piece, ...]:
        """The same pieces, each as the object that says so."""
        return tuple(self._first(piece) for piece in pieces)

    def _first(self, piece: Piece) -> Piece:
        if _large(piece):
            return piece
        if piece.lo.size <= SMALL:
            said = piece.lo.tobytes(), piece.hi.tobytes(), piece.lo.shape, piece.dims, piece.view, piece.whole
            return self._small.setdefault(said, piece)
        values = [crc32(np.ascontiguousarray(values).data) for values in (piece.lo, piece.hi)]
        alike = self._pieces.setdefault((*values, piece.lo.shape, piece.dims, piece.view, piece.whole), [])
        for other in alike:
            if np.array_equal(other.lo, piece.lo) and np.array_equal(other.hi, piece.hi):
                return other
        alike.append(piece)
        return piece

    def once(self, function: Callable[..., Answer], pieces: tuple[Piece, ...], *arguments: Hashable) -> Answer:
        """The function's answer about some pieces, worked out where these arguments are new."""
        key = (function, pieces, *arguments)
        if key in self._answers:
            known: Answer = self._answers[key]
            return known
        found = function(pieces, *arguments)
        if not _large(pieces) and not _large(found):
            self._answers[key] = found
        return found

    def alike(self, function: Callable[..., Iterable[Piece]], pieces: Pieces, *arguments: Hashable) -> Pieces:
        """The pieces that a function makes of some, worked out once for all that only begin and end elsewhere.

        Of pieces that begin ``a`` and end ``b`` further on, the function must make what does so too.
        """
        key = (function, pieces, *arguments)
        if key in self._answers:
            known: Pieces = self._answers[key]
            return known
        normal, low, high = self.normal(pieces)
        found = self.once(self._made, normal, function, *arguments)
        if low or high:
            found = tuple(self.shifted(piece, low, high) for piece in found)
        if not _large(pieces) and not _large(found):
            self._answers[key] = found
        return found

    def _made(self, pieces: Pieces, function: Callable[..., Iterable[Piece]], *arguments: Hashable) -> Pieces:
        return self.pieces(function(pieces, *arguments))

    def told(self, function: Callable[..., Told], pieces: Pieces, *arguments: Hashable) -> Told:
        """What a function tells of some pieces, worked out once for all that only begin and end elsewhere."""
        found: Told = self.once(self._moved_from, pieces, function, *arguments)
        return found

    def _moved_from(self, pieces: Pieces, function: Callable[..., Told], *arguments: Hashable) -> Told:
        normal, low, high = self.normal(pieces)
        found = self.once(function, normal, *arguments)
        return found.moved(low, high) if low or high else found

    def normal(self, pieces: Pieces) -> Normal:
        """The same pieces from a common begin to a common end; all stay where they are if one is large."""
        found = self._normal.get(pieces)
        if found is None:
            if not all(piece.lo.size <= MIDDLE for piece in pieces):
                return Normal(pieces, 0, 0)
            low, high = next((self._ends_of(piece) for piece in pieces if not piece.whole), (0, 0))
            moved = tuple(self.shifted(piece, -low, -high) for piece in pieces) if low or high else pieces
            found = Normal(moved, low, high)
            self._normal[pieces] = found
        return found

    def _ends_of(self, piece: Piece) -> tuple[int, int]:
        found = self._ends.get(piece)
        if found is None:
            found = (int(piece.lo.min()), int(piece.hi.max()) - WIDE) if piece.seen else (0, 0)
            self._ends[piece] = found
        return found

    def shifted(self, piece: Piece, low: int, high: int) -> Piece:
        """A local piece that begins ``low`` and ends ``high`` further on."""
        if piece.whole:
            return piece
        found = self._moved.get((piece, low, high))
        if found is None:
            found = self._first(_shifted(piece, low, high))
            self._moved[piece, low, high] = found
        return found


def _shifted(piece: Piece, low: int, high: int) -> Piece:
    lo, hi = piece.lo + low, piece.hi + high
    if 2 * piece.lo.max() >= FAR:
        empty = piece.lo >= piece.hi
        lo, hi = np.where(empty, FAR, lo), np.where(empty, -FAR, hi)
    return Piece(lo, hi, piece.dims, piece.view)


def _large(value: object) -> bool:
    """Whether a piece, or one of several, holds more than is worth keeping for another time."""
    if type(value) is Piece:
        return value.lo.size > LARGE
    return type(value) is tuple and any(map(_large, value))
