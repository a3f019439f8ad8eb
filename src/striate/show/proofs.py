"""What a check proved, as a table of units and sentences that say what is proved and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, TypedDict

from rich.console import RenderableType

from striate.show.grid import LATE, Column, Grid, Kind, short_name
from striate.show.words import word

PROOF_SCHEMA = 1
MOST_ROWS, MOST_FAULTS = 8, 10
NONE_OUTSIDE = "-"
Status = Literal["proved", "agrees", "at most", "disagrees"]


class FaultDocument(TypedDict):
    """The first pixel, or unit, where claim and runtime differ."""

    kind: str
    pixel: list[int]
    detail: str


class NoiseDocument(TypedDict):
    """What noise did to a unit of the untouched model."""

    still: int
    others: int
    sides_moved: int
    sides: int
    moved_by: list[int] | None


class UnitDocument(TypedDict):
    """What was proved of one unit."""

    layer: str
    at: list[int]
    status: Status
    claimed: int
    lit: int
    others: int
    outside: int
    method: str
    disagreement: FaultDocument | None
    noise: NoiseDocument | None


class ExtentDocument(TypedDict):
    """Where all units of a layer begin and end along one axis."""

    layer: str
    axis: str
    facts: list[str]
    units: int
    agreeing: int
    how: str
    at_most: bool
    disagreement: FaultDocument | None


class CheckedInput(TypedDict):
    """The input whose pixels were lit."""

    name: str
    shape: list[int]
    layout: str


class UntouchedDocument(TypedDict):
    """Runs of the model itself on noise, or why there were none."""

    runs: int
    unusable: str


class AllDocument(TypedDict):
    """All units of the layers checked, and the seconds that proving each of their pixels takes, roughly."""

    units: int
    seconds: float


class CheckDocument(TypedDict):
    """The outcome of a check: the document of ``docs/json.md``."""

    schema: int
    striate: str
    model: str
    input: CheckedInput
    ok: bool
    complete: bool
    runtime: str
    passes: int
    seed: int
    without: list[str] | None
    units: list[UnitDocument]
    extents: list[ExtentDocument]
    untouched: UntouchedDocument
    all: AllDocument


# No count is rounded: whether two of them are equal is what a proof is about.
HEADS = (
    Column("layer", Kind.NAME),
    Column("unit", right=True),
    Column("claimed", right=True),
    Column("lit", right=True),
    Column("outside proved", leaves=LATE + 1, right=True),
    Column("method", leaves=LATE),
)


def proofs(document: CheckDocument, lang: str = "en") -> list[RenderableType]:
    """The table, and beneath it what is proved and what is not, what all would take, and by what it was seen."""
    found = document["input"]
    shape = "x".join(map(str, found["shape"]))
    title = f"{Path(document['model']).name} · {found['name']} {shape} ({found['layout']})"
    rows = tuple(row for units in _by_layer(document["units"]) for row in _rows(units, lang))
    table = Grid(HEADS, rows, title, lang, ("--json",))
    return [
        table,
        *_faults(document, lang),
        *_extents(document, lang),
        *_further(document, lang),
        _verdict(document, lang),
    ]


def _by_layer(units: Sequence[UnitDocument]) -> list[list[UnitDocument]]:
    ordered = {unit["layer"]: k for k, unit in reversed([*enumerate(units)])}
    return [list(group) for _, group in groupby(sorted(units, key=lambda u: ordered[u["layer"]]), lambda u: u["layer"])]


def _rows(units: Sequence[UnitDocument], lang: str) -> list[tuple[str, ...]]:
    """A row for each of a layer's few units; for many, one for all that were proved alike."""
    if len(units) <= MOST_ROWS:
        return [_row(unit["layer"], ",".join(map(str, unit["at"])), [unit], lang) for unit in units]
    alike: dict[str, list[UnitDocument]] = {}
    for unit in units:
        alike.setdefault(unit["method"], []).append(unit)
    return [
        _row(group[0]["layer"], word("many_units", lang, count=f"{len(group):,}"), group, lang)
        for group in alike.values()
    ]


def _row(layer: str, unit: str, units: Sequence[UnitDocument], lang: str) -> tuple[str, ...]:
    claimed, lit, outside = (f"{sum(each[key] for each in units):,}" for key in ("claimed", "lit", "outside"))
    beyond = any(each["others"] for each in units)
    return layer, unit, claimed, lit, outside if beyond else NONE_OUTSIDE, word(units[0]["method"], lang)


def _faults(document: CheckDocument, lang: str) -> list[str]:
    """The disagreements, the first of each unit and extent."""
    found = [(f"{unit['layer']} {','.join(map(str, unit['at']))}", unit["disagreement"]) for unit in document["units"]]
    found += [(extent["layer"], extent["disagreement"]) for extent in document["extents"]]
    told = [
        word("proof_fault", lang, where=short_name(where), what=_fault(fault, lang))
        for where, fault in found
        if fault is not None
    ]
    more = [word("and_more", lang, count=f"{len(told) - MOST_FAULTS:,}")] if len(told) > MOST_FAULTS else []
    return [*told[:MOST_FAULTS], *more]


