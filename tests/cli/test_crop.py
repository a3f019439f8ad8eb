"""striate crop: what it prints, the file that it writes, what it refuses."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from striate.cli import app
from striate.formats.model import Model
from striate.run.onnx import OnnxRunner

MODEL = str(files("striate").joinpath("data/denoiser.onnx"))
AT = ("--input", "1x3x64x64")


def test_the_file_gives_that_part_of_the_whole(tmp_path: Path) -> None:
    out = tmp_path / "part.onnx"
    found = CliRunner().invoke(app, ["crop", MODEL, "denoised", "0:8,56:64", *AT, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[:2] == [
        "feed   image     0:1,0:3,0:46,15:64  1x3x46x49 of 1x3x64x64",
        "gives  denoised  0:1,0:3,0:8,56:64   1x3x8x8 of 1x3x64x64",
    ]
    image = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    whole = OnnxRunner(Model(MODEL, (1, 3, 64, 64))).run({"image": image})["denoised"]
    part = OnnxRunner(Model(out)).run({"image": image[:, :, 0:46, 15:64]})["denoised"]
    np.testing.assert_allclose(part, whole[:, :, 0:8, 56:64], rtol=1e-5, atol=1e-5)


def test_json_says_the_boxes() -> None:
    found = CliRunner().invoke(app, ["crop", MODEL, "denoised", "3,3", *AT, "--json"])
    told = json.loads(found.output)
    assert told["inputs"]["image"] == {"box": [[0, 1], [0, 3], [0, 42], [0, 42]], "shape": [1, 3, 42, 42],
                                       "whole": [1, 3, 64, 64]}  # fmt: skip
    assert told["overhead"] == pytest.approx(told["macs"] / told["share"])


def test_an_end_left_out_is_the_layers() -> None:
    ask = ["crop", MODEL, "denoised"]
    open_ends, closed = (CliRunner().invoke(app, [*ask, box, *AT]) for box in (":8,56:", "0:8,56:64"))
    assert open_ends.exit_code == 0
    assert open_ends.output == closed.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["denoised", "64:,1"], "box '64:,1' of denoised holds no element"),
        (["denoised", "60,70"], "box '60,70' of denoised lies outside; boxes of its last 2 axes lie in 0:64,0:64"),
        (["denoised", "3:3,1"], "box '3:3,1' of denoised holds no element"),
        (["denoised", "1,1,1,1,1"], "has 5 axes, denoised has shape 1x3x64x64: write 1 to 4"),
        (["denoised", "9:7,1:2"], "box '9:7,1:2': '9:7' stops before it starts"),
        (["denoised", "one"], "write start:stop for each axis"),
        (["denoisd", "1,1"], "no layer 'denoisd' in denoiser; did you mean 'denoised'?"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str) -> None:
    found = CliRunner().invoke(app, ["crop", MODEL, *words, *AT])
    assert found.exit_code == 2
    assert said in found.output
    assert len(found.output.splitlines()) == 1
