"""Binding the inputs of a model to concrete shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from striate.errors import InputError, ModelError, UnsupportedError
from striate.names import did_you_mean
from striate.network.relation import Shape
from striate.values import shown

if TYPE_CHECKING:
    import onnx

InputShape = Sequence[int] | Mapping[str, Sequence[int]] | Sequence[Sequence[int]] | None
Declared = tuple[int | str, ...] | None
LARGEST_AXIS = 1 << 31


def bind_inputs(
    graph: onnx.GraphProto, input_shape: InputShape
) -> tuple[dict[str, Shape], dict[str, tuple[Shape, int]]]:
    """The shapes given by name, and the shape and elem_type of every input that is not a weight.

    A single shape is meant for the main input, the first one of the highest rank. A dimension that
    stays open raises InputError, which names it; so does a shape that contradicts the model's.
    """
    weights = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    infos = [info for info in graph.input if info.name not in weights]
    declared = {info.name: _declared(info) for info in infos}
    if len(declared) < len(infos):
        raise ModelError("two inputs have the same name")
    given = _given(input_shape, declared)
    symbols: dict[str, set[int]] = {}
    for name, shape in given.items():
        _check(name, shape, declared[name])
        for size, dim in zip(shape, declared[name] or (), strict=False):
            if isinstance(dim, str) and dim:
                symbols.setdefault(dim, set()).add(size)
    known = {dim: sizes.pop() for dim, sizes in symbols.items() if len(sizes) == 1}
    bound = {}
    for info in infos:
        shape = given[info.name] if info.name in given else _resolved(info.name, declared[info.name], known)
        bound[info.name] = shape, _kind(info)
    return given, bound


def _main(declared: Mapping[str, Declared]) -> str:
    return max(declared, key=lambda name: len(declared[name] or ()))


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


def _given(input_shape: Any, declared: Mapping[str, Declared]) -> dict[str, Shape]:
    if input_shape is None:
        return {}
    if not declared:
        raise InputError("the model has no input to give a shape to")
    if isinstance(input_shape, Mapping):
        for name in input_shape:
            if name not in declared:
                raise InputError(f"no input {name!r}{did_you_mean(name, declared)} Inputs: {', '.join(declared)}")
        return {name: _shape(name, shape) for name, shape in input_shape.items()}
    if isinstance(input_shape, str) or not isinstance(input_shape, Sequence):
        raise InputError(f"input_shape {shown(input_shape)} is no shape; give integers, such as (1, 3, 224, 224)")
    if input_shape and all(isinstance(entry, Sequence) and not isinstance(entry, str) for entry in input_shape):
        if len(input_shape) > len(declared):
            raise InputError(f"{len(input_shape)} input shapes for {len(declared)} inputs: {', '.join(declared)}")
        return {name: _shape(name, shape) for name, shape in zip(declared, input_shape, strict=False)}
    name = _main(declared)
    return {name: _shape(name, input_shape)}


def _shape(name: str, shape: Sequence[int]) -> Shape:
    try:
        found = tuple(n.__index__() for n in shape)
    except (AttributeError, TypeError) as error:
        raise InputError(f"input_shape {shown(shape)} for {name!r} is no shape; give integers") from error
    return found


def _check(name: str, shape: Shape, declared: Declared) -> None:
    """Whether a given shape is usable and agrees with what the model declares."""
    if any(n < 1 or n > LARGEST_AXIS for n in shape):
        raise InputError(f"input {name!r}: shape {shape} has a dimension below 1 or above {LARGEST_AXIS}")
    if declared is None:
        return
    fixed = zip(shape, declared, strict=False)
    if len(shape) != len(declared) or any(isinstance(dim, int) and n != dim for n, dim in fixed):
        raise InputError(f"input {name!r}: shape {shape} was given, the model declares {_text(declared)}")


def _text(declared: Sequence[int | str]) -> str:
    return f"({', '.join(str(dim) if dim != '' else '?' for dim in declared)})"


def _resolved(name: str, declared: Declared, known: Mapping[str, int]) -> Shape:
    """The declared shape, its names replaced by what other inputs fixed."""
    if declared is None:
        raise InputError(f"input {name!r} has no declared shape; give one: input_shape={{{name!r}: (...)}}")
    shape = [known.get(dim, dim) if isinstance(dim, str) else dim for dim in declared]
    for axis, dim in enumerate(shape):
        if isinstance(dim, str):
            example = ", ".join(str(d) if isinstance(d, int) else "N" for d in shape)
            raise InputError(
                f"input {name!r} of shape {_text(declared)}: dimension {axis} ({dim or 'unnamed'}) is dynamic; "
                f"give a size, input_shape={{{name!r}: ({example})}}"
            )
    found = tuple(int(dim) for dim in shape)
    _check(name, found, None)
    return found
