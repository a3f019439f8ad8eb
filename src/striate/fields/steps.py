"""Patches through relations: backward, which inputs feed some outputs; forward, which outputs inputs can change."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from striate.fields.patch import (
    Patch,
    Values,
    adder,
    filled,
    on_axis,
    reordered,
    times_paths,
    trim,
    with_axis,
    with_new_axis,
)
from striate.geometry import AxisMap, Groups, Prefix, TapMap, Whole, strided
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Shape, Split, Step, shape_after


def pull_back(relation: Relation, patch: Patch, shape: Shape) -> Patch:
    """What the input of a relation, of ``shape``, gets from a patch on its output.

    >>> from striate.fields.patch import Semiring
    >>> from striate.geometry import Window, window_map
    >>> row = (Along(0, window_map(Window(3, dilation=2), 9)),)
    >>> pull_back(row, Patch.at((5,), (1,), Semiring.COUNT), (9,)).values.tolist()
    [1, 0, 1, 0, 1]
    """
    shapes = [shape]
    for step in relation:
        shapes.append(step.shape(shapes[-1]))
    for step, before in zip(reversed(relation), reversed(shapes[:-1]), strict=True):
        if patch.empty:
            return Patch.nothing(shape, patch.values.dtype)
        patch = _carry(patch, step, before, before, forward=False)
    return patch


def push_on(relation: Relation, patch: Patch) -> Patch:
    """What the output of a relation gets from a patch on its input.

    >>> from striate.fields.patch import Semiring
    >>> from striate.geometry import Window, window_map
    >>> row = (Along(0, window_map(Window(3, dilation=2), 9)),)
    >>> push_on(row, Patch.at((9,), (4,), Semiring.COVER)).box
    Box('0:5')
    """
    for position, step in enumerate(relation):
        if patch.empty:
            return Patch.nothing(shape_after(relation[position:], patch.shape), patch.values.dtype)
        patch = _carry(patch, step, patch.shape, step.shape(patch.shape), forward=True)
    return patch


def _carry(patch: Patch, step: Step, before: Shape, after: Shape, *, forward: bool) -> Patch:
    """One step; ``before`` is the shape of the step's input, ``after`` that of the patch to come."""
    match step:
        case Along(axis, axis_map):
            return _along(patch, axis, axis_map, forward)
        case Permute(order):
            places = order if forward else tuple(order.index(k) for k in range(len(order)))
            return reordered(patch, places, patch.values.transpose(places))
        case Insert(axis) | Drop(axis):
            if forward == isinstance(step, Insert):
                return with_new_axis(patch, axis)
            kept = tuple(k for k in range(len(patch.shape)) if k != axis)
            return reordered(patch, kept, patch.values.squeeze(axis))
        case Merge(axis):
            inner = before[axis + 1]
            split = Split(axis, before[axis], inner, inner)
            return _fold(patch, split, after[axis]) if forward else _unfold(patch, split)
        case Split(axis):
            return _unfold(patch, step) if forward else _fold(patch, step, after[axis])


def _along(patch: Patch, axis: int, m: AxisMap, forward: bool) -> Patch:
    """One axis through its map."""
    if patch.uniform[axis]:
        paths = _paths(m, forward, patch.values.dtype == np.bool_)
        return _spread(patch, axis, paths, m.out_size if forward else m.in_size)
    if isinstance(m, TapMap):
        return _taps(patch, axis, m, forward)
    if isinstance(m, Whole):
        total = adder(patch.values).reduce(patch.values, axis=axis, keepdims=True)
        return with_axis(patch, axis, total, 0, m.out_size if forward else m.in_size, uniform=True)
    if isinstance(m, Groups):
        return _groups(patch, axis, Groups(m.out_size, m.in_size, m.groups) if forward else m)
    return _prefix(patch, axis, m.in_size, m.reverse != forward)


def _spread(patch: Patch, axis: int, paths: Values, n: int) -> Patch:
    """A uniform axis becomes ``n`` elements reached by ``paths`` paths each (one number: all alike)."""
    used = filled(paths)
    if used is None:
        return with_axis(patch, axis, patch.values[on_axis(axis, slice(0))], 0, n)
    kept = paths[used].reshape([-1 if k == axis else 1 for k in range(len(patch.shape))])
    return with_axis(patch, axis, times_paths(patch.values, kept), used.start, n, uniform=len(paths) == 1)


@lru_cache(maxsize=4096)
def _paths(m: AxisMap, forward: bool, cover: bool) -> Values:
    """Reads of each destination from a whole axis (for covers: whether any); one number where all are alike."""
    if isinstance(m, TapMap):
        found: Values = np.zeros(m.out_size if forward else m.in_size, dtype=np.bool_ if cover else np.int64)
        for _, _, start, step, count in zip(*(column.tolist() for column in _edges(m, forward)), strict=True):
            places = strided(start, step, count)
            found[places] = cover or found[places] + (count if step == 0 else 1)
        return _shortest(found)
    if isinstance(m, Prefix) and not cover:
        return np.arange(m.in_size, 0, -1) if m.reverse == forward else np.arange(1, m.in_size + 1)
    reads = (m.in_size if forward else m.out_size) // (m.groups if isinstance(m, Groups) else 1)
    return np.array([min(reads, 1) if cover else reads])


