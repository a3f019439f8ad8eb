"""The HTML report: self-contained, well formed, escaped, in both languages."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from string import Formatter

import pytest
from support.command_line import DENOISER

import striate
from striate.demo.lessons import stacked
from striate.fields import Fields, region
from striate.network import Network, Node
from striate.network.operators import Elementwise
from striate.show import describe, to_html
from striate.show.chart import chart_sketch
from striate.show.page import middle_box
from striate.show.report import row_pictures
from striate.show.sketch import Rect
from striate.show.tables import grid
from striate.show.words import LANGUAGES, WORDS, word

VOID = {"meta", "img", "br", "input"}


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
    assert page.count("<tr tabindex") == 3
    assert ">7 x 7<" in page
    assert "<img" not in page.partition("<script>")[0]


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


def denoiser() -> Fields:
    return striate.load(DENOISER, (1, 3, 48, 64)).fields()


def test_a_row_tells_the_box_of_its_middle_unit() -> None:
    """As ``unclipped`` of the same unit, which the tables answer."""
    fields = denoiser()
    boxes = {layer["name"]: middle_box(layer) for layer in describe(fields)["layers"]}
    assert len(boxes) > 20
    for name, box in boxes.items():
        height, width = fields[name].shape[2:]
        free = region(fields, name, (height // 2, width // 2)).unclipped
        assert free is not None
        assert box == [free[0].start, free[0].stop, free[1].start, free[1].stop], name


def test_rows_carry_pictures_and_facts_and_what_is_searched() -> None:
    fields = denoiser()
    document = describe(fields)
    pictures = row_pictures(fields, document, None)
    assert 2 <= len(pictures) <= 6
    page = to_html(document, None, "en", pictures)
    assert page.count("data-picture=") == len(pictures)
    rows = re.findall(r"<tr tabindex[^>]*>", page)
    assert len(rows) == len(document["layers"])
    for layer, row in zip(document["layers"], rows, strict=True):
        facts = re.search(r'data-facts="([^"]*)"', row)
        assert facts is not None
        assert set(facts[1].split("|")) == {fact for axis in layer["axes"] for fact in axis["facts"]}
    assert 'type="search"' in page
    for fact in ("exact", "periodic", "misaligned"):
        assert f'<option value="{fact}">' in page
        assert f'<dt class="{fact}">' in page
    assert '<option value="whole">' not in page
    parsed(page)


def test_statuses_and_axes_are_in_chinese_too() -> None:
    page = to_html(describe(denoiser()), lang="zh")
    cells = re.findall(r'<td class="status[^"]*">([^<]*)</td>', page)
    assert set(cells) == {"精确", "周期", "周期，错位"}
    text = re.sub(r"<[^>]*>", " ", page.partition("<script>")[0].partition("<body>")[2])
    assert not re.search(r"\b(exact|periodic|misaligned|irregular|whole|height|width|status)\b", text)


def test_the_script_is_sound() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node checks the report's script, and is not installed")
    script = to_html(describe(Fields(stacked(1)))).partition("<script>")[2].partition("</script>")[0]
    subprocess.run([node, "--check", "-"], input=script, text=True, check=True, capture_output=True, timeout=60)


def test_lessons_stand_in_the_page() -> None:
    fields = Fields(stacked(1))
    told = grid(("layer", "size"), [("<A>", "3")])
    page = to_html(describe(fields), lessons=["1. First", told, "  1 2", "said"])
    for part in ("<h3>1. First</h3>", "<td>&lt;A&gt;</td>", "<pre>  1 2</pre>", "<p>said</p>"):
        assert part in page
    parsed(page)


def test_a_chart_has_a_bar_for_each_layer_as_tall_as_its_field() -> None:
    fields = Fields(stacked(3))
    sketch = chart_sketch(describe(fields))
    assert sketch is not None
    bars = [shape for shape in sketch.shapes if isinstance(shape, Rect)]
    heights = [bar.height / bars[0].height for bar in bars]
    assert heights == pytest.approx([1, 5 / 3, 7 / 3])
    assert chart_sketch({**describe(fields), "layers": []}) is None
