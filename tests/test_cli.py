"""The commands, through click's runner: numbers, formats, pictures, errors in one line with their codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import click
import jsonschema
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from striate.cli import COMMANDS, app
from striate.reference.cli import reference_page

Run = Callable[..., Result]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def save_model(path: Path, pads: tuple[int, int, int, int], size: int | str = "size", last: str = "Relu") -> Path:
    """Three layers: a 3x3 convolution, another with stride 2, one more operator."""
    weights = [
        numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in (("w1", (4, 3, 3, 3)), ("w2", (4, 4, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], "second", pads=pads, strides=[2, 2]),
        helper.make_node(last, ["b"], ["y"], "last", domain="" if last == "Relu" else "nowhere"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nowhere", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "small.onnx", (1, 1, 1, 1))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((48, 64, 3), 160, np.uint8)).save(path)
    return path


def one_line(result: Result, code: int, text: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("striate: ")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_fields_as_json(model: Path) -> None:
    document = json.loads(run("fields", model, "--input", "1x3x16x16", "--format", "json").stdout)
    schema = json.loads(files("striate.show").joinpath("fields.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert document["model"] == str(model)
    assert document["input"]["shape"] == [1, 3, 16, 16]
    found = [(layer["name"], layer["op"], layer["shape"], layer["params"]) for layer in document["layers"]]
    assert found == [
        ("first", "Conv", [1, 4, 16, 16], 108),
        ("second", "Conv", [1, 4, 8, 8], 144),
        ("last", "Relu", [1, 4, 8, 8], 0),
    ]
    axis = document["layers"][1]["axes"][0]
    assert (axis["axis"], axis["status"], axis["size"], axis["stride"], axis["start"]) == (
        "height",
        "exact",
        5,
        [2, 1],
        -2,
    )
    assert document["layers"][1]["macs"] == 4 * 8 * 8 * 4 * 9


def test_fields_in_every_format(model: Path, tmp_path: Path) -> None:
    ask = ("fields", model, "--input", "1x3x16x16")
    assert "5 x 5" in run(*ask).stdout
    assert "| 5 x 5 |" in run(*ask, "--format", "markdown").stdout
    rows = list(csv.DictReader(io.StringIO(run(*ask, "--format", "csv", "--pixel-size", "0.5mm").stdout)))
    assert [row["physical_size"] for row in rows if row["axis"] == "width"] == ["1.5", "2.5", "2.5"]
    assert run(*ask, "--format", "html").stdout.startswith("<!doctype html>")
    out = tmp_path / "table.txt"
    assert run(*ask, "--out", out).stdout == ""
    assert "5 x 5" in out.read_text()


def test_fields_of_chosen_layers(model: Path) -> None:
    document = json.loads(run("fields", model, "--input", "1x3x16x16", "--layer", "*st", "--format", "json").stdout)
    assert [layer["name"] for layer in document["layers"]] == ["first", "last"]


def test_the_report_holds_a_picture(model: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = run(
        "fields", model, "--input", "1x3x48x64", "--format", "html", "--image", photo, "--out", out, "--lang", "zh"
    )
    assert result.exit_code == 0, result.output
    assert "data:image/png;base64," in out.read_text(encoding="utf-8")


def two_inputs(path: Path) -> Path:
    """``image`` through a 3x3 convolution, ``depth`` through a 5x5 one, added up; both sizes are open."""
    pairs = (("image", 3), ("depth", 5))
    weights = [numpy_helper.from_array(np.ones((1, 1, k, k), np.float32), f"w{k}") for _, k in pairs]
    nodes = [
        *(helper.make_node("Conv", [x, f"w{k}"], [f"y{k}"], f"conv{k}", pads=[k // 2] * 4) for x, k in pairs),
        helper.make_node("Add", ["y3", "y5"], ["y"], "sum"),
    ]
    inputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1, "h", "w"]) for x, _ in pairs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "pair", inputs, [output], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.mark.parametrize(
    ("options", "source", "size"),
    [
        (("--input", "depth=1x1x16x16"), "depth", 5),
        (("--input", "image=1x1x16x16"), "image", 3),
        (("--input", "1x1x16x16"), "image", 3),
        (("--input", "depth=1x1x16x16", "--input", "image=1x1x16x16"), "image", 3),
        (("--input", "depth=1x1x16x16", "--source", "image"), "image", 3),
    ],
)
def test_the_named_input_is_the_source(options: tuple[str, ...], source: str, size: int, tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "pair.onnx")
    document = json.loads(run("fields", path, *options, "--format", "json").stdout)
    assert document["input"]["name"] == source
    assert document["layers"][-1]["axes"][0]["size"] == size
    assert f"pixels of {source}:" in run("region", path, "sum", "8,8", *options).stdout
    assert f"pixel (8, 8) of {source} can" in run("reach", path, "sum", "8,8", *options).stdout
    assert f"{size} x {size}" in run("sweep", path, "sum", "16", *options).stdout
    assert run("compare", path, path, *options).exit_code == 0


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


def test_sweep(model: Path) -> None:
    result = run("sweep", model, "second", "14:16", "--input", "1x3x16x16")
    assert "Nothing shifts at: 14x14, 15x15, 16x16" in result.stdout


def test_compare(model: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other.onnx", (0, 0, 1, 1))
    same = run("compare", model, model, "--input", "1x3x16x16")
    assert (same.exit_code, same.stdout) == (0, "2 layers paired, 0 differences\n")
    differs = run("compare", model, other, "--input", "1x3x16x16")
    assert differs.exit_code == 1
    assert "shift" in differs.stdout


def test_check_agrees(model: Path) -> None:
    result = run("check", model, "--input", "1x3x16x16", "--layer", "second", "--unit", "0,3")
    assert result.exit_code == 0, result.output
    assert "second (0, 3) reads" in result.stdout
    assert "15 pixels claimed" in result.stdout


def test_size() -> None:
    text = run("size", "4", "--kernel", "3", "--stride", "2").stdout
    for part in ("[. 0 1] [1 2 3]", "[0 1 2] [2 3 .]", "floor(1/2) + 1 = 1; 1 over", "Caffe", "TensorFlow SAME"):
        assert part in text
    answers = json.loads(run("size", "4", "--kernel", "3", "--stride", "2", "--json").stdout)
    assert [answer["output"] for answer in answers] == [1, 2, 1, 2, 2]


def test_a_torch_model_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_here.py").write_text(
        "import torch\n"
        "def make():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5), torch.nn.ReLU())\n"
        "ready = make()\n"
        "sound = torch.nn.Conv1d(1, 2, 400, stride=160)\n"
        "def broken():\n    raise RuntimeError('no weights\\nhere')\n"
        "def number():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("make", "ready"):
        result = run("fields", f"made_here:{name}", "--input", "1x3x32x32")
        assert "5 x 5" in result.stdout, result.output
    heard = json.loads(
        run("fields", "made_here:sound", "--input", "1x1x16000", "--rate", "16kHz", "--format", "json").stdout
    )
    axis = heard["layers"][-1]["axes"][0]
    assert (axis["axis"], axis["size"], axis["stride"]) == ("length", 400, [160, 1])
    assert axis["physical"] == {"unit": "ms", "size": 25.0, "stride": 10.0}
    one_line(run("fields", "made_here:broken", "--input", "1x3x32x32"), 3, "no weights here")
    one_line(run("fields", "made_here:number", "--input", "1x3x32x32"), 2, "gave int, not a torch.nn.Module")
    one_line(run("fields", "made_here:missing", "--input", "1x3x32x32"), 2, "missing")
    one_line(run("fields", "not_there:model", "--input", "1x3x32x32"), 2, "cannot import not_there")
    one_line(run("fields", "made_here:make"), 2, "--input 1x3x224x224")


def test_unknown_operators(tmp_path: Path) -> None:
    path = save_model(tmp_path / "odd.onnx", (1, 1, 1, 1), last="Mystery")
    one_line(run("fields", path, "--input", "1x3x16x16"), 4, "Mystery")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("fields", "missing.onnx"), "no such file"),
        (("fields", "."), "is a folder"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--layer", "secon"), "did you mean 'second'"),
        (("fields", "MODEL", "--input", "banana"), "write it like 1x3x224x224"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--pixel-size", "3"), "such as 0.25um"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--rate", "16kHz"), "speaks of time, length"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--layout", "NCXY"), "layout"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--image", "PHOTO"), "--format html"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--format", "html", "--image", "MODEL"), "not an image"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--out", "MODEL/under.txt"), "cannot write"),
        (("region", "MODEL", "second", "99,0", "--input", "1x3x16x16"), "must be in [0, 8)"),
        (("region", "MODEL", "second", "1", "--input", "1x3x16x16"), "needs 2 indices"),
        (("region", "MODEL", "second", "a,b", "--input", "1x3x16x16"), "is no position"),
        (("region", "MODEL", "second", "0,0", "--input", "1x3x16x16", "--image", "PHOTO"), "needs --out"),
        (("region", "MODEL", "second", "0,0", "--input", "1x3x16x16", "--out", "f.bmp"), ".png or .svg"),
        (("sweep", "MODEL", "second", "9:3", "--input", "1x3x16x16"), "first:last:step"),
        (("size", "4"), "--kernel"),
        (("size", "4", "--kernel", "0"), "0"),
        (("fields", "MODEL"), "is dynamic; give a size, --input x=1x3xNxN"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--layout", ""), "is no layout"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--layout", "NHHW"), "each once"),
        (("fields", "MODEL", "--input", "1x3x16x16", "--source", ""), "no input ''"),
        (("fields", "MODEL", "--input", "x=1x3x16x16", "--input", "x=1x3x8x8"), "given 2 times"),
        (("fields", "m" * 5000, "--input", "1x3x16x16"), "no such file"),
        (("fields", "", "--input", "1x3x16x16"), ". is a folder"),
        (("nonsense",), "nonsense"),
        (("fields", "MODEL", "--nonsense"), "--nonsense"),
    ],
)
def test_bad_input_is_one_line(args: tuple[str, ...], text: str, model: Path, photo: Path) -> None:
    one_line(run(*(arg.replace("MODEL", str(model)).replace("PHOTO", str(photo)) for arg in args)), 2, text)


@pytest.mark.parametrize("keep", [0, 1, 40, -1, -40])
def test_damaged_files(keep: int, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:keep] if keep else b"\x00\xff" * 50)
    result = run("fields", model, "--input", "1x3x16x16")
    assert result.exit_code in (2, 3)
    one_line(result, result.exit_code, "")


def test_a_wrong_shape(model: Path) -> None:
    one_line(run("fields", model, "--input", "1x5x16x16"), 2, "")


def test_every_help_has_an_example() -> None:
    for command in COMMANDS:
        text = run(command.name, "--help").stdout
        assert f"striate {command.name}" in text.partition("Example")[2], command.name
        assert all(isinstance(p, click.Argument) or p.help for p in command.params), command.name


def test_help_and_version() -> None:
    text = run("--help").stdout
    assert "Exit codes:" in text
    assert all(command.name in text for command in COMMANDS)
    assert run("--version").stdout.startswith("striate ")


def test_completion() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_STRIATE_COMPLETE" in run("completion", shell).stdout


def test_the_reference_is_current() -> None:
    page = Path(__file__).parents[1] / "docs" / "cli.md"
    assert page.read_text(encoding="utf-8") == reference_page(), "run: python -m striate.reference.cli > docs/cli.md"
