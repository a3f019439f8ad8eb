"""The question behind the view Convolve: one convolution, and every number that the page shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from striate.errors import InputError, StriateError
from striate.serve.given import Given, Numbers, number_in
from striate.serve.kernel import MOST_STEP, Kernel, Taps, windows
from striate.serve.lines import Lines, code

# A page of more numbers than this is read by nobody, and would be slow to send.
MOST_PRODUCTS = 60_000


class KernelDocument(TypedDict):
    """What the page shows of a convolution, for its output channel ``channel``.

    ``rows`` and ``columns`` are the places of the taps of each output, ``row_pixels`` and ``column_pixels`` the pixels
    there; ``products`` is (OH, OW, channels, kh, kw), zero where nothing is read, ``sums`` (OH, OW, channels).
    """

    output: list[Any]
    channel: int
    channels: list[int]
    rows: Taps
    columns: Taps
    row_pixels: Taps
    column_pixels: Taps
    products: list[Any]
    sums: list[Any]
    bias: float
    formulas: list[list[str]]
    bounds: Mapping[str, list[int]]
    code: Lines


def convolve(given: Given) -> KernelDocument:
    """One convolution with everything that the page shows of it."""
    kernel, channel = Kernel.of(given), number_in(given, "channel")
    output = kernel.output
    if not 0 <= channel < len(output):
        raise InputError(f"channel {channel} lies outside the output, which has {len(output)}")
    rows, row_pixels = kernel.taps(0, output.shape[1])
    columns, column_pixels = kernel.taps(1, output.shape[2])
    chosen, weight = _read_channels(kernel, channel, len(output))
    count = output[0].size * weight.size
    if count > MOST_PRODUCTS:
        raise InputError(f"{count:,} products are too many to show: at most {MOST_PRODUCTS:,}; take a smaller input")
    products = windows(kernel.x[chosen], row_pixels, column_pixels) * weight
    return {
        "output": output.tolist(),
        "channel": channel,
        "channels": chosen,
        "rows": rows,
        "columns": columns,
        "row_pixels": row_pixels,
        "column_pixels": column_pixels,
        "products": products.tolist(),
        "sums": products.sum(axis=(3, 4)).tolist(),
        "bias": 0.0 if kernel.bias is None else float(kernel.bias[channel]),
        "formulas": [_formula(kernel, axis, output.shape[1 + axis]) for axis in (0, 1)],
        "bounds": _bounds(kernel),
        "code": code(kernel),
    }


def _read_channels(kernel: Kernel, channel: int, count: int) -> tuple[list[int], Numbers]:
    """The input channels that an output channel reads, and its weights (channels, kh, kw) for them."""
    per_group, filters = len(kernel.x) // kernel.groups, count // kernel.groups
    first = channel // filters * per_group
    chosen = list(range(first, first + per_group))
    return chosen, kernel.weight[chosen, channel % filters] if kernel.transposed else kernel.weight[channel]


def _formula(kernel: Kernel, axis: int, out: int) -> list[str]:
    """The numbers of the size formula of an axis: n, padding, dilation, kernel, stride, output padding, result."""
    window = kernel.window[axis]
    numbers = (kernel.x.shape[1 + axis], window.pad_before, window.dilation, window.size, window.stride)
    return [str(number) for number in (*numbers, kernel.output_padding[axis], out)]


def _bounds(kernel: Kernel) -> dict[str, list[int]]:
    """The values that each argument of an axis may take while the others stay: least and most, rows then columns."""
    found = {}
    for name, least in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
        for axis in (0, 1):
            fits = [value for value in range(least, MOST_STEP + 1) if _fits(_changed(kernel, name, axis, value))]
            found[f"{name}{axis}"] = [min(fits), max(fits)]
    return found


def _changed(kernel: Kernel, name: str, axis: int, value: int) -> Kernel:
    pair = list(getattr(kernel, name))
    pair[axis] = value
    changed: dict[str, Any] = {name: tuple(pair)}
    return replace(kernel, **changed)


def _fits(kernel: Kernel) -> bool:
    try:
        return bool(kernel.output.size)
    except StriateError:
        return False
