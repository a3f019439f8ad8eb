"""striate region and reach: words, JSON, pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from support.command_line import DENOISER, one_line, run, save_model

import striate
from striate.show.report import field_figure


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


def test_a_photograph_of_another_shape_is_cropped_or_refused(photo: Path, tmp_path: Path) -> None:
    fixed = save_model(tmp_path / "fixed.onnx", (1, 1, 1, 1), size=32)
    out = tmp_path / "field.png"
    refused = run("region", fixed, "second", "15,15", "--image", photo, "--out", out)
    one_line(refused, 2, "48x64 pixels do not fit an input of 32x32 without stretching; choose --fit crop or --fit pad")
    assert not out.exists()
    result = run("region", fixed, "second", "15,15", "--image", photo, "--fit", "crop", "--out", out)
    assert result.exit_code == 0, result.output
    assert "height [28, 32)" in result.stdout
    assert out.exists()


def test_reach(model: Path) -> None:
    lines = run("reach", model, "second", "4,5", "--input", "1x3x16x16").stdout.splitlines()
    assert lines[0] == "pixel (4, 5) of x can change 3 x 2 units of second: [1, 4), [2, 4)"
    found = json.loads(run("reach", model, "second", "4,5", "--input", "1x3x16x16", "--json").stdout)
    assert (found["box"], found["units"], found["cover"]) == ([[1, 4], [2, 4]], 6, None)


def gated(path: Path) -> Path:
    """A 3x3 convolution, a gate from the mean of all its pixels, a convolution of stride 2."""
    weights = [numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), name) for name in ("w1", "w2")]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["m"], "mean"),
        helper.make_node("Mul", ["a", "m"], ["g"], "gated"),
        helper.make_node("Conv", ["g", "w2"], ["y"], "last", pads=[1, 1, 1, 1], strides=[2, 2]),
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 16, 16])
    graph = helper.make_graph(nodes, "gated", [image], [helper.make_empty_tensor_value_info("y")], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_local_everywhere(tmp_path: Path) -> None:
    model = gated(tmp_path / "gated.onnx")
    # unit 3 of stride 2 reads 5..7 of the gated map, hence 4..8 of the image
    assert run("region", model, "last", "3,3", "--local").stdout.splitlines() == [
        "last (3, 3) sees 5 x 5 pixels of x: height [4, 9), width [4, 9)",
        "exactly 25 pixels, no holes",
        "input channels: 0",
        "without the global paths through mean",
    ]
    assert "sees 16 x 16 pixels" in run("region", model, "last", "3,3").stdout
    assert "can change 8 x 8 units" in run("reach", model, "last", "4,4").stdout
    assert "can change 3 x 2 units of last: [1, 4), [2, 4)" in run("reach", model, "last", "4,5", "--local").stdout
    found = json.loads(run("effective", model, "last", "--local", "--json").stdout)
    assert (found["box"], found["half_size"], found["without"]) == ([[6, 11], [6, 11]], 2.5, ["mean"])
    assert np.sum(found["weights"]) == pytest.approx(1)
    swept = run("sweep", model, "last", "16", "--local").stdout
    assert "5 x 5" in swept
    assert "all" not in swept.splitlines()[4]
    ungated = run("region", DENOISER, "denoised", "3,3", "--input", "1x3x32x32", "--local")
    assert "no operator is global" in ungated.stdout


def test_a_picture_of_a_unit_that_sees_everything_shows_its_local_field(tmp_path: Path) -> None:
    model, out = gated(tmp_path / "gated.onnx"), tmp_path / "field.svg"
    assert run("region", model, "last", "3,3", "--out", out).exit_code == 0
    drawn = striate.load(model)
    figure = field_figure(drawn.region("last", (3, 3)), [], None)
    (title,) = [axes._left_title.get_text() for axes in figure.axes[1:]]  # type: ignore[attr-defined]
    assert title == "last (3, 3)\nlocal 5x5"
    assert [text.get_text() for text in figure.texts] == ["sees everything through mean; its local field is drawn"]


def test_maps_and_heat_maps(tmp_path: Path) -> None:
    model = gated(tmp_path / "gated.onnx")
    for draw, words in (("maps", ("5x5 of 16x16", "3x3 of 16x16", "1x1 of 8x8")), ("paths", ("rows 4 to 8", ">9<"))):
        out = tmp_path / f"{draw}.svg"
        assert run("region", model, "last", "3,3", "--local", "--draw", draw, "--out", out).exit_code == 0
        assert all(word in out.read_text() for word in words), draw
    out = tmp_path / "effective.svg"
    assert run("effective", model, "last", "--local", "--out", out).exit_code == 0
    assert out.read_text().count("<circle") == 3
    one_line(run("region", model, "last", "3,3", "--draw", "maps"), 2, "a picture needs --out")
    one_line(run("effective", model, "last", "--out", tmp_path / "x.pdf"), 2, "the picture is a .png or .svg file")
