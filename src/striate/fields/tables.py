"""Field tables: the hull, along one input axis, that every element of a tensor sees.

A table is the union of a few pieces (``fields.pieces``). Pieces that move alike become one; those that do not stand
side by side, so that each keeps its rule: the local path of an attention beside its global one, a query beside its
key, branches of unlike strides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from striate.fields.pieces import (
    FAR,
    Dim,
    Ints,
    Piece,
    added,
    at,
    changed,
    finite,
    flat,
    isolated,
    on_view,
    resolved,
    source_piece,
    split_dim,
    through,
    values_at,
    viewed,
    without,
)
from striate.fields.reopen import closed, reopened
from striate.fields.shared import Shared
from striate.fields.uniting import few, fewest, together
from striate.fields.views import Digit, Place, cut, joined, leaves, span
from striate.geometry import AxisMap, Border, Groups, Interval, Prefix, TapMap, Whole
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Reads, Relation, Shape, Split, Step


class Ended(NamedTuple):
    """The steps of a relation that end a local field, and whether they end every one."""

    steps: frozenset[int]
    every: bool


@dataclass(frozen=True, eq=False)
class FieldTable:
    """What each element of a tensor sees along one input axis of ``extent`` elements.

    Local pieces speak of the field without global paths, whole ones mark the elements that see the whole axis
    through a global operator; ``via`` names those operators, ``misaligned`` the merges above whose branches'
    centres disagree, ``at_most`` the nodes whose claim is an upper bound. A ``clipped`` table holds true hulls.
    """

    pieces: tuple[Piece, ...]
    extent: int
    clipped: bool = False
    via: frozenset[str] = frozenset()
    misaligned: frozenset[str] = frozenset()
    at_most: frozenset[str] = frozenset()

    @property
    def local(self) -> bool:
        """Whether any element has a local field."""
        return any(not piece.whole for piece in self.pieces)

    @property
    def whole(self) -> bool:
        """Whether any element sees the whole axis through a global operator."""
        return any(piece.whole for piece in self.pieces)

    def without_whole(self) -> FieldTable:
        """The table of the local fields alone."""
        if not self.whole:
            return self
        return replace(self, pieces=tuple(piece for piece in self.pieces if not piece.whole), via=frozenset())

    @cached_property
    def flat(self) -> tuple[Piece, ...]:
        """The pieces with one dimension for each axis of the tensor."""
        return tuple(flat(piece) for piece in self.pieces)

    def holding(self, pieces: tuple[Piece, ...], via: frozenset[str] | None = None) -> FieldTable:
        """The same with other pieces, and other global operators where some are given."""
        via = self.via if via is None else via
        return FieldTable(pieces, self.extent, self.clipped, via, self.misaligned, self.at_most)

    def interval(self, index: Sequence[int | slice]) -> Interval:
        """What one unit sees, a slice standing for the whole axis; unbounded where it sees the whole axis."""
        low, high = FAR, -FAR
        for piece in self.flat:
            lo, hi = values_at(piece, index)
            seen = lo < hi
            if piece.whole and seen.any():
                return Interval.UNBOUNDED
            if seen.any():
                low, high = min(low, int(lo[seen].min())), max(high, int(hi[seen].max()))
        return Interval(low, high) if low < high else Interval(0, 0)

    def profile(self, axis: int | None, size: int) -> tuple[Ints, Ints]:
        """The lowest and highest pixel that each index of an axis of the tensor sees, over all other axes.

        Without an axis, those of all elements together.
        """
        low, high = np.full(size, FAR, dtype=np.int64), np.full(size, -FAR, dtype=np.int64)
        for piece in self.flat:
            for dim in range(len(piece.dims)):
                piece = finite(piece, dim)
            others = tuple(dim for dim in range(len(piece.dims)) if dim != axis)
            low = np.minimum(low, piece.lo.min(axis=others))
            high = np.maximum(high, piece.hi.max(axis=others))
        return low, high


def source_table(shape: Shape, spatial: Sequence[int], axis: int, *, clipped: bool) -> FieldTable:
    """The table of the input itself: element ``i`` sees ``[i, i+1)``."""
    return FieldTable((source_piece(shape, spatial, axis, clipped=clipped),), shape[axis], clipped)


def carried(
    table: FieldTable, reads: Reads, node: str, *, alone: bool, shared: Shared
) -> tuple[FieldTable, Mapping[Relation, Ended]]:
    """The table of an output of ``node``: what it reads of one input through some relations, and which are global.

    ``alone`` says that nothing else of the output depends on the input, so that a part of a concatenation is a pad.
    """
    found, everything, alone = [], {}, alone and len(reads) == 1
    for relation in reads:
        pieces, ended = _through(table.pieces, relation, alone, table.extent, shared)
        same = pieces == table.pieces and not ended
        via = table.via | {node} if ended else table.via
        found.append(table if same else table.holding(pieces, via))
        if ended:
            everything[relation] = Ended(ended, all(piece.whole for piece in pieces))
    return found[0] if len(found) == 1 else unite(found, shared, settled=False), everything


def _through(
    pieces: tuple[Piece, ...], relation: Relation, alone: bool, extent: int, shared: Shared
) -> tuple[tuple[Piece, ...], frozenset[int]]:
    """The pieces after a relation, and which of its steps ended a local field."""
    ended: set[int] = set()
    position = 0
    for steps in _stages(relation):
        match steps:
            case (Along(axis, m),) if _unbroken(m):
                ends = shared.once(_ended, pieces, axis, extent)
                pieces = shared.alike(_all_of, pieces, axis, m, ends)
                ended |= {position} if any(ends) else set()
            case _:
                pieces = shared.alike(_after, pieces, steps, alone)
        position += len(steps)
    return pieces, frozenset(ended)


@lru_cache(maxsize=4096)
def _stages(relation: Relation) -> tuple[Relation, ...]:
    """The steps of a relation, those together that only move what fields begin and end with."""
    found: list[list[Step]] = []
    for step in relation:
        alone = isinstance(step, Along) and _unbroken(step.map)
        if alone or not found or (isinstance(found[-1][0], Along) and _unbroken(found[-1][0].map)):
            found.append([])
        found[-1].append(step)
    return tuple(map(tuple, found))


def _unbroken(m: AxisMap) -> bool:
    """Whether units of a map read an axis from one end on."""
    return isinstance(m, Whole | Prefix) or (isinstance(m, Groups) and m.groups == 1)


def _after(pieces: tuple[Piece, ...], steps: Relation, alone: bool) -> Iterator[Piece]:
    """The pieces after some steps that read no axis from end to end, but those that see nothing any more."""
    for piece in pieces:
        values = piece.lo
        for step in steps:
            match step:
                case Along(axis, TapMap() as m) if alone and _shifts(m) and not m.periodic:
                    piece = _along(piece, axis, replace(m, periodic=True))
                case Along(axis, m):
                    piece = _along(piece, axis, m)
                case _:
                    piece = _moved(piece, step)
        if piece.lo is values or piece.seen:
            yield piece


def _shifts(m: AxisMap) -> bool:
    """Whether a map only moves an axis, or cuts or pads it with zeros."""
    return isinstance(m, TapMap) and m.in_step == 1 and list(map(len, m.taps)) == [1] and m.border is Border.ZERO


def _moved(piece: Piece, step: Step) -> Piece:
    """A step that moves elements without reading past any axis."""
    match step:
        case Permute(order):
            return viewed(piece, (piece.view[axis] for axis in order))
        case Insert(axis):
            return viewed(piece, (*piece.view[:axis], Place((), 1), *piece.view[axis:]))
        case Drop(axis):
            return _dropped(piece, axis)
        case Merge(axis):
            return _merged(piece, axis)
        case Split():
            return _split(piece, step)
        case _:
            raise TypeError(f"{type(step).__name__} is no step that moves elements")


def _dropped(piece: Piece, axis: int) -> Piece:
    if piece.view[axis].digits:
        piece, dim = isolated(piece, axis)
        piece = without(finite(piece, dim), dim)
    return viewed(piece, (*piece.view[:axis], *piece.view[axis + 1 :]))


def _merged(piece: Piece, axis: int) -> Piece:
    for one in (axis, axis + 1):
        if piece.view[one].size == 1:
            return _dropped(piece, one)
    for one in (axis, axis + 1):
        if not piece.view[one].full:
            piece, _ = isolated(piece, one)
    left, right = piece.view[axis : axis + 2]
    place = Place(joined(left.digits, right.digits), left.size * right.size)
    return viewed(piece, (*piece.view[:axis], place, *piece.view[axis + 2 :]))


def _split(piece: Piece, s: Split) -> Piece:
    axis, size = s.axis, piece.view[s.axis].size
    reshaped = (s.stride, s.dilation, s.offset, s.outer * s.inner) == (s.inner, 1, 0, size)
    if reshaped and 1 in (s.outer, s.inner):
        at_axis = axis if s.outer == 1 else axis + 1
        return viewed(piece, (*piece.view[:at_axis], Place((), 1), *piece.view[at_axis:]))
    if reshaped and piece.view[axis].full:
        outer, inner = cut(piece.view[axis].digits, s.inner)
    else:
        piece, dim = isolated(piece, axis)
        piece = split_dim(piece, dim, s)
        outer, inner = (Digit(dim, s.outer),), (Digit(len(piece.dims) - 1, s.inner),)
    places = (Place(outer, s.outer), Place(inner, s.inner))
    return viewed(piece, (*piece.view[:axis], *places, *piece.view[axis + 1 :]))


def _along(piece: Piece, axis: int, m: AxisMap) -> Piece:
    place = piece.view[axis]
    if isinstance(m, TapMap) and _shifts(m):
        offset = place.offset - m.taps[0][0]
        if offset >= 0 and offset + span(place.digits) <= m.out_size:
            if len(place.digits) > 1 or not place.full:
                return on_view(piece, axis, Place(place.digits, m.out_size, offset))
            if not m.periodic and _still(piece, place):
                return on_view(_closed(piece, place), axis, Place(place.digits, m.out_size, offset))
    piece, _ = isolated(piece, axis)
    return through(piece, axis, m)


def _closed(piece: Piece, place: Place) -> Piece:
    """The piece with the dimensions of an axis written out."""
    for digit in place.digits:
        if isinstance(digit.root, int):
            piece = finite(piece, digit.root)
    return piece


def _still(piece: Piece, place: Place) -> bool:
    """Whether a full axis runs over one whole dimension that need not be written out to stand beside others."""
    match place.digits:
        case (Digit(int(dim), size),):
            d = piece.dims[dim]
            return size == d.size and not d.grown and (not d.open or piece.uniform(dim))
    return False


def _all_of(pieces: tuple[Piece, ...], axis: int, m: AxisMap, ends: tuple[bool, ...]) -> Iterator[Piece]:
    """The pieces after an operator that reads an axis from end to end; ``ends`` says whose local fields end there."""
    for piece, end in zip(pieces, ends, strict=True):
        piece = resolved(piece, axis)
        dims = _run_over(piece, axis)
        if end:
            yield _reduced(_presence(piece), axis, dims, m)
        elif isinstance(m, Prefix) and dims:
            piece, _ = isolated(piece, axis)
            yield through(piece, axis, m)
        else:
            yield _tied(_reduced(piece, axis, dims, m), any(piece.dims[dim].grown for dim in dims))


def _run_over(piece: Piece, axis: int) -> list[int]:
    """The dimensions that a resolved axis runs over."""
    return [digit.root for digit in piece.view[axis].digits if isinstance(digit.root, int)]


def _tied(piece: Piece, grown: bool) -> Piece:
    """A piece after a mask's part of a grown axis was read: what still varies, varies with that axis."""
    if not grown:
        return piece
    dims = (
        d._replace(grown=d.grown or (d.size,)) if piece.lo.shape[dim] > 1 else d for dim, d in enumerate(piece.dims)
    )
    return Piece(piece.lo, piece.hi, tuple(dims), piece.view, piece.whole)


