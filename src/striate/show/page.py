"""The HTML report: one file that needs no other, in English or Chinese, light or dark."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import prod

from rich.console import RenderableType

from striate.show.cells import local_of, size_text
from striate.show.chart import chart_sketch
from striate.show.document import Document, LayerDocument
from striate.show.formats import columns, rows
from striate.show.grid import STYLES
from striate.show.look import filled
from striate.show.passages import passages
from striate.show.sketch import Sketch, inline_svg
from striate.show.tables import COLUMNS, byte_text, input_text, notes
from striate.show.words import word

FACTS = ("exact", "periodic", "irregular", "whole", "none", "misaligned", "at most")


def to_html(
    document: Document,
    picture: bytes | None = None,
    lang: str = "en",
    pictures: Mapping[str, bytes] | None = None,
    lessons: Iterable[RenderableType | Sketch] = (),
) -> str:
    """The report as one HTML document.

    ``picture`` is a PNG that goes inside it, ``pictures`` those of single layers, which a click on their rows shows;
    ``lessons`` are parts to print and sketches to draw before the layers.
    """
    return filled(
        "page.html",
        lang="zh-CN" if lang == "zh" else "en",
        title=word("title", lang),
        model=escape(document["model"]),
        facts=_facts(document, lang),
        picture=_picture(picture, lang),
        lessons=_lessons(lessons, lang),
        chart=_chart(document, lang),
        layers_word=word("layers", lang),
        sort_note=f"{word('sort_note', lang)} {word('click_note', lang)}",
        legend=_legend(document, lang),
        search=escape(word("search", lang)),
        statuses=_statuses(document, lang),
        shown=word("shown_of", lang),
        sees=escape(word("row_sees", lang, layer="\x00")).replace("\x00", "%"),
        unknown=escape(word("row_unknown", lang)),
        local=escape(word("row_local", lang)),
        plane=" ".join(map(str, _plane(document))),
        heads="".join(_head(name, lang) for name in columns(document)),
        rows="\n".join(_rows(document, lang, pictures or {})),
        notes_word=word("notes", lang),
        notes="".join(f"<li>{escape(note)}</li>" for note in notes(document, lang)),
        made_by=word("made_by", lang, version=escape(document["striate"])),
    )


def _lessons(parts: Iterable[RenderableType | Sketch], lang: str) -> str:
    text = passages(parts)
    return f"<h2>{word('lessons', lang)}</h2>{text}" if text else ""


def _chart(document: Document, lang: str) -> str:
    sketch = chart_sketch(document, lang)
    if sketch is None:
        return ""
    return f'<h2>{word("chart", lang)}</h2><figure class="chart">{inline_svg(sketch)}</figure>'


def _facts_of(document: Document) -> list[str]:
    """The facts that hold of any layer, in the order of the legend."""
    held = {fact for layer in document["layers"] for axis in layer["axes"] for fact in axis["facts"]}
    return [fact for fact in FACTS if fact in held]


def _legend(document: Document, lang: str) -> str:
    return "".join(
        f'<div><dt class="{_weightiest(fact)}">{word(fact, lang)}</dt><dd>{word(f"{fact}_legend", lang)}</dd></div>'
        for fact in _facts_of(document)
    )


def _statuses(document: Document, lang: str) -> str:
    options = [("", word("any_status", lang)), *((fact, word(fact, lang)) for fact in _facts_of(document))]
    return "".join(f'<option value="{value}">{text}</option>' for value, text in options)


def _plane(document: Document) -> list[int]:
    """The input's height and width; nothing where it is no image."""
    layout, shape = document["input"]["layout"], document["input"]["shape"]
    places = [layout.find(letter) for letter in "HW"]
    return [] if -1 in places or "D" in layout else [shape[place] for place in places]


def middle_box(layer: LayerDocument) -> list[int]:
    """First and last row and column, the last excluded, that the unit in the middle of a layer sees; else nothing."""
    found: list[int] = []
    for axis in layer["axes"]:
        span, along = local_of(axis), axis["along"]
        if span["size"] is None or "irregular" in axis["facts"]:
            return []
        phases = span.get("phases") or [[span["start"] or 0, (span["start"] or 0) + span["size"]]]
        unit = 0 if along is None else _units(layer, axis["axis"], along) // 2
        block, phase = divmod(unit, len(phases))
        stride = span["stride"]
        moved = 0 if stride is None else block * len(phases) * stride[0] // stride[1]
        found += [phases[phase][0] + moved, phases[phase][1] + moved]
    return found if len(found) == 4 else []


def _units(layer: LayerDocument, axis: str, along: int) -> int:
    """How many units count along an axis of a layer, for an axis of the input: those of its tokens' grid, or all."""
    grid = layer["grid"]
    if grid is None or grid["axis"] != along:
        return layer["shape"][along]
    return grid["sizes"][grid["names"].index(axis)]


def _facts(document: Document, lang: str) -> str:
    totals = document["totals"]
    facts = {
        "input": input_text(document, lang),
        "deepest": size_text(document["layers"][-1]["axes"], lang) if document["layers"] else "-",
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


def _rows(document: Document, lang: str, pictures: Mapping[str, bytes]) -> list[str]:
    heads = columns(document)
    lines = []
    for layer, cells in zip(document["layers"], rows(document, lang), strict=True):
        values, facts = _sort_values(layer), [fact for axis in layer["axes"] for fact in axis["facts"]]
        marked = (_cell(head, cell, values.get(head), facts) for head, cell in zip(heads, cells, strict=True))
        kept = {
            "facts": "|".join(dict.fromkeys(facts)),
            "box": " ".join(map(str, middle_box(layer))),
            "local": "1" if any(axis["local"] for axis in layer["axes"]) else "",
            "picture": b64encode(pictures[layer["name"]]).decode() if layer["name"] in pictures else "",
        }
        data = "".join(f' data-{key}="{escape(value)}"' for key, value in kept.items() if value)
        lines.append(f'<tr tabindex="0"{data}>{"".join(marked)}</tr>')
    return lines


def _cell(head: str, text: str, value: float | None, facts: Sequence[str]) -> str:
    shown = head if head in ("layer", "op", "size", "status") else ""
    weight = _weightiest(" ".join(facts)) if head == "status" else ""
    kind = " ".join(filter(None, ("n" if COLUMNS[head].right else "", shown, weight)))
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
