"""What a command costs before it does anything: no library that it does not use is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.command_line import DENOISER, ENVIRONMENT

OPTIONAL = ("torch", "onnx", "onnxruntime", "matplotlib", "PIL", "scipy", "skimage", "safetensors")

ASK = """
import json, sys
from striate.cli import app
optional = sys.argv.pop().split()
try:
    app.main(sys.argv[1:], prog_name="striate")
finally:
    print(json.dumps([name for name in optional if name in sys.modules]), file=sys.stderr)
"""


def imported(*args: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, *args, " ".join(OPTIONAL)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=True,
    )
    names: list[str] = json.loads(done.stderr)
    return names


@pytest.mark.parametrize("args", [("--help",), ("size", "9", "--kernel", "3")])
def test_help_imports_no_optional_library(args: tuple[str, ...]) -> None:
    assert imported(*args) == []


def test_an_onnx_file_is_read_without_torch_or_a_runtime() -> None:
    assert imported("fields", DENOISER, "--input", "1x3x32x32") == ["onnx"]
