"""striate hierarchy: its table, page, picture and numbers, and what it refuses."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import DENOISER, one_line, run

ASKED = ("hierarchy", DENOISER, "--input", "1x3x32x40", "--layer", "stem", "--layer", "down1", "--count", "2")


@pytest.fixture(name="photos", scope="module")
def some_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for k in range(3):
        pixels = np.random.default_rng(k).integers(0, 256, (32, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_the_page_has_the_numbers_of_the_table_and_needs_no_other_file(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run(*ASKED, "--photos", photos, "--out", out)
    assert done.exit_code == 0, done.output
    assert "Pictures: 3, skipped: 1." in done.output
    page = out.read_text(encoding="utf-8")
    rows = [line.split() for line in done.output.splitlines() if " stem " in line or " down1 " in line]
    for row in rows:
        assert "".join(f"<td>{cell}</td>" for cell in (" ".join(row[:3]), *row[3:])) in page
    assert page.count("data:image/png") == 2 * 3 * 2
    assert not re.search(r"https?://(?!www\.w3\.org)|<script", page)
    assert "weights shuffled" in page


def test_the_numbers_as_a_table(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "stages.csv"
    assert run(*ASKED, "--image", photos / "0.png", "--no-control", "--out", out).exit_code == 0
    stem, down = csv.DictReader(out.read_text().splitlines())
    assert (stem["layer"], stem["height"], stem["stride"], stem["channels"]) == ("stem", "7", "1", "24")
    assert (down["height"], down["stride"]) == ("11", "2")
    assert 0 < float(stem["osi"]) < 1
    assert (stem["osi_control"], stem["untuned"]) == ("", "")


def test_the_picture_in_chinese(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "stages.svg"
    assert run(*ASKED, "--photos", photos, "--no-control", "--lang", "zh", "--out", out).exit_code == 0
    assert "感受野 7 x 7：stem，24 个通道" in out.read_text(encoding="utf-8")
    one_line(run(*ASKED, "--photos", photos, "--lang", "zh", "--out", "a.png"), 2, "a PNG has no Chinese letters")


def test_what_does_not_fit_is_one_line(photos: Path) -> None:
    one_line(run(*ASKED), 2, "give --image or --photos: the photographs whose strongest patches are shown")
    one_line(run(*ASKED, "--photos", photos, "--layer", "nine"), 2, "no layer 'nine'")
    one_line(run(*ASKED, "--photos", photos, "--out", "a.pdf"), 2, "the picture is a .html, .png, .svg or .csv file")
