"""The channels of a layer in order, those that answer to nothing counted and last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


def silent(changed: Bools, lifted: Bools) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dead channels, and the unresponsive, from whether each differs from the blank and rises above it."""
    dead, unresponsive = np.flatnonzero(~changed), np.flatnonzero(changed & ~lifted)
    return tuple(dead.tolist()), tuple(unresponsive.tolist())


def ordered(values: Sequence[float], unresponsive: Sequence[int], dead: Sequence[int]) -> tuple[int, ...]:
    """Channels from the largest value down, the unresponsive and then the dead last."""
    return tuple(sorted(range(len(values)), key=lambda k: (k in dead, k in unresponsive, -values[k], k)))
