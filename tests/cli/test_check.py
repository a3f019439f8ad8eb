"""striate check: a table and sentences nobody takes for failure, the same as JSON, and a picture."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from support.command_line import DENOISER, on_terminal, one_line, run
from support.small_graphs import Graph

from striate.check import flow
from striate.errors import UnsupportedError
from striate.fields import region

ASK = ("--input", "1x3x16x16")


def answer(*words: object) -> Any:
    """The JSON of a check, held to its schema."""
    found = json.loads(run("check", *words, "--json").stdout)
    jsonschema.validate(found, json.loads(files("striate.show").joinpath("check.schema.json").read_text()))
    return found


def words_of(text: str) -> str:
    return " ".join(text.split())


def gated(folder: Path) -> Path:
    """A 3x3 convolution times a sigmoid of its mean."""
    graph = Graph(1, 1, 9, 8)
    x = graph.conv("image", 1, 1, 3, pads=[1, 1, 1, 1])
    gate = graph("Sigmoid", graph("GlobalAveragePool", x))
    return graph.save(folder, graph("Mul", x, gate))


def forward_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise UnsupportedError("not followed backward")

    monkeypatch.setattr("striate.check.onnx_backward.backwards", refuse)


def test_success_reads_as_success(model: Path) -> None:
    result = run("check", model, *ASK)
    assert result.exit_code == 0
    lines = result.stdout.rstrip().splitlines()
    assert lines[0] == "small.onnx · x 1x3x16x16 (NCHW)"
    assert lines[2].split() == ["layer", "unit", "claimed", "lit", "outside", "proved", "method"]
    assert ["second", "4,4", "25", "25", "231", "backward"] in [line.split() for line in lines]
    assert lines[-1] == (
        "Proved: all 11 units looked at, in 3 layers, read every pixel they are said to read and no other."
    )
    for alarm in ("DISAGREES", "not ", " 0 of"):
        assert alarm not in result.stdout.replace("not said to read", "")


def test_what_is_not_proved_is_said_in_words(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward_only(monkeypatch)
    result = run("check", model, *ASK, "--layer", "second", "--unit", "4,4", "--passes", "4")
    assert result.exit_code == 0
    assert ["second", "4,4", "25", "4", "231", "one", "by", "one"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    assert result.stdout.rstrip().endswith(
        "Nothing disagrees. Proved to read every pixel claimed and no other: 0 of 1 units, in 1 layer. "
        "Of the claimed pixels of the others 21 of 25 were not tried; the 4 that were lit all reached their unit, "
        "and nothing beyond the claims is read."
    )
    assert "(--all)" in result.stdout


def test_a_disagreement_cannot_be_overlooked(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = region
    monkeypatch.setattr(flow, "region", lambda *unit: SimpleNamespace(mask=np.roll(true(*unit).mask, 1, axis=1)))
    words = (model, *ASK, "--layer", "second", "--unit", "4,4")
    result = run("check", *words)
    assert result.exit_code == 1
    assert "DISAGREES: second 4,4: pixel 6,6 is read but not claimed." in result.stdout
    assert result.stdout.rstrip().splitlines()[-1] == "DISAGREES: 1 of 1 units and 0 of 2 extents."
    found = answer(*words)
    assert (found["ok"], found["complete"], found["units"][0]["status"]) == (False, False, "disagrees")
    assert found["units"][0]["disagreement"] == {"kind": "read but not claimed", "pixel": [6, 6], "detail": ""}
    assert "不一致：second 4,4：像素 6,6 被读取，但未声称。" in run("check", *words, "--lang", "zh").stdout


def test_json_says_what_the_table_says(model: Path) -> None:
    found = answer(model, *ASK)
    assert (found["ok"], found["complete"], found["without"], len(found["extents"])) == (True, True, None, 6)
    rows = [line.split() for line in run("check", model, *ASK).stdout.splitlines()]
    for unit in found["units"]:
        outside = f"{unit['outside']:,}" if unit["others"] else "-"
        at = ",".join(map(str, unit["at"]))
        assert [unit["layer"], at, f"{unit['claimed']:,}", f"{unit['lit']:,}", outside, "backward"] in rows
    assert found["all"]["units"] == 16 * 16 + 2 * 8 * 8
    one_line(run("check", model, *ASK, "--json", "--lang", "zh"), 2, "--json is the same in every language")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_number_is_cut_on_a_terminal_of_80_columns(lang: str, tmp_path: Path) -> None:
    graph = Graph(1, 3, 400, 300)
    graph("AveragePool", "image", kernel_shape=[100, 100], strides=[50, 50])
    layer = "a.name.of.many.parts." * 4 + "pooled"
    graph.nodes[-1].name = graph.nodes[-1].output[0] = layer
    path = graph.save(tmp_path, layer)
    words = ("check", str(path), "--layer", layer, "--unit", "6,4", "--passes", "1")
    text = on_terminal(80, *words, "--lang", lang)
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    for number in ("6,4", "10,000", "110,000"):
        assert number in text


def test_chinese(model: Path) -> None:
    lines = run("check", model, *ASK, "--lang", "zh").stdout.rstrip().splitlines()
    assert lines[2].split() == ["层", "单元", "声称", "点亮", "外部已证", "方法"]
    assert lines[-1] == "已证明：所查看的全部 11 个单元（3 层）读取所声称的每个像素，且不读取其他像素。"


def test_every_unit_of_a_layer(model: Path) -> None:
    words = (model, *ASK, "--layer", "second", "--all")
    found = answer(*words)
    assert {tuple(unit["at"]) for unit in found["units"]} == set(np.ndindex(8, 8))
    assert len(found["units"]) == 64
    assert all(unit["status"] == "proved" for unit in found["units"])
    text = run("check", *words).stdout
    claimed = sum(unit["claimed"] for unit in found["units"])
    assert f"64 units {claimed:,} {claimed:,} {64 * 256 - claimed:,} backward" in words_of(text)
    assert "--all" not in text
    (unit,) = answer(*words, "--unit", "1,1", "--passes", "1")["units"]
    assert unit["status"] == "proved"


def test_all_without_a_way_backward_lights_every_pixel(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward_only(monkeypatch)
    few = answer(model, *ASK, "--layer", "second", "--unit", "4,4", "--passes", "3")
    every = answer(model, *ASK, "--layer", "second", "--unit", "4,4", "--all")
    assert [found["units"][0]["lit"] for found in (few, every)] == [3, 25]
    assert [found["units"][0]["method"] for found in (few, every)] == ["one by one"] * 2


def test_local_fields(tmp_path: Path) -> None:
    path = gated(tmp_path)
    found = answer(path, "--local", "--layer", "mul3", "--unit", "4,4")
    (unit,) = found["units"]
    assert (unit["status"], unit["claimed"], unit["lit"], unit["outside"]) == ("proved", 9, 9, 63)
    assert found["without"] == ["globalaveragepool1"]
    text = run("check", path, "--local", "--layer", "mul3", "--unit", "4,4").stdout
    assert "Left out: the global paths of globalaveragepool1." in text
    assert "Proved: without global operators all 1 units" in text
    (whole,) = answer(path, "--layer", "mul3", "--unit", "4,4")["units"]
    assert (whole["status"], whole["claimed"]) == ("proved", 72)


def test_a_wrong_local_claim_is_not_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pixel too few: what lies outside is not proved. One of those that nothing reads, too many: it is found."""
    path, true = gated(tmp_path), region
    ask = (path, "--local", "--layer", "conv0", "--unit", "4,4")

    def without_one(*unit: Any) -> SimpleNamespace:
        mask = true(*unit).mask.copy()
        mask[4, 4] = False
        return SimpleNamespace(mask=mask)

    monkeypatch.setattr(flow, "region", without_one)
    found = answer(*ask)
    (unit,) = found["units"]
    assert (found["complete"], unit["status"], unit["outside"], unit["others"]) == (False, "agrees", 0, 64)
    assert "What the others read beyond it is not shown." in run("check", *ask).stdout

    monkeypatch.setattr(flow, "region", lambda *unit: SimpleNamespace(mask=np.roll(true(*unit).mask, 1, axis=0)))
    (unit,) = answer(*ask)["units"]
    assert unit["disagreement"] == {"kind": "claimed but not read", "pixel": [6, 3], "detail": ""}


def test_the_picture_shows_what_is_proved_and_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "proof.png"
    ask = ("check", DENOISER, "--input", "1x3x64x64", "--layer", "stem/relu", "--unit", "32,32")
    assert run(*ask, "--out", out).exit_code == 0
    pixels = np.asarray(Image.open(out))
    green, orange = ((pixels == colour).all(axis=2).sum() for colour in ((21, 128, 61), (217, 119, 6)))
    assert green > 100 * orange
    forward_only(monkeypatch)
    svg = tmp_path / "proof.svg"
    assert run(*ask, "--passes", "9", "--out", svg).exit_code == 0
    text = svg.read_text()
    for part in ("stem/relu (32, 32)", "claimed and proved: 9", "claimed, not proved: 40", "proved unread: 4,047"):
        assert part in text
    assert run(*ask, "--passes", "9", "--out", out).exit_code == 0
    pixels = np.asarray(Image.open(out))
    green, orange = ((pixels == colour).all(axis=2).sum() for colour in ((21, 128, 61), (217, 119, 6)))
    assert orange > 3 * green > 0
    one_line(run(*ask, "--out", tmp_path / "proof.gif"), 2, ".png or .svg")
