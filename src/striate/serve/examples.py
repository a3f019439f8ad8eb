"""Convolutions to begin with: the tutorial's, edges in three directions, and each argument of ``Conv2d`` at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Plane = list[list[float]]


def _filled(rows: int, columns: int, value: Callable[[int, int], float]) -> Plane:
    return [[value(y, x) for x in range(columns)] for y in range(rows)]


def _counting(rows: int, columns: int) -> Plane:
    return _filled(rows, columns, lambda y, x: y * columns + x + 1)


# From dark to light, with a bright spot: edges show in it.
STEP = _filled(7, 7, lambda y, x: (9 if x > 3 else 1) + 6 * (y == x == 1))
COUNTED: Plane = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
ONES = _filled(3, 3, lambda y, x: 1)
DIAGONAL = _filled(3, 3, lambda y, x: int(x == y))


def _kernel(x: list[Plane], weight: list[list[Plane]], **given: Any) -> dict[str, Any]:
    plain = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "output_padding": [0, 0], "transposed": False}
    more = {"bias": None, "groups": 1, "padding_mode": "zeros", "channel": 0}
    return {"x": x, "weight": weight, **plain, **more, **given}


def _on_step(weight: Plane, **given: Any) -> dict[str, Any]:
    return _kernel([STEP], [[weight]], **given)


EXAMPLES: Mapping[str, dict[str, Any]] = {
    "seed": _kernel([_counting(4, 4)], [[COUNTED]]),
    "formula": _kernel([_counting(6, 6)], [[ONES]]),
    "slides": _kernel([_counting(5, 5)], [[COUNTED]]),
    "overrun": _kernel([_counting(4, 4)], [[COUNTED]], stride=[2, 2]),
    "corner": _kernel(
        [_filled(4, 4, lambda y, x: y + x if y and x else 0)], [[COUNTED]],
        bias=[0.9862], padding=[1, 1], stride=[2, 2],
    ),
    "rgb": _kernel(
        [_counting(5, 5), _filled(5, 5, lambda y, x: 9 * (x == y)), _filled(5, 5, lambda y, x: 4 - y)],
        [
            [ONES, DIAGONAL, _filled(3, 3, lambda y, x: y - 1)],
            [_filled(3, 3, lambda y, x: x - 1), _filled(3, 3, lambda y, x: 0), ONES],
        ],
        bias=[1, -2],
    ),
    "identity": _on_step(_filled(3, 3, lambda y, x: int(y == x == 1)), padding=[1, 1]),
    "upright": _on_step([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "lying": _on_step([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "slanted": _on_step([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]),
    "sharpen": _on_step([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "blur": _on_step([[0.125, 0.125, 0.125], [0.125, 0, 0.125], [0.125, 0.125, 0.125]]),
    "same": _kernel([_counting(5, 5)], [[COUNTED]], stride=[2, 2], padding=[1, 1]),
    "dilated": _kernel([_counting(7, 7)], [[COUNTED]], dilation=[2, 2]),
    "reflected": _kernel([_counting(4, 4)], [[COUNTED]], padding=[1, 1], padding_mode="reflect"),
    "depthwise": _kernel([_counting(4, 4), _filled(4, 4, lambda y, x: y - x)], [[COUNTED], [ONES]], groups=2),
    "transposed": _kernel([[[1, 2], [3, 4]]], [[COUNTED]], stride=[2, 2], transposed=True),
}  # fmt: skip
"""By name, what each asks of ``kernel``."""
