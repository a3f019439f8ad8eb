"""The field against the depth: one step for each layer, of the largest axis, without global paths."""

from __future__ import annotations

from math import ceil, log10

from striate.show.cells import local_of
from striate.show.document import Document, LayerDocument
from striate.show.letters import cut_to
from striate.show.sketch import FAINT, HUES, INK, SOFT, Anchor, Line, Rect, Sketch, Text
from striate.show.words import word

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 1000, 320, 70, 34, 62, 20
LETTERS, NAMES, TICKS = 15, 8, 4


def chart_sketch(document: Document, lang: str = "en") -> Sketch | None:
    """A bar for each layer, in execution order, as tall as its field; None where no layer has a field of a size.

    Layers that also see everything are drawn with their local field, in another colour.
    """
    sizes = [_largest(layer) for layer in document["layers"]]
    most = max(sizes, default=0)
    if not most:
        return None
    sketch = Sketch(WIDTH, HEIGHT)
    step, top = _scale(most)
    tall, wide = HEIGHT - TOP - BOTTOM, WIDTH - LEFT - RIGHT
    for value in range(0, top + 1, step):
        y = TOP + tall * (1 - value / top)
        sketch.add(Line(LEFT, y, WIDTH - RIGHT, y, FAINT), Text(LEFT - 8, y + 5, str(value), LETTERS, SOFT, "end"))
    pace = wide / len(sizes)
    for k, (layer, size) in enumerate(zip(document["layers"], sizes, strict=True)):
        whole = any(axis["status"] == "whole" for axis in layer["axes"])
        height = tall * size / top
        hue = HUES[4] if whole else HUES[1]
        gap = min(pace * 0.15, 2)
        sketch.add(Rect(LEFT + k * pace + gap / 2, TOP + tall - height, pace - gap, height, hue))
    _names(sketch, [layer["name"] for layer in document["layers"]], pace, TOP + tall)
    sketch.add(Text(LEFT, 20, word("chart_title", lang), LETTERS, INK))
    if any(axis["status"] == "whole" for layer in document["layers"] for axis in layer["axes"]):
        sketch.add(Text(WIDTH - RIGHT, 20, word("chart_whole", lang), LETTERS, HUES[4], "end"))
    return sketch


def _largest(layer: LayerDocument) -> int:
    return max((local_of(axis)["size"] or 0 for axis in layer["axes"]), default=0)


def _scale(most: int) -> tuple[int, int]:
    """The distance of the lines of a scale, a round number, and its end."""
    rough = most / TICKS
    power = 10 ** max(int(log10(max(rough, 1))), 0)
    step = next(int(n * power) for n in (1, 2, 5, 10) if n * power >= rough)
    return step, step * max(ceil(most / step), 1)


def _names(sketch: Sketch, names: list[str], pace: float, y: float) -> None:
    """Some of the names, evenly spread, on two lines in turn."""
    count = min(len(names), NAMES)
    places = sorted({round(k * (len(names) - 1) / max(count - 1, 1)) for k in range(count)})
    room = (WIDTH - LEFT) / max(count, 1) * 1.5
    for turn, k in enumerate(places):
        x = LEFT + (k + 0.5) * pace
        side: Anchor = "start" if k == 0 else "end" if k == len(names) - 1 and k else "middle"
        shown = cut_to(names[k], LETTERS, room)
        x = LEFT if side == "start" else WIDTH - RIGHT if side == "end" else x
        sketch.add(Text(x, y + 22 + 22 * (turn % 2), shown, LETTERS, INK, side))
