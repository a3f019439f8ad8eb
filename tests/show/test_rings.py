"""Rings: a curve stands in the direction of its bars, the bar in the middle has the preferred angle."""

from __future__ import annotations

from math import atan2, degrees, hypot

import pytest

from striate.show.rings import SIDE, Ring, rings_sketch
from striate.show.sketch import HUES, Line, Sketch, Text, to_png, to_svg

ANGLES = [7.5 * k for k in range(24)]


def lines(sketch: Sketch, hue: str) -> list[Line]:
    return [shape for shape in sketch.shapes if isinstance(shape, Line) and shape.stroke == hue]


def words(sketch: Sketch) -> str:
    return " ".join(shape.text for shape in sketch.shapes if isinstance(shape, Text))


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 142.5])
def test_curve_and_bar_point_the_same_way_anticlockwise(angle: float) -> None:
    curve = [1.0 if at == angle else 0.1 for at in ANGLES]
    sketch = rings_sketch(
        [Ring("channel 3", ANGLES, curve, angle, ("OSI 0.81", "F1/F0 1.57"))], "title", ["one", "two"]
    )
    (bar,) = lines(sketch, HUES[0])
    assert degrees(atan2(bar.y1 - bar.y2, bar.x2 - bar.x1)) % 180 == pytest.approx(angle, abs=1e-6)
    middle = (bar.x1 + bar.x2) / 2, (bar.y1 + bar.y2) / 2
    far = max(lines(sketch, HUES[1]), key=lambda line: hypot(line.x1 - middle[0], line.y1 - middle[1]))
    assert degrees(atan2(middle[1] - far.y1, far.x1 - middle[0])) % 180 == pytest.approx(angle, abs=1e-6)
    assert hypot(far.x1 - middle[0], far.y1 - middle[1]) < SIDE / 2
    for word in ("channel 3", "OSI 0.81", "F1/F0 1.57", "title", "one", "two"):
        assert word in words(sketch)


def test_what_never_answers_has_an_empty_ring() -> None:
    sketch = rings_sketch([Ring("channel 0", ANGLES, [0.0] * 24, float("nan"), ("dead",))], "title", [])
    assert lines(sketch, HUES[0]) == lines(sketch, HUES[1]) == []
    assert "dead" in words(sketch)


def test_many_rings_lie_inside_the_picture() -> None:
    sketch = rings_sketch([Ring(f"channel {k}", ANGLES, ANGLES, 10.0, ()) for k in range(19)], "title", ["one"])
    ends = [(line.x1, line.y1) for line in lines(sketch, HUES[1])]
    assert all(0 < x < sketch.width and 0 < y < sketch.height for x, y in ends)
    assert len(lines(sketch, HUES[0])) == 19
    assert to_png(sketch)[:4] == b"\x89PNG"
    assert to_svg(sketch).startswith("<svg")
