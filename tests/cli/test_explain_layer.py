"""striate explain MODEL LAYER Y,X: its numbers are those of onnxruntime, torch and LiteRT; what does not fit."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from support.command_line import DENOISER, on_terminal, one_line, run
from support.litert import Runtime
from support.tflite_cases import conv
from support.tflite_models import Sketch
from torch import nn

PIXELS = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
SMALL = ("--input", "1x3x32x32")
GREY = """
import torch
from torch import nn

def module():
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU())
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path)
    return path


def told(*args: object) -> dict[str, Any]:
    done = run("explain", *args, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_onnxruntime(tensor: str, image: np.ndarray) -> np.ndarray:
    """A tensor of the denoiser on an image, asked of onnxruntime alone."""
    model = onnx.load(DENOISER)
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([tensor], {"image": image})[0])


def tensor_of(node: str) -> str:
    return str(next(made.output[0] for made in onnx.load(DENOISER).graph.node if made.name == node))


@pytest.mark.parametrize(("levels", "low", "high"), [
    ((), [0, 0, 0], [1, 1, 1]), (("--black", "-1"), [-1] * 3, [1] * 3),
    (("--black", "-2", "--black", "-1", "--black", "0", "--white", "2"), [-2, -1, 0], [2, 2, 2]),
])  # fmt: skip
@pytest.mark.parametrize(("layer", "channel", "at"), [("stem/conv", 5, (0, 31)), ("mid1/conv", 7, (3, 4))])
def test_the_numbers_are_onnxruntime_s(
    photo: Path, levels: tuple[str, ...], low: list[int], high: list[int], layer: str, channel: int, at: tuple[int, int]
) -> None:
    found = told(DENOISER, layer, f"{at[0]},{at[1]}", "--channel", channel, "--image", photo, *SMALL, *levels)
    image = (np.array(low) + (np.array(high) - low) * (PIXELS / 255)).transpose(2, 0, 1)[None].astype(np.float32)
    expected = by_onnxruntime(tensor_of(layer), image)[0, channel, at[0], at[1]]
    assert found["runtime"] == {"name": "onnxruntime", "value": pytest.approx(expected, abs=1e-6)}
    assert found["value"] == pytest.approx(expected, abs=1e-4)
    assert np.sum(np.multiply(found["window"], found["kernel"])) + found["bias"] == pytest.approx(expected, abs=1e-4)
    relu = found["after"][0]
    assert (relu["function"], relu["value"]) == ("relu", pytest.approx(max(expected, 0), abs=1e-6))
    assert [found["channel"], *found["at"]] == [channel, *at]


def test_a_grey_input_of_a_module_is_torch_s(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "grey_here.py").write_text(GREY)
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.manual_seed(4)
    layer = nn.Conv2d(1, 4, 3, 2, bias=False)
    found = told("grey_here:module", "0", "4,6", "--channel", 2, "--image", photo, "--input", "1x1x32x32")
    grey = (PIXELS @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)
    expected = layer(torch.from_numpy(grey)[None, None])[0, 2, 4, 6].item()
    assert found["value"] == pytest.approx(expected, abs=1e-5)
    assert found["runtime"] == {"name": "torch", "value": pytest.approx(expected, abs=1e-5)}
    assert [part["layer"] for part in found["after"]] == ["1", "2"]


def test_channels_last_are_litert_s(photo: Path, tmp_path: Path) -> None:
    sketch = Sketch()
    content = sketch.file(conv(sketch, sketch.input(1, 32, 32, 3, name="image"), 4, 3, StrideH=2, StrideW=2))
    (tmp_path / "small.tflite").write_bytes(content)
    found = told(tmp_path / "small.tflite", "t3", "5,2", "--channel", 3, "--image", photo)
    (expected,) = Runtime(content).run((PIXELS[None] / 255).astype(np.float32), [3])
    assert found["value"] == pytest.approx(expected[0, 5, 2, 3], abs=1e-5)
    assert found["runtime"]["name"].startswith("LiteRT ")


def test_an_activation_inside_the_convolution_is_litert_s(photo: Path, tmp_path: Path) -> None:
    sketch = Sketch()
    fused = conv(sketch, sketch.input(1, 32, 32, 3, name="image"), 4, 3, FusedActivationFunction=1)
    content = sketch.file(fused)
    (tmp_path / "fused.tflite").write_bytes(content)
    unit = (tmp_path / "fused.tflite", "t3.conv", "0,9", "--channel", 1, "--image", photo)
    (expected,) = Runtime(content).run((PIXELS[None] / 255).astype(np.float32), [fused])
    found = told(*unit)
    assert found["runtime"]["value"] is None
    assert found["after"] == [{"layer": "t3", "function": "relu", "value": pytest.approx(expected[0, 0, 9, 1])}]
    assert max(found["value"], 0) == pytest.approx(expected[0, 0, 9, 1], abs=1e-5)
    assert "computes this and what follows in one, and shows the end" in run("explain", *unit).stdout