def _shortest(paths: Values) -> Values:
    return paths[:1].copy() if len(paths) and (paths == paths[0]).all() and paths[0] else paths


@lru_cache(maxsize=4096)
def _edges(m: TapMap, forward: bool) -> NDArray[np.int64]:
    """The runs of a map as columns: source start and step (>= 0), destination start and step, count."""
    rows = [(r.out_start, r.out_step, r.in_start, r.in_step, r.count) for r in m.runs()]
    runs = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    edges = runs[[2, 3, 0, 1, 4]] if forward else runs.copy()
    backwards = edges[1] < 0
    for side in (0, 2):
        edges[side] += np.where(backwards, (edges[4] - 1) * edges[side + 1], 0)
        edges[side + 1] *= np.where(backwards, -1, 1)
    return edges


def _taps(patch: Patch, axis: int, m: TapMap, forward: bool) -> Patch:
    """An axis through a map of taps: every run cut to the box, then one strided addition each."""
    n = m.out_size if forward else m.in_size
    low, size = patch.origin[axis], patch.values.shape[axis]
    start, step, to, move, count = _edges(m, forward)
    pace = np.maximum(step, 1)
    first = np.maximum(-((start - low) // pace), 0)
    stop = np.minimum((low + size - 1 - start) // pace + 1, count)
    still = step == 0
    inside = (start >= low) & (start < low + size)
    first, stop = np.where(still, 0, first), np.where(still, np.where(inside, count, 0), stop)
    kept = np.flatnonzero(first < stop)
    if not kept.size:
        return with_axis(patch, axis, patch.values[on_axis(axis, slice(0))], 0, n)
    first, times = first[kept], (stop - first)[kept]
    begin, source = to[kept] + first * move[kept], start[kept] + first * step[kept] - low
    end = begin + (times - 1) * move[kept]
    base = int(min(begin.min(), end.min()))
    shape = list(patch.values.shape)
    shape[axis] = int(max(begin.max(), end.max())) + 1 - base
    values, add = np.zeros(shape, patch.values.dtype), adder(patch.values)
    columns = (source, step[kept], begin - base, move[kept], times)
    for at, pitch, place, stride, k in zip(*(column.tolist() for column in columns), strict=True):
        read = patch.values[on_axis(axis, strided(at, pitch, k))]
        if stride == 0:
            read = add.reduce(read, axis=axis, keepdims=True)
        target = values[on_axis(axis, strided(place, stride, k))]
        add(target, read, out=target)
    return with_axis(patch, axis, values, base, n)


def _groups(patch: Patch, axis: int, m: Groups) -> Patch:
    """Outputs of ``m`` to its inputs: every block sums up and is repeated."""
    share, block = m.out_size // m.groups, m.in_size // m.groups
    low, size = patch.origin[axis], patch.values.shape[axis]
    first, stop = low // share, -(-(low + size) // share)
    shape = patch.values.shape
    padded = np.zeros((*shape[:axis], (stop - first) * share, *shape[axis + 1 :]), patch.values.dtype)
    padded[on_axis(axis, slice(low - first * share, low - first * share + size))] = patch.values
    split = padded.reshape(*shape[:axis], stop - first, share, *shape[axis + 1 :])
    values = adder(patch.values).reduce(split, axis=axis + 1).repeat(block, axis)
    return with_axis(patch, axis, values, first * block, m.in_size)


def _prefix(patch: Patch, axis: int, n: int, reverse: bool) -> Patch:
    """Outputs of a scan to its inputs: input ``j`` gets every output from ``j`` on (reverse: up to ``j``)."""
    add, low, size = adder(patch.values), patch.origin[axis], patch.values.shape[axis]
    if reverse:
        sums = add.accumulate(patch.values, axis=axis)
        rest = sums[on_axis(axis, slice(size - 1, size))].repeat(n - low - size, axis)
        return with_axis(patch, axis, np.concatenate([sums, rest], axis), low, n)
    sums = np.flip(add.accumulate(np.flip(patch.values, axis), axis=axis), axis)
    rest = sums[on_axis(axis, slice(0, 1))].repeat(low, axis)
    return with_axis(patch, axis, np.concatenate([rest, sums], axis), 0, n)


def _fold(patch: Patch, s: Split, n: int) -> Patch:
    """Two axes to the one of ``n`` they were split from: one strided addition per place of the shorter."""
    axis, pair = s.axis, (s.axis, s.axis + 1)
    kept = tuple(k for k in range(len(patch.shape)) if k != axis + 1)
    if all(patch.uniform[k] for k in pair):
        paths = np.bincount(_inside(s, n), minlength=n)
        paths = _shortest(np.minimum(paths, 1) if patch.values.dtype == np.bool_ else paths)
        return _spread(reordered(patch, kept, patch.values.squeeze(axis + 1)), axis, paths, n)
    box = [patch.box[k] for k in pair]
    full = list(patch.values.shape)
    full[axis : axis + 2] = [interval.size for interval in box]
    values, steps = np.broadcast_to(patch.values, full), (s.stride, s.dilation)
    corner = s.offset + sum(interval.start * step for interval, step in zip(box, steps, strict=True))
    span = sum((interval.size - 1) * step for interval, step in zip(box, steps, strict=True))
    base, stop = max(corner, 0), min(corner + span + 1, n)
    out = np.zeros((*full[:axis], max(stop - base, 0), *full[axis + 2 :]), values.dtype)
    short = 0 if box[0].size < box[1].size else 1
    pace, reach = steps[1 - short], box[1 - short].size
    for k in range(box[short].size if stop > base else 0):
        start = corner + k * steps[short]
        first, last = max(-(start // pace), 0), min((n - 1 - start) // pace + 1, reach)
        if first < last:
            read = values[on_axis(axis + short, slice(k, k + 1))].squeeze(axis + short)
            target = out[on_axis(axis, strided(start + first * pace - base, pace, last - first))]
            adder(out)(target, read[on_axis(axis, slice(first, last))], out=target)
    return with_axis(reordered(patch, kept, out), axis, out, base, n)


def _inside(s: Split, n: int) -> NDArray[np.int64]:
    """Every index a split reads, those outside the axis left out."""
    index = (np.arange(s.outer)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset).ravel()
    return index[(index >= 0) & (index < n)]


def _unfold(patch: Patch, s: Split) -> Patch:
    """One axis to the two it is split into."""
    axis, n = s.axis, patch.shape[s.axis]
    if patch.uniform[axis] and len(_inside(s, n)) == s.outer * s.inner:
        parts = with_new_axis(patch, axis + 1, s.inner)
        return with_axis(parts, axis, parts.values, 0, s.outer, uniform=True)
    whole = patch.box[axis]
    last = (s.inner - 1) * s.dilation + s.offset
    rows = range(max(-((last - whole.start) // s.stride), 0), min((whole.stop - 1 - s.offset) // s.stride + 1, s.outer))
    index = np.array(rows, dtype=np.int64)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset
    inside = (index >= whole.start) & (index < whole.stop)
    high = patch.values.shape[axis] - 1
    values = patch.values.take(np.clip(index - whole.start, 0, high), axis)
    keep = inside.reshape([1] * axis + list(inside.shape) + [1] * (values.ndim - axis - 2))
    parts = with_axis(with_new_axis(patch, axis + 1, s.inner), axis, values, rows.start, s.outer)
    parts = with_axis(parts, axis + 1, times_paths(values, keep), 0, s.inner)
    return trim(trim(parts, axis), axis + 1) if len(rows) else parts


def axes_back(relation: Relation, axes: frozenset[int], shape: Shape, ended: frozenset[int]) -> frozenset[int]:
    """The axes of a relation's input, of ``shape``, that some axes of its output move with, and those that steps end.

    ``ended`` numbers the steps of the relation whose axis counts from there on.

    >>> from striate.geometry import expand_map
    >>> row = (Insert(1), Along(1, expand_map(9)))
    >>> axes_back(row, frozenset({0, 1}), (5,), frozenset())
    frozenset({0})
    """
    shapes = [shape]
    for step in relation:
        shapes.append(step.shape(shapes[-1]))
    for position in reversed(range(len(relation))):
        step = relation[position]
        if position in ended and isinstance(step, Along):
            axes |= {step.axis}
        axes = frozenset(b for b, a in _ties(step, shapes[position]) if a in axes)
    return axes


def axes_on(
    relation: Relation, axes: frozenset[int], shape: Shape, ended: frozenset[int]
) -> frozenset[int] | None:
    """The axes of a relation's output that move with some of its input; None where a step ends one of them."""
    for position, step in enumerate(relation):
        if position in ended and isinstance(step, Along) and step.axis in axes:
            return None
        axes = frozenset(a for b, a in _ties(step, shape) if b in axes)
        shape = step.shape(shape)
    return axes


def _ties(step: Step, before: Shape) -> list[tuple[int, int]]:
    """Which axis before a step moves with which after it: as pairs; a repeated axis of size 1 moves with none."""
    rank = len(before)
    match step:
        case Along(axis, m):
            return [(k, k) for k in range(rank) if k != axis or m.in_size > 1]
        case Permute(order):
            return [(k, place) for place, k in enumerate(order)]
        case Split(axis):
            return [(k, k + (k > axis)) for k in range(rank)] + [(axis, axis + 1)]
        case Merge(axis):
            return [(k, k - (k > axis)) for k in range(rank)]
        case Insert(axis):
            return [(k, k + (k >= axis)) for k in range(rank)]
        case Drop(axis):
            return [(k, k - (k > axis)) for k in range(rank) if k != axis]
