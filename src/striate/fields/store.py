"""The tables of a network by tensor; large ones that nothing reads again are kept as runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from striate.fields.pieces import Ints
from striate.fields.shared import Standing
from striate.fields.tables import FieldTable

Entry = tuple[FieldTable, ...]
Kept = tuple["FieldTable | Folded", ...]

LARGE = 2**14


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Values that move on evenly, row-major: how far each of some runs moves a unit, and how many units it has."""

    moves: Ints
    counts: Ints
    shape: tuple[int, ...]

    @staticmethod
    def of(values: Ints) -> Runs:
        """The runs of an array.

        >>> Runs.of(np.arange(10).reshape(2, 5)).values().tolist()
        [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
        """
        moves = np.diff(values.ravel(), prepend=0)
        first = np.concatenate([[0], np.flatnonzero(moves[1:] != moves[:-1]) + 1])
        return Runs(moves[first], np.diff(first, append=moves.size), values.shape)

    def values(self) -> Ints:
        """The array."""
        found: Ints = np.repeat(self.moves, self.counts).cumsum().reshape(self.shape)
        return found


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Folded:
    """A table whose arrays are kept as runs: ``table`` has none of its pieces, ``pieces`` have no arrays."""

    table: FieldTable
    pieces: tuple[tuple[Standing, Runs, Runs], ...]

    @staticmethod
    def of(table: FieldTable) -> Folded:
        """A table folded up."""
        none = np.zeros(0, dtype=np.int64)
        found = (
            (one._replace(form=replace(one.form, lo=none, hi=none)), Runs.of(one.form.lo), Runs.of(one.form.hi))
            for one in table.group.forms
        )
        return Folded(table.holding(table.group._replace(forms=())), tuple(found))

    def unfolded(self) -> FieldTable:
        """The table with its arrays."""
        pieces = (
            one._replace(form=replace(one.form, lo=lo.values(), hi=hi.values())) for one, lo, hi in self.pieces
        )
        return self.table.holding(self.table.group._replace(forms=tuple(pieces)))


class Tables(Mapping[str, Entry]):
    """For each tensor that depends on the source its tables, one for each spatial axis; none where it has no element.

    Large tables of a tensor that was left are kept as runs, and written out again where they are asked for.
    """

    def __init__(self) -> None:
        self._found: dict[str, Entry] = {}
        self._left: dict[str, Kept] = {}
        self._folded: WeakKeyDictionary[FieldTable, Folded] = WeakKeyDictionary()
        self._asked: tuple[str, Entry] = "", ()

    def __setitem__(self, tensor: str, tables: Entry) -> None:
        self._found[tensor] = tables

    def leave(self, tensor: str) -> None:
        """Say that nothing will read a tensor's tables again, but for a question now and then."""
        tables = self._found[tensor]
        if any(map(_large, tables)):
            self._left[tensor] = tuple(self._fold(table) if _large(table) else table for table in tables)
            self._found[tensor] = ()

    def _fold(self, table: FieldTable) -> Folded:
        if table not in self._folded:
            self._folded[table] = Folded.of(table)
        return self._folded[table]

    def __getitem__(self, tensor: str) -> Entry:
        if tensor not in self._left:
            return self._found[tensor]
        if self._asked[0] != tensor:
            written = (table.unfolded() if isinstance(table, Folded) else table for table in self._left[tensor])
            self._asked = tensor, tuple(written)
        return self._asked[1]

    def kept(self, tensor: str) -> Kept:
        """A tensor's tables as they are kept: the same objects for tensors that say the same; none for others."""
        return self._left.get(tensor) or self._found.get(tensor, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, tensor: object) -> bool:
        return tensor in self._found


def _large(table: FieldTable) -> bool:
    return sum(one.form.lo.size for one in table.group.forms) > LARGE
