"""Tables for the terminal, and the notes that stand beneath them."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from striate.show.document import Document
from striate.show.formats import columns, fraction_text, rows
from striate.show.words import WORDS, word

NUMERIC = {"shape", "size", "stride", "start", "params", "MACs", "physical", "output", "shift"}
STATUS_STYLE = {"exact": "green", "periodic": "cyan", "misaligned": "yellow", "irregular": "yellow", "whole": "magenta"}


def plain_table(
    heads: tuple[str, ...], body: list[tuple[str, ...]], title: str | None = None, lang: str = "en"
) -> Table:
    """A table of cells: numbers to the right, statuses coloured where the terminal has colours.

    ``heads`` are words where the message table knows them, else they stand as they are.
    """
    table = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
        title_style="bold",
    )
    for head in heads:
        numeric = head.split()[-1] in NUMERIC
        shown = word(head, lang) if head in WORDS else head
        table.add_column(
            shown, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric or head == "layer"
        )
    for cells in body:
        table.add_row(*(Text(cell, style=STATUS_STYLE.get(cell, "")) for cell in cells))
    return table


def fields_table(document: Document, lang: str = "en") -> Table:
    """The layers of a network, one row each."""
    shape = "x".join(map(str, document["input"]["shape"]))
    title = f"{document['model']} · {document['input']['name']} {shape}"
    return plain_table(columns(document), rows(document), title, lang)


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
            at=totals["peak_at"],
        ),
        word("macs_note", lang),
        word("start_note", lang),
    ]
    via = list(dict.fromkeys(name for layer in document["layers"] for name in layer["global_via"]))
    if via:
        lines.append(word("global_note", lang, names=", ".join(via)))
    merges = (merge for layer in document["layers"] for merge in layer["misaligned"])
    return lines + list(dict.fromkeys(_merge_line(merge, lang) for merge in merges))


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


def _merge_line(merge: Document, lang: str) -> str:
    branches = ", ".join(f"{branch['tensor']} {_offset(branch['offset'], lang)}" for branch in merge["branches"])
    return word("misaligned_note", lang, node=merge["node"], axis=merge["axis"], branches=branches)


def _offset(offset: list[int] | None, lang: str) -> str:
    if offset is None:
        return word("other_stride", lang)
    text = fraction_text(offset)
    return f"{text if offset[0] <= 0 else '+' + text} px"