def test_the_channels_with_the_largest_sums_are_shown(photo: Path) -> None:
    unit = ("mid1/conv", "3,4", "--channel", "7", "--image", photo, *SMALL)
    lines = run("explain", DENOISER, *unit, "--most", 2).stdout.splitlines()
    found = told(DENOISER, *unit)
    heads = [int(re.findall(r"\d+", line)[0]) for line in lines if line.startswith("channel ")]
    largest = sorted(found["channels"], key=lambda k: -abs(found["channel_sums"][k]))
    assert heads == largest[:2]
    others = sum(found["channel_sums"][k] for k in largest[2:])
    assert f"and {len(largest) - 2} more channels, sum {others:.6g}" in lines
    assert f"onnxruntime gives {found['runtime']['value']:.6g}" in lines


def test_the_same_as_matrices(photo: Path) -> None:
    unit = (DENOISER, "stem/conv", "3,4", "--channel", "7", "--image", photo, "--input", "1x3x32x32")
    lines = run("explain", *unit, "--matrix").stdout.splitlines()
    value = f"{told(*unit)['value']:.6g}"
    assert "as matrices: weights 24 x 147 times windows 147 x 1,024" in lines
    assert [line.rpartition(" = ")[2] for line in lines if line.startswith("row 7 times column 100 = ")] == [value]
    assert not any(line.startswith("as matrices") for line in run("explain", *unit).stdout.splitlines())
    assert told(*unit)["matrix"] == {
        "group": [0, 1], "weights": [24, 147], "windows": [147, 1024], "place": [7, 100],
    }  # fmt: skip


def test_the_same_as_a_sparse_matrix(tmp_path: Path) -> None:
    """Its entries times the photograph as a vector are the layer's output in onnxruntime."""
    photo = tmp_path / "small.png"
    Image.fromarray(PIXELS[:8, :8]).save(photo)
    small = (DENOISER, "stem/conv", "3,4", "--channel", "7", "--image", photo, "--input", "1x3x8x8")
    found = told(*small, "--matrix")["sparse"]
    image = (PIXELS[:8, :8] / 255).transpose(2, 0, 1)[None].astype(np.float32)
    expected = by_onnxruntime(tensor_of("stem/conv"), image)[0]
    assert found["shape"] == [expected.size, image.size]
    entries, product = found["entries"], np.zeros(expected.size)
    np.add.at(product, entries["rows"], np.array(entries["weights"]) * image.ravel()[entries["columns"]])
    node = next(made for made in onnx.load(DENOISER).graph.node if made.name == "stem/conv")
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(DENOISER).graph.initializer}
    whole = product.reshape(expected.shape) + held[node.input[2]][:, None, None]
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    assert len(entries["rows"]) == found["weights"]
    assert 0 < found["difference"] < 1e-5
    assert found["value"] == pytest.approx(expected[7, 3, 4], abs=1e-5)
    assert found["row"] == np.ravel_multi_index((7, 3, 4), expected.shape)
    assert "sparse" not in told(*small)


def test_a_matrix_that_is_too_large_is_one_line(photo: Path) -> None:
    unit = (DENOISER, "stem/conv", "3,4", "--image", photo, *SMALL)
    said = "as one sparse matrix: 24,576 x 3,072 with 3,612,672 weights, not built: at most 2,097,152; take a smaller"
    assert [line for line in run("explain", *unit, "--matrix").stdout.splitlines() if "sparse" in line] == [
        f"{said} input"
    ]
    assert told(*unit, "--matrix")["sparse"] == {"shape": [24576, 3072], "weights": 3612672, "entries": None}


def test_a_plain_kernel_as_matrices() -> None:
    asked = ("explain", "4x4", "--kernel", "1 2 3; 4 5 6; 7 8 9", "--at", "1,0", "--bias", "0.5", "--matrix")
    lines = run(*asked).stdout.splitlines()
    for line in (
        "row 0 times column 2 = 483, + bias 0.5 = 483.5", " >. . . . 1 2 3 . 4 5 6 . 7 8 9 .",
        "row 2 times the vector = 483, + bias 0.5 = 483.5",
        "the 4 outputs of all rows differ from conv2d's by at most 0",
    ):  # fmt: skip
        assert line in lines
    found = json.loads(run(*asked, "--json").stdout)
    assert found["sparse"]["entries"]["weights"] == [1, 2, 3, 4, 5, 6, 7, 8, 9] * 4
    assert (found["sparse"]["row"], found["sparse"]["value"], found["matrix"]["place"]) == (2, 483.5, [0, 2])


