"""A page of headings, lines, tables and sketches in one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich.console import RenderableType

from striate.show.look import filled
from striate.show.passages import passages
from striate.show.sketch import Sketch
from striate.show.words import word


def plain_page(title: str, parts: Sequence[RenderableType | Sketch], version: str, lang: str = "en") -> str:
    """The page; of its parts a line that begins with a digit is a heading, sketches are drawn.

    >>> plain_page("A net", ["1. One", "said"], "0.1").count("<h3>1. One</h3>")
    1
    """
    return filled(
        "plain.html",
        lang="zh-CN" if lang == "zh" else "en", title=escape(title), parts=passages(parts),
        made_by=word("made_by", lang, version=escape(version)),
    )  # fmt: skip
