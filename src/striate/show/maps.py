"""The maps between an input and one unit, each as a grid, and what is read of each for that unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.errors import InputError
from striate.fields import Region
from striate.geometry import Box
from striate.show.letters import cut_to, fitting
from striate.show.sketch import FAINT, HUES, INK, SOFT, Line, Rect, Sketch, Text

SIDE, GAP, MARGIN, HEAD, FOOT = 210, 56, 24, 48, 48
MOST_CELLS, LARGEST_CELL, PER_ROW, MOST_MAPS = 48, 30, 4, 12
LETTERS = 19


def maps_sketch(region: Region, layers: Sequence[str] = ()) -> Sketch:
    """The input, the maps between and the layer of a unit: on each a box of all that the unit reads of it.

    Every map with two spatial axes on the unit's way is drawn, the first of those that share size and box alone, or
    the ``layers`` named; at most ``MOST_MAPS``, evenly spread. Lines join the corners of a box to the next one.
    Raises InputError where a layer is not on the way or has not two spatial axes.
    """
    boxes = {name: box for name, box in region.path().items() if len(box) == 4}
    shapes = region.fields.network.shapes
    if len(region.fields.spatial) != 2 or region.source not in boxes:
        raise InputError(f"maps are drawn of an image's layers; {region.source} has {len(region.fields.spatial)} axes")
    chosen = list(_chosen(region, boxes, layers))
    if len(chosen) > MOST_MAPS:
        chosen = [chosen[round(k * (len(chosen) - 1) / (MOST_MAPS - 1))] for k in range(MOST_MAPS)]
    columns = min(len(chosen), PER_ROW)
    rows = -(-len(chosen) // PER_ROW)
    height = HEAD + SIDE + FOOT
    sketch = Sketch(2 * MARGIN + columns * SIDE + (columns - 1) * GAP, MARGIN + rows * height)
    corners: list[tuple[float, float, float, float]] = []
    for k, name in enumerate(chosen):
        row, column = divmod(k, PER_ROW)
        left, top = MARGIN + column * (SIDE + GAP), MARGIN / 2 + row * height + HEAD
        size = (shapes[name][2], shapes[name][3])
        corners.append(_map(sketch, left, top, size, Box(boxes[name][2:]), HUES[k % len(HUES)]))
        _labels(sketch, left, top, _called(region, name), size, Box(boxes[name][2:]))
        if column:
            _joined(sketch, corners[-2], corners[-1])
    return sketch


def _called(region: Region, tensor: str) -> str:
    names = [name for name, other in region.fields.network.layers.items() if other == tensor]
    return region.layer if region.layer in names else names[0]


def _chosen(region: Region, boxes: Mapping[str, Box], layers: Sequence[str]) -> Sequence[str]:
    network = region.fields.network
    if layers:
        wanted = [network.tensor(name) for name in layers]
        for name, tensor in zip(layers, wanted, strict=True):
            if tensor not in boxes:
                raise InputError(f"{name} is no map on the way from {region.source} to {region.layer} {region.at}")
        kept = {*wanted, region.source, network.tensor(region.layer)}
        return [name for name in list(boxes)[::-1] if name in kept]
    alike: dict[tuple[object, ...], str] = {}
    for name, box in list(boxes.items())[::-1]:
        alike.setdefault((network.shapes[name][2:], box[2:]), name)
    last = network.tensor(region.layer)
    found = list(alike.values())
    if last in boxes and last not in found:
        found[-1] = last
    return found


def _map(
    sketch: Sketch, left: float, top: float, size: tuple[int, int], read: Box, hue: str
) -> tuple[float, float, float, float]:
    """A map's cells, those read coloured; the corners of the box that is read."""
    cell = min(SIDE / max(size), LARGEST_CELL)
    height, width = (n * cell for n in size)
    left, top = left + (SIDE - width) / 2, top + (SIDE - height) / 2
    rows, columns = read
    x, y = left + columns.start * cell, top + rows.start * cell
    sketch.add(Rect(left, top, width, height, "#f6f7fa"))
    sketch.add(Rect(x, y, columns.size * cell, rows.size * cell, hue))
    if max(size) <= MOST_CELLS:
        sketch.add(*(Line(left + k * cell, top, left + k * cell, top + height, FAINT) for k in range(size[1] + 1)))
        sketch.add(*(Line(left, top + k * cell, left + width, top + k * cell, FAINT) for k in range(size[0] + 1)))
    sketch.add(Rect(left, top, width, height, "none", SOFT))
    sketch.add(Rect(x, y, columns.size * cell, rows.size * cell, "none", INK, 2))
    return x, y, x + columns.size * cell, y + rows.size * cell


def _labels(sketch: Sketch, left: float, top: float, name: str, size: tuple[int, int], read: Box) -> None:
    middle = left + SIDE / 2
    counted = f"{'x'.join(map(str, read.shape))} of {'x'.join(map(str, size))}"
    sketch.add(Text(middle, top - 12, cut_to(name, LETTERS, SIDE + GAP / 2), LETTERS, INK, "middle"))
    sketch.add(Text(middle, top + SIDE + 22, counted, fitting(counted, LETTERS, SIDE + GAP / 2), INK, "middle"))


def _joined(sketch: Sketch, one: tuple[float, ...], other: tuple[float, ...]) -> None:
    """Lines from the right corners of a box to the left ones of the next."""
    for a, b in ((1, 1), (3, 3)):
        sketch.add(Line(one[2], one[a], other[0], other[b], SOFT))
