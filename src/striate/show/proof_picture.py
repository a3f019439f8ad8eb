"""The picture of a proof: which pixels a unit is said to read, which of them are proved, and which it is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import Interval
from striate.show.letters import cut_to, fitting
from striate.show.sketch import FAINT, INK, SOFT, Line, Raster, Rect, Sketch, Text
from striate.show.words import word

Mask = NDArray[np.bool_]
SIDE, MARGIN, HEAD, FOOT, LETTERS = 520, 40, 58, 110, 17
GRID_UP_TO, LEAST_AROUND = 40, 2
PROVED, LEFT, OUTSIDE, HIDDEN = (21, 128, 61), (217, 119, 6), (226, 232, 240), (148, 163, 184)


def proof_sketch(title: str, claimed: Mask, proved: Mask, lang: str = "en", *, hidden: bool = False) -> Sketch:
    """The claimed pixels and what lies around them: proved green, not proved orange, the others grey.

    ``hidden`` says that the others were not proved unread. Raises InputError where the input has not one or two
    spatial axes.
    """
    if claimed.ndim not in (1, 2):
        raise InputError(f"a picture needs one or two spatial axes; the input has {claimed.ndim}")
    whole = np.atleast_2d(claimed), np.atleast_2d(proved)
    box = [_around(whole[0], axis) for axis in range(2)]
    cut = tuple(slice(side.start, side.stop) for side in box)
    part, known = whole[0][cut], whole[1][cut]
    colours = np.where(part[..., None], np.where(known[..., None], PROVED, LEFT), HIDDEN if hidden else OUTSIDE)
    sketch = Sketch(2 * MARGIN + SIDE, HEAD + SIDE + FOOT)
    cell = SIDE / max(part.shape)
    height, width = (n * cell for n in part.shape)
    left, top = MARGIN + (SIDE - width) / 2, HEAD + (SIDE - height) / 2
    rows, columns = (f"{side.start}-{side.stop - 1}" for side in box)
    place = word("proof_place", lang, rows=rows, columns=columns, shape="x".join(map(str, whole[0].shape)))
    sketch.add(Text(MARGIN, 24, cut_to(title, LETTERS, SIDE), LETTERS))
    sketch.add(Text(MARGIN, 46, place, fitting(place, LETTERS, SIDE, 11), SOFT))
    sketch.add(Raster(left, top, width, height, colours.astype(np.uint8)))
    if max(part.shape) <= GRID_UP_TO:
        across, down = (range(1, n) for n in reversed(part.shape))
        sketch.add(*(Line(left + k * cell, top, left + k * cell, top + height, FAINT) for k in across))
        sketch.add(*(Line(left, top + k * cell, left + width, top + k * cell, FAINT) for k in down))
    sketch.add(Rect(left, top, width, height, "none", INK, 1.5))
    _legend(sketch, claimed, proved, lang, hidden=hidden)
    return sketch


def _around(mask: Mask, axis: int) -> Interval:
    """The lines along an axis that hold a pixel, and a quarter as many on either side; all where none holds any."""
    lines, size = np.flatnonzero(mask.any(axis=1 - axis)), mask.shape[axis]
    if not len(lines):
        return Interval(0, size)
    first, last = int(lines[0]), int(lines[-1]) + 1
    more = max((last - first) // 4, LEAST_AROUND)
    return Interval(max(first - more, 0), min(last + more, size))


def _legend(sketch: Sketch, claimed: Mask, proved: Mask, lang: str, *, hidden: bool) -> None:
    kinds = (
        (PROVED, "proof_legend_proved", claimed & proved),
        (LEFT, "proof_legend_left", claimed & ~proved),
        (HIDDEN if hidden else OUTSIDE, f"proof_legend_{'hidden' if hidden else 'outside'}", ~claimed),
    )
    for k, (colour, key, pixels) in enumerate(kinds):
        y = HEAD + SIDE + 18 + 28 * k
        sketch.add(Rect(MARGIN, y, 18, 18, f"#{bytes(colour).hex()}", SOFT))
        sketch.add(Text(MARGIN + 28, y + 15, word(key, lang, count=f"{int(pixels.sum()):,}"), LETTERS))
