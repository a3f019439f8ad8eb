"""The public words for a field along one axis: its arithmetic, its status and the facts beside it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from striate.errors import InputError
from striate.geometry import Interval
from striate.values import brief

SpanStatus = Literal["exact", "periodic", "irregular"]
Status = Literal["exact", "periodic", "irregular", "whole", "none"]


@dataclass(frozen=True, slots=True)
class Span:
    """The arithmetic of a field without its global paths: which interval of the input each unit sees.

    ``status`` is ``exact`` (every unit alike: ``u`` sees ``[u*stride + start, u*stride + start + size)``),
    ``periodic`` (alike per output phase; ``size`` is the largest phase's, ``start`` the first's) or ``irregular``
    (units follow no common rule; ``size`` is the largest unit's). ``phases`` holds one period of unclipped
    intervals; a ``stride`` of None says that all units see the same interval. ``along`` is the axis of the layer that
    ``u`` counts, None where no axis or more than one matters.
    """

    status: SpanStatus
    size: int
    stride: Fraction | None
    start: int | None
    phases: tuple[Interval, ...] = ()
    along: int | None = None

    __repr__ = brief

    @property
    def centre(self) -> Fraction | None:
        """The mean over one period of ``centre(u) - u*stride``; None where units do not move by a rule."""
        stride = self.stride
        seen = [(u, phase) for u, phase in enumerate(self.phases) if not phase.empty]
        if stride is None or not seen:
            return None
        middles, units = sum(phase.start + phase.stop - 1 for _, phase in seen), sum(u for u, _ in seen)
        return (Fraction(middles, 2) - units * stride) / len(seen)

    def unit(self, u: int) -> Interval:
        """The unclipped interval unit ``u`` sees; raises InputError where no rule gives it."""
        if not self.phases:
            raise InputError(f"the field is {self.status}: ask for the region of unit {u} instead")
        turns, phase = divmod(u, len(self.phases))
        seen = self.phases[phase]
        return seen if seen.empty else seen.shift(int(turns * (self.stride or 0) * len(self.phases)))


@dataclass(frozen=True, slots=True)
class AxisField:
    """The field of a layer along one input axis.

    ``status`` is its span's (``exact``, ``periodic``, ``irregular``), ``whole`` (a global operator above every unit;
    the field without it is ``local``, None where every path is global) or ``none`` (the layer does not depend on the
    input); ``irregular`` too, of the input's extent, where some units see everything and others do not.
    ``misaligned`` says that a merge above joins branches whose centres disagree, ``at_most`` that the layer sees
    this or less. ``size``, ``stride``, ``start``, ``phases`` and ``along`` are the span's, empty where the status is
    ``whole`` or ``none``.
    """

    axis: str
    status: Status
    size: int | None = None
    stride: Fraction | None = None
    start: int | None = None
    phases: tuple[Interval, ...] = ()
    local: Span | None = None
    misaligned: bool = False
    at_most: bool = False
    along: int | None = None

    __repr__ = brief

    @property
    def facts(self) -> tuple[str, ...]:
        """All that holds together: the status, the local field's behind a ``whole`` one, then the other facts.

        >>> AxisField("width", "exact", 3, Fraction(1), 0, misaligned=True).facts
        ('exact', 'misaligned')
        """
        local = (self.local.status,) if self.local is not None and self.local.status != "exact" else ()
        others = (("misaligned", self.misaligned), ("at most", self.at_most))
        return (self.status, *local, *(word for word, holds in others if holds))

    @property
    def span(self) -> Span | None:
        """The field without global paths: the field itself where it is local, None where nothing local is seen."""
        if self.size is None or self.status == "whole" or self.status == "none":
            return self.local
        return Span(self.status, self.size, self.stride, self.start, self.phases, self.along)

    def unit(self, u: int) -> Interval:
        """The unclipped interval unit ``u`` sees; raises InputError where no rule gives it."""
        if self.status == "whole":
            return Interval.UNBOUNDED
        return Interval(0, 0) if self.span is None else self.span.unit(u)


def told(axis: AxisField) -> str:
    """A field along one axis in a few words: status, size, stride; behind a global operator the local field too.

    >>> told(AxisField("width", "exact", 7, Fraction(2), -3, (Interval(-3, 4),)))
    'exact 7 by 2'
    """
    span = axis.span
    if span is None:
        return axis.status
    moved = "" if span.stride is None else f" by {span.stride}"
    return f"{axis.status} {size_of(axis)}{moved}"


def size_of(axis: AxisField) -> str:
    """The size of a field: ``all`` where a unit sees everything, then the local one in parentheses; ``-`` for none.

    >>> size_of(AxisField("width", "periodic", 5, Fraction(1), 0, (Interval(0, 3), Interval(0, 5))))
    '3-5'
    >>> size_of(AxisField("width", "whole", local=Span("exact", 83, Fraction(1), -41), at_most=True))
    'all (≤83)'
    """
    span = axis.span
    if span is None:
        return "all" if axis.status == "whole" else "-"
    sizes = [phase.size for phase in span.phases] or [span.size]
    local = f"{min(sizes)}-{max(sizes)}" if min(sizes) < max(sizes) else f"{span.size}"
    bound = "≤" if axis.at_most or "irregular" in (axis.status, span.status) else ""
    return f"all ({bound}{local})" if axis.status == "whole" else f"{bound}{local}"
