"""Intervals with infinite ends and boxes, against the sets of integers and indices that they stand for."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.odd import wrongly

from striate.errors import InputError
from striate.geometry import Box, Interval, Window

FAR = 12
LINE = range(-FAR, FAR)
ENDS = st.one_of(st.none(), st.integers(-5, 5))


@st.composite
def any_intervals(draw: st.DrawFn) -> Interval:
    start, stop = draw(ENDS), draw(ENDS)
    if start is None or stop is None:
        if start is not None:
            return Interval.above(start)
        return Interval.UNBOUNDED if stop is None else Interval.below(stop)
    return Interval(min(start, stop), max(start, stop))


@st.composite
def finite_boxes(draw: st.DrawFn, rank: int = 2, least: int = -3) -> Box:
    ends = [sorted((draw(st.integers(least, 5)), draw(st.integers(least, 5)))) for _ in range(rank)]
    return Box([Interval(a, b) for a, b in ends])


def members(interval: Interval) -> set[int]:
    return {i for i in LINE if i in interval}


def elements(box: Box) -> set[tuple[int, ...]]:
    return {at for at in product(LINE, repeat=len(box)) if all(i in side for i, side in zip(at, box, strict=True))}


@given(any_intervals(), any_intervals(), st.integers(-3, 3))
def test_intervals_are_the_sets_of_their_integers(a: Interval, b: Interval, move: int) -> None:
    assert members(a.clip(b)) == members(a) & members(b)
    assert members(a.hull(b)) >= members(a) | members(b)
    assert a.contains(b) == (members(b) <= members(a))
    assert {i + move for i in members(a)} & set(LINE[3:-3]) == members(a.shift(move)) & set(LINE[3:-3])
    assert a.empty == (not members(a))
    assert eval(repr(a)) == a
    if a.bounded:
        assert a.size == len(members(a))


def test_all_integers_are_one_value() -> None:
    assert Interval.UNBOUNDED == Interval.above(-(10**30)) == Interval.below(0).hull(Interval.above(0))
    assert Interval.UNBOUNDED.shift(3).unbounded
    assert not Interval.above(0).unbounded
    assert Interval.above(4) in {Interval.above(5).shift(-1)}
    with pytest.raises(TypeError):
        wrongly(Interval)(0, 0, unbounded=True)
    with pytest.raises(InputError, match=r"Interval.above\(3\) has no size; test .bounded first"):
        _ = Interval.above(3).size


# a causal window of 3 taps, 2 apart: units from 5 on read from 1 on
def test_windows_of_intervals_without_end() -> None:
    causal = Window(3, dilation=2, pad_before=4)
    assert causal.needs(Interval.above(5)) == Interval.above(1)
    assert causal.needs(Interval.below(5)) == Interval.below(5)
    assert causal.needs(Interval.UNBOUNDED).unbounded


@given(finite_boxes(), finite_boxes(), st.tuples(st.integers(-2, 2), st.integers(-2, 2)))
def test_boxes_are_the_sets_of_their_elements(a: Box, b: Box, move: tuple[int, int]) -> None:
    inside = elements(a)
    assert elements(a.clip(b)) == inside & elements(b)
    assert a.contains(b) == (elements(b) <= inside)
    assert (a.size, a.empty) == (len(inside), not inside)
    assert elements(a.shift(move)) == {(i + move[0], j + move[1]) for i, j in inside}
    both = inside | elements(b)
    hull = elements(a.hull(b))
    assert hull >= both
    assert not both or hull == set(product(*(range(min(c), max(c) + 1) for c in zip(*both, strict=True))))


@given(finite_boxes(2, 0), finite_boxes(2, 0))
def test_slices_cut_the_elements_out(box: Box, other: Box) -> None:
    array = np.zeros((6, 6), bool)
    array[box.slices] = True
    assert {tuple(map(int, at)) for at in np.argwhere(array)} == elements(box)
    held = box.clip(other)
    if not held.empty:
        part = np.zeros(other.shape, bool)
        part[held.within(other).slices] = True
        assert np.array_equal(np.argwhere(part) + other.origin, sorted(elements(held)))


@given(st.lists(any_intervals(), max_size=4).map(Box))
def test_spelling_and_reading_are_inverse(box: Box) -> None:
    assert Box.parse(str(box)) == eval(repr(box)) == box == pickle.loads(pickle.dumps(box)) == tuple(box)
    assert hash(box) == hash(tuple(box))


@pytest.mark.parametrize("text", ["0", "0:1:2", "a:b", "0:4,,1:2", "0:4,", "1.5:2", ":,"])
def test_what_spells_no_box_is_refused(text: str) -> None:
    if text == "0":
        assert Box.parse(text) == Box.at((0,))
        return
    with pytest.raises(InputError, match="write start:stop for each axis"):
        Box.parse(text)


def test_boxes_that_do_not_fit_are_refused_in_one_line() -> None:
    box = Box("0:4,2:7")
    for call in (box.clip, box.hull, box.contains, box.within):
        with pytest.raises(InputError, match="it has 1 axes, not 2"):
            call(Box("0:4"))
    with pytest.raises(InputError, match="shift by 3 offsets does not fit box 0:4,2:7"):
        box.shift((1, 2, 3))
    with pytest.raises(InputError, match="box '0:4,7:2': '7:2' stops before it starts"):
        Box("0:4,7:2")
    with pytest.raises(InputError, match="must be an Interval"):
        wrongly(Box)([(0, 4)])
    with pytest.raises(InputError, match="lies outside any array"):
        _ = Box("-1:4").slices
