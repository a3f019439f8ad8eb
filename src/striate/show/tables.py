"""Tables for the terminal, and the notes that stand beneath them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.show.cells import fraction_text
from striate.show.document import Document, Ratio, ShapedDocument
from striate.show.formats import columns, rows
from striate.show.grid import LATE, Column, Grid, Kind, short_name
from striate.show.phases import phase_lines, rule_lines
from striate.show.words import word

COLUMNS: Mapping[str, Column] = {
    column.head: column
    for column in (
        Column("layer", Kind.NAME),
        Column("op", leaves=1),
        Column("params", Kind.COUNT, 2, right=True),
        Column("MACs", Kind.COUNT, 3, right=True),
        Column("shape", leaves=4, right=True),
        Column("axes", Kind.LIST, 1),
        Column("stride", leaves=LATE + 1, right=True),
        Column("start", leaves=LATE, right=True),
        *(
            Column(head, right=True)
            for head in ("field", "input_size", "size", "shift", "output", "physical")
        ),
        Column("padding", leaves=LATE + 3, right=True),
        Column("centre", leaves=LATE + 4, right=True),
        Column("halo", leaves=LATE + 5, right=True),
        *(Column(head, Kind.LIST) for head in ("status", "left is", "right is")),
        Column("left", Kind.NAME),
        Column("right", Kind.NAME, LATE + 2),
        *(Column(head, Kind.PROSE) for head in ("convention", "why")),
        Column("pads", Kind.PROSE, 2),
        Column("windows", Kind.PROSE, 1),
        Column("never read", Kind.PROSE, 3),
    )
}


def grid(
    heads: Sequence[str],
    body: Sequence[tuple[str, ...]],
    title: str = "",
    lang: str = "en",
    elsewhere: tuple[str, ...] = (),
) -> Grid:
    """A table of cells; ``heads`` are words where the message table knows them, else they stand as they are."""
    return Grid(tuple(COLUMNS.get(head, Column(head)) for head in heads), tuple(body), title, lang, elsewhere)


def fields_table(document: Document, lang: str = "en", chosen: Sequence[str] = ()) -> Grid:
    """The layers of a network, one row each; all columns, or those chosen."""
    title = f"{document['model']} · {input_text(document, lang)}"
    return grid(columns(document, chosen), rows(document, lang, chosen), title, lang, ("--format csv",))


def input_text(document: Document, lang: str = "en") -> str:
    """The input that the fields speak of, with its shape and layout; the others by name."""
    shown = document["input"]
    others = ", ".join(map(_shaped, shown["others"]))
    text = f"{_shaped(shown)} ({shown['layout']})"
    return f"{text} · {word('other_inputs', lang, names=others)}" if others else text


def _shaped(tensor: ShapedDocument) -> str:
    return f"{tensor['name']} {'x'.join(map(str, tensor['shape']))}".rstrip()


def notes(document: Document, lang: str = "en") -> list[str]:
    """What a table cannot hold: totals with their convention, global operators, misaligned merges."""
    totals = document["totals"]
    lines = [
        word(
            "totals_note",
            lang,
            params=f"{totals['params']:,}",
            macs=f"{totals['macs']:,}",
            peak=byte_text(totals["peak_activation_bytes"]),
            at=short_name(totals["peak_at"]),
        ),
        word("macs_note", lang),
        *rule_lines(document, lang),
        *phase_lines(document, lang),
    ]
    via = list(dict.fromkeys(name for layer in document["layers"] for name in layer["global_via"]))
    if via:
        lines.append(word("global_note", lang, names=", ".join(map(short_name, via))))
    bounds = list(dict.fromkeys(name for layer in document["layers"] for name in layer["at_most_via"]))
    if bounds:
        lines.append(word("at_most_note", lang, names=", ".join(map(short_name, bounds))))
    return lines + _merge_lines(document, lang)


def byte_text(count: int) -> str:
    """A number of bytes, in the largest binary unit that keeps it above one.

    >>> byte_text(3 * 2**20)
    '3.0 MiB'
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _merge_lines(document: Document, lang: str) -> list[str]:
    """One line per merge whose branches' centres disagree; axes that agree share it."""
    lines: dict[tuple[str, str], list[str]] = {}
    for merge in (merge for layer in document["layers"] for merge in layer["misaligned"]):
        branches = ", ".join(
            f"{short_name(branch['tensor'])} {_offset(branch['offset'], lang)}" for branch in merge["branches"]
        )
        axes = lines.setdefault((merge["node"], branches), [])
        axes += [merge["axis"]] if merge["axis"] not in axes else []
    return [
        word(
            "misaligned_note",
            lang,
            node=short_name(node),
            axis=", ".join(word(axis, lang) for axis in axes),
            branches=branches,
        )
        for (node, branches), axes in lines.items()
    ]


def _offset(offset: Ratio | None, lang: str) -> str:
    if offset is None:
        return word("other_stride", lang)
    text = fraction_text(offset)
    return f"{text if offset[0] <= 0 else '+' + text} px"
