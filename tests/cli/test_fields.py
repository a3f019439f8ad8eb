"""striate fields: numbers, formats, the named input."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from support.command_line import one_line, run, save_model, two_inputs


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


def test_a_summary_comes_first_and_every_layer_is_a_flag_away(model: Path, tmp_path: Path) -> None:
    ask = ("fields", model, "--input", "1x3x16x16")
    lines = run(*ask).stdout.splitlines()
    assert lines[1].startswith("3 layers: Conv 2, Relu 1. Parameters 252 ")
    assert [line.split()[0] for line in lines if "1x4x" in line and "%" in line] == ["first", "last"]
    assert run(*ask, "--format", "summary").stdout == run(*ask).stdout
    assert run(*ask, "--all").stdout == run(*ask, "--format", "table").stdout
    assert "second" in run(*ask, "--all").stdout
    assert run(*ask, "--out", tmp_path / "s.txt").stdout == ""
    assert (tmp_path / "s.txt").read_text(encoding="utf-8") == run(*ask).stdout
    assert "感受野的增长" in run(*ask, "--lang", "zh").stdout


def test_columns_and_kinds_are_chosen(model: Path) -> None:
    ask = ("fields", model, "--input", "1x3x16x16", "--only", "conv", "--columns")
    assert run(*ask, "layer,stride", "--format", "csv").stdout == "layer,stride\n" + "first,1\n" * 2 + "second,2\n" * 2
    assert run(*ask, "size,layer", "--format", "markdown").stdout.splitlines()[2:] == [
        "| 3 x 3 | first |",
        "| 5 x 5 | second |",
    ]
    heads = next(line for line in run(*ask, "layer,macs").stdout.splitlines() if "layer" in line)
    assert heads.split() == ["layer", "MACs"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--columns", "layer,depth"), "no column 'depth'"),
        (("--columns", "layer,,size"), "names no columns"),
        (("--columns", "layer", "--format", "json"), "--columns belongs to --format table, csv, markdown"),
        (("--all", "--layer", "first"), "--all is every layer"),
        (("--all", "--format", "json"), "--all is every layer"),
        (("--format", "summary", "--only", "conv"), "--format summary speaks of the whole network"),
        (("--only", "lstm"), "there are Conv, Relu"),
        (("--depth", "1"), "no layer of this network stands in a stage"),
        (("--depth", "0"), "0 is not in the range"),
    ],
)
def test_choices_that_do_not_go_together(options: tuple[str, ...], text: str, model: Path) -> None:
    one_line(run("fields", model, "--input", "1x3x16x16", *options), 2, text)


def test_the_report_holds_a_picture(model: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = run(
        "fields", model, "--input", "1x3x48x64", "--format", "html", "--image", photo, "--out", out, "--lang", "zh"
    )
    assert result.exit_code == 0, result.output
    assert "data:image/png;base64," in out.read_text(encoding="utf-8")


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


def test_a_language_holds_for_the_form_or_is_refused(model: Path) -> None:
    for form in ("json", "csv"):
        done = run("fields", model, "--input", "1x3x16x16", "--format", form, "--lang", "zh")
        one_line(done, 2, f"--lang zh belongs to --format summary, table, markdown, html, svg; {form} is the same")
    one_line(run("size", "4", "--kernel", "3", "--json", "--lang", "zh"), 2, "--json is the same in every language")
    for form in ("table", "markdown", "html", "svg"):
        shown = run("fields", model, "--input", "1x3x16x16", "--format", form, "--lang", "zh").stdout
        assert "exact" not in re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]*>", "", shown, flags=re.S), form
        assert re.search("[\u4e00-\u9fff]", shown)
