"""Reading a ``.keras`` file as a Network; its config is data within bounds, nothing is executed, Keras not imported.

To add a layer, write one function with ``@layer("Name")`` in the file of its family, or ``@operation("Name")`` for one
of ``keras.ops``: it gets a ``Call`` and returns the ``Step`` of an operator of ``striate.network.operators``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from striate.errors import InputError, ModelError
from striate.formats.accidents import named_errors
from striate.formats.declared import Declared, given_by_name, resolved
from striate.formats.given import Given
from striate.formats.keras.archive import load_archive
from striate.formats.keras.call import LAYERS, OPERATIONS
from striate.formats.keras.config import INPUT, Graph, Layer, parsed
from striate.formats.keras.walk import KINDS, Walk
from striate.formats.shapes import InputShape, Shapes, input_shapes
from striate.formats.steps import Order, Tensor, as_stored, checked
from striate.formats.unknown import Unknown
from striate.network import Network
from striate.network.relation import Shape
from striate.network.stages import with_stages

__all__ = ["LAYERS", "OPERATIONS", "Reading", "declared_inputs", "load_graph", "read_file", "read_keras"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A network, and for each of its tensors which axis of the file each axis of it is."""

    network: Network
    orders: Mapping[str, Order]


@dataclass(frozen=True, slots=True)
class Entry:
    """An input of a model: its name, element type and what the file says of its shape."""

    name: str
    kind: str
    declared: Declared


def read_keras(path: str | PathLike[str], input_shape: InputShape = None, *, unknown: str = "refuse") -> Network:
    """The network in a ``.keras`` file, weights left unread.

    A layer has its channels behind its batch, as everywhere here, an input the axes that the file states: rows,
    columns, channels unless its layers say ``channels_first``. ``input_shape`` sizes the inputs: a shape for the main
    input (the first of the highest rank), a sequence of shapes in the inputs' order, or a mapping from their names; an
    open batch is one. ``unknown="whole"`` counts a layer without a rule as seeing everything.

    Raises InputError for shapes that do not fit, ModelError for files that cannot be read and UnsupportedError for
    layers without a rule; each names the file and the layer.
    """
    file = Path(os.fsdecode(path))
    return read_file(file, file.name, input_shapes(input_shape), Unknown.of(unknown), Given()).network


def load_graph(held: Path | bytes) -> Graph:
    """The model that a file describes."""
    return parsed(load_archive(held).config)


def read_file(held: Path | bytes, name: str, shapes: Shapes, unknown: Unknown, given: Given) -> Reading:
    """As ``read_keras``, of what it has read of a caller's arguments; ``name`` is that of the file."""
    with named_errors(name):
        graph = load_graph(held)
        entries = _entries(graph)
        given.known({entry.name: None for entry in entries})
        if given.values:
            raise InputError("an input of a .keras file has no value to stay at: leave values out")
        inputs = _inputs(entries, shapes)
        own = all(
            entry.declared is not None
            and len(entry.declared) == len(tensor.shape)
            and all(m in ("", n) for m, n in zip(entry.declared, tensor.shape, strict=True))
            for entry, tensor in zip(entries, inputs, strict=True)
        )
        walk = Walk(inputs, own, unknown)
        outputs = walk.run(graph)
        network = with_stages(_network(Path(name).stem, inputs, outputs, walk))
        return Reading(network, {found: walk.written.held[found].order for found in network.shapes})


def declared_inputs(graph: Graph) -> dict[str, Declared]:
    """What the model says of the shape of every input; an open batch is one."""
    return {entry.name: entry.declared for entry in _entries(graph)}


def _entries(graph: Graph) -> tuple[Entry, ...]:
    layers = {layer.name: layer for layer in graph.layers}
    if not graph.sequential:
        missing = next((end.layer for end in graph.inputs if end.layer not in layers), None)
        if missing is not None:
            raise ModelError(f"input {missing!r} is no layer of the model")
        return tuple(_entry(layers[end.layer]) for end in graph.inputs)
    if not graph.layers:
        raise ModelError(f"{graph.name} has no layers")
    first = graph.layers[0]
    if first.kind != INPUT and _batch_shape(first) is None:
        name = "input" if "input" not in layers else "input'"
        return (Entry(name, "float32", _sizes(graph.built)),)
    return (_entry(first) if first.kind == INPUT else Entry("input", "float32", _sizes(_batch_shape(first))),)


def _batch_shape(layer: Layer) -> object:
    """The shape of its input that a layer states; Keras 2 called it ``batch_input_shape``."""
    return layer.settings.get("batch_shape", layer.settings.get("batch_input_shape"))


def _entry(layer: Layer) -> Entry:
    kind = layer.settings.get("dtype")
    return Entry(layer.name, kind if kind in KINDS else "float32", _sizes(_batch_shape(layer)))


def _sizes(found: object) -> Declared:
    if not isinstance(found, list) or not all(n is None or (isinstance(n, int) and n > 0) for n in found):
        return None
    return tuple((1 if not axis else "") if n is None else n for axis, n in enumerate(found))


def _inputs(entries: tuple[Entry, ...], shapes: Shapes) -> list[Tensor]:
    """The inputs at the shapes that they are given, or that the file states."""
    declared = {entry.name: entry.declared for entry in entries}
    given = given_by_name(shapes, declared)
    found = []
    for entry in entries:
        shape: Shape = given[entry.name] if entry.name in given else resolved(entry.name, entry.declared, {})
        if entry.declared is not None and len(shape) != len(entry.declared):
            raise InputError(f"input {entry.name!r}: shape {shape} was given, the file has {entry.declared}")
        found.append(Tensor(entry.name, checked(shape), as_stored(len(shape)), entry.kind, True))
    return found


def _network(name: str, inputs: list[Tensor], outputs: list[Tensor], walk: Walk) -> Network:
    nodes = tuple(walk.written.nodes)
    used = [tensor.name for tensor in inputs]
    used += [found for node in nodes for found in (*node.inputs, *node.outputs)]
    held: Mapping[str, Tensor] = {found: walk.written.held[found] for found in dict.fromkeys(used)}
    return Network(
        name=name,
        inputs=tuple(tensor.name for tensor in inputs),
        outputs=tuple(dict.fromkeys(tensor.name for tensor in outputs)),
        nodes=nodes,
        shapes={found: tensor.shape for found, tensor in held.items()},
        item_bytes={found: KINDS[tensor.kind] for found, tensor in held.items()},
    )
