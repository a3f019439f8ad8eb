"""The functions: convolutions of NumPy arrays with torch's arguments."""

from __future__ import annotations

from typing import SupportsIndex

from numpy import ndarray

from striate.conv.arguments import Arguments, PaddingArg, PaddingMode, PairArg, check_shapes
from striate.conv.arrays import Activation, Array, check_arrays, check_bias, check_out, parse_activation
from striate.conv.calls import IN_ORDER, find_call
from striate.conv.packing import SeenWeights
from striate.conv.plan import Accuracy
from striate.errors import named

_WORTH_KEEPING = 16 * 1024
_seen = SeenWeights()
_parse = Arguments.parse  # bound once, which a call of a few pixels notices


@named("conv2d")
def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    algorithm: str = "auto",
    activation: Activation | None = None,
    accuracy: Accuracy = "normal",
    out: Array | None = None,
) -> Array:
    """The 2-D convolution (cross-correlation) of ``x`` with ``weight``, as ``torch.nn.Conv2d`` defines it.

    ``x`` is (N, C, H, W) or (C, H, W), with any strides; the result keeps its axis order in memory and its type.
    ``weight`` is (K, C / groups, kh, kw) and ``bias`` (K,), of the same type. float32 and float64 are summed as they
    are, float16 and bfloat16 in float32.

    ``padding`` is an integer, a pair (rows, columns), ``((top, bottom), (left, right))``, or a name: ``"valid"``,
    ``"same"`` (PyTorch), ``"same_upper"`` (TensorFlow, any stride), ``"same_lower"``. ``padding_mode`` is
    ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``. ``activation`` is None, ``"relu"`` or ``"relu6"``.

    ``algorithm`` is ``"auto"`` (predicted fastest), ``"measured"`` (each timed once per shape), ``"reference"``,
    ``"matrix"`` or one of ``compiled_algorithms()``; ``accuracy="strict"`` keeps ``"auto"`` to those that round no
    more than ``"direct"``. ``out``, of the result's shape and type, receives the result; it may overlap ``x``.

    Raises ShapeError or InputError (both ValueError) for sizes and values that make no convolution, ArrayTypeError
    (a TypeError) for other arrays.

    >>> import numpy as np
    >>> image = np.arange(16.0).reshape(1, 4, 4)
    >>> conv2d(image, np.ones((1, 1, 3, 3)))
    array([[[45., 54.],
            [81., 90.]]])
    """
    arguments = _parse(stride, padding, dilation, groups, padding_mode)
    usual = type(x) is ndarray and type(weight) is ndarray and x.dtype is weight.dtype
    if not usual or (bias is not None and (type(bias) is not ndarray or bias.dtype is not x.dtype)):
        check_arrays(x, weight, bias)
    call = find_call(x.shape, weight.shape, x.dtype, arguments, algorithm, accuracy)
    plan, name = call.plan, "none" if activation is None else parse_activation(activation)
    if bias is not None:
        check_bias(bias, call.problem.k)
    if out is not None:
        check_out(out, call.shape, x.dtype)
    if plan is not None and weight.nbytes >= _WORTH_KEEPING:
        packed = _seen.packed(call, weight)
        if packed is not None:
            return call.run(x, weight, bias, name, out, packed)
    if plan is not None and usual and call.simple and out is None:
        ordered = x.flags.num & weight.flags.num & IN_ORDER == IN_ORDER
        if ordered and (bias is None or (type(bias) is ndarray and bias.flags.num & IN_ORDER == IN_ORDER)):
            result = call.make(call.shape, call.compute)
            plan.run_unpacked(x, weight, bias, name, result)
            return result
    return call.run(x, weight, bias, name, out)


@named("conv1d")
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    algorithm: str = "auto",
    activation: Activation | None = None,
    accuracy: Accuracy = "normal",
) -> Array:
    """The 1-D convolution of ``x`` (N, C, L) or (C, L) with ``weight`` (K, C / groups, k).

    Arguments are those of :func:`conv2d` for one axis: ``padding`` is an integer, ``(both,)``,
    ``((left, right),)`` or one of the names. Raises as :func:`conv2d` does.

    >>> import numpy as np
    >>> conv1d(np.arange(5.0).reshape(1, 5), np.ones((1, 1, 3)), padding=1)
    array([[1., 3., 6., 9., 7.]])
    """
    check_arrays(x, weight, bias)
    arguments = Arguments.parse_line(stride, padding, dilation, groups, padding_mode)
    check_shapes(x.shape, weight.shape, arguments.groups, axes="L")
    x, weight = x[..., None, :], weight[:, :, None]
    call = find_call(x.shape, weight.shape, x.dtype, arguments, algorithm, accuracy)
    check_bias(bias, call.problem.k)
    return call.run(x, weight, bias, parse_activation(activation), None)[..., 0, :]
