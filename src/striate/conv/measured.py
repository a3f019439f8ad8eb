"""The algorithms measured fastest, kept in a file from one process to the next."""

from __future__ import annotations

import json
import os
import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import astuple
from functools import cache
from pathlib import Path

from striate.conv.native import get_threads, instruction_set
from striate.conv.problem import Problem
from striate.conv.settings import NOWHERE, USERS_FOLDER, settings
from striate.files import replace_file
from striate.version import striate_version


def choices_file() -> Path | None:
    """The file in which choices are kept, None where they are not."""
    place = os.environ.get("STRIATE_CACHE", NOWHERE) if settings.folder is None else settings.folder
    if place in (NOWHERE, "0"):
        return None
    folder = _user_cache() / "striate" if place == USERS_FOLDER else Path(place).expanduser()
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
    parts = astuple(problem), dtype, strict, instruction_set(), get_threads(), cpu_model()
    return json.dumps(parts)


def kept_choice(name: str, choose: Callable[[], str], usable: Callable[[str], bool]) -> str:
    """The algorithm kept under ``name`` where it is usable, else the one that ``choose`` finds, which is then kept.

    A file that cannot be read or written costs a warning, no more; a damaged one is replaced.
    """
    path = choices_file()
    kept = None if path is None else _read(path).get(name)
    if kept is not None and usable(kept):
        return kept
    chosen = choose()
    if path is not None:
        _write(path, name, chosen)
    return chosen


def _read(path: Path) -> dict[str, str]:
    try:
        choices = json.loads(path.read_bytes())["algorithms"]
        if not all(isinstance(algorithm, str) for algorithm in choices.values()):
            raise TypeError("an algorithm is not a name")
        return dict(choices)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        warnings.warn(f"{path} does not hold measured algorithms and is not used: {reason}", stacklevel=2)
        return {}


def _write(path: Path, name: str, algorithm: str) -> None:
    # Read again without a word: another process may have written, and damage was told of before.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        algorithms = _read(path)
    algorithms[name] = algorithm
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps({"algorithms": algorithms}, indent=1).encode())
    except OSError as error:
        warnings.warn(f"measured algorithms cannot be kept in {path}: {error.strerror or error}", stacklevel=2)
