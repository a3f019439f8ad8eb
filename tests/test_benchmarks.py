"""The benchmarks run, untimed: every row is there and no tool fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fields() -> None:
    printed = run("fields.py", "--models", "squeezenet1_1", "--rounds", "1")
    assert "| squeezenet1_1 | striate |" in printed
    assert "| squeezenet1_1 | torchlens |" in printed
    assert "exact cover" in printed


def test_conv() -> None:
    assert "torch" in run("conv.py", "--quick", "--peers", "torch", "--rounds", "1")
