"""Gradients of a convolution with respect to its input, its weight and its bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate.conv.arguments import PaddingArg, PairArg, parse_problem
from striate.conv.arrays import (
    Array,
    assert_same_type,
    check_arrays,
    compute_dtype,
    empty_like_layout,
    pad_border,
    unpad_border,
)
from striate.conv.engine import hashable
from striate.conv.errors import ShapeError, named
from striate.conv.problem import Pads, Problem
from striate.conv.transpose import scatter


@named("conv2d_input_grad")
def conv2d_input_grad(
    input_size: Sequence[int],
    weight: Array,
    grad: Array,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
) -> Array:
    """The gradient with respect to the input, of shape ``input_size``, given ``grad`` at the output.

    ``input_size`` is (N, C, H, W) or (C, H, W); the other arguments are those the convolution was called with.
    Raises as ``conv2d`` does, and ShapeError where ``grad`` is not of the output's shape.

    >>> conv2d_input_grad((1, 1, 3), np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 2)))
    array([[[1., 3., 2.]]])
    """
    check_arrays(grad, weight, None)
    size = tuple(input_size)
    problem, pads = parse_problem(
        size, weight.shape, hashable(stride), hashable(padding), hashable(dilation), groups, padding_mode
    )
    _check_grad(grad, problem, len(size))
    compute = compute_dtype(grad.dtype)
    batch = grad.reshape(problem.output_shape).astype(compute, copy=False)
    result = empty_like_layout(batch, problem.input_shape, compute)
    windows = (problem.rows, problem.columns)
    scatter(batch, weight.astype(compute, copy=False), None, windows, problem.groups, "none", algorithm, result)
    if any(pads):
        result = unpad_border(result, pads, padding_mode)
    return result.astype(grad.dtype, copy=False).reshape(size)


@named("conv2d_weight_grad")
def conv2d_weight_grad(
    x: Array,
    weight_size: Sequence[int],
    grad: Array,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
) -> Array:
    """The gradient with respect to the weight, of shape ``weight_size``, given ``grad`` at the output.

    ``weight_size`` is (K, C / groups, kh, kw); the other arguments are those the convolution was called with.
    Raises as ``conv2d`` does, and ShapeError where ``grad`` is not of the output's shape.

    >>> conv2d_weight_grad(np.arange(3.0).reshape(1, 1, 3), (1, 1, 1, 2), np.ones((1, 1, 2)))
    array([[[[1., 3.]]]])
    """
    check_arrays(x, grad, None)
    problem, pads = parse_problem(
        x.shape, tuple(weight_size), hashable(stride), hashable(padding), hashable(dilation), groups, padding_mode
    )
    _check_grad(grad, problem, x.ndim)
    compute = compute_dtype(x.dtype)
    batch = x if x.ndim == 4 else x[None]
    padded = _padded(batch.astype(compute, copy=False), problem.padding, pads, padding_mode)
    given = grad.astype(compute, copy=False)
    result = None
    if problem.groups == problem.c == problem.k and problem.stride == (1, 1):
        result = _by_channel(padded, given, problem)
    if result is None:
        result = _by_columns(padded, given, problem)
    return result.astype(x.dtype, copy=False)


def _padded(x: Array, zeros: Pads, pads: Pads, mode: str) -> Array:
    if any(pads):
        return pad_border(x, pads, mode)
    top, bottom, left, right = zeros
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))) if any(zeros) else x


def _by_channel(padded: Array, grad: Array, problem: Problem) -> Array | None:
    # A tap is the dot product of two planes, read as lines. Between the rows of `grad` stand zeros, which would spread
    # a NaN or an infinity of the input: None where the result holds one.
    n, c, oh, ow = problem.output_shape
    padded = np.ascontiguousarray(padded)
    spaced = np.zeros_like(padded)
    spaced[:, :, :oh, :ow] = grad.reshape(n, c, oh, ow)
    image, channel, row, column = padded.strides
    (dh, dw), kh, kw = problem.dilation, problem.kh, problem.kw
    length = (oh - 1) * padded.shape[3] + ow
    windows = np.lib.stride_tricks.as_strided(
        padded, (n, c, kh, kw, length), (image, channel, dh * row, dw * column, column), writeable=False
    )
    with np.errstate(invalid="ignore", over="ignore"):
        result: Array = np.vecdot(windows, spaced.reshape(n, c, 1, 1, -1)[..., :length]).sum(axis=0)
    return result[:, None] if np.isfinite(result).all() else None


_COLUMNS_BYTES = 4_000_000


def _by_columns(padded: Array, grad: Array, problem: Problem) -> Array:
    # What every window holds, as one column per output pixel, some output rows at a time; one matrix product for each
    # image, group and block of rows: (K / groups, pixels) x (pixels, C / groups x taps).
    n, k, oh, ow = problem.output_shape
    g, (sh, sw), (dh, dw) = problem.groups, problem.stride, problem.dilation
    entries = problem.c * problem.kh * problem.kw
    image, channel, row, column = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (n, problem.c, problem.kh, problem.kw, oh, ow),
        (image, channel, dh * row, dw * column, sh * row, sw * column),
        writeable=False,
    )
    given = np.ascontiguousarray(grad).reshape(n, g, k // g, oh, ow)
    most = min(oh, max(1, _COLUMNS_BYTES // max(1, entries * ow * padded.itemsize)))
    room = np.empty(entries * most * ow, padded.dtype)
    result = np.zeros((g, k // g, entries // g), padded.dtype)
    for i in range(n):
        for top in range(0, oh, most):
            seen = windows[i, ..., top : top + most, :]
            columns = room[: seen.size].reshape(seen.shape)
            columns[...] = seen
            pixels = seen.shape[-2] * ow
            part = given[i, :, :, top : top + most].reshape(g, k // g, pixels)
            result += part @ columns.reshape(g, entries // g, pixels).swapaxes(1, 2)
    return result.reshape(problem.weight_shape)


@named("conv2d_bias_grad")
def conv2d_bias_grad(grad: Array) -> Array:
    """The gradient with respect to the bias (K,): ``grad`` (N, K, OH, OW) or (K, OH, OW) summed over all but K.

    >>> conv2d_bias_grad(np.ones((2, 3, 4, 5)))
    array([40., 40., 40.])
    """
    assert_same_type("grad", grad, grad)
    if grad.ndim not in (3, 4):
        raise ShapeError(f"expected grad (N, K, OH, OW) or (K, OH, OW), got shape {grad.shape}")
    axes = tuple(axis for axis in range(grad.ndim) if axis != grad.ndim - 3)
    return grad.sum(axis=axes, dtype=compute_dtype(grad.dtype)).astype(grad.dtype)  # type: ignore[no-any-return]


def _check_grad(grad: Array, problem: Problem, rank: int) -> None:
    expected = problem.output_shape if rank == 4 else problem.output_shape[1:]
    if grad.shape != expected:
        raise ShapeError(f"expected grad of the output's shape {expected}, got {grad.shape}")
