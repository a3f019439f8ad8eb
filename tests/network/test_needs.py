"""The box that a box of an output needs, against every element that its elements read, one by one."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.oracle import carried
from support.pairs import random_pair

from striate.errors import InputError
from striate.geometry import (
    Border,
    Box,
    Groups,
    Interval,
    Prefix,
    TapMap,
    Whole,
    Window,
    gather_map,
    mask_map,
    pad_map,
    transposed_map,
    window_map,
)
from striate.network.needs import needs, needs_of_all, needs_of_node
from striate.network.relation import (
    Along,
    Drop,
    Insert,
    Merge,
    Permute,
    Relation,
    Shape,
    Split,
    Step,
    masked,
    reshape,
    shape_after,
)


def hull_of_reads(relation: Relation, box: Box, shape: Shape) -> Box:
    """The hull of all elements of the input that any element of ``box`` reads, by enumeration."""
    return hull_of(read_by(relation, box, shape))


def read_by(relation: Relation, box: Box, shape: Shape) -> NDArray[np.bool_]:
    found = _dependence(relation, shape)[box.slices].reshape(-1, *shape)
    return np.asarray(found.any(0))


def hull_of(read: NDArray[np.bool_]) -> Box:
    others = [tuple(k for k in range(read.ndim) if k != axis) for axis in range(read.ndim)]
    return Box([Interval.of(np.flatnonzero(read.any(rest)).tolist()) for rest in others])


@cache
def _dependence(relation: Relation, shape: Shape) -> NDArray[np.bool_]:
    count = prod(shape)
    return carried(np.eye(count, dtype=bool).reshape(*shape, count), relation)


def boxes(random: Random, shape: Shape, count: int) -> list[Box]:
    drawn = [Box.whole(shape), Box([Interval(0, 0) for _ in shape])]
    for _ in range(count):
        ends = [sorted(random.randint(0, n) for _ in range(2)) for n in shape]
        drawn.append(Box([Interval(a, b) for a, b in ends]))
    return drawn


def axis_map(random: Random, n: int) -> TapMap | Whole | Groups | Prefix:
    border = random.choice(list(Border))
    sizes = [random.randint(0, 2) for _ in range(random.randint(1, 5))]
    places = [tuple(random.randrange(-1, n + 1) for _ in range(size)) for size in sizes]
    window = Window(random.randint(1, 3), random.randint(1, 3), random.randint(1, 2), random.randint(0, 2), 2)
    maps: list[TapMap | Whole | Groups | Prefix] = [
        window_map(window, n, border),
        window_map(window, n, border),
        transposed_map(Window(random.randint(1, 3), random.randint(1, 2)), n),
        pad_map(n, random.randint(-1, 2), random.randint(-1, 2), border),
        gather_map(n, tuple(random.randrange(n) for _ in range(random.randint(1, 5)))),
        mask_map(tuple(random.random() < 0.6 for _ in range(n))),
        TapMap(n, len(places), 0, tuple(places), border, periodic=False),
        TapMap(n, 2 * n, 1, ((0,),), Border.CIRCULAR),
        Whole(n, random.randint(1, 3)),
        Groups(n, 2 * n, random.choice([g for g in range(1, n + 1) if n % g == 0])),
        Prefix(n, random.random() < 0.5),
    ]
    found = random.choice(maps)
    return found if 0 < found.out_size <= 12 else axis_map(random, n)


def step(random: Random, shape: Shape) -> Step:
    axis = random.randrange(len(shape))
    n = shape[axis]
    order = list(range(len(shape)))
    random.shuffle(order)
    outer, inner, stride, dilation = (random.randint(1, 3) for _ in range(4))
    divisors = [k for k in range(1, n + 1) if n % k == 0]
    some = random.choice(divisors)
    steps: list[Step] = [
        Along(axis, axis_map(random, n)),
        Along(axis, axis_map(random, n)),
        Permute(tuple(order)),
        Split(axis, n // some, some, some),
        Split(axis, outer, inner, stride, dilation, random.randint(-2, 2)),
        Insert(random.randint(0, len(shape))),
    ]
    if axis + 1 < len(shape):
        steps += [Merge(axis)] * 4
    if n == 1 and len(shape) > 1:
        steps.append(Drop(axis))
    return random.choice(steps)


def chain(random: Random) -> tuple[Relation, Shape]:
    """Up to five steps over a small tensor."""
    shape = before = tuple(random.randint(1, 4) for _ in range(random.randint(1, 3)))
    steps: list[Step] = []
    for _ in range(random.randint(1, 5)):
        chosen = step(random, shape)
        after = chosen.shape(shape)
        if prod(after) <= 300 and len(after) <= 4:
            steps.append(chosen)
            shape = after
    return tuple(steps), before


def check(relation: Relation, shape: Shape, random: Random, count: int = 8) -> None:
    for box in boxes(random, shape_after(relation, shape), count):
        found, read = needs(relation, box, shape), hull_of_reads(relation, box, shape)
        assert found == read or (found.empty and read.empty), (relation, shape, box)


@pytest.mark.parametrize("count", [1200, pytest.param(40_000, marks=pytest.mark.exhaustive)])
def test_any_chain_needs_the_hull_of_what_it_reads(count: int) -> None:
    for seed in range(count):
        random = Random(seed)
        relation, shape = chain(random)
        check(relation, shape, random)
        _dependence.cache_clear()


@settings(max_examples=40)
@given(st.permutations([2, 2, 3]), st.sampled_from([(12,), (4, 3), (2, 6), (3, 4), (1, 12, 1), (6, 2)]))
def test_every_box_of_a_reshape(before: list[int], after: Shape) -> None:
    relation, shape = reshape(tuple(before), after), tuple(before)
    sides = [[Interval(a, b) for a in range(n) for b in range(a + 1, n + 1)] for n in after]
    for box in map(Box, product(*sides)):
        assert needs(relation, box, shape) == hull_of_reads(relation, box, shape)


def test_every_box_behind_a_mask_over_two_axes() -> None:
    random = np.random.default_rng(0)
    for _ in range(6):
        relation = masked((3, 2, 4), random.random((3, 1, 4)) < 0.4)
        for box in boxes(Random(0), (3, 2, 4), 60):
            found, read = needs(relation, box, (3, 2, 4)), hull_of_reads(relation, box, (3, 2, 4))
            assert found == read or (found.empty and read.empty)


# a row of 8 laid over rows of 6:   0 0 0 0 0 0 1 1 | 1 1 1 1 2 2 2 2
def test_partial_rows() -> None:
    relation = reshape((4, 6), (3, 8))
    assert needs(relation, Box("0:1,6:8"), (4, 6)) == Box("1:2,0:2")
    assert needs(relation, Box("0:1,5:7"), (4, 6)) == Box("0:2,0:6")
    assert needs(relation, Box("0:2,0:2"), (4, 6)) == Box("0:2,0:4")


# every other pixel, then of these every other: 0 . . . 4 . . . 8, whose hull hides that 2 and 6 are not read
def test_gaps_count_where_a_later_step_tells_them_apart() -> None:
    thin = window_map(Window(1, 2), 9)
    relation = (Along(0, mask_map((True, False, True, False, False, False, False, False, True))), Along(0, thin))
    assert needs(relation, Box("1:4"), (9,)) == Box("2:3")
    relation = (Along(0, gather_map(5, (0, 4, 1, 4, 2))), Along(0, window_map(Window(1, 2), 5)))
    assert needs(relation, Box("0:3"), (5,)) == Box("0:3")


def test_several_relations_need_the_hull_of_all() -> None:
    reads: tuple[Relation, ...] = ((), (Along(0, pad_map(6, 2, -2)),))
    assert needs_of_all(reads, Box("3:5"), (6,)) == Box("1:5")
    assert needs_of_all(reads, Box("3:3"), (6,)).empty


def test_wide_boxes_cost_little() -> None:
    n = 10**6
    relation = (Along(1, window_map(Window(3, 1, 2, 2, 2), n)), Along(0, Whole(64, 32)))
    assert needs(relation, Box("3:4,1000:900000"), (64, n)) == Box("0:64,998:900002")
    tokens = reshape((1, 8, 1000, 1000), (1, 8, n))
    assert needs(tokens, Box("0:1,0:8,1500:999000"), (1, 8, 1000, 1000)) == Box("0:1,0:8,1:999,0:1000")


def test_boxes_outside_are_refused() -> None:
    with pytest.raises(InputError, match=r"box 0:2,3:9 lies outside an output of shape \(3, 8\)"):
        needs(reshape((4, 6), (3, 8)), Box("0:2,3:9"), (4, 6))
    with pytest.raises(InputError, match="it has 1 axes, not 2"):
        needs(reshape((4, 6), (3, 8)), Box("0:2"), (4, 6))


def test_the_enumeration_notices_a_hull_taken_too_early() -> None:
    relation = reshape((4, 6), (3, 8))
    assert hull_of_reads(relation, Box("0:1,6:8"), (4, 6)) != Box("0:2,0:6")


@pytest.mark.parametrize("seed", range(80))
def test_nodes_need_the_hull_of_what_their_outputs_read(seed: int) -> None:
    network, random = random_pair(seed).network(), Random(seed)
    for node, result in zip(network.nodes, network.results, strict=True):
        shapes = [network.shapes[name] for name in node.inputs]
        for _ in range(3):
            asked = [boxes(random, output.shape, 1)[random.choice([0, 2])] for output in result.outputs]
            asked_for = [box if random.random() < 0.8 else None for box in asked]
            found = needs_of_node(result, asked_for, shapes)
            for k, (box, shape) in enumerate(zip(found, shapes, strict=True)):
                read = np.zeros(shape, np.bool_)
                for output, part in zip(result.outputs, asked_for, strict=True):
                    if part is not None:
                        read |= sum((read_by(relation, part, shape) for relation in output.reads[k]), start=read)
                assert box == hull_of(read) or (box.empty and not read.any()), (node, asked_for)
    _dependence.cache_clear()
