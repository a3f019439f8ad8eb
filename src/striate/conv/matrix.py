"""Convolution as one matrix product: a sparse matrix times the image laid out as a vector."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from striate.conv.arguments import Arguments, PaddingArg, PaddingMode, PairArg, parse_positive
from striate.conv.arrays import HALF, Array, check_array, compute_dtype, pad_border
from striate.conv.problem import Pads, Problem
from striate.errors import ArrayTypeError, InputError, MissingDependencyError, named
from striate.values import shown

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Indices = NDArray[np.intp]

LARGEST = 2**31


@named("conv_matrix")
def conv_matrix(
    weight: Array,
    input_size: PairArg,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
) -> csr_array:
    """The scipy.sparse matrix that convolves an image of ``input_size`` (H, W) with ``weight`` (K, C / groups, kh, kw).

    Rows are output units in (K, OH, OW) order, columns input pixels in (C, H, W) order; an entry is the weight
    by which the unit sees the pixel, kept also where it is zero. Weights of 16 bits become float32, as SciPy has no
    halves. The transpose is the transposed convolution. The other arguments are those of ``conv2d``. Raises InputError
    or ShapeError as ``conv2d`` does, and ArrayTypeError where the weight does not hold numbers.

    >>> matrix = conv_matrix(np.arange(1.0, 10.0).reshape(1, 1, 3, 3), (4, 4))
    >>> matrix.shape
    (4, 16)
    >>> matrix.toarray()[0].astype(int).tolist()
    [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]
    """
    sparse = _scipy_sparse()
    weight = _numbers(weight)
    size = parse_positive("input_size", input_size)
    arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
    channels = weight.shape[1] * arguments.groups if weight.ndim == 4 else 0
    problem, pads = arguments.problem((1, channels, *size), weight.shape)
    per_unit = prod(weight.shape[1:])
    top, bottom, left, right = (max(a, b) for a, b in zip(problem.padding, pads, strict=True))
    padded = channels * (size[0] + top + bottom) * (size[1] + left + right)
    if max(prod(problem.output_shape) * per_unit, padded) > LARGEST:
        raise InputError(
            f"{prod(problem.output_shape):,} output units of {per_unit:,} weights each, over {padded:,} padded pixels, "
            f"are too many for a matrix: at most {LARGEST:,}; take a smaller input_size or padding"
        )
    values = np.broadcast_to(
        weight.reshape(problem.k, 1, 1, per_unit), (problem.k, *problem.output_shape[2:], per_unit)
    ).ravel()
    pixels = _pixels(problem, size, pads, padding_mode)
    columns = _unit_pixels(problem, pixels).ravel()
    rows = np.repeat(np.arange(prod(problem.output_shape)), per_unit)
    seen = columns >= 0
    entries = (values[seen], (rows[seen], columns[seen]))
    units = prod(problem.output_shape)
    return sparse.csr_array(sparse.coo_array(entries, shape=(units, channels * size[0] * size[1])))


def _numbers(weight: Any) -> Array:
    check_array("weight", weight)
    if weight.dtype.name in HALF:
        return np.asarray(weight, compute_dtype(weight.dtype))
    if weight.dtype.kind not in "biufc":
        raise ArrayTypeError(f"weight must hold numbers, got {shown(weight.dtype)}")
    return np.asarray(weight, weight.dtype.newbyteorder("="))


def _scipy_sparse() -> Any:
    try:
        import scipy.sparse
    except ImportError:
        raise MissingDependencyError("needs SciPy; install it with 'pip install scipy'") from None
    return scipy.sparse


def _pixels(problem: Problem, size: tuple[int, int], pads: Pads, mode: str) -> Indices:
    # Column number of every padded pixel, -1 in zero padding: (C, H + pads, W + pads).
    numbers = np.arange(problem.c * size[0] * size[1]).reshape(problem.c, *size)
    if any(pads):
        return pad_border(numbers, pads, mode)
    top, bottom, left, right = problem.padding
    return np.pad(numbers, ((0, 0), (top, bottom), (left, right)), constant_values=-1)


def _unit_pixels(problem: Problem, pixels: Indices) -> Indices:
    # The column of every tap of every unit: (K, OH, OW, C / groups, kh, kw).
    rows = _taps(problem.output_shape[2], problem.kh, problem.stride[0], problem.dilation[0])
    columns = _taps(problem.output_shape[3], problem.kw, problem.stride[1], problem.dilation[1])
    per_group = problem.c // problem.groups
    windows = pixels[:, rows[:, None, :, None], columns[None, :, None, :]]
    grouped = windows.reshape(problem.groups, per_group, *windows.shape[1:]).transpose(0, 2, 3, 1, 4, 5)
    return np.repeat(grouped, problem.k // problem.groups, axis=0)


def _taps(units: int, size: int, stride: int, dilation: int) -> Indices:
    return np.arange(units)[:, None] * stride + np.arange(size) * dilation
