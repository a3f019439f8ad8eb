"""A convolution that the page shows and its user changes: its numbers, what each output reads, its matrix, its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np

from striate.conv import conv2d, conv_matrix, conv_transpose2d
from striate.conv.arrays import pad_border
from striate.errors import InputError, StriateError
from striate.geometry.conventions import SizeAnswer, output_sizes
from striate.geometry.window import Window
from striate.serve.given import Given, Numbers, flag_in, number_in, numbers_in, place_in, text_in

MOST_SIDE, MOST_CHANNELS, MOST_STEP = 32, 8, 8
# A page of more numbers than this is read by nobody, and would be slow to send.
MOST_PRODUCTS = 60_000
MOST_ENTRIES = 16_384
# Where a tap of a transposed convolution falls between two input pixels.
BETWEEN = None

Taps = list[list[int | None]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """An input (C, H, W), weights in torch's order, and the arguments of ``Conv2d`` or ``ConvTranspose2d``."""

    x: Numbers
    weight: Numbers
    bias: Numbers | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    padding_mode: str = "zeros"
    transposed: bool = False
    output_padding: tuple[int, int] = (0, 0)

    @staticmethod
    def of(given: Given) -> Kernel:
        """Read what the page sends; InputError says what does not fit."""
        bias = None if given.get("bias") is None else numbers_in(given, "bias", 1, MOST_CHANNELS)
        return Kernel(
            numbers_in(given, "x", 3, MOST_SIDE),
            numbers_in(given, "weight", 4, MOST_SIDE),
            bias,
            _pair(given, "stride", 1),
            _pair(given, "padding", 0),
            _pair(given, "dilation", 1),
            number_in(given, "groups"),
            text_in(given, "padding_mode"),
            flag_in(given, "transposed"),
            _pair(given, "output_padding", 0),
        )

    @property
    def output(self) -> Numbers:
        """The result (K, OH, OW); raises InputError or ShapeError where the arguments do not fit."""
        if self.transposed:
            if self.padding_mode != "zeros":
                raise InputError("a transposed convolution has padding_mode='zeros' alone")
            result = conv_transpose2d(
                self.x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups,
                self.dilation,
            )  # fmt: skip
        else:
            result = conv2d(
                self.x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups,
                padding_mode=self.padding_mode, accuracy="strict",
            )  # fmt: skip
        return result.astype(np.float64, copy=False)

    @property
    def window(self) -> tuple[Window, Window]:
        """The windows along rows and columns; a transposed one writes what this one reads."""
        axes = zip(self.weight.shape[2:], self.stride, self.dilation, self.padding, strict=True)
        rows, columns = (Window(size, stride, dilation, pad, pad) for size, stride, dilation, pad in axes)
        return rows, columns

    def taps(self, axis: int, units: int) -> tuple[Taps, Taps]:
        """Where each tap of each output lies along an axis: before any border is made, and the pixel it reads.

        None is no place, or zero padding.
        """
        window, n = self.window[axis], self.x.shape[1 + axis]
        if self.transposed:
            writes = [window.reads(i) for i in range(n)]
            found: Taps = [
                [next((i for i in range(n) if writes[i][tap] == unit), BETWEEN) for tap in range(window.size)]
                for unit in range(units)
            ]
            return found, found
        places: Taps = [list(window.reads(unit)) for unit in range(units)]
        border = self._border(axis)
        return places, [[border.get(place) for place in taps if place is not None] for taps in places]

    def _border(self, axis: int) -> dict[int, int]:
        """The pixel that stands at each place of the padded input."""
        n, pad = self.x.shape[1 + axis], self.padding[axis]
        if self.padding_mode == "zeros" or not pad:
            return {place: place for place in range(n)}
        line = pad_border(np.arange(float(n)).reshape(1, 1, n), (0, 0, pad, pad), self.padding_mode).ravel()
        return {k - pad: int(pixel) for k, pixel in enumerate(line)}


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
    code: Mapping[str, list[str]]


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
    products = _windows(kernel.x[chosen], row_pixels, column_pixels) * weight
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


