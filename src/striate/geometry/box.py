"""Boxes: one interval for each axis of a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import NoReturn, Self

from striate.errors import InputError
from striate.geometry.interval import INFINITE, Interval
from striate.geometry.runs import Runs
from striate.values import instance, integers, items, text


class Box(tuple[Interval, ...]):
    """The elements of a tensor whose index lies in ``intervals[k]`` along axis ``k``: a tuple of intervals.

    A box along some axis of which nothing lies is empty. Written and read as ``0:4,2:7``, stops not included.

    >>> box = Box([Interval(0, 4), Interval(2, 7)])
    >>> print(box, box.shape, box.size)
    0:4,2:7 (4, 5) 20
    >>> box.clip(Box.whole((3, 5)))
    Box('0:3,2:5')
    """

    __slots__ = ()

    def __new__(cls, intervals: Iterable[Interval] | str) -> Self:
        """From intervals, or from text as ``Box.parse`` reads it."""
        if isinstance(intervals, str):
            intervals = Box.parse(intervals)
        sides = intervals if type(intervals) in (list, tuple, Box) else items("Box", intervals)
        return super().__new__(cls, [instance("Box: interval", side, Interval) for side in sides])

    @staticmethod
    def parse(spelling: str) -> Box:
        """The box that some text spells: ``start:stop`` per axis, joined by commas; a number alone is one index.

        >>> Box.parse("0:4, -2:7, 3")
        Box('0:4,-2:7,3:4')
        """
        words = text("box", spelling).strip()
        parts = words.split(",") if words else []
        return Box([_parsed(part.strip(), spelling) for part in parts])

    @staticmethod
    def whole(shape: Sequence[int]) -> Box:
        """All elements of a tensor.

        >>> Box.whole((2, 3))
        Box('0:2,0:3')
        """
        return Box([Interval(0, n) for n in integers("Box.whole: shape", shape)])

    @staticmethod
    def at(index: Sequence[int]) -> Box:
        """One element."""
        return Box([Interval(i, i + 1) for i in integers("Box.at: index", index)])

    @property
    def shape(self) -> tuple[int, ...]:
        """The extent along each axis."""
        return tuple(side.size for side in self)

    @property
    def origin(self) -> tuple[int, ...]:
        """Where each interval starts."""
        return tuple(side.start for side in self)

    @property
    def size(self) -> int:
        """How many elements it holds."""
        return prod(self.shape)

    @property
    def empty(self) -> bool:
        """Whether it holds no element."""
        return any(side.empty for side in self)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The index that cuts it out of an array whose first element has index zero along every axis.

        A box with runs has none; ``numpy.ix_(*map(places, box))`` is its index.
        """
        for side in self:
            if isinstance(side, Runs):
                raise InputError(f"box {self} has gaps along an axis: index with numpy.ix_(*map(places, box))")
            if not side.bounded or side.start < 0:
                raise InputError(f"box {self} lies outside any array: {side} is no range of indices from 0 on")
        return tuple(slice(side.start, side.stop) for side in self)

    def within(self, outer: Box) -> Box:
        """The same elements counted from where ``outer`` starts.

        >>> Box("5:8,2:3").within(Box("4:9,2:6")).slices
        (slice(1, 4, None), slice(0, 1, None))
        """
        return self.shift([-start for start in self._like(outer, "within").origin])

    def contains(self, other: Box) -> bool:
        """Whether every element of ``other`` lies inside; an empty one always does."""
        self._like(other, "contains")
        return other.empty or all(a.contains(b) for a, b in zip(self, other, strict=True))

    def hull(self, other: Box) -> Box:
        """The smallest box that holds both; an empty one adds nothing.

        >>> Box("0:2,0:2").hull(Box("5:6,1:4"))
        Box('0:6,0:4')
        """
        self._like(other, "hull")
        if self.empty or other.empty:
            return other if self.empty else self
        return Box([a.hull(b) for a, b in zip(self, other, strict=True)])

    def clip(self, bounds: Box) -> Box:
        """The elements that lie inside ``bounds`` too."""
        return Box([a.clip(b) for a, b in zip(self, self._like(bounds, "clip"), strict=True)])

    def shift(self, offsets: Sequence[int]) -> Box:
        """The same box moved by an offset along each axis."""
        moves = integers("Box.shift: offsets", offsets)
        if len(moves) != len(self):
            self._mismatch(f"shift by {len(moves)} offsets", len(moves))
        return Box([side.shift(move) for side, move in zip(self, moves, strict=True)])

    def _like(self, other: Box, what: str) -> Box:
        if len(instance(f"Box.{what}: other", other, Box)) != len(self):
            self._mismatch(f"{what} of box {other}", len(other))
        return other

    def _mismatch(self, what: str, count: int) -> NoReturn:
        raise InputError(f"{what} does not fit box {self}: it has {count} axes, not {len(self)}")

    def __str__(self) -> str:
        return ",".join(map(_spelled, self))

    def __repr__(self) -> str:
        return f"Box({str(self)!r})"


def _spelled(side: Interval) -> str:
    """``start:stop``; of runs the first, then how far apart and how many more there are."""
    if isinstance(side, Runs):
        return f"{side.start}:{side.start + side.length}+{side.period}*{side.rows - 1}"
    return f"{_written(side.start)}:{_written(side.stop)}"


def _written(end: int) -> str:
    return str(end) if -INFINITE < end < INFINITE else ""


def _parsed(part: str, whole: str) -> Interval:
    ends = part.split(":")
    try:
        numbers = [int(end) if end.strip() else None for end in ends]
    except ValueError:
        numbers = []
    match numbers:
        case [int(at)]:
            return Interval(at, at + 1)
        case [int(start), int(stop)] if stop < start:
            raise InputError(f"box {whole!r}: {part!r} stops before it starts")
        case [start, stop]:
            return Interval(-INFINITE if start is None else start, INFINITE if stop is None else stop)
    raise InputError(f"box {whole!r}: {part!r} is no interval; write start:stop for each axis, as in 0:4,2:7")
