"""Operators that mix elements: arithmetic, reductions, normalisation, products, recurrence."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import AxisMap, Groups, Prefix, TapMap, Whole, expand_map, pad_map
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
from striate.network.rules.base import Attributes, Output, Result, one, rule, through, weighted

Mask = NDArray[np.bool_]


@rule("elementwise")
def elementwise(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Arithmetic and activations, with broadcasting; a batch normalisation in inference counts here.

    Attributes: parameters (how many trailing inputs are per-channel values, not data); keep (for each other input
    the booleans, of the output's rank, where a constant lets it through, or None).
    """
    kept = len(shapes) - a.get("parameters", 0)
    shape = broadcast_shape(shapes[:kept])
    keeps = a.get("keep") or (None,) * kept
    reads = [(broadcast(s, shape) + _masked(shape, keep),) for s, keep in zip(shapes[:kept], keeps, strict=True)]
    return one(shape, *reads, *[NOTHING] * (len(shapes) - kept))


def _masked(shape: Shape, keep: Mask | None) -> Relation:
    return IDENTITY if keep is None else masked(shape, keep)


def broadcast_shape(shapes: tuple[Shape, ...]) -> Shape:
    """NumPy's common shape."""
    rank = max(map(len, shapes))
    columns = zip(*((1,) * (rank - len(s)) + s for s in shapes), strict=True)
    found = []
    for column in columns:
        sizes = {n for n in column if n != 1}
        if len(sizes) > 1:
            raise InputError(f"shapes {', '.join(map(str, shapes))} do not broadcast together")
        found.append(sizes.pop() if sizes else 1)
    return tuple(found)


