"""The numbers of a network as one document: what JSON, CSV, Markdown, HTML and the tables all show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from striate.fields import AxisField, Field, Fields, Span
from striate.fields.borders import borders
from striate.fields.costs import costs
from striate.network import Network
from striate.show.units import Scale
from striate.version import striate_version

Document = dict[str, Any]

SCHEMA = 2

MACS_CONVENTION = (
    "multiply-accumulates of convolutions and matrix products; bias, pooling, normalisation and activations left out"
)
UNITS_CONVENTION = (
    "without phases unit u sees pixels [u*stride + start, u*stride + start + size); with n phases it sees phase "
    "u mod n moved by (u div n)*n*stride pixels; without a stride every unit sees [start, start + size); irregular "
    "units have no rule; behind whole the same holds of local; unclipped, as if the input had no border"
)


def select_layers(fields: Fields, patterns: Sequence[str] = ()) -> list[str]:
    """Layer names that match any of the patterns (``*`` and ``?`` allowed), in execution order; all for none.

    A name without a match is an InputError that suggests the nearest.
    """
    if not patterns:
        return list(fields)
    chosen: list[str] = []
    for pattern in patterns:
        known = list(fields)
        matched = [pattern] if pattern in fields else [name for name in known if fnmatchcase(name, pattern)]
        if not matched:
            fields.network.tensor(pattern)
        chosen += [name for name in matched if name not in chosen]
    return chosen


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


def ratio(value: Fraction | None) -> list[int] | None:
    """A fraction as ``[numerator, denominator]``."""
    return None if value is None else [value.numerator, value.denominator]


def _input(network: Network, name: str) -> Document:
    return {"name": name, "shape": list(network.shapes[name])}


def _layer(fields: Fields, field: Field, scales: Mapping[str, Scale]) -> Document:
    edge = borders(fields, field.name)
    merges = [merge for merge in fields.misalignments if merge.node in field.misaligned_at]
    return {
        "name": field.name,
        "op": field.op,
        "nodes": field.nodes,
        "shape": list(field.shape),
        "params": field.parameters,
        "macs": field.macs,
        "activation_bytes": field.activation_bytes,
        "axes": [describe_axis(axis, scales.get(name)) for name, axis in field.axes.items()],
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


def describe_axis(axis: AxisField, scale: Scale | None = None) -> Document:
    """The field along one axis as plain numbers; ``scale`` adds it in a physical unit."""
    found: Document = {
        "axis": axis.axis,
        "along": None if axis.span is None else axis.span.along,
        "status": axis.status,
        "facts": list(axis.facts),
        **_span(axis),
        "local": None if axis.local is None else {"status": axis.local.status, **_span(axis.local)},
    }
    if scale is not None:
        span = axis.span
        found["physical"] = {
            "unit": scale.unit,
            "size": None if span is None else scale.measure(span.size),
            "stride": None if span is None or span.stride is None else scale.measure(span.stride),
        }
    return found


def _span(span: AxisField | Span) -> Document:
    found: Document = {"size": span.size, "stride": ratio(span.stride), "start": span.start}
    if len(span.phases) > 1:
        found["phases"] = [[seen.start, seen.stop] for seen in span.phases]
    return found
