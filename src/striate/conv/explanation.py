"""One output of a convolution, taken apart: the window, the products, the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from striate.conv.arguments import Arguments, Integers, PaddingArg, PaddingMode, PairArg
from striate.conv.arrays import Array, check_arrays, check_bias, compute_dtype, pad_border
from striate.conv.problem import Problem
from striate.errors import InputError, named
from striate.values import as_integer, as_list, integer, shown, text

LONGEST_LINE = 80


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one output unit came about; ``print`` it.

    ``rows`` and ``columns`` are the input pixels read along each axis (outside ``[0, size)`` lies padding),
    ``window`` (C / groups, kh, kw) the values read, ``kernel`` the weights, ``products`` their products,
    ``channel_sums`` (C / groups,) the sum of each channel's products, ``value`` all of them and the bias.

    ``parameters``, ``dense_parameters`` and ``local_parameters`` count what the layer has, what a dense layer between
    the same maps would have, and what a locally connected layer (the same windows, weights not shared) would have;
    biases are counted.
    """

    at: tuple[int, int, int]
    channels: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    window: Array
    kernel: Array
    products: Array
    channel_sums: Array
    bias: float
    value: float
    parameters: int
    dense_parameters: int
    local_parameters: int

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, lang: Literal["en", "zh"] = "en", most: int | None = None) -> list[str]:
        """What ``print`` shows, in English or Chinese; of many channels the ``most`` with the largest sums.

        Raises InputError for another language and for fewer than one channel.

        >>> part = explain(np.arange(48.0).reshape(3, 4, 4), np.ones((1, 3, 1, 1)), at=(0, 1, 1))
        >>> part.lines(most=1)[-3:-1]
        ['and 2 more channels, sum 26', 'value 63 = 37 + 26 + bias 0']
        """
        words = _WORDS[text("lang", lang, _WORDS)]
        shown = self._largest(most)
        k, y, x = self.at
        found = [words["reads"].format(k=k, y=y, x=x, rows=list(self.rows), columns=list(self.columns))]
        for i in shown:
            found.append(words["channel"].format(channel=self.channels[i], total=self.channel_sums[i]))
            found += _blocks(self.window[i], self.kernel[i], self.products[i])
        terms = [float(self.channel_sums[i]) for i in shown]
        others = len(self.channels) - len(shown)
        if others:
            terms.append(float(np.delete(self.channel_sums, shown).sum()))
            found.append(words["others" if others > 1 else "other"].format(count=others, total=terms[-1]))
        added = " + ".join(f"{total:.6g}" for total in terms)
        found.append(words["value"].format(value=self.value, terms=added, bias=self.bias))
        counts = {"shared": self.parameters, "local": self.local_parameters, "dense": self.dense_parameters}
        times = {f"{name}_times": count / self.parameters for name, count in counts.items()}
        return [*found, words["parameters"].format(**counts, **times)]

    def _largest(self, most: int | None) -> list[int]:
        """Which channels are shown: all of them in their order, or those with the largest sums first."""
        count = len(self.channels)
        if most is None or count <= integer("most", most, 1):
            return list(range(count))
        return [int(i) for i in np.argsort(-np.abs(self.channel_sums), kind="stable")[:most]]


_WORDS = {
    "en": {
        "reads": "output {k} at ({y}, {x}) reads rows {rows} and columns {columns}",
        "channel": "channel {channel}: window x kernel = products, sum {total:.6g}",
        "other": "and one more channel, sum {total:.6g}",
        "others": "and {count} more channels, sum {total:.6g}",
        "value": "value {value:.6g} = {terms} + bias {bias:.6g}",
        "parameters": "parameters: {shared:,} shared; locally connected {local:,} ({local_times:,.1f} times), "
        "dense {dense:,} ({dense_times:,.1f} times)",
    },
    "zh": {
        "reads": "输出通道 {k} 的 ({y}, {x}) 读取行 {rows}、列 {columns}",
        "channel": "通道 {channel}：窗口 x 卷积核 = 乘积，和 {total:.6g}",
        "other": "另有 1 个通道，和 {total:.6g}",
        "others": "另有 {count} 个通道，和 {total:.6g}",
        "value": "值 {value:.6g} = {terms} + 偏置 {bias:.6g}",
        "parameters": "参数：共享 {shared:,}；局部连接 {local:,}（{local_times:,.1f} 倍），"
        "全连接 {dense:,}（{dense_times:,.1f} 倍）",
    },
}


