"""What a process sets for all its convolutions, and what is remembered while that holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from os import PathLike
from typing import ParamSpec, TypeVar

from striate.conv.native import use_threads
from striate.errors import InputError, named
from striate.values import integer, shown

P = ParamSpec("P")
T = TypeVar("T")

USERS_FOLDER, NOWHERE = "1", ""
_REMEMBERED = 4096
_forgetting: list[Callable[[], None]] = []


class Generation:
    """Everything found under one of these holds until another takes its place in ``settings``."""


class Settings:
    """What calls depend on beside their arguments.

    ``generation`` is replaced whenever anything changes. ``folder`` keeps measured choices: a path, ``USERS_FOLDER``,
    ``NOWHERE``, or None for what the environment variable ``STRIATE_CACHE`` says.
    """

    __slots__ = ("folder", "generation")

    def __init__(self) -> None:
        self.folder: str | None = None
        self.generation = Generation()


settings = Settings()


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Remembers what ``function`` gave for its last 4096 arguments, of which the first is the generation."""
    cached = lru_cache(maxsize=_REMEMBERED)(function)
    _forgetting.append(cached.cache_clear)
    known: Callable[..., T] = cached
    return known


def find_anew() -> None:
    """Forgets every call and plan, wherever one is kept."""
    settings.generation = Generation()
    for forget in _forgetting:
        forget()


@named("set_threads")
def set_threads(count: int) -> None:
    """Threads a convolution may use from now on. Results do not change.

    0 means what the environment variable ``STRIATE_NUM_THREADS`` says, or else ``OMP_NUM_THREADS``, or else the CPUs
    this process may use.

    >>> from striate.conv import get_threads
    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(0)
    """
    use_threads(integer("threads", count, least=0))
    find_anew()


@named("set_cache")
def set_cache(folder: str | PathLike[str] | bool | None) -> None:
    """Where the algorithms that ``algorithm="measured"`` found fastest are kept from one process to the next.

    A folder, True for the user's cache folder, False for nowhere, None (as at the start) for what the environment
    variable ``STRIATE_CACHE`` says: a folder, 1 for the user's, nothing or 0 for nowhere. A choice holds for one
    processor model, instruction set, number of threads and version of striate. A damaged file is told of, ignored and
    replaced.

    >>> set_cache(False)
    """
    settings.folder = _folder(folder)
    find_anew()


def _folder(folder: object) -> str | None:
    if folder is None:
        return None
    if isinstance(folder, bool):
        return USERS_FOLDER if folder else NOWHERE
    if not isinstance(folder, (str, PathLike)):
        raise InputError(f"expected a folder, True, False or None, got {shown(folder)}")
    return os.fspath(folder)
