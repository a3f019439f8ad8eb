"""How one operator is cropped: what it reads of each input, and the operators that then make a box of its output."""

from __future__ import annotations

from dataclasses import dataclass

from striate.geometry import Box, Interval
from striate.network.operators import Operator, Slice


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
    """The slice that cuts ``box`` out of a tensor that holds ``made``; none where they are the same.

    >>> trim(Box("0:1,4:9"), Box("0:1,5:7"))
    (Slice(axes=(1,), starts=(1,), counts=(2,), steps=(1,)),)
    """
    if made == box:
        return ()
    axes = tuple(axis for axis, (a, b) in enumerate(zip(made, box, strict=True)) if a != b)
    starts = tuple(box[axis].start - made[axis].start for axis in axes)
    return (Slice(axes, starts, tuple(box[axis].size for axis in axes), (1,) * len(axes)),)


def put(box: Box, axis: int, side: Interval) -> Box:
    """The box with another interval along one axis."""
    return Box([*box[:axis], side, *box[axis + 1 :]])


def some(side: Interval) -> Interval:
    """An interval, or the first pixel where it is empty: no tensor of a crop is without elements."""
    return side if not side.empty else Interval(0, 1)
