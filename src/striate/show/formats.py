"""The document as JSON, CSV and Markdown; one row of cells per layer for everything that prints a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from striate.show.cells import by_axis, field_cells, fraction_text, physical_text, status_text
from striate.show.document import Document
from striate.show.phases import phase_lines
from striate.show.words import word

COLUMNS = ("layer", "op", "shape", "size", "stride", "start", "status", "params", "MACs")
CSV_COLUMNS = (
    *("layer", "op", "nodes", "shape", "params", "macs", "activation_bytes"),
    *("axis", "along", "status", "facts", "size", "stride", "start", "phases"),
    *("local_status", "local_size", "local_stride", "local_start", "local_phases"),
    *("global_via", "misaligned_at", "at_most_via"),
    *("physical_unit", "physical_size", "physical_stride"),
)


def to_json(document: Document) -> str:
    """The document as JSON, one layer's keys in a stable order, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_csv(document: Document) -> str:
    """One row per layer and axis, plain numbers, empty where JSON says null.

    Fractions stand as ``num/den``, phases as ``start:stop`` with a space between them.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for layer in document["layers"]:
        for axis in layer["axes"] or [{"axis": "", "status": "", "facts": []}]:
            writer.writerow(_csv_row(layer, axis))
    return stream.getvalue()


def to_markdown(document: Document, lang: str = "en") -> str:
    """A Markdown table of the same rows that the terminal shows; beneath it the phases where units differ by phase."""
    heads = [word(head, lang) for head in columns(document)]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join('---' for _ in heads)}|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows(document, lang)]
    phases = phase_lines(document, lang)
    return "\n".join([*lines, *(["", *(f"- {line}" for line in phases)] if phases else [])]) + "\n"


def columns(document: Document) -> tuple[str, ...]:
    """The column heads, with one for physical units where the document has them."""
    return (*COLUMNS, "physical") if _physical(document) else COLUMNS


def rows(document: Document, lang: str = "en") -> list[tuple[str, ...]]:
    """One tuple of cells per layer, in the order of ``columns``."""
    physical = _physical(document)
    return [_row(layer, physical, lang) for layer in document["layers"]]


def _row(layer: Document, physical: bool, lang: str) -> tuple[str, ...]:
    cells = (
        layer["name"],
        layer["op"] if layer["nodes"] == 1 or layer["op"] == "input" else word("stage", lang, count=layer["nodes"]),
        "x".join(map(str, layer["shape"])),
        *field_cells(layer),
        status_text(layer),
        f"{layer['params']:,}",
        f"{layer['macs']:,}",
    )
    return (*cells, by_axis(layer["axes"], physical_text)) if physical else cells


def _physical(document: Document) -> bool:
    return any("physical" in axis for layer in document["layers"] for axis in layer["axes"])


def _csv_row(layer: Document, axis: Document) -> dict[str, Any]:
    local, physical = axis.get("local") or {}, axis.get("physical") or {}
    return {
        **{key: layer[key] for key in ("op", "nodes", "params", "macs", "activation_bytes")},
        "layer": layer["name"],
        "shape": "x".join(map(str, layer["shape"])),
        "axis": axis["axis"],
        "along": axis.get("along"),
        "status": axis["status"],
        "facts": "; ".join(axis["facts"]),
        **_csv_span(axis),
        "local_status": local.get("status"),
        **{f"local_{key}": value for key, value in _csv_span(local).items()},
        "global_via": " ".join(layer["global_via"]),
        "misaligned_at": " ".join(dict.fromkeys(merge["node"] for merge in layer["misaligned"])),
        "at_most_via": " ".join(layer["at_most_via"]),
        **{f"physical_{key}": physical.get(key) for key in ("unit", "size", "stride")},
    }


def _csv_span(span: Document) -> dict[str, Any]:
    stride = span.get("stride")
    return {
        "size": span.get("size"),
        "stride": None if stride is None else fraction_text(stride),
        "start": span.get("start"),
        "phases": " ".join(f"{start}:{stop}" for start, stop in span.get("phases", ())),
    }
