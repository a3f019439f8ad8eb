"""Operators that mix elements: arithmetic, reductions, normalisation, recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from striate.errors import InputError
from striate.geometry import Groups, Prefix, Whole, expand_map, pad_map
from striate.network.operators.arrange import fitting
from striate.network.operators.base import Operator, Output, Result, one, through
from striate.network.operators.function import UNKNOWN, Function
from striate.network.operators.kinds import Axes, Axis, Integer, Positive, Size, Sizes
from striate.network.operators.values import Mask
from striate.network.relation import (
    IDENTITY,
    NOTHING,
    Along,
    Insert,
    Relation,
    Shape,
    Split,
    Step,
    broadcast,
    drop,
    everything,
    masked,
    mix,
    permute,
    reduce,
)

MOST_MACS = 1 << 126


@dataclass(frozen=True, slots=True)
class Elementwise(Operator):
    """Arithmetic and activations, with broadcasting; a batch normalisation in inference counts here."""

    word = "elementwise"
    parameters: Size = 0
    """How many trailing inputs are per-channel values, not data."""
    keep: tuple[Mask | None, ...] = ()
    """For each other input where a constant lets it through, of the output's rank; None, or none given: everywhere."""
    function: Function = UNKNOWN
    """Which function of the elements."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Every element from those at its place."""
        self.first(shapes)
        kept = len(shapes) - self.parameters
        keeps = self.keep or (None,) * kept
        if kept < 1 or len(keeps) != kept:
            raise InputError(
                f"elementwise: {len(shapes)} inputs do not fit {self.parameters} parameters and {len(self.keep)} masks"
            )
        shape = broadcast_shape(shapes[:kept])
        reads = [(broadcast(s, shape) + _masked(shape, keep),) for s, keep in zip(shapes[:kept], keeps, strict=True)]
        return one(shape, *reads, *[NOTHING] * (len(shapes) - kept))


def _masked(shape: Shape, keep: Mask | None) -> Relation:
    return IDENTITY if keep is None else masked(fitting("keep", keep, shape), keep.array)


def broadcast_shape(shapes: tuple[Shape, ...]) -> Shape:
    """NumPy's common shape."""
    rank = max(map(len, shapes), default=0)
    columns = zip(*((1,) * (rank - len(s)) + s for s in shapes), strict=True)
    found = []
    for column in columns:
        sizes = {n for n in column if n != 1}
        if len(sizes) > 1:
            raise InputError(f"shapes {', '.join(map(str, shapes))} do not broadcast together")
        found.append(sizes.pop() if sizes else 1)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Constant(Operator):
    """A value that depends on no input's elements (a shape, a range, zeros)."""

    word = "constant"
    shape: Sizes
    """The shape of the value."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Nothing is read."""
        return one(self.shape, *[NOTHING] * len(shapes))


@dataclass(frozen=True, slots=True)
class Reduce(Operator):
    """Mean, sum, max, norm, arg-max over axes."""

    word = "reduce"
    axes: Axes
    """The axes that are reduced."""
    keepdims: bool = True
    """Whether they stay, with size 1."""
    outputs: Positive = 1
    """2 where the indices of the extremes come out too."""
    function: Function = UNKNOWN
    """Which statistic: mean, sum, max, norm."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Everything along the axes."""
        result = through(reduce(self.first(shapes, *self.axes), self.axes, self.keepdims), shapes)
        return Result(result.outputs * self.outputs)


@dataclass(frozen=True, slots=True)
class Mix(Operator):
    """Softmax, layer, group, instance and local response normalisation, sort: an element and all along axes.

    Further inputs are parameters.
    """

    word = "mix"
    axes: Axes
    """The axes along which all elements count."""
    groups: Positive | None = None
    """Groups of channels of axis 1 that are normalised together; None: axis 1 counts where it stands in ``axes``."""
    statistics: tuple[Sizes, ...] = ()
    """The shapes of further outputs."""
    keep: Mask | None = None
    """False where an element weighs nothing and comes out as a constant; of the input's rank; None: nowhere."""
    function: Function = UNKNOWN
    """Which normalisation: softmax, layer_norm, group_norm."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Every element from itself, and from all that it is measured by."""
        x, groups = self.first(shapes, *self.axes), self.groups
        spread: Relation = mix(x, self.axes)
        if groups is not None:
            if len(x) < 2 or x[1] % groups:
                raise InputError(f"mix: an input of shape {x} has no axis 1 that divides by {groups} groups")
            spread = (Along(1, Groups(x[1], x[1], groups)), *spread)
        only = _masked(x, self.keep)
        outputs = [Output(x, ((only, only + spread + only), *((everything(s, x),) for s in shapes[1:])))]
        outputs += [Output(t, tuple((everything(s, t),) for s in shapes)) for t in self.statistics]
        return Result(tuple(outputs))