def _windows(x: Numbers, rows: Taps, columns: Taps) -> Numbers:
    """What each output reads: (OH, OW, C, kh, kw), zero at None."""
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1)))
    at_rows, at_columns = (
        np.array([[-1 if pixel is None else pixel for pixel in taps] for taps in axis]) for axis in (rows, columns)
    )
    found = padded[:, at_rows[:, None, :, None], at_columns[None, :, None, :]]
    return np.ascontiguousarray(found.transpose(1, 2, 0, 3, 4))


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
    code: list[str]


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
        "code": _matrix_code(kernel),
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
    windows = _windows(kernel.x, *pixels)
    rows: list[list[float]] = windows.reshape(output[1] * output[2], -1).tolist()
    return rows


def sizes(given: Given) -> list[list[dict[str, Any]]]:
    """What each framework makes of one window, for rows and for columns."""
    n, kernel, stride, dilation, padding = (
        place_in(given, name) for name in ("n", "kernel", "stride", "dilation", "padding")
    )
    if any(len(pair) != 2 for pair in (n, kernel, stride, dilation, padding)) or max(*n, *padding) > MOST_SIDE:
        raise InputError(f"sizes are asked for pairs of numbers up to {MOST_SIDE}")
    axes = zip(n, kernel, stride, dilation, padding, strict=True)
    return [[_told(answer) for answer in output_sizes(*numbers)] for numbers in axes]


def _told(answer: SizeAnswer) -> dict[str, Any]:
    return {
        "convention": answer.convention,
        "output": answer.output,
        "pads": list(answer.pads),
        "never": list(answer.never_read),
        "why": answer.why,
        "starts": [answer.window.reads(unit)[0] for unit in range(answer.output)],
    }


def code(kernel: Kernel) -> dict[str, list[str]]:
    """Lines that compute what the page shows, in PyTorch and with striate; both leave it in ``y``."""
    arrays = {"x": kernel.x, "weight": kernel.weight, **({} if kernel.bias is None else {"bias": kernel.bias})}
    steps = f"stride={kernel.stride}, padding={kernel.padding}, dilation={kernel.dilation}, groups={kernel.groups}"
    if kernel.transposed:
        steps += f", output_padding={kernel.output_padding}"
    name, bias = "conv_transpose2d" if kernel.transposed else "conv2d", "bias" if "bias" in arrays else "None"
    mode = "" if kernel.padding_mode == "zeros" else f', padding_mode="{kernel.padding_mode}"'
    torch = ["import torch"]
    torch += [f"{key} = torch.tensor({_listed(a)}, dtype=torch.float64)" for key, a in arrays.items()]
    if mode:
        left = (kernel.padding[1],) * 2 + (kernel.padding[0],) * 2
        torch.append(f'x = torch.nn.functional.pad(x[None], {left}, mode="{kernel.padding_mode}")[0]')
    bare = steps.replace(f"padding={kernel.padding}", "padding=(0, 0)", 1) if mode else steps
    torch.append(f"y = torch.nn.functional.{name}(x, weight, {bias}, {bare})")
    striate = ["import numpy as np", "import striate"]
    striate += [f"{key} = np.array({_listed(a)}, float)" for key, a in arrays.items()]
    striate.append(f"y = striate.{name}(x, weight, {bias}, {steps}{mode})")
    return {"torch": torch, "striate": striate}


def _matrix_code(kernel: Kernel) -> list[str]:
    size = kernel.output.shape[1:] if kernel.transposed else kernel.x.shape[1:]
    steps = f"{tuple(size)}, {kernel.stride}, {kernel.padding}, {kernel.dilation}, {kernel.groups}"
    mode = "" if kernel.padding_mode == "zeros" else f', padding_mode="{kernel.padding_mode}"'
    lines = ["import numpy as np", "import striate"]
    arrays = {"x": kernel.x, "weight": kernel.weight}
    lines += [f"{name} = np.array({_listed(a)}, float)" for name, a in arrays.items()]
    lines.append(f"matrix = striate.conv_matrix(weight, {steps}{mode}){'.T' if kernel.transposed else ''}")
    return [*lines, f"y = (matrix @ x.ravel()).reshape{tuple(kernel.output.shape)}"]


def _listed(values: Numbers) -> str:
    whole = (values == np.round(values)).all() and np.abs(values).max() < 1e15
    return repr((values.astype(int) if whole else values).tolist())


def _pair(given: Given, name: str, least: int) -> tuple[int, int]:
    values = place_in(given, name)
    if len(values) != 2 or not all(least <= value <= MOST_STEP for value in values):
        raise InputError(f"{name} is two whole numbers from {least} to {MOST_STEP}")
    return values[0], values[1]
