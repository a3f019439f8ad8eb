"""What an interval of outputs needs, against the reads of its units one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.literal import MAKERS, Case

from striate.errors import InputError
from striate.geometry import (
    AxisMap,
    Border,
    Coordinates,
    Groups,
    Interpolation,
    Interval,
    Prefix,
    TapMap,
    Whole,
    Window,
    mask_map,
    pad_map,
    picked_map,
    resize_map,
    slice_map,
    window_map,
)


def hull_of_reads(m: AxisMap, units: range) -> Interval:
    return Interval.of([place for i in units for place in m.reads(i)])


def intervals(count: int) -> Iterator[Interval]:
    return (Interval(a, b) for a in range(count + 1) for b in range(a, count + 1))


def check(m: AxisMap) -> None:
    for units in intervals(m.out_size):
        assert m.needs(units) == hull_of_reads(m, range(units.start, units.stop)), (m, units)


@st.composite
def any_taps(draw: st.DrawFn) -> TapMap:
    n, phases = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    places = st.lists(st.integers(-2 * n, 3 * n), max_size=3).map(tuple)
    taps = tuple(draw(places) for _ in range(phases))
    return TapMap(n, draw(st.integers(0, 12)), draw(st.integers(-4, 9)), taps, draw(st.sampled_from(Border)))


@st.composite
def resizes(draw: st.DrawFn) -> TapMap:
    n, count = draw(st.integers(1, 9)), draw(st.integers(1, 14))
    mode, coordinates = draw(st.sampled_from(Interpolation)), draw(st.sampled_from(Coordinates))
    filtered = mode is not Interpolation.NEAREST and draw(st.booleans())
    scale = draw(st.sampled_from([None, Fraction(3, 2), Fraction(2)]))
    roi = (Fraction(1, 4), Fraction(5, 4))
    return resize_map(
        n, count, mode, coordinates, scale=scale, antialias=filtered, exclude_outside=draw(st.booleans()), roi=roi
    )


@st.composite
def picks(draw: st.DrawFn) -> TapMap:
    n, count = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    places = st.lists(st.one_of(st.none(), st.integers(0, n - 1)), min_size=count, max_size=count)
    return picked_map(resize_map(n, count), tuple(draw(places)))


MAPS = st.one_of(
    any_taps(),
    resizes(),
    picks(),
    st.lists(st.booleans(), min_size=1, max_size=9).map(tuple).map(mask_map),
    st.builds(Whole, st.integers(1, 5), st.integers(0, 5)),
    st.builds(lambda a, b, g: Groups(a * g, b * g, g), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)),
    st.builds(Prefix, st.integers(1, 6), st.booleans()),
)


@pytest.mark.parametrize("make", MAKERS)
def test_every_interval_of_every_map_needs_the_hull_of_its_reads(make: Callable[[Random], Case]) -> None:
    for seed in range(60):
        check(make(Random(seed)).claimed)


@given(MAPS)
def test_any_map_needs_the_hull_of_its_reads(m: AxisMap) -> None:
    check(m)


@given(MAPS, st.data())
def test_needs_is_monotone_and_empty_for_nothing(m: AxisMap, data: st.DataObject) -> None:
    a, b, c, d = sorted(data.draw(st.lists(st.integers(0, m.out_size), min_size=4, max_size=4)))
    assert m.needs(Interval(a, d)).contains(m.needs(Interval(b, c)))
    assert m.needs(Interval(b, b)).empty


@given(st.lists(any_taps(), min_size=2, max_size=3))
def test_composed_needs_hold_all_that_is_read(maps: list[TapMap]) -> None:
    chain = [TapMap(m.in_size, n.in_size, m.in_step, m.taps, m.border) for m, n in pairwise(maps)]
    chain.append(maps[-1])
    for units in intervals(chain[-1].out_size):
        needed, read = units, set(range(units.start, units.stop))
        for m in reversed(chain):
            needed, read = m.needs(needed), {place for i in read for place in m.reads(i)}
        assert needed.contains(Interval.of(sorted(read)))


@pytest.mark.parametrize(
    ("m", "units", "needed"),
    [
        # 10^9 pixels, a window of 3 around every second one
        (window_map(Window(3, 2, 1, 1, 1), 10**9), Interval(0, 5 * 10**8), Interval(0, 10**9)),
        (window_map(Window(3, 2, 1, 1, 1), 10**9), Interval(10**8, 10**8 + 1), Interval(2 * 10**8 - 1, 2 * 10**8 + 2)),
        (pad_map(10**9, 2, 2, Border.REPLICATE), Interval(0, 10**9 + 4), Interval(0, 10**9)),
        (pad_map(10**9, 3, 2, Border.REFLECT), Interval(0, 4), Interval(0, 4)),
        (slice_map(10**9, 10**9 - 1, 10**9, -1), Interval(1, 10**9), Interval(0, 10**9 - 1)),
        (Groups(10**9, 10**9, 10), Interval(10**8 - 1, 10**8 + 1), Interval(0, 2 * 10**8)),
        (Prefix(10**9), Interval(5, 10**8), Interval(0, 10**8)),
    ],
)
def test_long_axes_cost_nothing(m: AxisMap, units: Interval, needed: Interval) -> None:
    assert m.needs(units) == needed


def test_a_long_circle_costs_no_more_than_going_round_it_once() -> None:
    assert pad_map(9, 10**9, 10**9, Border.CIRCULAR).needs(Interval(3, 2 * 10**9)) == Interval(0, 9)


@pytest.mark.parametrize("m", [window_map(Window(3), 9), Whole(4), Groups(4, 4, 2), Prefix(4)])
@pytest.mark.parametrize("units", [Interval(-1, 1), Interval(0, 99), Interval.UNBOUNDED, Interval.above(0)])
def test_units_that_a_map_has_not_are_refused(m: AxisMap, units: Interval) -> None:
    with pytest.raises(InputError, match=r"they lie in Interval\(0, "):
        m.needs(units)


def test_the_hull_of_reads_notices_a_neighbour() -> None:
    wrong = window_map(Window(3, 1, 1, 0, 2), 6)
    right = window_map(Window(3, 1, 1, 1, 1), 6)
    assert hull_of_reads(wrong, range(1, 3)) != right.needs(Interval(1, 3))
