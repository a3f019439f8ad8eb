"""The maps between an input and one unit, each as a grid, and what is read of each for that unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from striate.errors import InputError
from striate.fields import Region
from striate.fields.unit import Grid
from striate.geometry import Box, Interval
from striate.show.letters import cut_to, fitting
from striate.show.sketch import FAINT, HUES, INK, SOFT, Line, Rect, Sketch, Text
from striate.show.words import word

SIDE, GAP, MARGIN, HEAD, FOOT = 210, 56, 24, 48, 48
MOST_CELLS, LARGEST_CELL, BESIDE, PER_ROW, MOST_MAPS = 48, 30, 14, 4, 12
LETTERS = 19


@dataclass(frozen=True, slots=True)
class Plane:
    """A map of ``size`` with the box that is read of it; tokens without a place stand ``beside``, true where read."""

    size: tuple[int, int]
    box: Box
    beside: tuple[bool, ...] = ()


def maps_sketch(region: Region, layers: Sequence[str] = (), lang: str = "en") -> Sketch:
    """The input, the maps between and the layer of a unit: on each a box of all that the unit reads of it.

    Every map with two spatial axes on the unit's way is drawn, the first of those that share size and box alone, or
    the ``layers`` named; at most ``MOST_MAPS``, evenly spread. Tokens are drawn on their grid, those without a place,
    such as a class token, beside it. Lines join the corners of a box to the next one.
    Raises InputError where a layer is not on the way or has not two spatial axes.
    """
    planes = _planes(region)
    if region.hull.empty:
        raise InputError(f"{region.unit.name} reads no pixel of {region.source}: there is no way to draw")
    if region.source not in planes:
        named = ", ".join(region.fields.spatial) or "none"
        raise InputError(f"maps are drawn of what an image's unit reads; the axes of {region.source} are {named}")
    chosen = list(_chosen(region, planes, layers))
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
        corners.append(_map(sketch, left, top, planes[name], HUES[k % len(HUES)]))
        _labels(sketch, left, top, _called(region, name), _counted(planes[name], lang))
        if column:
            _joined(sketch, corners[-2], corners[-1])
    return sketch


def _called(region: Region, tensor: str) -> str:
    names = [name for name, other in region.fields.network.layers.items() if other == tensor]
    return region.layer if region.layer in names else names[0]


def _planes(region: Region) -> dict[str, Plane]:
    """The height, width and box of every map on the unit's way, the unit's first; none where the input is no image."""
    fields, found = region.fields, {}
    if len(fields.spatial) != 2:
        return {}
    for name, box in region.path().items():
        grid = None if name == region.source else fields.layer_axes(name).grid
        if grid is not None and len(grid.sizes) == 2:
            found[name] = _of_tokens(grid, fields.network.shapes[name][grid.axis], box[grid.axis])
            continue
        if name == region.source:
            axes = list(fields.spatial.values())
        else:
            spans = [axis.span for axis in fields[name].axes.values()]
            axes = [span.along for span in spans if span is not None and span.along is not None]
        if len(set(axes)) == 2:
            size, places = fields.network.shapes[name], (axes[0], axes[1])
            found[name] = Plane((size[places[0]], size[places[1]]), Box([box[axis] for axis in places]))
    return found


def _of_tokens(grid: Grid, count: int, read: Interval) -> Plane:
    """The grid of ``count`` tokens, with the box that holds those of them that are read."""
    places = [place for token in range(read.start, read.stop) if (place := grid.place(token)) is not None]
    beside = tuple(token in read for token in range(count) if grid.place(token) is None)
    box = Box([Interval.of(place[k] for place in places) for k in (0, 1)])
    return Plane((grid.sizes[0], grid.sizes[1]), box, beside)


def _chosen(region: Region, planes: Mapping[str, Plane], layers: Sequence[str]) -> Sequence[str]:
    network = region.fields.network
    if layers:
        wanted = [network.tensor(name) for name in layers]
        for name, tensor in zip(layers, wanted, strict=True):
            if tensor not in planes:
                raise InputError(f"{name} is no map on the way from {region.source} to {region.unit.name}")
        kept = {*wanted, region.source, network.tensor(region.layer)}
        return [name for name in list(planes)[::-1] if name in kept]
    alike: dict[Plane, str] = {}
    for name, plane in list(planes.items())[::-1]:
        alike.setdefault(plane, name)
    last = network.tensor(region.layer)
    found = list(alike.values())
    if last in planes and last not in found:
        found[-1] = last
    return found


def _map(
    sketch: Sketch, left: float, top: float, plane: Plane, hue: str
) -> tuple[float, float, float, float]:
    """A map's cells, those read coloured; the corners of the box that is read, or of the first token beside it."""
    size, (rows, columns) = plane.size, plane.box
    cell = min(SIDE / max(size), LARGEST_CELL)
    height, width = (n * cell for n in size)
    left, top = left + (SIDE - width) / 2, top + (SIDE - height) / 2
    x, y = left + columns.start * cell, top + rows.start * cell
    sketch.add(Rect(left, top, width, height, "#f6f7fa"))
    sketch.add(Rect(x, y, columns.size * cell, rows.size * cell, hue))
    if max(size) <= MOST_CELLS:
        sketch.add(*(Line(left + k * cell, top, left + k * cell, top + height, FAINT) for k in range(size[1] + 1)))
        sketch.add(*(Line(left, top + k * cell, left + width, top + k * cell, FAINT) for k in range(size[0] + 1)))
    sketch.add(Rect(left, top, width, height, "none", SOFT))
    for k, lit in enumerate(plane.beside):
        at = left - 1.5 * BESIDE, top + 1.5 * k * BESIDE
        sketch.add(Rect(*at, BESIDE, BESIDE, hue if lit else "#f6f7fa", INK if lit else SOFT))
    if plane.box.empty:
        return left - 1.5 * BESIDE, top, left - 0.5 * BESIDE, top + BESIDE
    sketch.add(Rect(x, y, columns.size * cell, rows.size * cell, "none", INK, 2))
    return x, y, x + columns.size * cell, y + rows.size * cell


def _counted(plane: Plane, lang: str) -> str:
    """What is read of how many; tokens beside the grid are added to both."""
    read, size = ("x".join(map(str, sides)) for sides in (plane.box.shape, plane.size))
    if plane.beside:
        read, size = f"{read}+{sum(plane.beside)}", f"{size}+{len(plane.beside)}"
    return word("read_of", lang, read=read, size=size)


def _labels(sketch: Sketch, left: float, top: float, name: str, counted: str) -> None:
    middle = left + SIDE / 2
    sketch.add(Text(middle, top - 12, cut_to(name, LETTERS, SIDE + GAP / 2), LETTERS, INK, "middle"))
    sketch.add(Text(middle, top + SIDE + 22, counted, fitting(counted, LETTERS, SIDE + GAP / 2), INK, "middle"))


def _joined(sketch: Sketch, one: tuple[float, ...], other: tuple[float, ...]) -> None:
    """Lines from the right corners of a box to the left ones of the next."""
    for a, b in ((1, 1), (3, 3)):
        sketch.add(Line(one[2], one[a], other[0], other[b], SOFT))
