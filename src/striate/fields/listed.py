"""What each unit of a layer truly sees, as runs of units that move on evenly."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from striate.fields.fields import Fields
from striate.fields.pieces import Ints
from striate.fields.shared import Shared
from striate.fields.summary import laid, units_of

MOST_UNITS = 4096


class Run(NamedTuple):
    """``units`` side by side: unit ``i`` of them sees ``[start + i*move, stop + i*move)``, which may be empty."""

    units: int
    start: int
    stop: int
    move: int


@dataclass(frozen=True, slots=True)
class Listed:
    """The units along some axes of a layer, row-major, as runs; along its other axes all see the same."""

    axes: tuple[int, ...]
    runs: tuple[Run, ...]


def listed(fields: Fields, layer: str, axis: str, most: int = MOST_UNITS) -> Listed | None:
    """The true hull of every unit of a layer along one axis of the input; None where more than ``most`` differ.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Gather, Places
    >>> b = Builder("one", x=(1, 1, 1, 9))
    >>> picked = b.add(Gather(3, Places.of([0, 1, 2, 7])), "x", name="picked")
    >>> listed(Fields(b.network()), "picked", "width").runs
    (Run(units=3, start=0, stop=1, move=1), Run(units=1, start=7, stop=8, move=0))
    """
    tensor = fields.network.tensor(layer)
    shape, tables = fields.network.shapes[tensor], fields.clipped.get(tensor, ())
    if not tables:
        return None
    shared, units = Shared(), fields.layer_axes(layer).units
    pieces = laid(tables[list(fields.spatial).index(axis)].group.pieces, units, shared)
    axes = tuple(k for k in range(len(shape)) if any(not piece.uniform(k) for piece in pieces))
    if prod(shape[k] for k in axes) > most:
        return None
    full = [n if k in axes else 1 for k, n in enumerate(shape)]
    low, high = (np.broadcast_to(values, full).ravel() for values in units_of(pieces, axes))
    return Listed(axes, tuple(_runs(low, high)))


def _runs(lo: Ints, hi: Ints) -> list[Run]:
    """Where units begin and end, from the first on as many together as move on evenly."""
    empty = lo >= hi
    lo, hi = np.where(empty, 0, lo), np.where(empty, 0, hi)
    moves = np.diff(lo)
    even = (moves == np.diff(hi)) & (empty[1:] == empty[:-1])
    found, start = [], 0
    while start < len(lo):
        stop, move = start + 1, 0
        if stop < len(lo) and even[start]:
            move = int(moves[start])
            others = np.flatnonzero(~even[start:] | (moves[start:] != move))
            stop = start + 1 + int(others[0]) if others.size else len(lo)
        found.append(Run(stop - start, int(lo[start]), int(hi[start]), move))
        start = stop
    return found
