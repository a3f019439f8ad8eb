"""Answers of region, reach, sweep and compare as lines, rows and documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from striate.fields import Comparison, Effective, Fields, Reach, Region, SizePoint, Sweep
from striate.geometry import Interval
from striate.show.cells import field_cells, fraction_text, once, status_text
from striate.show.document import Pair, describe_axis, ratio
from striate.version import striate_version


class SideDocument(TypedDict):
    """Half-open pixels along one axis; nulls for all of it."""

    axis: str
    start: int | None
    stop: int | None


class RegionDocument(TypedDict):
    """The input pixels that one unit reads."""

    striate: str
    model: str
    layer: str
    at: list[int]
    index: list[int | None]
    channel: int | None
    input: str
    hull: list[SideDocument]
    unclipped: list[SideDocument] | None
    pixels: int
    cover: list[object] | None
    channels: list[int]
    counts: NotRequired[list[object]]
    without: NotRequired[list[str]]


class EffectiveDocument(TypedDict):
    """How much each pixel of a unit's field weighs."""

    striate: str
    model: str
    layer: str
    at: list[int]
    channel: int | None
    box: list[Pair]
    centre: list[float]
    half_size: float
    radii: dict[str, float]
    weights: list[object]
    without: NotRequired[list[str]]


class ReachDocument(TypedDict):
    """The units of a layer that one pixel can change."""

    striate: str
    model: str
    layer: str
    at: list[int]
    channel: int | None
    input: str
    box: list[Pair]
    units: int
    cover: list[object] | None
    channels: list[int]
    without: NotRequired[list[str]]


SWEEP_COLUMNS = ("input_size", "size", "stride", "start", "shift", "status")


def region_document(model: str, region: Region, counts: bool) -> RegionDocument:
    """A region as plain numbers: ``cover`` is null where every pixel of the hull is read."""
    names = list(region.fields.spatial)
    document: RegionDocument = {
        "striate": striate_version(),
        "model": model,
        "layer": region.layer,
        "at": list(region.at),
        "index": [i if isinstance(i, int) else None for i in region.fields.index(region.unit)],
        "channel": region.channel,
        "input": region.source,
        "hull": _sides(names, region.hull),
        "unclipped": None if region.unclipped is None else _sides(names, region.unclipped),
        "pixels": int(region.cover.sum()),
        "cover": _cover(region.cover),
        "channels": np.flatnonzero(region.channels).tolist(),
    }
    if counts:
        document["counts"] = region.counts().tolist()
    if region.fields.is_local:
        document["without"] = list(region.fields.left_out(region.layer))
    return document


def region_lines(region: Region, counts: bool) -> list[str]:
    """A region in words."""
    names = list(region.fields.spatial)
    hull = " x ".join(str(side.size) for side in region.hull)
    lines = [f"{region.layer} {region.at} sees {hull} pixels of {region.source}: {_places(names, region.hull)}"]
    lines += _token_line(region)
    if region.unclipped is not None and tuple(region.unclipped) != tuple(region.hull):
        lines.append(f"without the image's border: {_places(names, region.unclipped)}")
    lines += [_cover_line(region.cover, "pixels"), f"input channels: {_numbers(region.channels)}"]
    lines += without_lines(region.fields, region.layer)
    if counts and region.cover.any():
        paths = region.counts()
        lines.append(f"paths: {paths.sum():,} in all, {paths.max():,} from the pixel with the most")
    return lines


def _token_line(region: Region) -> list[str]:
    """Which token the unit is, and where it stands on the grid, where its layer has one."""
    grid, index = region.fields.layer_axes(region.layer).grid, region.fields.index(region.unit)
    token = None if grid is None else index[grid.axis]
    if grid is None or not isinstance(token, int):
        return []
    sides = " x ".join(map(str, grid.sizes))
    place = grid.place(token)
    return [f"token {token}, {f'at {place}' if place else 'without a place'} on the grid of {sides}"]


def effective_document(model: str, fields: Fields, found: Effective) -> EffectiveDocument:
    """An effective field as plain numbers."""
    document: EffectiveDocument = {
        "striate": striate_version(),
        "model": model,
        "layer": found.layer,
        "at": list(found.at),
        "channel": found.unit.channel,
        "box": [[side.start, side.stop] for side in found.box],
        "centre": list(found.centre),
        "half_size": found.half_size,
        "radii": {f"{share:g}": radius for share, radius in found.radii.items()},
        "weights": found.weights.tolist(),
    }
    if fields.is_local:
        document["without"] = list(fields.left_out(found.layer))
    return document


def effective_lines(fields: Fields, found: Effective) -> list[str]:
    """An effective field in words."""
    places = ", ".join(f"{place:g}" for place in found.centre)
    field = " x ".join(str(side.size) for side in found.box)
    lines = [f"{found.layer} {found.at} sees {field} pixels of {fields.source} around ({places})"]
    lines += [
        f"{share:.0%} of the weight lies within {radius:.1f} pixels, {found.ratios[share]:.0%} of half the field"
        for share, radius in found.radii.items()
    ]
    return lines + without_lines(fields, found.layer)


