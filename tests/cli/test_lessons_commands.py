"""striate explain, animate and size in two dimensions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import on_terminal, one_line, run


def test_explain_takes_a_window_apart() -> None:
    lines = run("explain", "4x4", "--kernel", "sobel-x", "--at", "1,1", "--bias", "0.5").stdout.splitlines()
    assert lines[0] == "output 0 at (1, 1) reads rows [1, 2, 3] and columns [1, 2, 3]"
    products = [[float(n) for n in line.rpartition("= [")[2].rstrip("]").split()] for line in lines[2:5]]
    # 5 6 7 | 9 10 11 | 13 14 15 by -1 0 1 | -2 0 2 | -1 0 1
    assert products == [[-5, 0, 7], [-18, 0, 22], [-13, 0, 15]]
    assert lines[5] == "value 8.5 = 8 + bias 0.5"
    assert lines[6].startswith("parameters: 10 shared; locally connected 40 (4.0 times), dense 68 (6.8 times)")
    assert [line.split() for line in lines[8:]] == [["8.5", "8.5"], ["8.5", "8.5"]]


def test_explain_sums_over_the_channels_of_a_photograph(tmp_path: Path) -> None:
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    patch = ("--image", tmp_path / "small.png", "--patch", "1,1,3,3")
    done = run("explain", *patch, "--kernel", "1 1; 1 1", "--at", "1,0")
    sums = [int(pixels[2:4, 1:3, channel].sum()) for channel in range(3)]
    assert f"value {sum(sums)} = {sums[0]} + {sums[1]} + {sums[2]} + bias 0" in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("4x4", "--kernel", "sobell-x"), "did you mean 'sobel-x'"),
        (("1 2; 3", "--kernel", "mean"), "rows have 2, 1 numbers"),
        (("1 a", "--kernel", "mean"), "'a' is no number"),
        (("--kernel", "mean"), "give a GRID or --image"),
        (("4x4", "--kernel", "mean", "--at", "2,0"), "--at 2,0 lies outside the output of 2 x 2"),
        (("4x4", "--kernel", "mean", "--at", "2"), "--at takes two numbers"),
    ],
)
def test_explain_refuses(args: tuple[str, ...], said: str) -> None:
    one_line(run("explain", *args), 2, said)


def test_animate(tmp_path: Path) -> None:
    out = tmp_path / "conv.gif"
    assert run("animate", "5", "--kernel", "3", "--stride", "2", "--padding", "1", "--out", out).exit_code == 0
    with Image.open(out) as image:
        assert getattr(image, "n_frames", 1) == 9
    out = tmp_path / "conv.svg"
    assert run("animate", "3x2", "--kernel", "3", "--stride", "2", "--transposed", "--out", out).exit_code == 0
    assert out.read_text().count("<animate") == 6
    assert "output 7 x 5" in out.read_text()
    one_line(run("animate", "3", "--kernel", "3", "--out", tmp_path / "x.png"), 2, "the picture is a .svg or .gif file")


def test_size_in_two_dimensions(tmp_path: Path) -> None:
    out = tmp_path / "windows.svg"
    done = run("size", "4x6", "--kernel", "3x5", "--stride", "2", "--draw", "--out", out)
    assert done.stdout.count("TensorFlow SAME") == 3
    assert "height: 4 pixels, kernel 3" in done.stdout
    assert "width: 6 pixels, kernel 5" in done.stdout
    assert "output 2 x 3" in out.read_text()
    found = json.loads(run("size", "4x6", "--kernel", "3", "--json").stdout)
    assert [entry["axis"] for entry in found[:2]] == ["height", "width"]
    assert "axis" not in json.loads(run("size", "4", "--kernel", "3", "--json").stdout)[0]
    assert "4 个像素" in run("size", "4", "--kernel", "3", "--lang", "zh").stdout
    one_line(run("size", "4y6", "--kernel", "3"), 2, "write 4, or 4x6")


def test_windows_drawn_on_a_narrow_terminal_are_not_cut() -> None:
    shown = on_terminal(80, "size", "6", "--kernel", "3", "--stride", "2", "--draw")
    assert max(map(len, shown.splitlines())) <= 80
    assert "Caffe pooling (ceil), pad=0" in shown
