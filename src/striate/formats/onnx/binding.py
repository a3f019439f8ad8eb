"""Binding the inputs of a model to concrete shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from striate.errors import InputError, ModelError, UnsupportedError
from striate.formats.declared import Declared, bounded, declared_text, given_by_name, resolved
from striate.formats.shapes import Shapes
from striate.network.relation import Shape

if TYPE_CHECKING:
    import onnx


def bind_inputs(graph: onnx.GraphProto, shapes: Shapes) -> dict[str, tuple[Shape, int]]:
    """The shape and elem_type of every input that is not a weight.

    A single shape is meant for the main input, the first one of the highest rank. A dimension that
    stays open raises InputError, which names it; so does a shape that contradicts the model's.
    """
    infos = _inputs(graph)
    declared = {info.name: _declared(info) for info in infos}
    given = given_by_name(shapes, declared)
    symbols: dict[str, set[int]] = {}
    for name, shape in given.items():
        _check(name, shape, declared[name])
        for size, dim in zip(shape, declared[name] or (), strict=False):
            if isinstance(dim, str) and dim:
                symbols.setdefault(dim, set()).add(size)
    known = {dim: sizes.pop() for dim, sizes in symbols.items() if len(sizes) == 1}
    bound = {}
    for info in infos:
        shape = given[info.name] if info.name in given else resolved(info.name, declared[info.name], known)
        bound[info.name] = shape, _kind(info)
    return bound


def declared_inputs(graph: onnx.GraphProto) -> dict[str, Declared]:
    """What the graph says of the shape of every input that is not a weight."""
    return {info.name: _declared(info) for info in _inputs(graph)}


def named_shapes(graph: onnx.GraphProto, shapes: Shapes) -> dict[str, Shape]:
    """The shapes given, by the names of the inputs that they are meant for."""
    return given_by_name(shapes, declared_inputs(graph))


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """What the graph declares as inputs, without weights."""
    weights = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    infos = [info for info in graph.input if info.name not in weights]
    if len({info.name for info in infos}) < len(infos):
        raise ModelError("two inputs have the same name")
    return infos


def _kind(info: onnx.ValueInfoProto) -> int:
    return int(info.type.tensor_type.elem_type) or 1


def _declared(info: onnx.ValueInfoProto) -> Declared:
    """Sizes, names of dynamic dimensions ('' for nameless ones), or None for an unknown rank."""
    which = info.type.WhichOneof("value")
    if which not in (None, "tensor_type"):
        raise UnsupportedError(f"input {info.name!r} is a {which.removesuffix('_type')}, not a tensor")
    if not info.type.tensor_type.HasField("shape"):
        return None
    return tuple(
        int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value >= 0 else str(dim.dim_param)
        for dim in info.type.tensor_type.shape.dim
    )


def _check(name: str, shape: Shape, declared: Declared) -> None:
    """Whether a given shape is usable and agrees with what the model declares."""
    bounded(name, shape)
    if declared is None:
        return
    fixed = zip(shape, declared, strict=False)
    if len(shape) != len(declared) or any(isinstance(dim, int) and n != dim for n, dim in fixed):
        raise InputError(f"input {name!r}: shape {shape} was given, the model declares {declared_text(declared)}")
