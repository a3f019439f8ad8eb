"""Feature maps are coloured on one scale, and the legend names its ends."""

from __future__ import annotations

import numpy as np
import pytest

from striate import InputError
from striate.show.planes import Plane, planes_sketch, tinted
from striate.show.sketch import Raster, Text

PHOTO = np.full((4, 6, 3), 90, np.uint8)


def test_the_same_number_has_the_same_colour_in_every_map() -> None:
    first, second = (tinted(np.array([[1.0, other]]), (-4, 4)) for other in (-4, 4))
    assert (first[0, 0] == second[0, 0]).all()
    assert (first[0, 1] != second[0, 1]).any()


def test_zero_is_white_below_is_blue_and_above_is_red() -> None:
    ((below, zero, above),) = tinted(np.array([[-1.0, 0, 1]]), (-2, 2)).astype(int)
    assert min(zero) >= 250
    assert below[2] > below[0]
    assert above[0] > above[2]


@pytest.mark.parametrize(("scale", "ends"), [((-2.5, 2.5), ["-2.5", "0", "2.5"]), ((0.0, 2.5), ["0", "2.5"])])
def test_the_legend_has_the_numbers_of_the_scale(scale: tuple[float, float], ends: list[str]) -> None:
    planes = [Plane(f"channel {k}", np.array([[0.0, 2.5]]), "told") for k in range(3)]
    sketch = planes_sketch(planes, scale, PHOTO, "layer", ["line"])
    texts = [shape.text for shape in sketch.shapes if isinstance(shape, Text)]
    assert [text for text in texts if text in ends] == ends
    assert {"layer", "line", "the picture", "channel 0", "channel 2"} <= set(texts)
    assert sum(isinstance(shape, Raster) for shape in sketch.shapes) == 5


def test_a_scale_of_zero_alone_is_white() -> None:
    assert tinted(np.zeros((2, 2)), (0.0, 0.0)).min() >= 250


def test_what_is_no_plane_is_refused() -> None:
    with pytest.raises(InputError, match="a map needs two axes, one of these has 1"):
        tinted(np.zeros(3), (0, 1))