def _ended(pieces: tuple[Piece, ...], axis: int, extent: int) -> tuple[bool, ...]:
    """For each piece, whether to read an axis from end to end ends its local fields."""
    return tuple(_reads_all(piece, axis, extent) for piece in pieces)


def _reads_all(piece: Piece, axis: int, extent: int) -> bool:
    """Whether to read an axis of a local piece from end to end is to read the input from end to end.

    One element must read more than half: of the input, where a slice may have left some of it, and of what the piece
    sees in all, where it is literal and may hold a mask.
    """
    if piece.whole or not any(piece.dims[dim].grown for dim in leaves(piece.view[axis : axis + 1])):
        return False
    piece = resolved(piece, axis)
    dims = _run_over(piece, axis)
    grown = [dim for dim in dims if piece.dims[dim].grown]
    if not grown:
        return False
    opened = any(piece.dims[dim].open for dim in grown)
    for dim in dims:
        piece = _ends(piece, dim) if opened else finite(piece, dim)
    lo, hi = piece.lo.min(axis=tuple(dims)), piece.hi.max(axis=tuple(dims))
    return bool(2 * (hi - lo).max() > (extent if opened else piece.hi.max() - piece.lo.min()))


def _ends(piece: Piece, dim: int) -> Piece:
    """The first and the last period of an open dimension, which hold its lowest and its highest values."""
    d, period = piece.dims[dim], piece.lo.shape[dim]
    if not d.open or piece.uniform(dim) or d.size <= 2 * period:
        return finite(piece, dim)
    places = np.concatenate([np.arange(period), np.arange(d.size - period, d.size)])
    return changed(piece, dim, Dim(2 * period), *at(piece, dim, places))


