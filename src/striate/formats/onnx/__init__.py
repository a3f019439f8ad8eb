"""Reading an ONNX file as a Network; models are data and nothing in them is executed.

To add an operator, write one function with ``@operator("Name")`` in the file of its family: it gets a
``Call`` and returns the ``Translation`` to an operator of ``striate.network.operators``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from os import PathLike, fspath
from pathlib import Path

from striate.errors import InputError, ModelError, StriateError
from striate.formats.onnx.binding import InputShape, bind_inputs
from striate.formats.onnx.call import OPERATORS, Tensor
from striate.formats.onnx.loading import load_model, opsets
from striate.formats.onnx.walk import ACCIDENTS, Walk
from striate.network.network import Network, Node
from striate.network.operators import Constant
from striate.network.relation import Shape

__all__ = ["OPERATORS", "read_onnx"]


def read_onnx(path: str | PathLike[str], input_shape: InputShape = None, *, unknown: str = "refuse") -> Network:
    """The network in an ONNX file (opset 7 to the newest the installed onnx knows), weights left unread.

    ``input_shape`` binds dynamic dimensions: a shape for the main input (the first of the highest rank),
    a sequence of shapes in the inputs' order, or a mapping from input names. ``unknown="whole"`` counts
    an operator without a rule as seeing everything, where the model declares its output's shape.

    Raises InputError for shapes that do not fit, ModelError for files that cannot be read and
    UnsupportedError for operators without a rule; each names the file and the node.
    """
    if unknown not in ("refuse", "whole"):
        raise InputError(f"unknown={unknown!r}: use 'refuse' or 'whole'")
    file = Path(fspath(path))
    try:
        return _read(file, input_shape, unknown)
    except StriateError as error:
        raise type(error)(f"{file.name}: {_one_line(str(error))}") from error
    except ACCIDENTS as error:
        raise ModelError(f"{file.name}: inconsistent or too large to read ({type(error).__name__})") from error


def _one_line(text: str) -> str:
    """Control characters from a hostile file, made visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _read(file: Path, input_shape: InputShape, unknown: str) -> Network:
    model = load_model(file)
    walk = Walk(opsets(model), unknown)
    given, bound = bind_inputs(model.graph, input_shape)
    for name, (shape, kind) in bound.items():
        walk.tensors[name] = Tensor(name, shape, kind, True)
    walk.graph(model.graph)
    outputs = tuple(info.name for info in model.graph.output)
    nodes = (*walk.nodes, *_constant_outputs(outputs, walk))
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)} | set(bound)
    return Network(
        name=file.stem,
        inputs=tuple(bound),
        outputs=outputs,
        nodes=nodes,
        shapes={name: walk.tensors[name].shape for name in walk.tensors if name in used},
        item_bytes={name: _item_bytes(walk.tensors[name].kind) for name in walk.tensors if name in used},
        rebind=partial(_rebound, file, given, unknown) if bound else None,
    )


def _rebound(file: Path, given: Mapping[str, Shape], unknown: str, name: str, shape: Shape) -> Network:
    """The same file with one input at another shape."""
    return read_onnx(file, {**given, name: shape}, unknown=unknown)


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
