"""Literal values carried along one axis through a map: each output takes an operation over what it reads."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry import AxisMap, Border, Groups, TapMap, Whole, strided

Values = NDArray[Any]


def spread(values: Values, axis: int, m: AxisMap, op: np.ufunc, empty: int) -> Values:
    """``values`` along ``axis`` (of length 1 where all are alike) after the map; ``empty`` where nothing is read."""
    uniform = values.shape[axis] == 1
    if not isinstance(m, TapMap):
        if uniform:
            return values
        if isinstance(m, Whole):
            return np.asarray(op.reduce(values, axis=axis, keepdims=True))
        if isinstance(m, Groups):
            return _groups(values, axis, m, op)
        turned = np.flip(values, axis) if m.reverse else values
        scanned = op.accumulate(turned, axis)
        return np.flip(scanned, axis) if m.reverse else scanned
    if uniform and _covers(m):
        return values
    single = _single(m)
    if single is not None:
        picked = values.take(np.maximum(single, 0) if not uniform else np.zeros_like(single), axis)
        keep = (single >= 0).reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        return np.where(keep, picked, np.array(empty, values.dtype))
    shape = list(values.shape)
    shape[axis] = m.out_size
    out = np.full(shape, empty, dtype=values.dtype)
    before = (slice(None),) * axis
    for run in m.runs():
        target = out[(*before, strided(run.out_start, run.out_step, run.count))]
        read = values if uniform else values[(*before, strided(run.in_start, run.in_step, run.count))]
        op(target, read, out=target)
    return out


def _groups(values: Values, axis: int, m: Groups, op: np.ufunc) -> Values:
    shape = values.shape
    split = values.reshape(*shape[:axis], m.groups, m.in_size // m.groups, *shape[axis + 1 :])
    return np.asarray(op.reduce(split, axis=axis + 1)).repeat(m.out_size // m.groups, axis)


@lru_cache(maxsize=4096)
def _single(m: TapMap) -> NDArray[np.int64] | None:
    """The one index each unit reads, -1 where it reads none; None where the map has a pattern, or units read more."""
    if m.in_step or m.border is not Border.ZERO or m.out_step < m.out_size or any(len(taps) > 1 for taps in m.taps):
        return None
    found = np.array([taps[0] if taps else -1 for taps in m.taps[: m.out_size]], dtype=np.int64)
    return np.where(found < m.in_size, found, -1)


@lru_cache(maxsize=4096)
def _covers(m: TapMap) -> bool:
    """Whether every output unit reads at least one real index."""
    read = np.zeros(m.out_size, dtype=np.bool_)
    for run in m.runs():
        read[strided(run.out_start, run.out_step, run.count)] = True
    return bool(read.all())