def _fault(fault: FaultDocument, lang: str) -> str:
    if fault["detail"]:
        return fault["detail"]
    return word("proof_pixel", lang, pixel=",".join(map(str, fault["pixel"])), kind=word(fault["kind"], lang))


def _verdict(document: CheckDocument, lang: str) -> str:
    units = document["units"]
    bad = [unit for unit in units if unit["status"] == "disagrees"]
    worse = [extent for extent in document["extents"] if extent["disagreement"] is not None]
    if bad or worse:
        counts = {"bad": len(bad), "worse": len(worse), "units": len(units), "extents": len(document["extents"])}
        return word("proof_wrong", lang, **{name: f"{count:,}" for name, count in counts.items()})
    proved, bounds, rest = (_with(units, status) for status in ("proved", "at most", "agrees"))
    layers = len({unit["layer"] for unit in units})
    told = [
        word(
            _sentence(document, bool(rest or bounds)),
            lang,
            proved=f"{len(proved):,}",
            units=f"{len(units):,}",
            layers=word("one_layer" if layers == 1 else "many_layers", lang, count=layers),
        )
    ]
    if bounds:
        told.append(word("proof_bounds", lang, count=f"{len(bounds):,}"))
    lit, claimed = (sum(unit[key] for unit in rest) for key in ("lit", "claimed"))
    if lit < claimed:
        told.append(word("proof_rest", lang, lit=f"{lit:,}", claimed=f"{claimed:,}", left=f"{claimed - lit:,}"))
    return word("gap", lang).join(told)


def _sentence(document: CheckDocument, left: bool) -> str:
    """The message that says what is proved, where nothing disagrees and something may be ``left``."""
    if document["without"] is not None:
        return "proof_local" if left else "proof_local_all"
    return "proof_some" if left else "proof_one" if len(document["units"]) == 1 else "proof_all"


def _with(units: Sequence[UnitDocument], status: Status) -> list[UnitDocument]:
    return [unit for unit in units if unit["status"] == status]


def _extents(document: CheckDocument, lang: str) -> list[str]:
    """Of how many units of the layers it was seen where they begin and end, axis by axis."""
    right = [extent for extent in document["extents"] if extent["disagreement"] is None]
    counts: dict[tuple[int, int], list[str]] = {}
    for axis in dict.fromkeys(extent["axis"] for extent in right):
        along = [extent for extent in right if extent["axis"] == axis]
        agreeing, units = (sum(extent[key] for extent in along) for key in ("agreeing", "units"))
        counts.setdefault((agreeing, units), []).append(word(axis, lang))
    return [
        word(
            "extent_all" if agreeing == units else "extent_some",
            lang,
            agreeing=f"{agreeing:,}",
            units=f"{units:,}",
            axes=word("joined", lang).join(axes),
        )
        for (agreeing, units), axes in counts.items()
    ]


def _further(document: CheckDocument, lang: str) -> list[str]:
    """What the model itself showed, what is left out, by what all was seen, and what proving every unit would take."""
    told = [_noise(document, lang)]
    if document["without"] is not None:
        names = word("joined", lang).join(map(short_name, document["without"])) or word("no", lang)
        told.append(word("proof_without", lang, names=names))
    told.append(
        word("proof_by", lang, runtime=document["runtime"], passes=f"{document['passes']:,}", seed=document["seed"])
    )
    units = document["all"]["units"]
    if units > len(document["units"]):
        took = duration(document["all"]["seconds"], lang)
        told.append(word("proof_time", lang, units=f"{units:,}", time=took))
    return told


def _noise(document: CheckDocument, lang: str) -> str:
    if document["untouched"]["unusable"]:
        return word("noise_none", lang, why=document["untouched"]["unusable"])
    asked = [unit["noise"] for unit in document["units"] if unit["noise"] is not None]
    beyond = [noise for noise in asked if noise["others"]]
    stayed = [noise for noise in beyond if noise["still"]]
    share = min(1.0, sum(noise["still"] / noise["others"] for noise in stayed) / max(len(stayed), 1))
    return word(
        "noise_some" if beyond else "noise_whole",
        lang,
        runs=f"{document['untouched']['runs']:,}",
        still=f"{len(stayed):,}",
        units=f"{len(beyond):,}",
        share=f"{int(100 * share)}%",
        moved=f"{sum(noise['sides_moved'] for noise in asked):,}",
        sides=f"{sum(noise['sides'] for noise in asked):,}",
    )


def duration(seconds: float, lang: str = "en") -> str:
    """Seconds in the unit that one would say.

    >>> [duration(seconds) for seconds in (0.2, 42, 600, 9000, 300000)]
    ['1 s', '42 s', '10 min', '2.5 h', '3.5 days']
    """
    if seconds < 100:
        return word("seconds", lang, count=max(round(seconds), 1))
    if seconds < 6000:
        return word("minutes", lang, count=round(seconds / 60))
    if seconds < 172800:
        return word("hours", lang, count=f"{seconds / 3600:.1f}")
    return word("days", lang, count=f"{seconds / 86400:.1f}")
