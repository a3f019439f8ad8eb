"""A layer as one sparse matrix: its columns are what torch makes of single pixels, its product the runtime's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.odd import wrongly
from torch import nn

from striate import InputError
from striate.conv import conv2d, explain
from striate.explore import SparseProduct, TooLarge
from striate.explore.sparse import MOST_WEIGHTS, sparse_product
from striate.explore.steps import step

PICTURE = np.random.default_rng(0).random((1, 3, 9, 8)).astype(np.float32)
LAYERS = [
    nn.Conv2d(3, 4, 3, 2, 1),
    nn.Conv2d(3, 6, (3, 5), 1, (2, 0), (2, 1), groups=3, bias=False),
    nn.Conv2d(3, 2, 3, padding="same", dilation=2),
]


def by_impulses(layer: nn.Module) -> np.ndarray:
    """What each pixel alone adds to each output, asked of torch one by one: (outputs, pixels)."""
    single = torch.eye(PICTURE.size).reshape(PICTURE.size, *PICTURE.shape[1:])
    with torch.no_grad():
        lit, dark = layer(single), layer(torch.zeros(1, *PICTURE.shape[1:]))
    return np.asarray((lit - dark).reshape(PICTURE.size, -1).T)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("channel", "at"), [(0, (0, 0)), (1, (2, 3))])
def test_its_columns_are_what_torch_makes_of_single_pixels(layer: nn.Conv2d, channel: int, at: tuple[int, int]) -> None:
    found = step(nn.Sequential(layer), "0", at, PICTURE, channel, (1, 3, 9, 8), sparse=True)
    sparse = found.sparse
    assert isinstance(sparse, SparseProduct)
    matrix = by_impulses(layer)
    np.testing.assert_allclose(sparse.matrix.toarray(), matrix, atol=1e-6)
    assert sparse.shape == matrix.shape
    with torch.no_grad():
        whole = layer(torch.from_numpy(PICTURE))[0].numpy()
    np.testing.assert_allclose(sparse.outputs, whole, atol=1e-5)
    assert sparse.row == np.ravel_multi_index((channel, *at), whole.shape)
    assert sparse.value == pytest.approx(found.runtime, abs=1e-5)
    assert sparse.difference == pytest.approx(np.abs(sparse.outputs - whole).max())
    np.testing.assert_array_equal(sparse.places, np.flatnonzero(np.abs(matrix[sparse.row]) > 1e-6))
    rows = sparse.rows(channel)
    places = whole[0].size
    np.testing.assert_allclose(np.nan_to_num(rows), matrix[channel * places : (channel + 1) * places], atol=1e-6)
    assert int((~np.isnan(rows)).sum()) * len(whole) == sparse.weights


def test_the_difference_tells_another_layer_apart() -> None:
    """Held against the output of other weights it is large, so that a small one says something."""
    x, weight = PICTURE[0].astype(float), np.random.default_rng(1).standard_normal((2, 3, 3, 3))
    part = explain(x, weight, at=(0, 1, 1))
    shape = (2, 7, 6)
    right, wrong = (
        sparse_product(part, x, weight, None, conv2d(x, kernel), "conv2d", shape, {}) for kernel in (weight, -weight)
    )
    assert isinstance(right, SparseProduct)
    assert isinstance(wrong, SparseProduct)
    assert (right.difference or 0) < 1e-12
    assert (wrong.difference or 0) > 1


def test_what_is_too_large_is_one_line_with_its_size() -> None:
    x, weight = np.zeros((1, 600, 600)), np.ones((1, 1, 3, 3))
    part = explain(x, weight, padding=1, at=(0, 0, 0))
    found = sparse_product(part, x, weight, None, None, "conv2d", (1, 600, 600), {"padding": 1})
    assert found == TooLarge((360_000, 360_000), 3_240_000)
    (line,) = found.lines()
    said = f"360,000 x 360,000 with 3,240,000 weights, not built: at most {MOST_WEIGHTS:,}; take a smaller input"
    assert line == f"as one sparse matrix: {said}"
    assert len(found.lines("zh")) == 1


def test_small_numbers_are_drawn_and_larger_ones_are_not() -> None:
    x, weight = np.arange(16.0).reshape(1, 4, 4), np.arange(9.0).reshape(1, 1, 3, 3)
    part = explain(x, weight, at=(0, 1, 0))
    found = sparse_product(part, x, weight, None, None, "conv2d", (1, 2, 2), {})
    assert found.lines()[1:5] == [
        "  0 1 2 . 3 4 5 . 6 7 8 . . . . .",
        "  . 0 1 2 . 3 4 5 . 6 7 8 . . . .",
        " >. . . . 0 1 2 . 3 4 5 . 6 7 8 .",
        "  . . . . . 0 1 2 . 3 4 5 . 6 7 8",
    ]
    assert found.lines()[5] == "row 2 reads 9 of the vector: 4 5 6 8 9 10 12 13 14"
    uneven = sparse_product(part, x, weight / 7, None, None, "conv2d", (1, 2, 2), {})
    assert uneven.lines()[1].startswith("row 2 reads 9")


def test_it_is_built_where_it_is_asked_for() -> None:
    module = nn.Sequential(LAYERS[0])
    plain = step(module, "0", (0, 0), PICTURE, 0, (1, 3, 9, 8))
    assert plain.sparse is None
    assert not any("sparse" in line for line in plain.lines(matrix=True))
    asked = step(module, "0", (0, 0), PICTURE, 0, (1, 3, 9, 8), sparse=True)
    assert any(line.startswith("as one sparse matrix: 80 x 216 ") for line in asked.lines(matrix=True))
    with pytest.raises(InputError, match="sparse must be a bool"):
        wrongly(step)(module, "0", (0, 0), PICTURE, 0, (1, 3, 9, 8), sparse=1)
