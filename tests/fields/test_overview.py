"""What Python prints of a network and its answers: short, true, and ready for a notebook or a data frame."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from importlib.resources import files
from types import ModuleType
from typing import Any

import pytest
from support.odd import wrongly
from torch import nn

import striate
from striate.errors import InputError, MissingDependencyError
from striate.fields.overview import overview, records

DENOISER = str(files("striate").joinpath("data/denoiser.onnx"))


def denoiser() -> Any:
    return striate.load(DENOISER, (1, 3, 64, 64))


ANSWERS: dict[str, Callable[[Any], object]] = {
    "network": lambda network: network,
    "fields": lambda network: network.fields(),
    "field": lambda network: network.fields()["denoised"],
    "axis": lambda network: network.fields()["denoised"].axes["width"],
    "region": lambda network: network.region("denoised", (3, 3)),
    "reach": lambda network: network.reach((3, 3), "denoised"),
    "sweep": lambda network: network.sweep("denoised", range(40, 80)),
    "compare": lambda network: network.compare(network),
    "effective": lambda network: network.effective("denoised", (30, 30)),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_prints_in_a_few_words(answer: str) -> None:
    text = repr(ANSWERS[answer](denoiser()))
    assert len(text) < 400
    assert "\n" not in text
    assert "object at 0x" not in text


def test_what_is_printed_is_true() -> None:
    network = denoiser()
    assert "denoiser: 30 nodes, image 1x3x64x64 -> denoised 1x3x64x64" in repr(
        network.network if hasattr(network, "network") else network
    )
    assert repr(network.fields()) == "<Fields of denoiser: 30 layers, input image 1x3x64x64 (NCHW)>"
    assert (
        repr(network.fields()["stem"])
        == "<Field stem: stage of 2 nodes 1x24x64x64, height exact 7 by 1, width exact 7 by 1>"
    )
    assert repr(network.sweep("denoised", [64, 65])) == "Sweep('denoised': 1 sizes, 0 still, 1 misfits)"


def test_the_summary_prints_as_a_table_and_as_html() -> None:
    found = denoiser().fields().summary()
    lines = str(found).splitlines()
    assert len({len(line) for line in lines[1:15]}) == 1
    assert lines[2].split() == ["stem", "1x24x64x64", "1", "7", "0", "67%", "3+3"]
    assert lines[-1] == "misaligned: skip2/add, skip1/add, denoised"
    cells = Cells()
    cells.feed(denoiser().fields()._repr_html_())
    assert cells.rows[1:] == [list(level.cells) for level in found.levels]


class Cells(HTMLParser):
    """The cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1].append(data)


def test_the_name_of_a_stage_stands_for_layers_that_see_the_same() -> None:
    def block(stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(3, 3, 1), *(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)), nn.Conv2d(3, 3, 3, stride, 1)
        )

    stages = nn.Sequential(*(nn.Sequential(block(2), nn.ReLU()) for _ in range(4)))
    found = overview(striate.load(stages, (1, 3, 256, 256)).fields())
    assert found.by_stride
    assert [level.field.name for level in found.levels] == ["0.0.3", "1.0.3", "2.0.3", "3.0.3", "3"]


def test_records_hold_what_fields_say() -> None:
    fields = denoiser().fields()
    rows = records(fields)
    assert len(rows) == 2 * len(fields)
    last = rows[-1]
    axis = fields["denoised"].axes["width"]
    assert (last["layer"], last["axis"], last["size"], last["stride"], last["start"]) == (
        *("denoised", "width"),
        *(axis.size, axis.stride, axis.start),
    )
    assert isinstance(last["stride"], Fraction)


def test_a_data_frame_is_made_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = denoiser().fields()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match="pip install pandas"):
        fields.to_pandas()
    pandas: Any = ModuleType("pandas")
    pandas.DataFrame = list
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert fields.to_pandas() == records(fields)


@pytest.mark.parametrize(
    "ask",
    [
        lambda network: network.region("denoised", 5),
        lambda network: network.region("denoised", (1.5, 2)),
        lambda network: network.region("denoised", None),
        lambda network: network.region(5, (1, 2)),
        lambda network: network.reach(5, "denoised"),
        lambda network: network.fields()[3],
        lambda network: network.fields(3),
        lambda network: network.sweep("denoised", 5),
        lambda network: network.effective("denoised", 5),
        lambda _: wrongly(striate.load)(3),
        lambda _: wrongly(striate.load)(None, (1, 3, 8, 8)),
    ],
)
def test_odd_questions_are_refused_in_one_line(ask: Callable[[Any], object]) -> None:
    with pytest.raises(InputError) as refused:
        ask(denoiser())
    assert "\n" not in str(refused.value)
