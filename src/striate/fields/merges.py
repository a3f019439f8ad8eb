"""Merges whose branches look at different places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from striate.fields.axes import units_along
from striate.fields.shared import Shared
from striate.fields.summary import Stand, stand
from striate.fields.tables import FieldTable
from striate.network import Node
from striate.network.operators import Concat
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class Misalignment:
    """A merge whose branches look at different places: each branch and its centre's offset in pixels.

    Offsets are relative to the first branch; None where the strides differ.
    """

    node: str
    axis: str
    branches: tuple[tuple[str, Fraction | None], ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a merge along one axis of the source: what it is itself, and what the merge gets from it.

    Of a part of a concatenation along an axis that names no units, ``made`` may be left out.
    """

    name: str
    itself: FieldTable
    made: FieldTable | None


class Stands:
    """Where the branches of merges look."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parts: dict[tuple[FieldTable, int], Stand | None] = {}

    def apart(self, node: Node, axis: str, branches: Iterable[Branch], shape: Shape) -> Misalignment | None:
        """The merge where its branches' centres disagree; parts that stand one after the other do not meet."""
        distinct = {id(branch.made or branch.itself): branch for branch in branches if branch.itself.local}
        joined = node.op.axis if isinstance(node.op, Concat) else len(shape)
        stands = [
            (branch.name, self._of(axis, branch, joined, shape))
            for branch in distinct.values()
            if branch.made is None or branch.made.local
        ]
        if len(stands) < 2:
            return None
        (_, first), *others = stands
        if any(stand.along != first.along for _, stand in others) or first.along == joined:
            return None
        if any(stand.centre is None for _, stand in stands) or all(stand == first for _, stand in others):
            return None
        known = [(name, stand.stride, stand.centre) for name, stand in stands if stand.centre is not None]
        _, stride, origin = known[0]
        return Misalignment(
            node.name, axis, tuple((name, centre - origin if own == stride else None) for name, own, centre in known)
        )

    def _of(self, axis: str, branch: Branch, joined: int, shape: Shape) -> Stand:
        """Where a branch looks; as it did before, where it was joined along an axis that names no units."""
        made, itself = branch.made, branch.itself
        if made is None or (joined < len(shape) and made.via == itself.via):
            before = self.part(axis, itself, joined, shape)
            if before is not None or made is None:
                return before or Stand(None, None, None)
        return stand(made, units_along(shape, {axis: made}, self._shared), self._shared)

    def part(self, axis: str, table: FieldTable, joined: int, shape: Shape) -> Stand | None:
        """Where a part of a concatenation along ``joined`` looks; None where that axis names its units."""
        key = table, joined
        if key not in self._parts:
            units = units_along(shape, {axis: table}, self._shared)
            self._parts[key] = None if joined in units else stand(table, units, self._shared)
        return self._parts[key]
