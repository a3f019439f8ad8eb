"""Tuning curves as rings: how much a channel answers to bars of each angle, drawn in the direction of the bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, isnan, radians, sin

from striate.show.letters import cut_to
from striate.show.sketch import FAINT, HUES, INK, SOFT, Circle, Line, Sketch, Text

COLUMNS, SIDE, FOOT, MARGIN, HEAD = 8, 128, 58, 16, 84
LETTERS, SMALL = 17, 13
BAR_LENGTH, BAR_LINE = 0.42, 5


@dataclass(frozen=True, slots=True)
class Ring:
    """One channel: its answer to each of ``angles`` (degrees, in [0, 180)), the angle it prefers, and what is told."""

    name: str
    angles: Sequence[float]
    curve: Sequence[float]
    preferred: float
    told: Sequence[str]


def rings_sketch(rings: Sequence[Ring], title: str, lines: Sequence[str]) -> Sketch:
    """A ring for each channel, row by row, each scaled to its own largest answer; a title and lines of text above.

    A curve stands as far from its ring's middle as the channel answers to a bar of that direction; the bar in the
    middle has the preferred angle. Channels that answer to nothing have an empty ring.
    """
    columns = min(COLUMNS, max(len(rings), 4))
    rows = -(-len(rings) // columns)
    head = HEAD + 22 * max(len(lines) - 1, 0) if title else MARGIN
    sketch = Sketch(2 * MARGIN + columns * SIDE, head + rows * (SIDE + FOOT) + MARGIN)
    room = sketch.width - 2 * MARGIN
    if title:
        sketch.add(Text(MARGIN, 34, cut_to(title, LETTERS + 2, room), LETTERS + 2, INK))
    for k, line in enumerate(lines):
        sketch.add(Text(MARGIN, 60 + 22 * k, cut_to(line, SMALL, room), SMALL, SOFT))
    for k, ring in enumerate(rings):
        row, column = divmod(k, columns)
        sketch.put(_ring(ring), MARGIN + column * SIDE, head + row * (SIDE + FOOT))
    return sketch


def _ring(ring: Ring) -> Sketch:
    sketch = Sketch(SIDE, SIDE + FOOT)
    middle, radius = SIDE / 2, SIDE / 2 - 8
    sketch.add(Circle(middle, middle, radius, FAINT, 1), Circle(middle, middle, radius / 2, FAINT, 1))
    most = max(ring.curve)
    if most > 0:
        ends = [
            _towards(middle, radius * value / most, angle + turn)
            for turn in (0, 180)
            for angle, value in zip(ring.angles, ring.curve, strict=True)
        ]
        for (x1, y1), (x2, y2) in zip(ends, [*ends[1:], ends[0]], strict=True):
            sketch.add(Line(x1, y1, x2, y2, HUES[1], 2.5))
    if not isnan(ring.preferred):
        far = BAR_LENGTH * radius / 2
        (x1, y1), (x2, y2) = (_towards(middle, far, ring.preferred + turn) for turn in (0, 180))
        sketch.add(Line(x1, y1, x2, y2, HUES[0], BAR_LINE))
    sketch.add(Text(middle, SIDE + 12, ring.name, SMALL, INK, "middle"))
    for k, line in enumerate(ring.told):
        sketch.add(Text(middle, SIDE + 28 + 16 * k, cut_to(line, SMALL, SIDE), SMALL, SOFT, "middle"))
    return sketch


def _towards(middle: float, distance: float, angle: float) -> tuple[float, float]:
    """A point at a distance from the middle in a direction, anticlockwise as seen."""
    return middle + distance * cos(radians(angle)), middle - distance * sin(radians(angle))
