"""striate demo, whole."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image
from support.command_line import ENVIRONMENT, PROGRAM, run_process

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "fields.png"


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
    corner = re.search(r"the rest being padding: (\S+) = its bias (\S+)", done.stdout)
    assert corner is not None
    assert corner[1] == corner[2] != "0.0000"
    sums = re.search(r"value (\S+) = (\S+) \+ (\S+) \+ (\S+) \+ bias (\S+)", done.stdout)
    assert sums is not None
    assert float(sums[1]) == sum(map(float, sums.groups()[1:]))
    medians = re.search(r"median OSI (\S+), .* shuffled (\S+); F1/F0 (\S+),", done.stdout)
    assert medians is not None
    osi, control, f1f0 = map(float, medians.groups())
    assert (osi > 2 * control, f1f0) == (True, 1.57)
    for part in ("that prefer them: yes", "11 x 11 field changes a bit of an answer: no", "at every stage: yes"):
        assert part in done.stdout
    assert "Then try:\n  striate tuning v1 v1" in done.stdout
    report = (tmp_path / "made" / "report.html").read_text(encoding="utf-8")
    lessons = report.partition("<h2>The tutorial, computed</h2>")[2].partition("<h2>")[0]
    for claim in (
        *("C 1 x 1 &lt;- B 3 x 3 &lt;- A 5 x 5 &lt;- O 7 x 7", "6x6 -&gt; 4x4", "gives 512", "matrix 4x16"),
        *("changes a bit of an answer: no", "27 x 27", "OSI 0.7"),
        *("[0 1 2] [2 3 .]", corner[0], sums[0], "shared 9, locally connected 36, dense 64"),
    ):
        assert claim in lessons, claim
    opened = done.stdout.partition("Open these:")[2].partition("Then try:")[0]
    named = [tmp_path / line.strip() for line in opened.split()]
    assert {path.name for path in named} >= {"report.html", "fields.png", "fields.svg", "denoised.png", "fields.json"}
    assert sorted(named) == sorted((tmp_path / "made").iterdir())
    for path in named:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
    assert lessons.count("<svg") == 1 + 1 + 3
    with Image.open(tmp_path / "made" / "fields.png") as drawn, Image.open(PICTURE) as shown:
        assert drawn.size == shown.size
        far = np.abs(np.asarray(drawn, np.float32) - np.asarray(shown, np.float32)).mean()
    assert far < 4, "docs/images/fields.png is not what the demo draws: copy it from there"
    assert json.loads((tmp_path / "made" / "fields.json").read_text())["layers"][-1]["name"] == "denoised"
