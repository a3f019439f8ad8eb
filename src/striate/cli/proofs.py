"""The report of a check as the document that is printed, drawn and written as JSON."""

from __future__ import annotations

from striate.check import CheckReport, Disagreement, UnitCheck
from striate.check.report import Extent, Noise
from striate.show.proofs import (
    PROOF_SCHEMA,
    CheckDocument,
    ExtentDocument,
    FaultDocument,
    NoiseDocument,
    Status,
    UnitDocument,
)
from striate.version import striate_version


def document_of(model: str, report: CheckReport) -> CheckDocument:
    """A report as plain values; ``model`` is as the user named it."""
    return {
        "schema": PROOF_SCHEMA,
        "striate": striate_version(),
        "model": model,
        "input": {"name": report.source, "shape": list(report.shape), "layout": report.layout},
        "ok": report.ok,
        "complete": report.complete,
        "runtime": report.runtime,
        "passes": report.passes,
        "seed": report.seed,
        "without": None if report.without is None else list(report.without),
        "units": [_unit(unit) for unit in report.units],
        "extents": [_extent(extent) for extent in report.extents],
        "untouched": {"runs": report.runs, "unusable": report.unusable},
        "all": {"units": report.units_in_all, "seconds": round(report.seconds, 3)},
    }


def _unit(unit: UnitCheck) -> UnitDocument:
    return {
        "layer": unit.layer,
        "at": list(unit.at),
        "status": _status(unit),
        "claimed": unit.claimed,
        "lit": unit.confirmed,
        "others": unit.others,
        "outside": unit.outside if unit.ok else 0,
        "method": unit.method,
        "disagreement": _fault(unit.first),
        "noise": None if unit.noise is None else _noise(unit.noise),
    }


def _status(unit: UnitCheck) -> Status:
    if not unit.ok:
        return "disagrees"
    if unit.complete:
        return "proved"
    return "at most" if unit.at_most and not unit.left else "agrees"


def _noise(noise: Noise) -> NoiseDocument:
    return {
        "still": noise.still,
        "others": noise.others,
        "sides_moved": noise.sides_moved,
        "sides": noise.sides,
        "moved_by": None if noise.moved_by is None else list(noise.moved_by),
    }


def _extent(extent: Extent) -> ExtentDocument:
    return {
        "layer": extent.layer,
        "axis": extent.axis,
        "facts": list(extent.facts),
        "units": extent.units,
        "agreeing": extent.agreeing,
        "how": extent.how,
        "at_most": extent.at_most,
        "disagreement": _fault(extent.first),
    }


def _fault(first: Disagreement | None) -> FaultDocument | None:
    return None if first is None else {"kind": first.kind, "pixel": list(first.pixel), "detail": first.detail}
