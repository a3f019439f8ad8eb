"""Operators that regroup pixels: between space and depth, windows unfolded, folded and slid."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import prod

from striate.errors import InputError
from striate.geometry import Window, gather_map, transposed_map
from striate.network.operators.base import Operator, Output, Result, through
from striate.network.operators.kinds import Axis, Positive, Sizes, Tap
from striate.network.operators.spatial import Windowed
from striate.network.relation import Along, Drop, Merge, Permute, Shape, Split, Step, reshape


@dataclass(frozen=True, slots=True)
class DepthToSpace(Operator):
    """Pixel shuffle of (N, C*b*b, H, W), any number of spatial axes."""

    word = "depth_to_space"
    block: Tap
    """Pixels along each axis that a pixel's channels become."""
    column_major: bool = False
    """Whether the place in a block stands before the channel (ONNX DCR), not after."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Channels as blocks of pixels."""
        x, block = self.first(shapes, 2), self.block
        rank = len(x) - 2
        if x[1] % block**rank:
            power = "squared" if rank == 2 else f"to the power {rank}"
            raise InputError(f"{self.word}: {x[1]} channels do not divide by block {block} {power} = {block**rank}")
        channels = x[1] // block**rank
        sizes = (block,) * rank + (channels,) if self.column_major else (channels,) + (block,) * rank
        steps: list[Step] = []
        for k in range(rank):
            inner = prod(sizes[k + 1 :])
            steps.append(Split(1 + k, sizes[k], inner, inner))
        channel, offsets = (1 + rank, 1) if self.column_major else (1, 2)
        pairs = [axis for k in range(rank) for axis in (2 + rank + k, offsets + k)]
        steps.append(Permute((0, channel, *pairs)))
        steps += [Merge(2 + k) for k in range(rank)]
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class SpaceToDepth(Operator):
    """The inverse of pixel shuffle on (N, C, *spatial)."""

    word = "space_to_depth"
    block: Tap
    """Pixels along each axis that become channels."""
    column_major: bool = False
    """Whether the place in a block stands before the channel, not after."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Blocks of pixels as channels."""
        x, block = self.first(shapes, 2), self.block
        rank = len(x) - 2
        for axis in range(2, len(x)):
            if x[axis] % block:
                raise InputError(f"{self.word}: axis {axis} of shape {x} does not divide by block {block}")
        steps: list[Step] = [Split(2 + 2 * k, x[2 + k] // block, block, block) for k in range(rank)]
        blocks, offsets = [2 + 2 * k for k in range(rank)], [3 + 2 * k for k in range(rank)]
        channels = (*offsets, 1) if self.column_major else (1, *offsets)
        steps.append(Permute((0, *channels, *blocks)))
        steps += [Merge(1)] * rank
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class Unfold(Windowed):
    """im2col: (N, C, *spatial) to (N, C*taps, positions)."""

    word = "unfold"

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Windows as columns."""
        x = self.image(shapes)
        rank = len(x) - 2
        steps: list[Step] = []
        for k, window in enumerate(self.windows()):
            count = window.output_size(x[2 + k])
            steps.append(Split(2 + 2 * k, count, window.size, window.stride, window.dilation, -window.pad_before))
        taps, positions = [3 + 2 * k for k in range(rank)], [2 + 2 * k for k in range(rank)]
        steps.append(Permute((0, 1, *taps, *positions)))
        steps += [Merge(1)] * rank + [Merge(2)] * (rank - 1)
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class Fold(Windowed):
    """col2im: (N, C*taps, positions) added back to (N, C, *size)."""

    word = "fold"
    size: Sizes = field(kw_only=True)
    """The spatial axes after."""

    def settle(self) -> None:
        """One size for each axis of the kernel."""
        Windowed.settle(self)
        if len(self.size) != len(self.kernel):
            raise InputError(f"fold: size {self.size} must have one entry for each axis of kernel {self.kernel}")

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Columns added up where windows overlap."""
        x, rank = self.first(shapes, 2), len(self.size)
        if x[1] % prod(self.kernel):
            taps = prod(self.kernel)
            raise InputError(f"fold: {x[1]} channels do not divide by the {taps} taps of kernel {self.kernel}")
        windows = self.windows()
        counts = tuple(w.output_size(n) for w, n in zip(windows, self.size, strict=True))
        after = (x[0], x[1] // prod(self.kernel), *self.size)
        open_axes = reshape(x, (*after[:2], *self.kernel, *counts))
        reads = []
        for tap in product(*map(range, self.kernel)):
            steps: list[Step] = list(open_axes)
            for index, size in zip(tap, self.kernel, strict=True):
                steps += [Along(2, gather_map(size, (index,))), Drop(2)]
            rows = zip(tap, windows, counts, self.size, strict=True)
            for axis, (index, window, count, n) in enumerate(rows, start=2):
                placed = Window(1, window.stride, 1, window.pad_before - index * window.dilation)
                extra = n - (count - 1) * window.stride - 1 + placed.pad_before
                steps.append(Along(axis, transposed_map(placed, count, extra)))
            reads.append(tuple(steps))
        return Result((Output(after[: 2 + rank], (tuple(reads),)),))


@dataclass(frozen=True, slots=True)
class Sliding(Operator):
    """``torch.Tensor.unfold``: windows of an axis as a new last axis."""

    word = "sliding"
    axis: Axis
    """The axis along which windows slide."""
    size: Positive
    """Elements of a window."""
    step: Positive
    """Elements between the starts of neighbouring windows."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Windows, one beside the other."""
        x, axis = self.first(shapes, self.axis), self.axis
        count = Window(self.size, self.step).output_size(x[axis])
        order = (*range(axis + 1), *range(axis + 2, len(x) + 1), axis + 1)
        return through((Split(axis, count, self.size, self.step), Permute(order)), shapes)
