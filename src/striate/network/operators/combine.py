"""Operators that mix elements: arithmetic, reductions, normalisation, products, recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import AxisMap, Groups, Prefix, TapMap, Whole, expand_map, pad_map
from striate.network.operators.arrange import fitting
from striate.network.operators.base import Operator, Output, Result, one, through, weighted
from striate.network.operators.function import UNKNOWN, Function
from striate.network.operators.kinds import Axes, Axis, Integer, Positive, Size, Sizes
from striate.network.operators.values import Mask
from striate.network.relation import (
    IDENTITY,
    NOTHING,
    Along,
    Drop,
    Insert,
    Permute,
    Reads,
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
    shape_after,
)

Bools = NDArray[np.bool_]
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
class MatMul(Operator):
    """NumPy's matrix product; a second input that holds weights is read like data and depends on nothing."""

    word = "matmul"
    left: Mask | None = None
    """False where the first operand is zero: what the second has there is not read; of two axes or more."""
    right: Mask | None = None
    """The same of the second operand."""
    dead: bool = False
    """Whether the zeros of the first operand, of its last two axes alone, are not read either."""
    alpha: float = 1.0
    """The factor of the product."""
    beta: float = 1.0
    """The factor of a bias among the node's weights."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Rows with columns."""
        x, y = _pair(self.word, shapes)
        left, right = (x if len(x) > 1 else (1, *x)), (y if len(y) > 1 else (*y, 1))
        if left[-1] != right[-2]:
            raise InputError(f"matmul: rows of {left[-1]} and columns of {right[-2]} do not fit (shapes {x} and {y})")
        batch = broadcast_shape((left[:-2], right[:-2])) if len(left) + len(right) > 4 else ()
        full = (*batch, left[-2], right[-1])
        read_left: list[Step] = []
        if self.dead and self.left is not None:
            read_left += masked(x, _of_rank(self.left.array, len(x)))
        read_left += [Insert(0)] * (len(full) - len(x))
        read_left += [s for s in broadcast((*left[:-1], 1), (*batch, left[-2], 1)) if isinstance(s, Along)]
        kept = None if self.right is None else np.moveaxis(_of_rank(self.right.array, len(full)), -1, -2)
        read_left += _summed((*batch, left[-2], left[-1]), len(full) - 1, right[-1], kept)
        read_right: list[Step] = [Insert(1)] if len(y) == 1 else []
        read_right += [Insert(0)] * (len(full) - len(right))
        read_right += [s for s in broadcast((*right[:-2], 1, 1), (*batch, 1, 1)) if isinstance(s, Along)]
        kept = None if self.left is None else _of_rank(self.left.array, len(full))
        read_right += _summed((*batch, right[-2], right[-1]), len(full) - 2, left[-2], kept)
        dropped = tuple(
            axis for axis, gone in ((len(full) - 2, len(x) == 1), (len(full) - 1, len(y) == 1)) if gone
        )
        tail = drop(dropped)
        shape = shape_after(tail, full)
        rest: list[Reads] = [NOTHING] * (len(shapes) - 2)
        reads = ((tuple(read_left) + tail,), (tuple(read_right) + tail,))
        return one(shape, *reads, *rest, macs=prod(full) * left[-1])


def _pair(word: str, shapes: tuple[Shape, ...]) -> tuple[Shape, Shape]:
    if len(shapes) < 2 or not shapes[0] or not shapes[1]:
        found = ", ".join(map(str, shapes)) or "none"
        raise InputError(f"{word}: needs two inputs of an axis or more, got shapes {found}")
    return shapes[0], shapes[1]


def _of_rank(keep: Bools, rank: int) -> Bools:
    return keep.reshape((1,) * (rank - keep.ndim) + keep.shape)


