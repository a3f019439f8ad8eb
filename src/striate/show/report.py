"""Which fields a picture shows: of one unit and those over it, of one place at several depths, of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from striate.errors import InputError
from striate.fields import Fields, Region, region
from striate.fields.unit import first_unit_axis
from striate.show.document import Document
from striate.show.picture import Photo, field_picture, figure_bytes, read_photo, view_of

PICTURED_DEPTHS = 4
GREY = 190


def region_picture(seen: Region, others: Sequence[str], image: Path | None, kind: str = "png") -> bytes:
    """A unit's field on a photograph or on grey, beneath it those of the units of ``others`` over the same place."""
    fields = seen.fields
    paper = sheet(fields, image)
    rows, columns = seen.hull
    middle = (rows.start + rows.size // 2, columns.start + columns.size // 2)
    over = [region(fields, name, unit_under(fields, name, middle)) for name in others]
    return figure_bytes(field_picture(paper, [view_of(part) for part in (*over, seen)]), kind)


def report_picture(fields: Fields, document: Document, image: Path | None) -> bytes | None:
    """The unit in the middle at several depths; None where the network has no picture to draw on.

    Raises InputError for a photograph that such a network cannot have.
    """
    if image is None and tuple(fields.spatial) != ("height", "width"):
        return None
    height, width = _plane(fields)
    middle = (height // 2, width // 2)
    views = [view_of(region(fields, name, unit_under(fields, name, middle))) for name in pictured_layers(document)]
    return figure_bytes(field_picture(sheet(fields, image), views)) if views else None


def sheet(fields: Fields, image: Path | None) -> Photo:
    """What to draw on, of the input's size: the photograph, or plain grey."""
    if image is not None:
        return read_photo(image, _plane(fields))
    return np.full((*_plane(fields), 3), GREY, dtype=np.uint8)


def unit_under(fields: Fields, layer: str, pixel: tuple[int, int]) -> tuple[int, ...]:
    """The unit of a layer that stands over an input pixel: the pixel's place, scaled to the layer's size.

    Along axes that are no place in the input, or two places at once, it is the middle one.
    """
    shape, full = fields.network.shapes[fields.network.tensor(layer)], _plane(fields)
    spans = [axis.span for axis in fields[layer].axes.values()]
    alongs = [None if span is None else span.along for span in spans]
    unit = [n // 2 for n in shape]
    for along, place, size in zip(alongs, pixel, full, strict=True):
        if along is not None and alongs.count(along) == 1:
            unit[along] = place * shape[along] // size
    return tuple(unit[min((first_unit_axis(shape), *(along for along in alongs if along is not None))) :])


def pictured_layers(document: Document) -> list[str]:
    """A few layers with bounded fields of different sizes, from the first to the last."""
    first: dict[tuple[int, ...], str] = {}
    for layer in document["layers"]:
        sizes = [axis["size"] for axis in layer["axes"] if axis["size"]]
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
