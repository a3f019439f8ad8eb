"""The document as JSON, CSV and Markdown; one row of cells per layer for everything that prints a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from striate.show.document import Document

T = TypeVar("T")

COLUMNS = ("layer", "op", "shape", "size", "stride", "start", "status", "params", "MACs")
CSV_COLUMNS = (
    *("layer", "op", "shape", "params", "macs", "activation_bytes", "axis", "status", "size", "stride", "start"),
    *("local_size", "local_stride", "local_start", "global_via", "misaligned_at"),
    *("physical_unit", "physical_size", "physical_stride"),
)


def to_json(document: Document) -> str:
    """The document as JSON, one layer's keys in a stable order, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_csv(document: Document) -> str:
    """One row per layer and axis, plain numbers, empty where JSON says null; fractions as ``num/den``."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for layer in document["layers"]:
        for axis in layer["axes"] or [{"axis": "", "status": ""}]:
            writer.writerow(_csv_row(layer, axis))
    return stream.getvalue()


def to_markdown(document: Document) -> str:
    """A Markdown table of the same rows that the terminal shows."""
    heads = columns(document)
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join('---' for _ in heads)}|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows(document)]
    return "\n".join(lines) + "\n"


def columns(document: Document) -> tuple[str, ...]:
    """The column heads, with one for physical units where the document has them."""
    return (*COLUMNS, "physical") if _physical(document) else COLUMNS


def rows(document: Document) -> list[tuple[str, ...]]:
    """One tuple of cells per layer, in the order of ``columns``."""
    physical = _physical(document)
    return [_row(layer, physical) for layer in document["layers"]]


def by_axis(axes: Sequence[T], text: Callable[[T], str]) -> str:
    """One text per axis, joined by ``x``; a dash where there is no axis."""
    return " x ".join(text(axis) for axis in axes) or "-"


def once(axes: Sequence[T], text: Callable[[T], str]) -> str:
    """As ``by_axis``, but one text where all axes agree."""
    texts = [text(axis) for axis in axes]
    return texts[0] if len(set(texts)) == 1 else by_axis(axes, text)


def fraction_text(value: list[int] | None) -> str:
    """``[3, 2]`` as ``3/2``, ``[4, 1]`` as ``4``, None as ``-``."""
    if value is None:
        return "-"
    return str(value[0]) if value[1] == 1 else f"{value[0]}/{value[1]}"


def size_text(layer: Document) -> str:
    """The field's size per axis; behind a global operator ``all``, with the local field in parentheses."""
    sizes = by_axis(layer["axes"], lambda a: "all" if a["status"] == "whole" else _number(a["size"]))
    if layer["axes"] and all(axis["status"] == "whole" for axis in layer["axes"]):
        sizes = "all"
    if any(axis["local"] for axis in layer["axes"]):
        local = by_axis(layer["axes"], lambda a: _number((a["local"] or a)["size"]))
        return f"{sizes} (local {local})"
    return sizes


def field_cells(layer: Document) -> tuple[str, str, str]:
    """Size, stride and start of a layer's field, stride and start once where all axes agree."""
    stride = once(layer["axes"], lambda a: fraction_text((a["local"] or a)["stride"]))
    return size_text(layer), stride, once(layer["axes"], lambda a: _number((a["local"] or a)["start"]))


def status_text(layer: Document) -> str:
    """The facts of the axes, each once."""
    found = list(dict.fromkeys(fact for axis in layer["axes"] for fact in axis["facts"]))
    return ", ".join(found) or "-"


def _row(layer: Document, physical: bool) -> tuple[str, ...]:
    cells = (
        layer["name"],
        layer["op"],
        "x".join(map(str, layer["shape"])),
        *field_cells(layer),
        status_text(layer),
        f"{layer['params']:,}",
        f"{layer['macs']:,}",
    )
    return (*cells, by_axis(layer["axes"], _physical_text)) if physical else cells


def _physical_text(axis: Document) -> str:
    found = axis.get("physical")
    return "-" if not found or found["size"] is None else f"{found['size']:g} {found['unit']}"


def _physical(document: Document) -> bool:
    return any("physical" in axis for layer in document["layers"] for axis in layer["axes"])


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _csv_row(layer: Document, axis: Document) -> dict[str, Any]:
    local, physical = axis.get("local") or {}, axis.get("physical") or {}
    stride = {"stride": axis.get("stride"), "local_stride": local.get("stride")}
    return {
        **{key: layer[key] for key in ("op", "params", "macs", "activation_bytes")},
        "layer": layer["name"],
        "shape": "x".join(map(str, layer["shape"])),
        **{key: axis.get(key) for key in ("axis", "status", "size", "start")},
        **{f"local_{key}": local.get(key) for key in ("size", "start")},
        **{key: None if value is None else fraction_text(value) for key, value in stride.items()},
        "global_via": " ".join(layer["global_via"]),
        "misaligned_at": " ".join(dict.fromkeys(merge["node"] for merge in layer["misaligned"])),
        **{f"physical_{key}": physical.get(key) for key in ("unit", "size", "stride")},
    }
