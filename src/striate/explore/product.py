"""One output of a convolution as an entry of a product of two matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from striate.conv.explanation import Explanation

MOST_NUMBERS = 27


@dataclass(frozen=True, eq=False)
class Product:
    """An output as im2col has it: entry ``place`` of the matrix of weights times the matrix of windows.

    ``group`` says which of how many groups of the layer has them. ``weights``, (output channels, taps), is the shape of
    the matrix with a kernel in each row, and ``windows``, (taps, outputs), of that with a window in each column, row by
    row of the output. ``row`` and ``column`` are the two that meet in ``place``.
    """

    group: tuple[int, int]
    weights: tuple[int, int]
    windows: tuple[int, int]
    place: tuple[int, int]
    row: NDArray[Any]
    column: NDArray[Any]
    bias: float

    @classmethod
    def of(cls, part: Explanation, output: tuple[int, int, int], groups: int) -> Product:
        """That of an explained output of a layer with an output of (channels, height, width)."""
        channels, height, width = output
        k, y, x = part.at
        row, column = part.kernel.ravel(), part.window.ravel()
        rows = channels // groups
        place = k % rows, y * width + x
        return cls((k // rows, groups), (rows, len(row)), (len(row), height * width), place, row, column, part.bias)

    @property
    def value(self) -> float:
        """Row times column, and the bias."""
        return float(self.row @ self.column) + self.bias

    def lines(self, lang: Literal["en", "zh"] = "en") -> list[str]:
        """The two shapes and the product, with the numbers of both where they are few."""
        words = _WORDS[lang]
        shapes = [f"{height:,} x {width:,}" for height, width in (self.weights, self.windows)]
        told = [words["shapes"].format(weights=shapes[0], windows=shapes[1])]
        if self.group[1] > 1:
            told = [words["group"].format(group=self.group[0], groups=self.group[1]), *told]
        if len(self.row) <= MOST_NUMBERS:
            told += [
                words[name].format(index=f"{index:,}", numbers=" ".join(f"{number + 0:.4g}" for number in numbers))
                for name, index, numbers in zip(("row", "column"), self.place, (self.row, self.column), strict=True)
            ]
        row, column = (f"{index:,}" for index in self.place)
        product = float(self.row @ self.column)
        told.append(words["value"].format(row=row, column=column, product=product, bias=self.bias, value=self.value))
        return told


_WORDS = {
    "en": {
        "group": "group {group} of {groups}, counted from 0:",
        "shapes": "as matrices: weights {weights} times windows {windows}",
        "row": "row {index} of the weights: {numbers}",
        "column": "column {index} of the windows: {numbers}",
        "value": "row {row} times column {column} = {product:.6g}, + bias {bias:.6g} = {value:.6g}",
    },
    "zh": {
        "group": "共 {groups} 组，第 {group} 组（从 0 起）：",
        "shapes": "写成矩阵：权重 {weights} 乘以窗口 {windows}",
        "row": "权重的第 {index} 行：{numbers}",
        "column": "窗口的第 {index} 列：{numbers}",
        "value": "第 {row} 行乘以第 {column} 列 = {product:.6g}，加偏置 {bias:.6g} = {value:.6g}",
    },
}
