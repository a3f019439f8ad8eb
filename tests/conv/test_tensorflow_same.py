"""``padding="same_upper"`` is TensorFlow's SAME, as Keras computes it on its torch backend."""

from __future__ import annotations

import itertools
import os
import warnings

import numpy as np
import pytest

from striate.conv import conv2d
from striate.conv.problem import Pair

os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ops = pytest.importorskip("keras.ops")

# Keras takes a stride or a dilation above 1, not both.
STEPS: list[tuple[int | Pair, int | Pair]] = [(1, 1), (2, 1), (3, 1), ((2, 3), 1), (1, 2), (1, (2, 3))]
CONFIGURATIONS = [
    (h, w, kernel, stride, dilation)
    for (h, w), kernel, (stride, dilation) in itertools.product(
        [(7, 8), (10, 9), (5, 12)], [(1, 1), (2, 2), (3, 3), (4, 5), (5, 3)], STEPS
    )
]


def test_there_are_enough() -> None:
    assert len(CONFIGURATIONS) >= 64


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_keras_agrees(padding: str) -> None:
    rng = np.random.default_rng(0)
    ours = {"same": "same_upper", "valid": "valid"}[padding]
    compared = 0
    for h, w, kernel, stride, dilation in CONFIGURATIONS:
        x = rng.standard_normal((2, h, w, 4)).astype(np.float32)
        weight = rng.standard_normal((*kernel, 2, 6)).astype(np.float32)
        reach = np.array(dilation) * (np.array(kernel) - 1) + 1
        if padding == "valid" and (reach > (h, w)).any():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = ops.convert_to_numpy(
                ops.conv(x, weight, stride, padding, data_format="channels_last", dilation_rate=dilation)
            )
        result = conv2d(x.transpose(0, 3, 1, 2), weight.transpose(3, 2, 0, 1), None, stride, ours, dilation, groups=2)
        np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, atol=2e-5)
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous
        compared += 1
    assert compared >= 64


def test_torchs_same_differs_where_it_should() -> None:
    """Padding the odd pixel before instead of after is seen."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 1, 6, 6)), rng.standard_normal((1, 1, 3, 3))
    upper, lower = (conv2d(x, weight, stride=2, padding=name) for name in ("same_upper", "same_lower"))
    assert upper.shape == lower.shape
    assert not np.allclose(upper, lower)
