"""Pieces that say the same as one object, so that what follows from them is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from striate.fields.pieces import Piece

Answer = TypeVar("Answer")

SMALL, LARGE = 2**6, 2**14


class Shared:
    """The pieces of a network by what they say, and the answers of functions of them.

    The blocks of a deep network see the same again and again: a piece that comes once more is the object that came
    first, and a question about it finds its answer. Large pieces come and go.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[Piece]] = {}
        self._small: dict[Hashable, Piece] = {}
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


def _large(value: object) -> bool:
    """Whether a piece, or one of several, holds more than is worth keeping for another time."""
    if isinstance(value, Piece):
        return value.lo.size > LARGE
    if isinstance(value, tuple):
        for part in value:
            if isinstance(part, Piece | tuple) and _large(part):
                return True
    return False
