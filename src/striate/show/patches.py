"""Patches: what the strongest units of each channel saw, each cut to its exact field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from striate.fields import Region
from striate.geometry import Box, Interval
from striate.photos import Photo
from striate.show.letters import cut_to, fitting
from striate.show.sketch import HUES, INK, SOFT, Pixels, Raster, Rect, Sketch, Text
from striate.show.words import word

SIDE, GAP, LABEL, FOOT, MARGIN, HEAD = 112, 12, 104, 44, 16, 52
LETTERS, SMALL = 17, 13
DIM = 0.3
PAPERS, STRIPE = ((226, 230, 238), (186, 193, 206)), 6


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """A unit's field on the photograph that it saw, and the lines told beneath."""

    region: Region
    photo: Photo
    told: Sequence[str]


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """One channel: its name, what is told of it, and its patches."""

    name: str
    told: str
    patches: Sequence[Patch]


def patches_sketch(rows: Sequence[Row], title: str, lines: Sequence[str], lang: str = "en") -> Sketch:
    """A row of patches for each channel; above them a title, some lines, and what the marks mean.

    A patch shows its unit's field as if the picture had no border, as large as there is room; a field without an end
    shows what of it lies inside. An outline stands where the picture ends.
    """
    said = [*lines, word("patches_key", lang)]
    head, body = HEAD + 22 * len(said), rows_sketch(rows)
    sketch = Sketch(2 * MARGIN + body.width, head + body.height + MARGIN)
    room = sketch.width - 2 * MARGIN
    sketch.add(Text(MARGIN, 34, cut_to(title, LETTERS, room), LETTERS))
    for k, line in enumerate(said):
        sketch.add(Text(MARGIN, 60 + 22 * k, line, fitting(line, SMALL, room), SOFT))
    sketch.put(body, MARGIN, head)
    return sketch


def rows_sketch(rows: Sequence[Row]) -> Sketch:
    """A row of patches for each channel, beneath one another."""
    most = max((len(row.patches) for row in rows), default=0)
    sketch = Sketch(LABEL + max(most, 4) * (SIDE + GAP), len(rows) * (SIDE + FOOT))
    for k, row in enumerate(rows):
        top = k * (SIDE + FOOT)
        sketch.add(Text(0, top + SIDE / 2, cut_to(row.name, SMALL, LABEL), SMALL))
        sketch.add(Text(0, top + SIDE / 2 + 18, cut_to(row.told, SMALL, LABEL), SMALL, SOFT))
        for j, patch in enumerate(row.patches):
            sketch.put(_patch(patch), LABEL + j * (SIDE + GAP), top)
    return sketch


def _patch(patch: Patch) -> Sketch:
    sketch = Sketch(SIDE, SIDE + FOOT)
    window = _window(patch.region)
    scale = SIDE / max(*window.shape, 1)
    height, width = (max(round(side.size * scale), 1) for side in window)
    left, top = (SIDE - width) / 2, (SIDE - height) / 2
    sketch.add(Raster(left, top, width, height, cut(patch.photo, patch.region, (height, width))))
    rows, columns = window.clip(Box.whole(patch.photo.shape[:2]))
    corner = left + (columns.start - window[1].start) * scale, top + (rows.start - window[0].start) * scale
    sketch.add(Rect(*corner, columns.size * scale, rows.size * scale, "none", HUES[0] if _cut_off(patch) else INK, 1))
    for k, line in enumerate(patch.told):
        sketch.add(Text(SIDE / 2, SIDE + 14 + 16 * k, cut_to(line, SMALL, SIDE), SMALL, SOFT if k else INK, "middle"))
    return sketch


def cut(photo: Photo, region: Region, size: tuple[int, int]) -> Pixels:
    """The field of a unit in (height, width) pixels: what is read as it is, holes dim, stripes outside the picture."""
    window = _window(region)
    rows, columns = (_sampled(side, n) for side, n in zip(window, size, strict=True))
    inside = _within(rows, photo.shape[0])[:, None] & _within(columns, photo.shape[1])
    place = np.ix_(rows.clip(0, photo.shape[0] - 1), columns.clip(0, photo.shape[1] - 1))
    seen = photo[place]
    dim = (seen.mean(-1, keepdims=True) * DIM).astype(np.uint8)
    shown = np.where(region.mask[place][..., None], seen, dim)
    stripes = (np.arange(size[0])[:, None] + np.arange(size[1])) // STRIPE % 2
    return np.asarray(np.where(inside[..., None], shown, np.array(PAPERS, np.uint8)[stripes]))


def _window(region: Region) -> Box:
    """The field as if the picture had no border; what of it lies inside where it has no end."""
    free = region.unclipped
    return region.hull if free is None or not all(side.bounded for side in free) else free


def _cut_off(patch: Patch) -> bool:
    return not Box.whole(patch.photo.shape[:2]).contains(_window(patch.region))


def _sampled(side: Interval, n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The pixel of an interval that each of ``n`` places along it shows."""
    return side.start + np.arange(n) * side.size // n


def _within(places: np.ndarray[tuple[int], np.dtype[np.intp]], n: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return (places >= 0) & (places < n)
