"""Reading a TFLite file as a Network; flatbuffers are data, every offset in them is checked, nothing is executed.

To add an operator, write one function with ``@operator("NAME")`` in the file of its family: it gets a ``Call`` and
returns the ``Step`` of an operator of ``striate.network.operators``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from striate.errors import InputError, ModelError
from striate.formats.accidents import named_errors
from striate.formats.declared import Declared, given_by_name, resolved
from striate.formats.given import Given, Values
from striate.formats.shapes import InputShape, Shapes, input_shapes
from striate.formats.steps import Array, Order
from striate.formats.tflite.call import OPERATORS
from striate.formats.tflite.schema import DTYPES, UNSIZED, Graph, load_graph
from striate.formats.tflite.walk import Walk
from striate.formats.unknown import Unknown
from striate.network import Network, Node
from striate.network.operators import Constant
from striate.network.relation import Shape
from striate.network.stages import with_stages

__all__ = ["OPERATORS", "Reading", "declared_inputs", "read_file", "read_tflite"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A network, and where its tensors are in the file.

    ``places`` holds for each tensor that the file has its number there, and for each axis of it the file's axis;
    ``fixed`` the values of the inputs that stay at one.
    """

    network: Network
    places: dict[str, tuple[int, Order]]
    fixed: dict[int, Array]


def read_tflite(
    path: str | PathLike[str], input_shape: InputShape = None, *, unknown: str = "refuse", values: Values = None
) -> Network:
    """The network in a TFLite file, weights left unread.

    A layer has its channels behind its batch, as everywhere here, an input the axes that the file states: rows,
    columns, channels. ``input_shape`` resizes inputs, as the runtime would: a shape for the main input (the first of
    the highest rank), a sequence of shapes in the inputs' order, or a mapping from their names. ``unknown="whole"``
    counts an operator without a rule, such as a custom one, as seeing everything. ``values`` are numbers at which
    inputs of one element stay.

    Raises InputError for shapes that do not fit, ModelError for files that cannot be read and UnsupportedError for
    operators without a rule; each names the file and the node.
    """
    file = Path(os.fsdecode(path))
    return read_file(file, file.name, input_shapes(input_shape), Unknown.of(unknown), Given.of(None, values)).network


def read_file(held: Path | bytes, name: str, shapes: Shapes, unknown: Unknown, given: Given) -> Reading:
    """As ``read_tflite``, of what it has read of a caller's arguments; ``name`` is that of the file."""
    with named_errors(name):
        graph = load_graph(held)
        bound = _bound(graph, shapes)
        given.known({graph.tensors[k].name: None for k in bound})
        fixed = {k: _fixed(graph, k, given) for k in bound if graph.tensors[k].name in given.values}
        walk = Walk(graph, bound, fixed, unknown)
        walk.run()
        network = _network(Path(name).stem, graph, [k for k in bound if k not in fixed], walk)
        places = {tensor.name: (k, tensor.order) for k, tensor in walk.tensors.items() if tensor.data}
        return Reading(with_stages(network), places, fixed)


def declared_inputs(graph: Graph) -> dict[str, Declared]:
    """What the graph says of the shape of every input; an open batch is that of the file."""
    return {
        tensor.name: tuple("" if axis and axis in tensor.open else n for axis, n in enumerate(tensor.shape))
        for tensor in (graph.tensors[k] for k in graph.inputs)
    }


def _bound(graph: Graph, shapes: Shapes) -> dict[int, Shape]:
    """The shape of every input."""
    declared = declared_inputs(graph)
    given = given_by_name(shapes, declared)
    bound = {}
    for k in graph.inputs:
        name = graph.tensors[k].name
        if name in given and len(given[name]) != len(declared[name] or ()):
            raise InputError(f"input {name!r}: shape {given[name]} was given, the file has {graph.tensors[k].shape}")
        bound[k] = given[name] if name in given else resolved(name, declared[name], {})
    return bound


def _fixed(graph: Graph, k: int, given: Given) -> Array:
    """The value at which an input stays."""
    tensor = graph.tensors[k]
    if any(n != 1 for n in tensor.shape) or tensor.kind in UNSIZED:
        raise InputError(f"a value is given for {tensor.name!r} of shape {tensor.shape}; it must hold one number")
    return np.full(tensor.shape, given.values[tensor.name]).astype(DTYPES[tensor.kind])


def _network(name: str, graph: Graph, inputs: list[int], walk: Walk) -> Network:
    outputs = [walk.tensors[k] for k in graph.outputs if k in walk.tensors]
    if len(outputs) < len(graph.outputs):
        missing = next(graph.tensors[k].name for k in graph.outputs if k not in walk.tensors)
        raise ModelError(f"output {missing!r} is written by no operation")
    constants = [
        Node(tensor.name, Constant(tensor.shape), (), (tensor.name,), "constant")
        for tensor in dict.fromkeys(outputs)
        if not tensor.data
    ]
    nodes = (*walk.written.nodes, *constants)
    ends = tuple(graph.tensors[k].name for k in inputs)
    used = [*ends, *(found for node in nodes for found in (*node.inputs, *node.outputs))]
    held = {found: walk.written.held[found] for found in dict.fromkeys(used)}
    return Network(
        name=name,
        inputs=ends,
        outputs=tuple(tensor.name for tensor in outputs),
        nodes=nodes,
        shapes={found: tensor.shape for found, tensor in held.items()},
        item_bytes={found: item_bytes(tensor.kind) for found, tensor in held.items()},
    )


def item_bytes(kind: str) -> int:
    """Bytes of one element; types of less than a byte take one, texts and the like none."""
    return 0 if kind in UNSIZED else np.dtype(DTYPES[kind]).itemsize
