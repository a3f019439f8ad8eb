"""Elements that are surely zero, carried along relations: what reads nothing but zeros is zero where sums make it.

A tensor's ``lit`` elements are those that may differ from zero: booleans of the tensor's rank, with length 1 along
every axis on which nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.geometry import AxisMap, Groups, Prefix, TapMap, strided
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Reads, Relation, Shape, Split

Lit = NDArray[np.bool_]

LARGEST_LIT = 1 << 22


class TooManyError(Exception):
    """More elements than are followed."""


def narrow(lit: Lit) -> Lit:
    """The same elements with length 1 along every axis on which nothing changes.

    >>> narrow(np.array([[True, False], [True, False]]))
    array([[ True, False]])
    """
    for axis in range(lit.ndim):
        first = lit.take([0], axis) if lit.shape[axis] else lit
        if lit.shape[axis] > 1 and (lit == first).all():
            lit = first
    return lit


def lit_after(parts: Iterable[tuple[Reads, Shape, Lit]], shape: Shape) -> Lit | None:
    """The elements of an output of ``shape`` that read a lit one of any input; None where those are too many.

    Each part is an input: how it is read, its shape, and which of its elements are lit.
    """
    found: Lit = np.zeros((1,) * len(shape), np.bool_)
    try:
        for reads, before, lit in parts:
            found = reduce(np.logical_or, (reached(relation, before, lit) for relation in reads), found)
    except TooManyError:
        return None
    return narrow(found) if found.size <= LARGEST_LIT else None


def reached(relation: Relation, shape: Shape, lit: Lit) -> Lit:
    """The elements of the output that read a lit element through one relation.

    >>> from striate.geometry import pad_map
    >>> reached((Along(0, pad_map(3, 1, 0)),), (3,), np.array([True]))
    array([False,  True,  True,  True])
    """
    for step in relation:
        match step:
            case Along(axis, along):
                lit = _along(lit, axis, along)
            case Permute(order):
                lit = lit.transpose(order)
            case Insert(axis):
                lit = np.expand_dims(lit, axis)
            case Drop(axis):
                lit = np.asarray(lit.take(0, axis), np.bool_)
            case Merge(axis):
                lit = _merged(lit, axis, shape)
            case Split():
                lit = _split(lit, step, shape)
        shape = step.shape(shape)
    return lit


def _along(lit: Lit, axis: int, along: AxisMap) -> Lit:
    """Lit where any element that is read is; an axis that comes out alike stays at length 1."""
    if lit.shape[axis] != along.in_size:
        reads = np.zeros(along.out_size, np.bool_)
        _gathered(np.ones(along.in_size, np.bool_), reads, along)
        return lit if reads.all() else _room(lit, axis, reads.size) & _placed(reads, axis, lit.ndim)
    shape = list(lit.shape)
    shape[axis] = along.out_size
    if prod(shape) > LARGEST_LIT:
        raise TooManyError
    found = np.zeros(shape, np.bool_)
    _gathered(np.moveaxis(lit, axis, 0), np.moveaxis(found, axis, 0), along)
    return found


def _room(lit: Lit, axis: int, size: int) -> Lit:
    if lit.size * size > LARGEST_LIT:
        raise TooManyError
    return lit


def _placed(line: Lit, axis: int, rank: int) -> Lit:
    return line.reshape([-1 if k == axis else 1 for k in range(rank)])


def _gathered(lit: Lit, found: Lit, along: AxisMap) -> None:
    """Write to ``found``, along the first axis, what a map reads of ``lit``."""
    match along:
        case TapMap():
            for run in along.runs():
                into = strided(run.out_start, run.out_step, run.count)
                found[into] |= lit[strided(run.in_start, run.in_step, run.count)]
        case Prefix(_, reverse):
            found[:] = np.logical_or.accumulate(lit[::-1])[::-1] if reverse else np.logical_or.accumulate(lit)
        case Groups(n, count, groups):
            blocks = lit.reshape(groups, n // groups, *lit.shape[1:]).any(axis=1)
            found[:] = np.repeat(blocks, count // groups, axis=0)
        case _:
            found[:] = lit.any(axis=0)


def _merged(lit: Lit, axis: int, shape: Shape) -> Lit:
    pair = lit.shape[axis : axis + 2]
    if pair != (1, 1):
        full = (*lit.shape[:axis], *shape[axis : axis + 2], *lit.shape[axis + 2 :])
        if prod(full) > LARGEST_LIT:
            raise TooManyError
        lit, pair = np.broadcast_to(lit, full), shape[axis : axis + 2]
    return lit.reshape(*lit.shape[:axis], prod(pair), *lit.shape[axis + 2 :])


def _split(lit: Lit, split: Split, shape: Shape) -> Lit:
    axis, n = split.axis, shape[split.axis]
    places = np.arange(split.outer)[:, None] * split.stride + np.arange(split.inner) * split.dilation + split.offset
    inside = (places >= 0) & (places < n)
    if lit.shape[axis] != n and inside.all():
        return np.expand_dims(lit, axis)
    if lit.size // lit.shape[axis] * places.size > LARGEST_LIT:
        raise TooManyError
    taken = places.clip(0, n - 1) if lit.shape[axis] == n else np.zeros_like(places)
    line = inside.reshape((1,) * axis + inside.shape + (1,) * (lit.ndim - axis - 1))
    return np.asarray(lit.take(taken, axis) & line, np.bool_)
