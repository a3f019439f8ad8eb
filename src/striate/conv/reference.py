"""Convolution in plain NumPy, one output position after the other: slow, readable, and the oracle.

What `torch.nn.Conv2d` calls convolution is a cross-correlation: a window slides over the padded input; at each
place the pixels under it are multiplied by the kernel, and the products of all channels are added up.
"""

from __future__ import annotations

import numpy as np

from striate.conv.arrays import Array, NumpyMode

PAD_MODES: dict[str, NumpyMode] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, padding: tuple[int, int, int, int], mode: str = "zeros") -> Array:
    """``x`` (N, C, H, W) with ``(top, bottom, left, right)`` pixels around it.

    >>> pad(np.ones((1, 1, 1, 1)), (0, 0, 1, 2)).ravel()
    array([0., 1., 0., 0.])
    """
    top, bottom, left, right = padding
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    if mode == "zeros":
        return np.pad(x, around)
    return np.pad(x, around, mode=PAD_MODES[mode])


def starts(size: int, extent: int, stride: int) -> range:
    """Where a window spanning ``extent`` pixels may start on a padded axis of ``size`` pixels.

    >>> list(starts(6, 3, 2))
    [0, 2]
    """
    return range(0, size - extent + 1, stride)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    padding_mode: str = "zeros",
) -> NDArray64:
    """The convolution of ``x`` (N, C, H, W) with ``weight`` (K, C / groups, kh, kw), in float64.

    ``padding`` is (top, bottom, left, right). The result is (N, K, OH, OW).

    >>> image = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> conv2d(image, np.ones((1, 1, 3, 3)))[0, 0]
    array([[45., 54.],
           [81., 90.]])
    """
    padded = pad(x.astype(np.float64), padding, padding_mode)
    kernels = weight.astype(np.float64)
    count, channels, height, width = kernels.shape
    reach_y, reach_x = dilation[0] * (height - 1) + 1, dilation[1] * (width - 1) + 1
    rows = starts(padded.shape[2], reach_y, stride[0])
    columns = starts(padded.shape[3], reach_x, stride[1])
    out = np.zeros((len(x), count, len(rows), len(columns)))
    for group in range(groups):
        reads = slice(group * channels, (group + 1) * channels)
        writes = slice(group * (count // groups), (group + 1) * (count // groups))
        for i, y in enumerate(rows):
            for j, left in enumerate(columns):
                window = padded[:, reads, y : y + reach_y : dilation[0], left : left + reach_x : dilation[1]]
                products = window[:, np.newaxis] * kernels[writes]
                out[:, writes, i, j] = products.sum(axis=(2, 3, 4))
    if bias is not None:
        out += bias.astype(np.float64).reshape(1, -1, 1, 1)
    return out


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    output_padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> NDArray64:
    """The transposed convolution of ``x`` (N, C, H, W) with ``weight`` (C, K / groups, kh, kw), in float64.

    Each input pixel stamps the kernel, scaled by itself, onto the output; where stamps overlap they add.
    ``padding`` is cut off the result, ``output_padding`` added below and to the right before the cut.

    >>> conv_transpose2d(np.ones((1, 1, 1, 2)), np.array([[[[1.0, 2.0, 3.0]]]])).ravel()
    array([1., 3., 5., 3.])
    """
    n, channels, height, width = x.shape
    per_group, kh, kw = weight.shape[1:]
    reach_y, reach_x = dilation[0] * (kh - 1) + 1, dilation[1] * (kw - 1) + 1
    full_h = (height - 1) * stride[0] + reach_y + output_padding[0]
    full_w = (width - 1) * stride[1] + reach_x + output_padding[1]
    full = np.zeros((n, per_group * groups, full_h, full_w))
    for c in range(channels):
        group = c // (channels // groups)
        writes = slice(group * per_group, (group + 1) * per_group)
        for i in range(height):
            for j in range(width):
                y, left = i * stride[0], j * stride[1]
                stamp = x[:, c, i, j].astype(np.float64).reshape(n, 1, 1, 1) * weight[c].astype(np.float64)
                full[:, writes, y : y + reach_y : dilation[0], left : left + reach_x : dilation[1]] += stamp
    top, bottom, left, right = padding
    out = full[:, :, top : full_h - bottom, left : full_w - right]
    if bias is not None:
        out = out + bias.astype(np.float64).reshape(1, -1, 1, 1)
    return out


NDArray64 = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
