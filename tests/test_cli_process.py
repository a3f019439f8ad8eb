"""The program as a process: pipes, exit codes, interruption, the whole demo."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

import striate.errors

PROGRAM = [sys.executable, "-c", "from striate.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(striate.errors.__file__).parents[1])}
DENOISER = str(files("striate").joinpath("data/denoiser.onnx"))


def run(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=120, check=False
    )


def test_a_pipe_gets_plain_lines() -> None:
    done = run("fields", DENOISER, "--input", "1x3x64x64")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("noise/conv"))
    assert row.split()[:3] == ["noise/conv", "Conv", "1x3x64x64"]
    assert "83 x 83" in row
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


def on_terminal(columns: int, *args: str) -> str:
    """What the program prints on a terminal of so many columns, without colours."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {key: value for key, value in ENVIRONMENT.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [*PROGRAM, *args], stdout=theirs, stderr=subprocess.PIPE, env={**environment, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        found = b""
        with suppress(OSError):
            while part := os.read(ours, 1 << 16):
                found += part
        assert process.wait(60) == 0
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", found.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_narrow_terminal_cuts_no_number(lang: str) -> None:
    ask = ("fields", DENOISER, "--input", "1x3x480x480", "--lang", lang)
    full, narrow = run(*ask).stdout, on_terminal(70, *ask)
    assert set(re.findall(r"\d[\d,x]*", narrow)) <= set(re.findall(r"\d[\d,x]*", full))
    assert "1x24x480x480" in full
    assert "1x24x480x480" not in narrow
    assert "--format csv" in narrow
    assert "1,194,393,600" in on_terminal(160, *ask)


def test_a_pipe_knows_no_width() -> None:
    ask = ("fields", DENOISER, "--input", "1x3x64x64")
    done = subprocess.run(
        [*PROGRAM, *ask], capture_output=True, text=True, env={**ENVIRONMENT, "COLUMNS": "40"}, timeout=60, check=True
    )
    assert done.stdout == run(*ask).stdout


def test_a_reader_that_leaves_early() -> None:
    program = " ".join(
        f"'{part}'" for part in (*PROGRAM, "fields", DENOISER, "--input", "1x3x64x64", "--format", "json")
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} | head -n 1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""
    assert done.returncode == 0


def test_errors_go_to_stderr_in_one_line(tmp_path: Path) -> None:
    done = run("fields", "nowhere.onnx", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "striate: nowhere.onnx: no such file; a torch model is written as package.module:callable"
    ]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = run("--debug", "fields", "nowhere.onnx", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_an_unexpected_error_is_one_line(tmp_path: Path) -> None:
    code = "import striate.cli.prove as p; p.convention_rows = None; from striate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "size", "4", "--kernel", "3"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 70
    assert done.stderr.startswith("striate: internal error: TypeError")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interruption_is_quiet(tmp_path: Path) -> None:
    # Where the tests run as a background job, the signal is ignored and so it would be in the child.
    code = (
        "import signal, time, striate.cli.prove as p; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " p.demo = lambda *_: (print('ready', flush=True), time.sleep(60));"
        "from striate.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == ""


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
    done = run("demo", "--out", "made", cwd=tmp_path)
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
