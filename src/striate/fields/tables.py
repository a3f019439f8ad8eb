"""Field tables: the hull, along one input axis, that every element of a tensor sees.

A table holds ``lo`` and ``hi`` (half-open) as arrays that broadcast over the tensor: an axis along
which nothing changes has length 1. At most one tensor axis is *extended*: along it the table holds
one period, and ``element[u + period] = element[u] + step`` for every integer ``u``, as if the layer
had no border. All other axes are literal, with borders. A table with no extended axis from the
start on therefore holds the true, clipped hull of every single element; one that starts extended
holds the unclipped field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry import AxisMap, Groups, Prefix, TapMap, Whole, strided
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Shape, Split, Step

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Values = NDArray[Any]

FAR = 2**60


@dataclass(frozen=True, eq=False, slots=True)
class FieldTable:
    """What each element of a tensor sees along one input axis.

    ``lo``/``hi`` speak of the local field (without global paths), empty where ``lo >= hi``;
    ``whole`` marks elements that see the whole axis through a global operator, ``via`` names those
    operators; ``misaligned`` names the merges above whose branches' centres disagree, ``at_most`` the nodes
    whose claim is an upper bound. A ``clipped`` table holds true hulls and is never extended.
    """

    lo: Ints
    hi: Ints
    whole: Bools
    extended: int | None = None
    step: int = 0
    via: frozenset[str] = frozenset()
    misaligned: frozenset[str] = frozenset()
    at_most: frozenset[str] = frozenset()
    clipped: bool = False

    @property
    def period(self) -> int:
        """Length of the table along the extended axis."""
        return 1 if self.extended is None else int(self.lo.shape[self.extended])

    @property
    def local(self) -> bool:
        """Whether any element has a local field."""
        return bool((self.lo < self.hi).any())

    @property
    def seen(self) -> bool:
        """Whether any element sees anything."""
        return self.local or bool(self.whole.any())


def source_table(shape: Shape, axis: int, *, extended: bool) -> FieldTable:
    """The table of the input itself: element ``i`` sees ``[i, i+1)``."""
    ones = [1] * len(shape)
    if not extended:
        ones[axis] = shape[axis]
    lo = np.arange(ones[axis], dtype=np.int64).reshape(ones)
    whole = np.zeros([1] * len(shape), dtype=np.bool_)
    if extended:
        return FieldTable(lo, lo + 1, whole, axis, 1)
    return FieldTable(lo, lo + 1, whole, clipped=True)


def carry(table: FieldTable, step: Step, before: Shape, node: str) -> FieldTable:
    """The table after one step of a relation; ``before`` is the shape before it, ``node`` whose step it is."""
    match step:
        case Along(axis, axis_map):
            return _along(table, axis, axis_map, node)
        case Permute(order):
            place = None if table.extended is None else order.index(table.extended)
            return _each(table, lambda a: a.transpose(order), place)
        case Insert(axis):
            return _each(table, lambda a: np.expand_dims(a, axis), _moved(table, axis, 1))
        case Drop(axis):
            return _drop(table, axis)
        case Merge(axis):
            return _merge(table, axis, before[axis], before[axis + 1])
        case Split():
            return _split(table, step, before[step.axis])


def unite(tables: list[FieldTable], shape: Shape) -> FieldTable:
    """The union of several tables over one tensor."""
    first, *rest = tables
    for table in rest:
        first = _unite(first, table, shape)
    return first


def finite(table: FieldTable, size: int) -> FieldTable:
    """The same table with its extended axis, of ``size`` elements, written out."""
    axis = table.extended
    if axis is None:
        return table
    periods, phases = np.divmod(np.arange(size), table.period)
    shift = _shaped(periods * table.step, axis, table.lo.ndim)
    lo, hi = table.lo.take(phases, axis) + shift, table.hi.take(phases, axis) + shift
    return replace(table, lo=lo, hi=hi, extended=None, step=0)


def _each(table: FieldTable, move: Callable[[Values], Values], extended: int | None) -> FieldTable:
    return replace(table, lo=move(table.lo), hi=move(table.hi), whole=move(table.whole), extended=extended)


def _moved(table: FieldTable, axis: int, by: int) -> int | None:
    """Where the extended axis stands once ``by`` axes come in at ``axis``."""
    extended = table.extended
    return extended + by if extended is not None and extended >= axis else extended


def _shaped(values: Ints, axis: int, rank: int) -> Ints:
    return values.reshape([-1 if k == axis else 1 for k in range(rank)])


def _along(table: FieldTable, axis: int, axis_map: AxisMap, node: str) -> FieldTable:
    if table.extended != axis:
        lo = spread(table.lo, axis, axis_map, np.minimum, FAR)
        hi = spread(table.hi, axis, axis_map, np.maximum, -FAR)
        whole = spread(table.whole, axis, axis_map, np.logical_or, False)
        return table if lo is table.lo and whole is table.whole else replace(table, lo=lo, hi=hi, whole=whole)
    if isinstance(axis_map, TapMap) and axis_map.periodic:
        return _slide(table, axis, axis_map)
    if isinstance(axis_map, Whole | Prefix):
        return _go_global(table, axis, axis_map, node)
    return _along(finite(table, axis_map.in_size), axis, axis_map, node)


def _slide(table: FieldTable, axis: int, m: TapMap) -> FieldTable:
    """A periodic map along the extended axis: the period becomes the common one of table and map."""
    repeats = table.period // gcd(table.period, m.in_step)
    lo_parts, hi_parts = [], []
    for i in range(repeats * m.out_step):
        taps = np.array(m.virtual(i), dtype=np.int64)
        if taps.size == 0:
            lo_parts.append(np.full_like(table.lo.take([0], axis), FAR))
            hi_parts.append(np.full_like(table.hi.take([0], axis), -FAR))
            continue
        periods, phases = np.divmod(taps, table.period)
        shift = _shaped(periods * table.step, axis, table.lo.ndim)
        lo_parts.append((table.lo.take(phases, axis) + shift).min(axis, keepdims=True))
        hi_parts.append((table.hi.take(phases, axis) + shift).max(axis, keepdims=True))
    one = len(lo_parts) == 1
    lo = lo_parts[0] if one else np.concatenate(lo_parts, axis)
    hi = hi_parts[0] if one else np.concatenate(hi_parts, axis)
    step = table.step * (repeats * m.in_step) // table.period
    whole = spread(table.whole, axis, m, np.logical_or, False)
    return replace(table, lo=lo, hi=hi, whole=whole, step=step)


def _go_global(table: FieldTable, axis: int, m: Whole | Prefix, node: str) -> FieldTable:
    """An operator that reads the extended axis from end to end: the local field ends here."""
    if m.in_size == 1 and table.step == 0:
        return replace(finite(table, 1), extended=None)
    seen = (table.lo < table.hi).any(axis, keepdims=True)
    whole = spread(table.whole, axis, Whole(m.in_size), np.logical_or, False) | seen
    empty = np.full([1] * table.lo.ndim, FAR, dtype=np.int64)
    via = table.via | {node} if seen.any() else table.via
    return FieldTable(empty, -empty, whole, None, 0, via, at_most=table.at_most)


def spread(values: Values, axis: int, m: AxisMap, op: np.ufunc, empty: int | bool) -> Values:
    """Literal values carried along one axis: each output takes ``op`` over what it reads."""
    uniform = values.shape[axis] == 1
    if not isinstance(m, TapMap):
        if uniform:
            return values
        if isinstance(m, Whole):
            return np.asarray(op.reduce(values, axis=axis, keepdims=True))
        if isinstance(m, Groups):
            return _spread_groups(values, axis, m, op)
        turned = np.flip(values, axis) if m.reverse else values
        scanned = op.accumulate(turned, axis)
        return np.flip(scanned, axis) if m.reverse else scanned
    if uniform and _covers(m):
        return values
    shape = list(values.shape)
    shape[axis] = m.out_size
    out = np.full(shape, empty, dtype=values.dtype)
    before = (slice(None),) * axis
    for run in m.runs():
        stop = run.out_start + run.count * run.out_step
        target = out[(*before, slice(run.out_start, stop, run.out_step))]
        read = values if uniform else values[(*before, strided(run.in_start, run.in_step, run.count))]
        op(target, read, out=target)
    return out


def _spread_groups(values: Values, axis: int, m: Groups, op: np.ufunc) -> Values:
    shape = values.shape
    split = values.reshape(*shape[:axis], m.groups, m.in_size // m.groups, *shape[axis + 1 :])
    return np.asarray(op.reduce(split, axis=axis + 1)).repeat(m.out_size // m.groups, axis)


@lru_cache(maxsize=4096)
def _covers(m: TapMap) -> bool:
    """Whether every output unit reads at least one real index."""
    read = np.zeros(m.out_size, dtype=np.bool_)
    for run in m.runs():
        read[run.out_start : run.out_start + run.count * run.out_step : run.out_step] = True
    return bool(read.all())


def _drop(table: FieldTable, axis: int) -> FieldTable:
    if table.extended == axis:
        table = finite(table, 1)
    return _each(table, lambda a: a.squeeze(axis), _moved(table, axis, -1))


def _merge(table: FieldTable, axis: int, outer: int, inner: int) -> FieldTable:
    whole = _flatten(table.whole, axis, outer, inner)
    extended = table.extended
    if extended == axis:
        lo, hi = (_flatten(a, axis, table.period, inner) for a in (table.lo, table.hi))
        if inner != 1 and lo.shape[axis] == 1:
            lo, hi = (a.repeat(table.period * inner, axis) for a in (lo, hi))
        return replace(table, lo=lo, hi=hi, whole=whole)
    if extended == axis + 1:
        table = finite(table, inner)
        if table.lo.shape[axis] == 1:
            lo, hi = (_flatten(a, axis, 1, inner) for a in (table.lo, table.hi))
            return replace(table, lo=lo, hi=hi, whole=whole, extended=axis, step=0)
    lo, hi = (_flatten(a, axis, outer, inner) for a in (table.lo, table.hi))
    return replace(table, lo=lo, hi=hi, whole=whole, extended=_moved(table, axis + 1, -1))


def _flatten(values: Values, axis: int, outer: int, inner: int) -> Values:
    """Two axes as one; stays of length 1 where nothing changes along either."""
    shape = list(values.shape)
    if shape[axis] == shape[axis + 1] == 1:
        return values.squeeze(axis)
    full = [*shape[:axis], outer, inner, *shape[axis + 2 :]]
    return np.broadcast_to(values, full).reshape([*shape[:axis], outer * inner, *shape[axis + 2 :]])


def _split(table: FieldTable, s: Split, n: int) -> FieldTable:
    whole = _unflatten(table.whole, s, n, False)
    if table.extended != s.axis:
        lo, hi = _unflatten(table.lo, s, n, FAR), _unflatten(table.hi, s, n, -FAR)
        moved = _moved(table, s.axis + 1, 1)
        split = _narrow(replace(table, lo=lo, hi=hi, whole=whole, extended=moved), s.axis, s.axis + 1)
        return extend(split, s.axis, s.axis + 1) if moved is None else split
    repeats = table.period // gcd(table.period, s.stride)
    indices = (np.arange(repeats)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset).ravel()
    periods, phases = np.divmod(indices, table.period)
    shift = _shaped(periods * table.step, s.axis, table.lo.ndim)
    shape = (*table.lo.shape[: s.axis], repeats, s.inner, *table.lo.shape[s.axis + 1 :])
    lo = (table.lo.take(phases, s.axis) + shift).reshape(shape)
    hi = (table.hi.take(phases, s.axis) + shift).reshape(shape)
    step = table.step * repeats * s.stride // table.period
    split = _narrow(replace(table, lo=lo, hi=hi, whole=whole, step=step), s.axis + 1)
    return extend(split, s.axis + 1) if step == 0 and repeats == 1 else split


def _unflatten(values: Values, s: Split, n: int, empty: int | bool) -> Values:
    indices = np.arange(s.outer)[:, None] * s.stride + np.arange(s.inner) * s.dilation + s.offset
    inside = (indices >= 0) & (indices < n)
    if values.shape[s.axis] == 1 and inside.all():
        return np.expand_dims(values, s.axis)
    found: Values = values.take(np.clip(indices, 0, values.shape[s.axis] - 1), s.axis)
    if not inside.all():
        keep = inside.reshape([1] * s.axis + list(indices.shape) + [1] * (values.ndim - s.axis - 1))
        found = np.where(keep, found, np.array(empty, dtype=values.dtype))
    return found


def _narrow(table: FieldTable, *axes: int) -> FieldTable:
    """The same table with length 1 along those of ``axes`` on which nothing changes."""
    for axis in axes:
        parts = (table.lo, table.hi)
        firsts = [part.take([0], axis) for part in parts]
        if table.lo.shape[axis] > 1 and all((part == one).all() for part, one in zip(parts, firsts, strict=True)):
            table = replace(table, lo=firsts[0], hi=firsts[1])
    return table


def extend(table: FieldTable, *axes: int) -> FieldTable:
    """The table extended along the first of ``axes`` whose literal values repeat with a constant shift.

    A reshape that is later undone loses the extension in between; this finds it again.
    """
    for axis in () if table.clipped else axes:
        n = table.lo.shape[axis]
        for period in range(1, n // 2 + 1):
            step = _repeats(table, axis, period) if n % period == 0 else 0
            if step:
                lo, hi = (values.take(range(period), axis) for values in (table.lo, table.hi))
                return replace(table, lo=lo, hi=hi, extended=axis, step=step)
    return table


def _repeats(table: FieldTable, axis: int, period: int) -> int:
    """The shift with which a table repeats along an axis after ``period`` elements; zero where it does not."""
    n = table.lo.shape[axis]
    moves = [
        values.take(range(period, n), axis) - values.take(range(n - period), axis) for values in (table.lo, table.hi)
    ]
    step = int(moves[0].flat[0])
    return step if all((move == step).all() for move in moves) else 0


def _unite(a: FieldTable, b: FieldTable, shape: Shape) -> FieldTable:
    if a is b:
        return a
    whole = a.whole | b.whole
    via, misaligned, at_most = a.via | b.via, a.misaligned | b.misaligned, a.at_most | b.at_most
    if not a.local or not b.local:
        kept = a if a.local else b
        return replace(kept, whole=whole, via=via, misaligned=misaligned, at_most=at_most)
    if a.extended != b.extended or a.step * b.period != b.step * a.period:
        a, b = (t if t.extended is None else finite(t, shape[t.extended]) for t in (a, b))
    elif a.period != b.period:
        common = lcm(a.period, b.period)
        a, b = _repeat(a, common), _repeat(b, common)
    lo, hi = np.minimum(a.lo, b.lo), np.maximum(a.hi, b.hi)
    return replace(a, lo=lo, hi=hi, whole=whole, via=via, misaligned=misaligned, at_most=at_most)


def _repeat(table: FieldTable, period: int) -> FieldTable:
    """The same table with a longer period."""
    axis, times = table.extended, period // table.period
    if axis is None or times == 1:
        return table
    longer = finite(table, period)
    return replace(longer, extended=axis, step=table.step * times)
