"""How a measure is spread over the channels of a layer, beside the same of a control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from striate.show.sketch import FAINT, HUES, INK, SOFT, Line, Rect, Sketch, Text
from striate.show.words import word

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 560, 300, 52, 76, 40, 16
LETTERS, BINS, TICKS = 15, 20, 4

Values = NDArray[np.float64]


def spread_sketch(measure: str, upper: float, ours: Values, theirs: Values | None, lang: str = "en") -> Sketch:
    """Channels by a measure from 0 to ``upper``: bars of these, a line of the control's; NaN is left out."""
    edges = np.linspace(0, upper, BINS + 1)
    counts = [np.histogram(np.clip(values, 0, upper), edges)[0] for values in _kept(ours, theirs)]
    most = max(int(found.max(initial=0)) for found in counts) or 1
    sketch = Sketch(WIDTH, HEIGHT)
    wide, tall = (WIDTH - LEFT - RIGHT) / BINS, HEIGHT - TOP - BOTTOM
    low = TOP + tall
    sketch.add(Text(LEFT, 22, word("tuning_spread", lang, measure=measure), LETTERS + 1, INK))
    for k, (key, values) in enumerate(zip(("tuning_ours", "tuning_theirs"), _kept(ours, theirs), strict=False)):
        median = f"{np.median(values):.2f}" if len(values) else "n/a"
        x = LEFT + k * (WIDTH - LEFT) / 2
        sketch.add(Rect(x, 38, 12, 12, HUES[1 - k]), Text(x + 18, 49, word(key, lang, value=median), LETTERS - 1, SOFT))
    for value in (0, most):
        y = low - tall * value / most
        sketch.add(Line(LEFT, y, WIDTH - RIGHT, y, FAINT), Text(LEFT - 8, y + 5, str(value), LETTERS, SOFT, "end"))
    for k, count in enumerate(counts[0]):
        height = tall * count / most
        sketch.add(Rect(LEFT + k * wide + 1, low - height, wide - 2, height, HUES[1]))
    if len(counts) > 1:
        _steps(sketch, [low - tall * count / most for count in counts[1]], wide)
    for k in range(TICKS + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * k / TICKS
        sketch.add(Text(x, low + 22, f"{upper * k / TICKS:g}", LETTERS, SOFT, "middle"))
    return sketch


def _kept(ours: Values, theirs: Values | None) -> list[Values]:
    return [values[~np.isnan(values)] for values in (ours, theirs) if values is not None]


def _steps(sketch: Sketch, heights: Sequence[float], wide: float) -> None:
    """A line that goes up and down from bin to bin."""
    for k, y in enumerate(heights):
        x = LEFT + k * wide
        before = heights[k - 1] if k else y
        sketch.add(Line(x, before, x, y, HUES[0], 2.5), Line(x, y, x + wide, y, HUES[0], 2.5))
