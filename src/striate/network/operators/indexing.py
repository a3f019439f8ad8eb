"""Operators that read or write at fixed places of several axes at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import TapMap, Whole, expand_map, gather_map, part_map, slice_map
from striate.network.operators.base import Operator, Result, one, through
from striate.network.operators.function import UNKNOWN, Function
from striate.network.operators.kinds import Axis, Sizes
from striate.network.operators.values import Places
from striate.network.relation import (
    ELEMENTWISE,
    NOTHING,
    Along,
    Drop,
    Insert,
    Merge,
    Reads,
    Relation,
    Shape,
    Split,
    Step,
    masked,
    permute,
)

Indices = NDArray[np.int64]
Group = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Index(Operator):
    """Fixed indices of neighbouring axes: ``x[:, i, j]``."""

    word = "index"
    axis: Axis
    """The first of the indexed axes."""
    indices: tuple[Places, ...]
    """For each indexed axis its indices, all of one rank, which broadcast to ``shape``."""
    shape: Sizes
    """What the indexed axes become."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The elements at the indices."""
        first, shape, x = self.axis, self.shape, self.first(shapes, self.axis + len(self.indices) - 1)
        columns = _columns(self.indices, x[first : first + len(self.indices)], shape)
        groups = _groups(columns)
        order = [axis for axes, _ in groups for axis in axes]
        before, behind = tuple(range(first)), tuple(range(first + len(columns), len(x)))
        steps: list[Step] = list(permute((*before, *(first + axis for axis in order), *behind)))
        at, rank = first, len(x)
        made: list[int] = []
        for axes, outs in groups:
            sizes = tuple(x[first + axis] for axis in axes)
            steps += [Merge(at)] * (len(axes) - 1)
            rank -= len(axes) - 1
            steps += _picked(at, _ravelled([columns[axis] for axis in axes], sizes, outs), prod(sizes), rank)
            rank += len(outs) - 1
            made += outs
            at += len(outs)
        for out in (k for k in range(len(shape)) if k not in made):
            steps += [Insert(at)] + ([Along(at, expand_map(shape[out]))] if shape[out] != 1 else [])
            made.append(out)
            at += 1
        places = tuple(first + made.index(out) for out in range(len(shape)))
        steps += permute((*before, *places, *(at + k for k in range(len(behind)))))
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class ScatterAt(Operator):
    """The first input with elements at fixed places of its leading axes replaced by those of the second, or combined.

    Of two elements written to one place the last stays.
    """

    word = "scatter_at"
    indices: tuple[Places, ...]
    """For each of the leading axes its indices, all of one rank, which broadcast to the second input's leading axes."""
    combined: bool = False
    """Whether what stood there still counts."""
    function: Function = UNKNOWN
    """How a new element meets an old one, where it does not replace it."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Old elements and new ones."""
        x, count = self.first(shapes, len(self.indices) - 1), len(self.indices)
        if len(shapes) < 2 or len(shapes[1]) < len(x) - count:
            raise InputError(f"scatter_at: {count} indexed axes of {x} need updates of {len(x) - count} axes or more")
        updates = shapes[1]
        rank = len(updates) - (len(x) - count)
        columns = _columns(self.indices, x[:count], updates[:rank])
        groups = _groups(columns)
        apart = all(len(axes) == 1 and len(outs) < 2 for axes, outs in groups)
        write = _apart if apart else _together
        read, written = write(columns, x[:count], updates, rank, self.combined)
        old: Reads = ELEMENTWISE
        if not self.combined:
            keep = ~written.reshape(*written.shape, *[1] * (len(x) - count))
            old = (masked(x, keep),) if keep.any() else NOTHING
        return one(x, old, (read,), *[NOTHING] * (len(shapes) - 2))


def _columns(tables: tuple[Places, ...], sizes: Shape, shape: Shape) -> list[Indices]:
    """The indices of each axis counted from the front, of size 1 along the axes of ``shape`` they do not follow."""
    found = []
    for places, n in zip((table.array for table in tables), sizes, strict=True):
        if places.ndim != len(shape) or any(m not in (1, k) for m, k in zip(places.shape, shape, strict=True)):
            raise InputError(f"indices of shape {places.shape} do not broadcast to {shape}")
        if not places.size:
            raise InputError("there are no indices")
        outside = places[(places < -n) | (places >= n)]
        if outside.size:
            raise InputError(f"index {int(outside[0])} lies outside an axis of {n}")
        places = np.where(places < 0, places + n, places)
        for axis in range(places.ndim):
            first = places.take([0], axis)
            if places.shape[axis] > 1 and (places == first).all():
                places = first
        found.append(places)
    return found


def _groups(columns: list[Indices]) -> list[Group]:
    """Indexed axes that follow the same axes of the result, and those axes."""
    found: list[Group] = []
    for axis, places in enumerate(columns):
        axes, outs = {axis}, {k for k, n in enumerate(places.shape) if n > 1}
        for group in [group for group in found if outs.intersection(group[1])]:
            found.remove(group)
            axes.update(group[0])
            outs.update(group[1])
        found.append((tuple(sorted(axes)), tuple(sorted(outs))))
    return sorted(found)


