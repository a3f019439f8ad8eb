"""Operators that move elements without mixing them: reshape, transpose, slice, concat, gather, tile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from striate.errors import InputError
from striate.geometry import Border, TapMap, expand_map, gather_map, slice_map
from striate.network.operators.base import Operator, Output, Result, one, through
from striate.network.operators.function import UNKNOWN, Function
from striate.network.operators.kinds import Axes, Axis, Positive, Sizes, Tap
from striate.network.operators.values import Mask, Places
from striate.network.relation import (
    ELEMENTWISE,
    NOTHING,
    Along,
    Merge,
    Permute,
    Shape,
    Step,
    broadcast,
    everything,
    masked,
    part,
    permute,
    reshape,
    select,
)
from striate.network.relation import Split as SplitAxis


@dataclass(frozen=True, slots=True)
class Reshape(Operator):
    """A row-major reshape (flatten, squeeze, view)."""

    word = "reshape"
    shape: Sizes
    """The shape after; as many elements as before."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The same elements in the same order."""
        return through(reshape(self.first(shapes), self.shape), shapes)


@dataclass(frozen=True, slots=True)
class Transpose(Operator):
    """Axes in another order."""

    word = "transpose"
    order: Axes
    """For each axis after, the axis before."""

    def settle(self) -> None:
        """Every axis stands in the order once."""
        if sorted(self.order) != list(range(len(self.order))):
            raise InputError(f"transpose: order {self.order} must hold each of 0 to {len(self.order) - 1} once")

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The same elements along other axes."""
        if len(self.order) != len(self.first(shapes)):
            raise InputError(f"transpose: order {self.order} is not one of the axes of {shapes[0]}")
        return through(permute(self.order), shapes)


@dataclass(frozen=True, slots=True)
class Expand(Operator):
    """Broadcasting to a shape."""

    word = "expand"
    shape: Sizes
    """The shape after."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Every element of an axis of size 1 again and again."""
        return through(broadcast(self.first(shapes), self.shape), shapes)


@dataclass(frozen=True, slots=True)
class Slice(Operator):
    """``x[start::step]`` along some axes."""

    word = "slice"
    axes: Axes
    """The axes that are cut."""
    starts: tuple[int, ...]
    """For each of them the first index that is kept."""
    counts: Sizes
    """For each of them how many are kept."""
    steps: tuple[int, ...]
    """For each of them the distance of neighbours; a negative one flips."""

    def settle(self) -> None:
        """One start, count and step for each axis."""
        _alike("slice", axes=self.axes, starts=self.starts, counts=self.counts, steps=self.steps)

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Some of the elements."""
        x = self.first(shapes, *self.axes)
        steps = tuple(
            Along(axis, slice_map(x[axis], start, count, step))
            for axis, start, count, step in zip(self.axes, self.starts, self.counts, self.steps, strict=True)
            if (start, count, step) != (0, x[axis], 1)
        )
        return through(steps, shapes)


def _alike(word: str, **columns: tuple[object, ...]) -> None:
    if len({len(column) for column in columns.values()}) > 1:
        found = ", ".join(f"{len(column)} {name}" for name, column in columns.items())
        raise InputError(f"{word}: as many of each are needed, got {found}")


@dataclass(frozen=True, slots=True)
class Select(Operator):
    """One index of an axis, the axis dropped."""

    word = "select"
    axis: Axis
    """The axis."""
    index: int
    """Which of its elements; a negative one counts from the end."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements at one place of the axis."""
        return through(select(self.first(shapes, self.axis), self.axis, self.index), shapes)


@dataclass(frozen=True, slots=True)
class Gather(Operator):
    """Fixed indices along an axis."""

    word = "gather"
    axis: Axis
    """The axis that is indexed."""
    indices: Places
    """The indices; the axis becomes their axes."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements at the indices."""
        x, axis, row = self.first(shapes, self.axis), self.axis, self.indices.row
        relation: tuple[Step, ...] = (Along(axis, gather_map(x[axis], row)),)
        flat = (*x[:axis], len(row), *x[axis + 1 :])
        after = (*x[:axis], *self.indices.shape, *x[axis + 1 :])
        return through(relation + reshape(flat, after), shapes)


@dataclass(frozen=True, slots=True)
class Concat(Operator):
    """Inputs one after the other along an axis."""

    word = "concat"
    axis: Axis
    """The axis along which they are joined."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each input at its place."""
        x, axis = self.first(shapes, self.axis), self.axis
        if any(len(s) != len(x) or s[:axis] + s[axis + 1 :] != x[:axis] + x[axis + 1 :] for s in shapes):
            found = ", ".join(map(str, shapes))
            raise InputError(f"concat: inputs must be alike on every axis but {axis}, got shapes {found}")
        offsets = list(accumulate((s[axis] for s in shapes), initial=0))
        total = offsets.pop()
        shape = (*x[:axis], total, *x[axis + 1 :])
        return one(shape, *((part(s, axis, at, total),) for s, at in zip(shapes, offsets, strict=True)))


