"""Receptive fields of every layer: one forward pass of field tables through a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from striate.errors import InputError
from striate.fields.costs import CostTable
from striate.fields.source import choose_source
from striate.fields.tables import FAR, FieldTable, Ints, carry, source_table, unite
from striate.geometry import Interval
from striate.network import Network, Node
from striate.network.relation import Reads, Shape

LAYOUTS = {1: "L", 2: "NL", 3: "NCL", 4: "NCHW", 5: "NCDHW"}
AXIS_NAMES = {"L": "length", "T": "time", "D": "depth", "H": "height", "W": "width"}


@dataclass(frozen=True, slots=True)
class Span:
    """The arithmetic of a field without its global paths: which interval of the input each unit sees.

    ``status`` is ``exact`` (every unit alike: ``u`` sees ``[u*stride + start, u*stride + start + size)``),
    ``periodic`` (alike per output phase; ``size`` is the largest phase's, ``start`` the first's) or ``irregular``
    (units follow no common rule; ``size`` is the largest unit's). ``phases`` holds one period of unclipped
    intervals; a ``stride`` of None says that all units see the same interval.
    """

    status: str
    size: int
    stride: Fraction | None
    start: int | None
    phases: tuple[Interval, ...] = ()

    def unit(self, u: int) -> Interval:
        """The unclipped interval unit ``u`` sees; raises InputError where no rule gives it."""
        if not self.phases:
            raise InputError(f"the field is {self.status}: ask for the region of unit {u} instead")
        turns, phase = divmod(u, len(self.phases))
        return self.phases[phase].shift(int(turns * (self.stride or 0) * len(self.phases)))


@dataclass(frozen=True, slots=True)
class AxisField:
    """The field of a layer along one input axis.

    ``status`` is its span's (``exact``, ``periodic``, ``irregular``), ``whole`` (a global operator above; the
    field without it is ``local``, None where every path is global) or ``none`` (the layer does not depend on the
    input). ``misaligned`` says that a merge above joins branches whose centres disagree, ``at_most`` that the
    layer sees this or less. ``size``, ``stride``, ``start`` and ``phases`` are the span's, empty where the status
    is ``whole`` or ``none``.
    """

    axis: str
    status: str
    size: int | None = None
    stride: Fraction | None = None
    start: int | None = None
    phases: tuple[Interval, ...] = ()
    local: Span | None = None
    misaligned: bool = False
    at_most: bool = False

    @property
    def facts(self) -> tuple[str, ...]:
        """All that holds together: the status, the local field's behind a ``whole`` one, then the other facts.

        >>> AxisField("width", "exact", 3, Fraction(1), 0, misaligned=True).facts
        ('exact', 'misaligned')
        """
        local = (self.local.status,) if self.local is not None and self.local.status != "exact" else ()
        others = (("misaligned", self.misaligned), ("at most", self.at_most))
        return (self.status, *local, *(word for word, holds in others if holds))

    @property
    def span(self) -> Span | None:
        """The field without global paths: the field itself where it is local, None where nothing local is seen."""
        if self.size is None:
            return self.local
        return Span(self.status, self.size, self.stride, self.start, self.phases)

    def unit(self, u: int) -> Interval:
        """The unclipped interval unit ``u`` sees; raises InputError where no rule gives it."""
        if self.status == "whole":
            return Interval.UNBOUNDED
        return Interval(0, 0) if self.span is None else self.span.unit(u)


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
    disagree, ``at_most_via`` the nodes whose claim is an upper bound.
    """

    name: str
    op: str
    shape: Shape
    axes: Mapping[str, AxisField]
    parameters: int
    macs: int
    activation_bytes: int
    global_via: tuple[str, ...]
    misaligned_at: tuple[str, ...]
    at_most_via: tuple[str, ...]
    nodes: int = 1


