"""How much of each pixel a shape covers, in closed form: polygons and discs on a grid of unit squares.

Places are those of a picture's middle: ``x`` to the right, ``y`` upwards, in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Point = tuple[float, float]


def places(height: int, width: int) -> tuple[Floats, Floats]:
    """The middles of all pixels: ``x`` of shape (1, width), ``y`` of shape (height, 1).

    >>> x, y = places(2, 3)
    >>> x.tolist(), y.tolist()
    ([[-1.0, 0.0, 1.0]], [[0.5], [-0.5]])
    """
    columns, rows = (np.arange(n, dtype=np.float64) - (n - 1) / 2 for n in (width, height))
    return columns[None], -rows[:, None]


def polygon_cover(corners: Sequence[Point], height: int, width: int) -> Floats:
    """The share of each pixel inside a polygon whose corners stand anticlockwise.

    Each side adds what it has to its left: along the part of a row of pixels that the side crosses, the mean of a
    ramp, which is exact. The result has shape (height, width).

    >>> polygon_cover([(-1, -0.5), (1, -0.5), (1, 0.5)], 1, 2)
    array([[0.25, 0.75]])
    """
    x, y = places(height, width)
    total = np.zeros((height, width))
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 == y1:
            continue
        low, high = (np.clip(end, y - 0.5, y + 0.5) for end in (y0, y1))
        start, stop = (x0 + (end - y0) * ((x1 - x0) / (y1 - y0)) - x for end in (low, high))
        covered = _mean_ramp(start + 0.5, stop + 0.5) - _mean_ramp(start - 0.5, stop - 0.5)
        total += (high - low) * covered
    return np.clip(total, 0.0, 1.0)


def _mean_ramp(start: Floats, stop: Floats) -> Floats:
    """The mean of ``max(u, 0)`` for ``u`` from one number to another."""
    least, most = np.minimum(start, stop), np.maximum(start, stop)
    crossing = (least < 0) & (most > 0)
    beyond = np.where(crossing, most, 0.0) ** 2 / (2 * np.where(crossing, most - least, 1.0))
    return np.where(crossing, beyond, np.maximum((least + most) / 2, 0.0))


def disc_cover(radius: float, at: Point, height: int, width: int) -> Floats:
    """The share of each pixel inside a disc around ``at``; shape (height, width).

    >>> round(float(disc_cover(1.5, (0, 0), 5, 5).sum() / 1.5**2), 12) == round(np.pi, 12)
    True
    """
    if radius <= 0:
        return np.zeros((height, width))
    x, y = places(height, width)
    right, left = x - at[0] + 0.5, x - at[0] - 0.5
    upper, lower = y - at[1] + 0.5, y - at[1] - 0.5
    corners = (_quarter(a, b, radius) for a, b in ((right, upper), (left, upper), (right, lower), (left, lower)))
    both, without_left, without_lower, neither = corners
    return np.clip(both - without_left - without_lower + neither, 0.0, 1.0)


def _quarter(x: Floats, y: Floats, radius: float) -> Floats:
    """The area of a disc between its middle's two axes and ``x``, ``y``; odd in each."""
    a, b = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    bend = np.sqrt(radius**2 - b**2)
    area = np.where(a <= bend, a * b, bend * b + _segment(np.maximum(a, bend), radius) - _segment(bend, radius))
    return np.sign(x) * np.sign(y) * area


def _segment(x: Floats, radius: float) -> Floats:
    """The area under a circle from its middle to ``x``."""
    return (x * np.sqrt(np.maximum(radius**2 - x**2, 0.0)) + radius**2 * np.arcsin(np.minimum(x / radius, 1.0))) / 2