@dataclass(frozen=True, slots=True)
class Split(Operator):
    """Consecutive parts of an axis, one output each."""

    word = "split"
    axis: Axis
    """The axis that is cut."""
    sizes: Sizes
    """The size of each part."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each part as an output."""
        x, axis, outputs = self.first(shapes, self.axis), self.axis, []
        if sum(self.sizes) != x[axis]:
            raise InputError(f"split: sizes {self.sizes} add up to {sum(self.sizes)}, axis {axis} of {x} has {x[axis]}")
        for start, size in zip(accumulate(self.sizes, initial=0), self.sizes, strict=False):
            relation = (Along(axis, slice_map(x[axis], start, size)),)
            shape = (*x[:axis], size, *x[axis + 1 :])
            outputs.append(Output(shape, ((relation,), *[NOTHING] * (len(shapes) - 1))))
        return Result(tuple(outputs))


@dataclass(frozen=True, slots=True)
class Unbind(Operator):
    """Every index of an axis as an output of its own, the axis dropped."""

    word = "unbind"
    axis: Axis
    """The axis that goes."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each index as an output."""
        x, axis = self.first(shapes, self.axis), self.axis
        shape = (*x[:axis], *x[axis + 1 :])
        return Result(tuple(Output(shape, ((select(x, axis, k),),)) for k in range(x[axis])))


@dataclass(frozen=True, slots=True)
class Scatter(Operator):
    """The first input with some elements overwritten or added to; where the further inputs land is not followed."""

    word = "scatter"
    function: Function = UNKNOWN
    """How a new element meets an old one: empty where it replaces it."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Every element may be its own or any of the further inputs'."""
        x = self.first(shapes)
        return one(x, ELEMENTWISE, *((everything(s, x),) for s in shapes[1:]))


@dataclass(frozen=True, slots=True)
class Masked(Operator):
    """Elements kept where a constant says so, and constant elsewhere."""

    word = "mask"
    keep: Mask
    """Where an element is kept; of the input's rank, broadcast to it."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements that are kept."""
        return through(masked(fitting("mask: keep", self.keep, self.first(shapes)), self.keep.array), shapes)


def fitting(name: str, keep: Mask, shape: Shape) -> Shape:
    """The shape; InputError where a mask does not broadcast to it or has another rank."""
    if len(keep.shape) != len(shape) or any(n not in (1, m) for n, m in zip(keep.shape, shape, strict=True)):
        raise InputError(f"{name} of shape {keep.shape} must have the axes of {shape}, each of that size or 1")
    return shape


@dataclass(frozen=True, slots=True)
class Tile(Operator):
    """The tensor repeated along each axis."""

    word = "tile"
    repeats: Sizes
    """How often along each axis; leading axes may be new."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements again and again."""
        x, repeats = self.first(shapes), self.repeats
        if len(repeats) < len(x):
            raise InputError(f"tile: repeats {repeats} must name each of the {len(x)} axes of {x}")
        wide = (1,) * (len(repeats) - len(x)) + x
        steps: list[Step] = list(reshape(x, wide))
        for axis, (n, r) in enumerate(zip(wide, repeats, strict=True)):
            if r != 1:
                whole = expand_map(r) if n == 1 else TapMap(n, n * r, 1, ((0,),), Border.CIRCULAR)
                steps.append(Along(axis, whole))
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class RepeatInterleave(Operator):
    """Every element some times in a row."""

    word = "repeat_interleave"
    axis: Axis
    """The axis that grows."""
    repeats: Tap
    """How often each element comes."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Rows of equal elements."""
        n, r = self.first(shapes, self.axis)[self.axis], self.repeats
        return through((Along(self.axis, TapMap(n, n * r, 1, ((0,),) * r)),), shapes)


@dataclass(frozen=True, slots=True)
class Roll(Operator):
    """A circular shift."""

    word = "roll"
    axes: Axes
    """The axes that are shifted."""
    shifts: tuple[int, ...]
    """For each of them how far; a positive shift moves towards higher indices."""

    def settle(self) -> None:
        """One shift for each axis."""
        _alike("roll", axes=self.axes, shifts=self.shifts)

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements at other places."""
        x = self.first(shapes, *self.axes)
        steps = tuple(
            Along(axis, TapMap(x[axis], x[axis], 1, ((-shift,),), Border.CIRCULAR))
            for axis, shift in zip(self.axes, self.shifts, strict=True)
            if shift % x[axis]
        )
        return through(steps, shapes)


@dataclass(frozen=True, slots=True)
class ChannelShuffle(Operator):
    """Channels of axis 1 dealt out over groups."""

    word = "channel_shuffle"
    groups: Positive
    """Among how many groups of neighbours the channels are dealt out."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The channels in another order."""
        x, groups = self.first(shapes, 1), self.groups
        if x[1] % groups:
            raise InputError(f"channel_shuffle: {x[1]} channels do not divide by {groups} groups")
        inner = x[1] // groups
        order = (0, 2, 1, *range(3, len(x) + 1))
        return through((SplitAxis(1, groups, inner, inner), Permute(order), Merge(1)), shapes)
