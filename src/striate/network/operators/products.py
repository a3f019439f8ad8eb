"""Products of matrices: with weights, with each other, by letters, and as attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.geometry import AxisMap, Prefix, TapMap, Whole, expand_map
from striate.network.operators.base import Operator, Output, Result, one, weighted
from striate.network.operators.combine import broadcast_shape
from striate.network.operators.kinds import Positive, Size, Sizes
from striate.network.operators.values import Mask
from striate.network.relation import (
    NOTHING,
    Along,
    Drop,
    Insert,
    Permute,
    Reads,
    Relation,
    Shape,
    Step,
    broadcast,
    drop,
    everything,
    masked,
    reduce,
    shape_after,
)

Bools = NDArray[np.bool_]


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