def _blocks(window: Array, kernel: Array, products: Array) -> list[str]:
    """Window, kernel and products side by side, or beneath one another where a line would be long."""
    blocks = [_rows(block) for block in (window, kernel, products)]
    beside = [f"  {a}  x {b}  = {c}" for a, b, c in zip(*blocks, strict=True)]
    if max(map(len, beside)) <= LONGEST_LINE:
        return beside
    signed = zip(("  ", "x ", "= "), blocks, strict=True)
    return [f"{'  ' if k else sign}{row}" for sign, rows in signed for k, row in enumerate(rows)]


def _rows(values: NDArray[np.floating]) -> list[str]:
    told = [[f"{value + 0:.4g}" for value in row] for row in values]
    width = max(len(number) for row in told for number in row)
    return ["[" + " ".join(number.rjust(width) for number in row) + "]" for row in told]


@named("explain")
def explain(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    at: Integers,
    image: SupportsIndex = 0,
) -> Explanation:
    """The window, products and sums behind output ``at = (k, y, x)`` of ``conv2d`` with the same arguments.

    ``image`` picks the image of a batch. Raises InputError where ``at`` lies outside the output, and as ``conv2d``
    does.

    >>> part = explain(np.arange(16.0).reshape(1, 4, 4), np.ones((1, 1, 3, 3)), at=(0, 1, 1))
    >>> part.value, part.rows, part.parameters, part.dense_parameters, part.local_parameters
    (90.0, (1, 2, 3), 9, 64, 36)
    """
    check_arrays(x, weight, bias)
    problem, pads = Arguments.parse(stride, padding, dilation, groups, padding_mode).problem(x.shape, weight.shape)
    check_bias(bias, problem.k)
    k, y, left = _position(at, problem)
    image = _image(image, problem)
    x, weight = np.asarray(x), np.asarray(weight)
    compute = compute_dtype(x.dtype)
    single = (x if x.ndim == 4 else x[None])[image : image + 1].astype(compute)
    rows, columns = problem.rows.reads(y), problem.columns.reads(left)
    per_group = problem.c // problem.groups
    first = k // (problem.k // problem.groups) * per_group
    padded = pad_border(single, pads, padding_mode) if any(pads) else single
    window = _window(padded[0, first : first + per_group], rows, columns)
    kernel = weight[k].astype(compute)
    products = window * kernel
    sums = products.sum(axis=(1, 2))
    offset = 0.0 if bias is None else float(bias[k])
    biases, units = int(bias is not None), int(np.prod(problem.output_shape[1:]))
    return Explanation(
        (k, y, left),
        tuple(range(first, first + per_group)),
        tuple(r - pads[0] for r in rows),
        tuple(c - pads[2] for c in columns),
        window,
        kernel,
        products,
        sums,
        offset,
        float(sums.sum()) + offset,
        weight.size + biases * problem.k,
        units * (int(np.prod(x.shape[-3:])) + biases),
        units * (kernel.size + biases),
    )


def _position(at: object, problem: Problem) -> tuple[int, int, int]:
    limits = problem.output_shape[1:]
    numbers = [as_integer(number) for number in as_list(at) or ()]
    match numbers:
        case [int(k), int(y), int(x)] if all(0 <= i < limit for i, limit in zip((k, y, x), limits, strict=True)):
            return k, y, x
    raise InputError(f"at=(k, y, x) must lie inside the output {limits}, got {shown(at)}")


def _image(image: object, problem: Problem) -> int:
    number = as_integer(image)
    if number is None or not 0 <= number < problem.n:
        raise InputError(f"image must be in [0, {problem.n}), got {shown(image)}")
    return number


def _window(channels: Array, rows: tuple[int, ...], columns: tuple[int, ...]) -> Array:
    # Taps outside the image read zero.
    window = np.zeros((len(channels), len(rows), len(columns)), channels.dtype)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if 0 <= row < channels.shape[1] and 0 <= column < channels.shape[2]:
                window[:, i, j] = channels[:, row, column]
    return window
