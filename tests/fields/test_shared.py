"""What is worked out for some pieces, and moved to others that only begin and end elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from striate.fields.pieces import FAR, Dim, Piece
from striate.fields.shared import Group, Origin, Shared, Standing, Standings
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


def halved_alone(p: Piece) -> Piece:
    return next(halved((p,)))


FIRST = piece([-3, 1, 4, 9], [2, 2, 8, 11])
EMPTY = piece([FAR, 1, FAR, FAR], [-FAR, 2, -FAR, -FAR])
WHOLE = piece([0, FAR, 0, 0], [1, 1 - FAR, 1, 1], whole=True)


@pytest.mark.parametrize("pieces", [(FIRST,), (FIRST, EMPTY), (EMPTY, FIRST), (WHOLE, FIRST), (WHOLE,)])
@pytest.mark.parametrize(("low", "high"), [(0, 0), (-5, 7), (100, 3)])
def test_pieces_found_from_the_normal_ones_are_those_found_from_themselves(pieces: Pieces, low: int, high: int) -> None:
    shared = Shared()
    for by in ((0, 0), (low, high)):
        moved = tuple(shared.standing(p).by(*by) for p in pieces)
        expected = values(tuple(halved(tuple(one.piece for one in moved))))
        assert values(tuple(one.piece for one in shared.alike(halved, moved))) == expected
        assert values(tuple(one.piece for one in shared.each(halved_alone, moved))) == expected
        assert Group.of(moved).pieces == moved


def test_pieces_that_begin_and_end_elsewhere_are_worked_out_once() -> None:
    shared, calls = Shared(), []

    def counted(pieces: Pieces) -> Iterator[Piece]:
        calls.append(pieces)
        return halved(pieces)

    for k in range(5):
        shared.alike(counted, (shared.standing(FIRST).by(-k, 2 * k), shared.standing(WHOLE)))
    assert len(calls) == 1
    shared.alike(counted, tuple(map(shared.standing, (piece([-3, 1, 4, 8], [2, 2, 8, 11]), WHOLE))))
    assert len(calls) == 2


def test_each_form_is_worked_out_once_wherever_others_stand() -> None:
    shared, calls = Shared(), []

    def counted(p: Piece) -> Piece:
        calls.append(p)
        return halved_alone(p)

    other = piece([5, 6, 7, 9], [8, 9, 10, 12])
    for k in range(5):
        shared.each(counted, (shared.standing(FIRST).by(-k, 2 * k), shared.standing(other).by(k, k)))
    assert len(calls) == 2


def test_who_asks_where_pieces_stand_is_told_for_each_place() -> None:
    shared, calls = Shared(), []

    def begin(pieces: Standings, asked: bool, origin: Origin, shared: Shared) -> tuple[int, ...]:
        calls.append(asked)
        return (origin.reached(pieces[0]).low,) if asked else (pieces[0].low,)

    form = Standing(FIRST)
    found = [shared.at(k, k, begin, (form,), asked) for asked in (False, True) for k in (0, 3, 3, 5)]
    assert found == [(0,)] * 4 + [(0,), (3,), (3,), (5,)]
    assert calls == [False] + [True] * 3


def test_a_function_that_measures_fields_is_found_out() -> None:
    def widest(pieces: Pieces) -> Iterator[Piece]:
        return (p for p in pieces if int((p.hi - p.lo).max()) > 6)

    def found(one: Standing) -> Pieces:
        return tuple(one.piece for one in shared.alike(widest, (one,)))

    shared = Shared()
    narrow, wide = shared.standing(FIRST), shared.standing(FIRST).by(-1, 1)
    assert list(widest((FIRST,))) == []
    assert values(found(narrow)) == values((FIRST,)) != []
    assert values(found(wide)) == values(tuple(widest((wide.piece,))))


def test_what_is_told_moves_with_the_pieces() -> None:
    def period(pieces: Standings) -> Period:
        return Period(pieces[0].piece.lo, pieces[0].piece.hi, Fraction(1), 0)

    shared = Shared()
    for one in (FIRST, EMPTY):
        for by in ((0, 0), (-2, 5)):
            pieces = (shared.standing(one).by(*by),)
            assert shared.told(period, Group.of(pieces)).span == period(pieces).span
            assert period(pieces).span.phases[1] == Interval(1 + by[0], 2 + by[1])
