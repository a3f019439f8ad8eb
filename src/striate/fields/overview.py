"""A network at a glance: the way from the input to its deepest output, level by level, and what holds of the whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from itertools import groupby
from math import prod
from typing import TypeVar

from striate.fields.fields import Field, Fields, Misalignment
from striate.fields.spans import AxisField, Span, size_of
from striate.geometry import Interval
from striate.network.network import sized

MOST_CHANGES = 14
NAMED = 3
COLUMNS = ("layer", "shape", "stride", "field", "centre", "padding", "halo")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Level:
    """A layer on the way to the deepest output, and what its units see.

    ``centre`` is, per axis, how far a unit's centre stands from the middle of the ``stride`` pixels it stands for;
    ``halo`` the pixels a tile needs before and after its own, where it starts at a whole period; ``padding`` the share
    of the first unit's field that lies outside the image. All three speak of the local field, and are None where no
    rule gives it.
    """

    field: Field
    centre: tuple[Fraction | None, ...]
    halo: tuple[tuple[int, int] | None, ...]
    padding: Fraction | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The level as a row of ``COLUMNS``, each cell once where the axes agree."""
        axes = _axes(self.field)
        return (
            self.field.name,
            sized(self.field.shape),
            _once([None if axis.span is None else axis.span.stride for axis in axes], _ratio),
            _once(axes, size_of),
            _once(self.centre, decimal),
            "-" if self.padding is None else f"{100 * float(self.padding):.0f}%",
            _once(self.halo, lambda halo: "-" if halo is None else f"{halo[0]}+{halo[1]}"),
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """What a network is and where its fields grow.

    ``levels`` follows the way from the source to the output with the largest field: every layer at which the field
    changes, or the last layer at each stride where there are many. ``outputs`` are the network's outputs, ``largest``
    is the layer with the largest local field, an output where none has a larger one, ``operators`` counts the layers
    by operator, commonest first.
    """

    fields: Fields
    levels: tuple[Level, ...]
    outputs: tuple[Field, ...]
    largest: Field | None
    operators: Mapping[str, int]
    misaligned: tuple[Misalignment, ...]
    by_stride: bool

    def __repr__(self) -> str:
        rows = [COLUMNS, *(level.cells for level in self.levels)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [" ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        return "\n".join([repr(self.fields)[1:-1], *lines, *self._facts()])

    def _repr_html_(self) -> str:
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in level.cells) for level in self.levels]
        heads = "".join(f"<th>{head}</th>" for head in COLUMNS)
        facts = "<br>".join(map(escape, self._facts()))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<p>{escape(repr(self.fields)[1:-1])}</p><table><tr>{heads}</tr>{body}</table><p>{facts}</p>"

    def _facts(self) -> list[str]:
        outputs = [f"{field.name} sees {_once(_axes(field), size_of)}" for field in self.outputs]
        merges = list(dict.fromkeys(merge.node for merge in self.misaligned))
        facts = {"outputs": outputs, "global": self.global_via, "misaligned": merges, "at most": self.at_most_via}
        return [f"{head}: {_some(texts)}" for head, texts in facts.items() if texts]

    @property
    def global_via(self) -> tuple[str, ...]:
        """The operators that see everything, above any output."""
        return tuple(dict.fromkeys(name for field in self.outputs for name in field.global_via))

    @property
    def at_most_via(self) -> tuple[str, ...]:
        """The operators whose claim is an upper bound, above any output."""
        return tuple(dict.fromkeys(name for field in self.outputs for name in field.at_most_via))


def overview(fields: Fields) -> Overview:
    """The network at a glance.

    >>> from striate.network import Network, Node
    >>> from striate.network.operators import Conv
    >>> node = Node("conv", Conv((3, 3), stride=(2, 2), out_channels=4), ("x",), ("y",))
    >>> one = overview(Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, 9, 9), "y": (1, 4, 4, 4)})))
    >>> [(level.field.name, level.centre, level.halo) for level in one.levels]
    [('conv', (Fraction(1, 2), Fraction(1, 2)), ((0, 1), (0, 1)))]
    """
    names = _Names(fields)
    seen = {name: fields[name] for name in fields}
    outputs = [fields[names.of(tensor)] for tensor in dict.fromkeys(fields.network.outputs) if names.known(tensor)]
    deepest = max(outputs, key=_extent, default=None)
    trunk = [] if deepest is None else [fields[name] for name in names.way_to(deepest.name, seen)]
    changes = [list(group)[-1] for _, group in groupby(trunk, _field_of)]
    by_stride = len(changes) > MOST_CHANGES
    levels = [names.end_of(list(group)) for _, group in groupby(trunk, _stride_of)] if by_stride else changes
    return Overview(
        fields=fields,
        levels=tuple(_level(fields, fields[names.short(field.name)]) for field in levels),
        outputs=tuple(outputs),
        largest=max((*outputs, *seen.values()), key=_extent, default=None),
        operators=dict(Counter(field.op for field in seen.values()).most_common()),
        misaligned=tuple(fields.misalignments),
        by_stride=by_stride,
    )


class _Names:
    """Layers by the tensors they stand for, and the way back through them."""

    def __init__(self, fields: Fields) -> None:
        self.network = fields.network
        self.node_of = {output: node for node in self.network.nodes for output in node.outputs}
        self.named = {self.network.tensor(name): name for name in fields}
        several = [name for name, nodes in self.network.parts.items() if len(nodes) > 1]
        inner_first = sorted(several, key=_depth, reverse=True)
        self.stages = {self.network.tensor(name): name for name in inner_first}

    def known(self, tensor: str) -> bool:
        return tensor in self.named

    def of(self, tensor: str) -> str:
        return self.named[tensor]

    def short(self, layer: str) -> str:
        """The outermost stage that ends in a layer, or the layer itself."""
        return self.stages.get(self.network.tensor(layer), layer)

    def end_of(self, run: Sequence[Field]) -> Field:
        """The last of some layers, or the outermost stage's end among those before it that see the same."""
        same = [field for field in run if _field_of(field) == _field_of(run[-1])]
        ends = [field for field in same if self.network.tensor(field.name) in self.stages]
        return min(ends, key=lambda field: _depth(self.short(field.name)), default=run[-1])

    def way_to(self, layer: str, seen: Mapping[str, Field]) -> list[str]:
        """From the source to a layer, at each node by the input with the largest local field, the last of equals."""
        way = [layer]
        while True:
            node = self.node_of[self.network.tensor(way[-1])]
            before = [self.named[name] for name in node.inputs if name in self.named and self.named[name] not in way]
            if not before:
                return way[::-1]
            way.append(max(reversed(before), key=lambda name: _extent(seen[name])))


def decimal(value: Fraction | None) -> str:
    """A fraction as a decimal where that is exact and short.

    >>> decimal(Fraction(-31, 2)), decimal(Fraction(2, 3)), decimal(None)
    ('-15.5', '2/3', '-')
    """
    if value is None:
        return "-"
    return f"{float(value):g}" if 1000 % value.denominator == 0 else str(value)


def records(fields: Fields) -> list[dict[str, object]]:
    """One record per layer and axis: the layer's name, operator, shape and costs, and its field along the axis.

    ``size``, ``stride``, ``start`` and ``phases`` are the local field's where the status is ``whole``.
    """
    return [_record(fields[name], axis) for name in fields for axis in fields[name].axes.values()]


def _record(field: Field, axis: AxisField) -> dict[str, object]:
    span = axis.span
    return {
        "layer": field.name,
        "op": field.op,
        "shape": field.shape,
        "params": field.parameters,
        "macs": field.macs,
        "activation_bytes": field.activation_bytes,
        "axis": axis.axis,
        "status": axis.status,
        "facts": axis.facts,
        "size": None if span is None else span.size,
        "stride": None if span is None else span.stride,
        "start": None if span is None else span.start,
        "phases": () if span is None else tuple((phase.start, phase.stop) for phase in span.phases),
        "global_via": field.global_via,
        "misaligned_at": field.misaligned_at,
        "at_most_via": field.at_most_via,
    }


def _once(axes: Sequence[T], text: Callable[[T], str]) -> str:
    texts = [text(axis) for axis in axes]
    return (texts[0] if len(set(texts)) == 1 else " x ".join(texts)) if texts else "-"


def _ratio(value: Fraction | None) -> str:
    return "-" if value is None else str(value)


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:NAMED]) + (f" and {len(texts) - NAMED} more" if len(texts) > NAMED else "")


