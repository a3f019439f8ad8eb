"""A network on one screen: what it is, where its field grows, what holds of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from striate.fields import Field, Fields, Misalignment
from striate.fields.costs import costs
from striate.fields.overview import COLUMNS, Level, Overview, decimal, overview
from striate.show.cells import once, physical_text, size_text
from striate.show.document import AxisDocument, describe_axis
from striate.show.grid import Grid, short_name
from striate.show.tables import byte_text, grid
from striate.show.units import Scale
from striate.show.words import word

KINDS_NAMED, NAMED = 4, 3


def summary(
    fields: Fields, model: str = "", scales: Mapping[str, Scale] | None = None, lang: str = "en"
) -> list[str | Grid]:
    """The parts to print, in order: lines and the table of levels."""
    seen = overview(fields)
    parts: list[str | Grid] = [_head(fields, model), _network(seen, lang), *_table(seen, scales or {}, lang)]
    return [*parts, *_lines(seen, scales or {}, lang), word("more_note", lang)]


def _head(fields: Fields, model: str) -> str:
    network = fields.network
    others = [_shaped(name, network.shapes[name]) for name in network.inputs if name != fields.source]
    text = f"{model or network.name} · {_shaped(fields.source, network.shapes[fields.source])} ({fields.layout})"
    return f"{text} · {', '.join(others)}" if others else text


def _network(seen: Overview, lang: str) -> str:
    totals = costs(seen.fields.network)
    kinds = list(seen.operators.items())
    named = [f"{op} {count}" for op, count in kinds[:KINDS_NAMED]]
    if len(kinds) > KINDS_NAMED:
        named.append(word("kinds_left", lang, count=len(kinds) - KINDS_NAMED))
    return word(
        "network_note",
        lang,
        count=sum(seen.operators.values()),
        operators=word("joined", lang).join(named),
        params=f"{totals.parameters:,}",
        macs=f"{totals.macs:,}",
        peak=byte_text(totals.peak_activation_bytes),
    )


def _table(seen: Overview, scales: Mapping[str, Scale], lang: str) -> list[str | Grid]:
    if not seen.levels:
        return []
    kind = "way_strides" if seen.by_stride else "way_changes"
    output = short_name(seen.levels[-1].field.name)
    heads = (*COLUMNS, "physical") if scales else COLUMNS
    rows = [_row(level, scales) for level in seen.levels]
    table = replace(grid(heads, rows, word(kind, lang, output=output), lang), tight=True)
    everything = any(axis.status == "whole" for level in seen.levels for axis in level.field.axes.values())
    return [table, (word("way_all", lang) if everything else "") + word("way_note", lang)]


def _row(level: Level, scales: Mapping[str, Scale]) -> tuple[str, ...]:
    return (*level.cells, once(_axes(level.field, scales), physical_text)) if scales else level.cells


def _lines(seen: Overview, scales: Mapping[str, Scale], lang: str) -> list[str]:
    outputs = _some([_output(field, scales, lang) for field in seen.outputs], lang, "; ")
    lines = [word("outputs_note", lang, outputs=outputs)]
    if seen.largest in seen.outputs:
        lines[0] += word("gap", lang) + word("largest_output", lang)
    elif seen.largest is not None:
        size = size_text([_local(axis) for axis in _axes(seen.largest, scales)], lang)
        kind = "largest_local" if seen.global_via else "largest_note"
        lines[0] += word("gap", lang) + word(kind, lang, size=size, layer=short_name(seen.largest.name))
    several = {
        "several_global": [short_name(name) for name in seen.global_via],
        "several_misaligned": _merges(seen.misaligned),
        "several_at_most": [short_name(name) for name in seen.at_most_via],
    }
    lines += [word(key, lang, count=len(all_), names=_some(all_, lang)) for key, all_ in several.items() if all_]
    return lines


def _axes(field: Field, scales: Mapping[str, Scale]) -> list[AxisDocument]:
    return [describe_axis(axis, scales.get(name)) for name, axis in field.axes.items()]


def _local(axis: AxisDocument) -> AxisDocument:
    """The axis as if there were no global path."""
    return axis if axis["local"] is None else {**axis, **axis["local"], "local": None}


def _output(field: Field, scales: Mapping[str, Scale], lang: str) -> str:
    axes = _axes(field, scales)
    seen = size_text(axes, lang) + (f" = {once(axes, physical_text)}" if scales else "")
    return word("output_sees", lang, output=_shaped(field.name, field.shape), size=seen)


def _merges(merges: Sequence[Misalignment]) -> list[str]:
    """Each merge once, with the branch whose centre stands furthest off along any axis."""
    offsets: dict[str, list[Fraction | None]] = {}
    for merge in merges:
        offsets.setdefault(merge.node, []).extend(offset for _, offset in merge.branches)
    return [f"{short_name(node)} {_furthest(known)}" for node, known in offsets.items()]


def _furthest(offsets: Sequence[Fraction | None]) -> str:
    known = [offset for offset in offsets if offset is not None]
    return f"{decimal(max(known, key=abs))} px" if any(known) else "-"


def _some(texts: Sequence[str], lang: str, joint: str = "") -> str:
    shown = (joint or word("joined", lang)).join(texts[:NAMED])
    more = len(texts) - NAMED
    return f"{shown} {word('and_more', lang, count=more)}" if more > 0 else shown


def _shaped(name: str, shape: Sequence[int]) -> str:
    return f"{short_name(name)} {'x'.join(map(str, shape))}".rstrip()
