"""Receptive fields of every layer of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from striate import collector
from striate.errors import MissingDependencyError
from striate.fields.axes import OnGrid, layer_axes, on_grid
from striate.fields.costs import CostTable
from striate.fields.forward import Forward, Read
from striate.fields.layout import layout_of, spatial_axes
from striate.fields.merges import Misalignment
from striate.fields.patch import Patch, Semiring
from striate.fields.shared import Shared
from striate.fields.source import choose_source
from striate.fields.spans import AxisField, Span, told
from striate.fields.store import Kept
from striate.fields.summary import axis_field
from striate.fields.tables import FieldTable
from striate.fields.unit import At, Index, LayerAxes, Unit
from striate.fields.walk import Unfollowed, pull
from striate.geometry import Box, Interval
from striate.network import HasNetwork, Network, network_of
from striate.network.network import sized
from striate.network.relation import Shape
from striate.values import text

if TYPE_CHECKING:
    import pandas

    from striate.fields.overview import Overview

LONG = 2**17
"""Elements of an axis beyond which a unit's hull is followed back alone: a table of all hulls has an entry for each."""


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


class Said(NamedTuple):
    """What a layer's tables say of it."""

    axes: Mapping[str, AxisField]
    global_via: tuple[str, ...]
    misaligned_at: tuple[str, ...]
    at_most_via: tuple[str, ...]


