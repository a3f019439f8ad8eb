"""striate region and reach: words, JSON, pictures."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from support.command_line import run, save_model


def test_region_in_words(model: Path) -> None:
    lines = run("region", model, "second", "0,3", "--input", "1x3x16x16", "--counts").stdout.splitlines()
    assert lines == [
        "second (0, 3) sees 3 x 5 pixels of x: height [0, 3), width [4, 9)",
        "without the image's border: height [-2, 3), width [4, 9)",
        "exactly 15 pixels, no holes",
        "input channels: 0 to 2",
        "paths: 2,160 in all, 288 from the pixel with the most",
    ]


def test_region_as_json(model: Path) -> None:
    found = json.loads(run("region", model, "first", "0,0", "--input", "1x3x16x16", "--json", "--counts").stdout)
    assert found["hull"] == [{"axis": "height", "start": 0, "stop": 2}, {"axis": "width", "start": 0, "stop": 2}]
    assert found["unclipped"][0] == {"axis": "height", "start": -1, "stop": 2}
    assert (found["pixels"], found["cover"], found["channels"]) == (4, None, [0, 1, 2])
    assert found["counts"] == [[12, 12], [12, 12]]


def test_region_as_a_picture(model: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "field.png"
    result = run("region", model, "second", "10,12", "--image", photo, "--out", out, "--with", "first")
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        assert image.format == "PNG"
    assert run("region", model, "last", "1,1", "--input", "1x3x16x16", "--out", tmp_path / "plain.svg").exit_code == 0
    assert (tmp_path / "plain.svg").read_text().startswith("<?xml")


def test_a_photograph_is_fitted_to_a_fixed_input(photo: Path, tmp_path: Path) -> None:
    fixed = save_model(tmp_path / "fixed.onnx", (1, 1, 1, 1), size=32)
    out = tmp_path / "field.png"
    result = run("region", fixed, "second", "15,15", "--image", photo, "--out", out)
    assert result.exit_code == 0, result.output
    assert "height [28, 32)" in result.stdout
    assert out.exists()


def test_reach(model: Path) -> None:
    lines = run("reach", model, "second", "4,5", "--input", "1x3x16x16").stdout.splitlines()
    assert lines[0] == "pixel (4, 5) of x can change 3 x 2 units of second: [1, 4), [2, 4)"
    found = json.loads(run("reach", model, "second", "4,5", "--input", "1x3x16x16", "--json").stdout)
    assert (found["box"], found["units"], found["cover"]) == ([[1, 4], [2, 4]], 6, None)
