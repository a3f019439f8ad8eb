"""A convolution that the page shows and its user changes, as a value: its result, and what each output reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.conv import conv2d, conv_transpose2d
from striate.conv.arguments import PADDING_MODES, PaddingMode
from striate.conv.arrays import pad_border
from striate.errors import InputError
from striate.geometry.window import Window
from striate.serve.given import Given, Numbers, flag_in, number_in, numbers_in, place_in
from striate.values import text

MOST_SIDE, MOST_CHANNELS, MOST_STEP = 32, 8, 8
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
    padding_mode: PaddingMode = "zeros"
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
            text("padding_mode", given.get("padding_mode"), PADDING_MODES),
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


def windows(x: Numbers, rows: Taps, columns: Taps) -> Numbers:
    """What each output reads: (OH, OW, C, kh, kw), zero at None."""
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1)))
    at_rows, at_columns = (
        np.array([[-1 if pixel is None else pixel for pixel in taps] for taps in axis]) for axis in (rows, columns)
    )
    found = padded[:, at_rows[:, None, :, None], at_columns[None, :, None, :]]
    return np.ascontiguousarray(found.transpose(1, 2, 0, 3, 4))


def _pair(given: Given, name: str, least: int) -> tuple[int, int]:
    values = place_in(given, name)
    if len(values) != 2 or not all(least <= value <= MOST_STEP for value in values):
        raise InputError(f"{name} is two whole numbers from {least} to {MOST_STEP}")
    return values[0], values[1]
