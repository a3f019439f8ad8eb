"""The union of pieces: those that move alike become one, what adds nothing goes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import lcm, prod

import numpy as np

from striate.fields.flat import canonical, flat, isolated, plain
from striate.fields.pieces import FAR, Dim, Piece, at, changed, finite, narrowed, on_view
from striate.fields.views import Digit, Place, leaves

MANY, LARGE = 6, 2**20


def together(pieces: Iterable[Piece]) -> list[Piece]:
    """A few pieces that together say what all of ``pieces`` say."""
    return fewest(_side_by_side(dict.fromkeys(pieces)))


def fewest(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, those that move alike as one."""
    found: list[Piece] = []
    for piece in pieces:
        _enter(found, piece)
    return found


def few(pieces: Sequence[Piece], settled: bool) -> Sequence[Piece]:
    """The pieces, where they are too many without the rules they follow; where ``settled``, without idle ones."""
    if settled:
        pieces = _without_idle(pieces)
    if sum(not piece.whole for piece in pieces) > MANY:
        whole = [piece for piece in pieces if piece.whole]
        return [*_without_rules(piece for piece in pieces if not piece.whole), *whole]
    return pieces


def _without_rules(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces written out, one for all that vary along the same axes."""
    found: list[Piece] = []
    for piece in map(_closed, pieces):
        for k, other in enumerate(found):
            if _small(other, piece):
                found[k] = _joined(other, piece)
                break
        else:
            found.append(piece)
    return found


def _side_by_side(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, those that differ only in where they stand along one axis written into one."""
    groups: dict[Hashable, list[Piece]] = {}
    for piece in pieces:
        axis = _placed(piece)
        groups.setdefault(id(piece) if axis is None else _row(piece, axis), []).append(piece)
    return [group[0] if len(group) == 1 else _in_a_row(group) for group in groups.values()]


def _placed(piece: Piece) -> int | None:
    """The first axis that runs over one whole literal dimension and beyond it."""
    for axis, place in enumerate(piece.view):
        if not place.full and len(place.digits) == 1:
            dim = place.digits[0].root
            if isinstance(dim, int) and place.digits[0].size == piece.dims[dim].size and not piece.dims[dim].open:
                return axis
    return None


def _row(piece: Piece, axis: int) -> Hashable:
    """What pieces side by side along an axis have in common."""
    place = piece.view[axis]
    dim = place.digits[0].root
    assert isinstance(dim, int)
    alike = [(*part[:dim], *part[dim + 1 :]) for part in (piece.dims, piece.lo.shape)]
    return axis, dim, place.size, piece.whole, *alike, (*piece.view[:axis], *piece.view[axis + 1 :])


def _in_a_row(group: list[Piece]) -> Piece:
    """Pieces side by side as one."""
    first, axis = group[0], _placed(group[0])
    assert axis is not None
    dim, size = first.view[axis].digits[0].root, first.view[axis].size
    assert isinstance(dim, int)
    shape = [size if k == dim else n for k, n in enumerate(first.lo.shape)]
    lo, hi = np.full(shape, FAR, dtype=np.int64), np.full(shape, -FAR, dtype=np.int64)
    for piece in group:
        start = piece.view[axis].offset
        here = (*(slice(None),) * dim, slice(start, start + piece.dims[dim].size))
        np.minimum(lo[here], piece.lo, out=lo[here])
        np.maximum(hi[here], piece.hi, out=hi[here])
    grown = any(piece.dims[dim].grown for piece in group)
    joined = changed(first, dim, Dim(size, grown=(size,) if grown else ()), lo, hi)
    return narrowed(on_view(joined, axis, Place((Digit(dim, size),), size)), dim)


def _enter(found: list[Piece], piece: Piece) -> None:
    """Add a piece, or unite it with the first that moves alike."""
    for k, other in enumerate(found):
        both = _union(other, piece)
        if both is not None:
            found[k] = both
            return
    found.append(piece)


def _union(a: Piece, b: Piece) -> Piece | None:
    """Two pieces as one; None where they do not move alike, or where one array would be much larger than two."""
    if a is b:
        return a
    if a.whole != b.whole:
        return None
    if a.view != b.view and not a.whole and _surely_apart(a, b):
        return None
    a, b = _on_one_view(a, b)
    if a.whole:
        a, b = _written(a), _written(b)
    for dim in range(len(a.dims)):
        pair = _alike(a, b, dim)
        if pair is None:
            return None
        a, b = pair
    return _joined(a, b) if _small(a, b) else None


def _small(a: Piece, b: Piece) -> bool:
    """Whether one array for two pieces is not much larger than their own."""
    both: int = prod(max(n, m) for n, m in zip(a.lo.shape, b.lo.shape, strict=True))
    return both <= 4 * (a.lo.size + b.lo.size)


def _surely_apart(a: Piece, b: Piece) -> bool:
    """Whether one piece moves or grows along an axis along which the other does not, on whatever view."""
    both = _moving(a), _moving(b)
    return (None not in both and both[0] != both[1]) or _grows_alone(a, b) or _grows_alone(b, a)


def _grows_alone(a: Piece, b: Piece) -> bool:
    """Whether one piece stands somewhere along an axis that grows, and the other all along it without growing."""
    return any(
        not p.full and q.full and q.digits and plain(a, p) and plain(b, q)
        and any(a.dims[dim].grown for dim in leaves((p,)))
        and not any(b.dims[dim].open or b.dims[dim].grown for dim in leaves((q,)))
        for p, q in zip(a.view, b.view, strict=True)
    )  # fmt: skip


def _moving(piece: Piece) -> set[int] | None:
    """The axes along which a piece moves on for ever once their digits are one; None where that is hard to tell."""
    found = set()
    for axis, place in enumerate(piece.view):
        for k, digit in enumerate(place.digits):
            if isinstance(digit.root, tuple):
                return None
            d = piece.dims[digit.root]
            if k == 0 and place.full and d.open and d.step and digit.size * digit.stride == d.size:
                found.add(axis)
    return found


def _on_one_view(a: Piece, b: Piece) -> tuple[Piece, Piece]:
    """Two pieces of one tensor with the same view; axes that run over like digits in both are left as they are."""
    if a.view == b.view:
        return a, b
    a, b = canonical(a), canonical(b)
    for axis in range(len(a.view)):
        form = _form(a, axis)
        if form is None or form != _form(b, axis):
            a, b = isolated(a, axis)[0], isolated(b, axis)[0]
    a, b = canonical(a), canonical(b)
    return (a, b) if a.view == b.view else (flat(a), flat(b))


def _form(piece: Piece, axis: int) -> tuple[int, ...] | None:
    """The sizes of an axis's dimensions, and where they stand in it; None where it does not run over whole ones."""
    place = piece.view[axis]
    whole = all(isinstance(d.root, int) and piece.dims[d.root].size == d.size for d in place.digits)
    return (place.offset, place.size, *(d.size for d in place.digits)) if whole else None


def _joined(a: Piece, b: Piece) -> Piece:
    dims = tuple(d._replace(grown=d.grown or e.grown) for d, e in zip(a.dims, b.dims, strict=True))
    joined = Piece(np.minimum(a.lo, b.lo), np.maximum(a.hi, b.hi), dims, a.view, a.whole)
    for dim in range(len(dims) if a.whole else 0):
        joined = narrowed(joined, dim)
    return joined


def _alike(a: Piece, b: Piece, dim: int) -> tuple[Piece, Piece] | None:
    """Two pieces with the same period along a dimension; None where they do not move, or not grow, alike."""
    d, e = a.dims[dim], b.dims[dim]
    if d.open and e.open:
        n, m = a.lo.shape[dim], b.lo.shape[dim]
        if d.step * m != e.step * n:
            return None
        return _repeated(a, dim, lcm(n, m)), _repeated(b, dim, lcm(n, m))
    if d.open == e.open:
        same = d.grown == e.grown or a.lo.shape[dim] == b.lo.shape[dim] == 1
        return (a, b) if same else None
    loose, fixed = (a, b) if d.open else (b, a)
    if not loose.uniform(dim):
        return None
    if fixed.uniform(dim):
        fixed = changed(fixed, dim, fixed.dims[dim]._replace(open=True), fixed.lo, fixed.hi)
    else:
        loose = finite(loose, dim)
    return (loose, fixed) if d.open else (fixed, loose)


def _repeated(piece: Piece, dim: int, period: int) -> Piece:
    """The same piece with a longer period."""
    n, d = piece.lo.shape[dim], piece.dims[dim]
    if n == period or piece.uniform(dim):
        return piece
    return changed(piece, dim, d._replace(step=d.step * period // n), *at(piece, dim, np.arange(period)))


def _written(piece: Piece) -> Piece:
    """The piece with every dimension literal."""
    for dim in range(len(piece.dims)):
        piece = finite(piece, dim)
    return piece


def _closed(piece: Piece) -> Piece:
    return _written(flat(piece))


def _without_idle(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces without the literal ones that add nothing to another."""
    if len(pieces) < 2:
        return pieces
    kept = list(pieces)
    for piece in pieces:
        if not piece.whole and not any(d.step for d in piece.dims):
            others = [other for other in kept if other is not piece and not other.whole]
            if any(_adds_nothing(piece, other) for other in others):
                kept = [other for other in kept if other is not piece]
    return kept


def _adds_nothing(piece: Piece, other: Piece) -> bool:
    """Whether each unit of ``other`` sees all that it sees in ``piece``."""
    a, b = _closed(piece), _closed(other)
    if prod(max(n, m) for n, m in zip(a.lo.shape, b.lo.shape, strict=True)) > LARGE:
        return False
    empty = a.lo >= a.hi
    alone = tuple(k for k, n in enumerate(b.lo.shape) if n == 1)
    lo = np.where(empty, FAR, a.lo).min(axis=alone, keepdims=True)
    hi = np.where(empty, -FAR, a.hi).max(axis=alone, keepdims=True)
    alone = tuple(k for k, n in enumerate(a.lo.shape) if n == 1)
    low, high = b.lo.max(axis=alone, keepdims=True), b.hi.min(axis=alone, keepdims=True)
    return bool(((lo > hi) | ((low <= lo) & (high >= hi))).all())
