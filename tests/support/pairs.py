"""Random networks in two forms at once: striate's nodes, and a torch function whose weights are all one.

The gradient of a unit of the torch form is, at each input element, the number of paths that lead to it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor
from torch.nn import functional

from striate.geometry import Border
from striate.network import Network
from support.oracle import Builder

TORCH_PADS = {
    Border.ZERO: "constant",
    Border.REFLECT: "reflect",
    Border.REPLICATE: "replicate",
    Border.CIRCULAR: "circular",
}


class Pair:
    """A network under construction over one (1, C, H, W) tensor; ``counts`` while every torch weight is one."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.shape = (1, random.choice([1, 2, 4]), random.randint(3, 7), random.randint(3, 7))
        self.builder = Builder(*self.shape)
        self.image = torch.rand(self.shape, dtype=torch.float64).requires_grad_(True)
        self.value, self.tensor, self.counts = self.image, "image", True

    def grow(self, layers: int) -> None:
        """Append up to ``layers`` random operators that keep the tensor small and not empty."""
        for _ in range(layers):
            OPERATORS[self.random.choice(sorted(OPERATORS))](self)
            assert tuple(self.value.shape) == self.builder.shapes[self.tensor]

    def put(self, value: Tensor, tensor: str) -> None:
        self.value, self.tensor = value, tensor

    def network(self) -> Network:
        if not self.builder.nodes:
            self.put(self.value * 1, self.builder("elementwise", self.tensor))
        return self.builder.network()

    def paths(self, index: tuple[int | slice, ...]) -> Tensor:
        """Paths from every input element to some elements of the last tensor together, by autograd."""
        (gradient,) = torch.autograd.grad(self.value[index].sum(), self.image, retain_graph=True, allow_unused=True)
        return torch.zeros(self.shape, dtype=torch.float64) if gradient is None else gradient

    def pads(self, most: int = 2) -> tuple[tuple[int, int], tuple[int, int]]:
        first, second = ((self.random.randint(0, most), self.random.randint(0, most)) for _ in range(2))
        return first, second


def small(p: Pair) -> bool:
    return max(p.value.shape[2:]) <= 8 and p.value.shape[1] <= 8


def torch_pad(x: Tensor, pads: tuple[tuple[int, int], ...], border: Border) -> Tensor:
    (top, bottom), (left, right) = pads
    return functional.pad(x, (left, right, top, bottom), TORCH_PADS[border])


