"""Relations that only move elements against NumPy moving an array of element numbers."""

from __future__ import annotations

from itertools import product
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
from striate.network.operators import BY_WORD
from striate.network.relation import (
    Along,
    Drop,
    Insert,
    Merge,
    Permute,
    Relation,
    Shape,
    Split,
    broadcast,
    masked,
    reshape,
    shape_after,
)


def moved(numbers: NDArray[np.int64], relation: Relation) -> NDArray[np.int64]:
    """Element numbers after a relation whose elements read exactly one element each."""
    for step in relation:
        shape = step.shape(numbers.shape)
        out = np.empty(shape, np.int64)
        for index in product(*map(range, shape)):
            out[index] = numbers[source(step, index, numbers.shape)]
        numbers = out
    return numbers


def source(step: object, index: tuple[int, ...], before: Shape) -> tuple[int, ...]:
    match step:
        case Along(axis, axis_map):
            (i,) = axis_map.reads(index[axis])
            return (*index[:axis], i, *index[axis + 1 :])
        case Permute(order):
            return tuple(index[order.index(axis)] for axis in range(len(order)))
        case Split(axis, _, _, stride, dilation, offset):
            i = index[axis] * stride + index[axis + 1] * dilation + offset
            return (*index[:axis], i, *index[axis + 2 :])
        case Merge(axis):
            return (*index[:axis], *divmod(index[axis], before[axis + 1]), *index[axis + 1 :])
        case Insert(axis):
            return (*index[:axis], *index[axis + 1 :])
        case Drop(axis):
            return (*index[:axis], 0, *index[axis:])
    raise AssertionError(step)


def numbered(shape: Shape) -> NDArray[np.int64]:
    return np.arange(prod(shape)).reshape(shape)


@st.composite
def two_shapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Two ways to arrange the same number of elements, with ones strewn in."""
    factors = draw(st.lists(st.sampled_from([2, 2, 3, 5]), max_size=5))

    def arranged() -> Shape:
        sizes: list[int] = []
        for factor in draw(st.permutations(factors)):
            joins: bool = draw(st.booleans()) if sizes else False
            if joins:
                sizes[-1] *= factor
            else:
                sizes.append(factor)
        for _ in range(draw(st.integers(0, 2))):
            sizes.insert(draw(st.integers(0, len(sizes))), 1)
        return tuple(sizes)

    return arranged(), arranged()


@given(two_shapes())
def test_reshape_is_numpys(shapes: tuple[Shape, Shape]) -> None:
    before, after = shapes
    relation = reshape(before, after)
    assert shape_after(relation, before) == after
    np.testing.assert_array_equal(moved(numbered(before), relation), numbered(before).reshape(after))


@pytest.mark.parametrize(("before", "after"), [((3,), (2, 3)), ((2, 1), (2, 4)), ((1, 1), (3, 2, 5)), ((), (2,))])
def test_broadcast_is_numpys(before: Shape, after: Shape) -> None:
    found = moved(numbered(before), broadcast(before, after))
    np.testing.assert_array_equal(found, np.broadcast_to(numbered(before), after))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="6 and 8 elements"):
        reshape((2, 3), (2, 4))
    with pytest.raises(InputError, match="does not broadcast"):
        broadcast((3,), (4,))


X = (1, 8, 4, 6)
MOVES = [
    ("transpose", {"order": (0, 2, 3, 1)}, lambda x: x.transpose(0, 2, 3, 1)),
    ("slice", {"axes": (3,), "starts": (5,), "counts": (3,), "steps": (-2,)}, lambda x: x[..., ::-2]),
    ("select", {"axis": 1, "index": -2}, lambda x: x[:, -2]),
    ("gather", {"axis": 1, "indices": [7, 0, -1]}, lambda x: x[:, [7, 0, -1]]),
    ("gather", {"axis": 2, "indices": [[3, 0], [1, 2]]}, lambda x: x[:, :, [[3, 0], [1, 2]]]),
    ("tile", {"repeats": (2, 1, 3, 1)}, lambda x: np.tile(x, (2, 1, 3, 1))),
    ("repeat_interleave", {"axis": 3, "repeats": 2}, lambda x: x.repeat(2, 3)),
    ("roll", {"axes": (2, 3), "shifts": (1, -2)}, lambda x: np.roll(x, (1, -2), (2, 3))),
    (
        "channel_shuffle",
        {"groups": 2},
        lambda x: x.reshape(1, 2, 4, 4, 6).swapaxes(1, 2).reshape(x.shape),
    ),
    (
        "depth_to_space",
        {"block": 2},
        lambda x: x.reshape(1, 2, 2, 2, 4, 6).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 8, 12),
    ),
    (
        "depth_to_space",
        {"block": 2, "column_major": True},
        lambda x: x.reshape(1, 2, 2, 2, 4, 6).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 8, 12),
    ),
    (
        "space_to_depth",
        {"block": 2},
        lambda x: x.reshape(1, 8, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 32, 2, 3),
    ),
    (
        "space_to_depth",
        {"block": 2, "column_major": True},
        lambda x: x.reshape(1, 8, 2, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(1, 32, 2, 3),
    ),
    (
        "sliding",
        {"axis": 3, "size": 3, "step": 2},
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, 3)[:, :, :, ::2],
    ),
]


@pytest.mark.parametrize(("op", "attributes", "numpys"), MOVES, ids=[f"{op}-{k}" for k, (op, *_) in enumerate(MOVES)])
def test_arranging_operators_are_numpys(op: str, attributes: dict[str, Any], numpys: Any) -> None:
    (output,) = BY_WORD[op](**attributes).result((X,)).outputs
    wanted = numpys(numbered(X))
    assert output.shape == wanted.shape
    np.testing.assert_array_equal(moved(numbered(X), output.reads[0][0]), wanted)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_a_mask_reads_what_it_keeps_and_nothing_else(shape: list[int], data: st.DataObject) -> None:
    sizes = [data.draw(st.sampled_from([1, n])) for n in shape]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=prod(sizes), max_size=prod(sizes)))).reshape(sizes)
    relation = masked(tuple(shape), keep)
    assert shape_after(relation, tuple(shape)) == tuple(shape)
    for at in np.ndindex(*shape):
        read = pull_back(relation, Patch.at(tuple(shape), at, Semiring.COVER), tuple(shape)).tight()
        expected = [at] if np.broadcast_to(keep, shape)[at] else []
        assert [tuple(side.start for side in read.box)] * int(read.written_out().sum()) == expected
