"""The property test of geometry: maps, their runs, their hulls and compositions against literal positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from support.literal import MAKERS, Case, Reads, padded, slid

from striate.geometry import Border, Interval, TapMap, Window, gather_map, mask_map, window_map

DEFAULT, FULL = 400, 14_000


def check(case: Case) -> None:
    m = case.claimed
    assert m.out_size == len(case.literal), case.text
    for i, places in enumerate(case.literal):
        assert sorted(m.reads(i)) == sorted(places), f"unit {i} of {case.text}"
    assert pairs(m) == Counter((i, p) for i, places in enumerate(case.literal) for p in places), case.text


def pairs(m: TapMap) -> Counter[tuple[int, int]]:
    """Every (output, input) pair that the runs name, and how often."""
    return Counter(
        (run.out_start + k * run.out_step, run.in_start + k * run.in_step) for run in m.runs() for k in range(run.count)
    )


@pytest.mark.parametrize("make", MAKERS)
def test_maps_read_the_literal_positions(make: Callable[[Random], Case]) -> None:
    for seed in range(DEFAULT):
        check(make(Random(seed)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("make", MAKERS)
def test_many_maps_read_the_literal_positions(make: Callable[[Random], Case]) -> None:
    for seed in range(DEFAULT, FULL):
        check(make(Random(seed)))


def test_maps_of_any_taps_read_what_their_runs_name() -> None:
    random = Random(0)
    for _ in range(2000):
        n, units = random.randint(1, 8), random.randint(1, 9)
        phases = random.choice([1, 2, units, units + 2])
        taps = tuple(
            tuple(random.randint(-3, n + 3) for _ in range(random.randint(0, 3))) for _ in range(phases)
        )
        m = TapMap(n, units, random.randint(-2, 2), taps, random.choice(list(Border)))
        assert pairs(m) == Counter((i, p) for i in range(units) for p in m.reads(i)), m


def test_a_map_that_never_repeats_names_long_runs() -> None:
    assert len(mask_map((True, True, False, True, True, True)).runs()) == 2
    assert [run.in_step for run in gather_map(9, (8, 6, 4, 4, 4)).runs()] == [-2, 0]


def chain(random: Random) -> list[Case]:
    """Two to four maps, each over as many places as the one before gives."""
    cases: list[Case] = []
    while len(cases) < random.randint(2, 4):
        case = next_case(random, cases[-1].claimed.out_size if cases else None)
        if case is None:
            break
        cases.append(case)
    return cases


def next_case(random: Random, n: int | None) -> Case | None:
    for _ in range(400):
        case = random.choice(MAKERS)(random)
        if case.claimed.out_size and n in (None, case.claimed.in_size):
            return case
    return None


def matrix(m: TapMap) -> np.ndarray:
    found = np.zeros((m.out_size, m.in_size), dtype=np.int64)
    for run in m.runs():
        for k in range(run.count):
            found[run.out_start + k * run.out_step, run.in_start + k * run.in_step] += 1
    return found


def composed(cases: list[Case]) -> Reads:
    """Positions behind the last map, followed list by list."""
    places = cases[0].literal
    for case in cases[1:]:
        places = [[p for middle in unit for p in places[middle]] for unit in case.literal]
    return places


def check_chain(cases: list[Case]) -> None:
    product = matrix(cases[0].claimed)
    for case in cases[1:]:
        product = matrix(case.claimed) @ product
    for i, places in enumerate(composed(cases)):
        text = f"unit {i} of {' -> '.join(case.text for case in cases)}"
        assert {p: int(k) for p, k in enumerate(product[i]) if k} == Counter(places), text


def test_compositions_read_the_literal_positions() -> None:
    for seed in range(500):
        check_chain(chain(Random(seed)))


@pytest.mark.exhaustive
def test_many_compositions_read_the_literal_positions() -> None:
    for seed in range(500, 12_000):
        check_chain(chain(Random(seed)))


def random_window(random: Random) -> Window:
    return Window(random.randint(1, 5), random.randint(1, 3), random.randint(1, 3), random.randint(-2, 4))


def check_hull(windows: list[Window], units: Interval) -> None:
    """``needs`` of a stack is the hull of what single units of the stack read, on an endless line."""
    claimed, reads = units, set(range(units.start, units.stop))
    for window in reversed(windows):
        wider = window.needs(Interval(claimed.start - 1, claimed.stop + 1))
        claimed = window.needs(claimed)
        assert wider.start <= claimed.start
        assert wider.stop >= claimed.stop
        # . [0 1 2] 3 4 -> the window stands at place unit * stride of a line that begins pad_before left of zero
        reads = {
            place - window.pad_before
            for unit in reads
            for place in range(unit * window.stride, unit * window.stride + window.extent, window.dilation)
        }
        if units.empty:
            assert claimed.empty
        else:
            assert claimed == Interval(min(reads), max(reads) + 1)


@pytest.mark.parametrize("count", [1500, pytest.param(30_000, marks=pytest.mark.exhaustive)])
def test_hulls_compose_and_are_monotone(count: int) -> None:
    for seed in range(count):
        random = Random(seed)
        start = random.randint(-3, 9)
        units = Interval(start, start + random.randint(0, 4))
        check_hull([random_window(random) for _ in range(random.randint(1, 4))], units)


def test_never_read_pixels_are_those_no_window_touches() -> None:
    for seed in range(500):
        random = Random(seed)
        window, n = random_window(random), random.randint(3, 12)
        touched = {p for unit in slid(padded(n, window.pad_before, 0), window.size, window.stride, window.dilation)
                   for p in unit}
        assert set(window.never_read(n)) == set(range(n)) - touched


@pytest.mark.parametrize(
    ("wrong", "literal"),
    [
        (Window(3, 1, 1, 1, 1), slid(padded(6, 0, 2), 3, 1, 1)),
        (Window(3, 2, 1, 0, 1), slid(padded(6, 0, 0), 3, 2, 1)),
        (Window(2, 1, 2), slid(padded(6, 0, 0), 3, 1, 1)),
        (Window(2, 1, 1), slid(padded(6, 0, 0), 2, 2, 1)),
    ],
)
def test_the_enumeration_notices_a_wrong_window(wrong: Window, literal: Reads) -> None:
    with pytest.raises(AssertionError):
        check(Case("wrong", window_map(wrong, 6), literal))


def test_the_enumeration_notices_a_wrong_border() -> None:
    # reflect  2 1 | 0 1 2 3 | 2 1   symmetric  1 0 | 0 1 2 3 | 3 2
    literal = slid(padded(4, 2, 2, Border.REFLECT), 3, 1, 1)
    check(Case("right", window_map(Window(3, 1, 1, 2, 2), 4, Border.REFLECT), literal))
    with pytest.raises(AssertionError):
        check(Case("wrong", window_map(Window(3, 1, 1, 2, 2), 4, Border.SYMMETRIC), literal))


def test_the_chain_notices_a_swapped_order() -> None:
    cases = [
        Case("blur", window_map(Window(3), 9), slid(padded(9, 0, 0), 3, 1, 1)),
        Case("step", window_map(Window(1, 2), 7), slid(padded(7, 0, 0), 1, 2, 1)),
    ]
    check_chain(cases)
    shifted = Case("shifted", window_map(Window(1, 2, 1, -1, 1), 7), cases[1].literal)
    with pytest.raises(AssertionError):
        check_chain([cases[0], shifted])


@pytest.mark.parametrize(
    ("border", "line"),
    [
        (Border.ZERO, [None, None, None, 0, 1, 2, None, None]),
        (Border.REPLICATE, [0, 0, 0, 0, 1, 2, 2, 2]),
        (Border.CIRCULAR, [0, 1, 2, 0, 1, 2, 0, 1]),
        (Border.SYMMETRIC, [2, 1, 0, 0, 1, 2, 2, 1]),
        (Border.REFLECT, [1, 2, 1, 0, 1, 2, 1, 0]),
    ],
)
def test_the_padded_line_by_hand(border: Border, line: list[int | None]) -> None:
    assert padded(3, 3, 2, border) == line