@rule("constant")
def constant(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """A value that depends on no input's elements (a shape, a range, zeros). Attributes: shape."""
    return one(tuple(a["shape"]), *[NOTHING] * len(shapes))


@rule("reduce")
def reduce_rule(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Mean, sum, max, norm, arg-max over axes. Attributes: axes, keepdims, outputs."""
    axes = tuple(a["axes"])
    result = through(reduce(shapes[0], axes, a.get("keepdims", True)), shapes)
    return Result(result.outputs * a.get("outputs", 1))


@rule("mix")
def mix_rule(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Softmax, layer, group, instance and local response normalisation, sort, FFT: an element and all along axes.

    Attributes: axes; groups (the channels of axis 1 that are normalised together); statistics (shapes of
    further outputs); keep (booleans of the input's rank: False where an element weighs nothing and comes out as a
    constant). Further inputs are parameters.
    """
    x, groups = shapes[0], a.get("groups")
    spread: Relation = mix(x, tuple(a["axes"]))
    if groups is not None:
        spread = (Along(1, Groups(x[1], x[1], groups)), *spread)
    only = _masked(x, a.get("keep"))
    outputs = [Output(x, ((only, only + spread + only), *((everything(s, x),) for s in shapes[1:])))]
    outputs += [Output(t, tuple((everything(s, t),) for s in shapes)) for t in a.get("statistics", ())]
    return Result(tuple(outputs))


@rule("matmul")
def matmul(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """NumPy's matrix product; a second input that holds weights is read like data and depends on nothing.

    Attributes: left, right (booleans of that operand's rank, two or more, false where it is zero: what the other
    operand has there is not read); keep (as left, of the last two axes alone; the zeros are not read either).
    """
    x, y = shapes[0], shapes[1]
    keep: Mask | None = a.get("keep")
    left, right = (x if len(x) > 1 else (1, *x)), (y if len(y) > 1 else (*y, 1))
    batch = broadcast_shape((left[:-2], right[:-2])) if len(left) + len(right) > 4 else ()
    full = (*batch, left[-2], right[-1])
    read_left: list[Step] = [] if keep is None else list(masked(x, _of_rank(keep, len(x))))
    read_left += [Insert(0)] * (len(full) - len(x))
    read_left += [s for s in broadcast((*left[:-1], 1), (*batch, left[-2], 1)) if isinstance(s, Along)]
    kept = None if a.get("right") is None else np.moveaxis(_of_rank(a["right"], len(full)), -1, -2)
    read_left += _summed((*batch, left[-2], left[-1]), len(full) - 1, right[-1], kept)
    read_right: list[Step] = [Insert(1)] if len(y) == 1 else []
    read_right += [Insert(0)] * (len(full) - len(right))
    read_right += [s for s in broadcast((*right[:-2], 1, 1), (*batch, 1, 1)) if isinstance(s, Along)]
    zeros = a.get("left", keep)
    kept = None if zeros is None else _of_rank(zeros, len(full))
    read_right += _summed((*batch, right[-2], right[-1]), len(full) - 2, left[-2], kept)
    dropped = tuple(
        axis for axis, gone in ((len(full) - 2, len(x) == 1), (len(full) - 1, len(y) == 1)) if gone
    )
    tail = drop(dropped)
    shape = shape_after(tail, full)
    rest: list[Reads] = [NOTHING] * (len(shapes) - 2)
    reads = ((tuple(read_left) + tail,), (tuple(read_right) + tail,))
    return one(shape, *reads, *rest, macs=prod(full) * left[-1])


def _of_rank(keep: Mask, rank: int) -> Mask:
    return keep.reshape((1,) * (rank - keep.ndim) + keep.shape)


def _summed(shape: Shape, axis: int, count: int, keep: Mask | None) -> list[Step]:
    """One of the last two axes summed into ``count`` sums; ``keep[..., k, j]`` says whether sum ``k`` takes ``j``."""
    n, rank = shape[axis], len(shape)
    if keep is None or keep.size == keep.shape[-2] * keep.shape[-1]:
        return [Along(axis, _rows(None if keep is None else keep.reshape(keep.shape[-2:]), n, count))]
    spread = (*shape[:axis], count, *shape[axis:])
    places = np.expand_dims(keep, rank if axis == rank - 2 else rank - 2)
    summed: list[Step] = [Along(axis + 1, Whole(n)), Drop(axis + 1)]
    return [Insert(axis), Along(axis, expand_map(count)), *masked(spread, places), *summed]


def _rows(keep: Mask | None, n: int, count: int) -> AxisMap:
    """Which of ``n`` elements each of ``count`` rows reads: all, or those kept."""
    if keep is None:
        return Whole(n, count)
    wide = np.broadcast_to(keep, (count, n))
    for reverse in (False, True):
        if count == n and (wide == (np.triu if reverse else np.tril)(np.ones((n, n), np.bool_))).all():
            return Prefix(n, reverse)
    taps = tuple(tuple(np.flatnonzero(row).tolist()) for row in wide)
    return TapMap(n, count, 0, taps, periodic=False)


@rule("linear")
def linear(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """A dense layer over one axis. Further inputs are weights.

    Attributes: out_features, axis (default the last), keep (booleans, outputs by inputs, False where a weight is known
    to be zero).
    """
    x = shapes[0]
    axis = a.get("axis", len(x) - 1)
    result = weighted((Along(axis, _rows(a.get("keep"), x[axis], a["out_features"])),), shapes)
    return Result(result.outputs, prod(result.outputs[0].shape) * x[axis])


@rule("einsum")
def einsum(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Einstein summation without ellipsis or repeated letters in an operand.

    Attributes: equation ('ij,jk->ik'); keep (booleans over a letter of the output and a summed one, False where the
    operand ``masked`` is known to be zero) and rows, columns (these letters).
    """
    operands, letters = a["equation"].replace(" ", "").split("->")
    terms = operands.split(",")
    sizes = {c: n for term, s in zip(terms, shapes, strict=True) for c, n in zip(term, s, strict=True)}
    reads = [(_einsum_read(term, letters, sizes, a, k),) for k, term in enumerate(terms)]
    macs = prod(sizes.values()) if len(terms) > 1 else 0
    return one(tuple(sizes[c] for c in letters), *reads, macs=macs)


def _einsum_read(term: str, letters: str, sizes: dict[str, int], a: Attributes, k: int) -> Relation:
    steps: list[Step] = []
    keep: Mask | None = a.get("keep")
    if keep is not None:
        row, column = a["rows"], a["columns"]
        if k == a["masked"]:
            only = keep if term.index(row) < term.index(column) else keep.T
            steps += masked(
                tuple(sizes[c] for c in term), only.reshape([sizes[c] if c in (row, column) else 1 for c in term])
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


@rule("attention")
def attention(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """softmax(Q Kᵀ) V over (..., tokens, features). Inputs: query, key, value, masks.

    Attributes: statistics; keep (booleans, queries by keys, False where a mask takes the key away).
    """
    q, k, v = shapes[:3]
    tokens, features = len(q) - 2, len(q) - 1
    shape = (*q[:-1], v[-1])
    read_q: Relation = (Along(features, Whole(q[-1], v[-1])),)
    rows = _rows(a.get("keep"), k[-2], q[-2])
    read_k: Relation = (Along(tokens, rows), Along(features, Whole(k[-1], v[-1])))
    read_v: Relation = (Along(tokens, rows),)
    heads = [_share(s, q, v[-1]) for s in (k, v)]
    reads = ((read_q,), (read_k + heads[0],), (read_v + heads[1],))
    outputs = [Output(shape, (*reads, *[NOTHING] * (len(shapes) - 3)))]
    outputs += [Output(s, tuple((everything(x, s),) for x in shapes)) for s in a.get("statistics", ())]
    return Result(tuple(outputs), prod(q) * k[-2] + prod(shape) * k[-2])


def _share(s: Shape, q: Shape, features: int) -> Relation:
    """Broadcast key or value heads to the query's (grouped-query attention repeats each in a row)."""
    return tuple(
        Along(axis, TapMap(n, m, 1, ((0,),) * (m // n)))
        for axis, (n, m) in enumerate(zip(s[:-2], q[:-2], strict=True))
        if n != m
    )


@rule("transform")
def transform(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Every element along some axes from all of them (Fourier transform, top-k).

    Attributes: axes, sizes (after), outputs.
    """
    x = shapes[0]
    steps = (Along(axis, Whole(x[axis], size)) for axis, size in zip(a["axes"], a["sizes"], strict=True))
    return Result(through(tuple(steps), shapes).outputs * a.get("outputs", 1))


@rule("stft")
def stft(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Spectra of frames: (batch, signal[, parts]) to (batch, frames, bins, 2).

    Attributes: length and step (of the frames), bins, keep (booleans, False where the window is zero). Further inputs
    are parameters.
    """
    x, length = shapes[0], a["length"]
    frames = (x[1] - length) // a["step"] + 1
    parts = x[2] if len(x) > 2 else 1
    steps: list[Step] = [] if len(x) > 2 else [Insert(2)]
    steps.append(Split(1, frames, length, a["step"]))
    if a.get("keep") is not None:
        steps += masked((x[0], frames, length, parts), a["keep"].reshape(1, 1, -1, 1))
    steps += [Along(2, Whole(length, a["bins"])), Along(3, Whole(parts, 2))]
    return through(tuple(steps), shapes)


@rule("scan")
def scan(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Cumulative sums along an axis. Attributes: axis, reverse, exclusive (an element is left out of its own sum)."""
    axis, reverse = a["axis"], a.get("reverse", False)
    n = shapes[0][axis]
    steps: list[Step] = [Along(axis, pad_map(n, -1, 1) if reverse else pad_map(n, 1, -1))] if a.get("exclusive") else []
    return through((*steps, Along(axis, Prefix(n, reverse))), shapes)


@rule("rnn")
def rnn(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """RNN, GRU and LSTM: features mix, time is scanned.

    Attributes: time, batch (axes of the first input), shapes (of the outputs), axes (for each output, where time
    and batch stand in it; time None where only the last state comes out), both_ways, reverse, macs.
    """
    outputs = []
    for shape, (time, batch) in zip(a["shapes"], a["axes"], strict=True):
        read = _rnn_read(a, shapes[0], shape, time, batch)
        rest = tuple((everything(s, shape),) for s in shapes[1:])
        outputs.append(Output(shape, ((read,), *rest)))
    return Result(tuple(outputs), a.get("macs", 0))


def _rnn_read(a: Attributes, x: Shape, shape: Shape, time: int | None, batch: int | None) -> Relation:
    n, whole = x[a["time"]], Whole(x[a["time"]], 1 if time is None else x[a["time"]])
    scanned = time is not None and not a.get("both_ways")
    features = next(axis for axis in range(len(x)) if axis not in (a["time"], a.get("batch")))
    steps: list[Step] = [Along(features, Whole(x[features]))]
    steps.append(Along(a["time"], Prefix(n, a.get("reverse", False)) if scanned else whole))
    places = {a["time"]: time, a.get("batch"): batch}
    kept = {axis: place for axis, place in places.items() if axis is not None and place is not None}
    steps += drop(tuple(axis for axis in range(len(x)) if axis not in kept))
    steps += permute(tuple(sorted(range(len(kept)), key=[kept[axis] for axis in sorted(kept)].__getitem__)))
    for place, size in enumerate(shape):
        if place not in kept.values():
            steps += [Insert(place), Along(place, expand_map(size))]
    return tuple(steps)


@rule("whole")
def whole(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Every output element reads every element of every input. Attributes: shapes (of the outputs)."""
    return Result(
        tuple(Output(shape, tuple((everything(x, shape),) for x in shapes)) for shape in a["shapes"])
    )
