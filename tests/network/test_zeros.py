"""Which outputs read a lit element: against the relations enumerated unit by unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.onnx_cases import through

from striate.geometry import (
    Border,
    Groups,
    Prefix,
    Whole,
    Window,
    gather_map,
    mask_map,
    pad_map,
    part_map,
    slice_map,
    transposed_map,
    window_map,
)
from striate.geometry.axis_map import AxisMap
from striate.network import zeros
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Split, Step, shape_after
from striate.network.zeros import lit_after, narrow, reached

MAPS: tuple[Callable[[int], AxisMap], ...] = (
    lambda n: window_map(Window(3, stride=2, dilation=1, pad_before=1, pad_after=1), n),
    lambda n: transposed_map(Window(1, stride=2), n),
    lambda n: pad_map(n, 2, 1),
    lambda n: pad_map(n, 1, 1, Border.REPLICATE),
    lambda n: part_map(n, 1, n + 2),
    lambda n: slice_map(n, n - 1, n, -1),
    lambda n: gather_map(n, (0, n - 1, 0)),
    lambda n: mask_map(tuple(k % 2 == 0 for k in range(n))),
    lambda n: Whole(n, 2),
    lambda n: Groups(n, 2 * n, n),
    lambda n: Prefix(n),
    lambda n: Prefix(n, reverse=True),
)


@st.composite
def chains(draw: st.DrawFn) -> tuple[tuple[int, ...], Relation]:
    """A shape and a few steps that fit it."""
    start = shape = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=3)))
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, 5))):
        axis = draw(st.integers(0, len(shape) - 1))
        n = shape[axis]
        options: list[Step] = [Along(axis, make(n)) for make in MAPS]
        options += [Permute((*range(1, len(shape)), 0)), Insert(axis), Split(axis, n, 3, 1, 1, -1)]
        options += [Split(axis, 2, n // 2, n // 2)] if n % 2 == 0 else []
        options += [Merge(axis)] if axis + 1 < len(shape) else []
        options += [Drop(axis)] if n == 1 and len(shape) > 1 else []
        step = draw(st.sampled_from(options))
        if 0 in step.shape(shape) or np.prod(step.shape(shape)) > 400:
            continue
        steps.append(step)
        shape = step.shape(shape)
    return start, tuple(steps)


@settings(max_examples=300, deadline=None)
@given(chains(), st.randoms(use_true_random=False))
def test_lit_outputs_are_those_that_read_a_lit_element(
    drawn: tuple[tuple[int, ...], Relation], random: np.random.Generator
) -> None:
    shape, relation = drawn
    thin = tuple(1 if random.random() < 0.4 else n for n in shape)
    lit = np.array([random.random() < 0.6 for _ in range(int(np.prod(thin)))]).reshape(thin)
    n = int(np.prod(shape))
    reads = through(relation, np.eye(n, dtype=bool).reshape(*shape, n))
    expected = (reads & np.broadcast_to(lit, shape).reshape(-1)).any(-1)
    found = np.broadcast_to(reached(relation, shape, lit), shape_after(relation, shape))
    np.testing.assert_array_equal(found, expected)


def test_inputs_are_joined_and_too_many_elements_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Along(1, part_map(2, 0, 4)),), (Along(1, part_map(2, 2, 4)),)
    parts = [((first,), (3, 2), np.array([[True, False]])), ((second,), (3, 2), np.array([[False, True]]))]
    found = lit_after(parts, (3, 4))
    assert found is not None
    assert found.tolist() == [[True, False, False, True]]
    monkeypatch.setattr(zeros, "LARGEST_LIT", 3)
    assert lit_after(parts, (3, 4)) is None
    assert narrow(np.eye(2, dtype=bool)).shape == (2, 2)