@pytest.mark.parametrize(("lang", "said"), [("en", "weights, grey where there is none"), ("zh", "权重，灰色处为空")])
def test_the_page_has_the_lines_and_the_matrix_drawn(photo: Path, tmp_path: Path, lang: str, said: str) -> None:
    out = tmp_path / "step.html"
    small = (DENOISER, "stem/conv", "3,4", "--channel", "7", "--image", photo, "--input", "1x3x16x16", "--fit", "crop")
    done = run("explain", *small, "--out", out, "--lang", lang)
    assert done.exit_code == 0
    page = out.read_text()
    for line in done.stdout.splitlines():
        assert html.escape(line) in page
    assert said in page
    assert ">256 x 768<" in page
    assert page.count("<image") == 3
    large = run("explain", *small[:-4], *SMALL, "--out", out, "--lang", lang)
    assert large.exit_code == 0
    assert "<image" not in out.read_text()
    one_line(run("explain", *small, "--out", tmp_path / "step.png"), 2, "step.png: the page is an .html file")


def test_it_fits_a_terminal(photo: Path) -> None:
    shown = on_terminal(80, "explain", DENOISER, "stem/conv", "3,4", "--image", str(photo))
    assert max(map(len, shown.splitlines())) <= 80
    assert "channel 2: window x kernel = products" in shown


def test_it_speaks_chinese(photo: Path) -> None:
    shown = run("explain", DENOISER, "mid1/conv", "3,4", "--image", photo, *SMALL, "--lang", "zh", "--matrix").stdout
    assert "onnxruntime 给出" in shown
    assert "另有 52 个通道" in shown
    assert set(re.findall(r"[A-Za-z]{2,}", shown)) == {"onnxruntime", "mid", "relu"}


@pytest.mark.parametrize(("args", "said"), [
    (("mid1", "0,0"), "mid1 is elementwise, no convolution of two axes; the nearest: mid1/conv, mid"),
    (("stem/cnv", "0,0"), "no layer 'stem/cnv' in denoiser; did you mean 'stem/conv'?"),
    (("stem/conv", "32,0"), "unit 32,0 lies outside stem/conv: y must be in [0, 32), x in [0, 32)"),
    (("stem/conv", "0"), "at takes two numbers, y and x, got 1"),
    (("stem/conv", "0,0", "--channel", "24"), "channel 24 lies outside stem/conv: it must be in [0, 24)"),
    (("stem/conv", "0,0", "--input", "1x3x32x48"), "32x32 pixels do not fit an input of 32x48 without stretching"),
    (("stem/conv", "0,0", "--bias", "1"), "--bias belongs to GRID or a photograph alone"),
    (("stem/conv", "0,0", "--black", "0", "--black", "1"), "black takes one number or one for each of 3 channels"),
    (("stem/conv",), "MODEL LAYER takes Y,X and --image"),
    (("stem/conv", "0,0", "--json", "--lang", "zh"), "--json is the same in every language"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(photo: Path, args: tuple[str, ...], said: str) -> None:
    one_line(run("explain", DENOISER, *args, "--image", photo), 2, said)


def test_a_photograph_of_another_shape_is_cropped_where_asked(photo: Path) -> None:
    args = ("stem/conv", "8,0", "--image", photo, "--input", "1x3x16x32", "--fit", "crop")
    rows = told(DENOISER, *args)["window"][0][3]
    np.testing.assert_allclose(rows[3:], PIXELS[16, :4, 0] / 255, atol=1e-6)


def test_options_of_a_layer_belong_to_no_kernel() -> None:
    one_line(run("explain", "4x4", "--kernel", "mean", "--channel", "1"), 2, "--channel belongs to MODEL LAYER Y,X")
    one_line(run("explain", "4x4"), 2, "give --kernel, such as sobel-x; or MODEL LAYER Y,X and --image")


def test_a_kernel_s_numbers_are_json_too() -> None:
    found = told("4x4", "--kernel", "sobel-x", "--at", "1,1", "--bias", "0.5")
    assert (found["value"], found["bias"], found["channel_sums"]) == (8.5, 0.5, [8.0])
    assert found["products"] == [[[-5, 0, 7], [-18, 0, 22], [-13, 0, 15]]]
