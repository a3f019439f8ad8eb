"""The question behind the view Matrix: a convolution as a product of matrices."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from striate.conv import conv_matrix
from striate.errors import InputError
from striate.serve.given import Given, Numbers
from striate.serve.kernel import Kernel, windows
from striate.serve.lines import Lines, matrix_code

MOST_ENTRIES = 16_384


class MatrixDocument(TypedDict):
    """The convolution as a product: ``matrix`` (units, pixels) times ``pixels`` is ``units``, biases aside.

    ``tap`` says which weight, by its place in the flattened weights, stands at an entry (-1 where none does, or where a
    border makes several add up). ``unrolled`` is im2col: its product with the weights of each channel is the same.
    """

    matrix: list[list[float]]
    tap: list[list[int]]
    pixels: list[float]
    units: list[float]
    unrolled: list[list[float]] | None
    shape: list[int]
    code: Lines


def matrix(given: Given) -> MatrixDocument:
    """The sparse matrix of a convolution, and im2col."""
    kernel = Kernel.of(given)
    output = kernel.output
    if output.size * kernel.x.size > MOST_ENTRIES:
        raise InputError(f"a matrix of {output.size:,} x {kernel.x.size:,} is too large to show; take a smaller input")
    table = matrix_of(kernel, kernel.weight, output.shape)
    ones = matrix_of(kernel, np.ones_like(kernel.weight), output.shape)
    numbered = matrix_of(kernel, np.arange(1.0, kernel.weight.size + 1).reshape(kernel.weight.shape), output.shape)
    tap = np.where(ones == 1, numbered - 1, -1).astype(int)
    pixels = kernel.x.ravel()
    return {
        "matrix": table.tolist(),
        "tap": tap.tolist(),
        "pixels": pixels.tolist(),
        "units": (table @ pixels).tolist(),
        "unrolled": _unrolled(kernel, output.shape),
        "shape": list(output.shape),
        "code": matrix_code(kernel),
    }


def matrix_of(kernel: Kernel, weight: Numbers, output: tuple[int, ...]) -> Numbers:
    """The convolution as a matrix (units, pixels) of some weights in the kernel's shape."""
    steps = kernel.stride, kernel.padding, kernel.dilation, kernel.groups
    if kernel.transposed:
        table: Numbers = conv_matrix(weight, output[1:], *steps).toarray().T
        return table
    table = conv_matrix(weight, kernel.x.shape[1:], *steps, padding_mode=kernel.padding_mode).toarray()
    return table


def _unrolled(kernel: Kernel, output: tuple[int, ...]) -> list[list[float]] | None:
    """im2col, one row a place; None for groups, where each has a matrix of its own."""
    if kernel.groups > 1:
        return None
    pixels = [kernel.taps(axis, output[1 + axis])[1] for axis in (0, 1)]
    rows: list[list[float]] = windows(kernel.x, *pixels).reshape(output[1] * output[2], -1).tolist()
    return rows
