"""Transposed convolution, phase by phase, each phase an ordinary convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from striate.conv.arguments import Arguments, PairArg, parse_pair
from striate.conv.arrays import (
    Array,
    apply_activation,
    check_arrays,
    check_bias,
    check_out,
    compute_dtype,
    empty_like_layout,
    parse_activation,
)
from striate.conv.calls import find_call, plain
from striate.conv.problem import Pads, Pair
from striate.errors import InputError, ShapeError, named
from striate.geometry import Window, transposed_map


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


def phases(n: int, window: Window, out: int) -> Iterator[Phase]:
    """The phases of a transposed window from ``n`` input pixels onto ``out`` output pixels.

    Input pixel ``i`` writes output pixels ``window.reads(i)``: those that the forward window reads.

    >>> [(p.first, list(p.taps)) for p in phases(3, Window(3, stride=2, pad_before=1), 5)]
    [(0, [1]), (1, [0, 2])]
    """
    stride, dilation, start = window.stride, window.dilation, window.pad_before
    common = gcd(stride, dilation)
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


def scatter(
    x: Array,
    weight: Array,
    bias: Array | None,
    windows: tuple[Window, Window],
    groups: int,
    activation: str,
    algorithm: str,
    out: Array,
    threads: int = 0,
) -> None:
    """Writes the transposed convolution of ``x`` (N, C, H, W) with ``weight`` (C, K / groups, kh, kw) to ``out``.

    All arrays are of one computing type. A window's ``pad_before`` is cut off the start; the size of ``out`` says where
    it ends.
    """
    c, per_group = weight.shape[:2]
    kernels = plain(weight, x.dtype)
    for rows in phases(x.shape[2], windows[0], out.shape[2]):
        for columns in phases(x.shape[3], windows[1], out.shape[3]):
            target = out[:, :, rows.first :: rows.step, columns.first :: columns.step]
            source, pads = _cropped(x, rows, columns)
            shape = (groups * per_group, c // groups, len(rows.taps), len(columns.taps))
            if 0 in shape or source.size == 0:
                target[...] = 0 if bias is None else bias.reshape(-1, 1, 1)
                apply_activation(target, activation)
                continue
            arguments = Arguments(padding=pads, dilation=(rows.dilation, columns.dilation), groups=groups)
            call = find_call(source.shape, shape, x.dtype, arguments, algorithm, "normal", threads, True)
            if call.plan is None:
                call.run(source, _turned(kernels, groups, rows.taps, columns.taps), bias, activation, target)
                continue
            taps = ((taps.start, taps.step) for taps in (rows.taps, columns.taps))
            call.run(source, kernels, bias, activation, target, call.plan.pack_turned(kernels, *taps))


def _turned(weight: Array, groups: int, rows: range, columns: range) -> Array:
    """Of weight (C, K / groups, kh, kw) the chosen taps, reversed, as a convolution takes them."""
    c, per_group = weight.shape[:2]
    part = weight[:, :, rows.start : rows.stop : rows.step, columns.start : columns.stop : columns.step]
    sizes = part.shape[2:]
    turned = part[:, :, ::-1, ::-1].reshape(groups, c // groups, per_group, *sizes).swapaxes(1, 2)
    return turned.reshape(groups * per_group, c // groups, *sizes)


def _cropped(x: Array, rows: Phase, columns: Phase) -> tuple[Array, Pads]:
    view = x[
        :,
        :,
        max(-rows.before, 0) : max(x.shape[2] + min(rows.after, 0), 0),
        max(-columns.before, 0) : max(x.shape[3] + min(columns.after, 0), 0),
    ]
    return view, (max(rows.before, 0), max(rows.after, 0), max(columns.before, 0), max(columns.after, 0))


@named("conv_transpose2d")
def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PairArg | tuple[Pair, Pair] = 0,
    output_padding: PairArg = 0,
    groups: int = 1,
    dilation: PairArg = 1,
    *,
    algorithm: str = "auto",
    activation: str | None = None,
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
    windows, size = _transposed(x.shape[-2:], weight.shape[2:], arguments, parse_pair("output_padding", output_padding))
    batch = x if x.ndim == 4 else x[None]
    shape = (len(batch), filters, *size)
    if out is not None:
        check_out(out, shape[4 - x.ndim :], x.dtype)
    compute = compute_dtype(x.dtype)
    result = empty_like_layout(batch, shape, compute)
    offset = None if bias is None else bias.astype(compute, copy=False)
    source, kernel = batch.astype(compute, copy=False), weight.astype(compute, copy=False)
    scatter(source, kernel, offset, windows, arguments.groups, parse_activation(activation), algorithm, result)
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


def _transposed(
    size: tuple[int, ...], kernel: tuple[int, ...], arguments: Arguments, extra: Pair
) -> tuple[tuple[Window, Window], Pair]:
    strides, dilations, pads = arguments.stride, arguments.dilation, arguments.pads((1, 1), (1, 1))
    windows, out = [], []
    for axis in (0, 1):
        if not 0 <= extra[axis] < max(strides[axis], dilations[axis]):
            raise InputError(
                f"output padding must be smaller than either stride or dilation, got output_padding={extra} with "
                f"stride={strides} and dilation={dilations}"
            )
        before, after = pads[2 * axis : 2 * axis + 2]
        window = Window(kernel[axis], strides[axis], dilations[axis], before, after)
        length = transposed_map(window, size[axis], extra[axis]).out_size
        if length < 1:
            raise ShapeError(f"padding {pads} leaves nothing of the output's {('height', 'width')[axis]}")
        windows.append(window)
        out.append(length)
    return (windows[0], windows[1]), (out[0], out[1])
