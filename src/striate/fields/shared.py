"""Pieces that say the same as one object, so that what follows from them is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from striate.fields.pieces import Piece

Answer = TypeVar("Answer")


class Shared:
    """The pieces of a network by what they say, and the answers of functions of them.

    The blocks of a deep network see the same again and again: a piece that comes once more is the object that came
    first, and a question about it finds its answer.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[Piece]] = {}
        self._answers: dict[Hashable, Any] = {}

    def pieces(self, pieces: Iterable[Piece]) -> tuple[Piece, ...]:
        """The same pieces, each as the object that says so."""
        return tuple(self._first(piece) for piece in pieces)

    def _first(self, piece: Piece) -> Piece:
        values = [crc32(np.ascontiguousarray(values).data) for values in (piece.lo, piece.hi)]
        alike = self._pieces.setdefault((*values, piece.lo.shape, piece.dims, piece.view, piece.whole), [])
        for other in alike:
            if np.array_equal(other.lo, piece.lo) and np.array_equal(other.hi, piece.hi):
                return other
        alike.append(piece)
        return piece

    def once(self, function: Callable[..., Answer], *arguments: Hashable) -> Answer:
        """The function's answer, worked out where these arguments are new."""
        key = (function, *arguments)
        if key not in self._answers:
            self._answers[key] = function(*arguments)
        found: Answer = self._answers[key]
        return found
