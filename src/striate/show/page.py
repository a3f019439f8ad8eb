"""The HTML report: one file that needs no other, in English or Chinese, light or dark."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from importlib.resources import files
from math import prod
from string import Template

from striate.show.cells import local_of, size_text
from striate.show.document import Document, LayerDocument
from striate.show.formats import columns, rows
from striate.show.grid import STYLES
from striate.show.tables import COLUMNS, byte_text, input_text, notes
from striate.show.words import word


def to_html(document: Document, picture: bytes | None = None, lang: str = "en") -> str:
    """The report as one HTML document; ``picture`` is a PNG that goes inside it."""
    template = Template(files("striate.show").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        lang="zh-CN" if lang == "zh" else "en",
        title=word("title", lang),
        model=escape(document["model"]),
        facts=_facts(document, lang),
        picture=_picture(picture, lang),
        layers_word=word("layers", lang),
        sort_note=word("sort_note", lang),
        heads="".join(_head(name, lang) for name in columns(document)),
        rows="\n".join(_rows(document, lang)),
        notes_word=word("notes", lang),
        notes="".join(f"<li>{escape(note)}</li>" for note in notes(document, lang)),
        made_by=word("made_by", lang, version=escape(document["striate"])),
    )


def _facts(document: Document, lang: str) -> str:
    totals = document["totals"]
    facts = {
        "input": input_text(document, lang),
        "deepest": size_text(document["layers"][-1]["axes"]) if document["layers"] else "-",
        "parameters": f"{totals['params']:,}",
        "macs": f"{totals['macs']:,}",
        "peak": byte_text(totals["peak_activation_bytes"]),
    }
    return "".join(f"<div><dt>{word(key, lang)}</dt><dd>{escape(text)}</dd></div>" for key, text in facts.items())


def _picture(picture: bytes | None, lang: str) -> str:
    if picture is None:
        return ""
    name = escape(word("picture", lang))
    data = b64encode(picture).decode()
    return (
        f'<h2>{name}</h2><p class="soft">{escape(word("picture_note", lang))}</p>'
        f'<figure><img alt="{name}" src="data:image/png;base64,{data}"></figure>'
    )


def _head(name: str, lang: str) -> str:
    side = ' class="n"' if COLUMNS[name].right else ""
    return f'<th scope="col"{side}><button type="button">{word(name, lang)}</button></th>'


def _rows(document: Document, lang: str) -> list[str]:
    heads = columns(document)
    lines = []
    for layer, cells in zip(document["layers"], rows(document, lang), strict=True):
        values = _sort_values(layer)
        marked = (_cell(head, cell, values.get(head)) for head, cell in zip(heads, cells, strict=True))
        lines.append(f"<tr>{''.join(marked)}</tr>")
    return lines


def _cell(head: str, text: str, value: float | None) -> str:
    kind = " ".join(filter(None, ("n" if COLUMNS[head].right else "", _weightiest(text) if head == "status" else "")))
    number = "" if value is None else f' data-v="{value}"'
    return f"<td{f' class={chr(34)}{escape(kind)}{chr(34)}' if kind else ''}{number}>{escape(text)}</td>"


def _weightiest(facts: str) -> str:
    """The fact that gives a status its colour."""
    return next((fact for fact in STYLES if fact in facts), "")


def _sort_values(layer: LayerDocument) -> dict[str, float]:
    """What a column sorts by where its text is no number."""
    spans = [local_of(axis) for axis in layer["axes"]]
    sizes = [span["size"] for span in spans]
    stride = spans[0]["stride"] if spans else None
    return {
        "shape": prod(layer["shape"]),
        "size": 1e30 if any(axis["status"] == "whole" for axis in layer["axes"]) else prod(n or 0 for n in sizes),
        "stride": stride[0] / stride[1] if stride else 0,
        "start": spans[0]["start"] or 0 if spans else 0,
        "params": layer["params"],
        "MACs": layer["macs"],
        "physical": prod(n or 0 for n in sizes),
    }
