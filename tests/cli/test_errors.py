"""Bad input: one line and a documented exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import one_line, run


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
        (("region", "MODEL", "second", "a,b", "--input", "1x3x16x16"), "is no unit"),
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
