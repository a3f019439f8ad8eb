"""The HTML report: self-contained, well formed, escaped, in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from string import Formatter

import pytest

from striate.demo.lessons import stacked
from striate.fields import Fields
from striate.network import Network, Node
from striate.network.operators import Elementwise
from striate.show import describe, to_html
from striate.show.words import LANGUAGES, WORDS, word

VOID = {"meta", "img", "br"}


class Tree(HTMLParser):
    """Checks that tags close in order, and keeps every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == []
    return tree


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_needs_no_other_file(lang: str) -> None:
    page = to_html(describe(Fields(stacked(3))), b"\x89PNG", lang)
    assert parsed(page).addresses == ["data:image/png;base64,iVBORw=="]
    assert not re.search(r"https?://|@import|url\(", page)
    assert "$" not in re.sub(r"<script>.*</script>", "", page, flags=re.S)


def test_the_page_shows_the_numbers() -> None:
    page = to_html(describe(Fields(stacked(3))))
    assert page.count("<tr>") == 1 + 3
    assert ">7 x 7<" in page
    assert "<figure>" not in page


def test_names_are_escaped() -> None:
    node = Node("<script>alert(1)</script>", Elementwise(), ("x",), ("y",), "Relu")
    network = Network('"><b>', ("x",), ("y",), (node,), {"x": (1, 1, 4, 4), "y": (1, 1, 4, 4)})
    page = to_html(describe(Fields(network)))
    assert page.count("<script>") == 1
    assert "<b>" not in page
    parsed(page)


def test_chinese() -> None:
    page = to_html(describe(Fields(stacked(1))), lang="zh")
    assert '<html lang="zh-CN">' in page
    assert "感受野" in page


def test_both_languages_take_the_same_values() -> None:
    for key, texts in WORDS.items():
        names = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert names[0] == names[1], key


def test_a_word_with_values() -> None:
    assert word("global_note", "en", names="pool") == "These operators see everything: pool."