def _summed(shape: Shape, axis: int, count: int, keep: Bools | None) -> list[Step]:
    """One of the last two axes summed into ``count`` sums; ``keep[..., k, j]`` says whether sum ``k`` takes ``j``."""
    n, rank = shape[axis], len(shape)
    if keep is None or keep.size == keep.shape[-2] * keep.shape[-1]:
        return [Along(axis, _rows(None if keep is None else keep.reshape(keep.shape[-2:]), n, count))]
    spread = (*shape[:axis], count, *shape[axis:])
    places = np.expand_dims(keep, rank if axis == rank - 2 else rank - 2)
    summed: list[Step] = [Along(axis + 1, Whole(n)), Drop(axis + 1)]
    return [Insert(axis), Along(axis, expand_map(count)), *masked(spread, places), *summed]


def _rows(keep: Bools | None, n: int, count: int) -> AxisMap:
    """Which of ``n`` elements each of ``count`` rows reads: all, or those kept."""
    if keep is None:
        return Whole(n, count)
    wide = np.broadcast_to(keep, (count, n))
    for reverse in (False, True):
        if count == n and (wide == (np.triu if reverse else np.tril)(np.ones((n, n), np.bool_))).all():
            return Prefix(n, reverse)
    taps = tuple(tuple(np.flatnonzero(row).tolist()) for row in wide)
    return TapMap(n, count, 0, taps, periodic=False)


@dataclass(frozen=True, slots=True)
class Linear(Operator):
    """A dense layer over one axis; further inputs are weights."""

    word = "linear"
    out_features: Positive
    """Units that come out."""
    keep: Mask | None = None
    """Units by inputs, False where a weight is known to be zero; None: nowhere."""
    axis: int = -1
    """The axis of the inputs; a negative one counts from the end."""
    turned: bool = False
    """Whether the weight holds a row, not a column, for each unit."""
    alpha: float = 1.0
    """The factor of the product."""
    beta: float = 1.0
    """The factor of a bias."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Sums along the axis."""
        x = self.first(shapes)
        if not -len(x) <= self.axis < len(x):
            raise InputError(f"linear: axis {self.axis} lies outside an input of shape {x}")
        axis = self.axis % len(x)
        keep = None if self.keep is None else self.keep.array
        result = weighted((Along(axis, _rows(keep, x[axis], self.out_features)),), shapes)
        return Result(result.outputs, prod(result.outputs[0].shape) * x[axis])


