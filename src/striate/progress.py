"""How far work has come, told to whoever asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Called after each step with the steps done and the steps in all; ``print`` is one."""

    def __call__(self, done: int, total: int, /) -> object: ...


class Ticker:
    """Counts steps and tells ``progress`` of each; of more than ``total``, which may be an estimate, as of the last."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def step(self) -> None:
        """One more step is done."""
        self._tell(min(self._done + 1, self._total))

    def finish(self) -> None:
        """All steps are done, however many were taken."""
        self._tell(self._total)

    def _tell(self, done: int) -> None:
        self._done = done
        if self._progress is not None:
            self._progress(done, self._total)


def ticking(values: Iterable[T], progress: Progress) -> Iterator[T]:
    """The values in turn, each told of as it is taken.

    >>> list(ticking("ab", print))
    0 2
    1 2
    ['a', 'b']
    """
    known = list(values)
    for done, value in enumerate(known):
        progress(done, len(known))
        yield value
