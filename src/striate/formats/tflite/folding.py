"""Shape arithmetic on small constants, in NumPy: what a graph computes before any pixel counts."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from striate.errors import ModelError
from striate.formats.steps import Array
from striate.formats.tflite.arrange import strided
from striate.formats.tflite.call import Call
from striate.formats.tflite.schema import DTYPES, named

LARGEST = 1 << 16
REFUSALS = (ValueError, IndexError, OverflowError, TypeError)
"""What NumPy raises where shapes, axes, places or sizes do not fit."""


def _divided(a: Array, b: Array) -> Array:
    """A quotient, of integers rounded towards zero."""
    if a.dtype.kind not in "iu":
        return np.asarray(a / b)
    if not np.all(b):
        raise ModelError("division by zero in shape arithmetic")
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), a.dtype)


def _floored(a: Array, b: Array) -> Array:
    if not np.all(b):
        raise ModelError("division by zero in shape arithmetic")
    return np.asarray(a // b)


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": _divided,
    "FLOOR_DIV": _floored,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
}
FUSING = ("ADD", "SUB", "MUL", "DIV")


def fold(call: Call) -> Array | None:
    """The value of an operation whose inputs are small constants, or that asks for a shape; None where it is none."""
    if call.op in ("SHAPE", "RANK"):
        return np.asarray(call.x if call.op == "SHAPE" else call.rank, np.int32)
    values = [call.value(k) for k in range(len(call.inputs)) if call.has(k) and call.tensor(k).value is not None]
    if call.op not in FOLDS or len(values) < len(call.inputs):
        return None
    try:
        found = np.asarray(FOLDS[call.op](call, values))
    except REFUSALS as error:
        raise ModelError(f"inputs of shapes {', '.join(str(v.shape) for v in values)} do not fit: {error}") from error
    return found if found.size <= LARGEST else None


def _binary(call: Call, values: list[Array]) -> Array:
    if call.op in FUSING and call.settings(f"{call.op.title()}Options").FusedActivationFunction():
        raise ModelError("an activation in shape arithmetic")
    _room(np.broadcast_shapes(values[0].shape, values[1].shape))
    return BINARY[call.op](values[0], values[1])


def _room(shape: tuple[int, ...]) -> None:
    if prod(shape) > LARGEST:
        raise ModelError(f"shape arithmetic makes {shape}: at most {LARGEST} elements are followed")


def _strided(call: Call, values: list[Array]) -> Array:
    taken, shape = strided(call)
    return np.asarray(values[0][np.ix_(*taken)].reshape(shape) if taken else values[0])


def _gathered(call: Call, values: list[Array]) -> Array:
    options = call.settings("GatherOptions")
    if options.BatchDims():
        raise ModelError("batch_dims in shape arithmetic")
    return np.take(values[0], values[1], int(options.Axis()))


def _cast(call: Call, values: list[Array]) -> Array:
    options = call.settings("CastOptions")
    return values[0].astype(DTYPES[named("TensorType", options.OutDataType())])


def _sliced(call: Call, values: list[Array]) -> Array:
    rows = zip(call.ints(1), call.ints(2), strict=True)
    return values[0][tuple(slice(start, None if size == -1 else start + size) for start, size in rows)]


def _packed(call: Call, values: list[Array]) -> Array:
    return np.stack(values, int(call.settings("PackOptions").Axis()))


def _joined(call: Call, values: list[Array]) -> Array:
    return np.concatenate(values, int(call.settings("ConcatenationOptions").Axis()))


def _ranged(call: Call, values: list[Array]) -> Array:
    start, stop, by = (float(v.reshape(-1)[0]) for v in values)
    if not by or not abs((stop - start) / by) <= LARGEST:
        raise ModelError(f"a range from {start:g} to {stop:g} by {by:g}: at most {LARGEST} elements are followed")
    return np.arange(start, stop, by).astype(values[0].dtype)


def _filled(call: Call, values: list[Array]) -> Array:
    shape = call.ints(0)
    _room(shape)
    return np.full(shape, values[1].reshape(-1)[0])


def _squeezed(call: Call, values: list[Array]) -> Array:
    axes = call.settings("SqueezeOptions").SqueezeDimsAsNumpy()
    return np.squeeze(values[0], None if isinstance(axes, int) else tuple(axes.tolist()))


def _reduced(call: Call, values: list[Array]) -> Array:
    keep = bool(call.settings("ReducerOptions").KeepDims())
    return np.asarray(np.prod(values[0], axis=call.ints(1), keepdims=keep, dtype=values[0].dtype))


FOLDS: dict[str, Callable[[Call, list[Array]], Any]] = {
    **dict.fromkeys(BINARY, _binary),
    "STRIDED_SLICE": _strided,
    "SLICE": _sliced,
    "GATHER": _gathered,
    "CAST": _cast,
    "PACK": _packed,
    "CONCATENATION": _joined,
    "RANGE": _ranged,
    "FILL": _filled,
    "SQUEEZE": _squeezed,
    "REDUCE_PROD": _reduced,
    "RESHAPE": lambda call, values: values[0].reshape(call.ints(1)),
    "EXPAND_DIMS": lambda call, values: np.expand_dims(values[0], call.integer(1)),
    "NEG": lambda _, values: -values[0],
}