def without_lines(fields: Fields, layer: str) -> list[str]:
    """What local fields leave out."""
    if not fields.is_local:
        return []
    names = ", ".join(fields.left_out(layer))
    return [f"without the global paths through {names}" if names else "no operator is global: every path is local"]


def reach_document(model: str, fields: Fields, reach: Reach) -> ReachDocument:
    """A reach as plain numbers: ``cover`` is null where every unit of the box is reached."""
    document: ReachDocument = {
        "striate": striate_version(),
        "model": model,
        "layer": reach.layer,
        "at": list(reach.at),
        "channel": reach.channel,
        "input": reach.source,
        "box": [[side.start, side.stop] for side in reach.box],
        "units": int(reach.cover.sum()),
        "cover": _cover(reach.cover),
        "channels": np.flatnonzero(reach.channels).tolist(),
    }
    if fields.is_local:
        document["without"] = list(fields.left_out(reach.layer))
    return document


def reach_lines(fields: Fields, reach: Reach) -> list[str]:
    """A reach in words."""
    box = " x ".join(str(side.size) for side in reach.box)
    places = ", ".join(f"[{side.start}, {side.stop})" for side in reach.box)
    return [
        f"pixel {reach.at} of {reach.source} can change {box} units of {reach.layer}: {places}",
        _cover_line(reach.cover, "units"),
        f"channels: {_numbers(reach.channels)}",
        *without_lines(fields, reach.layer),
    ]


def sweep_rows(sweep: Sweep) -> list[tuple[str, ...]]:
    """One row per input size, in the order of ``SWEEP_COLUMNS``."""
    return [_sweep_row(point) for point in sweep.points]


def sweep_lines(sweep: Sweep) -> list[str]:
    """What stands beneath the rows: sizes at which nothing shifts, sizes that do not fit and what the first says."""
    lines = [f"Nothing shifts at: {_sizes(sweep.still) or 'none of these'}"]
    if sweep.misfits:
        first = sweep.misfits[0]
        lines.append(f"Does not fit: {_sizes([misfit.size for misfit in sweep.misfits])}")
        lines.append(f"{_sizes([first.size])}: {first.reason}")
    return lines


def _sizes(sizes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, size)) for size in sizes)


def _sweep_row(point: SizePoint) -> tuple[str, ...]:
    axes = [describe_axis(axis) for axis in point.axes]
    shift = once([ratio(shift) for shift in point.shift], fraction_text)
    return ("x".join(map(str, point.size)), *field_cells(axes), shift, status_text(axes))


def compare_columns(comparison: Comparison) -> tuple[str, ...]:
    """The heads of a comparison: one for the layer where both networks call every pair the same."""
    return (*(("layer",) if _same_names(comparison) else ("left", "right")), "axis", "what", "left is", "right is")


def compare_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """One row per difference, in the order of ``compare_columns``."""
    same = _same_names(comparison)
    return [
        (*((d.left,) if same else (d.left, d.right)), d.axis, d.kind, *(_plain_shape(d.kind, v) for v in d.values))
        for d in comparison.differences
    ]


def _same_names(comparison: Comparison) -> bool:
    return all(d.left == d.right for d in comparison.differences)


def _plain_shape(kind: str, value: str) -> str:
    return "x".join(re.findall(r"\d+", value)) if kind == "shape" else value


def _sides(names: Sequence[str], sides: Sequence[Interval]) -> list[SideDocument]:
    return [
        {"axis": name, "start": None if side.unbounded else side.start, "stop": None if side.unbounded else side.stop}
        for name, side in zip(names, sides, strict=False)
    ]


def _places(names: Sequence[str], sides: Sequence[Interval]) -> str:
    spans = ("everything" if side.unbounded else f"[{side.start}, {side.stop})" for side in sides)
    return ", ".join(f"{name} {span}" for name, span in zip(names, spans, strict=False))


def _cover(cover: NDArray[np.bool_]) -> list[object] | None:
    return None if cover.all() else cover.astype(int).tolist()


def _cover_line(cover: NDArray[np.bool_], what: str) -> str:
    read, full = int(cover.sum()), cover.size
    return (
        f"exactly {read} {what}, no holes" if read == full else f"exactly {read} of {full} {what}, {full - read} holes"
    )


def _numbers(used: NDArray[np.bool_]) -> str:
    numbers = np.flatnonzero(used)
    if numbers.size and numbers.size == numbers[-1] - numbers[0] + 1:
        return str(numbers[0]) if numbers.size == 1 else f"{numbers[0]} to {numbers[-1]}"
    return " ".join(map(str, numbers)) or "none"
