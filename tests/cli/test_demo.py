"""striate demo, whole."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from PIL import Image
from support.command_line import ENVIRONMENT, PROGRAM, run_process


def test_chinese_in_a_plain_locale(tmp_path: Path) -> None:
    env = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*PROGRAM, "demo", "--lang", "zh", "--out", str(tmp_path)],
        capture_output=True,
        env=env,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_demo(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run_process("demo", "--out", "made", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60
    for part in (
        "7 x 7",
        "C 1 x 1 <- B 3 x 3 <- A 5 x 5 <- O 7 x 7",
        "6x6 -> 4x4",
        "matrix 4x16",
        "[0 1 2] [2 3 .]",
        "83 x 83",
    ):
        assert part in done.stdout
    assert "(1, 3, 300, 448) -> (1, 32, 300, 448)" in done.stdout
    named = [tmp_path / line.strip() for line in done.stdout.partition("Open these:")[2].split()]
    assert {path.name for path in named} >= {"report.html", "fields.png", "fields.svg", "denoised.png", "fields.json"}
    assert sorted(named) == sorted((tmp_path / "made").iterdir())
    for path in named:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
    assert json.loads((tmp_path / "made" / "fields.json").read_text())["layers"][-1]["name"] == "denoised"