@dataclass(frozen=True, slots=True)
class Transform(Operator):
    """Every element along some axes from all of them (Fourier transform, top-k)."""

    word = "transform"
    axes: Axes
    """The axes that are transformed."""
    sizes: Sizes
    """The size of each after."""
    outputs: Positive = 1
    """2 where indices come out too."""
    function: Function = UNKNOWN
    """Which transform: dft, top_k."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Everything along the axes."""
        x = self.first(shapes, *self.axes)
        if len(self.axes) != len(self.sizes):
            raise InputError(f"transform: {len(self.axes)} axes need as many sizes, got {len(self.sizes)}")
        steps = (Along(axis, Whole(x[axis], size)) for axis, size in zip(self.axes, self.sizes, strict=True))
        return Result(through(tuple(steps), shapes).outputs * self.outputs)


@dataclass(frozen=True, slots=True)
class Stft(Operator):
    """Spectra of frames: (batch, signal[, parts]) to (batch, frames, bins, 2). Further inputs are parameters."""

    word = "stft"
    length: Positive
    """Elements of a frame."""
    step: Positive
    """Elements between the starts of neighbouring frames."""
    bins: Positive
    """Frequencies that come out."""
    keep: Mask | None = None
    """Over a frame, False where the window is zero; None: nowhere."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Everything in a frame."""
        x, length = self.first(shapes, 1), self.length
        if len(x) > 3 or length > x[1]:
            raise InputError(f"stft: frames of {length} need an input of shape (batch, signal) or with parts, got {x}")
        frames = (x[1] - length) // self.step + 1
        parts = x[2] if len(x) > 2 else 1
        steps: list[Step] = [] if len(x) > 2 else [Insert(2)]
        steps.append(Split(1, frames, length, self.step))
        if self.keep is not None:
            steps += masked((x[0], frames, length, parts), self.keep.array.reshape(1, 1, -1, 1))
        steps += [Along(2, Whole(length, self.bins)), Along(3, Whole(parts, 2))]
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class Scan(Operator):
    """Cumulative sums along an axis."""

    word = "scan"
    axis: Axis
    """The axis."""
    reverse: bool = False
    """Whether the sums run from the end."""
    exclusive: bool = False
    """Whether an element is left out of its own sum."""
    function: Function = UNKNOWN
    """What is accumulated: cumsum, cumprod."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Everything before an element."""
        n, reverse = self.first(shapes, self.axis)[self.axis], self.reverse
        moved = pad_map(n, -1, 1) if reverse else pad_map(n, 1, -1)
        steps: list[Step] = [Along(self.axis, moved)] if self.exclusive else []
        return through((*steps, Along(self.axis, Prefix(n, reverse))), shapes)


@dataclass(frozen=True, slots=True)
class Recurrent(Operator):
    """RNN, GRU and LSTM: features mix, time is scanned."""

    word = "rnn"
    time: Axis
    """The axis of the first input that is time."""
    batch: Axis | None
    """The axis of the first input that is the batch; None where there is none."""
    shapes: tuple[Sizes, ...]
    """The shape of each output."""
    axes: tuple[tuple[Axis | None, Axis | None], ...]
    """For each output the axes of time (None where only the last state comes out) and batch."""
    both_ways: bool = False
    """Whether time is scanned from both ends."""
    reverse: bool = False
    """Whether it is scanned from the end."""
    macs: Annotated[int, Integer(0, MOST_MACS)] = 0
    """Multiply-accumulates in all."""
    function: Function = UNKNOWN
    """Which cell: rnn, gru, lstm."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each state from all inputs before it."""
        x = self.first(shapes, self.time, self.batch or 0)
        if len(self.shapes) != len(self.axes):
            raise InputError(f"rnn: {len(self.shapes)} outputs need as many pairs of axes, got {len(self.axes)}")
        outputs = []
        for shape, (time, batch) in zip(self.shapes, self.axes, strict=True):
            read = self._read(x, shape, time, batch)
            rest = tuple((everything(s, shape),) for s in shapes[1:])
            outputs.append(Output(shape, ((read,), *rest)))
        return Result(tuple(outputs), self.macs)

    def _read(self, x: Shape, shape: Shape, time: int | None, batch: int | None) -> Relation:
        """How an output reads the first input."""
        n, whole = x[self.time], Whole(x[self.time], 1 if time is None else x[self.time])
        scanned = time is not None and not self.both_ways
        features = next(axis for axis in range(len(x)) if axis not in (self.time, self.batch))
        steps: list[Step] = [Along(features, Whole(x[features]))]
        steps.append(Along(self.time, Prefix(n, self.reverse) if scanned else whole))
        places = {self.time: time, self.batch: batch}
        kept = {axis: place for axis, place in places.items() if axis is not None and place is not None}
        steps += drop(tuple(axis for axis in range(len(x)) if axis not in kept))
        steps += permute(tuple(sorted(range(len(kept)), key=[kept[axis] for axis in sorted(kept)].__getitem__)))
        for place, size in enumerate(shape):
            if place not in kept.values():
                steps += [Insert(place), Along(place, expand_map(size))]
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class Everything(Operator):
    """Every output element reads every element of every input."""

    word = "whole"
    shapes: tuple[Sizes, ...]
    """The shape of each output."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """All of it."""
        return Result(tuple(Output(shape, tuple((everything(x, shape),) for x in shapes)) for shape in self.shapes))