def conv(p: Pair) -> None:
    channels, out = p.value.shape[1], p.random.choice([2, 4])
    groups = p.random.choice([g for g in (1, 2, 4) if channels % g == 0 and out % g == 0])
    kernel, stride, dilation = ([p.random.randint(1, m) for _ in range(2)] for m in (3, 2, 2))
    border, pads = p.random.choice(list(TORCH_PADS)), p.pads()
    padded = torch_pad(p.value, pads, border)
    if any(n <= d * (k - 1) for n, d, k in zip(padded.shape[2:], dilation, kernel, strict=True)):
        return
    weight = torch.ones(out, channels // groups, *kernel, dtype=torch.float64)
    p.put(
        functional.conv2d(padded, weight, None, stride, 0, dilation, groups),
        p.builder("conv", p.tensor, out_channels=out, kernel=tuple(kernel), stride=tuple(stride), groups=groups,
                  dilation=tuple(dilation), padding=pads, border=border),
    )


def pool(p: Pair) -> None:
    kernel, stride, ceil = p.random.randint(2, 3), p.random.randint(1, 3), p.random.random() < 0.5
    pad = p.random.randint(0, kernel // 2)
    p.put(
        functional.avg_pool2d(p.value, kernel, stride, pad, ceil, True, 1),
        p.builder("pool", p.tensor, kernel=(kernel,) * 2, stride=(stride,) * 2, padding=((pad, pad),) * 2, ceil=ceil),
    ) if min(p.value.shape[2:]) + 2 * pad >= kernel else None


def conv_transpose(p: Pair) -> None:
    if not small(p):
        return
    channels, stride, kernel = p.value.shape[1], p.random.randint(1, 3), p.random.randint(1, 3)
    extra, pad = p.random.randint(0, stride - 1), p.random.randint(0, (kernel - 1) // 2)
    weight = torch.ones(channels, 2, kernel, kernel, dtype=torch.float64)
    p.put(
        functional.conv_transpose2d(p.value, weight, None, stride, pad, extra),
        p.builder("conv_transpose", p.tensor, out_channels=2, kernel=(kernel,) * 2, stride=(stride,) * 2,
                  padding=((pad, pad),) * 2, output_padding=(extra,) * 2),
    )


def pad(p: Pair) -> None:
    border, pads = p.random.choice(list(TORCH_PADS)), p.pads()
    p.put(torch_pad(p.value, pads, border), p.builder("pad", p.tensor, pads=((0, 0), (0, 0), *pads), border=border))


def crop(p: Pair) -> None:
    if min(p.value.shape[2:]) > 3:
        p.put(functional.pad(p.value, (-1, 1, 0, -2)),
              p.builder("pad", p.tensor, pads=((0, 0), (0, 0), (0, -2), (-1, 1))))


def stepped_slice(p: Pair) -> None:
    start, step = p.random.randint(0, min(1, p.value.shape[2] - 1)), p.random.randint(1, 3)
    value = p.value[:, :, start::step]
    count = value.shape[2]
    p.put(value, p.builder("slice", p.tensor, axes=(2,), starts=(start,), counts=(count,), steps=(step,)))


def flip(p: Pair) -> None:
    n = p.value.shape[3]
    p.put(p.value.flip(3), p.builder("slice", p.tensor, axes=(3,), starts=(n - 1,), counts=(n,), steps=(-1,)))


def halves(p: Pair) -> None:
    channels = p.value.shape[1]
    if channels % 2:
        return
    first, second = p.value.chunk(2, 1)
    parts = p.builder("split", p.tensor, axis=1, sizes=(channels // 2,) * 2)
    blurred = functional.conv2d(second, torch.ones(2, channels // 2, 3, 3, dtype=torch.float64), padding=1)
    other = p.builder("conv", f"{parts}.1", out_channels=2, kernel=(3, 3), padding=((1, 1),) * 2)
    p.put(torch.cat([blurred, first], 1), p.builder("concat", other, parts, axis=1))


def residual(p: Pair) -> None:
    channels = p.value.shape[1]
    weight = torch.ones(channels, 1, 3, 1, dtype=torch.float64)
    branch = p.builder("conv", p.tensor, out_channels=channels, groups=channels, kernel=(3, 1),
                       padding=((1, 1), (0, 0)))
    p.put(p.value + functional.conv2d(p.value, weight, None, 1, (1, 0), 1, channels),
          p.builder("elementwise", p.tensor, branch))


def transpose(p: Pair) -> None:
    p.put(p.value.permute(0, 1, 3, 2), p.builder("transpose", p.tensor, order=(0, 1, 3, 2)))


def channels_last(p: Pair) -> None:
    if max(p.value.shape[1:]) <= 8:
        p.put(p.value.permute(0, 3, 1, 2), p.builder("transpose", p.tensor, order=(0, 3, 1, 2)))


def tokens(p: Pair) -> None:
    shape = tuple(p.value.shape)
    flat = p.value.reshape(1, shape[1], shape[2] * shape[3])
    view = p.builder("reshape", p.tensor, shape=tuple(flat.shape))
    halved = flat[:, :, ::2]
    count = halved.shape[2]
    view = p.builder("slice", view, axes=(2,), starts=(0,), counts=(count,), steps=(2,))
    p.put(halved.reshape(1, shape[1], 1, count), p.builder("reshape", view, shape=(1, shape[1], 1, count)))


def regroup(p: Pair) -> None:
    _, c, h, w = p.value.shape
    if w <= 8 and c * h <= 32:
        p.put(p.value.reshape(1, w, c, h), p.builder("reshape", p.tensor, shape=(1, w, c, h)))


def blocks(p: Pair) -> None:
    _, c, h, w = p.value.shape
    if h % 2:
        return
    value = p.value.reshape(1, c, h // 2, 2, w)
    value = value + value.sum(3, keepdim=True)
    x = p.builder("mix", p.builder("reshape", p.tensor, shape=(1, c, h // 2, 2, w)), axes=(3,))
    p.put(value.reshape(1, c, h, w), p.builder("reshape", x, shape=(1, c, h, w)))


def pixel_shuffle(p: Pair) -> None:
    if p.value.shape[1] % 4 == 0 and small(p):
        p.put(functional.pixel_shuffle(p.value, 2), p.builder("depth_to_space", p.tensor, block=2))


def pixel_unshuffle(p: Pair) -> None:
    if p.value.shape[2] % 2 == 0 and p.value.shape[3] % 2 == 0 and p.value.shape[1] <= 4:
        p.put(functional.pixel_unshuffle(p.value, 2), p.builder("space_to_depth", p.tensor, block=2))


def channel_shuffle(p: Pair) -> None:
    if p.value.shape[1] % 2 == 0:
        p.put(functional.channel_shuffle(p.value, 2), p.builder("channel_shuffle", p.tensor, groups=2))


def nearest(p: Pair) -> None:
    if small(p):
        size = (p.random.randint(2, 9), p.random.randint(2, 9))
        p.put(functional.interpolate(p.value, size), p.builder(
            "resize", p.tensor, axes=(2, 3), size=size, coordinates="asymmetric", nearest=("floor",) * 2))


def bilinear(p: Pair) -> None:
    if small(p):
        size = (p.random.randint(2, 9), p.random.randint(2, 9))
        p.put(functional.interpolate(p.value, size, mode="bilinear", align_corners=False), p.builder(
            "resize", p.tensor, axes=(2, 3), size=size, mode="linear", coordinates="half_pixel"))
        p.counts = False


def adaptive(p: Pair) -> None:
    size = (p.random.randint(2, 4), 3)
    p.put(functional.adaptive_avg_pool2d(p.value, size), p.builder("adaptive_pool", p.tensor, size=size))
    p.counts = False


def unfold(p: Pair) -> None:
    _, c, h, w = p.value.shape
    if c > 4 or min(h, w) < 3:
        return
    columns = functional.unfold(p.value, 2, dilation=2, padding=1, stride=(2, 1))
    x = p.builder("unfold", p.tensor, kernel=(2, 2), dilation=(2, 2), padding=((1, 1),) * 2, stride=(2, 1))
    shape = (1, columns.shape[1], h // 2 + h % 2, w)
    p.put(columns.reshape(shape), p.builder("reshape", x, shape=shape))


def sliding(p: Pair) -> None:
    if p.value.shape[3] >= 3:
        value = p.value.unfold(3, 3, 2).sum(4)
        x = p.builder("sliding", p.tensor, axis=3, size=3, step=2)
        p.put(value, p.builder("reduce", x, axes=(4,), keepdims=False))


def gate(p: Pair) -> None:
    squeezed = p.builder("reduce", p.tensor, axes=(2, 3))
    p.put(p.value + p.value.sum((2, 3), keepdim=True), p.builder("elementwise", p.tensor, squeezed))


def softmax(p: Pair) -> None:
    p.put(p.value + p.value.sum(1, keepdim=True), p.builder("mix", p.tensor, axes=(1,)))


def group_norm(p: Pair) -> None:
    shape = p.value.shape
    if shape[1] % 2 == 0:
        grouped = p.value.reshape(1, 2, -1)
        spread = grouped.sum(2, keepdim=True).expand_as(grouped).reshape(shape)
        p.put(p.value + spread, p.builder("mix", p.tensor, axes=(2, 3), groups=2))


def linear(p: Pair) -> None:
    value = p.value.sum(3, keepdim=True).expand(-1, -1, -1, 3)
    p.put(value, p.builder("linear", p.tensor, out_features=3))


def matmul(p: Pair) -> None:
    turned = p.builder("transpose", p.tensor, order=(0, 1, 3, 2))
    value = p.value.sum(3, keepdim=True) + p.value.transpose(2, 3).sum(2, keepdim=True)
    p.put(value, p.builder("matmul", p.tensor, turned))


def scan(p: Pair) -> None:
    if p.random.random() < 0.5:
        p.put(p.value.cumsum(3), p.builder("scan", p.tensor, axis=3))
    else:
        p.put(p.value.flip(2).cumsum(2).flip(2), p.builder("scan", p.tensor, axis=2, reverse=True))


def roll(p: Pair) -> None:
    p.put(p.value.roll((1, -2), (2, 3)), p.builder("roll", p.tensor, axes=(2, 3), shifts=(1, -2)))


def repeat(p: Pair) -> None:
    if small(p):
        p.put(p.value.repeat_interleave(2, 2), p.builder("repeat_interleave", p.tensor, axis=2, repeats=2))


def tile(p: Pair) -> None:
    if small(p):
        p.put(p.value.tile(1, 1, 1, 2), p.builder("tile", p.tensor, repeats=(1, 1, 1, 2)))


def gather(p: Pair) -> None:
    n = p.value.shape[2]
    indices = tuple(p.random.randrange(n) for _ in range(p.random.randint(1, 5)))
    value = p.value.index_select(2, torch.tensor(indices))
    p.put(value, p.builder("gather", p.tensor, axis=2, indices=indices))


OPERATORS: dict[str, Callable[[Pair], None]] = {
    function.__name__: function
    for function in (
        conv, pool, conv_transpose, pad, crop, stepped_slice, flip, halves, residual, transpose, channels_last, tokens,
        regroup, blocks, pixel_shuffle, pixel_unshuffle, channel_shuffle, nearest, bilinear, adaptive, unfold, sliding,
        gate, softmax, group_norm, linear, matmul, scan, roll, repeat, tile, gather,
    )
}


def random_pair(seed: int) -> Pair:
    """The pair of a seed, one to six operators deep."""
    random = Random(seed)
    torch.manual_seed(seed)
    pair = Pair(random)
    for _ in range(random.randint(1, 6)):
        try:
            pair.grow(1)
        except RuntimeError as refusal:
            if "adding size" not in str(refusal) and "Padding" not in str(refusal):
                raise
    return pair