class Fields(Mapping[str, Field]):
    """The fields of every layer of a network, or of a model's, with respect to one of its inputs; computed once."""

    def __init__(self, network: Network | HasNetwork, source: str | None = None, layout: str | None = None) -> None:
        self.network = network_of(network)
        self._all_paths: Fields | None = None
        with collector.held():
            self.source = choose_source(self.network, source)
            shape = self.network.shapes[self.source]
            self.layout = layout_of(self.network, self.source) if layout is None else text("layout", layout)
            self.spatial = spatial_axes(self.layout, shape)
            self._shared = Shared()
            self._axes: dict[tuple[Kept, Shape], LayerAxes] = {}
            self._said: dict[Kept, Said] = {}
            self._orders: dict[tuple[frozenset[str], ...], tuple[str, ...]] = {}
            passed = self._pass()
            self._tables, self.misalignments = passed.tables, tuple(passed.merges)
            self._ends, self._lost = passed.ends, passed.lost

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
        found._all_paths, found._said = self, {}
        half = {read for read, axes in self._lost.items() if axes < len(self.spatial)}
        if half:
            found._tables = self._pass(unread=half).tables
        return found

    @property
    def is_local(self) -> bool:
        """Whether these fields leave global paths out."""
        return self._all_paths is not None

    @property
    def unfollowed(self) -> Unfollowed:
        """The steps of relations at which a path ends, by node; none but in ``local``."""
        return self._ends if self.is_local else {}

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
            return self._pass(clipped=True, unread=self._lost.keys() if self.is_local else frozenset()).tables

    def tables(self, layer: str) -> tuple[FieldTable, ...]:
        """The unclipped field tables of a layer; empty where it does not depend on the source."""
        return self._shown(self._tables.get(self.network.tensor(layer), ()))

    def _shown(self, tables: tuple[FieldTable, ...]) -> tuple[FieldTable, ...]:
        return tuple(table.without_whole() for table in tables) if self.is_local else tables

    def hull(self, layer: str | Unit, at: At | None = None, channel: int | None = None) -> Box:
        """The smallest interval of input pixels, per spatial axis, that holds all the unit at ``at`` sees.

        Clipped to the input and exact at borders; all channels unless one is named. ``at`` has one index for
        each of the layer's axes but batch and channel, or is a pair of a unit's place and one within it. A unit that
        sees nothing has empty intervals.
        """
        unit = Unit.of(layer, at, channel)
        if max(self.network.shapes[self.source], default=0) > LONG:
            box = self.pulled(unit, Semiring.COVER).tight().box
            return Box([box[axis] for axis in self.spatial.values()])
        return seen_by(self._shown(self.clipped.get(self.network.tensor(unit.layer), ())), self.index(unit))

    def patch(self, unit: Unit, semiring: Semiring) -> Patch:
        """One at a unit, along all of every axis of its layer that the unit does not name."""
        place = tuple(i if isinstance(i, int) else None for i in self.index(unit))
        return Patch.at(unit.shape(self.network), place, semiring)

    def pulled(self, unit: Unit, semiring: Semiring) -> Patch:
        """What the input that these fields speak of gets from a unit."""
        tensor, patch = self.network.tensor(unit.layer), self.patch(unit, semiring)
        return pull(self.network, tensor, patch, self.source, self.places, self.unfollowed)

    def layer_axes(self, layer: str) -> LayerAxes:
        """What each axis of a layer is, and for which of them a unit's place has an index."""
        tensor = self.network.tensor(layer)
        every, shape = self._all_paths or self, self.network.shapes[tensor]
        key = every._tables.kept(tensor), shape
        if key not in self._axes:
            tables = dict(zip(self.spatial, every._tables.get(tensor, ()), strict=False))
            batch = self.layout.find("N")
            size = self.network.shapes[self.source][batch] if batch >= 0 else None
            self._axes[key] = layer_axes(shape, tables, size, self._shared)
        return self._axes[key]

    def index(self, unit: Unit) -> Index:
        """The index of a unit into its layer's tensor; InputError with the valid ranges where it lies outside."""
        return self.layer_axes(unit.layer).index(unit)

    def hulls(self, layer: str) -> tuple[OnGrid, tuple[FieldTable, ...]]:
        """The true hulls of a layer's units, and the grid on which its tokens stand in them."""
        placed, tables = on_grid(self.layer_axes(layer)), self.clipped.get(self.network.tensor(layer), ())
        return placed, tuple(placed.moved(table, self._shared) for table in self._shown(tables))

    def __getitem__(self, layer: str) -> Field:
        cost, tensor = self._costs[layer], self.network.tensor(layer)
        kept = self._tables.kept(tensor)
        if kept not in self._said:
            self._said[kept] = self._say(layer)
        axes, global_via, misaligned_at, at_most_via = self._said[kept]
        return Field(
            name=layer,
            op=cost.op,
            shape=self.network.shapes[tensor],
            axes=axes,
            layer_axes=self.layer_axes(layer),
            parameters=cost.parameters,
            macs=cost.macs,
            activation_bytes=cost.activation_bytes,
            nodes=cost.nodes,
            global_via=global_via,
            misaligned_at=misaligned_at,
            at_most_via=at_most_via,
        )

    def _say(self, layer: str) -> Said:
        """What a layer's tables say."""
        tables, shared, layer_axes = self.tables(layer), self._shared, self.layer_axes(layer)
        placed = on_grid(layer_axes)
        axes = {name: AxisField(name, "none") for name in self.spatial}
        for name, table in zip(self.spatial, tables, strict=False):
            axes[name] = axis_field(name, table, layer_axes.units, placed.span(table, shared), shared)
        return Said(
            axes,
            global_via=self._in_order(table.via for table in tables if table.whole),
            misaligned_at=self._in_order(table.misaligned for table in tables if table.local),
            at_most_via=self._in_order(table.at_most for table in tables if table.group.forms),
        )

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

    def _in_order(self, sets: Iterable[frozenset[str]]) -> tuple[str, ...]:
        """The names of some nodes in the order of the network."""
        key = tuple(sets)
        if key not in self._orders:
            names = frozenset[str]().union(*key)
            self._orders[key] = tuple(sorted(names, key=lambda name: self._positions[name]))
        return self._orders[key]

    def _pass(self, *, clipped: bool = False, unread: Set[Read] = frozenset()) -> Forward:
        return Forward(self.network, self.source, self.spatial, self._shared, clipped=clipped, unread=unread)


def seen_by(tables: Sequence[FieldTable], index: Sequence[int | slice]) -> Box:
    """What one unit sees along each axis; a unit that sees nothing along one sees nothing along any."""
    found = Box([table.interval(index) for table in tables])
    return Box([Interval(0, 0)] * len(found)) if found.empty else found


__all__ = ["AxisField", "Field", "Fields", "Misalignment", "Span"]
