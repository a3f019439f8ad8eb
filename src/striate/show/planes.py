"""Feature maps: a plane of numbers for each channel, all on one scale, with a legend of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.photos import Photo
from striate.show.heat import coloured
from striate.show.letters import cut_to, fitting
from striate.show.sketch import INK, SOFT, Anchor, Pixels, Raster, Rect, Sketch, Text

COLUMNS, SIDE, GAP, FOOT, MARGIN, HEAD = 8, 128, 12, 44, 16, 52
LETTERS, SMALL = 17, 13
BAR_WIDTH, BAR_HEIGHT, BAR_ROOM = 320, 14, 46
BELOW_ZERO = ((250, 250, 252), (146, 197, 222), (44, 115, 178), (16, 42, 94))


@dataclass(frozen=True, eq=False, slots=True)
class Plane:
    """One channel's numbers, its name, and what is told of it: (rows, columns), or (rows, columns, 3) of colours."""

    name: str
    values: NDArray[Any]
    told: str


def planes_sketch(
    planes: Sequence[Plane], scale: tuple[float, float] | None, photo: Photo | None, title: str, lines: Sequence[str]
) -> Sketch:
    """The photograph, if any, and a map for each plane, row by row, on one ``scale`` from its least to its largest
    number.

    A scale that begins at 0 goes from white to dark red; one around 0 has white at 0, red above and blue below.
    Without a scale each plane has one of its own, to its largest number, and the legend says so. Of planes of colours
    each is as bright as its number, and grey is 0. Raises InputError for what is no plane.
    """
    cells = [] if photo is None else [_cell(photo, "the picture", "")]
    cells += [_cell(tinted(p.values, scale or own_scale(p.values)), p.name, p.told) for p in planes]
    columns, step = min(COLUMNS, max(len(cells), 4)), max(cell.height for cell in cells)
    head = HEAD + 22 * len(lines)
    rows = -(-len(cells) // columns)
    sketch = Sketch(2 * MARGIN + columns * (SIDE + GAP), head + BAR_ROOM + rows * step + MARGIN)
    room = sketch.width - 2 * MARGIN
    sketch.add(Text(MARGIN, 34, cut_to(title, LETTERS, room), LETTERS))
    for k, line in enumerate(lines):
        sketch.add(Text(MARGIN, 60 + 22 * k, line, fitting(line, SMALL, room), SOFT))
    if scale is None:
        _relative(sketch, any(own_scale(plane.values)[0] < 0 for plane in planes), head - 6)
    else:
        _legend(sketch, scale, head - 6, any(plane.values.ndim == 3 for plane in planes))
    for k, cell in enumerate(cells):
        row, column = divmod(k, columns)
        sketch.put(cell, MARGIN + column * (SIDE + GAP), head + BAR_ROOM + row * step)
    return sketch


def own_scale(values: NDArray[Any]) -> tuple[float, float]:
    """The scale of one plane alone: from 0, or around it where a number is negative.

    >>> own_scale(np.array([[1.0, 4.0]])), own_scale(np.array([[-3.0, 2.0]]))
    ((0.0, 4.0), (-3.0, 3.0))
    """
    most = float(np.abs(values).max(initial=0))
    return (-most if (values < 0).any() else 0.0), most


def tinted(values: NDArray[Any], scale: tuple[float, float]) -> Pixels:
    """Numbers as colours of a scale from 0, or around it.

    >>> tinted(np.array([[0.0, 2.0, -2.0]]), (-2, 2)).tolist()
    [[[250, 250, 252], [110, 10, 60], [16, 42, 94]]]
    """
    if values.ndim == 3 and values.shape[2] == 3:
        return np.asarray((values / (scale[1] or 1.0) + 1) * 127.5, np.uint8)
    if values.ndim != 2:
        raise InputError(f"a map needs two axes, one of these has {values.ndim}")
    shares = np.asarray(values, np.float64) / (scale[1] or 1.0)
    return np.where((shares < 0)[..., None], coloured(-shares, BELOW_ZERO), coloured(shares))


def _legend(sketch: Sketch, scale: tuple[float, float], top: float, coloured: bool) -> None:
    ramp = np.linspace(*scale, BAR_WIDTH)[None]
    shown = tinted(np.repeat(ramp[..., None], 3, 2) if coloured else ramp, scale)
    sketch.add(Raster(MARGIN, top, BAR_WIDTH, BAR_HEIGHT, shown))
    sketch.add(Rect(MARGIN, top, BAR_WIDTH, BAR_HEIGHT, "none", SOFT))
    for value in sorted({scale[0], 0.0, scale[1]}):
        share = (value - scale[0]) / ((scale[1] - scale[0]) or 1.0)
        anchor: Anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        sketch.add(Text(MARGIN + share * BAR_WIDTH, top + BAR_HEIGHT + 16, f"{value:.4g}", SMALL, INK, anchor))


def _relative(sketch: Sketch, signed: bool, top: float) -> None:
    """A legend without numbers: from 0, or around it, to what is largest in each map."""
    scale = (-1.0 if signed else 0.0, 1.0)
    sketch.add(Raster(MARGIN, top, BAR_WIDTH, BAR_HEIGHT, tinted(np.linspace(*scale, BAR_WIDTH)[None], scale)))
    sketch.add(Rect(MARGIN, top, BAR_WIDTH, BAR_HEIGHT, "none", SOFT))
    zero, low = MARGIN + BAR_WIDTH * (0.5 if signed else 0.0), top + BAR_HEIGHT + 16
    sketch.add(Text(zero, low, "0", SMALL, INK, "middle" if signed else "start"))
    sketch.add(Text(MARGIN + BAR_WIDTH, low, "largest of each map", SMALL, INK, "end"))


def _cell(pixels: Pixels, name: str, told: str) -> Sketch:
    height, width = (max(round(n * SIDE / max(pixels.shape[:2])), 1) for n in pixels.shape[:2])
    sketch, left = Sketch(SIDE, height + FOOT), (SIDE - width) / 2
    sketch.add(Raster(left, 0, width, height, pixels), Rect(left, 0, width, height, "none", SOFT))
    sketch.add(Text(SIDE / 2, height + 14, cut_to(name, SMALL, SIDE), SMALL, INK, "middle"))
    sketch.add(Text(SIDE / 2, height + 30, cut_to(told, SMALL, SIDE), SMALL, SOFT, "middle"))
    return sketch
