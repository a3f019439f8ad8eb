"""Reads and writes at fixed places against NumPy's indexing, element by element."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from striate.errors import InputError
from striate.fields.patch import Patch, Semiring
from striate.fields.steps import pull_back
from striate.geometry import TapMap
from striate.network.operators import Index, Output, Places, ScatterAt
from striate.network.relation import Along, Merge, Shape, Split, shape_after

Ints = NDArray[np.int64]


def read(output: Output, k: int, shape: Shape, at: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The elements of input ``k``, of ``shape``, that one output element reads."""
    found = []
    for relation in output.reads[k]:
        patch = pull_back(relation, Patch.at(output.shape, at, Semiring.COVER), shape)
        if not patch.empty:
            values = np.zeros(shape, bool)
            values[tuple(slice(i.start, i.stop) for i in patch.box)] = patch.written_out()
            found += [tuple(map(int, row)) for row in np.argwhere(values)]
    return found


@st.composite
def places(draw: st.DrawFn) -> tuple[Shape, Shape, tuple[Ints, ...]]:
    """Sizes of one to three axes, a shape, and indices of each axis that broadcast to it: rows, lattices, anything."""
    sizes = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    shape = tuple(draw(st.lists(st.integers(1, 3), min_size=0, max_size=3)))
    columns = []
    for n in sizes:
        own = [draw(st.sampled_from([1, m])) for m in shape]
        count = prod(own)
        row = draw(st.one_of(
            st.lists(st.integers(-n, n - 1), min_size=count, max_size=count),
            st.builds(lambda start, step, n=n, count=count: [(start + k * step) % n for k in range(count)],
                      st.integers(0, n - 1), st.integers(-1, 2)),
        ))  # fmt: skip
        columns.append(np.array(row, np.int64).reshape(own))
    return sizes, shape, tuple(columns)


@settings(max_examples=120, deadline=None)
@given(places(), st.integers(0, 1), st.integers(0, 1))
def test_reads_at_places_are_numpys(drawn: tuple[Shape, Shape, tuple[Ints, ...]], before: int, behind: int) -> None:
    sizes, shape, indices = drawn
    x = (*(2,) * before, *sizes, *(3,) * behind)
    numbers = np.arange(prod(x)).reshape(x)
    wide = [np.broadcast_to(column, shape) for column in indices]
    every: list[Any] = [slice(None)] * before
    wanted = numbers[(*every, *wide)]
    (output,) = Index(before, tuple(map(Places.of, indices)), shape).result((x,)).outputs
    assert output.shape == wanted.shape
    assert shape_after(output.reads[0][0], x) == wanted.shape
    for at in np.ndindex(*wanted.shape):
        assert read(output, 0, x, at) == [np.unravel_index(wanted[at], x)]


@settings(max_examples=120, deadline=None)
@given(places(), st.integers(0, 1), st.booleans())
def test_writes_at_places_are_numpys(drawn: tuple[Shape, Shape, tuple[Ints, ...]], behind: int, combined: bool) -> None:
    sizes, shape, indices = drawn
    x, updates = (*sizes, *(2,) * behind), (*shape, *(2,) * behind)
    old: dict[tuple[int, ...], list[tuple[int, ...]]] = {at: [at] for at in np.ndindex(*x)}
    new: dict[tuple[int, ...], list[tuple[int, ...]]] = {at: [] for at in np.ndindex(*x)}
    wide = [np.broadcast_to(column, shape) for column in indices]
    for at in np.ndindex(*updates):
        place = tuple(int(column[at[: len(shape)]]) % n for column, n in zip(wide, sizes, strict=True))
        place += at[len(shape) :]
        old[place] = old[place] if combined else []
        new[place] = [*new[place], at] if combined else [at]
    (output,) = ScatterAt(tuple(map(Places.of, indices)), combined).result((x, updates)).outputs
    for at in np.ndindex(*x):
        assert read(output, 0, x, at) == old[at]
        assert sorted(read(output, 1, updates, at)) == sorted(new[at])


def test_axes_that_are_read_apart_are_kept_apart() -> None:
    """The windows of an adaptive pool, picked by one index of each axis, merge no axes."""
    rows = np.array([0, 2, 4, 6])[:, None] + np.arange(3)
    columns = np.array([0, 2, 4, 7, 9])[:, None] + np.arange(4)
    indices = (rows.reshape(4, 3, 1, 1), np.minimum(columns, 11).reshape(1, 1, 5, 4))
    (output,) = Index(2, tuple(map(Places.of, indices)), (4, 3, 5, 4)).result(((1, 3, 9, 12),)).outputs
    relation = output.reads[0][0]
    assert output.shape == (1, 3, 4, 3, 5, 4)
    assert not any(isinstance(step, Merge) for step in relation)
    assert relation[0] == Split(2, 4, 3, 2, 1, 0)


def test_a_row_of_places_is_a_slice() -> None:
    for row, wanted in (([0, 1, 2, 3], 0), ([3, 2, 1, 0], 1), ([1, 3], 1)):
        relation = Index(0, (Places.of(row),), (len(row),)).result(((4,),)).outputs[0].reads[0][0]
        assert len(relation) == wanted
        assert all(isinstance(step, Along) and isinstance(step.map, TapMap) and step.map.periodic for step in relation)


@pytest.mark.parametrize("index", [4, -5])
def test_places_outside(index: int) -> None:
    with pytest.raises(InputError, match=f"index {index} lies outside an axis of 4"):
        Index(0, (Places.of([0, index]),), (2,)).result(((4,),))
