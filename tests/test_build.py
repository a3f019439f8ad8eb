"""The build without a compiler, which goes on and says what is slower; the source archive, which is whole."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import tarfile
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


def test_the_source_archive_holds_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = pytest.importorskip("scikit_build_core.build", reason="needs scikit-build-core, which pip builds with")
    trial = runpy.run_path(str(ROOT / "packaging" / "try_packages.py"))
    monkeypatch.chdir(ROOT)
    held = trial["held"](tmp_path / backend.build_sdist(str(tmp_path)))
    assert trial["sources"]() - held == set()
    assert {"native/kernels/ways/ways.def", "src/striate/data/denoiser.onnx", "src/striate/py.typed"} <= held


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    trial = runpy.run_path(str(ROOT / "packaging" / "try_packages.py"))
    (tmp_path / "striate-0-py3-none-any.whl").touch()
    with tarfile.open(tmp_path / "striate-0.tar.gz", "w:gz") as archive:
        for name in trial["sources"]() - {"native/CMakeLists.txt"}:
            archive.add(ROOT / name, f"striate-0/{name}")
    with pytest.raises(SystemExit, match=r"striate-0\.tar\.gz lacks native/CMakeLists\.txt"):
        trial["main"](tmp_path)
