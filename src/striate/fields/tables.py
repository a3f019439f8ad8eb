"""Field tables: the hull, along one input axis, that every element of a tensor sees.

A table is the union of a few pieces (``fields.pieces``). Pieces that move alike become one; those that do not stand
side by side, so that each keeps its rule: the local path of an attention beside its global one, a query beside its
key, branches of unlike strides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np

from striate.fields.ends import all_of, reading
from striate.fields.flat import flat
from striate.fields.moves import after
from striate.fields.pieces import FAR, Ints, Piece, finite, source_piece, values_at
from striate.fields.reopen import closed, reopened
from striate.fields.shared import Group, Origin, Shared, Standing, Standings
from striate.fields.uniting import few, fewest, together
from striate.geometry import AxisMap, Groups, Interval, Prefix, Whole
from striate.network.relation import Along, Reads, Relation, Shape, Step


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

    group: Group
    extent: int
    clipped: bool = False
    via: frozenset[str] = frozenset()
    misaligned: frozenset[str] = frozenset()
    at_most: frozenset[str] = frozenset()

    @property
    def local(self) -> bool:
        """Whether any element has a local field."""
        return any(not one.form.whole for one in self.group.forms)

    @property
    def whole(self) -> bool:
        """Whether any element sees the whole axis through a global operator."""
        return any(one.form.whole for one in self.group.forms)

    def without_whole(self) -> FieldTable:
        """The table of the local fields alone."""
        if not self.whole:
            return self
        local = tuple(one for one in self.group.forms if not one.form.whole)
        return self.holding(self.group._replace(forms=local), frozenset())

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces, local and whole."""
        return tuple(one.piece for one in self.group.pieces)

    @cached_property
    def flat(self) -> tuple[Piece, ...]:
        """The pieces with one dimension for each axis of the tensor."""
        return tuple(flat(piece) for piece in self.pieces)

    def holding(self, group: Group, via: frozenset[str] | None = None) -> FieldTable:
        """The same with other pieces, and other global operators where some are given."""
        via = self.via if via is None else via
        return FieldTable(group, self.extent, self.clipped, via, self.misaligned, self.at_most)

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
    piece = source_piece(shape, spatial, axis, clipped=clipped)
    return FieldTable(Group((Standing(piece),)), shape[axis], clipped)


def carried(
    table: FieldTable, reads: Reads, node: str, *, alone: bool, shared: Shared
) -> tuple[FieldTable, Mapping[Relation, Ended]]:
    """The table of an output of ``node``: what it reads of one input through some relations, and which are global.

    ``alone`` says that nothing else of the output depends on the input, so that a part of a concatenation is a pad.
    """
    forms, low, high = table.group
    group, ended = shared.at(low, high, _carried, forms, reads, alone and len(reads) == 1, table.extent)
    if ended:
        return table.holding(group.by(low, high), table.via | {node}), ended
    return table if group == (forms, 0, 0) else table.holding(group.by(low, high)), ended


def _carried(
    pieces: Standings, reads: Reads, alone: bool, extent: int, origin: Origin, shared: Shared
) -> tuple[Group, Mapping[Relation, Ended]]:
    found, everything = [], {}
    for relation in reads:
        made, ended = _through(pieces, relation, alone, extent, origin, shared)
        found.append(made)
        if ended:
            everything[relation] = Ended(ended, all(one.form.whole for one in made))
    if all(made == found[0] == pieces for made in found[1:]) and (len(found) == 1 or not everything):
        return Group.of(found[0]), everything
    every = tuple(dict.fromkeys(chain.from_iterable(found)))
    return Group.of(_few(every, extent, False, origin, shared)), everything


def _through(
    pieces: Standings, relation: Relation, alone: bool, extent: int, origin: Origin, shared: Shared
) -> tuple[Standings, frozenset[int]]:
    """The pieces after a relation, and which of its steps ended a local field."""
    ended: set[int] = set()
    position = 0
    for steps in _stages(relation):
        match steps:
            case (Along(axis, m),) if _unbroken(m):
                ends = [_ends(one, axis, extent, origin, shared) for one in pieces]
                made = (shared.each(all_of, (one,), axis, m, end) for one, end in zip(pieces, ends, strict=True))
                pieces = tuple(chain.from_iterable(made))
                ended |= {position} if any(ends) else set()
            case _:
                pieces = shared.each(after, pieces, steps, alone)
        position += len(steps)
    return pieces, frozenset(ended)


def _ends(one: Standing, axis: int, extent: int, origin: Origin, shared: Shared) -> bool:
    """Whether to read an axis from end to end ends a piece's local fields."""
    found = shared.once(reading, one.form, axis)
    if found is None:
        return False
    _, low, high = origin.reached(one)
    return found.moved(low, high).ends(extent)


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


def unite(tables: Sequence[FieldTable], shared: Shared, *, settled: bool = True) -> FieldTable:
    """The union of several tables over one tensor; ``settled`` where nothing more joins it."""
    tables = tuple(dict.fromkeys(tables))
    first = tables[0]
    if len(tables) == 1 and not settled:
        return first
    low, high = first.group.low, first.group.high
    groups = tuple(table.group.by(-low, -high) for table in tables)
    found = shared.at(low, high, _united, groups, first.extent, settled and not first.clipped)
    if len(tables) == 1:
        return first if found == groups[0] else first.holding(found.by(low, high))
    names = (frozenset().union(*(getattr(table, key) for table in tables)) for key in ("via", "misaligned", "at_most"))
    return FieldTable(found.by(low, high), first.extent, first.clipped, *names)


def _united(groups: tuple[Group, ...], extent: int, settled: bool, origin: Origin, shared: Shared) -> Group:
    """The union of several groups."""
    pieces = tuple(dict.fromkeys(one for group in groups for one in group.pieces))
    return Group.of(_few(pieces, extent, settled, origin, shared))


def _few(pieces: Standings, extent: int, settled: bool, origin: Origin, shared: Shared) -> Standings:
    """A few pieces that together say what all of ``pieces`` say; where ``settled``, with the rules they follow."""
    if len({one.form.whole for one in pieces}) < len(pieces):
        pieces = shared.alike(together, pieces)
    if settled and any(shared.once(closed, one.form) for one in pieces):
        stood = [shared.once(_opened, origin.reached(one), extent, shared) for one in pieces]
        opened = tuple(map(origin.left, stood))
        pieces = pieces if opened == pieces else shared.alike(fewest, opened)
    return shared.alike(few, pieces, settled) if sum(not one.form.whole for one in pieces) > 1 else pieces


def _opened(one: Standing, extent: int, shared: Shared) -> Standing:
    return shared.standing(reopened(one.piece, extent))
