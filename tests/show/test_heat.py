"""Heat maps: the colours follow the counts, the circles the radii, and the numbers stand in small fields."""

from __future__ import annotations

import numpy as np
import pytest
from support.oracle import Builder

from striate.demo.lessons import stacked
from striate.errors import InputError
from striate.fields import Fields, effective_field, region
from striate.show.heat import coloured, counts_sketch, effective_sketch
from striate.show.sketch import Circle, Raster, Rect, Sketch, Text


def rasters(sketch: Sketch) -> np.ndarray:
    return next(shape.pixels for shape in sketch.shapes if isinstance(shape, Raster))


def test_the_darker_the_more_paths() -> None:
    found = region(Fields(stacked(3)), "C", (0, 0))
    sketch = counts_sketch(found)
    counts = found.counts().astype(int)
    brightness = rasters(sketch).astype(int).sum(axis=2)
    order = np.argsort(counts, axis=None)
    assert (np.diff(brightness.ravel()[order]) <= 0).all()
    assert len(np.unique(brightness)) == len(np.unique(counts))
    shown = [shape.text for shape in sketch.shapes if isinstance(shape, Text) and shape.text.isdigit()]
    assert sorted(map(int, shown)) == sorted([*counts.ravel().tolist(), 1])  # and the scale's least


def test_holes_are_white() -> None:
    b = Builder(1, 1, 9, 9)
    b("conv", "image", out_channels=1, kernel=(2, 2), dilation=(3, 3), name="dilated")
    pixels = rasters(counts_sketch(region(Fields(b.network()), "dilated", (1, 1))))
    white = (pixels == coloured(np.zeros((1, 1)))[0, 0]).all(axis=2)
    assert white.tolist() == [[False, True, True, False], [True] * 4, [True] * 4, [False, True, True, False]]


def test_a_circle_for_each_share() -> None:
    found = effective_field(Fields(stacked(3)), "C")
    sketch = effective_sketch(found)
    side = next(shape.width for shape in sketch.shapes if isinstance(shape, Rect))
    circles = [shape for shape in sketch.shapes if isinstance(shape, Circle)]
    assert [circle.radius * 7 / side for circle in circles] == pytest.approx(list(found.radii.values()))


def test_counts_past_any_float_are_drawn() -> None:
    b = Builder(1, 1, 3, 3)
    x = "image"
    for _ in range(600):
        x = b("conv", x, out_channels=4, kernel=(1, 1))
    sketch = counts_sketch(region(Fields(b.network()), x, (1, 1), 0))
    assert any("e360" in shape.text for shape in sketch.shapes if isinstance(shape, Text))


def test_what_has_no_plane_is_refused() -> None:
    b = Builder(1, 1, 9)
    b("conv", "image", out_channels=1, kernel=(3,), name="conv")
    with pytest.raises(InputError, match="needs two spatial axes; the field of conv has 1"):
        counts_sketch(region(Fields(b.network()), "conv", (1,)))
