"""How much each pixel of a field weighs, as a heat map: path counts, and the effective field with its radii."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.fields import Effective, Region
from striate.geometry import Box
from striate.show.letters import cut_to, fitting
from striate.show.sketch import FAINT, HUES, INK, SOFT, Circle, Line, Pixels, Raster, Rect, Sketch, Text
from striate.show.words import word

SIDE, MARGIN, HEAD, FOOT, BAR = 520, 40, 58, 104, 14
LETTERS = 17
GRID_FROM = 9
FAINTEST = 0.15
STOPS = ((250, 250, 252), (253, 204, 138), (227, 74, 51), (110, 10, 60))


def counts_sketch(region: Region, lang: str = "en") -> Sketch:
    """The number of paths from each pixel of a unit's field, on a logarithmic scale; white where there is none.

    Raises InputError where the input has not two spatial axes or the unit reads nothing.
    """
    counts = region.counts()
    _check_plane(region.hull, counts.size, region.layer)
    logs = np.array([[float(_log2(int(n))) if n else -1.0 for n in row] for row in counts])
    most, least = max(counts.ravel()), min(n for n in counts.ravel() if n)
    # A single path keeps a tint of its own beside none.
    span = max(logs.max() - _log2(int(least)), 1.0)
    shares = np.where(logs < 0, 0.0, FAINTEST + (1 - FAINTEST) * (logs - _log2(int(least))) / span)
    title, what = region.unit.name, word("paths_drawn", lang)
    sketch = _plane(shares, region.hull, region.unclipped, title, what, lang)
    _bar(sketch, _short(int(least)), word("paths_most", lang, most=_short(int(most))), FAINTEST)
    if max(region.hull.shape) <= GRID_FROM:
        _numbers(sketch, [[_short(int(n)) for n in row] for row in counts], shares)
    return sketch


def effective_sketch(found: Effective, lang: str = "en") -> Sketch:
    """The share of each pixel of an effective field, and a circle for each share of the mass.

    Raises InputError where the input has not two spatial axes.
    """
    _check_plane(found.box, found.weights.size, found.layer)
    shares = found.weights / found.weights.max()
    radii = word("joined", lang).join(
        word("share_within", lang, share=f"{share:.0%}", radius=f"{radius:.1f}")
        for share, radius in found.radii.items()
    )
    told = word("radii_of", lang, radii=radii, half=f"{found.half_size:g}")
    sketch = _plane(shares, found.box, None, found.unit.name, told, lang)
    cell, left, top = _cell(found.box), *_corner(found.box)
    for hue, (share, radius) in zip(HUES[1:], found.radii.items(), strict=False):
        x, y = left + (found.centre[1] - found.box[1].start + 0.5) * cell, 0.0
        y = top + (found.centre[0] - found.box[0].start + 0.5) * cell
        sketch.add(Circle(x, y, max(radius, 0.15) * cell, hue, 2.5))
        sketch.add(Text(x, y - max(radius, 0.15) * cell - 4, f"{share:.0%}", LETTERS, hue, "middle"))
    _bar(sketch, "0", word("of_the_whole", lang, share=f"{found.weights.max():.3g}"))
    return sketch


def _check_plane(box: Box, size: int, layer: str) -> None:
    if len(box) != 2:
        raise InputError(f"a heat map needs two spatial axes; the field of {layer} has {len(box)}")
    if not size:
        raise InputError(f"the unit of {layer} reads no pixel: there is no heat map")


def _plane(shares: NDArray[np.float64], box: Box, unclipped: Box | None, title: str, what: str, lang: str) -> Sketch:
    sketch = Sketch(2 * MARGIN + SIDE, HEAD + SIDE + FOOT)
    cell, (left, top) = _cell(box), _corner(box)
    height, width = (side.size * cell for side in box)
    sketch.add(Text(MARGIN, 24, cut_to(title, LETTERS, SIDE), LETTERS))
    sketch.add(Text(MARGIN, 46, what, fitting(what, LETTERS, SIDE, 11), SOFT))
    sketch.add(Raster(left, top, width, height, coloured(shares)))
    if max(box.shape) <= 4 * GRID_FROM:
        sketch.add(*(Line(left + k * cell, top, left + k * cell, top + height, FAINT) for k in range(box[1].size + 1)))
        sketch.add(*(Line(left, top + k * cell, left + width, top + k * cell, FAINT) for k in range(box[0].size + 1)))
    sketch.add(Rect(left, top, width, height, "none", INK, 1.5))
    places = [_place("rows_columns", box, lang)]
    if unclipped is not None and unclipped != box and all(side.bounded for side in unclipped):
        places.append(_place("outside_on_to", unclipped, lang))
    for k, text in enumerate(places):
        sketch.add(Text(MARGIN, HEAD + SIDE + 24 + 22 * k, text, fitting(text, LETTERS, SIDE, 11)))
    return sketch


def coloured(shares: NDArray[np.float64], stops: Sequence[tuple[int, int, int]] = STOPS) -> Pixels:
    """Numbers from 0 to 1 as colours from the first to the last stop: from white over orange to dark red."""
    colours = np.array(stops, dtype=np.float64)
    place = np.clip(shares, 0, 1) * (len(colours) - 1)
    low = np.minimum(place.astype(np.int64), len(colours) - 2)
    part = (place - low)[..., None]
    return np.asarray((colours[low] * (1 - part) + colours[low + 1] * part).round(), dtype=np.uint8)


def _cell(box: Box) -> float:
    return SIDE / max(box.shape)


def _corner(box: Box) -> tuple[float, float]:
    cell = _cell(box)
    return MARGIN + (SIDE - box[1].size * cell) / 2, HEAD + (SIDE - box[0].size * cell) / 2


def _bar(sketch: Sketch, first: str, last: str, faintest: float = 0) -> None:
    top, width = HEAD + SIDE + 58, SIDE / 2
    sketch.add(Raster(MARGIN, top, width, BAR, coloured(np.linspace(faintest, 1, 64)[None])))
    sketch.add(Rect(MARGIN, top, width, BAR, "none", SOFT))
    sketch.add(Text(MARGIN, top + BAR + 18, first, LETTERS), Text(MARGIN + width, top + BAR + 18, last, LETTERS))


def _numbers(sketch: Sketch, texts: list[list[str]], shares: NDArray[np.float64]) -> None:
    side = max(shares.shape)
    cell = SIDE / side
    left, top = MARGIN + (SIDE - shares.shape[1] * cell) / 2, HEAD + (SIDE - shares.shape[0] * cell) / 2
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            size = fitting(text, cell / 3, cell * 0.9, 6)
            ink = "#ffffff" if shares[i, j] > 0.6 else INK
            sketch.add(Text(left + (j + 0.5) * cell, top + (i + 0.5) * cell + size / 3, text, size, ink, "middle"))


def _place(key: str, box: Box, lang: str) -> str:
    rows, columns = (word("first_to_last", lang, first=side.start, last=side.stop - 1) for side in box)
    return word(key, lang, rows=rows, columns=columns)


def _log2(n: int) -> float:
    """The logarithm of an integer of any size."""
    bits = max(n.bit_length() - 53, 0)
    return float(np.log2(n >> bits)) + bits


def _short(n: int) -> str:
    """An integer in full to six digits, then as a power of ten."""
    if n < 10**6:
        return f"{n:,}"
    return f"{Decimal(n):.1e}".replace("e+", "e")