def _ravelled(columns: list[Indices], sizes: Shape, outs: tuple[int, ...]) -> Indices:
    """One index along the merged axes for each place of ``outs``."""
    flat = np.zeros((), np.int64)
    for places, n in zip(columns, sizes, strict=True):
        flat = flat * n + places
    return flat.reshape([flat.shape[out] for out in outs])


def _picked(at: int, places: Indices, n: int, rank: int) -> Relation:
    """Axis ``at`` of ``rank``, of ``n`` elements, read at ``places``, whose axes it becomes."""
    shape = places.shape
    if places.ndim == 2:
        corner, outer, inner = int(places[0, 0]), int(places[1, 0] - places[0, 0]), int(places[0, 1] - places[0, 0])
        lattice = corner + np.arange(shape[0])[:, None] * outer + np.arange(shape[1]) * inner
        if outer > 0 and inner > 0 and (lattice == places).all():
            return _windows(at, rank, shape, (outer, inner), corner)
    steps: list[Step] = list(_along(at, places.reshape(-1), n))
    if not shape:
        return (*steps, Drop(at))
    for k in range(len(shape) - 1):
        inner = prod(shape[k + 1 :])
        steps.append(Split(at + k, shape[k], inner, inner))
    return tuple(steps)


def _windows(at: int, rank: int, counts: Shape, steps: tuple[int, int], corner: int) -> Relation:
    """Axis ``at`` of ``rank`` as two that step along it evenly: windows first, then the elements of each.

    Of two readings the one without gaps or overlap is taken, else the one with more windows.
    """
    (outer, inner), (step, dilation) = counts, steps
    tiled = step == inner * dilation
    if tiled or (outer >= inner and dilation != outer * step):
        return (Split(at, outer, inner, step, dilation, corner),)
    order = (*range(at), at + 1, at, *range(at + 2, rank + 1))
    return (Split(at, inner, outer, dilation, step, corner), *permute(order))


def _along(at: int, places: Indices, n: int) -> Relation:
    """One axis read at a row of places, as a slice where they are one."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if step and (np.diff(places) == step).all():
        if (len(places), int(places[0]), step) == (n, 0, 1):
            return ()
        return (Along(at, slice_map(n, int(places[0]), len(places), step)),)
    return (Along(at, gather_map(n, tuple(places.tolist()))),)


def _apart(
    columns: list[Indices], sizes: Shape, updates: Shape, rank: int, combined: bool
) -> tuple[Relation, NDArray[np.bool_]]:
    """Writes at a product of places, axis by axis: how the updates are read, and where they land.

    The first ``rank`` axes of ``updates`` are those of the places.
    """
    outs = [next((k for k, n in enumerate(places.shape) if n > 1), None) for places in columns]
    steps: list[Step] = []
    for out in reversed(range(rank)):
        if out not in outs:
            n = updates[out]
            last = Whole(n) if combined else gather_map(n, (n - 1,))
            steps += ([Along(out, last)] if n > 1 else []) + [Drop(out)]
    left = sorted(out for out in outs if out is not None)
    for axis, follows in enumerate(outs):
        if follows is None:
            steps.append(Insert(len(left)))
            left.append(-1 - axis)
    order = [left.index(-1 - axis if out is None else out) for axis, out in enumerate(outs)]
    steps += permute((*order, *(len(order) + k for k in range(len(updates) - rank))))
    written = np.ones((), np.bool_)
    for axis, (places, n) in enumerate(zip(columns, sizes, strict=True)):
        row = places.reshape(-1)
        if not (len(row) == n and (row == np.arange(n)).all()):
            steps.append(Along(axis, _landed(row, n, combined)))
        written = written[..., None] & np.isin(np.arange(n), row)
    return tuple(steps), written


def _together(
    columns: list[Indices], sizes: Shape, updates: Shape, rank: int, combined: bool
) -> tuple[Relation, NDArray[np.bool_]]:
    """Writes at any places: how the updates are read, and where they land."""
    flat = np.broadcast_to(_ravelled(columns, sizes, tuple(range(rank))), updates[:rank]).reshape(-1)
    total = prod(sizes)
    steps: list[Step] = [Merge(0)] * (rank - 1)
    steps.append(Along(0, _landed(flat, total, combined)))
    for k in range(len(sizes) - 1):
        inner = prod(sizes[k + 1 :])
        steps.append(Split(k, sizes[k], inner, inner))
    return tuple(steps), np.isin(np.arange(total), flat).reshape(sizes)


def _landed(places: Indices, n: int, combined: bool) -> TapMap:
    """The map of writes: each of ``n`` places reads what is written to it."""
    if len(places) == 1 or (np.diff(places) == 1).all():
        return part_map(len(places), int(places[0]), n)
    taps: list[tuple[int, ...]] = [()] * n
    for k, place in enumerate(places.tolist()):
        taps[place] = (*taps[place], k) if combined else (k,)
    return TapMap(len(places), n, 0, tuple(taps), periodic=False)