def _depth(stage: str) -> tuple[int, int]:
    return len(re.split(r"[./]", stage)), len(stage)


def _spans(field: Field) -> tuple[Span | None, ...]:
    return tuple(axis.span for axis in field.axes.values())


def _extent(field: Field) -> int:
    """How many pixels the local field holds, -1 where nothing local is seen."""
    spans = _spans(field)
    return prod(span.size for span in spans if span is not None) if spans and None not in spans else -1


def _field_of(field: Field) -> object:
    return [(axis.status, axis.span and (axis.span.size, axis.span.stride, axis.span.phases)) for axis in _axes(field)]


def _stride_of(field: Field) -> object:
    return [axis.span and axis.span.stride for axis in _axes(field)]


def _axes(field: Field) -> Sequence[AxisField]:
    return tuple(field.axes.values())


def _level(fields: Fields, field: Field) -> Level:
    image = [fields.network.shapes[fields.source][axis] for axis in fields.spatial.values()]
    spans = _spans(field)
    return Level(field, tuple(map(_centre, spans)), tuple(map(_halo, spans)), _padding(spans, image))


def _centre(span: Span | None) -> Fraction | None:
    if span is None or span.centre is None or span.stride is None:
        return None
    return span.centre - (span.stride - 1) / 2


def _halo(span: Span | None) -> tuple[int, int] | None:
    """What the units of whole periods read before and after the pixels they stand for."""
    seen = [] if span is None else [phase for phase in span.phases if not phase.empty]
    if span is None or not seen or not span.stride:
        return None
    last = len(span.phases) * span.stride
    before, after = -min(phase.start for phase in seen), max(phase.stop for phase in seen) - last
    return max(before, 0), max(int(after), 0)


def _padding(spans: Sequence[Span | None], image: Sequence[int]) -> Fraction | None:
    inside = Fraction(1)
    for span, n in zip(spans, image, strict=True):
        if span is None or not span.phases or span.phases[0].empty or span.phases[0].unbounded:
            return None
        inside *= Fraction(span.phases[0].clip(Interval(0, n)).size, span.phases[0].size)
    return 1 - inside
