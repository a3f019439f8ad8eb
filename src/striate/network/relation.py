"""Relations: which elements of an input tensor each element of an output tensor reads.

A relation is a chain of steps from the input's shape to the output's, each touching one axis or
only renaming axes. A node reads an input through several relations at once where it has several
paths to it (a normalisation reads its element, and all elements for the statistics).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce as fold
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import AxisMap, Whole, expand_map, gather_map, mask_map, part_map

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Along:
    """One axis read through an axis map; the others as they are."""

    axis: int
    map: AxisMap

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        if before[self.axis] != self.map.in_size:
            raise InputError(
                f"axis {self.axis} of shape {before} has {before[self.axis]} elements, "
                f"the map reads {self.map.in_size}"
            )
        return (*before[: self.axis], self.map.out_size, *before[self.axis + 1 :])


@dataclass(frozen=True, slots=True)
class Permute:
    """Output axis ``k`` is input axis ``order[k]``."""

    order: tuple[int, ...]

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        return tuple(before[axis] for axis in self.order)


@dataclass(frozen=True, slots=True)
class Split:
    """One axis becomes two: output ``(a, b)`` reads input ``a*stride + b*dilation + offset``.

    A reshape is the case ``stride == inner, dilation == 1, offset == 0``; an unfold (im2col) the
    general one, with zeros outside the axis.
    """

    axis: int
    outer: int
    inner: int
    stride: int
    dilation: int = 1
    offset: int = 0

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        return (*before[: self.axis], self.outer, self.inner, *before[self.axis + 1 :])


@dataclass(frozen=True, slots=True)
class Merge:
    """Axes ``axis`` and ``axis + 1`` become one, row-major."""

    axis: int

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        return (*before[: self.axis], before[self.axis] * before[self.axis + 1], *before[self.axis + 2 :])


@dataclass(frozen=True, slots=True)
class Insert:
    """A new axis of size 1 before position ``axis``."""

    axis: int

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        return (*before[: self.axis], 1, *before[self.axis :])


@dataclass(frozen=True, slots=True)
class Drop:
    """An axis of size 1 disappears."""

    axis: int

    def shape(self, before: Shape) -> Shape:
        """The shape after the step."""
        if before[self.axis] != 1:
            raise InputError(f"axis {self.axis} of shape {before} is not of size 1")
        return (*before[: self.axis], *before[self.axis + 1 :])


Step = Along | Permute | Split | Merge | Insert | Drop
Relation = tuple[Step, ...]
Reads = tuple[Relation, ...]

IDENTITY: Relation = ()
ELEMENTWISE: Reads = (IDENTITY,)
NOTHING: Reads = ()


def shape_after(relation: Relation, shape: Shape) -> Shape:
    """The output shape a relation leads to.

    >>> shape_after((Merge(1),), (2, 3, 4))
    (2, 12)
    """
    for step in relation:
        shape = step.shape(shape)
    return shape


def broadcast(before: Shape, after: Shape) -> Relation:
    """NumPy's broadcasting of one shape to a larger one."""
    steps: list[Step] = [Insert(0)] * (len(after) - len(before))
    padded = (1,) * (len(after) - len(before)) + before
    for axis, (n, m) in enumerate(zip(padded, after, strict=True)):
        if n != m:
            if n != 1:
                raise InputError(f"shape {before} does not broadcast to {after}")
            steps.append(Along(axis, expand_map(m)))
    return tuple(steps)


def reshape(before: Shape, after: Shape) -> Relation:
    """A row-major reshape, as merges and splits that keep every axis that can be kept.

    >>> reshape((1, 8, 5), (2, 4, 5))
    (Drop(axis=0), Split(axis=0, outer=2, inner=4, stride=4, dilation=1, offset=0))
    """
    if prod(before) != prod(after):
        raise InputError(f"cannot reshape {before} to {after}: {prod(before)} and {prod(after)} elements")
    if prod(before) == 0 and before != after:
        raise InputError(f"cannot reshape {before} to {after}: there are no elements to follow")
    steps: list[Step] = []
    at, i, j = 0, 0, 0
    while i < len(before) or j < len(after):
        if i < len(before) and j < len(after) and before[i] == after[j]:
            at, i, j = at + 1, i + 1, j + 1
        elif i < len(before) and before[i] == 1:
            steps.append(Drop(at))
            i += 1
        elif j < len(after) and after[j] == 1:
            steps.append(Insert(at))
            at, j = at + 1, j + 1
        else:
            i_stop, j_stop = _matching_block(before, after, i, j)
            steps += [Merge(at)] * (i_stop - i - 1)
            for k in range(j, j_stop - 1):
                inner = prod(after[k + 1 : j_stop])
                steps.append(Split(at, after[k], inner, inner))
                at += 1
            at, i, j = at + 1, i_stop, j_stop
    return tuple(steps)


