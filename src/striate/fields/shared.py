"""Pieces by their form and where they stand, so that what follows from a form is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, Protocol, Self, TypeVar
from zlib import crc32

import numpy as np

from striate.fields.pieces import FAR, Piece

Answer = TypeVar("Answer")
Pieces = tuple[Piece, ...]

SMALL, LARGE = 2**6, 2**14
WIDE = FAR >> 20

ELSEWHERE = object()
"""Stands for answers that depend on where pieces stand."""


class Moving(Protocol):
    """What is told of fields."""

    def moved(self, low: int, high: int) -> Self:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""


Told = TypeVar("Told", bound=Moving)


class Standing(NamedTuple):
    """A piece that begins ``low`` and ends ``high`` pixels further on than its form.

    A local form begins at 0 and ends at ``WIDE``; whole pieces, large ones and the input are their own form.
    """

    form: Piece
    low: int = 0
    high: int = 0

    @property
    def piece(self) -> Piece:
        """The piece itself."""
        return _shifted(self.form, self.low, self.high) if self.low or self.high else self.form

    def by(self, low: int, high: int) -> Standing:
        """The piece that begins ``low`` and ends ``high`` further on; a whole one stays as it is."""
        return self if self.form.whole else Standing(self.form, self.low + low, self.high + high)


Standings = tuple[Standing, ...]


class Group(NamedTuple):
    """Some pieces as they stand from the first local one on, and where that stands."""

    forms: Standings
    low: int = 0
    high: int = 0

    @staticmethod
    def of(pieces: Standings) -> Group:
        """Pieces that stand somewhere."""
        low, high = next(((one.low, one.high) for one in pieces if not one.form.whole), (0, 0))
        return Group(tuple(one.by(-low, -high) for one in pieces) if low or high else pieces, low, high)

    @property
    def pieces(self) -> Standings:
        """The pieces where they stand."""
        return tuple(one.by(self.low, self.high) for one in self.forms) if self.low or self.high else self.forms

    def by(self, low: int, high: int) -> Group:
        """The pieces that begin ``low`` and end ``high`` further on."""
        return Group(self.forms, self.low + low, self.high + high)


class Shared:
    """The forms of a network's pieces, and the answers of functions of them.

    The blocks of a deep network see the same again and again: a form that comes once more is the object that came
    first, and a question about it finds its answer. Where each sees more than the block before, it still sees the same
    from another begin to another end. Large pieces come and go.
    """

    def __init__(self) -> None:
        self._forms: dict[Hashable, list[Piece]] = {}
        self._small: dict[Hashable, Piece] = {}
        self._answers: dict[Hashable, Any] = {}

    def standing(self, piece: Piece) -> Standing:
        """A piece that sees something, by its form and where it stands."""
        if _large(piece):
            return Standing(piece)
        if piece.whole:
            return Standing(self._first(piece))
        low, high = int(piece.lo.min()), int(piece.hi.max()) - WIDE
        return Standing(self._first(_shifted(piece, -low, -high) if low or high else piece), low, high)

    def _first(self, form: Piece) -> Piece:
        """The form that came first of those that say the same."""
        if form.lo.size <= SMALL:
            said = form.lo.tobytes(), form.hi.tobytes(), form.lo.shape, form.dims, form.view, form.whole
            return self._small.setdefault(said, form)
        values = [crc32(np.ascontiguousarray(values).data) for values in (form.lo, form.hi)]
        alike = self._forms.setdefault((*values, form.lo.shape, form.dims, form.view, form.whole), [])
        for other in alike:
            if np.array_equal(other.lo, form.lo) and np.array_equal(other.hi, form.hi):
                return other
        alike.append(form)
        return form

    def once(self, function: Callable[..., Answer], *arguments: Hashable) -> Answer:
        """The function's answer about some forms or pieces, worked out where these arguments are new."""
        key = (function, arguments)
        if key in self._answers:
            known: Answer = self._answers[key]
            return known
        found = function(*arguments)
        if not _large(arguments) and not _large(found):
            self._answers[key] = found
        return found

    def each(self, function: Callable[..., Piece], pieces: Standings, *arguments: Hashable) -> Standings:
        """What a function makes of each piece, worked out once for each form; without what sees nothing any more.

        Of a piece that begins ``a`` and ends ``b`` further on, the function must make one that does so too.
        """
        made = [self.once(self._made, function, one.form, *arguments) for one in pieces]
        return tuple(new.by(one.low, one.high) for one, found in zip(pieces, made, strict=True) for new in found)

    def _made(self, function: Callable[..., Piece], form: Piece, *arguments: Hashable) -> Standings:
        piece = function(form, *arguments)
        return (self.standing(piece),) if piece.seen else ()

    def alike(self, function: Callable[..., Iterable[Piece]], pieces: Standings, *arguments: Hashable) -> Standings:
        """What a function makes of some pieces together, worked out once for all that only begin and end elsewhere.

        Of pieces that begin ``a`` and end ``b`` further on, the function must make what does so too.
        """
        group = Group.of(pieces)
        found = self.once(self._made_together, function, group.forms, *arguments)
        return group._replace(forms=found).pieces

    def _made_together(
        self, function: Callable[..., Iterable[Piece]], pieces: Standings, *arguments: Hashable
    ) -> Standings:
        return tuple(self.standing(piece) for piece in function(tuple(one.piece for one in pieces), *arguments))

    def told(self, function: Callable[..., Told], pieces: Group, *arguments: Hashable) -> Told:
        """What a function tells of some pieces, worked out once for all that only begin and end elsewhere."""
        found: Told = self.once(function, pieces.forms, *arguments)
        return found.moved(pieces.low, pieces.high) if pieces.low or pieces.high else found

    def at(self, low: int, high: int, function: Callable[..., Answer], *arguments: Hashable) -> Answer:
        """What a function tells of pieces that stand ``low`` and ``high`` further on than it is told.

        It is worked out once for all that only begin and end elsewhere, unless it asks its ``Origin`` where they do.
        """
        key = (function, arguments)
        found = self._answers.get(key)
        if found is ELSEWHERE:
            found = self._answers.get((key, low, high))
        if found is None:
            origin = Origin(low, high)
            found = function(*arguments, origin, self)
            if not _large(arguments) and not _large(found):
                if origin.asked:
                    self._answers[key] = ELSEWHERE
                self._answers[(key, low, high) if origin.asked else key] = found
        known: Answer = found
        return known


class Origin:
    """Where some pieces stand in truth; ``asked`` says that somebody wanted to know."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high, self.asked = low, high, False

    def reached(self, one: Standing) -> Standing:
        """A piece where it stands in truth."""
        self.asked = True
        return one.by(self._low, self._high)

    def left(self, one: Standing) -> Standing:
        """A piece that stands there in truth, as the others are told."""
        return one.by(-self._low, -self._high)


def _shifted(piece: Piece, low: int, high: int) -> Piece:
    """A local piece that begins ``low`` and ends ``high`` further on."""
    lo, hi = piece.lo + low, piece.hi + high
    if 2 * piece.lo.max() >= FAR:
        empty = piece.lo >= piece.hi
        lo, hi = np.where(empty, FAR, lo), np.where(empty, -FAR, hi)
    return Piece(lo, hi, piece.dims, piece.view)


def _large(value: object) -> bool:
    """Whether a piece, or one of several, holds more than is worth keeping for another time."""
    if type(value) is Piece:
        return value.lo.size > LARGE
    return isinstance(value, tuple) and any(map(_large, value))
