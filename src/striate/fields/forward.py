"""One forward pass of field tables through a network."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from striate.fields.merges import Branch, Misalignment, Stands
from striate.fields.shared import Shared
from striate.fields.store import Entry, Tables
from striate.fields.tables import FieldTable, carried, source_table, unite
from striate.network import Network, Node
from striate.network.operators import Concat
from striate.network.operators.base import Output
from striate.network.relation import Reads, Relation, Shape, part

Read = tuple[str, str, Relation]
"""A node, what it reads, and one of the relations by which it does."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A tensor that depends on the source and that an output reads: by which relations, and its tables."""

    name: str
    reads: Reads
    tables: Entry


class Forward:
    """The tables of every tensor that depends on an input, one per axis ``spatial`` of it, and what was met on the way.

    ``merges`` are those whose branches look at different places. ``ends`` holds, by node, the steps of relations that
    end local fields, each with what is read and the relation; ``lost`` counts for each read along how many axes of the
    source it ends every local field. Tables hold true hulls where ``clipped``; the reads ``unread`` are left out.
    """

    def __init__(
        self,
        network: Network,
        source: str,
        spatial: Mapping[str, int],
        shared: Shared,
        *,
        clipped: bool = False,
        unread: Set[Read] = frozenset(),
    ) -> None:
        self.tables = Tables()
        self.merges: list[Misalignment] = []
        self.ends: dict[str, set[tuple[str, Relation, int]]] = defaultdict(set)
        self.lost: Counter[Read] = Counter()
        self._network, self._spatial, self._clipped, self._unread = network, spatial, clipped, unread
        self._stands, self._shared = Stands(shared), Shared()
        self._heads: dict[tuple[int, tuple[str, ...]], str] = {}
        shape, axes = network.shapes[source], tuple(spatial.values())
        start = tuple(source_table(shape, axes, axis, clipped=clipped) for axis in axes)
        self.tables[source] = () if 0 in shape else start
        self._run()

    def _run(self) -> None:
        tables, network = self.tables, self._network
        last = {name: node for node in network.nodes for name in node.inputs}
        for node, result in zip(network.nodes, network.results, strict=True):
            for name, output in zip(node.outputs, result.outputs, strict=False):
                followed = self._followed(node, output)
                branches = [one for one in followed if one.tables]
                if branches and 0 not in output.shape:
                    tables[name] = self._joined(node, branches, output.shape)
                    if isinstance(node.op, Concat):
                        self._heads[node.op.axis, node.inputs] = name
                elif followed:
                    tables[name] = ()
            for name in {*node.inputs, *node.outputs}:
                if name in tables and last.get(name, node) is node:
                    tables.leave(name)

    def _followed(self, node: Node, output: Output) -> list[Followed]:
        tables, pairs = self.tables, list(zip(node.inputs, output.reads, strict=True))
        if self._unread:
            pairs = [(b, tuple(r for r in reads if (node.name, b, r) not in self._unread)) for b, reads in pairs]
        return [Followed(name, reads, tables[name]) for name, reads in pairs if reads and name in tables]

    def _joined(self, node: Node, branches: list[Followed], shape: Shape) -> Entry:
        """The tables of one output, one per spatial axis of the source."""
        short, united = self._short(node, branches, shape), []
        for k, axis in enumerate(self._spatial):
            made = [self._carried(node, one, k, len(branches) == 1) for one in short or branches]
            table = unite(made, self._shared)
            if node.at_most:
                table = replace(table, at_most=table.at_most | {node.name})
            if len(branches) > 1 and not self._clipped:
                alike = [None] * len(branches) if short else made
                met = (Branch(b.name, b.tables[k], one) for b, one in zip(branches, alike, strict=True))
                apart = self._stands.apart(node, axis, met, shape)
                if apart is not None:
                    table = replace(table, misaligned=table.misaligned | {node.name})
                    self.merges.append(apart)
            united.append(table)
        return tuple(united)

    def _short(self, node: Node, branches: list[Followed], shape: Shape) -> list[Followed]:
        """The last part of a concatenation behind all others, where those were joined before; none elsewhere.

        Joined along an axis that names units, they may follow a rule that the longer row does not.
        """
        *others, last = branches
        if len(others) < 2 or len(branches) < len(node.inputs) or not isinstance(node.op, Concat):
            return []
        axis, head = node.op.axis, self._heads.get((node.op.axis, node.inputs[:-1]))
        parts = (pair for one in branches for pair in zip(self._spatial, one.tables, strict=True))
        if head is None or any(self._stands.part(name, table, axis, shape) is None for name, table in parts):
            return []
        return [Followed(head, (part(self._network.shapes[head], axis, 0, shape[axis]),), self.tables[head]), last]

    def _carried(self, node: Node, read: Followed, k: int, alone: bool) -> FieldTable:
        """The table of what a node reads; where it is global, and along one axis alone, is noted."""
        found, everything = carried(read.tables[k], read.reads, node.name, alone=alone, shared=self._shared)
        for relation, ended in everything.items():
            self.ends[node.name].update((read.name, relation, step) for step in ended.steps)
            self.lost[node.name, read.name, relation] += ended.every
        return found
