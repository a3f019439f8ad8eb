"""Receptive fields of every layer: one forward pass of field tables through a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from striate import collector
from striate.errors import MissingDependencyError
from striate.fields.axes import OnGrid, layer_axes, on_grid, units_along
from striate.fields.costs import CostTable
from striate.fields.layout import layout_of, spatial_axes
from striate.fields.shared import Shared
from striate.fields.source import choose_source
from striate.fields.spans import AxisField, Span, told
from striate.fields.store import Tables
from striate.fields.summary import Stand, axis_field, stand
from striate.fields.tables import FieldTable, carried, source_table, unite
from striate.fields.unit import Index, LayerAxes, Unit
from striate.fields.walk import Unfollowed
from striate.geometry import Box, Interval
from striate.network import HasNetwork, Network, Node, network_of
from striate.network.network import sized
from striate.network.operators import Concat
from striate.network.relation import Reads, Relation, Shape
from striate.values import text

if TYPE_CHECKING:
    import pandas

    from striate.fields.overview import Overview


@dataclass(frozen=True, slots=True)
class Misalignment:
    """A merge whose branches look at different places: each branch and its centre's offset in pixels.

    Offsets are relative to the first branch; None where the strides differ.
    """

    node: str
    axis: str
    branches: tuple[tuple[str, Fraction | None], ...]


@dataclass(frozen=True)
class Field:
    """What the outputs of one layer see: one AxisField per spatial axis, shape and costs.

    ``macs`` counts multiply-accumulates of the layer's node (bias, pooling and activations left out);
    ``activation_bytes`` is the size of its output. The name of a submodule speaks for all ``nodes`` that ran inside
    it: ``op`` then says ``stage of 24 nodes``, and parameters, MACs and activation bytes are sums over them.
    ``global_via`` names the operators that see everything, ``misaligned_at`` the merges whose branches' centres
    disagree, ``at_most_via`` the nodes whose claim is an upper bound. ``layer_axes`` says what each axis of ``shape``
    is; units of tokens that run over a grid count along its sides.
    """

    name: str
    op: str
    shape: Shape
    axes: Mapping[str, AxisField]
    layer_axes: LayerAxes
    parameters: int
    macs: int
    activation_bytes: int
    global_via: tuple[str, ...]
    misaligned_at: tuple[str, ...]
    at_most_via: tuple[str, ...]
    nodes: int = 1

    def __repr__(self) -> str:
        axes = ", ".join(f"{name} {told(axis)}" for name, axis in self.axes.items())
        return f"<Field {self.name}: {self.op} {sized(self.shape)}, {axes or 'no axes'}>"


class Fields(Mapping[str, Field]):
    """The fields of every layer of a network, or of a model's, with respect to one of its inputs; computed once."""

    def __init__(self, network: Network | HasNetwork, source: str | None = None, layout: str | None = None) -> None:
        self.network = network_of(network)
        self._all_paths: Fields | None = None
        self._global: dict[str, set[tuple[str, Relation, int]]] = {}
        self._lost: Counter[tuple[str, str, Relation]] = Counter()
        with collector.held():
            self.source = choose_source(self.network, source)
            shape = self.network.shapes[self.source]
            self.layout = layout_of(self.network, self.source) if layout is None else text("layout", layout)
            self.spatial = spatial_axes(self.layout, shape)
            self._shared = Shared()
            self._axes: dict[str, LayerAxes] = {}
            self._tables, self.misalignments = self._pass(clipped=False)

    @cached_property
    def local(self) -> Fields:
        """The fields without global paths: those that read, from end to end, an axis that moves with an input's pixels.

        A path counts as global where it is so along any axis. What is asked of these fields (regions, covers, path
        counts, effective fields) is as exact as of the fields with every path.

        >>> from striate.fields import region
        >>> from striate.network import Builder
        >>> from striate.network.operators import Conv, Elementwise, Reduce
        >>> b = Builder("gated", x=(1, 1, 9, 9))
        >>> conv = b.add(Conv((3, 3), out_channels=1), "x", name="conv")
        >>> gated = b.add(Elementwise(), conv, b.add(Reduce((2, 3)), conv, name="mean"), name="gated")
        >>> fields = Fields(b.network())
        >>> [region(found, "gated", (2, 3)).hull for found in (fields, fields.local)], fields.local.left_out("gated")
        ([Box('0:9,0:9'), Box('2:5,3:6')], ('mean',))
        """
        if self.is_local:
            return self
        found = copy(self)
        for name in ("local", "clipped"):
            found.__dict__.pop(name, None)
        found._all_paths = self
        half = {read for read, axes in self._lost.items() if axes < len(self.spatial)}
        if half:
            found._tables, _ = found._pass(clipped=False, unread=half)
        return found

    @property
    def is_local(self) -> bool:
        """Whether these fields leave global paths out."""
        return self._all_paths is not None

    @property
    def unfollowed(self) -> Unfollowed:
        """The steps of relations at which a path ends, by node; none but in ``local``."""
        return self._global if self.is_local else {}

    @property
    def places(self) -> frozenset[int]:
        """The spatial axes of the source."""
        return frozenset(self.spatial.values())

    def left_out(self, layer: str) -> tuple[str, ...]:
        """The operators above a layer whose global paths these fields leave out; none but in ``local``."""
        return () if self._all_paths is None else self._all_paths[layer].global_via

    @cached_property
    def clipped(self) -> Mapping[str, tuple[FieldTable, ...]]:
        """For each tensor, the true hull of every element along each spatial axis of the source."""
        with collector.held():
            return self._pass(clipped=True, unread=self._lost.keys() if self.is_local else frozenset())[0]

    def tables(self, layer: str) -> tuple[FieldTable, ...]:
        """The unclipped field tables of a layer; empty where it does not depend on the source."""
        return self._shown(self._tables.get(self.network.tensor(layer), ()))

    def _shown(self, tables: tuple[FieldTable, ...]) -> tuple[FieldTable, ...]:
        return tuple(table.without_whole() for table in tables) if self.is_local else tables

    def hull(self, layer: str | Unit, at: Sequence[int] | None = None, channel: int | None = None) -> Box:
        """The smallest interval of input pixels, per spatial axis, that holds all the unit at ``at`` sees.

        Clipped to the input and exact at borders; all channels unless one is named. ``at`` has one index for
        each of the layer's axes but batch and channel. A unit that sees nothing has empty intervals.
        """
        unit = Unit.of(layer, at, channel)
        return seen_by(self._shown(self.clipped.get(self.network.tensor(unit.layer), ())), self.index(unit))

    def layer_axes(self, layer: str) -> LayerAxes:
        """What each axis of a layer is, and for which of them a unit's place has an index."""
        tensor = self.network.tensor(layer)
        if tensor not in self._axes:
            every = self if self._all_paths is None else self._all_paths
            tables = dict(zip(self.spatial, every._tables.get(tensor, ()), strict=False))
            batch = self.layout.find("N")
            size = self.network.shapes[self.source][batch] if batch >= 0 else None
            self._axes[tensor] = layer_axes(self.network.shapes[tensor], tables, size, self._shared)
        return self._axes[tensor]

    def index(self, unit: Unit) -> Index:
        """The index of a unit into its layer's tensor; InputError with the valid ranges where it lies outside."""
        return self.layer_axes(unit.layer).index(unit)

    def on_grid(self, layer: str, *, clipped: bool = False) -> OnGrid:
        """The tables of a layer, true hulls where ``clipped``; tokens of a grid stand on it, along an axis each."""
        tensor, axes = self.network.tensor(layer), self.layer_axes(layer)
        found = self._shown(self.clipped.get(tensor, ())) if clipped else self.tables(layer)
        return on_grid(dict(zip(self.spatial, found, strict=False)), axes, self._shared)

    def __getitem__(self, layer: str) -> Field:
        cost, tables, layer_axes = self._costs[layer], self.tables(layer), self.layer_axes(layer)
        axes = {name: AxisField(name, "none") for name in self.spatial} | self._along(layer)
        return Field(
            name=layer,
            op=cost.op,
            shape=layer_axes.shape,
            axes=axes,
            layer_axes=layer_axes,
            parameters=cost.parameters,
            macs=cost.macs,
            activation_bytes=cost.activation_bytes,
            nodes=cost.nodes,
            global_via=self._in_order({name for table in tables if table.whole for name in table.via}),
            misaligned_at=self._in_order({name for table in tables if table.local for name in table.misaligned}),
            at_most_via=self._in_order({name for table in tables if table.pieces for name in table.at_most}),
        )

    def _along(self, layer: str) -> dict[str, AxisField]:
        """A layer's field along each axis of the source that it depends on."""
        units, shared, placed = self.layer_axes(layer).units, self._shared, self.on_grid(layer)
        return {
            name: axis_field(name, table, units, placed.span(name, shared), shared)
            for name, table in zip(self.spatial, self.tables(layer), strict=False)
        }

    def __iter__(self) -> Iterator[str]:
        return (node.name for node in self.network.nodes if node.outputs[0] in self._tables)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, layer: object) -> bool:
        return layer in self.network.layers

    def __repr__(self) -> str:
        shape = sized(self.network.shapes[self.source])
        local = ", without global paths" if self.is_local else ""
        told = f"{len(self)} layers, input {self.source} {shape} ({self.layout}){local}"
        return f"<Fields of {self.network.name}: {told}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def summary(self) -> Overview:
        """The network at a glance: where the field grows, outputs, global operators, misaligned merges."""
        from striate.fields.overview import overview

        return overview(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with one row per layer and axis; fractions stay exact, what there is not is None.

        Raises MissingDependencyError without pandas.
        """
        from striate.fields.overview import records

        try:
            import pandas
        except ImportError as error:
            raise MissingDependencyError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame(records(self))

    @cached_property
    def _costs(self) -> CostTable:
        return CostTable(self.network)

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {node.name: k for k, node in enumerate(self.network.nodes)}

    def _in_order(self, names: set[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: self._positions[name]))

    def _pass(
        self, *, clipped: bool, unread: Set[tuple[str, str, Relation]] = frozenset()
    ) -> tuple[Tables, tuple[Misalignment, ...]]:
        """The tables of every tensor, and the merges whose branches look at different places.

        The relations ``unread``, each with its node and what it reads, are left out.
        """
        shape: Shape = self.network.shapes[self.source]
        spatial = tuple(self.spatial.values())
        start = tuple(source_table(shape, spatial, axis, clipped=clipped) for axis in spatial)
        tables, shared = Tables(), Shared()
        tables[self.source] = () if 0 in shape else start
        last = {name: node for node in self.network.nodes for name in node.inputs}
        merges: list[Misalignment] = []
        for node, result in zip(self.network.nodes, self.network.results, strict=True):
            for name, output in zip(node.outputs, result.outputs, strict=False):
                pairs = list(zip(node.inputs, output.reads, strict=True))
                if unread:
                    pairs = [(b, tuple(r for r in reads if (node.name, b, r) not in unread)) for b, reads in pairs]
                followed = [(before, reads) for before, reads in pairs if before in tables and reads]
                branches = [(before, reads) for before, reads in followed if tables[before]]
                if branches and 0 not in output.shape:
                    tables[name], apart = self._node_tables(node, branches, output.shape, tables, shared, clipped)
                    merges += apart
                elif followed:
                    tables[name] = ()
            for name in {*node.inputs, *node.outputs}:
                if name in tables and last.get(name, node) is node:
                    tables.leave(name)
        return tables, tuple(merges)

    def _node_tables(
        self,
        node: Node,
        branches: list[tuple[str, Reads]],
        shape: Shape,
        tables: Mapping[str, tuple[FieldTable, ...]],
        shared: Shared,
        clipped: bool,
    ) -> tuple[tuple[FieldTable, ...], list[Misalignment]]:
        """The tables of one output, one per spatial axis of the source, and the axes along which branches disagree."""
        alone, before = len(branches) == 1, [tables[name] for name, _ in branches]
        parts = [
            [
                self._carried(node, name, entry[k], reads, alone, shared, clipped)
                for entry, (name, reads) in zip(before, branches, strict=True)
            ]
            for k in range(len(self.spatial))
        ]
        united, merges = [], []
        for k, (axis, part) in enumerate(zip(self.spatial, parts, strict=True)):
            table = unite(part, shared)
            if node.at_most:
                table = replace(table, at_most=table.at_most | {node.name})
            apart = None
            if not clipped and len(part) > 1:
                met = [(name, made, entry[k]) for (name, _), made, entry in zip(branches, part, before, strict=True)]
                apart = _misaligned(node, axis, met, shape, self._shared)
            if apart is not None:
                table = replace(table, misaligned=table.misaligned | {node.name})
                merges.append(apart)
            united.append(table)
        return tuple(united), merges

    def _carried(
        self, node: Node, name: str, table: FieldTable, reads: Reads, alone: bool, shared: Shared, clipped: bool
    ) -> FieldTable:
        """The table of what a node reads of ``name``; where it is global, and along one axis alone, is noted."""
        found, everything = carried(table, reads, node.name, alone=alone, shared=shared)
        if clipped or self.is_local:
            return found
        for relation, ended in everything.items():
            self._global.setdefault(node.name, set()).update((name, relation, step) for step in ended.steps)
            self._lost[node.name, name, relation] += ended.every
        return found


def _misaligned(
    node: Node, axis: str, branches: list[tuple[str, FieldTable, FieldTable]], shape: Shape, shared: Shared
) -> Misalignment | None:
    """The merge where its branches' centres disagree; parts that stand one after the other do not meet.

    A branch is a name, what the output gets from it, and what it is itself.
    """
    distinct = {id(made): (name, made, itself) for name, made, itself in branches if made.local}
    if len(distinct) < 2:
        return None
    joined = node.op.axis if isinstance(node.op, Concat) else len(shape)
    stands = [(name, _stand(axis, made, itself, joined, shape, shared)) for name, made, itself in distinct.values()]
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


def _stand(
    axis: str, made: FieldTable, itself: FieldTable, joined: int, shape: Shape, shared: Shared
) -> Stand:
    """Where a branch looks; as it did before, where it was joined along an axis that names no units."""
    units = units_along(shape, {axis: itself}, shared)
    if joined not in units and joined < len(shape) and made.via == itself.via:
        return stand(itself, units, shared)
    return stand(made, units_along(shape, {axis: made}, shared), shared)


def seen_by(tables: Sequence[FieldTable], index: Sequence[int | slice]) -> Box:
    """What one unit sees along each axis; a unit that sees nothing along one sees nothing along any."""
    found = Box([table.interval(index) for table in tables])
    return Box([Interval(0, 0)] * len(found)) if found.empty else found


__all__ = ["AxisField", "Field", "Fields", "Misalignment", "Span"]
