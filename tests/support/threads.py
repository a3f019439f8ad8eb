"""Work that several threads begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")


def at_once(count: int, work: Callable[[int], R]) -> list[R]:
    """What ``work`` gives in each of ``count`` threads that start together; errors are raised."""
    barrier = threading.Barrier(count)

    def run(i: int) -> R:
        barrier.wait()
        return work(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
