"""How long work takes, so that what is left of it can be foretold."""

from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._since = perf_counter()

    def lap(self) -> float:
        """The seconds since it was made or last asked."""
        before, self._since = self._since, perf_counter()
        return self._since - before
