"""A convolution as one sparse matrix times its input laid out as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.conv import Explanation, conv_matrix

Array = NDArray[Any]

MOST_WEIGHTS = 2**21
MOST_NUMBERS = 27
MOST_ROWS, LONGEST_LINE = 16, 80


@dataclass(frozen=True)
class TooLarge:
    """A matrix that is not built, for its ``weights``, those over the padding counted, are more than ``MOST_WEIGHTS``.

    ``shape`` is (units, pixels), what it would have.
    """

    shape: tuple[int, int]
    weights: int

    def lines(self, lang: Literal["en", "zh"] = "en") -> list[str]:
        """One line: how large it is, what limits it, and what to do."""
        height, width = self.shape
        size = f"{height:,} x {width:,}"
        return [_WORDS[lang]["too_large"].format(size=size, weights=self.weights, most=MOST_WEIGHTS)]


@dataclass(frozen=True, eq=False)
class SparseProduct:
    """A whole layer as ``matrix``, of (units, pixels), times ``vector``, its (channels, height, width) in a row.

    ``matrix`` is what ``conv_matrix`` gives, in float64. ``outputs`` is the product, of (channels, height, width), the
    biases added; ``row`` is the row of the output that is explained, ``bias`` its bias. ``difference`` is the largest
    between ``outputs`` and what ``by`` gave for the layer; None where that is not shown.
    """

    matrix: Any
    vector: Array
    outputs: Array
    row: int
    bias: float
    by: str
    difference: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """(units, pixels)."""
        units, pixels = self.matrix.shape
        return int(units), int(pixels)

    @property
    def weights(self) -> int:
        """How many weights stand in it; everywhere else it is zero."""
        return int(self.matrix.nnz)

    @property
    def places(self) -> Array:
        """The elements of the vector that the explained output reads, in order."""
        return np.sort(self.matrix.indices[self.matrix.indptr[self.row] : self.matrix.indptr[self.row + 1]])

    def rows(self, channel: int) -> Array:
        """The rows of an output channel, of (places, pixels); NaN where no weight stands."""
        places = prod(self.outputs.shape[1:])
        entries = self.matrix[channel * places : (channel + 1) * places].tocoo()
        found = np.full(entries.shape, np.nan)
        found[entries.row, entries.col] = entries.data
        return found

    @property
    def value(self) -> float:
        """The explained output: its row times the vector, and the bias."""
        return float(self.outputs.ravel()[self.row])

    def lines(self, lang: Literal["en", "zh"] = "en") -> list[str]:
        """The size, the numbers where they are few, the explained row's product, and how near all outputs come."""
        words, (height, width) = _WORDS[lang], self.shape
        zero = 1 - self.weights / max(height * width, 1)
        size = f"{height:,} x {width:,}"
        told = [words["shape"].format(size=size, pixels=width, weights=self.weights, zero=zero), *self._drawn()]
        if len(self.places) <= MOST_NUMBERS:
            listed = " ".join(map(str, self.places))
            told.append(words["reads"].format(row=f"{self.row:,}", count=len(self.places), places=listed))
        product = self.value - self.bias
        told.append(words["value"].format(row=f"{self.row:,}", product=product, bias=self.bias, value=self.value))
        if self.difference is not None:
            told.append(words["all"].format(count=height, by=self.by, difference=self.difference))
        return told

    def _drawn(self) -> list[str]:
        """All numbers, a dot where no weight stands and an arrow at the explained row; nothing where they are many."""
        if self.shape[0] > MOST_ROWS or self.shape[1] > LONGEST_LINE:
            return []
        every = np.concatenate([self.rows(channel) for channel in range(len(self.outputs))])
        texts = [["." if np.isnan(weight) else f"{weight + 0:.3g}" for weight in row] for row in every]
        wide = max(len(text) for row in texts for text in row)
        drawn = [" ".join(text.rjust(wide) for text in row) for row in texts]
        told = [f" {'>' if k == self.row else ' '}{line}" for k, line in enumerate(drawn)]
        return told if max(map(len, told)) <= LONGEST_LINE else []


def sparse_product(
    part: Explanation, x: Array, weight: Array, bias: Array | None, given: Array | None, by: str,
    output: tuple[int, int, int], arguments: Mapping[str, Any],
) -> SparseProduct | TooLarge:  # fmt: skip
    """The layer of an explained output; ``arguments`` are those of ``conv_matrix`` beside the arrays.

    ``x`` is (channels, height, width), ``output`` the layer's shape, ``given`` what ``by`` gave there, if it is shown.
    """
    k, row, column = part.at
    weights = prod(output) * prod(weight.shape[1:])
    if weights > MOST_WEIGHTS:
        return TooLarge((prod(output), x.size), weights)
    matrix = conv_matrix(weight.astype(np.float64), x.shape[1:], **arguments)
    vector = x.ravel().astype(np.float64)
    biases = np.zeros(output[0]) if bias is None else bias.astype(np.float64)
    outputs = (matrix @ vector).reshape(output) + biases[:, None, None]
    difference = None if given is None else float(np.abs(outputs - given).max(initial=0))
    place = int(np.ravel_multi_index((k, row, column), output))
    return SparseProduct(matrix, vector, outputs, place, part.bias, by, difference)


_WORDS = {
    "en": {
        "shape": "as one sparse matrix: {size} times the input as a vector of {pixels:,}; {weights:,} weights, the "
        "other {zero:.1%} is empty",
        "reads": "row {row} reads {count} of the vector: {places}",
        "value": "row {row} times the vector = {product:.6g}, + bias {bias:.6g} = {value:.6g}",
        "all": "the {count:,} outputs of all rows differ from {by}'s by at most {difference:.2g}",
        "too_large": "as one sparse matrix: {size} with {weights:,} weights, not built: at most {most:,}; take a "
        "smaller input",
    },
    "zh": {
        "shape": "写成一个稀疏矩阵：{size} 乘以输入排成的向量（长 {pixels:,}）；{weights:,} 个权重，"
        "其余 {zero:.1%} 为空",
        "reads": "第 {row} 行读取向量的 {count} 个元素：{places}",
        "value": "第 {row} 行乘以向量 = {product:.6g}，加偏置 {bias:.6g} = {value:.6g}",
        "all": "全部 {count:,} 行的输出与 {by} 给出的相差至多 {difference:.2g}",
        "too_large": "写成一个稀疏矩阵：{size}，有 {weights:,} 个权重，不构建：至多 {most:,} 个；请取更小的输入",
    },
}
