"""From a table of every element to the few words that hold for all units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from striate.fields.pieces import FAR, Ints, Piece, at, changed, finite, flat, narrowed, viewed
from striate.fields.reopen import rule
from striate.fields.shared import Pieces, Shared
from striate.fields.spans import AxisField, Span
from striate.fields.tables import FieldTable
from striate.fields.views import Digit, Place, leaves
from striate.fields.views import span as size_of
from striate.geometry import Interval

Units = tuple[int, ...]
"""The axes of a layer that its units stand along."""


def axis_field(axis: str, table: FieldTable, units: Units, span: Span | None, shared: Shared) -> AxisField:
    """The public form of a table whose units are named by the axes ``units``, and whose local pieces say ``span``."""
    if not table.pieces:
        return AxisField(axis, "none")
    misaligned, at_most = span is not None and bool(table.misaligned), bool(table.at_most)
    if table.whole and shared.told(_seen, table.pieces, units, shared).everywhere:
        return AxisField(axis, "whole", local=span, misaligned=misaligned, at_most=at_most)
    if table.whole or span is None:
        size = max(table.extent, span.size if span else 0)
        return AxisField(axis, "irregular", size, misaligned=misaligned, at_most=at_most)
    return AxisField(
        axis, span.status, span.size, span.stride, span.start, span.phases,
        misaligned=misaligned, at_most=at_most, along=span.along,
    )  # fmt: skip


def local_span(table: FieldTable, units: Units, shared: Shared) -> Span | None:
    """What the local pieces of a table say of every unit along one axis; None where there are none."""
    return shared.told(_seen, table.pieces, units, shared).span


class Seen(NamedTuple):
    """What units see along one axis: the span of the local fields, and whether all see everything."""

    span: Span | None
    everywhere: bool

    def moved(self, low: int, high: int) -> Seen:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""
        return self if self.span is None else self._replace(span=self.span.moved(low, high))


def _seen(pieces: Pieces, units: Units, shared: Shared) -> Seen:
    everywhere = any(piece.whole for piece in pieces) and _everywhere_whole(pieces, units)
    local = _local(pieces, units, shared)
    return Seen(_span_of(local, units, shared) if local else None, everywhere)


def _span_of(pieces: Pieces, units: Units, shared: Shared) -> Span:
    """The span of some local pieces."""
    return _rule(pieces, units, shared) or Span("irregular", _largest(pieces, units, shared), None, None)


class Stand(NamedTuple):
    """Where units look along one axis: the axis of the layer that tells them apart, the stride, the mean centre."""

    along: int | None
    stride: Fraction | None
    centre: Fraction | None

    def moved(self, low: int, high: int) -> Stand:
        """The same of fields that begin ``low`` and end ``high`` pixels further on."""
        return self if self.centre is None else self._replace(centre=self.centre + Fraction(low + high, 2))


def stand(table: FieldTable, units: Units, shared: Shared) -> Stand:
    """Where the units of the local pieces of a table look."""
    return shared.told(_stand, table.pieces, units, shared)


def _stand(pieces: Pieces, units: Units, shared: Shared) -> Stand:
    span = _rule(_local(pieces, units, shared), units, shared)
    return Stand(None, None, None) if span is None else Stand(span.along, span.stride, span.centre)


def _local(pieces: Pieces, units: Units, shared: Shared) -> Pieces:
    """The local pieces, naming their units: where they stand along other axes than theirs does not matter."""
    return shared.pieces(_anywhere(piece, units) for piece in pieces if not piece.whole)


def _anywhere(piece: Piece, units: Units) -> Piece:
    places = list(enumerate(piece.view))
    if all(place.full for axis, place in places if axis not in units):
        return piece
    return viewed(piece, (p if axis in units else Place(p.digits, size_of(p.digits)) for axis, p in places))


def _everywhere_whole(pieces: Pieces, units: Units) -> bool:
    """Whether all units see the whole axis, but for those that stand before or after them and see nothing."""
    if any(piece.whole and _fills(piece) for piece in pieces):
        return True
    seen = np.less(*units_of([flat(piece) for piece in pieces if piece.whole], units))
    if seen.all():
        return True
    others = [tuple(k for k in range(seen.ndim) if k != axis) for axis in range(seen.ndim)]
    filled = [np.flatnonzero(seen.any(axes)) for axes in others]
    if not seen[tuple(slice(places[0], places[-1] + 1) for places in filled)].all():
        return False
    lo, hi = units_of([flat(piece) for piece in pieces if not piece.whole], units)
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


def flattened(piece: Piece, shared: Shared) -> Piece:
    """The piece with an axis of its own for each axis of its view, laid out once."""
    return shared.once(_flat, (piece,))


def _flat(pieces: tuple[Piece]) -> Piece:
    return flat(pieces[0])


def laid(piece: Piece, units: Units, shared: Shared) -> Piece:
    """A flat piece for the units that stand along some axes."""
    return shared.once(_laid, (piece,), units, shared)


def _laid(pieces: tuple[Piece], units: Units, shared: Shared) -> Piece:
    return _over_others(flattened(pieces[0], shared), units)


def _rule(pieces: Pieces, units: Units, shared: Shared) -> Span | None:
    """The span of some local pieces whose units follow a rule; None where they follow none."""
    return shared.once(_ruled, pieces, units, shared)


def _ruled(pieces: Pieces, units: Units, shared: Shared) -> Span | None:
    if len({axis for piece in pieces for axis in _telling(piece, units)}) > 1:
        return None
    pieces = tuple(laid(piece, units, shared) for piece in pieces)
    axes = {axis for piece in pieces for axis in range(len(piece.dims)) if not piece.uniform(axis)}
    if not axes:
        low, high = min(int(piece.lo.min()) for piece in pieces), max(int(piece.hi.max()) for piece in pieces)
        return Span("exact", high - low, None, low, (Interval(low, high),))
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


def _telling(piece: Piece, units: Units) -> Iterator[int]:
    """Axes that surely tell units apart: two units that differ by their index along one alone see something else."""
    known = _still(piece, units) and all(place.full for place in piece.view) and bool((piece.lo < piece.hi).all())
    for axis in units:
        match piece.view[axis].digits:
            case (Digit(int(dim), size, stride), *_) if size * stride == piece.dims[dim].size and piece.dims[dim].step:
                yield axis
            case digits if known and any(_differs(piece, digit) for digit in digits):
                yield axis


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


def _along(pieces: Sequence[Piece], axis: int) -> Span | None:
    """The rule along the only axis that matters; None without one."""
    d = pieces[0].dims[axis]
    if len(pieces) == 1 and d.open:
        lo, hi = pieces[0].lo.ravel(), pieces[0].hi.ravel()
        return _span(lo, hi, d.step, axis)
    lo, hi = (values.ravel() for values in units_of(pieces, (axis,)))
    found = rule(lo, hi, None)
    return None if found is None else _span(*found, axis)


def _span(lo: Ints, hi: Ints, step: int, axis: int) -> Span:
    """The span of one period."""
    phases = _phases(tuple(lo.tolist()), tuple(hi.tolist()))
    size, stride = max(int((hi - lo).max()), 0), Fraction(step, len(phases))
    return Span("exact" if len(phases) == 1 else "periodic", size, stride, phases[0].start, phases, axis)


@lru_cache(maxsize=256)
def _phases(lo: tuple[int, ...], hi: tuple[int, ...]) -> tuple[Interval, ...]:
    return tuple(Interval(a, b) if a < b else Interval(0, 0) for a, b in zip(lo, hi, strict=True))


def _largest(pieces: Pieces, units: Units, shared: Shared) -> int:
    """The size of the largest unit's field: over all pairs, what one piece reaches beyond where another begins."""
    if len(pieces) == 1 and _still(pieces[0], units):
        return max(int((pieces[0].hi - pieces[0].lo).max()), 0)
    written = [laid(piece, units, shared) for piece in pieces]
    for axis in range(len(written[0].dims)):
        written = [finite(piece, axis) for piece in written]
    best = 0
    for a, b in product(written, repeat=2):
        others = [tuple(k for k, n in enumerate(two.lo.shape) if n == 1) for two in (b, a)]
        low, high = a.lo.min(axis=others[0], keepdims=True), b.hi.max(axis=others[1], keepdims=True)
        best = max(best, int((high - low).max()))
    return best
