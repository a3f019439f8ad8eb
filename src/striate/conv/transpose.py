"""Transposed convolution: as one product, or phase by phase, each phase an ordinary convolution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np

from striate.conv.arguments import Arguments, Integers, PairArg, parse_pair
from striate.conv.arrays import (
    Activation,
    Array,
    apply_activation,
    check_arrays,
    check_bias,
    check_out,
    compute_dtype,
    empty_like_layout,
    parse_activation,
)
from striate.conv.calls import Call, find_call, in_order, plain
from striate.conv.native import deciding_threads, input_gradient, input_gradient_us, stand_in
from striate.conv.plan import check_algorithm
from striate.conv.problem import Pads, Pair, Problem
from striate.conv.settings import Generation, remembered, settings
from striate.errors import InputError, ShapeError, named
from striate.geometry import Window, transposed_map

_APART_US = 1e-3
"""What writing a number of one phase between those of others takes."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The output pixels of one axis that read the same taps of the kernel.

    Pixels ``first, first + step, ...``, ``count`` of them, are an ordinary convolution of the input with the taps
    ``taps`` of the kernel, reversed, ``dilation`` apart, the input padded by ``before`` and ``after``
    (negative: cropped).
    """

    first: int
    step: int
    count: int
    taps: range
    dilation: int
    before: int
    after: int

    @property
    def pixels(self) -> slice:
        """The output pixels."""
        return slice(self.first, None, self.step)

    def cropped(self, n: int) -> slice:
        """Of ``n`` input pixels those that are read."""
        return slice(max(-self.before, 0), max(n + min(self.after, 0), 0))

    @property
    def pads(self) -> Pair:
        """Around those."""
        return max(self.before, 0), max(self.after, 0)


def phases(n: int, window: Window, out: int) -> Iterator[Phase]:
    """The phases of a transposed window from ``n`` input pixels onto ``out`` output pixels.

    Input pixel ``i`` writes output pixels ``window.reads(i)``: those that the forward window reads.

    >>> [(p.first, list(p.taps)) for p in phases(3, Window(3, stride=2, pad_before=1), 5)]
    [(0, [1]), (1, [0, 2])]
    """
    stride, dilation, start = window.stride, window.dilation, window.pad_before
    common = math.gcd(stride, dilation)
    for first in range(min(stride, out)):
        shift = (first + start) % stride
        count = len(range(first, out, stride))
        tap = next((t for t in range(min(window.size, stride // common)) if (t * dilation - shift) % stride == 0), None)
        taps = range(0) if tap is None else range(tap, window.size, stride // common)
        apart = dilation // common
        lag = 0 if tap is None else (tap * dilation - shift) // stride
        spread = (len(taps) - 1) * apart
        before = lag + spread - (first + start) // stride
        yield Phase(first, stride, count, taps, apart, before, count + spread - n - before)


@dataclass(frozen=True, slots=True)
class Part:
    """Output pixels of one phase on each axis and their convolution; no ``call`` where they meet no tap."""

    rows: Phase
    columns: Phase
    call: Call | None


def scatter(
    x: Array,
    weight: Array,
    bias: Array | None,
    problem: Problem,
    activation: Activation,
    algorithm: str,
    out: Array,
    threads: int = 0,
) -> None:
    """Writes the transposed convolution of ``x`` (N, C, H, W) with ``weight`` (C, K / groups, kh, kw) to ``out``.

    All arrays are of one computing type. ``problem`` is the convolution that transposes to it: ``out`` is of its
    input's shape, and ``x`` of its output's, or smaller where an output's padding is as large as the stride.
    """
    kernels = plain(weight, x.dtype)
    if algorithm == "auto" and not stand_in() and _whole_is_faster(settings.generation, problem, x.shape, x.dtype):
        target = out if in_order(out) else np.empty(out.shape, out.dtype)
        input_gradient(plain(x, x.dtype), kernels, bias, activation, target, problem, threads)
        if target is not out:
            out[...] = target
        return
    for part in _parts(settings.generation, problem, x.shape, x.dtype, algorithm, threads):
        target = out[:, :, part.rows.pixels, part.columns.pixels]
        source = x[:, :, part.rows.cropped(x.shape[2]), part.columns.cropped(x.shape[3])]
        taps = part.rows.taps, part.columns.taps
        if part.call is None:
            target[...] = 0 if bias is None else bias.reshape(-1, 1, 1)
            apply_activation(target, activation)
        elif part.call.plan is None:
            part.call.run(source, _turned(kernels, problem.groups, *taps), bias, activation, target)
        else:
            rows, columns = ((axis.start, axis.step) for axis in taps)
            part.call.run(source, kernels, bias, activation, target, taps=(rows, columns))


@remembered
def _whole_is_faster(
    generation: Generation, problem: Problem, shape: tuple[int, ...], dtype: np.dtype[np.floating]
) -> bool:
    """Whether one product takes less than the phases one after the other; for any number of threads the same."""
    if dtype != np.float32 or problem.empty or problem.output_shape != shape:
        return False
    threads = deciding_threads()
    parts = _parts(generation, problem, shape, dtype, "auto", threads)
    plans = [part.call.plan for part in parts if part.call is not None and part.call.plan is not None]
    apart = 0.0 if problem.stride == (1, 1) else math.prod(problem.input_shape) * _APART_US
    return input_gradient_us(problem, threads) < apart + sum(plan.predicted_us + plan.pack_us for plan in plans)


@remembered
def _parts(
    generation: Generation,
    problem: Problem,
    shape: tuple[int, ...],
    dtype: np.dtype[np.floating],
    algorithm: str,
    threads: int,
) -> tuple[Part, ...]:
    n, c, height, width = shape
    parts = []
    for rows in phases(height, problem.rows, problem.h):
        for columns in phases(width, problem.columns, problem.w):
            weight = problem.c, c // problem.groups, len(rows.taps), len(columns.taps)
            axes = (len(range(height)[rows.cropped(height)]), len(range(width)[columns.cropped(width)]))
            if 0 in (n, c, *axes, *weight):
                parts.append(Part(rows, columns, None))
                continue
            pads: Pads = (*rows.pads, *columns.pads)
            steps = Arguments(padding=pads, dilation=(rows.dilation, columns.dilation), groups=problem.groups)
            call = find_call((n, c, *axes), weight, dtype, steps, algorithm, "normal", threads, True)
            parts.append(Part(rows, columns, call))
    return tuple(parts)


def _turned(weight: Array, groups: int, rows: range, columns: range) -> Array:
    """Of weight (C, K / groups, kh, kw) the chosen taps, reversed, as a convolution takes them."""
    c, per_group = weight.shape[:2]
    part = weight[:, :, rows.start : rows.stop : rows.step, columns.start : columns.stop : columns.step]
    sizes = part.shape[2:]
    turned = part[:, :, ::-1, ::-1].reshape(groups, c // groups, per_group, *sizes).swapaxes(1, 2)
    return turned.reshape(groups * per_group, c // groups, *sizes)


@named("conv_transpose2d")
def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PairArg | Sequence[Integers] = 0,
    output_padding: PairArg = 0,
    groups: SupportsIndex = 1,
    dilation: PairArg = 1,
    *,
    algorithm: str = "auto",
    activation: Activation | None = None,
    out: Array | None = None,
) -> Array:
    """The 2-D transposed convolution, as ``torch.nn.ConvTranspose2d`` defines it.

    ``x`` is (N, C, H, W) or (C, H, W), ``weight`` (C, K / groups, kh, kw), ``bias`` (K,). ``padding`` (an integer, a
    pair, or ``((top, bottom), (left, right))``) is cut off the result; ``output_padding``, smaller than the
    stride or the dilation, lengthens it below and to the right. Types, ``algorithm``, ``activation`` and ``out``
    are those of ``conv2d``, as are the errors.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2)), np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[1., 3., 5., 3.]]])
    """
    check_arrays(x, weight, bias)
    if isinstance(padding, str):
        raise InputError(f"padding must be numbers for a transposed convolution, got {padding!r}")
    arguments = Arguments.parse(stride, padding, dilation, groups)
    _check_shapes(x.shape, weight.shape, arguments.groups)
    filters = weight.shape[1] * arguments.groups
    check_bias(bias, filters)
    batch = x if x.ndim == 4 else x[None]
    problem = _transposed(batch.shape, weight.shape, arguments, parse_pair("output_padding", output_padding))
    shape = problem.input_shape
    if out is not None:
        check_out(out, shape[4 - x.ndim :], x.dtype)
    compute = compute_dtype(x.dtype)
    result = empty_like_layout(batch, shape, compute)
    offset = None if bias is None else bias.astype(compute, copy=False)
    source, kernel = batch.astype(compute, copy=False), weight.astype(compute, copy=False)
    scatter(source, kernel, offset, problem, parse_activation(activation), check_algorithm(algorithm), result)
    final = result.astype(x.dtype, copy=False).reshape(shape[4 - x.ndim :])
    if out is None:
        return final
    out[...] = final
    return out


def _check_shapes(x: tuple[int, ...], weight: tuple[int, ...], groups: int) -> None:
    if len(weight) != 4:
        raise ShapeError(f"expected weight (C, K/groups, kh, kw), got {len(weight)} dimensions in {weight}")
    if len(x) not in (3, 4):
        raise ShapeError(f"expected 3D (C, H, W) or 4D (N, C, H, W) input, got {len(x)}D of shape {x}")
    if x[-3] != weight[0] or weight[0] % groups:
        raise ShapeError(
            f"given groups={groups} and weight of shape {weight}, expected input of shape {x} to have "
            f"{weight[0]} channels, a multiple of groups, got {x[-3]}"
        )
    if min(*weight[2:], *x[-2:]) < 1:
        raise ShapeError(f"expected at least one pixel and one tap on each axis, got input {x} and weight {weight}")


def _transposed(x: tuple[int, ...], weight: tuple[int, ...], arguments: Arguments, extra: Pair) -> Problem:
    """The convolution that transposes to one of ``x`` with ``weight``."""
    strides, dilations, pads = arguments.stride, arguments.dilation, arguments.pads((1, 1), (1, 1))
    kernel, out = weight[2:], []
    for axis in (0, 1):
        if not 0 <= extra[axis] < max(strides[axis], dilations[axis]):
            raise InputError(
                f"output padding must be smaller than either stride or dilation, got output_padding={extra} with "
                f"stride={strides} and dilation={dilations}"
            )
        window = Window(kernel[axis], strides[axis], dilations[axis], pads[2 * axis], pads[2 * axis + 1])
        length = transposed_map(window, x[2 + axis], extra[axis]).out_size
        if length < 1:
            raise ShapeError(f"padding {pads} leaves nothing of the output's {('height', 'width')[axis]}")
        out.append(length)
    groups, (height, width) = arguments.groups, out
    sizes = x[0], weight[1] * groups, height, width, x[1], kernel[0], kernel[1]
    return Problem(*sizes, strides, pads, dilations, groups)
