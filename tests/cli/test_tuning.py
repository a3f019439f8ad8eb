"""striate tuning: its summary, table, rings, and what it refuses."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import DENOISER, run

from striate.explore import tuning

FEW = ("tuning", DENOISER, "stem", "--input", "1x3x64x64", "--angles", "8", "--phases", "4", "--frequency", "0.125")


def test_the_summary_stands_beside_the_control_and_the_formulas() -> None:
    text = run(*FEW).output
    assert "field 7 x 7, filled; 8 angles x 1 frequency x 4 phases" in text
    assert re.search(r"median OSI 0\.\d\d \(weights shuffled: 0\.\d\d\); median F1/F0", text)
    assert "24 channels: 0 dead" in text
    assert "OSI = |sum R(a) e^(2ia)| / sum R(a)" in text
    assert "(P = 4)" in text
    assert max(map(len, text.splitlines()[3:20])) < 80


def test_the_table_has_every_channel_and_the_numbers_of_python(tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    assert run(*FEW, "--no-control", "--out", out).exit_code == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    found = tuning(DENOISER, "stem", (1, 3, 64, 64), angles=8, phases=4, frequencies=[0.125])
    assert [int(row["channel"]) for row in rows] == list(range(24))
    assert [float(row["osi"]) for row in rows] == pytest.approx(found.osi, abs=1e-4)
    assert [float(row["preferred"]) for row in rows] == pytest.approx(found.preferred, abs=0.06)
    assert {row["polarity"] for row in rows} == {""}


def test_rings_of_some_channels(tmp_path: Path) -> None:
    out = tmp_path / "rings.png"
    done = run(*FEW, "--channel", "5", "--channel", "2", "--stimulus", "bar", "--width", "2", "--out", out)
    assert done.exit_code == 0
    assert "2 channels" in done.output
    assert "light and dark" in done.output
    assert np.asarray(Image.open(out)).std() > 5


@pytest.mark.parametrize(("lang", "words"), [
    ("en", ("Median OSI", "weights shuffled", "this layer, median", "simple-like")),
    ("zh", ("OSI 中位数", "打乱权重", "本层，中位数", "类简单细胞")),
])  # fmt: skip
def test_the_page_needs_no_other_file_and_has_the_numbers_of_python(
    lang: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    assert run(*FEW, "--lang", lang, "--out", out).exit_code == 0
    text = out.read_text(encoding="utf-8")
    found = tuning(DENOISER, "stem", (1, 3, 64, 64), angles=8, phases=4, frequencies=[0.125])
    rows = re.findall(r"<tr><td>(\d+)</td>(.*?)</tr>", text)
    assert [int(channel) for channel, _ in rows] == list(found.channels)
    for k, (_, cells) in enumerate(rows):
        osi = re.findall(r'data-v="([^"]*)"', cells)[2]
        assert (osi == "") == bool(np.isnan(found.osi[k]))
        assert osi == "" or float(osi) == pytest.approx(found.osi[k], rel=1e-4)
    assert all(said in text for said in words)
    assert not re.findall(r"(?:src|href)=", text)
    assert text.count("<svg") == 3


def test_no_control_is_said_on_the_page_too(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    run(*FEW, "--no-control", "--channel", "5", "--stimulus", "bar", "--width", "2", "--out", out)
    text = out.read_text(encoding="utf-8")
    assert "no control" in text
    assert "F1/F0" not in text
    assert "polarity = (L - D) / (L + D)" in text


@pytest.mark.parametrize(("more", "said"), [
    (("--lang", "zh"), "the page speaks Chinese: give --out report.html, or leave out --lang zh"),
    (("--channel", "99"), "channel 99 lies outside stem, which has 24"),
    (("--frequency", "0.7"), "frequency must lie between 0 and 0.5"),
    (("--black", "0", "--black", "1"), "black takes one number or one for each of 3 channels, got 2"),
    (("--out", "a.pdf"), "a.pdf: the picture is a .html, .png, .svg or .csv file"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(more: tuple[str, ...], said: str) -> None:
    done = run(*FEW, *more)
    assert done.exit_code == 2
    assert said in done.output
    assert len(done.output.splitlines()) == 1


def test_a_small_input_says_what_is_needed() -> None:
    done = run("tuning", DENOISER, "mid3", "--input", "1x3x32x32")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "no unit of mid3 has its whole field, 75 x 75, inside an input of 32 x 32" in done.output
