"""Reading an ONNX file as a Network; models are data and nothing in them is executed.

To add an operator, write one function with ``@operator("Name")`` in the file of its family: it gets a
``Call`` and returns the ``Translation`` to an operator of ``striate.network.operators``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ModelError, StriateError
from striate.formats.given import Given, Values
from striate.formats.onnx.binding import bind_inputs
from striate.formats.onnx.call import OPERATORS, Tensor
from striate.formats.onnx.loading import load_model, opsets
from striate.formats.onnx.walk import ACCIDENTS, Walk
from striate.formats.shapes import InputShape, Shapes, input_shapes
from striate.formats.unknown import Unknown
from striate.network import Network, Node
from striate.network.operators import Constant
from striate.network.stages import with_stages

if TYPE_CHECKING:
    import onnx

__all__ = ["OPERATORS", "named_errors", "read_file", "read_onnx"]


def read_onnx(
    path: str | PathLike[str], input_shape: InputShape = None, *, unknown: str = "refuse", values: Values = None
) -> Network:
    """The network in an ONNX file (opset 7 to the newest the installed onnx knows), weights left unread.

    ``input_shape`` binds dynamic dimensions: a shape for the main input (the first of the highest rank),
    a sequence of shapes in the inputs' order, or a mapping from input names. ``unknown="whole"`` counts
    an operator without a rule as seeing everything, where the model declares its output's shape. ``values``
    are numbers at which inputs of one element stay.

    Raises InputError for shapes that do not fit, ModelError for files that cannot be read and
    UnsupportedError for operators without a rule; each names the file and the node.
    """
    file = Path(os.fsdecode(path))
    return read_file(file, file.name, input_shapes(input_shape), Unknown.of(unknown), Given.of(None, values))


def read_file(held: Path | bytes, name: str, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
    """As ``read_onnx``, of what it has read of a caller's arguments; ``name`` is that of the file."""
    with named_errors(name):
        return with_stages(_read(held, name, shapes, unknown, given))


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """While open, an error gets the name of the file, and an accident of reading it is a ModelError."""
    try:
        yield
    except StriateError as error:
        raise type(error)(f"{name}: {_one_line(str(error))}") from error
    except ACCIDENTS as error:
        raise ModelError(f"{name}: inconsistent or too large to read ({type(error).__name__})") from error


def _one_line(text: str) -> str:
    """Control characters from a hostile file, made visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def walked(model: onnx.ModelProto, shapes: Shapes, unknown: Unknown) -> tuple[Walk, tuple[str, ...]]:
    """A walk over a model at input shapes, and the names of its inputs."""
    walk = Walk(opsets(model), unknown)
    bound = bind_inputs(model.graph, shapes)
    for entry, (shape, kind) in bound.items():
        walk.tensors[entry] = Tensor(entry, shape, kind, True)
    walk.scalars = tuple(entry for entry, (shape, _) in bound.items() if prod(shape) == 1)
    walk.graph(model.graph)
    return walk, tuple(bound)


def _read(held: Path | bytes, name: str, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
    model = load_model(held, given.values)
    walk, bound = walked(model, shapes, unknown)
    outputs = tuple(info.name for info in model.graph.output)
    nodes = (*walk.nodes, *_constant_outputs(outputs, walk))
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)} | set(bound)
    return Network(
        name=Path(name).stem,
        inputs=bound,
        outputs=outputs,
        nodes=nodes,
        shapes={name: walk.tensors[name].shape for name in walk.tensors if name in used},
        item_bytes={name: _item_bytes(walk.tensors[name].kind) for name in walk.tensors if name in used},
    )


def _constant_outputs(outputs: tuple[str, ...], walk: Walk) -> list[Node]:
    """Nodes that stand for network outputs no data reaches."""
    for name in outputs:
        if name not in walk.tensors:
            raise ModelError(f"output {name!r} is written by no node")
    found = [walk.tensors[name] for name in dict.fromkeys(outputs) if not walk.tensors[name].data]
    return [Node(t.name, Constant(t.shape), (), (t.name,), "Constant") for t in found]


def _item_bytes(kind: int) -> int:
    """Bytes of one element; types of less than a byte take one."""
    from onnx import TensorProto, helper

    if kind not in TensorProto.DataType.values() or kind == TensorProto.UNDEFINED:
        raise ModelError(f"a tensor has the unknown element type {kind}")
    return 0 if kind == TensorProto.STRING else int(helper.tensor_dtype_to_np_dtype(kind).itemsize)
