"""Answers of region, reach, sweep and compare as lines, rows and documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from striate.fields import Comparison, Effective, Fields, Placed, Reach, Region, SizePoint, Sweep
from striate.geometry import Interval
from striate.show.cells import field_cells, fraction_text, once, status_text
from striate.show.document import Pair, describe_axis, ratio
from striate.show.words import word
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
    within: list[int]
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
    within: list[int]
    channel: int | None
    box: list[Pair]
    centre: list[float]
    half_size: float
    radii: dict[str, float]
    weights: list[object]
    without: NotRequired[list[str]]


class PlacedDocument(TypedDict):
    """Tokens of a grid by their places, and those that have none."""

    box: list[Pair]
    cover: list[object] | None
    others: list[int]


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
    placed: PlacedDocument | None
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
        "within": list(region.unit.within),
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


def region_lines(region: Region, counts: bool, lang: str = "en") -> list[str]:
    """A region in words."""
    names = list(region.fields.spatial)
    hull = " x ".join(str(side.size) for side in region.hull)
    places = _places(names, region.hull, lang)
    lines = [word("unit_sees", lang, unit=region.unit.name, hull=hull, source=region.source, places=places)]
    lines += _token_line(region, lang)
    if region.unclipped is not None and tuple(region.unclipped) != tuple(region.hull):
        lines.append(word("borderless", lang, places=_places(names, region.unclipped, lang)))
    lines.append(_cover_line(region.cover, "pixels", lang))
    lines.append(word("input_channels", lang, numbers=_numbers(region.channels, lang)))
    lines += without_lines(region.fields, region.layer, lang)
    if counts and region.cover.any():
        paths = region.counts()
        lines.append(word("paths_counted", lang, total=f"{paths.sum():,}", most=f"{paths.max():,}"))
    return lines


def _token_line(region: Region, lang: str) -> list[str]:
    """Which token the unit is, and where it stands on the grid, where its layer has one."""
    grid, index = region.fields.layer_axes(region.layer).grid, region.fields.index(region.unit)
    token = None if grid is None else index[grid.axis]
    if grid is None or not isinstance(token, int):
        return []
    sides, place = " x ".join(map(str, grid.sizes)), grid.place(token)
    if not place:
        return [word("token_alone", lang, token=token, sides=sides)]
    return [word("token_placed", lang, token=token, place=place, sides=sides)]


def effective_document(model: str, fields: Fields, found: Effective) -> EffectiveDocument:
    """An effective field as plain numbers."""
    document: EffectiveDocument = {
        "striate": striate_version(),
        "model": model,
        "layer": found.layer,
        "at": list(found.at),
        "within": list(found.unit.within),
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


def effective_lines(fields: Fields, found: Effective, lang: str = "en") -> list[str]:
    """An effective field in words."""
    centre = ", ".join(f"{place:g}" for place in found.centre)
    field = " x ".join(str(side.size) for side in found.box)
    lines = [word("unit_around", lang, unit=found.unit.name, field=field, source=fields.source, centre=centre)]
    lines += [
        word("weight_within", lang, share=f"{share:.0%}", radius=f"{radius:.1f}", ratio=f"{found.ratios[share]:.0%}")
        for share, radius in found.radii.items()
    ]
    return lines + without_lines(fields, found.layer, lang)


def without_lines(fields: Fields, layer: str, lang: str = "en") -> list[str]:
    """What local fields leave out."""
    if not fields.is_local:
        return []
    names = word("joined", lang).join(fields.left_out(layer))
    return [word("without_global", lang, names=names) if names else word("all_local", lang)]


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
        "placed": None if reach.placed is None else _placed_document(reach.placed),
    }
    if fields.is_local:
        document["without"] = list(fields.left_out(reach.layer))
    return document


def _placed_document(placed: Placed) -> PlacedDocument:
    return {
        "box": [[side.start, side.stop] for side in placed.box],
        "cover": _cover(placed.cover),
        "others": list(placed.others),
    }


def reach_lines(fields: Fields, reach: Reach, lang: str = "en") -> list[str]:
    """A reach in words, of tokens by their places."""
    found: Reach | Placed = reach.placed or reach
    box = " x ".join(str(side.size) for side in found.box)
    places = ", ".join(f"[{side.start}, {side.stop})" for side in found.box)
    others = ", ".join(map(str, found.others)) if isinstance(found, Placed) else ""
    return [
        word("pixel_changes", lang, at=reach.at, source=reach.source, box=box, layer=reach.layer, places=places),
        _cover_line(found.cover, "units", lang),
        *([word("tokens_without_place", lang, tokens=others)] if others else []),
        word("channels", lang, numbers=_numbers(reach.channels, lang)),
        *without_lines(fields, reach.layer, lang),
    ]


def sweep_rows(sweep: Sweep, lang: str = "en") -> list[tuple[str, ...]]:
    """One row per input size, in the order of ``SWEEP_COLUMNS``."""
    return [_sweep_row(point, lang) for point in sweep.points]


def sweep_lines(sweep: Sweep, lang: str = "en") -> list[str]:
    """What stands beneath the rows: sizes at which nothing shifts, sizes that do not fit and what the first says."""
    lines = [word("nothing_shifts", lang, sizes=_sizes(sweep.still) or word("none_of_these", lang))]
    if sweep.misfits:
        first = sweep.misfits[0]
        lines.append(word("misfits", lang, sizes=_sizes([misfit.size for misfit in sweep.misfits])))
        lines.append(f"{_sizes([first.size])}: {first.reason}")
    return lines


def _sizes(sizes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, size)) for size in sizes)


def _sweep_row(point: SizePoint, lang: str) -> tuple[str, ...]:
    axes = [describe_axis(axis) for axis in point.axes]
    shift = once([ratio(shift) for shift in point.shift], fraction_text)
    return ("x".join(map(str, point.size)), *field_cells(axes, lang), shift, status_text(axes, lang))


def compare_columns(comparison: Comparison) -> tuple[str, ...]:
    """The heads of a comparison: one for the layer where both networks call every pair the same."""
    return (*(("layer",) if _same_names(comparison) else ("left", "right")), "axis", "what", "left is", "right is")


def compare_rows(comparison: Comparison, lang: str = "en") -> list[tuple[str, ...]]:
    """One row per difference, in the order of ``compare_columns``."""
    same = _same_names(comparison)
    return [
        (
            *((d.left,) if same else (d.left, d.right)),
            word(d.axis, lang) if d.axis else "",
            word(d.kind, lang),
            *(_plain(d.kind, value, lang) for value in d.values),
        )
        for d in comparison.differences
    ]


def compare_lines(comparison: Comparison, left: str, right: str, lang: str = "en") -> list[str]:
    """What stands beneath the rows: the layers of one network alone, and how many were paired and differ."""
    alone = ((left, comparison.only_left), (right, comparison.only_right))
    joint = word("joined", lang)
    lines = [word("only_in", lang, model=name, layers=joint.join(layers)) for name, layers in alone if layers]
    counts = {"paired": len(comparison.paired), "differences": len(comparison.differences)}
    return [*lines, word("compared", lang, **counts)]


def _same_names(comparison: Comparison) -> bool:
    return all(d.left == d.right for d in comparison.differences)


def _plain(kind: str, value: str, lang: str) -> str:
    if kind == "status":
        return word("joined", lang).join(word(fact, lang) for fact in value.split(", "))
    return "x".join(re.findall(r"\d+", value)) if kind == "shape" else value


def _sides(names: Sequence[str], sides: Sequence[Interval]) -> list[SideDocument]:
    return [
        {"axis": name, "start": None if side.unbounded else side.start, "stop": None if side.unbounded else side.stop}
        for name, side in zip(names, sides, strict=False)
    ]


def _places(names: Sequence[str], sides: Sequence[Interval], lang: str) -> str:
    spans = (word("everything", lang) if side.unbounded else f"[{side.start}, {side.stop})" for side in sides)
    return ", ".join(f"{word(name, lang)} {span}" for name, span in zip(names, spans, strict=False))


def _cover(cover: NDArray[np.bool_]) -> list[object] | None:
    return None if cover.all() else cover.astype(int).tolist()


def _cover_line(cover: NDArray[np.bool_], what: str, lang: str) -> str:
    read, full = int(cover.sum()), cover.size
    return word(f"{what}_{'full' if read == full else 'holes'}", lang, read=read, full=full, holes=full - read)


def _numbers(used: NDArray[np.bool_], lang: str) -> str:
    numbers = np.flatnonzero(used)
    if numbers.size > 1 and numbers.size == numbers[-1] - numbers[0] + 1:
        return word("first_to_last", lang, first=numbers[0], last=numbers[-1])
    return " ".join(map(str, numbers)) or word("none", lang)
