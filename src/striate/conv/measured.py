"""The ways measured fastest, kept in a file from one process to the next."""

from __future__ import annotations

import json
import os
import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import astuple
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from striate.conv.errors import InputError
from striate.conv.native import kernels
from striate.conv.problem import Problem
from striate.files import replace_file
from striate.values import shown
from striate.version import striate_version

_OFF, _ON = ("", "0"), "1"
_place: list[str | None] = [None]


def set_folder(folder: str | PathLike[str] | bool | None) -> None:
    """The folder of the file: a path, True for the user's cache folder, False for none, None for ``STRIATE_CACHE``."""
    if isinstance(folder, bool):
        folder = _ON if folder else ""
    if folder is not None and not isinstance(folder, (str, PathLike)):
        raise InputError(f"expected a folder, True, False or None, got {shown(folder)}")
    _place[0] = None if folder is None else os.fspath(folder)


def choices_file() -> Path | None:
    """The file in which choices are kept, None where they are not."""
    place = os.environ.get("STRIATE_CACHE", "") if _place[0] is None else _place[0]
    if place in _OFF:
        return None
    folder = _user_cache() / "striate" if place == _ON else Path(place).expanduser()
    return folder / f"measured-{striate_version()}.json"


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def key(problem: Problem, dtype: str, strict: bool) -> str:
    """What a choice depends on, beside the version, which names the file."""
    parts = astuple(problem), dtype, strict, kernels().isa(), kernels().get_threads(), cpu_model()
    return json.dumps(parts)


def remembered(name: str, choose: Callable[[], str], usable: Callable[[str], Any]) -> Any:
    """``usable`` of the way kept under ``name``; of what ``choose`` finds, which is then kept, where there is none.

    ``usable`` gives None for a way that cannot be taken. A file that cannot be read or written costs a warning, no
    more; a damaged one is replaced.
    """
    path = choices_file()
    kept = None if path is None else _read(path).get(name)
    plan = None if kept is None else usable(kept)
    if plan is not None:
        return plan
    way = choose()
    if path is not None:
        _write(path, name, way)
    return usable(way)


def _read(path: Path) -> dict[str, str]:
    try:
        choices = json.loads(path.read_bytes())["ways"]
        if not all(isinstance(way, str) for way in choices.values()):
            raise TypeError("a way is not a name")
        return dict(choices)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        warnings.warn(f"{path} does not hold measured ways and is not used: {reason}", stacklevel=2)
        return {}


def _write(path: Path, name: str, way: str) -> None:
    # Read again without a word: another process may have written, and damage was told of before.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ways = _read(path)
    ways[name] = way
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps({"ways": ways}, indent=1).encode())
    except OSError as error:
        warnings.warn(f"measured ways cannot be kept in {path}: {error.strerror or error}", stacklevel=2)
