"""Rows of neighbours that lie evenly apart: part of an axis that numbers the places of two."""

from __future__ import annotations

from dataclasses import dataclass

from striate.geometry.interval import Interval


@dataclass(frozen=True, slots=True)
class Runs(Interval):
    """``rows`` runs of ``length`` integers, ``period`` apart, the first from ``start`` on.

    A box of rows and columns, its places numbered row by row. As an interval it is what lies between its ends.

    >>> runs = Runs.of_rows(Interval(1, 3), Interval(2, 4), 5)
    >>> runs, list(runs.indices), runs.size, runs.solid
    (Runs(7, 14, rows=2, length=2, period=5), [7, 8, 12, 13], 4, Interval(7, 14))
    >>> Runs.of_rows(Interval(1, 3), Interval(0, 5), 5)
    Interval(5, 15)
    """

    rows: int
    length: int
    period: int

    @staticmethod
    def of_rows(rows: Interval, columns: Interval, period: int) -> Interval:
        """A box of rows and columns of ``period`` places each; an interval where it has no gaps."""
        first, last = rows.start * period + columns.start, (rows.stop - 1) * period + columns.stop
        if rows.size == 1 or columns.size == period:
            return Interval(first, last)
        return Runs(first, last, rows.size, columns.size, period)

    @property
    def size(self) -> int:
        """How many integers it holds."""
        return self.rows * self.length

    @property
    def solid(self) -> Interval:
        """All between its ends."""
        return Interval(self.start, self.stop)

    @property
    def indices(self) -> tuple[int, ...]:
        """The integers, in order."""
        starts = range(self.start, self.stop, self.period)
        return tuple(start + k for start in starts for k in range(self.length))

    def box(self, period: int) -> tuple[Interval, Interval] | None:
        """Rows and columns of ``period`` places each; None where they are no box of these."""
        row, column = divmod(self.start, period)
        if period != self.period or column + self.length > period:
            return None
        return Interval(row, row + self.rows), Interval(column, column + self.length)

    def times(self, n: int) -> Interval:
        """Each integer as ``n`` places of a finer axis."""
        return Runs(self.start * n, self.stop * n, self.rows, self.length * n, self.period * n)

    def over(self, n: int) -> Interval | None:
        """The integers whose ``n`` places of a finer axis these are; None where some have but a part of them here."""
        if any(size % n for size in (self.start, self.length, self.period)):
            return None
        return Runs(self.start // n, self.stop // n, self.rows, self.length // n, self.period // n)

    def __contains__(self, index: int) -> bool:
        return self.start <= index < self.stop and (index - self.start) % self.period < self.length

    def contains(self, other: Interval) -> bool:
        """Whether every integer of ``other`` lies inside."""
        return other.empty or all(index in self for index in places(other))

    def shift(self, offset: int) -> Interval:
        """The same runs moved."""
        return Runs(self.start + offset, self.stop + offset, self.rows, self.length, self.period)

    def clip(self, bounds: Interval) -> Interval:
        """As an interval is."""
        return self if bounds.contains(self.solid) else self.solid.clip(bounds)

    def hull(self, other: Interval) -> Interval:
        """The smallest rows and columns that hold both; all between their ends where ``other`` has other rows."""
        own = self.box(self.period)
        its = other.box(self.period) if isinstance(other, Runs) else None
        if own is None or its is None:
            return self if self == other or other.empty else other.hull(self.solid)
        return Runs.of_rows(own[0].hull(its[0]), own[1].hull(its[1]), self.period)

    def __repr__(self) -> str:
        return f"Runs({self.start}, {self.stop}, rows={self.rows}, length={self.length}, period={self.period})"


def places(side: Interval) -> tuple[int, ...]:
    """The integers of an interval or of runs, in order."""
    return side.indices if isinstance(side, Runs) else tuple(range(side.start, side.stop))


def solid(side: Interval) -> Interval:
    """All that lies between the ends of an interval or of runs."""
    return side.solid if isinstance(side, Runs) else side
