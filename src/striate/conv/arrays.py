"""Arrays in and out: types, batch axis, layout and border modes."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.conv.native import maker
from striate.conv.problem import Pads
from striate.errors import ArrayTypeError, InputError, ShapeError
from striate.values import shown

Array = NDArray[np.floating]
Number = TypeVar("Number", bound=np.generic)
Activation = Literal["none", "relu", "relu6"]
NumpyMode = Literal["reflect", "edge", "wrap"]

_COMPUTE: dict[str, np.dtype[np.floating]] = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}
HALF = ("float16", "bfloat16")
_NUMPY_MODES: dict[str, NumpyMode] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@cache
def compute_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.floating]:
    """The type sums are taken in: float32 for float16 and bfloat16, else the type itself.

    >>> compute_dtype(np.dtype(np.float16))
    dtype('float32')
    """
    name = dtype.name
    if name in HALF:
        return _COMPUTE["float32"]
    if name not in _COMPUTE or not dtype.isnative:
        raise ArrayTypeError(
            f"computes with float32, float64, float16 and bfloat16 in native byte order, got {dtype!r}; "
            "convert first, for example with .astype(np.float32)"
        )
    return _COMPUTE[name]


def parse_dtype(dtype: DTypeLike) -> np.dtype[np.floating]:
    """A type the convolutions take, in any of NumPy's spellings. Raises ArrayTypeError for another.

    >>> parse_dtype("f8")
    dtype('float64')
    """
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError):
        raise ArrayTypeError(f"dtype must be a NumPy type, got {shown(dtype)}") from None
    compute_dtype(kind)
    return kind


def check_arrays(x: object, weight: object, bias: object) -> None:
    """Raises ArrayTypeError or ShapeError where the three cannot belong together."""
    for name, value in (("input", x), ("weight", weight), ("bias", bias)):
        if not (name == "bias" and value is None):
            check_array(name, value)
    assert_same_type("weight", weight, x)
    if bias is not None:
        assert_same_type("bias", bias, x)
    if isinstance(x, np.ndarray):
        compute_dtype(x.dtype)


def check_array(name: str, value: object) -> None:
    """Raises ArrayTypeError for anything but a NumPy array, and InputError for one that hides some of its values."""
    if not isinstance(value, np.ndarray):
        raise ArrayTypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if isinstance(value, np.ma.MaskedArray) and (hidden := int(np.ma.count_masked(value))):
        raise InputError(
            f"{name} is a masked array that hides {hidden:,} of {value.size:,} values, which a sum cannot leave out; "
            "pass .filled(value), or .data where the mask does not matter"
        )


def assert_same_type(name: str, value: object, x: object) -> None:
    """Raises ArrayTypeError where the types of ``value`` and of the input differ."""
    if isinstance(value, np.ndarray) and isinstance(x, np.ndarray) and value.dtype != x.dtype:
        raise ArrayTypeError(
            f"input type ({x.dtype}) and {name} type ({value.dtype}) should be the same; convert one with .astype"
        )


def check_bias(bias: Array | None, k: int) -> None:
    """Raises ShapeError where the bias is not one number per output channel."""
    if bias is not None and bias.shape != (k,):
        raise ShapeError(f"expected bias of shape ({k},), one per output channel, got {bias.shape}")


def check_out(out: Array, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
    """Raises where ``out`` cannot take the result."""
    check_array("out", out)
    if out.dtype != dtype:
        raise ArrayTypeError(f"expected out of type {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ShapeError(f"expected out of shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise InputError("out is read-only")
    if any(step == 0 and size > 1 for step, size in zip(out.strides, out.shape, strict=True)):
        raise InputError(f"out holds several results in one place: its strides are {out.strides}")


def empty_like_layout(x: Array, shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> Array:
    """An uninitialised array of ``shape`` whose axes lie in memory in the order of ``x``'s."""
    if x.flags.c_contiguous:
        return maker(shape, dtype)(shape, dtype)
    return np.empty_like(x, dtype=dtype, order="K", subok=False, shape=shape)


def pad_border(x: NDArray[Number], pads: Pads, mode: str) -> NDArray[Number]:
    """``x`` (..., H, W) with pixels taken from itself around it, as torch's ``padding_mode``.

    >>> pad_border(np.arange(3.0).reshape(1, 1, 1, 3), (0, 0, 2, 1), "circular").ravel()
    array([1., 2., 0., 1., 2., 0.])
    """
    widths = [(0, 0)] * (x.ndim - 2) + [(pads[0], pads[1]), (pads[2], pads[3])]
    return np.pad(x, widths, mode=_NUMPY_MODES[mode])


def unpad_border(gradient: Array, pads: Pads, mode: str) -> Array:
    """The transpose of :func:`pad_border`: every padded pixel's gradient added to the pixel it came from."""
    for axis, around in ((-2, pads[:2]), (-1, pads[2:])):
        n = gradient.shape[axis] - sum(around)
        source = np.pad(np.arange(n), around, mode=_NUMPY_MODES[mode])
        lines = np.moveaxis(gradient, axis, 0)
        folded = lines[around[0] : around[0] + n].copy()
        for i in (*range(around[0]), *range(around[0] + n, len(lines))):
            folded[source[i]] += lines[i]
        gradient = np.moveaxis(folded, 0, axis)
    return gradient


def apply_activation(values: Array, activation: Activation) -> None:
    """``relu`` or ``relu6`` in place; NaN stays NaN."""
    if activation != "none":
        np.maximum(values, 0, out=values)
    if activation == "relu6":
        np.minimum(values, 6, out=values)


ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6")


def parse_activation(activation: Activation | None) -> Activation:
    """The activation's name, ``None`` meaning ``"none"``; raises InputError for an unknown one."""
    if activation is None:
        return "none"
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise InputError(f"activation must be None or one of {ACTIVATIONS}, got {shown(activation)}")
    return activation
