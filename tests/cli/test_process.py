"""The program as a process: pipes, terminals, exit codes, interruption."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import DENOISER, ENVIRONMENT, PROGRAM, on_terminal, run_process


def test_a_pipe_gets_plain_lines() -> None:
    done = run_process("fields", DENOISER, "--input", "1x3x64x64", "--all")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("noise/conv"))
    assert row.split()[:3] == ["noise/conv", "Conv", "1x3x64x64"]
    assert "83 x 83" in row
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


@pytest.mark.parametrize(("lang", "columns"), [("en", 70), ("zh", 60)])
def test_a_narrow_terminal_cuts_no_number(lang: str, columns: int) -> None:
    ask = ("fields", DENOISER, "--input", "1x3x480x480", "--all", "--lang", lang)
    full, narrow = run_process(*ask).stdout, on_terminal(columns, *ask)
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
    assert done.stdout == run_process(*ask).stdout


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
    done = run_process("fields", "nowhere.onnx", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "striate: nowhere.onnx: no such file; a torch model is written as package.module:callable"
    ]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = run_process("--debug", "fields", "nowhere.onnx", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_an_unexpected_error_is_one_line(tmp_path: Path) -> None:
    code = "import striate.cli.size as p; p.convention_rows = None; from striate.cli import main; main()"
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
        "import signal, time, striate.cli.demo as p; signal.signal(signal.SIGINT, signal.default_int_handler);"
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
