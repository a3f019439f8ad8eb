"""A patch shows the photograph where the unit reads, dim holes between, stripes outside the picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from striate.fields import Fields, region
from striate.network import Builder
from striate.network.operators import Conv
from striate.show.patches import DIM, PAPERS, Patch, Row, cut, patches_sketch
from striate.show.sketch import Text, to_png

PHOTO = np.random.default_rng(0).integers(100, 256, (9, 9, 3), np.uint8)


def dilated() -> Fields:
    """A 3x3 kernel with taps 2 apart and as much padding as keeps the size."""
    b = Builder("one", x=(1, 3, 9, 9))
    b.add(Conv((3, 3), dilation=(2, 2), padding=((2, 2), (2, 2)), out_channels=1), "x", name="conv")
    return Fields(b.network())


@pytest.mark.parametrize("at", [(0, 0), (4, 4), (8, 3)])
def test_every_pixel_is_read_a_hole_or_outside(at: tuple[int, int]) -> None:
    found = cut(PHOTO, region(dilated(), "conv", at), (5, 5))
    for i in range(5):
        for j in range(5):
            y, x = at[0] - 2 + i, at[1] - 2 + j
            if not (0 <= y < 9 and 0 <= x < 9):
                assert tuple(found[i, j]) in PAPERS
            elif i % 2 or j % 2:
                assert (found[i, j] == int(PHOTO[y, x].mean() * DIM)).all()
            else:
                assert (found[i, j] == PHOTO[y, x]).all()


def test_the_sketch_has_each_value_and_grows_by_row() -> None:
    patch = Patch(region(dilated(), "conv", (0, 0)), PHOTO, ("1.25", "36% inside"))
    one, two = (patches_sketch([Row("channel 3", "dead", [patch, patch])] * n, "conv", ["told"]) for n in (1, 2))
    texts = [shape.text for shape in one.shapes if isinstance(shape, Text)]
    assert texts.count("1.25") == texts.count("36% inside") == 2
    assert {"conv", "told", "channel 3", "dead"} <= set(texts)
    assert two.height > one.height
    assert np.asarray(Image.open(io.BytesIO(to_png(one)))).std() > 5
