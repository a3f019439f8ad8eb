"""The functions: convolutions of NumPy arrays with torch's arguments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate.conv.arguments import (
    PaddingArg,
    PairArg,
    check_padding,
    check_shapes,
    listed,
    parse_convention,
    parse_groups,
    parse_integer,
    parse_positive,
)
from striate.conv.arrays import Array, check_arrays, check_bias, check_out, parse_activation
from striate.conv.calls import Call, find_call, in_order
from striate.conv.errors import InputError, StriateError, named
from striate.conv.packing import SeenWeights
from striate.conv.problem import Pair
from striate.values import shown

_WORTH_KEEPING = 16 * 1024
_seen = SeenWeights()


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    activation: str | None = None,
    accuracy: str = "normal",
    out: Array | None = None,
) -> Array:
    """The 2-D convolution (cross-correlation) of ``x`` with ``weight``, as ``torch.nn.Conv2d`` defines it.

    ``x`` is (N, C, H, W) or (C, H, W), with any strides; the result keeps its axis order in memory and its type.
    ``weight`` is (K, C / groups, kh, kw) and ``bias`` (K,), of the same type. float32 and float64 are summed as they
    are, float16 and bfloat16 in float32.

    ``padding`` is an integer, a pair (rows, columns), ``((top, bottom), (left, right))``, or a name: ``"valid"``,
    ``"same"`` (PyTorch), ``"same_upper"`` (TensorFlow, any stride), ``"same_lower"``. ``padding_mode`` is
    ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``. ``activation`` is None, ``"relu"`` or ``"relu6"``.

    ``algorithm`` is ``"auto"`` (predicted fastest), ``"measured"`` (each way timed once per shape), ``"reference"``,
    ``"matrix"`` or a compiled way's name; ``accuracy="strict"`` keeps ``"auto"`` to ways that round no more than
    ``"direct"``. ``out``, of the result's shape and type, receives the result; it may overlap ``x``.

    Raises ShapeError or InputError (both ValueError) for sizes and values that make no convolution, ArrayTypeError
    (a TypeError) for other arrays.

    >>> image = np.arange(16.0).reshape(1, 4, 4)
    >>> conv2d(image, np.ones((1, 1, 3, 3)))
    array([[[45., 54.],
            [81., 90.]]])
    """
    try:
        call = checked_call(
            x, weight, bias, stride, padding, dilation, groups, padding_mode, algorithm, activation, accuracy, out
        )
    except StriateError as error:
        raise type(error)(f"conv2d: {error}") from None
    if call.plan is not None and weight.nbytes >= _WORTH_KEEPING:
        packed = _seen.packed(call, weight)
        if packed is not None:
            return call.run(x, weight, bias, activation or "none", out, packed)
    if call.simple and out is None and _as_they_are(x, weight, bias):
        result = call.make(call.shape, call.compute)
        call.plan.run_unpacked(x, weight, bias, activation or "none", result)
        return result
    return call.run(x, weight, bias, activation or "none", out)


def _as_they_are(x: Array, weight: Array, bias: Array | None) -> bool:
    if type(x) is not np.ndarray or type(weight) is not np.ndarray or not (in_order(x) and in_order(weight)):
        return False
    return bias is None or (type(bias) is np.ndarray and in_order(bias))


def checked_call(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: PairArg,
    padding: PaddingArg,
    dilation: PairArg,
    groups: int,
    padding_mode: str,
    algorithm: str,
    activation: str | None,
    accuracy: str,
    out: Array | None,
) -> Call:
    """The call for these arguments, every one of them checked."""
    usual = type(x) is np.ndarray and type(weight) is np.ndarray and x.dtype is weight.dtype
    if not usual or (bias is not None and (type(bias) is not np.ndarray or bias.dtype is not x.dtype)):
        check_arrays(x, weight, bias)
    call = find_call(
        x.shape, weight.shape, x.dtype, stride, padding, dilation, groups, padding_mode, algorithm, accuracy
    )
    if bias is not None:
        check_bias(bias, call.problem.k)
    if activation is not None:
        parse_activation(activation)
    if out is not None:
        check_out(out, call.shape, x.dtype)
    return call


@named("conv1d")
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: PaddingArg = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    activation: str | None = None,
    accuracy: str = "normal",
) -> Array:
    """The 1-D convolution of ``x`` (N, C, L) or (C, L) with ``weight`` (K, C / groups, k).

    Arguments are those of :func:`conv2d` for one axis: ``padding`` is an integer, ``(both,)``,
    ``((left, right),)`` or one of the names. Raises as :func:`conv2d` does.

    >>> conv1d(np.arange(5.0).reshape(1, 5), np.ones((1, 1, 3)), padding=1)
    array([[1., 3., 6., 9., 7.]])
    """
    check_arrays(x, weight, bias)
    steps = _one("stride", stride), _sides(padding), _one("dilation", dilation)
    check_shapes(x.shape, weight.shape, parse_groups(groups), axes="L")
    call = checked_call(
        x[..., None, :], weight[:, :, None], bias, *steps, groups, padding_mode, algorithm, activation, accuracy, None
    )
    result = call.run(x[..., None, :], weight[:, :, None], bias, parse_activation(activation), None)
    return result[..., 0, :]


def _one(name: str, value: int | Sequence[int]) -> Pair:
    items = listed(value)
    if items is not None and len(items) != 1:
        raise InputError(f"{name} must be an integer or a tuple of one, got {shown(value)}")
    return 1, parse_positive(name, value)[1]


def _sides(padding: PaddingArg) -> str | tuple[Pair, Pair]:
    if isinstance(padding, str):
        return parse_convention(padding)
    items = listed(padding)
    only = items[0] if items is not None and len(items) == 1 else padding
    sides = listed(only) if items is not None and only is not padding else None
    numbers = [parse_integer(side) for side in ([only, only] if sides is None else sides)]
    match numbers:
        case [int(left), int(right)]:
            check_padding(((0, 0), (left, right)))
            return (0, 0), (left, right)
    raise InputError(f"padding must be an integer, (both,) or ((left, right),), got {shown(padding)}")
