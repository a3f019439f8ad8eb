"""What packed weights may take in memory: one budget for the process, the least recently used out first."""

from __future__ import annotations

import os
from itertools import count
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import ref

from striate.errors import InputError, named
from striate.values import integer

T = TypeVar("T")

VARIABLE = "STRIATE_CACHE_BYTES"
DEFAULT = 2**30


class Kept(Generic[T]):
    """Something that is kept while the budget lasts; ``value`` is None before it is made and after it was dropped.

    Who uses it writes the budget's ``now`` to ``used``.
    """

    __slots__ = ("__weakref__", "bytes", "number", "used", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self.number: int | None = None
        self.bytes = 0
        self.used = 0


class Budget:
    """Holds the kept values of a process to ``limit`` bytes together.

    ``now`` counts the values ever kept: what was used since the last one was made counts as equally recent.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = Lock()
        self._numbers = count()
        self._known: dict[int, ref[Kept[Any]]] = {}
        self.now = 0

    @property
    def limit(self) -> int:
        """Bytes: as set, else of the environment variable, else 1 GiB."""
        return _from_environment() if self._limit is None else self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self._limit = limit
        with self._lock:
            self._shrink()

    @property
    def bytes(self) -> int:
        """Memory of everything kept."""
        return sum(kept.bytes for kept in self._alive())

    def keep(self, kept: Kept[T], value: T, size: int) -> None:
        """Gives ``kept`` its value of ``size`` bytes, and drops the values used longest ago that are too much."""
        limit = self.limit
        with self._lock:
            self.now += 1
            if size > limit:
                return
            if kept.number is None:
                number = kept.number = next(self._numbers)
                self._known[number] = ref(kept, lambda gone: self._forget(number))
            kept.bytes, kept.used, kept.value = size, self.now, value
            self._shrink()

    def _forget(self, number: int) -> None:
        self._known.pop(number, None)

    def _alive(self) -> list[Kept[Any]]:
        found = [known() for known in list(self._known.values())]
        alive = [kept for kept in found if kept is not None and kept.value is not None]
        for kept in alive:
            kept.bytes = getattr(kept.value, "bytes", kept.bytes)  # packed weights grow at their first NaN
        return alive

    def _shrink(self) -> None:
        alive, limit = self._alive(), self.limit
        total = sum(kept.bytes for kept in alive)
        for kept in sorted(alive, key=lambda kept: kept.used):
            if total <= limit:
                break
            kept.value = None
            total -= kept.bytes


def _from_environment() -> int:
    text = os.environ.get(VARIABLE, "")
    if not text:
        return DEFAULT
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"{VARIABLE} must be a number of bytes, such as {DEFAULT}, got {text!r}")
    return int(text)


BUDGET = Budget()


@named("set_cache_limit")
def set_cache_limit(limit: int | None) -> None:
    """Bytes that the packed weights of this process may take together, layers, functions and torch modules alike.

    None, as at the start, is what the environment variable ``STRIATE_CACHE_BYTES`` says, else 1 GiB; 0 keeps nothing.
    What was used longest ago goes first, at once where the limit sinks. A limit below what a model uses makes it pack
    weights at every call.

    >>> set_cache_limit(2**28)
    >>> get_cache_limit()
    268435456
    >>> set_cache_limit(None)
    """
    BUDGET.limit = None if limit is None else integer("limit", limit, least=0)


def get_cache_limit() -> int:
    """Bytes that packed weights may take together."""
    return BUDGET.limit


def cache_bytes() -> int:
    """Bytes that packed weights take now."""
    return BUDGET.bytes
