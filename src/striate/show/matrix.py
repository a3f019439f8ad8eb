"""A matrix of weights times a vector, each number a box of colour; the entries without a weight are left grey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.show.letters import fitting
from striate.show.planes import own_scale, tinted
from striate.show.sketch import INK, PAPER, SOFT, Pixels, Raster, Rect, Sketch, Text
from striate.show.words import word

Array = NDArray[Any]

ROOM, LARGEST, LEAST_NUMBERED, NARROWEST = 960, 44, 22, 14
MARGIN, HEAD, GAP = 24, 56, 46
LETTERS, SMALL = 16, 13
NOTHING = (226, 230, 237)
DARK = 380
MOST_DRAWN = 768
"""The most rows and columns of a matrix that is drawn."""


def matrix_sketch(weights: Array, vector: Array, outputs: Array, row: int, bias: float, lang: str = "en") -> Sketch:
    """``weights`` of (rows, columns), NaN where there is none, times ``vector``, + ``bias``, is ``outputs``.

    A frame stands around the ``row`` and its output. Weights and numbers have each a scale of their own, numbers stand
    where there is room for them.
    """
    rows, columns = weights.shape
    cell = min(ROOM / columns, ROOM / rows, LARGEST)
    thick = max(cell, NARROWEST)
    width, height = columns * cell, max(rows, columns) * cell
    sketch = Sketch(2 * MARGIN + width + 2 * (GAP + thick) + GAP, HEAD + height + MARGIN)
    at = [MARGIN, MARGIN + width + GAP, MARGIN + width + 2 * GAP + thick]
    scale = own_scale(np.nan_to_num(weights))
    empty = np.isnan(weights)[..., None]
    _grid(sketch, at[0], cell, cell, weights, np.where(empty, NOTHING, tinted(np.nan_to_num(weights), scale)))
    for left, values in ((at[1], vector), (at[2], outputs)):
        _grid(sketch, left, thick, cell, values[:, None], tinted(values[:, None], own_scale(values)))
    counts = f"{rows:,} x {columns:,}", f"{columns:,}", f"{rows:,}"
    for left, name, count in zip(at, ("drawn_weights", "drawn_input", "drawn_output"), counts, strict=True):
        sketch.add(Text(left, 22, word(name, lang), SMALL, SOFT), Text(left, 42, count, LETTERS))
    signs = "x", "=" if bias == 0 else f"{bias:+.3g} ="
    middle = HEAD + min(rows, columns) * cell / 2
    for left, sign in zip((at[1], at[2]), signs, strict=True):
        sketch.add(Text(left - GAP / 2, middle, sign, fitting(sign, LETTERS, GAP - 4), INK, "middle"))
    top = HEAD + row * cell
    for left, wide in ((at[0], width), (at[2], thick)):
        sketch.add(Rect(left - 2, top - 2, wide + 4, max(cell, 1) + 4, "none", INK, 2))
    return sketch


def _grid(sketch: Sketch, left: float, wide: float, high: float, values: Array, colours: Array) -> None:
    """Numbers as boxes of colour, with letters where a box has room."""
    pixels: Pixels = np.asarray(colours, np.uint8)
    rows, columns = values.shape
    sketch.add(Raster(left, HEAD, columns * wide, rows * high, pixels))
    sketch.add(Rect(left, HEAD, columns * wide, rows * high, "none", SOFT))
    if high < LEAST_NUMBERED:
        return
    for (y, x), value in np.ndenumerate(values):
        if not np.isnan(value):
            text = f"{value + 0:.3g}"
            size = fitting(text, high / 3, wide * 0.9, 6)
            ink = PAPER if int(pixels[y, x].astype(int).sum()) < DARK else INK
            sketch.add(Text(left + (x + 0.5) * wide, HEAD + (y + 0.5) * high + size / 3, text, size, ink, "middle"))
