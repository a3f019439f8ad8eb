"""What is worked out for some pieces, and moved to others that only begin and end elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from striate.fields.pieces import FAR, Dim, Piece
from striate.fields.shared import Shared
from striate.fields.summary import Period
from striate.fields.views import Digit, Place
from striate.geometry import Interval

Pieces = tuple[Piece, ...]


def piece(starts: list[int], stops: list[int], *, whole: bool = False) -> Piece:
    """A literal piece over one axis."""
    n = len(starts)
    return Piece(np.array(starts), np.array(stops), (Dim(n),), (Place((Digit(0, n),), n),), whole)


def values(pieces: Pieces) -> list[tuple[list[int], list[int]]]:
    return [(p.lo.tolist(), p.hi.tolist()) for p in pieces]


# 0 1 2 3 -> 2 3 sees what both of 0 and 1, and of 2 and 3 see
def halved(pieces: Pieces) -> Iterator[Piece]:
    for p in pieces:
        lo, hi = p.lo.reshape(-1, 2).min(1), p.hi.reshape(-1, 2).max(1)
        yield Piece(lo, hi, (Dim(len(lo)),), (Place((Digit(0, len(lo)),), len(lo)),), p.whole)


FIRST = piece([-3, 1, 4, 9], [2, 2, 8, 11])
EMPTY = piece([FAR, 1, FAR, FAR], [-FAR, 2, -FAR, -FAR])
WHOLE = piece([0, FAR, 0, 0], [1, 1 - FAR, 1, 1], whole=True)


@pytest.mark.parametrize("pieces", [(FIRST,), (FIRST, EMPTY), (EMPTY, FIRST), (WHOLE, FIRST), (WHOLE,)])
@pytest.mark.parametrize(("low", "high"), [(0, 0), (-5, 7), (100, 3)])
def test_pieces_found_from_the_normal_ones_are_those_found_from_themselves(pieces: Pieces, low: int, high: int) -> None:
    shared = Shared()
    for by in ((0, 0), (low, high)):
        moved = tuple(shared.shifted(p, *by) for p in pieces)
        assert values(shared.alike(halved, moved)) == values(tuple(halved(moved)))


def test_pieces_that_begin_and_end_elsewhere_are_worked_out_once() -> None:
    shared, calls = Shared(), []

    def counted(pieces: Pieces) -> Iterator[Piece]:
        calls.append(pieces)
        return halved(pieces)

    for k in range(5):
        shared.alike(counted, (shared.shifted(FIRST, -k, 2 * k), WHOLE))
    assert len(calls) == 1
    shared.alike(counted, (piece([-3, 1, 4, 8], [2, 2, 8, 11]), WHOLE))
    assert len(calls) == 2


def test_a_function_that_measures_fields_is_found_out() -> None:
    def widest(pieces: Pieces) -> Iterator[Piece]:
        return (p for p in pieces if int((p.hi - p.lo).max()) > 6)

    wide = Shared().shifted(FIRST, -1, 1)
    assert list(widest((FIRST,))) == []
    assert values(Shared().alike(widest, (FIRST,))) == values((FIRST,)) != []
    assert values(Shared().alike(widest, (wide,))) == values(tuple(widest((wide,))))


def test_what_is_told_moves_with_the_pieces() -> None:
    def period(pieces: Pieces) -> Period:
        return Period(pieces[0].lo, pieces[0].hi, Fraction(1), 0)

    shared = Shared()
    for one in (FIRST, EMPTY):
        for by in ((0, 0), (-2, 5)):
            pieces = (shared.shifted(one, *by),)
            assert shared.told(period, pieces).span == period(pieces).span
            assert period(pieces).span.phases[1] == Interval(1 + by[0], 2 + by[1])
