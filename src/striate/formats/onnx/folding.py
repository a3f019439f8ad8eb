"""Shape arithmetic on small constants, in NumPy: what the model computes before any pixel counts."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod
from typing import Any

import numpy as np

from striate.errors import ModelError, StriateError
from striate.formats.onnx.call import Array, Call, scalar

LARGEST = 1 << 18
REFUSALS = (ValueError, IndexError, OverflowError, MemoryError)
"""What NumPy raises where shapes, axes, places or sizes do not fit."""


class TooLargeError(Exception):
    """A result that is no shape arithmetic, mostly for its size; its shape alone is kept."""


def _room(shape: tuple[int, ...]) -> None:
    if prod(shape) > LARGEST:
        raise TooLargeError


def _binary(ufunc: Callable[..., Any]) -> Callable[[Call], Array]:
    def fold(call: Call) -> Array:
        values = [call.value(k) for k in range(max(len(call.inputs), 1))]
        _room(np.broadcast_shapes(*(v.shape for v in values)))
        found = values[0]
        for value in values[1:]:
            found = ufunc(found, value)
        return np.asarray(found)

    return fold


def _unary(ufunc: Callable[..., Any]) -> Callable[[Call], Array]:
    return lambda call: np.asarray(ufunc(call.value(0)))


def _divide(a: Array, b: Array) -> Array:
    if not np.issubdtype(a.dtype, np.integer):
        return np.asarray(a / b)
    if not np.all(b):
        raise ModelError("division by zero in shape arithmetic")
    return np.asarray((np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype))


def _modulo(call: Call) -> Array:
    a, b = call.value(0), call.value(1)
    _room(np.broadcast_shapes(a.shape, b.shape))
    if not np.all(b) and b.dtype.kind in "iu":
        raise ModelError("division by zero in shape arithmetic")
    return np.asarray(np.fmod(a, b) if call.get("fmod", 0) else np.mod(a, b))


def _cast(call: Call) -> Array:
    from onnx import helper

    return call.value(0).astype(helper.tensor_dtype_to_np_dtype(int(call.need("to"))))


def _axes(call: Call) -> tuple[int, ...]:
    return call.option("axes", 1) or ()


def _unsqueeze(call: Call) -> Array:
    return np.expand_dims(call.value(0), _axes(call))


def _squeeze(call: Call) -> Array:
    return np.squeeze(call.value(0), _axes(call) or None)


def _gather(call: Call) -> Array:
    x, indices, axis = call.value(0), call.value(1), call.axis(int(call.get("axis", 0)))
    _room((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return np.asarray(np.take(x, indices, axis=axis))


def _concat(call: Call) -> Array:
    parts = [call.value(k) for k in range(max(len(call.inputs), 1))]
    return np.concatenate(parts, axis=call.axis(int(call.get("axis", 1))))


def _slice(call: Call) -> Array:
    x = call.value(0)
    starts, ends = call.option("starts", 1) or (), call.option("ends", 2) or ()
    axes = call.option("axes", 3) or tuple(range(len(starts)))
    steps = call.option("steps", 4) or (1,) * len(starts)
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(call.axes(axes), starts, ends, steps, strict=True):
        taken = range(x.shape[axis])[slice(start, end, step)]
        stop = taken.stop if taken.stop >= 0 else None
        cut[axis] = slice(taken.start, stop, taken.step) if len(taken) else slice(0, 0)
    return np.asarray(x[tuple(cut)])


def _reshape(call: Call) -> Array:
    x, shape = call.value(0), list(call.option("shape", 1) or ())
    if not call.get("allowzero", 0):
        shape = [x.shape[k] if n == 0 and k < x.ndim else n for k, n in enumerate(shape)]
    return x.reshape(shape)


def _expand(call: Call) -> Array:
    shape = np.broadcast_shapes(call.shape(0), call.ints(1))
    _room(shape)
    return np.broadcast_to(call.value(0), shape)


def _tile(call: Call) -> Array:
    repeats = call.ints(1)
    _room((call.tensor(0).size, *repeats))
    return np.tile(call.value(0), repeats)


def _range(call: Call) -> Array:
    start, stop, step = (scalar(call.value(k)) for k in range(3))
    if not step:
        raise ModelError("a range with step 0")
    _room((max(ceil((float(stop) - float(start)) / float(step)), 0),))
    return np.arange(start, stop, step, dtype=call.value(0).dtype)


def _constant_of_shape(call: Call) -> Array:
    from onnx import numpy_helper

    shape, tensor = call.ints(0), call.get("value")
    _room(shape)
    try:
        fill = np.zeros(1, np.float32) if tensor is None else numpy_helper.to_array(tensor)
    except TypeError as error:
        raise ModelError(f"the value to fill with has an element type that cannot be read: {error}") from error
    return np.full(shape, scalar(fill))


def _reduce(ufunc: Callable[..., Any]) -> Callable[[Call], Array]:
    def fold(call: Call) -> Array:
        axes = _axes(call)
        if not axes and call.get("noop_with_empty_axes", 0):
            return call.value(0)
        x = call.value(0)
        if not x.size:
            raise TooLargeError
        return np.asarray(ufunc(x, axis=axes or None, keepdims=bool(call.get("keepdims", 1)))).astype(x.dtype)

    return fold


def _where(call: Call) -> Array:
    values = [call.value(k) for k in range(3)]
    _room(np.broadcast_shapes(*(v.shape for v in values)))
    return np.where(*values)


def _transpose(call: Call) -> Array:
    return np.transpose(call.value(0), call.get("perm") or None)


def _non_zero(call: Call) -> Array:
    return np.array(np.nonzero(call.value(0)), dtype=np.int64)


def _cumsum(call: Call) -> Array:
    x, axis = call.value(0), call.axis(int(scalar(call.value(1))))
    turned = np.flip(x, axis) if call.get("reverse", 0) else x
    found = np.cumsum(turned, axis=axis, dtype=x.dtype)
    found = found - turned if call.get("exclusive", 0) else found
    return np.flip(found, axis) if call.get("reverse", 0) else found


def _trilu(call: Call) -> Array:
    k = int(scalar(call.value(1))) if call.has(1) else 0
    return np.triu(call.value(0), k) if call.get("upper", 1) else np.tril(call.value(0), k)


def _gather_elements(call: Call) -> Array:
    x, axis = call.value(0), call.axis(int(call.get("axis", 0)))
    indices = call.value(1)
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = indices
    return np.asarray(x[tuple(places)])


def _gather_nd(call: Call) -> Array:
    x, indices, batch = call.value(0), call.value(1), int(call.get("batch_dims", 0))
    if not 0 <= batch < indices.ndim or batch + indices.shape[-1] > x.ndim:
        raise ModelError(f"indices of shape {indices.shape} name more axes than {x.shape} has behind {batch}")
    _room((*indices.shape[:-1], *x.shape[batch + indices.shape[-1] :]))
    before = np.indices(indices.shape[:-1], sparse=True)[:batch]
    return np.asarray(x[(*before, *np.moveaxis(indices, -1, 0))])


COMBINED: dict[str, np.ufunc] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _write(call: Call, places: tuple[Array, ...]) -> Array:
    found, reduction = call.value(0).copy(), call.text("reduction", "none")
    if reduction == "none":
        found[places] = call.value(2)
    elif reduction in COMBINED:
        COMBINED[reduction].at(found, places, call.value(2))
    else:
        raise ModelError(f"unknown reduction {reduction!r}")
    return found


def _scatter_nd(call: Call) -> Array:
    return _write(call, tuple(np.moveaxis(call.value(1), -1, 0)))


def _scatter_elements(call: Call) -> Array:
    axis, indices = call.axis(int(call.get("axis", 0))), call.value(1)
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = indices
    return _write(call, tuple(places))


def _one_hot(call: Call) -> Array:
    indices, depth = call.value(0), int(scalar(call.value(1)))
    axis = call.axis(int(call.get("axis", -1)), indices.ndim + 1)
    _room((*indices.shape, depth))
    places: Array = np.arange(depth).reshape([-1 if k == axis else 1 for k in range(indices.ndim + 1)])
    found = np.expand_dims(np.where(indices < 0, indices + depth, indices), axis) == places
    off, on = call.value(2)
    return np.asarray(np.where(found, on, off))


def _eye_like(call: Call) -> Array:
    from onnx import helper

    x, kind = call.value(0), call.get("dtype")
    dtype = x.dtype if kind is None else helper.tensor_dtype_to_np_dtype(int(kind))
    if x.ndim != 2:
        raise ModelError(f"a diagonal needs two axes, got {x.shape}")
    return np.eye(x.shape[0], x.shape[1], int(call.get("k", 0))).astype(dtype)


FOLDS: dict[str, Callable[[Call], Array]] = {
    **{name: _binary(getattr(np, numpy)) for name, numpy in {
        "Add": "add", "Sub": "subtract", "Mul": "multiply", "Pow": "power", "Min": "minimum", "Max": "maximum",
        "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Less": "less",
        "LessOrEqual": "less_equal", "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor",
    }.items()},
    **{name: _unary(getattr(np, numpy)) for name, numpy in {
        "Abs": "abs", "Neg": "negative", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sqrt": "sqrt",
        "Not": "logical_not", "Sign": "sign", "Identity": "asarray", "Exp": "exp", "Log": "log",
        "Reciprocal": "reciprocal", "IsNaN": "isnan",
    }.items()},
    **{f"Reduce{name}": _reduce(getattr(np, name.lower())) for name in ("Prod", "Sum", "Max", "Min", "Mean")},
    "Div": _binary(_divide),
    "Mod": _modulo,
    "Cast": _cast,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "Reshape": _reshape,
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
    "Where": _where,
    "Transpose": _transpose,
    "NonZero": _non_zero,
    "CumSum": _cumsum,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "GatherND": _gather_nd,
    "GatherElements": _gather_elements,
    "Trilu": _trilu,
    "OneHot": _one_hot,
    "EyeLike": _eye_like,
}  # fmt: skip


def fold(call: Call) -> Array | None:
    """The value of a node whose inputs are small constants; None where it has to stay a shape."""
    if call.op not in FOLDS or not all(t is None or t.value is not None for t in call.inputs):
        return None
    try:
        with np.errstate(all="ignore"):
            found = FOLDS[call.op](call)
    except TooLargeError:
        return None
    except REFUSALS as error:
        if isinstance(error, StriateError):
            raise
        shapes = ", ".join(str(t.shape) for t in call.inputs if t is not None)
        why = " ".join(str(error).split())
        raise ModelError(f"cannot be computed from constants of shapes {shapes}: {why}") from error
    return found if found.size <= LARGEST else None


def shape_value(call: Call) -> Array | None:
    """Shape and Size, known of any tensor."""
    if call.op == "Size":
        return np.array(call.tensor(0).size, dtype=np.int64)
    if call.op == "Shape":
        return np.array(call.x[slice(call.get("start", 0), call.get("end"))], dtype=np.int64)
    return None
