"""A network stage by stage: two curves over depth beside their control, and what units of each stage answered to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan

from striate.show.letters import cut_to, fitting
from striate.show.patches import Row, rows_sketch
from striate.show.sketch import FAINT, HUES, INK, SOFT, Circle, Line, Sketch, Text
from striate.show.words import word

MARGIN, HEAD, GAP, STAGE_HEAD = 16, 52, 22, 58
PANEL_WIDTH, PANEL_HEIGHT, PANEL_LEFT, PANEL_TOP, PANEL_FOOT = 470, 230, 40, 44, 34
LETTERS, SMALL = 17, 13
TRAINED, CONTROL = HUES[1], HUES[0]
OSI_MOST, F1F0_MOST = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Floor:
    """A stage: the size of its field, its heading and what is told, its medians beside the control's, its patches."""

    size: str
    heading: str
    told: str
    osi: tuple[float, float]
    f1f0: tuple[float, float]
    rows: Sequence[Row]


def hierarchy_sketch(floors: Sequence[Floor], title: str, lines: Sequence[str], lang: str = "en") -> Sketch:
    """The curves above, then each stage with its patches, the shallowest first."""
    parts = [curves_sketch(floors, lang), *(floor_sketch(floor) for floor in floors)]
    said = [*lines, word("patches_key", lang)]
    sketch = Sketch(
        2 * MARGIN + max(part.width for part in parts), HEAD + GAP * len(said) + sum(part.height for part in parts)
    )
    room = sketch.width - 2 * MARGIN
    sketch.add(Text(MARGIN, 34, cut_to(title, LETTERS, room), LETTERS))
    for k, line in enumerate(said):
        sketch.add(Text(MARGIN, 60 + GAP * k, line, fitting(line, SMALL, room), SOFT))
    top: float = HEAD + GAP * len(said)
    for part in parts:
        sketch.put(part, MARGIN, top)
        top += part.height
    return sketch


def floor_sketch(floor: Floor) -> Sketch:
    """One stage: its heading, what is told, its patches."""
    body = rows_sketch(floor.rows)
    sketch = Sketch(body.width, STAGE_HEAD + body.height)
    sketch.add(Line(0, 4, sketch.width, 4, FAINT))
    sketch.add(Text(0, 26, cut_to(floor.heading, LETTERS, sketch.width), LETTERS, INK))
    sketch.add(Text(0, 46, floor.told, fitting(floor.told, SMALL, sketch.width), SOFT))
    sketch.put(body, 0, STAGE_HEAD)
    return sketch


def curves_sketch(floors: Sequence[Floor], lang: str = "en") -> Sketch:
    """Median OSI and median F1/F0 of the stages, each beside that of the shuffled weights."""
    sketch = Sketch(2 * PANEL_WIDTH, PANEL_HEIGHT)
    sizes = [floor.size for floor in floors]
    panels = (("median OSI", OSI_MOST, [f.osi for f in floors]), ("median F1/F0", F1F0_MOST, [f.f1f0 for f in floors]))
    for k, (name, most, pairs) in enumerate(panels):
        sketch.put(_panel(word(name, lang), most, sizes, pairs, lang), k * PANEL_WIDTH, 0)
    return sketch


def _panel(
    name: str, most: float, sizes: Sequence[str], pairs: Sequence[tuple[float, float]], lang: str
) -> Sketch:
    sketch = Sketch(PANEL_WIDTH, PANEL_HEIGHT)
    tall, wide = PANEL_HEIGHT - PANEL_TOP - PANEL_FOOT, PANEL_WIDTH - PANEL_LEFT - GAP
    sketch.add(Text(PANEL_LEFT, 18, name, SMALL, INK))
    sketch.add(Text(PANEL_LEFT, 36, word("trained", lang), SMALL, TRAINED))
    sketch.add(Text(PANEL_LEFT + 90, 36, word("weights shuffled", lang), SMALL, CONTROL))
    for value in (0.0, most / 2, most):
        y = PANEL_TOP + tall * (1 - value / most)
        sketch.add(Line(PANEL_LEFT, y, PANEL_LEFT + wide, y, FAINT))
        sketch.add(Text(PANEL_LEFT - 6, y + 4, f"{value:g}", SMALL, SOFT, "end"))
    pace = wide / max(len(sizes), 1)
    places = [PANEL_LEFT + (k + 0.5) * pace for k in range(len(sizes))]
    for x, size in zip(places, sizes, strict=True):
        sketch.add(Text(x, PANEL_TOP + tall + 20, cut_to(size, SMALL, pace), SMALL, SOFT, "middle"))
    for k, hue in ((1, CONTROL), (0, TRAINED)):
        known = [(x, pair[k]) for x, pair in zip(places, pairs, strict=True) if not isnan(pair[k])]
        seen = [(x, PANEL_TOP + tall * (1 - min(value, most) / most)) for x, value in known]
        sketch.add(*(Line(*a, *b, hue, 2.5) for a, b in pairwise(seen)))
        sketch.add(*(Circle(x, y, 3, hue, 3) for x, y in seen))
    return sketch
