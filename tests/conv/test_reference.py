"""The oracle itself: against a definition spelled out number by number, and against torch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from striate.conv import reference
from striate.conv.arguments import PaddingMode
from striate.conv.arrays import Array
from striate.conv.problem import Pads, Pair

Steps = tuple[Pair, Pads, Pair, int, PaddingMode]

CASES: list[Steps] = [
    ((1, 1), (0, 0, 0, 0), (1, 1), 1, "zeros"),
    ((2, 3), (1, 2, 0, 3), (1, 2), 2, "zeros"),
    ((1, 2), (1, 1, 2, 2), (2, 1), 4, "reflect"),
    ((3, 1), (2, 0, 1, 1), (1, 1), 2, "replicate"),
    ((1, 1), (2, 2, 3, 1), (1, 1), 1, "circular"),
]


def spelled_out(x: Array, w: Array, bias: Array, steps: Steps) -> Array:
    stride, padding, dilation, groups, mode = steps
    n, _, h, width = x.shape
    k, per, kh, kw = w.shape

    def pixel(i: int, channel: int, y: int, left: int) -> float:
        if mode == "zeros":
            return float(x[i, channel, y, left]) if 0 <= y < h and 0 <= left < width else 0.0
        if mode == "replicate":
            return float(x[i, channel, min(max(y, 0), h - 1), min(max(left, 0), width - 1)])
        if mode == "circular":
            return float(x[i, channel, y % h, left % width])
        mirror = [abs(y), abs(left)]
        for axis, size in ((0, h), (1, width)):
            if mirror[axis] >= size:
                mirror[axis] = 2 * (size - 1) - mirror[axis]
        return float(x[i, channel, mirror[0], mirror[1]])

    rows = [y for y in range(-padding[0], h + padding[1], stride[0]) if y + dilation[0] * (kh - 1) < h + padding[1]]
    cols = [
        q for q in range(-padding[2], width + padding[3], stride[1]) if q + dilation[1] * (kw - 1) < width + padding[3]
    ]
    out = np.zeros((n, k, len(rows), len(cols)))
    for i, o, (a, y), (b, q) in itertools.product(range(n), range(k), enumerate(rows), enumerate(cols)):
        total = bias[o]
        for channel, r, s in itertools.product(range(per), range(kh), range(kw)):
            source = o // (k // groups) * per + channel
            total += w[o, channel, r, s] * pixel(i, source, y + r * dilation[0], q + s * dilation[1])
        out[i, o, a, b] = total
    return out


@pytest.mark.parametrize("steps", CASES)
def test_conv2d_is_its_definition(steps: Steps) -> None:
    groups, rng = steps[3], np.random.default_rng(1)
    x, w, b = rng.standard_normal((2, 4, 6, 7)), rng.standard_normal((4, 4 // groups, 3, 2)), rng.standard_normal(4)
    np.testing.assert_allclose(reference.conv2d(x, w, b, *steps), spelled_out(x, w, b, steps), atol=1e-12)


def test_conv2d_flips_nothing() -> None:
    # 0 0 1 0 0 with kernel 1 2 3 -> 3 2 1
    impulse = np.array([0.0, 0, 1, 0, 0]).reshape(1, 1, 1, 5)
    assert reference.conv2d(impulse, np.array([[[[1.0, 2, 3]]]])).ravel().tolist() == [3, 2, 1]


@pytest.mark.parametrize("seed", range(4))
def test_conv_transpose2d_is_torchs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w, b = rng.standard_normal((2, 4, 4, 3)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(6)
    stride, dilation = (1 + seed, 2), (2, 1 + seed % 2)
    result = reference.conv_transpose2d(x, w, b, stride, (1, 1, 0, 0), (seed % 2, 1), dilation, 2)
    image, kernels, offsets = (torch.from_numpy(a) for a in (x, w, b))
    expected = torch.nn.functional.conv_transpose2d(image, kernels, offsets, stride, (1, 0), (seed % 2, 1), 2, dilation)
    np.testing.assert_allclose(result, expected.numpy(), atol=1e-12)


def test_the_oracle_can_fail() -> None:
    """A flipped kernel, a wrong stride and a missing bias are all seen."""
    rng = np.random.default_rng(2)
    x, w, b = rng.standard_normal((1, 2, 6, 6)), rng.standard_normal((3, 2, 3, 3)), rng.standard_normal(3)
    right = reference.conv2d(x, w, b)
    assert not np.allclose(right, reference.conv2d(x, w[:, :, ::-1], b))
    assert not np.allclose(right, reference.conv2d(x, w))
    assert not np.allclose(right[:, :, ::2], reference.conv2d(x, w, b, padding=(1, 0, 0, 0))[:, :, ::2][:, :, :2])
