"""From a table of every element to the few words that hold for all units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from striate.fields.flat import flat
from striate.fields.moves import after
from striate.fields.pieces import FAR, Ints, Piece, at, changed, finite, narrowed, viewed
from striate.fields.reopen import rule
from striate.fields.shared import Group, Shared, Standing, Standings
from striate.fields.spans import AxisField, Span, SpanStatus
from striate.fields.tables import FieldTable
from striate.fields.views import Digit, Place, leaves
from striate.fields.views import span as size_of
from striate.geometry import Interval
from striate.network.relation import Relation

Units = tuple[int, ...]
"""The axes of a layer that its units stand along."""


def axis_field(axis: str, table: FieldTable, units: Units, span: Span | None, shared: Shared) -> AxisField:
    """The public form of a table whose units are named by the axes ``units``, and whose local pieces say ``span``."""
    if not table.group.forms:
        return AxisField(axis, "none")
    misaligned, at_most = span is not None and bool(table.misaligned), bool(table.at_most)
    if table.whole and shared.once(_seen, table.group.forms, units, shared).everywhere:
        return AxisField(axis, "whole", local=span, misaligned=misaligned, at_most=at_most)
    if table.whole or span is None:
        size = max(table.extent, span.size if span else 0)
        return AxisField(axis, "irregular", size, misaligned=misaligned, at_most=at_most)
    return AxisField(
        axis, span.status, span.size, span.stride, span.start, span.phases,
        misaligned=misaligned, at_most=at_most, along=span.along,
    )  # fmt: skip


def local_span(table: FieldTable, relation: Relation, units: Units, shared: Shared) -> Span | None:
    """What the local pieces of a table say of every unit that stands along ``units`` after a relation; None for none.

    The relation reads no axis from end to end.
    """
    group = table.group
    if relation:
        group = Group.of(shared.each(after, group.forms, relation, True)).by(group.low, group.high)
    found = shared.told(_seen, group, units, shared).local
    return None if found is None else found.span


class Period(NamedTuple):
    """One period of the intervals that units see, which moves on by ``stride`` from unit to unit of the axis ``along``.

    Where all units see the same, both are None; where they follow no rule, ``lo`` and ``hi`` are the largest one's.
    """

    lo: Ints
    hi: Ints
    stride: Fraction | None = None
    along: int | None = None
    ruled: bool = True

    def moved(self, low: int, high: int) -> Period:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""
        return Period(self.lo + low, self.hi + high, self.stride, self.along, self.ruled)

    @property
    def size(self) -> int:
        """The size of the largest field."""
        return max(int((self.hi - self.lo).max()), 0)

    @property
    def span(self) -> Span:
        """The period in public words."""
        if not self.ruled:
            return Span("irregular", self.size, None, None)
        phases = _phases(self.lo.tobytes(), self.hi.tobytes())
        status: SpanStatus = "exact" if len(phases) == 1 else "periodic"
        return Span(status, self.size, self.stride, phases[0].start, phases, self.along)


@lru_cache(maxsize=256)
def _phases(lo: bytes, hi: bytes) -> tuple[Interval, ...]:
    ends = zip(*(np.frombuffer(values, dtype=np.int64).tolist() for values in (lo, hi)), strict=True)
    return tuple(Interval(a, b) if a < b else Interval(0, 0) for a, b in ends)


class Seen(NamedTuple):
    """What units see along one axis: a period of their local fields, and whether all see everything."""

    local: Period | None
    everywhere: bool

    def moved(self, low: int, high: int) -> Seen:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""
        return self if self.local is None else Seen(self.local.moved(low, high), self.everywhere)


def _seen(pieces: Standings, units: Units, shared: Shared) -> Seen:
    everywhere = any(one.form.whole for one in pieces) and _everywhere_whole(pieces, units, shared)
    local = _local(pieces, units, shared)
    if not local:
        return Seen(None, everywhere)
    return Seen(_rule(local, units, shared) or _largest(local, units, shared), everywhere)


class Stand(NamedTuple):
    """Where units look along one axis: the axis of the layer that tells them apart, the stride, the mean centre."""

    along: int | None
    stride: Fraction | None
    centre: Fraction | None

    def moved(self, low: int, high: int) -> Stand:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""
        return self if self.centre is None else Stand(self.along, self.stride, self.centre + Fraction(low + high, 2))


def stand(table: FieldTable, units: Units, shared: Shared) -> Stand:
    """Where the units of the local pieces of a table look."""
    return shared.told(_stand, table.group, units, shared)


def _stand(pieces: Standings, units: Units, shared: Shared) -> Stand:
    found = _rule(_local(pieces, units, shared), units, shared)
    return Stand(None, None, None) if found is None else Stand(found.along, found.stride, found.span.centre)


def _local(pieces: Standings, units: Units, shared: Shared) -> Standings:
    """The local pieces, naming their units: where they stand along other axes than theirs does not matter."""
    local = tuple(one for one in pieces if not one.form.whole)
    return shared.each(_anywhere, local, units)


def _anywhere(piece: Piece, units: Units) -> Piece:
    places = list(enumerate(piece.view))
    if all(place.full for axis, place in places if axis not in units):
        return piece
    return viewed(piece, (p if axis in units else Place(p.digits, size_of(p.digits)) for axis, p in places))


def _everywhere_whole(pieces: Standings, units: Units, shared: Shared) -> bool:
    """Whether all units see the whole axis, but for those that stand before or after them and see nothing."""
    whole, local = ([one for one in pieces if one.form.whole is wanted] for wanted in (True, False))
    if any(shared.once(_fills, one.form) for one in whole):
        return True
    seen = np.less(*units_of(laid(whole, units, shared), units))
    if seen.all():
        return True
    others = [tuple(k for k in range(seen.ndim) if k != axis) for axis in range(seen.ndim)]
    filled = [np.flatnonzero(seen.any(axes)) for axes in others]
    if not seen[tuple(slice(places[0], places[-1] + 1) for places in filled)].all():
        return False
    lo, hi = units_of(laid(local, units, shared), units)
    return not (~seen & (lo < hi)).any()


def _fills(piece: Piece) -> bool:
    """Whether every element sees something."""
    return all(place.full for place in piece.view) and bool((piece.lo < piece.hi).all())


def units_of(pieces: Sequence[Piece], units: Units) -> tuple[Ints, Ints]:
    """The lowest and the highest pixel that each unit sees in some flat pieces; other axes than theirs have size 1."""
    low, high = np.array(FAR), np.array(-FAR)
    for piece in pieces:
        piece = _over_others(piece, units)
        for axis in units:
            piece = finite(piece, axis)
        low, high = np.minimum(low, piece.lo), np.maximum(high, piece.hi)
    return low, high


def laid(pieces: Iterable[Standing], units: Units, shared: Shared) -> tuple[Piece, ...]:
    """The pieces, flat, for the units that stand along some axes."""
    found = shared.each(_over_others, shared.each(flat, tuple(pieces)), units)
    return tuple(one.piece for one in found)


def _rule(pieces: Standings, units: Units, shared: Shared) -> Period | None:
    """A period of some local pieces whose units follow a rule; None where they follow none."""
    return shared.once(_ruled, pieces, units, shared)


def _ruled(standing: Standings, units: Units, shared: Shared) -> Period | None:
    if len({axis for one in standing for axis in shared.once(_telling, one.form, units)}) > 1:
        return None
    pieces = laid(standing, units, shared)
    axes = {axis for piece in pieces for axis in range(len(piece.dims)) if not piece.uniform(axis)}
    if not axes:
        low, high = min(int(piece.lo.min()) for piece in pieces), max(int(piece.hi.max()) for piece in pieces)
        return Period(np.array([low]), np.array([high]))
    if len(axes) > 1 and len(pieces) == 1:
        pieces = (_inside(pieces[0]),)
        axes = {axis for axis in axes if not pieces[0].uniform(axis)}
    return _along(pieces, next(iter(axes))) if len(axes) == 1 else None


def _inside(piece: Piece) -> Piece:
    """The piece as it is but for units that see nothing at either end of a literal axis, at most half of them."""
    for dim, d in enumerate(piece.dims):
        n = piece.lo.shape[dim]
        if d.open or n == 1:
            continue
        others = tuple(k for k in range(piece.lo.ndim) if k != dim)
        seen = np.flatnonzero((piece.lo < piece.hi).any(others))
        if 2 * seen.size < n or seen[-1] - seen[0] >= seen.size:
            continue
        here, one = ((*(slice(None),) * dim, slice(seen[0], stop)) for stop in (seen[-1] + 1, seen[0] + 1))
        if all((values[here] == values[one]).all() for values in (piece.lo, piece.hi)):
            piece = changed(piece, dim, d, piece.lo[one], piece.hi[one])
    return piece


def _telling(piece: Piece, units: Units) -> tuple[int, ...]:
    """Axes that surely tell units apart: two units that differ by their index along one alone see something else."""
    known = _still(piece, units) and _fills(piece)
    return tuple(axis for axis in units if _moves_on(piece, axis) or (known and _tells(piece, axis)))


def _moves_on(piece: Piece, axis: int) -> bool:
    """Whether what is seen moves on with a digit of an axis: its first, or one with which every element moves on."""
    return any(
        size * stride == piece.dims[dim].size
        and piece.dims[dim].step != 0
        and (k == 0 or (size > 1 and piece.lo.shape[dim] == 1))
        for k, (dim, size, stride) in enumerate(piece.view[axis].digits)
        if isinstance(dim, int)
    )


def _tells(piece: Piece, axis: int) -> bool:
    return any(_differs(piece, digit) for digit in piece.view[axis].digits)


def _still(piece: Piece, units: Units) -> bool:
    """Whether nothing changes along other axes than those that units stand along."""
    return all(piece.uniform(dim) for dim in leaves(p for axis, p in enumerate(piece.view) if axis not in units))


def _differs(piece: Piece, digit: Digit) -> bool:
    """Whether some elements that differ by one digit alone see something else."""
    if not isinstance(digit.root, int) or piece.uniform(digit.root):
        return False
    found = at(piece, digit.root, np.arange(digit.size) * digit.stride)
    return any(bool((values != values.take([0], digit.root)).any()) for values in found)


def _over_others(piece: Piece, units: Units) -> Piece:
    """The union over all axes of a flat piece but those that units stand along."""
    for axis in (axis for axis in range(len(piece.dims)) if axis not in units and not piece.uniform(axis)):
        piece = finite(piece, axis)
        lo, hi = piece.lo.min(axis, keepdims=True), piece.hi.max(axis, keepdims=True)
        piece = changed(piece, axis, piece.dims[axis]._replace(step=0), lo, hi)
    for axis in range(len(piece.dims)):
        piece = narrowed(piece, axis)
    return piece


def _along(pieces: Sequence[Piece], axis: int) -> Period | None:
    """The rule along the only axis that matters; None without one."""
    d = pieces[0].dims[axis]
    if len(pieces) == 1 and d.open:
        lo, hi, step = pieces[0].lo.ravel(), pieces[0].hi.ravel(), d.step
    else:
        low, high = units_of(pieces, (axis,))
        found = rule(low.ravel(), high.ravel(), None)
        if found is None:
            return None
        lo, hi, step = found
    return Period(lo, hi, Fraction(step, len(lo)), axis)


def _largest(pieces: Standings, units: Units, shared: Shared) -> Period:
    """The largest unit's field, from 0 on."""
    size = np.array([max(_largest_size(pieces, units, shared), 0)])
    return Period(np.zeros_like(size), size, ruled=False)


def _largest_size(pieces: Standings, units: Units, shared: Shared) -> int:
    """The size of the largest unit's field: over all pairs, what one piece reaches beyond where another begins."""
    if len(pieces) == 1 and _still(pieces[0].form, units):
        return int((pieces[0].piece.hi - pieces[0].piece.lo).max())
    written = list(laid(pieces, units, shared))
    for axis in range(len(written[0].dims)):
        written = [finite(piece, axis) for piece in written]
    best = 0
    for a, b in product(written, repeat=2):
        others = [tuple(k for k, n in enumerate(two.lo.shape) if n == 1) for two in (b, a)]
        low, high = a.lo.min(axis=others[0], keepdims=True), b.hi.max(axis=others[1], keepdims=True)
        best = max(best, int((high - low).max()))
    return best
