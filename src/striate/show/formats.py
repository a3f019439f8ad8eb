"""The document as JSON, CSV and Markdown; one row of cells per layer for everything that prints a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from striate.errors import InputError
from striate.names import did_you_mean
from striate.show.cells import axes_text, by_axis, field_cells, fraction_text, physical_text, status_text
from striate.show.document import AxisDocument, Document, GridDocument, LayerDocument, SpanDocument
from striate.show.phases import phase_lines
from striate.show.words import word

COLUMNS = ("layer", "op", "shape", "size", "stride", "start", "status", "params", "MACs")
CSV_COLUMNS = (
    *("layer", "op", "nodes", "shape", "shape_axes", "grid", "params", "macs", "activation_bytes"),
    *("axis", "along", "status", "facts", "size", "stride", "start", "phases"),
    *("local_status", "local_size", "local_stride", "local_start", "local_phases"),
    *("global_via", "misaligned_at", "at_most_via"),
    *("physical_unit", "physical_size", "physical_stride"),
)


def to_json(document: Mapping[str, object]) -> str:
    """The document as JSON, one layer's keys in a stable order, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_csv(document: Document, chosen: Sequence[str] = ()) -> str:
    """One row per layer and axis, plain numbers, empty where JSON says null; all columns, or those chosen.

    Fractions stand as ``num/den``, phases as ``start:stop`` with a space between them.
    """
    stream = io.StringIO()
    heads = chosen_columns(CSV_COLUMNS, chosen)
    writer = csv.DictWriter(stream, heads, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for layer in document["layers"]:
        for axis in layer["axes"] or (None,):
            writer.writerow({**_csv_layer(layer), **_csv_axis(axis)})
    return stream.getvalue()


def to_markdown(document: Document, lang: str = "en", chosen: Sequence[str] = ()) -> str:
    """A Markdown table of the same rows that the terminal shows; beneath it the phases where units differ by phase."""
    heads = [word(head, lang) for head in columns(document, chosen)]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join('---' for _ in heads)}|"]
    lines += [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows(document, lang, chosen)
    ]
    phases = phase_lines(document, lang)
    return "\n".join([*lines, *(["", *(f"- {line}" for line in phases)] if phases else [])]) + "\n"


def columns(document: Document, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The column heads, with those for tokens and physical units where the document has them, or those chosen."""
    heads = [*COLUMNS, *["physical"] * _physical(document)]
    if _tokens(document):
        heads.insert(heads.index("shape") + 1, "axes")
    return chosen_columns(tuple(heads), chosen)


def chosen_columns(known: tuple[str, ...], chosen: Sequence[str]) -> tuple[str, ...]:
    """The columns chosen, all for none, in any capitals; an unknown one is an InputError that names them all."""
    spelled = {name.lower(): name for name in known}
    for name in chosen:
        if name.lower() not in spelled:
            raise InputError(f"no column {name!r}{did_you_mean(name.lower(), spelled)} Columns: {', '.join(known)}")
    return tuple(dict.fromkeys(spelled[name.lower()] for name in chosen)) or known


def rows(document: Document, lang: str = "en", chosen: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """One tuple of cells per layer, in the order of ``columns``."""
    heads = columns(document, chosen)
    return [tuple(cells[head] for head in heads) for cells in (_row(layer, lang) for layer in document["layers"])]


def _row(layer: LayerDocument, lang: str) -> dict[str, str]:
    """The cells of a layer by the heads of their columns."""
    size, stride, start = field_cells(layer["axes"])
    one = layer["nodes"] == 1 or layer["op"] == "input"
    return {
        "layer": layer["name"],
        "op": layer["op"] if one else word("stage", lang, count=layer["nodes"]),
        "shape": "x".join(map(str, layer["shape"])),
        "axes": axes_text(layer, lang),
        "size": size,
        "stride": stride,
        "start": start,
        "status": status_text(layer["axes"], lang),
        "params": f"{layer['params']:,}",
        "MACs": f"{layer['macs']:,}",
        "physical": by_axis(layer["axes"], physical_text),
    }


def _tokens(document: Document) -> bool:
    return any({"token", "mixed"} & set(layer["shape_axes"]) for layer in document["layers"])


def _physical(document: Document) -> bool:
    return any("physical" in axis for layer in document["layers"] for axis in layer["axes"])


def _csv_layer(layer: LayerDocument) -> dict[str, object]:
    return {
        "layer": layer["name"],
        "op": layer["op"],
        "nodes": layer["nodes"],
        "shape": "x".join(map(str, layer["shape"])),
        "shape_axes": " ".join(layer["shape_axes"]),
        "grid": None if layer["grid"] is None else _csv_grid(layer["grid"]),
        "params": layer["params"],
        "macs": layer["macs"],
        "activation_bytes": layer["activation_bytes"],
        "global_via": " ".join(layer["global_via"]),
        "misaligned_at": " ".join(dict.fromkeys(merge["node"] for merge in layer["misaligned"])),
        "at_most_via": " ".join(layer["at_most_via"]),
    }


def _csv_grid(grid: GridDocument) -> str:
    sides = zip(grid["names"], grid["sizes"], grid["strides"], strict=True)
    return " ".join([str(grid["first"]), *(f"{name}:{size}:{stride}" for name, size, stride in sides)])


def _csv_axis(axis: AxisDocument | None) -> dict[str, object]:
    """The cells of one axis; those of a layer without axes are empty."""
    if axis is None:
        return {}
    local, physical = axis["local"], axis.get("physical")
    cells: dict[str, object] = {key: axis[key] for key in ("axis", "along", "status")}
    cells |= {"facts": "; ".join(axis["facts"]), **_csv_span(axis)}
    if local is not None:
        cells |= {"local_status": local["status"], **{f"local_{key}": cell for key, cell in _csv_span(local).items()}}
    if physical is not None:
        cells |= {f"physical_{key}": cell for key, cell in physical.items()}
    return cells


def _csv_span(span: SpanDocument) -> dict[str, object]:
    stride = span["stride"]
    return {
        "size": span["size"],
        "stride": None if stride is None else fraction_text(stride),
        "start": span["start"],
        "phases": " ".join(f"{start}:{stop}" for start, stop in span.get("phases", ())),
    }
