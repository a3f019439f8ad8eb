"""All that a browser needs to say by itself what any unit of a map sees: each layer's field as runs of units.

A map is a layer whose units stand in rows and columns that move along the two spatial axes of the input. Where what a
unit sees along each of them follows from its own row and column alone, the browser walks the runs; elsewhere it asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from striate.fields import Fields
from striate.fields.listed import listed
from striate.network.relation import Shape
from striate.show.cells import field_cells, status_text
from striate.show.document import LayerDocument, TotalsDocument, describe

LANGUAGES = ("en", "zh")

Run = Sequence[int]


class SidesDocument(TypedDict):
    """The hulls of a map's units inside the picture: runs of ``[units, start, stop, move]`` of rows and of columns."""

    rows: list[Run]
    columns: list[Run]


class MapDocument(TypedDict):
    """A layer whose units stand in rows and columns; ``hulls`` is None where runs do not tell.

    A layer behind a ``reaching`` operator, one that is global, has ``local`` hulls too, those without global paths.
    """

    size: list[int]
    reaching: bool
    hulls: SidesDocument | None
    local: SidesDocument | None


class TableDocument(TypedDict):
    """One layer: its facts, its place among the layers, the cells of its row in each language, its map."""

    layer: LayerDocument
    cells: dict[str, list[str]]
    map: MapDocument | None


class NetworkDocument(TypedDict):
    """A network and its picture: ``picture`` is the height and width of the input, None where it is none."""

    model: str
    source: str
    shape: list[int]
    layout: str
    picture: list[int] | None
    channels: int
    first: str
    totals: TotalsDocument
    layers: list[TableDocument]


def network_document(fields: Fields, model: str, first: str = "") -> NetworkDocument:
    """Everything that the browser is told of a network, once; ``first`` is the layer to begin with."""
    shape = fields.network.shapes[fields.source]
    names = [name for name in fields.network.inputs if name == fields.source] + list(fields)
    told = describe(fields, names, model)
    channel = fields.layout.find("C")
    return {
        "model": model,
        "source": fields.source,
        "shape": list(shape),
        "layout": fields.layout,
        "picture": _picture(fields),
        "channels": shape[channel] if channel >= 0 else 1,
        "first": first,
        "totals": told["totals"],
        "layers": [
            {"layer": layer, "cells": _cells(layer), "map": map_document(fields, layer["name"])}
            for layer in told["layers"]
        ],
    }


def map_size(fields: Fields, layer: str) -> Shape | None:
    """The rows and columns of a layer's units; None where it is no map.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 3, 8, 9))
    >>> made = b.add(Conv((3, 3), out_channels=4), "x", name="conv")
    >>> map_size(Fields(b.network()), "conv")
    (6, 7)
    """
    if len(fields.spatial) != 2:
        return None
    axes = fields.layer_axes(layer)
    if axes.grid is not None and axes.units == (axes.grid.axis,) and axes.grid.names == tuple(fields.spatial):
        return axes.grid.sizes
    if len(axes.units) != 2:
        return None
    words = tuple(axes.words[axis] for axis in axes.units)
    return axes.sizes if words == tuple(fields.spatial) or axes.sizes == (1, 1) else None


def map_document(fields: Fields, layer: str) -> MapDocument | None:
    """A layer's map, as the browser is told of it; None where it is none."""
    size = map_size(fields, layer)
    if size is None:
        return None
    whole = any(axis.status == "whole" for axis in fields[layer].axes.values())
    local = _sides(fields.local, layer) if whole else None
    return {"size": list(size), "reaching": whole, "hulls": _sides(fields, layer), "local": local}


def _sides(fields: Fields, layer: str) -> SidesDocument | None:
    """The runs of rows and of columns; None where one does not follow from its own axis alone."""
    units = fields.layer_axes(layer).units
    if len(units) != 2:
        return None
    runs = [_runs(fields, layer, name, axis) for name, axis in zip(fields.spatial, units, strict=True)]
    rows, columns = runs
    return None if rows is None or columns is None else {"rows": rows, "columns": columns}


def _runs(fields: Fields, layer: str, name: str, axis: int) -> list[Run] | None:
    tensor = fields.network.tensor(layer)
    count = fields.network.shapes[tensor][axis]
    if not fields.clipped.get(tensor):
        return [[count, 0, 0, 0]]
    found = listed(fields, layer, name)
    if found is None or not {*found.axes} <= {axis}:
        return None
    if found.axes:
        return [list(run) for run in found.runs]
    ((_, start, stop, _),) = found.runs
    return [[count, start, stop, 0]]


def _picture(fields: Fields) -> list[int] | None:
    shape: Mapping[int, int] = dict(enumerate(fields.network.shapes[fields.source]))
    return [shape[axis] for axis in fields.spatial.values()] if len(fields.spatial) == 2 else None


def _cells(layer: LayerDocument) -> dict[str, list[str]]:
    axes = layer["axes"]
    return {lang: [*field_cells(axes, lang), status_text(axes, lang)] if axes else [] for lang in LANGUAGES}
