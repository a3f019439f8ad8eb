"""How one operator is cropped: what it reads of each input, and the operators that then make a box of its output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.geometry import Box, Interval, Runs, places, solid
from striate.network.operators import Gather, Operator, Places, Slice


@dataclass(frozen=True, slots=True)
class Part:
    """One output of a node, cropped.

    ``reads`` are the boxes of the node's inputs, None for one that is not read at all; ``steps`` are applied one after
    the other, the first to what is read, and give ``made``, which holds the box that was asked for. ``spread`` names
    the inputs, and the axes of each, that the operator reads from end to end whatever the box; ``near`` is what it
    reads of the first input at its own place, None where it reads it for these axes alone.
    """

    reads: tuple[Box | None, ...]
    steps: tuple[Operator, ...]
    made: Box
    spread: tuple[tuple[int, int], ...] = ()
    near: Box | None = None


class UncroppableError(Exception):
    """An operator cannot be cropped; the text says why, the node is named where it is known."""


def trim(made: Box, box: Box) -> tuple[Operator, ...]:
    """What cuts ``box`` out of a tensor that holds ``made``: a slice, a gather along an axis of runs, or nothing.

    >>> trim(Box("0:1,4:9"), Box("0:1,5:7"))
    (Slice(axes=(1,), starts=(1,), counts=(2,), steps=(1,)),)
    """
    if made == box:
        return ()
    pairs = [(axis, a, b) for axis, (a, b) in enumerate(zip(made, box, strict=True)) if a != b]
    plain = [(axis, a, b) for axis, a, b in pairs if not isinstance(a, Runs) and not isinstance(b, Runs)]
    steps: list[Operator] = []
    if plain:
        axes, starts, counts = zip(*((axis, b.start - a.start, b.size) for axis, a, b in plain), strict=True)
        steps.append(Slice(axes, starts, counts, (1,) * len(plain)))
    for axis, a, b in pairs:
        if isinstance(a, Runs) or isinstance(b, Runs):
            steps.append(Gather(axis, Places.of(np.searchsorted(places(a), places(b)))))
    return tuple(steps)


def put(box: Box, axis: int, side: Interval) -> Box:
    """The box with another interval along one axis."""
    return Box([*box[:axis], side, *box[axis + 1 :]])


def filled(box: Box) -> Box:
    """All that lies between the ends of a box's sides."""
    return Box(map(solid, box))


def some(side: Interval) -> Interval:
    """An interval, or the first pixel where it is empty: no tensor of a crop is without elements."""
    return side if not side.empty else Interval(0, 1)
