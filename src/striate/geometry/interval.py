"""Half-open integer intervals with literal coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from striate.errors import InputError
from striate.values import instance, integer, integers

INFINITE = 1 << 62


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers ``start <= i < stop``; negative means left of zero and nothing wraps.

    An empty interval keeps its place (``start == stop``). Either end may be infinite: ``Interval.above``,
    ``Interval.below`` and, for all integers, ``Interval.UNBOUNDED``. An infinite end is the number 2**62 with its
    sign, and so is every end beyond it.

    >>> Interval(-1, 4).clip(Interval(0, 3))
    Interval(0, 3)
    >>> Interval(2, 2).size
    0
    >>> Interval.above(3).shift(2), Interval.above(3).clip(Interval(0, 9))
    (Interval.above(5), Interval(3, 9))
    """

    start: int
    stop: int

    UNBOUNDED: ClassVar[Interval]

    def __post_init__(self) -> None:
        for end in ("start", "stop"):
            if type(getattr(self, end)) is not int:
                object.__setattr__(self, end, integer(f"Interval: {end}", getattr(self, end)))
        if not -INFINITE <= self.start <= self.stop <= INFINITE:
            if self.stop < self.start:
                raise InputError(f"Interval: stop {self.stop} lies before start {self.start}")
            object.__setattr__(self, "start", min(max(self.start, -INFINITE), INFINITE))
            object.__setattr__(self, "stop", min(max(self.stop, -INFINITE), INFINITE))

    @staticmethod
    def above(start: int) -> Interval:
        """All integers from ``start`` on."""
        return Interval(integer("Interval.above: start", start), INFINITE)

    @staticmethod
    def below(stop: int) -> Interval:
        """All integers before ``stop``."""
        return Interval(-INFINITE, integer("Interval.below: stop", stop))

    @property
    def unbounded(self) -> bool:
        """Whether it holds all integers."""
        return self.start == -INFINITE and self.stop == INFINITE

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return self.start > -INFINITE and self.stop < INFINITE

    @property
    def size(self) -> int:
        """Number of integers inside; an interval with an infinite end has none to give and raises."""
        if not self.bounded:
            raise InputError(f"{self} has no size; test .bounded first")
        return self.stop - self.start

    @property
    def empty(self) -> bool:
        """Whether no integer lies inside."""
        return self.start == self.stop

    def __contains__(self, index: int) -> bool:
        return self.start <= index < self.stop

    def contains(self, other: Interval) -> bool:
        """Whether every integer of ``other`` lies inside; an empty one always does.

        >>> Interval(0, 5).contains(Interval(3, 5)), Interval(0, 5).contains(Interval.above(3))
        (True, False)
        """
        instance("Interval.contains: other", other, Interval)
        return other.empty or (self.start <= other.start and other.stop <= self.stop)

    def shift(self, offset: int) -> Interval:
        """The same interval moved right by ``offset``; an infinite end stays where it is."""
        offset = integer("Interval.shift: offset", offset)
        start = self.start if self.start == -INFINITE else self.start + offset
        return Interval(start, self.stop if self.stop == INFINITE else self.stop + offset)

    def clip(self, bounds: Interval) -> Interval:
        """The part inside ``bounds``; where nothing is left, empty at the nearer end of ``bounds``."""
        instance("Interval.clip: bounds", bounds, Interval)
        start = min(max(self.start, bounds.start), bounds.stop)
        return Interval(start, max(start, min(self.stop, bounds.stop)))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both; an empty one adds nothing."""
        instance("Interval.hull: other", other, Interval)
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
        if self.bounded:
            return f"Interval({self.start}, {self.stop})"
        if self.unbounded:
            return "Interval.UNBOUNDED"
        return f"Interval.below({self.stop})" if self.stop < INFINITE else f"Interval.above({self.start})"


Interval.UNBOUNDED = Interval(-INFINITE, INFINITE)