@dataclass(frozen=True, slots=True)
class Einsum(Operator):
    """Einstein summation without ellipsis or repeated letters in an operand."""

    word = "einsum"
    equation: str
    """Letters for the axes of each operand and of the output: ``ij,jk->ik``."""
    keep: Mask | None = None
    """Over ``rows`` and ``columns``, False where the operand ``masked`` is known to be zero; None: nowhere."""
    masked: Size = 0
    """The operand that ``keep`` speaks of."""
    rows: str = ""
    """A letter of the output."""
    columns: str = ""
    """A letter that is summed over."""
    alpha: float = 1.0
    """The factor of the product."""
    beta: float = 1.0
    """The factor of a third operand, where it is one that is added (``mk,kn,mn->mn`` of a Gemm)."""

    def settle(self) -> None:
        """An equation with an arrow, and letters for the mask."""
        self.put("equation", self.equation.replace(" ", ""))
        terms, arrow, output = self.equation.partition("->")
        if not arrow or not all(len(set(term)) == len(term) for term in (*terms.split(","), output)):
            raise InputError(f"einsum: equation {self.equation!r} must be like 'ij,jk->ik', no letter twice")
        if self.keep is not None:
            named = terms.split(",")[self.masked : self.masked + 1]
            if len(self.keep.shape) != 2 or not named or not {self.rows, self.columns} <= set(named[0]):
                raise InputError(f"einsum: keep needs rows and columns among the letters of operand {self.masked}")

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Sums over the letters that the output lacks."""
        operands, letters = self.equation.split("->")
        terms = operands.split(",")
        if len(terms) != len(shapes) or any(len(t) != len(s) for t, s in zip(terms, shapes, strict=True)):
            raise InputError(f"einsum: equation {self.equation!r} does not fit shapes {', '.join(map(str, shapes))}")
        sizes = {c: n for term, s in zip(terms, shapes, strict=True) for c, n in zip(term, s, strict=True)}
        unknown = [c for c in letters if c not in sizes]
        if unknown:
            raise InputError(f"einsum: the output of {self.equation!r} has {unknown[0]!r}, which no operand has")
        reads = [(self._read(term, letters, sizes, k),) for k, term in enumerate(terms)]
        macs = prod(sizes.values()) if len(terms) > 1 else 0
        return one(tuple(sizes[c] for c in letters), *reads, macs=macs)

    def _read(self, term: str, letters: str, sizes: dict[str, int], k: int) -> Relation:
        """How one operand is read."""
        steps: list[Step] = []
        if self.keep is not None:
            row, column, keep = self.rows, self.columns, self.keep.array
            if k == self.masked:
                only = keep if term.index(row) < term.index(column) else keep.T
                steps += masked(
                    tuple(sizes[c] for c in term),
                    only.reshape([sizes[c] if c in (row, column) else 1 for c in term]),
                )
            elif row not in term and column in term:
                steps.append(Along(term.index(column), _rows(keep, sizes[column], sizes[row])))
                term = term.replace(column, row)
        summed = tuple(axis for axis, c in enumerate(term) if c not in letters)
        shape = tuple(sizes[c] for c in term)
        kept = [c for c in term if c in letters]
        steps += reduce(shape, summed, keepdims=False)
        order = tuple(kept.index(c) for c in letters if c in kept)
        if order != tuple(range(len(order))):
            steps.append(Permute(order))
        for position, c in enumerate(letters):
            if c not in kept:
                steps += [Insert(position), Along(position, expand_map(sizes[c]))]
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class Attention(Operator):
    """softmax(Q K^T) V over (..., tokens, features). Inputs: query, key, value, masks."""

    word = "attention"
    keep: Mask | None = None
    """Queries by keys, False where a mask takes the key away; None: nowhere."""
    statistics: tuple[Sizes, ...] = ()
    """The shapes of further outputs."""
    scale: float | None = None
    """The factor of the scores; None: one over the root of the number of features."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each query from all keys and values."""
        if len(shapes) < 3 or min(map(len, shapes[:3])) < 2:
            raise InputError("attention: needs query, key and value of shape (..., tokens, features)")
        q, k, v = shapes[:3]
        if not len(q) == len(k) == len(v) or q[-1] != k[-1] or k[-2] != v[-2]:
            raise InputError(f"attention: query, key and value of shapes {q}, {k} and {v} do not fit together")
        tokens, features = len(q) - 2, len(q) - 1
        shape = (*q[:-1], v[-1])
        read_q: Relation = (Along(features, Whole(q[-1], v[-1])),)
        rows = _rows(None if self.keep is None else self.keep.array, k[-2], q[-2])
        read_k: Relation = (Along(tokens, rows), Along(features, Whole(k[-1], v[-1])))
        read_v: Relation = (Along(tokens, rows),)
        heads = [_share(s, q, v[-1]) for s in (k, v)]
        reads = ((read_q,), (read_k + heads[0],), (read_v + heads[1],))
        outputs = [Output(shape, (*reads, *[NOTHING] * (len(shapes) - 3)))]
        outputs += [Output(s, tuple((everything(x, s),) for x in shapes)) for s in self.statistics]
        return Result(tuple(outputs), prod(q) * k[-2] + prod(shape) * k[-2])


def _share(s: Shape, q: Shape, features: int) -> Relation:
    """Broadcast key or value heads to the query's (grouped-query attention repeats each in a row)."""
    return tuple(
        Along(axis, TapMap(n, m, 1, ((0,),) * (m // n)))
        for axis, (n, m) in enumerate(zip(s[:-2], q[:-2], strict=True))
        if n != m
    )


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