def _presence(piece: Piece) -> Piece:
    """Where a piece sees anything, as a whole piece."""
    seen = piece.lo < piece.hi
    lo = np.where(seen, 0, FAR).astype(np.int64)
    dims = tuple(Dim(d.size, d.open) for d in piece.dims)
    return Piece(lo, 1 - lo, dims, piece.view, True)


def _reduced(piece: Piece, axis: int, dims: list[int], m: AxisMap) -> Piece:
    """The union over some dimensions, which an axis runs over, as a new uniform one."""
    for dim in dims:
        piece = finite(piece, dim)
    lo, hi = piece.lo, piece.hi
    if dims:
        lo, hi = lo.min(axis=tuple(dims), keepdims=True), hi.max(axis=tuple(dims), keepdims=True)
    if len(dims) == 1 and piece.view[axis].full:
        piece = changed(piece, dims[0], Dim(m.out_size), lo, hi)
        return on_view(piece, axis, Place((Digit(dims[0], m.out_size),), m.out_size))
    piece = on_view(Piece(lo, hi, piece.dims, piece.view, piece.whole), axis, Place((), 1))
    for dim in sorted(dims, reverse=True):
        piece = without(piece, dim)
    return added(piece, axis, m.out_size)[0]


def unite(tables: Sequence[FieldTable], shared: Shared, *, settled: bool = True) -> FieldTable:
    """The union of several tables over one tensor; ``settled`` where nothing more joins it."""
    tables = tuple(dict.fromkeys(tables))
    first = tables[0]
    if len(tables) == 1 and not settled:
        return first
    pieces = tuple(dict.fromkeys(piece for table in tables for piece in table.pieces))
    found = _united(pieces, first.extent, settled and not first.clipped, shared)
    if len(tables) == 1:
        return first if found == first.pieces else first.holding(found)
    names = (frozenset().union(*(getattr(table, key) for table in tables)) for key in ("via", "misaligned", "at_most"))
    return FieldTable(found, first.extent, first.clipped, *names)


def _united(pieces: tuple[Piece, ...], extent: int, settled: bool, shared: Shared) -> tuple[Piece, ...]:
    """A few pieces that together say what all of ``pieces`` say; where ``settled``, with the rules they follow."""
    if len({piece.whole for piece in pieces}) < len(pieces):
        pieces = shared.alike(together, pieces)
    if settled and any(map(closed, pieces)):
        opened = shared.once(_opened, pieces, extent, shared)
        pieces = pieces if opened == pieces else shared.alike(fewest, opened)
    return shared.alike(few, pieces, settled) if sum(not piece.whole for piece in pieces) > 1 else pieces


def _opened(pieces: tuple[Piece, ...], extent: int, shared: Shared) -> tuple[Piece, ...]:
    return shared.pieces(reopened(piece, extent) for piece in pieces)
