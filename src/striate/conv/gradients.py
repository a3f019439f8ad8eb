"""Gradients of a convolution with respect to its input, its weight and its bias."""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np

from striate.conv.arguments import Arguments, Integers, PaddingArg, PaddingMode, PairArg, parse_shape
from striate.conv.arrays import (
    Array,
    check_array,
    check_arrays,
    compute_dtype,
    empty_like_layout,
    pad_border,
    unpad_border,
)
from striate.conv.calls import plain
from striate.conv.native import bias_gradient, maker, weight_gradient
from striate.conv.plan import Accuracy, check_accuracy, check_algorithm
from striate.conv.problem import Problem
from striate.conv.transpose import scatter
from striate.errors import ShapeError, named


@named("conv2d_input_grad")
def conv2d_input_grad(
    input_size: Integers,
    weight: Array,
    grad: Array,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    algorithm: str = "auto",
) -> Array:
    """The gradient with respect to the input, of shape ``input_size``, given ``grad`` at the output.

    ``input_size`` is (N, C, H, W) or (C, H, W); the other arguments are those the convolution was called with.
    Raises as ``conv2d`` does, and ShapeError where ``grad`` is not of the output's shape.

    >>> conv2d_input_grad((1, 1, 3), np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 2)))
    array([[[1., 3., 2.]]])
    """
    arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
    return input_grad(input_size, weight, grad, arguments, algorithm)


def input_grad(
    input_size: Integers,
    weight: Array,
    grad: Array,
    arguments: Arguments,
    algorithm: str = "auto",
    threads: int = 0,
) -> Array:
    """As :func:`conv2d_input_grad`, on so many threads; 0 are :func:`striate.conv.get_threads`'s."""
    check_arrays(grad, weight, None)
    size = parse_shape("input_size", input_size)
    problem, pads = arguments.problem(size, weight.shape)
    _check_grad(grad, problem, len(size))
    compute = compute_dtype(grad.dtype)
    batch = grad.reshape(problem.output_shape).astype(compute, copy=False)
    result = empty_like_layout(batch, problem.input_shape, compute)
    kernels = weight.astype(compute, copy=False)
    scatter(batch, kernels, None, problem, "none", check_algorithm(algorithm), result, threads)
    if any(pads):
        result = unpad_border(result, pads, arguments.padding_mode)
    return result.astype(grad.dtype, copy=False).reshape(size)


@named("conv2d_weight_grad")
def conv2d_weight_grad(
    x: Array,
    weight_size: Integers,
    grad: Array,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    accuracy: Accuracy = "normal",
) -> Array:
    """The gradient with respect to the weight, of shape ``weight_size``, given ``grad`` at the output.

    ``weight_size`` is (K, C / groups, kh, kw); the other arguments are those the convolution was called with. With
    ``accuracy="strict"`` each number of the gradient is the sum of its own products, which keeps integers exact.
    Raises as ``conv2d`` does, and ShapeError where ``grad`` is not of the output's shape.

    >>> conv2d_weight_grad(np.arange(3.0).reshape(1, 1, 3), (1, 1, 1, 2), np.ones((1, 1, 2)))
    array([[[[1., 3.]]]])
    """
    arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
    return weight_grad(x, weight_size, grad, arguments, check_accuracy(accuracy))


def weight_grad(
    x: Array,
    weight_size: Integers,
    grad: Array,
    arguments: Arguments,
    accuracy: Accuracy = "normal",
    threads: int = 0,
) -> Array:
    """As :func:`conv2d_weight_grad`, on so many threads; 0 are :func:`striate.conv.get_threads`'s."""
    check_arrays(x, grad, None)
    size = parse_shape("weight_size", weight_size)
    problem, pads = arguments.problem(x.shape, size)
    _check_grad(grad, problem, x.ndim)
    compute = compute_dtype(x.dtype)
    if problem.empty:
        result = np.zeros(problem.weight_shape, compute)
    else:
        result = maker(problem.weight_shape, compute)(problem.weight_shape, compute)
        padded = pad_border(x, pads, arguments.padding_mode) if any(pads) else x
        arrays = plain(padded, compute).reshape(problem.input_shape), plain(grad, compute).reshape(problem.output_shape)
        weight_gradient(*arrays, result, problem, accuracy == "strict", threads)
    return result.astype(x.dtype, copy=False)


@named("conv2d_bias_grad")
def conv2d_bias_grad(grad: Array) -> Array:
    """The gradient with respect to the bias (K,): ``grad`` (N, K, OH, OW) or (K, OH, OW) summed over all but K.

    >>> conv2d_bias_grad(np.ones((2, 3, 4, 5)))
    array([40., 40., 40.])
    """
    check_array("grad", grad)
    if grad.ndim not in (3, 4):
        raise ShapeError(f"expected grad (N, K, OH, OW) or (K, OH, OW), got shape {grad.shape}")
    return bias_grad(grad)


def bias_grad(grad: Array, threads: int = 0) -> Array:
    """As :func:`conv2d_bias_grad`, on so many threads; 0 are :func:`striate.conv.get_threads`'s."""
    compute = compute_dtype(grad.dtype)
    result = np.zeros(grad.shape[-3], compute)
    if grad.size:
        bias_gradient(plain(grad, compute).reshape(-1, *grad.shape[-3:]), result, threads)
    return result.astype(grad.dtype, copy=False)


def _check_grad(grad: Array, problem: Problem, rank: int) -> None:
    expected = problem.output_shape if rank == 4 else problem.output_shape[1:]
    if grad.shape != expected:
        raise ShapeError(f"expected grad of the output's shape {expected}, got {grad.shape}")
