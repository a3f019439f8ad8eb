"""Which pixels a unit sees, in words: the rule where one holds, the phases where units differ by phase."""

from __future__ import annotations

from collections.abc import Iterator

from striate.show.cells import local_of
from striate.show.document import Document, LayerDocument
from striate.show.grid import short_name
from striate.show.words import word

PHASES_SHOWN = 8
LAYERS_NAMED = 4


def rule_lines(document: Document, lang: str = "en") -> list[str]:
    """How to read size, stride and start, for the kinds of rows that the document has."""
    spans = [local_of(axis) for layer in document["layers"] for axis in layer["axes"]]
    phased = any("phases" in span for span in spans)
    kinds = {
        "rule_where_note" if phased else "rule_note": any(
            span["stride"] is not None and "phases" not in span for span in spans
        ),
        "all_see_note": any(span["stride"] is None and span["start"] is not None for span in spans),
        "irregular_note": any(span["status"] == "irregular" for span in spans),
        "phases_note": phased,
        "grid_note": any(layer["grid"] is not None for layer in document["layers"]),
    }
    return [word(kind, lang) for kind, there in kinds.items() if there]


def phase_lines(document: Document, lang: str = "en") -> list[str]:
    """One line for all layers with the same phases along the same axes."""
    by_phases: dict[tuple[tuple[str, ...], int, tuple[tuple[int, int], ...]], list[str]] = {}
    for layer in document["layers"]:
        for axes, step, phases in _groups(layer):
            by_phases.setdefault((axes, step, phases), []).append(layer["name"])
    return [
        word(
            "phases_of",
            lang,
            layers=_named(layers, lang),
            axes=", ".join(word(axis, lang) for axis in axes),
            count=len(phases),
            step=step,
            phases=_intervals(phases),
        )
        for (axes, step, phases), layers in by_phases.items()
    ]


def _groups(layer: LayerDocument) -> Iterator[tuple[tuple[str, ...], int, tuple[tuple[int, int], ...]]]:
    """The layer's axes with phases; those that agree together: axes, pixels from one period to the next, phases."""
    by_phases: dict[tuple[int, tuple[tuple[int, int], ...]], list[str]] = {}
    for axis in layer["axes"]:
        span = local_of(axis)
        if "phases" in span:
            phases = tuple((start, stop) for start, stop in span["phases"])
            above, below = span["stride"] or (0, 1)
            by_phases.setdefault((len(phases) * above // below, phases), []).append(axis["axis"])
    for (step, phases), axes in by_phases.items():
        yield tuple(axes), step, phases


def _intervals(phases: tuple[tuple[int, int], ...]) -> str:
    texts = [f"[{start}, {stop})" for start, stop in phases]
    if len(texts) > PHASES_SHOWN:
        texts = [*texts[: PHASES_SHOWN - 2], "...", texts[-1]]
    return " ".join(texts)


def _named(layers: list[str], lang: str) -> str:
    shown = ", ".join(map(short_name, layers[:LAYERS_NAMED]))
    more = len(layers) - LAYERS_NAMED
    return f"{shown} {word('and_more', lang, count=more)}" if more > 0 else shown