class Fields(Mapping[str, Field]):
    """The fields of every layer of a network, with respect to one of its inputs; computed once, frozen."""

    def __init__(self, network: Network, source: str | None = None, layout: str | None = None) -> None:
        self.network = network
        self.source = choose_source(network, source)
        shape = network.shapes[self.source]
        self.layout = layout or LAYOUTS.get(len(shape), "")
        self.spatial = _spatial_axes(self.layout, shape)
        self.misalignments: list[Misalignment] = []
        self._tables = self._pass(clipped=False)

    @cached_property
    def clipped(self) -> Mapping[str, tuple[FieldTable, ...]]:
        """For each tensor, the true hull of every element along each spatial axis of the source."""
        return self._pass(clipped=True)

    def tables(self, layer: str) -> tuple[FieldTable, ...]:
        """The unclipped field tables of a layer; empty where it does not depend on the source."""
        return self._tables.get(self.network.tensor(layer), ())

    def hull(self, layer: str, at: Sequence[int], channel: int | None = None) -> tuple[Interval, ...]:
        """The smallest interval of input pixels, per spatial axis, that holds all the unit at ``at`` sees.

        Clipped to the input and exact at borders; all channels unless one is named. ``at`` has one index for
        each of the layer's axes but batch and channel. A unit that sees nothing has empty intervals.
        """
        tensor = self.network.tensor(layer)
        index = unit_index(self.network.shapes[tensor], at, channel)
        found = []
        for table in self.clipped.get(tensor, ()):
            lo, hi = (
                values[tuple(i if n > 1 else slice(None) for i, n in zip(index, values.shape, strict=True))]
                for values in (table.lo, table.hi)
            )
            low, high = int(lo.min()), int(hi.max())
            found.append(Interval(low, high) if low < high else Interval(0, 0))
        return tuple(found)

    def __getitem__(self, layer: str) -> Field:
        tensor, cost = self.network.tensor(layer), self._costs[layer]
        shape, tables = self.network.shapes[tensor], self._tables.get(tensor, ())
        names = list(self.spatial)
        axes = {name: _summary(name, table) for name, table in zip(names, tables, strict=False)}
        for name in names[len(tables) :]:
            axes[name] = AxisField(name, "none")
        return Field(
            name=layer,
            op=cost.op,
            shape=shape,
            axes=axes,
            parameters=cost.parameters,
            macs=cost.macs,
            activation_bytes=cost.activation_bytes,
            nodes=cost.nodes,
            global_via=self._in_order({name for table in tables if table.whole.any() for name in table.via}),
            misaligned_at=self._in_order({name for table in tables if table.local for name in table.misaligned}),
            at_most_via=self._in_order({name for table in tables if table.seen for name in table.at_most}),
        )

    def __iter__(self) -> Iterator[str]:
        return (node.name for node in self.network.nodes if node.outputs[0] in self._tables)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, layer: object) -> bool:
        return layer in self.network.layers

    @cached_property
    def _costs(self) -> CostTable:
        return CostTable(self.network)

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {node.name: k for k, node in enumerate(self.network.nodes)}

    def _in_order(self, names: set[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: self._positions[name]))

    def _pass(self, *, clipped: bool) -> dict[str, tuple[FieldTable, ...]]:
        shape = self.network.shapes[self.source]
        start = tuple(source_table(shape, axis, extended=not clipped) for axis in self.spatial.values())
        tables = {self.source: start}
        for node, result in zip(self.network.nodes, self.network.results, strict=True):
            for name, output in zip(node.outputs, result.outputs, strict=False):
                found = [
                    self._node_table(node, output.reads, output.shape, tables, k, clipped)
                    for k in range(len(self.spatial))
                ]
                if found and found[0] is not None:
                    tables[name] = tuple(table for table in found if table is not None)
        return tables

    def _node_table(
        self,
        node: Node,
        reads: tuple[Reads, ...],
        shape: Shape,
        tables: Mapping[str, tuple[FieldTable, ...]],
        k: int,
        clipped: bool,
    ) -> FieldTable | None:
        """The table of one output along spatial axis ``k``; None where no input depends on the source."""
        branches: list[tuple[str, FieldTable]] = []
        for name, relations in zip(node.inputs, reads, strict=True):
            if name not in tables or not relations:
                continue
            carried = []
            for relation in relations:
                table, at = tables[name][k], self.network.shapes[name]
                for step in relation:
                    table, at = carry(table, step, at, node.name), step.shape(at)
                carried.append(table)
            branches.append((name, unite(carried, shape)))
        if not branches:
            return None
        table = unite([branch for _, branch in branches], shape)
        if node.at_most:
            table = replace(table, at_most=table.at_most | {node.name})
        if not clipped and self._misaligned(node.name, list(self.spatial)[k], branches):
            table = replace(table, misaligned=table.misaligned | {node.name})
        return table

    def _misaligned(self, node: str, axis: str, branches: list[tuple[str, FieldTable]]) -> bool:
        """Record the merge where its branches' centres disagree."""
        distinct = {id(table): (name, table) for name, table in branches if table.local}
        if len(distinct) < 2:
            return False
        centres = [(name, _centre(table)) for name, table in distinct.values()]
        if any(centre is None for _, centre in centres) or len({centre for _, centre in centres}) == 1:
            return False
        known = [(name, centre) for name, centre in centres if centre is not None]
        stride, origin = known[0][1]
        offsets = tuple((name, c - origin if s == stride else None) for name, (s, c) in known)
        self.misalignments.append(Misalignment(node, axis, offsets))
        return True


