"""What the page says of one unit: its field, the maps on the way, its branches and its effective field; and of a pixel
what it reaches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from striate.errors import InputError
from striate.fields import Fields, Region, Unit, effective_field, reach, region
from striate.geometry import Box, Interval
from striate.serve.packed import PackedDocument, packed_bits, packed_bytes
from striate.serve.tables import LANGUAGES, map_size
from striate.show.answers import effective_lines, reach_lines, region_lines
from striate.show.document import Pair, Ratio, ratio

Side = list[int] | None


class StepDocument(TypedDict):
    """A map on the way: its size, and the rows and columns of it that the unit reads."""

    layer: str
    size: list[int]
    box: list[Pair]


class BranchDocument(TypedDict):
    """A branch of a merge: what the unit at the same place of it sees, and how far its centre lies from the first's."""

    tensor: str
    hull: list[Pair]
    offsets: list[Ratio | None]


class UnitDocument(TypedDict):
    """A unit's field: ``cover`` is None where every pixel of ``hull`` is read, ``unclipped`` sides without end None.

    ``padding`` is the share of the field's box outside the picture, as a ratio; None for a field without end.
    """

    layer: str
    at: list[int]
    channel: int | None
    local: bool
    hull: list[Pair]
    unclipped: list[Side] | None
    pixels: int
    cover: PackedDocument | None
    padding: Ratio | None
    lines: dict[str, list[str]]
    path: list[StepDocument]
    branches: list[BranchDocument]


class EffectiveDocument(TypedDict):
    """An effective field: ``heat`` is each pixel's weight over the largest, in 255 steps of its square root."""

    layer: str
    at: list[int]
    box: list[Pair]
    centre: list[float]
    half_size: float
    radii: dict[str, float]
    ratios: dict[str, float]
    heat: PackedDocument
    lines: dict[str, list[str]]


class ReachedDocument(TypedDict):
    """The units of one layer that a pixel reaches; ``cover`` is None where it is every one of ``box``."""

    layer: str
    box: list[Pair]
    units: int
    cover: PackedDocument | None
    lines: dict[str, list[str]]


def unit_document(fields: Fields, unit: Unit, *, local: bool = False) -> UnitDocument:
    """A unit's exact field on the picture, with the maps on its way back to it, the unit's own first.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 3, 8, 8))
    >>> made = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=4), "x", name="conv")
    >>> found = unit_document(Fields(b.network()), Unit("conv", (0, 4)))
    >>> found["hull"], found["unclipped"], found["padding"], found["cover"]
    ([[0, 2], [3, 6]], [[-1, 2], [3, 6]], [1, 3], None)
    """
    chosen = fields.local if local else fields
    seen = region(chosen, unit)
    return {
        "layer": seen.layer,
        "at": list(seen.at),
        "channel": seen.channel,
        "local": local,
        "hull": pairs(seen.hull),
        "unclipped": None if seen.unclipped is None else [_side(side) for side in seen.unclipped],
        "pixels": int(seen.cover.sum()),
        "cover": None if seen.cover.all() else packed_bits(seen.cover),
        "padding": padding(seen),
        "lines": {lang: region_lines(seen, counts=False, lang=lang) for lang in LANGUAGES},
        "path": list(_steps(seen)),
        "branches": list(_branches(chosen, seen)),
    }


def padding(seen: Region) -> Ratio | None:
    """The share of a field's box outside the picture; None where the box has no end or is empty."""
    free = seen.unclipped
    if free is None or not all(side.bounded for side in free) or not free.size:
        return None
    shape = seen.fields.network.shapes[seen.fields.source]
    inside = free.clip(Box.whole([shape[axis] for axis in seen.fields.spatial.values()]))
    return reduced(free.size - inside.size, free.size)


def effective_document(fields: Fields, unit: Unit, *, local: bool = False) -> EffectiveDocument:
    """A unit's effective field by path counts."""
    chosen = fields.local if local else fields
    found = effective_field(chosen, unit)
    heat = np.sqrt(found.weights / found.weights.max())
    return {
        "layer": found.layer,
        "at": list(found.at),
        "box": pairs(found.box),
        "centre": list(found.centre),
        "half_size": found.half_size,
        "radii": {f"{share:g}": radius for share, radius in found.radii.items()},
        "ratios": {f"{share:g}": part for share, part in found.ratios.items()},
        "heat": packed_bytes((heat * 255).round().astype(np.uint8)),
        "lines": {lang: effective_lines(chosen, found, lang) for lang in LANGUAGES},
    }


def reached_documents(
    fields: Fields, pixel: Sequence[int], layers: Iterable[str], *, local: bool = False
) -> list[ReachedDocument]:
    """What a pixel reaches in some layers, those of them that are maps."""
    chosen = fields.local if local else fields
    found = []
    for layer in layers:
        if map_size(fields, layer) is not None:
            answer = reach(chosen, pixel, layer)
            found.append(
                ReachedDocument(
                    layer=layer,
                    box=pairs(answer.box),
                    units=int(answer.cover.sum()),
                    cover=None if answer.cover.all() else packed_bits(answer.cover),
                    lines={lang: reach_lines(chosen, answer, lang) for lang in LANGUAGES},
                )
            )
    return found


def pairs(box: Box) -> list[Pair]:
    """A box as ``[start, stop]`` per axis."""
    return [[side.start, side.stop] for side in box]


def reduced(over: int, under: int) -> Ratio:
    """A share in lowest terms."""
    from fractions import Fraction

    return ratio(Fraction(over, under))


def _side(side: Interval) -> Side:
    return [side.start, side.stop] if side.bounded else None


def _steps(seen: Region) -> Iterable[StepDocument]:
    """The maps on a unit's way, with what is read of each; tensors that only hand on are told by their first name."""
    fields = seen.fields
    names: dict[str, str] = {}
    for name, tensor in fields.network.layers.items():
        names.setdefault(tensor, name)
    names[fields.network.tensor(seen.layer)] = seen.layer
    for tensor, box in seen.path().items():
        name = names[tensor]
        size = map_size(fields, name)
        axes = fields.layer_axes(name).units
        if size is not None and len(axes) == 2:
            yield {"layer": name, "size": list(size), "box": [[box[axis].start, box[axis].stop] for axis in axes]}


def _branches(fields: Fields, seen: Region) -> Iterable[BranchDocument]:
    """The branches of the layer's own misaligned merge, each with the field of its unit at the same place."""
    tensor = fields.network.tensor(seen.layer)
    offsets: dict[str, list[Ratio | None]] = {}
    for merge in fields.misalignments:
        if fields.network.tensor(merge.node) == tensor:
            for name, offset in merge.branches:
                offsets.setdefault(name, []).append(ratio(offset))
    for name, told in offsets.items():
        try:
            hull = fields.hull(name, seen.at)
        except InputError:
            continue
        yield {"tensor": name, "hull": pairs(hull), "offsets": told}
