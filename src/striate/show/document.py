"""The numbers of a network as one document: what JSON, CSV, Markdown, HTML and the tables all show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import NotRequired, TypedDict, overload

from striate.errors import InputError
from striate.fields import AxisField, Field, Fields, Span
from striate.fields.borders import borders
from striate.fields.costs import costs
from striate.fields.listed import listed
from striate.fields.unit import Grid as TokenGrid
from striate.names import did_you_mean
from striate.network import Network
from striate.show.units import Scale
from striate.version import striate_version

Ratio = list[int]
Pair = list[int]


class UnitsDocument(TypedDict):
    """What every unit along some axes of a layer sees inside the image: runs of ``[units, start, stop, move]``."""

    axes: list[int]
    runs: list[list[int]]


class SpanDocument(TypedDict):
    """What the units of a layer see along one axis; ``phases`` only where there is more than one."""

    size: int | None
    stride: Ratio | None
    start: int | None
    phases: NotRequired[list[Pair]]


class LocalDocument(SpanDocument):
    """The field without global paths."""

    status: str


class PhysicalDocument(TypedDict):
    """A field in a physical unit."""

    unit: str
    size: float | None
    stride: float | None


class MeasuredDocument(TypedDict):
    """What stands in a document only at times: a physical unit, and units that follow no rule."""

    physical: NotRequired[PhysicalDocument]
    units: NotRequired[UnitsDocument]


class AxisDocument(SpanDocument, MeasuredDocument):
    """The field of a layer along one axis of the input."""

    axis: str
    along: int | None
    status: str
    facts: list[str]
    local: LocalDocument | None


class BranchDocument(TypedDict):
    """A branch of a misaligned merge: how far its centre stands from the first one's."""

    tensor: str
    offset: Ratio | None


class MergeDocument(TypedDict):
    """A merge whose branches look at different places."""

    node: str
    axis: str
    branches: list[BranchDocument]


class ShareDocument(TypedDict):
    """How much of a field is padding."""

    centre: Ratio | None
    corner: Ratio | None


class GridDocument(TypedDict):
    """The grid that tokens run over: token ``first`` plus the sum of a place's indices times ``strides``."""

    axis: int
    first: int
    names: list[str]
    sizes: list[int]
    strides: list[int]


class LayerDocument(TypedDict):
    """One layer: what the axes of its shape are, its field along every axis, its costs."""

    name: str
    op: str
    nodes: int
    shape: list[int]
    shape_axes: list[str]
    grid: GridDocument | None
    params: int
    macs: int
    activation_bytes: int
    axes: list[AxisDocument]
    global_via: list[str]
    misaligned: list[MergeDocument]
    at_most_via: list[str]
    interior: list[Pair]
    padding_share: ShareDocument


class ShapedDocument(TypedDict):
    """An input by name and shape."""

    name: str
    shape: list[int]


class InputDocument(ShapedDocument):
    """The input that the fields speak of."""

    layout: str
    others: list[ShapedDocument]


class ConventionsDocument(TypedDict):
    """How the numbers are meant, in words."""

    units: str
    macs: str


class TotalsDocument(TypedDict):
    """Costs of the whole network."""

    params: int
    macs: int
    peak_activation_bytes: int
    peak_at: str


class Document(TypedDict):
    """All of a network's fields: the document of ``docs/json.md``."""

    schema: int
    striate: str
    model: str
    input: InputDocument
    conventions: ConventionsDocument
    totals: TotalsDocument
    layers: list[LayerDocument]


SCHEMA = 3

MACS_CONVENTION = (
    "multiply-accumulates of convolutions and matrix products; bias, pooling, normalisation and activations left out"
)
UNITS_CONVENTION = (
    "without phases unit u sees pixels [u*stride + start, u*stride + start + size); with n phases it sees phase "
    "u mod n moved by (u div n)*n*stride pixels; without a stride every unit sees [start, start + size); irregular "
    "units have no rule: where they are few, units lists what each sees inside the image; behind whole the same holds "
    "of local; all but units is unclipped, as if the input had no border; where a layer has a grid, u counts along the "
    "grid's side that the axis names, and tokens without a place on it are not meant"
)


def select_layers(
    fields: Fields, patterns: Sequence[str] = (), depth: int | None = None, only: Sequence[str] = ()
) -> list[str]:
    """Layers in execution order: those that match any of the patterns (``*`` and ``?`` allowed), all for none.

    ``depth`` gathers layers into stages of at most so many parts of their names; ``only`` keeps those whose operator
    has one of some words in its name. What nothing matches is an InputError that names the nearest or what there is.
    """
    chosen = _stages(fields, depth) if depth is not None else list(fields)
    if patterns:
        chosen = _matching(fields, patterns, chosen if depth is not None else None)
    if only:
        kept = [name for name in chosen if any(word.lower() in fields[name].op.lower() for word in only)]
        if not kept:
            known = ", ".join(dict.fromkeys(fields[name].op for name in chosen))
            raise InputError(f"no layer whose operator is {' or '.join(only)}; there are {known or 'none'}")
        chosen = kept
    return chosen


def _matching(fields: Fields, patterns: Sequence[str], among: Sequence[str] | None) -> list[str]:
    chosen: list[str] = []
    for pattern in patterns:
        known = list(fields) if among is None else among
        exact = among is None and pattern in fields
        matched = [pattern] if exact else [name for name in known if fnmatchcase(name, pattern)]
        if not matched:
            fields.network.tensor(pattern)
            raise InputError(f"no stage {pattern!r} at this depth{did_you_mean(pattern, known)}")
        chosen += [name for name in matched if name not in chosen]
    return chosen