def unit_index(shape: Shape, at: Sequence[int], channel: int | None = None) -> tuple[int | slice, ...]:
    """The index into a tensor of one unit: ``at`` names all axes but batch and channel, or all but batch.

    Raises InputError with the valid range where ``at`` does not fit.
    """
    rank = len(shape)
    first = 2 if rank > 2 else 1
    if len(at) not in (rank - first, rank):
        raise InputError(f"a unit of shape {shape} needs {rank - first} indices, got {len(at)}")
    axes = range(rank - len(at), rank)
    for axis, i in zip(axes, at, strict=True):
        if not 0 <= i < shape[axis]:
            raise InputError(f"unit {tuple(at)} lies outside shape {shape}: index {i} must be in [0, {shape[axis]})")
    if channel is not None and (rank < 3 or not 0 <= channel < shape[1]):
        raise InputError(f"channel {channel} lies outside shape {shape}")
    index: list[int | slice] = [slice(None)] * (rank - len(at)) + list(at)
    if channel is not None:
        index[1] = channel
    return tuple(index)


def _spatial_axes(layout: str, shape: Shape) -> dict[str, int]:
    if len(layout) != len(shape) or set(layout) - set("NC") - set(AXIS_NAMES):
        raise InputError(
            f"layout {layout!r} does not name the {len(shape)} axes of input shape {shape}; "
            "use one letter per axis of N, C, D, H, W, L, T"
        )
    return {AXIS_NAMES[letter]: axis for axis, letter in enumerate(layout) if letter in AXIS_NAMES}


def _per_phase(table: FieldTable) -> tuple[Ints, Ints]:
    """Lowest start and highest stop of each phase over all other axes."""
    others = tuple(axis for axis in range(table.lo.ndim) if axis != table.extended)
    return np.atleast_1d(table.lo.min(axis=others)), np.atleast_1d(table.hi.max(axis=others))


def _centre(table: FieldTable) -> tuple[Fraction, Fraction] | None:
    """Stride, and the mean centre over one period of ``centre(u) - u * stride``; None without a rule."""
    if table.extended is None or table.step == 0:
        return None
    lo, hi = _per_phase(table)
    stride = Fraction(table.step, table.period)
    kept = [(u, int(a), int(b)) for u, (a, b) in enumerate(zip(lo, hi, strict=True)) if a < b]
    return stride, sum((Fraction(a + b - 1, 2) - u * stride for u, a, b in kept), Fraction(0)) / len(kept)


def _summary(axis: str, table: FieldTable) -> AxisField:
    """The public form of a table."""
    if not table.seen:
        return AxisField(axis, "none")
    span = _span(table) if table.local else None
    misaligned, at_most = span is not None and bool(table.misaligned), bool(table.at_most)
    if span is None or table.whole.any():
        return AxisField(axis, "whole", local=span, misaligned=misaligned, at_most=at_most)
    return AxisField(
        axis, span.status, span.size, span.stride, span.start, span.phases, misaligned=misaligned, at_most=at_most
    )


def _span(table: FieldTable) -> Span:
    lo, hi = _per_phase(table)
    size = int((hi - lo).max())
    if table.extended is None or table.step == 0:
        low, high = int(lo.min()), int(hi.max())
        if (table.lo == low).all() and (table.hi == high).all():
            return Span("exact", size, None, low, (Interval(low, high),))
        return Span("irregular", int((table.hi - table.lo).max()), None, None)
    lo, hi, step = _shortest(lo, hi, table.step)
    starts = (int(a) if a < FAR // 2 else 0 for a in lo)
    phases = tuple(Interval(a, a + max(int(b - c), 0)) for a, b, c in zip(starts, hi, lo, strict=True))
    status = "exact" if len(phases) == 1 else "periodic"
    return Span(status, size, Fraction(step, len(phases)), phases[0].start, phases)


def _shortest(lo: Ints, hi: Ints, step: int) -> tuple[Ints, Ints, int]:
    """The same phases with their shortest period."""
    period = len(lo)
    for short in range(1, period):
        if period % short or step * short % period:
            continue
        move = step * short // period
        if all((values[short:] - values[:-short] == move).all() for values in (lo, hi)):
            return lo[:short], hi[:short], move
    return lo, hi, step


__all__ = ["AxisField", "Field", "Fields", "Misalignment", "Span"]
