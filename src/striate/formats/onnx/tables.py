"""A resize of a part, written as the pixels that each unit of the whole reads and their weights.

The places are those of the whole's units, in onnxruntime's own float32 arithmetic: the size of a part says nothing
of them, and exact fractions would weigh pixels otherwise in the last bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from striate.errors import UnsupportedError
from striate.formats.onnx.resizing import WHOLE, places
from striate.geometry import Interpolation, Interval
from striate.network.operators import Resize
from striate.network.relation import Shape

Indices = NDArray[np.int64]
Weights = NDArray[np.float32]
Tap = tuple[Indices, Weights | None]
"""For each unit one pixel, and its weight; None: 1."""


def taps(whole: Resize, part: Resize, shape: Shape, k: int, units: Interval, pixels: Interval) -> list[Tap]:
    """What the units of one axis read of the pixels that a part holds.

    ``whole`` resizes a tensor of ``shape``; ``units`` and ``pixels`` lie on its ``k``-th axis, counted in the whole.
    """
    n, count = shape[whole.axes[k]], whole.size[k]
    if part.picks is not None:
        row = part.picks[k]
        if None in row:
            raise UnsupportedError("a resize of a crop is not written")
        return [(np.array(row, np.int64), None)]
    scale = _scale(whole, n, count, k)
    x = places(whole.coordinates, n, count, scale, WHOLE)[units.start : units.stop]
    if whole.antialias:
        rows = _filtered(x, n, whole, scale)
    else:
        rows = _linear(x, n) if whole.mode is Interpolation.LINEAR else _cubic(x, n, whole)
    held = pixels.size - 1
    return [(np.clip(row - pixels.start, 0, held), weights) for row, weights in rows if np.any(weights)]


def _scale(whole: Resize, n: int, count: int, k: int) -> np.float32:
    by_size = np.float32(count) / np.float32(n)
    if whole.scale is None:
        return np.float32(by_size)
    given = whole.scale[k]
    return np.float32(by_size) if given == given.__class__(count, n) else np.float32(float(given))


def _linear(x: Weights, n: int) -> list[tuple[Indices, Weights]]:
    """Two neighbours, weighed as onnxruntime weighs them; beyond an end the last pixel twice, by halves."""
    inside = np.clip(x, np.float32(0), np.float32(n - 1))
    low = np.minimum(inside.astype(np.int64), n - 1)
    high = np.minimum(low + 1, n - 1)
    upper = np.abs(inside - low.astype(np.float32))
    lower = np.abs(inside - high.astype(np.float32))
    alone = low == high
    upper[alone] = lower[alone] = 0.5
    return [(low, lower), (high, upper)]


def _cubic(x: Weights, n: int, whole: Resize) -> list[tuple[Indices, Weights]]:
    """Four neighbours; those outside are the last pixel, or are left out and the rest weighed anew."""
    a, one = np.float32(whole.cubic), np.float32(1)
    base = np.floor(x)
    s = (x - base).astype(np.float32)
    weights = [
        ((a * (s + one) - 5 * a) * (s + one) + 8 * a) * (s + one) - 4 * a,
        ((a + 2) * s - (a + 3)) * s * s + one,
        ((a + 2) * (one - s) - (a + 3)) * (one - s) * (one - s) + one,
        ((a * (one - s + one) - 5 * a) * (one - s + one) + 8 * a) * (one - s + one) - 4 * a,
    ]
    rows = [base.astype(np.int64) + offset for offset in range(-1, 3)]
    if whole.exclude_outside:
        weights = [np.where((row < 0) | (row >= n), np.float32(0), w) for row, w in zip(rows, weights, strict=True)]
        total = np.sum(weights, axis=0, dtype=np.float32)
        weights = [w / total for w in weights]
    clipped: Sequence[Indices] = [np.clip(row, 0, n - 1) for row in rows]
    return [(row, w.astype(np.float32)) for row, w in zip(clipped, weights, strict=True)]


def _filtered(x: Weights, n: int, whole: Resize, scale: np.float32) -> list[tuple[Indices, Weights]]:
    """All pixels under a filter that is as wide as what a unit stands for; those outside as in ``_cubic``."""
    half, one = np.float32(0.5), np.float32(1)
    wide, centre = max(one / scale, one), x + half
    reach = np.float32(1 if whole.mode is Interpolation.LINEAR else 2) * wide
    first, last = (np.floor(centre + side + half).astype(np.int64) for side in (-reach, reach))
    weigh = _triangle if whole.mode is Interpolation.LINEAR else _wave
    rows: list[tuple[Indices, Weights]] = []
    for row in (first + k for k in range(int((last - first).max()))):
        weights = weigh(np.abs((row - centre + half) / wide).astype(np.float32), np.float32(whole.cubic))
        left_out = (row >= last) | (whole.exclude_outside & ((row < 0) | (row >= n)))
        rows.append((np.clip(row, 0, n - 1), np.where(left_out, np.float32(0), weights)))
    total: Weights = np.sum([weights for _, weights in rows], axis=0, dtype=np.float32)
    total[total == 0] = one
    return [(row, (weights / total).astype(np.float32)) for row, weights in rows]


def _triangle(s: Weights, _: np.float32) -> Weights:
    return np.where(s < 1, np.float32(1) - s, np.float32(0)).astype(np.float32)


def _wave(s: Weights, a: np.float32) -> Weights:
    """Keys' cubic over the distance of a pixel."""
    near = ((a + 2) * s - (a + 3)) * s * s + np.float32(1)
    far = ((a * s - 5 * a) * s + 8 * a) * s - 4 * a
    return np.where(s < 1, near, np.where(s < 2, far, np.float32(0))).astype(np.float32)
