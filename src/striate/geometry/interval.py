"""Half-open integer intervals with literal coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from striate.errors import InputError
from striate.values import instance, integer, integers


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers ``start <= i < stop``; negative means left of zero and nothing wraps.

    An empty interval keeps its place (``start == stop``). ``Interval.UNBOUNDED`` is the named
    state for all integers; its ``start`` and ``stop`` are zero and carry no meaning.

    >>> Interval(-1, 4).clip(Interval(0, 3))
    Interval(0, 3)
    >>> Interval(2, 2).size
    0
    """

    start: int
    stop: int
    unbounded: bool = False

    UNBOUNDED: ClassVar[Interval]

    def __post_init__(self) -> None:
        for end in ("start", "stop"):
            if type(getattr(self, end)) is not int:
                object.__setattr__(self, end, integer(f"Interval: {end}", getattr(self, end)))
        instance("Interval: unbounded", self.unbounded, bool)
        if self.stop < self.start:
            raise InputError(f"Interval: stop {self.stop} lies before start {self.start}")

    @property
    def size(self) -> int:
        """Number of integers inside; an unbounded interval has none to give and raises."""
        if self.unbounded:
            raise InputError("an unbounded interval has no size; test .unbounded first")
        return self.stop - self.start

    @property
    def empty(self) -> bool:
        """Whether no integer lies inside."""
        return not self.unbounded and self.start == self.stop

    def __contains__(self, index: int) -> bool:
        return self.unbounded or self.start <= index < self.stop

    def shift(self, offset: int) -> Interval:
        """The same interval moved right by ``offset``."""
        offset = integer("Interval.shift: offset", offset)
        return self if self.unbounded else Interval(self.start + offset, self.stop + offset)

    def clip(self, bounds: Interval) -> Interval:
        """The part inside ``bounds``; where nothing is left, empty at the nearer end of ``bounds``."""
        instance("Interval.clip: bounds", bounds, Interval)
        if self.unbounded or bounds.unbounded:
            return bounds if self.unbounded else self
        start = min(max(self.start, bounds.start), bounds.stop)
        return Interval(start, max(start, min(self.stop, bounds.stop)))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both; an empty one adds nothing."""
        instance("Interval.hull: other", other, Interval)
        if self.unbounded or other.unbounded:
            return Interval.UNBOUNDED
        if self.empty or other.empty:
            return other if self.empty else self
        return Interval(min(self.start, other.start), max(self.stop, other.stop))

    @staticmethod
    def of(indices: Iterable[int]) -> Interval:
        """The hull of some integers; empty at zero when there are none.

        >>> Interval.of([4, 0, 2])
        Interval(0, 5)
        """
        found = integers("Interval.of: indices", indices)
        return Interval(min(found), max(found) + 1) if found else Interval(0, 0)

    def __repr__(self) -> str:
        return "Interval.UNBOUNDED" if self.unbounded else f"Interval({self.start}, {self.stop})"


Interval.UNBOUNDED = Interval(0, 0, unbounded=True)