def _stages(fields: Fields, depth: int) -> list[str]:
    """Every layer once, those whose names have more than ``depth`` parts by the stage of that depth that holds them."""
    if not fields.network.parts:
        raise InputError("no layer of this network stands in a stage: its names are not paths such as layer1.conv")
    stages = [name for name in fields.network.parts if _parts(name) <= depth and name in fields.network.layers]
    stage_of: dict[str, str] = {}
    for name in sorted(stages, key=_parts):
        stage_of.update(dict.fromkeys(fields.network.parts[name], name))
    return list(dict.fromkeys(stage_of.get(name, name) if _parts(name) > depth else name for name in fields))


def _parts(name: str) -> int:
    return len([part for part in re.split(r"[./]", name) if part])


def describe(
    fields: Fields, layers: Iterable[str] | None = None, model: str = "", scales: Mapping[str, Scale] | None = None
) -> Document:
    """Everything striate says of a network's layers, as plain numbers, ready for JSON.

    The keys are documented in ``docs/json.md`` and held by ``fields.schema.json``. ``scales`` adds physical
    units to the axes it names.
    """
    network, totals = fields.network, costs(fields.network)
    return {
        "schema": SCHEMA,
        "striate": striate_version(),
        "model": model or network.name,
        "input": {
            **_input(network, fields.source),
            "layout": fields.layout,
            "others": [_input(network, name) for name in network.inputs if name != fields.source],
        },
        "conventions": {"units": UNITS_CONVENTION, "macs": MACS_CONVENTION},
        "totals": {
            "params": totals.parameters,
            "macs": totals.macs,
            "peak_activation_bytes": totals.peak_activation_bytes,
            "peak_at": totals.peak_at,
        },
        "layers": [_layer(fields, fields[name], scales or {}) for name in (fields if layers is None else layers)],
    }


@overload
def ratio(value: Fraction) -> Ratio: ...
@overload
def ratio(value: Fraction | None) -> Ratio | None: ...
def ratio(value: Fraction | None) -> Ratio | None:
    """A fraction as ``[numerator, denominator]``."""
    return None if value is None else [value.numerator, value.denominator]


def _input(network: Network, name: str) -> ShapedDocument:
    return {"name": name, "shape": list(network.shapes[name])}


def _layer(fields: Fields, field: Field, scales: Mapping[str, Scale]) -> LayerDocument:
    edge = borders(fields, field.name)
    merges = [merge for merge in fields.misalignments if merge.node in field.misaligned_at]
    return {
        "name": field.name,
        "op": field.op,
        "nodes": field.nodes,
        "shape": list(field.shape),
        "shape_axes": list(field.layer_axes.words),
        "grid": None if field.layer_axes.grid is None else _grid(field.layer_axes.grid),
        "params": field.parameters,
        "macs": field.macs,
        "activation_bytes": field.activation_bytes,
        "axes": [_axis(fields, field.name, axis, scales.get(name)) for name, axis in field.axes.items()],
        "global_via": list(field.global_via),
        "misaligned": [
            {
                "node": merge.node,
                "axis": merge.axis,
                "branches": [{"tensor": name, "offset": ratio(offset)} for name, offset in merge.branches],
            }
            for merge in merges
        ],
        "at_most_via": list(field.at_most_via),
        "interior": [[units.start, units.stop] for units in edge.interior],
        "padding_share": {"centre": ratio(edge.centre), "corner": ratio(edge.corner)},
    }


def _grid(grid: TokenGrid) -> GridDocument:
    names, sizes, strides = list(grid.names), list(grid.sizes), list(grid.strides)
    return {"axis": grid.axis, "first": grid.first, "names": names, "sizes": sizes, "strides": strides}


def _axis(fields: Fields, layer: str, axis: AxisField, scale: Scale | None) -> AxisDocument:
    """The field along one axis; where units follow no rule and are few, what each of them sees."""
    described = describe_axis(axis, scale)
    found = listed(fields, layer, axis.axis) if axis.status == "irregular" else None
    if found is not None:
        described["units"] = {"axes": list(found.axes), "runs": [list(run) for run in found.runs]}
    return described


def describe_axis(axis: AxisField, scale: Scale | None = None) -> AxisDocument:
    """The field along one axis as plain numbers; ``scale`` adds it in a physical unit."""
    return {
        "axis": axis.axis,
        "along": None if axis.span is None else axis.span.along,
        "status": axis.status,
        "facts": list(axis.facts),
        **_span(axis),
        "local": None if axis.local is None else {"status": axis.local.status, **_span(axis.local)},
        **_measured(axis.span, scale),
    }


def _measured(span: Span | None, scale: Scale | None) -> MeasuredDocument:
    if scale is None:
        return {}
    size, stride = (None, None) if span is None else (span.size, span.stride)
    return {
        "physical": {
            "unit": scale.unit,
            "size": None if size is None else scale.measure(size),
            "stride": None if stride is None else scale.measure(stride),
        }
    }


def _span(span: AxisField | Span) -> SpanDocument:
    described: SpanDocument = {"size": span.size, "stride": ratio(span.stride), "start": span.start}
    if len(span.phases) > 1:
        described["phases"] = [[seen.start, seen.stop] for seen in span.phases]
    return described
