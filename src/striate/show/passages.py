"""Headings, lines and tables, as the terminal prints them, and sketches, in HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from rich.console import RenderableType

from striate.show.grid import Grid
from striate.show.sketch import Sketch, inline_svg
from striate.show.words import WORDS, word


def passages(parts: Iterable[RenderableType | Sketch]) -> str:
    """Parts in order: a line that begins with a digit is a heading, one that begins with a space keeps its columns.

    So do several lines in one part. Sketches are drawn.

    >>> passages(["1. One", "  1 2", "said"])
    '<h3>1. One</h3>\\n<pre>  1 2</pre>\\n<p>said</p>'
    """
    return "\n".join(map(_passage, parts))


def _head(name: str, lang: str) -> str:
    return word(name, lang) if name in WORDS else name


def _passage(part: RenderableType | Sketch) -> str:
    if isinstance(part, Sketch):
        return f'<figure class="chart">{inline_svg(part)}</figure>'
    if isinstance(part, Grid):
        heads = "".join(f'<th scope="col">{escape(_head(column.head, part.lang))}</th>' for column in part.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        table = f'<table class="plain"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        return f'<div class="scroll">{table}</div>'
    text = str(part)
    if text[:1].isdigit():
        return f"<h3>{escape(text)}</h3>"
    return f"<pre>{escape(text)}</pre>" if text.startswith(" ") or "\n" in text else f"<p>{escape(text)}</p>"
