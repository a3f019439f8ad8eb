"""Try what is to be published: ``python packaging/try_packages.py FOLDER`` with a wheel and a source archive in it.

The archive must hold every source; the wheel must install and work in an environment of its own, where no compiler
is to be found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
NEEDED = ("CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml")
LEFT = {".pyc", ".so"}


def sources() -> set[str]:
    """Every file that a build and an installed package need, by its path."""
    inside = (path for folder in ("native", "src") for path in (ROOT / folder).rglob("*") if path.is_file())
    return {*NEEDED, *(path.relative_to(ROOT).as_posix() for path in inside if path.suffix not in LEFT)}


def held(archive: Path) -> set[str]:
    """The paths in a source archive, without the folder that holds them all."""
    with tarfile.open(archive) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def install_and_run(wheel: Path, home: Path) -> None:
    """Install a wheel with its ONNX reader where no compiler is on the path, and run what it must do."""
    venv.create(home, with_pip=True)
    place = home / ("Scripts" if sys.platform == "win32" else "bin")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": str(place)}
    for command in (
        ["python", "-m", "pip", "install", "-q", "--only-binary", ":all:", f"{wheel}[onnx]"],
        ["python", "-I", str(ROOT / "packaging" / "smoke.py")],
        ["striate", "size", "4", "--kernel", "3"],
    ):
        program, *arguments = command
        subprocess.run([place / program, *arguments], cwd=home, env=environment, check=True)


def main(folder: Path) -> None:
    """Try the only wheel and the only archive in a folder."""
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    missing = sources() - held(archive)
    if missing:
        sys.exit(f"{archive.name} lacks {', '.join(sorted(missing))}")
    with TemporaryDirectory() as home:
        install_and_run(wheel.resolve(), Path(home))
    print(f"{wheel.name} and {archive.name} are whole")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
