"""The build without a compiler: it goes on, and says what is slower and how to mend it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or not (ROOT / "native").is_dir(), reason="needs cmake and the source tree"
)


@pytest.mark.parametrize(
    ("environment", "code", "line"),
    [
        ({"STRIATE_PYTHON": "OFF"}, 0, "STRIATE_PYTHON is off: installed without the compiled module"),
        ({"CXX": "/nowhere/c++"}, 0, "no C++ compiler was found: installed without the compiled module"),
        ({"CXX": "/nowhere/c++"}, 0, "install a C++20 compiler and run pip install again"),
        ({"CXX": "/nowhere/c++", "STRIATE_PYTHON": "ON"}, 1, "the compiled module was asked for"),
    ],
)
def test_without_a_compiler(environment: dict[str, str], code: int, line: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["cmake", "-S", str(ROOT), "-B", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**{k: v for k, v in os.environ.items() if k not in ("CXX", "STRIATE_PYTHON")}, **environment},
        check=False,
    )
    assert (done.returncode != 0) == bool(code), done.stdout + done.stderr
    assert line in " ".join((done.stdout + done.stderr).split())