def _matching_block(before: Shape, after: Shape, i: int, j: int) -> tuple[int, int]:
    """The ends of the shortest runs of axes from ``i`` and ``j`` with equal element counts."""
    left, right = before[i], after[j]
    i, j = i + 1, j + 1
    while left != right:
        if left < right:
            left, i = left * before[i], i + 1
        else:
            right, j = right * after[j], j + 1
    return i, j


def reduce(shape: Shape, axes: tuple[int, ...], keepdims: bool = True) -> Relation:
    """All elements along ``axes``."""
    steps: list[Step] = [Along(axis, Whole(shape[axis])) for axis in axes]
    return tuple(steps) if keepdims else (*steps, *drop(axes))


def mix(shape: Shape, axes: tuple[int, ...]) -> Relation:
    """Every element along ``axes`` reads every other one (softmax, statistics)."""
    return tuple(Along(axis, Whole(shape[axis], shape[axis])) for axis in axes)


def drop(axes: tuple[int, ...]) -> Relation:
    """Axes of size 1 disappear."""
    return tuple(Drop(axis) for axis in sorted(axes, reverse=True))


def select(shape: Shape, axis: int, index: int) -> Relation:
    """One index of an axis, the axis dropped."""
    return (Along(axis, gather_map(shape[axis], (index,))), Drop(axis))


def part(shape: Shape, axis: int, offset: int, total: int) -> Relation:
    """The place of one input in a concatenation."""
    return (Along(axis, part_map(shape[axis], offset, total)),) if shape[axis] != total else IDENTITY


def permute(order: tuple[int, ...]) -> Relation:
    """Axes in another order."""
    return IDENTITY if order == tuple(range(len(order))) else (Permute(order),)


def masked(shape: Shape, keep: NDArray[np.bool_]) -> Relation:
    """Every element read where ``keep`` (of the same rank, broadcast to ``shape``) is true, nothing elsewhere.

    >>> masked((2, 3), np.array([[True, False, True]]))[0].map.reads(1)
    ()
    """
    if keep.all():
        return IDENTITY
    axes = tuple(axis for axis, n in enumerate(keep.shape) if n != 1)
    if not axes:
        return (Along(0, mask_map((False,) * shape[0])),)
    lines = factors(keep)
    if lines is not None:
        return tuple(Along(axis, mask_map(tuple(lines[axis].tolist()))) for axis in axes)
    kept = np.broadcast_to(keep, [shape[axis] if axis in axes else 1 for axis in range(len(shape))])
    along = Along(0 if len(axes) > 1 else axes[0], mask_map(tuple(kept.ravel().tolist())))
    if len(axes) == 1:
        return (along,)
    front = (*axes, *(axis for axis in range(len(shape)) if axis not in axes))
    back = tuple(front.index(axis) for axis in range(len(shape)))
    splits = []
    for position, axis in enumerate(axes[:-1]):
        inner = prod(shape[k] for k in axes[position + 1 :])
        splits.append(Split(position, shape[axis], inner, inner))
    return (*permute(front), *[Merge(0)] * (len(axes) - 1), along, *splits, *permute(back))


def factors(keep: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...] | None:
    """One line of booleans per axis whose product a mask is; None where it is none.

    >>> factors(np.array([[False, True], [False, False]]))
    (array([ True, False]), array([False,  True]))
    """
    axes = range(keep.ndim)
    wide = [keep.any(axis=tuple(other for other in axes if other != axis), keepdims=True) for axis in axes]
    product = fold(np.logical_and, wide)
    lines = tuple(line.reshape(-1) for line in wide)
    return lines if keep.any() and bool((keep == product).all()) else None


def everything(before: Shape, after: Shape, kept: int = 0) -> Relation:
    """Every output element reads every input element; the first ``kept`` axes are read one to one."""
    steps: list[Step] = [Along(axis, Whole(before[axis])) for axis in range(kept, len(before))]
    steps += [Drop(axis) for axis in reversed(range(kept, len(before)))]
    for axis in range(kept, len(after)):
        steps += [Insert(axis), Along(axis, expand_map(after[axis]))]
    return tuple(steps)
