"""Which fields a picture shows: of one unit and those over it, of one place at several depths, of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from striate.errors import InputError
from striate.fields import Fields, Region, region
from striate.photos import Photo, read_photo
from striate.show.cells import local_of
from striate.show.document import Document
from striate.show.picture import TALL, View, field_picture, figure_bytes, view_of
from striate.show.words import word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURED_DEPTHS = 4
GREY, NAMED, ROW_TALL = 190, 3, 300


def region_picture(
    seen: Region, others: Sequence[str], image: Path | None, kind: str = "png", fit: str = "refuse", tall: int = TALL
) -> bytes:
    """``field_figure`` as a PNG or SVG file."""
    return figure_bytes(field_figure(seen, others, image, fit, tall), kind)


def field_figure(
    seen: Region, others: Sequence[str], image: Path | None, fit: str = "refuse", tall: int = TALL
) -> Figure:
    """A unit's field on a photograph or on grey, beneath it those of the units of ``others`` over the same place.

    Of a unit behind a global operator the local field is drawn, where it has one, and the operators are named.
    """
    fields = seen.fields
    paper = sheet(fields, image, fit)
    rows, columns = (_local(seen) or seen).hull
    middle = (rows.start + rows.size // 2, columns.start + columns.size // 2)
    over = [region(fields, name, unit_under(fields, name, middle)) for name in others]
    parts = [(part, _local(part)) for part in (*over, seen)]
    return _figure(paper, parts, tall)


def _figure(paper: Photo, parts: Sequence[tuple[Region, Region | None]], tall: int = TALL, lang: str = "en") -> Figure:
    """Units on paper, those that see everything by their local fields; beneath them what makes them see it."""
    views = [view_of(part, lang=lang) if local is None else _local_view(local, lang) for part, local in parts]
    return field_picture(paper, views, tall, _global_notes(parts), lang)


def _local(seen: Region) -> Region | None:
    """The local field of a unit that a global operator lets see everything; None where it has none of its own."""
    if not _unbounded(seen):
        return None
    found = region(seen.fields.local, seen.unit)
    return None if found.hull.empty else found


def _local_view(local: Region, lang: str) -> View:
    view = view_of(local, lang=lang)
    unit, _, size = view.label.partition(": ")
    return replace(view, label=f"{unit}: {word('local_of', lang, size=size)}")


def _global_notes(parts: Sequence[tuple[Region, Region | None]]) -> list[str]:
    """One line for the units that see everything: through which operators, the local field's being shown or not."""
    via = [name for seen, _ in parts if _unbounded(seen) for name in seen.fields[seen.layer].global_via]
    names = list(dict.fromkeys(via))
    left = list(dict.fromkeys(name for seen, _ in parts for name in seen.fields.left_out(seen.layer)))
    if not names:
        return [f"without the global paths through {_some(left)}"] if left else []
    shown = "; its local field is drawn" if any(local is not None for _, local in parts) else ""
    return [f"sees everything through {_some(names)}{shown}"]


def _unbounded(seen: Region) -> bool:
    return seen.unclipped is not None and not all(side.bounded for side in seen.unclipped)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def report_picture(fields: Fields, document: Document, image: Path | None, lang: str = "en") -> bytes | None:
    """The unit in the middle at several depths; None where the network has no picture to draw on.

    Raises InputError for a photograph that such a network cannot have.
    """
    if image is None and tuple(fields.spatial) != ("height", "width"):
        return None
    height, width = _plane(fields)
    middle = (height // 2, width // 2)
    seen = [region(fields, name, unit_under(fields, name, middle)) for name in pictured_layers(document)]
    parts = [(part, _local(part)) for part in seen]
    return figure_bytes(_figure(sheet(fields, image), parts, lang=lang)) if parts else None


def row_pictures(fields: Fields, document: Document, image: Path | None, lang: str = "en") -> dict[str, bytes]:
    """The unit in the middle of each of a handful of layers, each as a PNG of its own."""
    if tuple(fields.spatial) != ("height", "width"):
        return {}
    height, width = _plane(fields)
    paper, found = sheet(fields, image), {}
    for name in pictured_layers(document):
        seen = region(fields, name, unit_under(fields, name, (height // 2, width // 2)))
        found[name] = figure_bytes(_figure(paper, [(seen, _local(seen))], ROW_TALL, lang))
    return found


def sheet(fields: Fields, image: Path | None, fit: str = "refuse") -> Photo:
    """What to draw on, of the input's size: the photograph, or plain grey."""
    if image is not None:
        return read_photo(image, _plane(fields), fit)
    return np.full((*_plane(fields), 3), GREY, dtype=np.uint8)


def unit_under(fields: Fields, layer: str, pixel: tuple[int, int]) -> tuple[int, ...]:
    """The unit of a layer that stands over an input pixel: the pixel's place, scaled to the layer's size.

    Along axes that are no place in the input, or two places at once, it is the middle one.
    """
    axes, full = fields.layer_axes(layer), _plane(fields)
    if axes.grid is not None and axes.units == (axes.grid.axis,):
        return tuple(i * n // size for i, n, size in zip(pixel, axes.grid.sizes, full, strict=True))
    spans = [axis.span for axis in fields[layer].axes.values()]
    alongs = [None if span is None else span.along for span in spans]
    unit = [n // 2 for n in axes.shape]
    for along, place, size in zip(alongs, pixel, full, strict=True):
        if along is not None and alongs.count(along) == 1:
            unit[along] = place * axes.shape[along] // size
    return tuple(unit[axis] for axis in axes.units)


def pictured_layers(document: Document) -> list[str]:
    """A few layers with bounded fields, or local ones, of different sizes, from the first to the last."""
    first: dict[tuple[int, ...], str] = {}
    for layer in document["layers"]:
        sizes = [size for axis in layer["axes"] if (size := local_of(axis)["size"])]
        if len(layer["shape"]) == 4 and len(sizes) == len(layer["axes"]) == 2:
            first.setdefault(tuple(sizes), layer["name"])
    names = [name for size, name in first.items() if max(size) > 1]
    last = len(names) - 1
    places = [round(k * last / (PICTURED_DEPTHS - 1)) for k in range(PICTURED_DEPTHS)] if names else []
    return [names[k] for k in dict.fromkeys(places)]


def _plane(fields: Fields) -> tuple[int, int]:
    """The height and width of the input; InputError where it has none."""
    if tuple(fields.spatial) != ("height", "width"):
        raise InputError(
            f"a picture needs an input with height and width; this one has {', '.join(fields.spatial) or 'none'}"
        )
    shape = fields.network.shapes[fields.source]
    return shape[fields.spatial["height"]], shape[fields.spatial["width"]]
