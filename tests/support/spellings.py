"""Some fifty functions, each written in torch in several ways that compute the same: all have the same fields.

Every spelling is the second layer of a small network, behind a 3x3 convolution, so that its local field is not a point.
The input is (1, 8, 12, 16) unless a case says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHAPE = (1, 8, 12, 16)
Function = Callable[["Spelled", Tensor], Tensor]


class Spelled(nn.Module):
    """A 3x3 convolution, then a function that may use ``weight``, ``second`` (learned) and ``layer`` (a module)."""

    weight: Tensor
    second: Tensor
    layer: Any

    def __init__(self, function: Function, weights: tuple[tuple[int, ...], ...], layer: nn.Module | None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.before = nn.Conv2d(8, 8, 3, padding=1)
        with torch.no_grad():
            for parameter in self.before.parameters():
                parameter.uniform_(0.1, 0.5, generator=generator)
        for name, shape in zip(("weight", "second"), weights, strict=False):
            setattr(self, name, nn.Parameter(torch.rand(shape, generator=generator) + 0.1))
        self.layer = layer
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.before(x))


@dataclass(frozen=True)
class Case:
    """One function: its spellings by name, the shapes of its learned weights, a layer for those that use one."""

    name: str
    spellings: Mapping[str, Function]
    weights: tuple[tuple[int, ...], ...] = ()
    layer: Callable[[], nn.Module] = nn.Identity
    shape: tuple[int, ...] = SHAPE

    def module(self, spelling: str) -> nn.Module:
        """The network of one spelling, in eval mode; all spellings have the same weights."""
        torch.manual_seed(0)
        return Spelled(self.spellings[spelling], self.weights, self.layer()).eval()


def gated(left: Tensor, right: Tensor) -> Tensor:
    return torch.mul(torch.clone(left), torch.sigmoid(right))


def to_itself(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def moments(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    mean = x.mean(axes, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(axes, keepdim=True) + 1e-5)


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def picture(t: Tensor) -> Tensor:
    return t.transpose(1, 2).reshape(1, -1, 12, 16)


def taps(x: Tensor, size: int, step: int = 1) -> list[Tensor]:
    """The zero-padded picture shifted to every tap of a centred window, row-major."""
    reach = step * (size - 1) // 2
    wide = F.pad(x, (reach,) * 4)
    height, width = x.shape[2:]
    return [
        wide[:, :, i * step : i * step + height, j * step : j * step + width] for i in range(size) for j in range(size)
    ]


def shifted_sum(m: Spelled, x: Tensor, step: int = 1) -> Tensor:
    parts = [
        F.conv2d(part, m.weight[:, :, k // 3, k % 3, None, None]) for k, part in enumerate(taps(x, 3, step))
    ]
    return torch.stack(parts).sum(0)


def slice_shift(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., 1:] = x[..., :-1]
    return y


def channel_shift_written(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :2, :, :-1] = x[:, :2, :, 1:]
    y[:, 2:4, :, 1:] = x[:, 2:4, :, :-1]
    y[:, 4:] = x[:, 4:]
    return y


def written_into_zeros(x: Tensor) -> Tensor:
    y = x.new_zeros(1, 8, 14, 19)
    y[:, :, 1:13, 2:18] = x
    return y


def zeros(x: Tensor, height: int, width: int) -> Tensor:
    return torch.zeros(1, 8, height, width, dtype=x.dtype, device=x.device)


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.softmax(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5, -1) @ v


def attended_by_einsum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (torch.einsum("bid,bjd->bij", q, k) * q.shape[-1] ** -0.5).softmax(-1)
    return torch.einsum("bij,bjd->bid", weights, v)


def windows(x: Tensor) -> Tensor:
    """(windows, 16 tokens, 8 channels) of 4x4 windows."""
    return x.reshape(8, 3, 4, 4, 4).permute(1, 3, 2, 4, 0).reshape(12, 16, 8)


def from_windows(t: Tensor) -> Tensor:
    return t.reshape(3, 4, 4, 4, 8).permute(4, 0, 2, 1, 3).reshape(1, 8, 12, 16)


def windows_by_unfold(x: Tensor) -> Tensor:
    return F.unfold(x, 4, stride=4).reshape(8, 16, 12).permute(2, 1, 0)


def windows_by_convolution(t: Tensor) -> Tensor:
    return F.fold(t.permute(2, 1, 0).reshape(1, 128, 12), (12, 16), 4, stride=4)


def heads_by_hand(m: Spelled, x: Tensor) -> Tensor:
    t, layer = tokens(x), m.layer
    qkv = F.linear(t, layer.in_proj_weight, layer.in_proj_bias)
    q, k, v = (part.reshape(1, -1, 2, 4).transpose(1, 2) for part in qkv.chunk(3, -1))
    return picture(layer.out_proj(attended(q, k, v).transpose(1, 2).reshape(1, -1, 8)))


def heads_by_three(m: Spelled, x: Tensor) -> Tensor:
    t, layer = tokens(x), m.layer
    pairs = zip(layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3), strict=True)
    q, k, v = (F.linear(t, weight, bias).reshape(1, -1, 2, 4).transpose(1, 2) for weight, bias in pairs)
    return picture(layer.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)))


def with_class_token(m: Spelled, x: Tensor, attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    t = torch.cat([m.weight, tokens(x)], 1)
    return picture(attend(t, t, t)[:, 1:])


def group_norm_by_hand(x: Tensor) -> Tensor:
    return moments(x.reshape(1, 2, 4, 12, 16), (2, 3, 4)).reshape(1, 8, 12, 16)


def uneven_pool(x: Tensor) -> Tensor:
    rows = [x[:, :, 12 * i // 5 : -(-12 * (i + 1) // 5)].mean(2) for i in range(5)]
    y = torch.stack(rows, 2)
    return torch.stack([y[..., 16 * j // 7 : -(-16 * (j + 1) // 7)].mean(3) for j in range(7)], 3)


def unshuffled(x: Tensor) -> Tensor:
    parts = [x[:, :, i::2, j::2] for i in range(2) for j in range(2)]
    return torch.stack(parts, 2).flatten(1, 2)


def shuffled_by_writes(x: Tensor) -> Tensor:
    y = x.new_zeros(1, 2, 24, 32)
    for k in range(4):
        y[:, :, k // 2 :: 2, k % 2 :: 2] = x[:, k::4]
    return y


def upsampled_by_expand(x: Tensor) -> Tensor:
    return x[:, :, :, None, :, None].expand(1, 8, 12, 2, 16, 2).reshape(1, 8, 24, 32)


def banded(x: Tensor) -> Tensor:
    squares = F.pad(x[:, None] ** 2, (0, 0, 0, 0, 1, 1))
    return x / (F.avg_pool3d(squares, (3, 1, 1), stride=1)[:, 0] * 1e-4 + 1) ** 0.75


def gate(x: Tensor, weight: Tensor, pooled: Tensor) -> Tensor:
    return x * torch.sigmoid(F.conv2d(pooled, weight, padding=1))


def excite(m: Spelled, x: Tensor, s: Tensor) -> Tensor:
    """``s`` is (1, 8)."""
    return x * torch.sigmoid(F.relu(s @ m.weight.t()) @ m.second.t())[:, :, None, None]


def excite_by_convolution(m: Spelled, x: Tensor) -> Tensor:
    s = F.relu(F.conv2d(F.adaptive_avg_pool2d(x, 1), m.weight[:, :, None, None]))
    return x * F.conv2d(s, m.second[:, :, None, None]).sigmoid()


def depthwise_by_split(m: Spelled, x: Tensor) -> Tensor:
    return torch.cat([F.conv2d(x[:, c : c + 1], m.weight[c : c + 1], padding=1) for c in range(8)], 1)


def depthwise_by_taps(m: Spelled, x: Tensor) -> Tensor:
    return torch.stack([t * m.weight[:, 0, k // 3, k % 3, None, None] for k, t in enumerate(taps(x, 3))]).sum(0)


def depthwise_by_unfold(m: Spelled, x: Tensor) -> Tensor:
    columns = F.unfold(x, 3, padding=1).reshape(1, 8, 9, 12 * 16)
    return (columns * m.weight.reshape(8, 9, 1)).sum(2).reshape(1, 8, 12, 16)


def patches(x: Tensor) -> Tensor:
    """(1, 6, 8, 32): the 2x2 patches with the channel first in each."""
    return x.reshape(1, 8, 6, 2, 8, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 6, 8, 32)


def blown_up(m: Spelled, x: Tensor) -> Tensor:
    y = torch.einsum("nchw,coij->nohiwj", x, m.weight)
    return y.reshape(1, 4, 24, 32)


def strip(x: Tensor) -> Tensor:
    return x * x.mean(3, keepdim=True).expand(1, 8, 12, 16)


CASES = (
    Case("group norm", {
        "function": lambda m, x: F.group_norm(x, 2),
        "module": lambda m, x: m.layer(x),
        "by hand": lambda m, x: group_norm_by_hand(x),
        "instance norm of a view": lambda m, x: F.instance_norm(x.reshape(1, 2, -1)).reshape(1, 8, 12, 16),
        "layer norm of a view": lambda m, x: F.layer_norm(x.reshape(1, 2, -1), (768,)).reshape(x.shape),
    }, layer=lambda: nn.GroupNorm(2, 8)),
    Case("instance norm", {
        "function": lambda m, x: F.instance_norm(x),
        "module": lambda m, x: m.layer(x),
        "by hand": lambda m, x: moments(x, (2, 3)),
        "group norm": lambda m, x: F.group_norm(x, 8),
        "layer norm of a view": lambda m, x: F.layer_norm(x.flatten(2), (192,)).reshape(x.shape),
    }, layer=lambda: nn.InstanceNorm2d(8)),
    Case("layer norm of channels", {
        "permute": lambda m, x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2),
        "movedim": lambda m, x: m.layer(x.movedim(1, -1)).movedim(-1, 1),
        "by hand": lambda m, x: moments(x, (1,)),
        "tokens": lambda m, x: picture(F.layer_norm(tokens(x), (8,))),
    }, layer=lambda: nn.LayerNorm(8)),
    Case("layer norm of everything", {
        "function": lambda m, x: F.layer_norm(x, (8, 12, 16)),
        "by hand": lambda m, x: moments(x, (1, 2, 3)),
        "one group": lambda m, x: F.group_norm(x, 1),
        "flattened": lambda m, x: F.layer_norm(x.flatten(1), (1536,)).reshape(x.shape),
    }),
    Case("RMS norm of channels", {
        "function": lambda m, x: F.rms_norm(x.permute(0, 2, 3, 1), (8,), eps=1e-5).permute(0, 3, 1, 2),
        "by hand": lambda m, x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-5),
        "tokens": lambda m, x: picture(tokens(x) / (tokens(x) ** 2).mean(-1, keepdim=True).add(1e-5).sqrt()),
    }),
    Case("unit length of channels", {
        "function": lambda m, x: F.normalize(x, dim=1),
        "norm": lambda m, x: x / x.norm(dim=1, keepdim=True),
        "squares": lambda m, x: x / (x * x).sum(1, keepdim=True).sqrt(),
        "vector norm": lambda m, x: x / torch.linalg.vector_norm(x, dim=1, keepdim=True),
    }),
    Case("batch norm in inference", {
        "module": lambda m, x: m.layer(x),
        "function": lambda m, x: F.batch_norm(x, m.layer.running_mean, m.layer.running_var),
        "by hand": lambda m, x: (x - m.layer.running_mean[:, None, None]) / (m.layer.running_var + 1e-5).sqrt()[
            :, None, None
        ],
        "depthwise convolution": lambda m, x: F.conv2d(
            x, (1 / (m.layer.running_var + 1e-5).sqrt())[:, None, None, None], groups=8
        ),
    }, layer=lambda: nn.BatchNorm2d(8)),
    Case("local response norm", {
        "function": lambda m, x: F.local_response_norm(x, 3),
        "by hand": lambda m, x: banded(x),
    }),
    Case("softmax of rows", {
        "function": lambda m, x: F.softmax(x, -1),
        "by hand": lambda m, x: torch.exp(x) / torch.exp(x).sum(-1, keepdim=True),
        "logarithm": lambda m, x: F.log_softmax(x, 3).exp(),
        "log-sum-exp": lambda m, x: (x - torch.logsumexp(x, 3, keepdim=True)).exp(),
    }),
    Case("softmax of the picture", {
        "flattened": lambda m, x: x.flatten(2).softmax(-1).reshape(x.shape),
        "by hand": lambda m, x: x.exp() / x.exp().sum((2, 3), keepdim=True),
        "log-sum-exp": lambda m, x: (x - torch.logsumexp(x, (2, 3), keepdim=True)).exp(),
    }),
    Case("global mean", {
        "mean": lambda m, x: x.mean((2, 3), keepdim=True),
        "adaptive pool": lambda m, x: F.adaptive_avg_pool2d(x, 1),
        "pool": lambda m, x: F.avg_pool2d(x, (12, 16)),
        "flattened": lambda m, x: x.flatten(2).mean(2)[:, :, None, None],
        "one axis at a time": lambda m, x: x.mean(2, keepdim=True).mean(3, keepdim=True),
        "sum": lambda m, x: x.sum((2, 3), keepdim=True) / 192,
        "einsum": lambda m, x: (torch.einsum("nchw->nc", x) / 192)[:, :, None, None],
    }),
    Case("global maximum", {
        "amax": lambda m, x: x.amax((2, 3), keepdim=True),
        "adaptive pool": lambda m, x: F.adaptive_max_pool2d(x, 1),
        "pool": lambda m, x: F.max_pool2d(x, (12, 16)),
        "flattened": lambda m, x: x.flatten(2).max(2)[0][:, :, None, None],
    }),
    Case("squeeze and excite", {
        "mean": lambda m, x: excite(m, x, x.mean((2, 3))),
        "adaptive pool": lambda m, x: excite(m, x, F.adaptive_avg_pool2d(x, 1).flatten(1)),
        "convolution": excite_by_convolution,
        "linear": lambda m, x: x * F.linear(F.relu(F.linear(x.mean((2, 3)), m.weight)), m.second).sigmoid().reshape(
            1, 8, 1, 1
        ),
    }, weights=((4, 8), (8, 4))),
    Case("strip pooling", {
        "mean": lambda m, x: strip(x),
        "adaptive pool": lambda m, x: x * F.adaptive_avg_pool2d(x, (None, 1)),
        "pool": lambda m, x: x * F.interpolate(F.avg_pool2d(x, (1, 16)), size=(12, 16)),
        "repeat": lambda m, x: x * x.mean(3, keepdim=True).repeat(1, 1, 1, 16),
    }),
    Case("spatial gate", {
        "cat": lambda m, x: gate(x, m.weight, torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)),
        "max": lambda m, x: gate(x, m.weight, torch.cat([x.max(1, keepdim=True)[0], x.sum(1, keepdim=True) / 8], 1)),
        "stack": lambda m, x: gate(x, m.weight, torch.stack([x.amax(1), x.mean(1)], 1)),
    }, weights=((1, 2, 3, 3),)),
    Case("dense over channels", {
        "convolution": lambda m, x: F.conv2d(x, m.weight[:, :, None, None]),
        "linear": lambda m, x: F.linear(x.permute(0, 2, 3, 1), m.weight).permute(0, 3, 1, 2),
        "another order": lambda m, x: F.linear(x.permute(2, 0, 3, 1), m.weight).permute(1, 3, 0, 2),
        "einsum": lambda m, x: torch.einsum("nchw,oc->nohw", x, m.weight),
        "matrix product": lambda m, x: (m.weight @ x.flatten(2)).reshape(1, 4, 12, 16),
        "batched": lambda m, x: torch.bmm(m.weight[None], x.flatten(2)).reshape(1, 4, 12, 16),
        "tensordot": lambda m, x: torch.tensordot(x, m.weight, ([1], [1])).permute(0, 3, 1, 2),
        "tokens": lambda m, x: (tokens(x) @ m.weight.t()).transpose(1, 2).reshape(1, 4, 12, 16),
        "one dimension": lambda m, x: F.conv1d(x.flatten(2), m.weight[:, :, None]).unflatten(2, (12, 16)),
        "rows": lambda m, x: F.linear(x[0].flatten(1).t(), m.weight).t().reshape(1, 4, 12, 16),
    }, weights=((4, 8),)),
    Case("dense over the width", {
        "linear": lambda m, x: F.linear(x, m.weight),
        "einsum": lambda m, x: torch.einsum("nchw,ow->ncho", x, m.weight),
        "matrix product": lambda m, x: x @ m.weight.t(),
        "convolution": lambda m, x: F.conv2d(x.permute(0, 3, 1, 2), m.weight[:, :, None, None]).permute(0, 2, 3, 1),
        "full kernel": lambda m, x: F.conv2d(x.reshape(8, 1, 12, 16), m.weight[:, None, None, :]).squeeze(3).transpose(
            1, 2
        )[None],
    }, weights=((10, 16),)),
    Case("dense over everything", {
        "flatten": lambda m, x: F.linear(x.flatten(1), m.weight.flatten(1))[:, :, None, None],
        "convolution": lambda m, x: F.conv2d(x, m.weight),
        "einsum": lambda m, x: torch.einsum("nchw,ochw->no", x, m.weight)[:, :, None, None],
        "matrix product": lambda m, x: (x.reshape(1, -1) @ m.weight.reshape(5, -1).t()).reshape(1, 5, 1, 1),
    }, weights=((5, 8, 12, 16),)),
    Case("3x3 convolution", {
        "convolution": lambda m, x: F.conv2d(x, m.weight, padding=1),
        "same": lambda m, x: F.conv2d(x, m.weight, padding="same"),
        "pad first": lambda m, x: F.conv2d(F.pad(x, (1, 1, 1, 1)), m.weight),
        "unfold": lambda m, x: (m.weight.flatten(1) @ F.unfold(x, 3, padding=1)).reshape(1, 8, 12, 16),
        "windows": lambda m, x: torch.einsum(
            "nchwij,ocij->nohw", F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1), m.weight
        ),
        "shifted sum": shifted_sum,
    }, weights=((8, 8, 3, 3),)),
    Case("dilated convolution", {
        "convolution": lambda m, x: F.conv2d(x, m.weight, padding=2, dilation=2),
        "shifted sum": lambda m, x: shifted_sum(m, x, 2),
        "unfold": lambda m, x: (m.weight.flatten(1) @ F.unfold(x, 3, dilation=2, padding=2)).reshape(1, 8, 12, 16),
    }, weights=((8, 8, 3, 3),)),
    Case("causal convolution", {
        "pad": lambda m, x: F.conv2d(F.pad(x, (2, 0)), m.weight),
        "crop": lambda m, x: F.conv2d(x, m.weight, padding=(0, 2))[..., :-2],
        "cat": lambda m, x: F.conv2d(torch.cat([zeros(x, 12, 2), x], 3), m.weight),
        "one dimension": lambda m, x: F.conv1d(F.pad(x[0].transpose(0, 1), (2, 0)), m.weight[:, :, 0]).transpose(
            0, 1
        )[None],
    }, weights=((8, 8, 1, 3),)),
    Case("depthwise convolution", {
        "groups": lambda m, x: F.conv2d(x, m.weight, padding=1, groups=8),
        "split": depthwise_by_split,
        "taps": depthwise_by_taps,
        "unfold": depthwise_by_unfold,
    }, weights=((8, 1, 3, 3),)),
    Case("grouped convolution", {
        "groups": lambda m, x: F.conv2d(x, m.weight, padding=1, groups=2),
        "split": lambda m, x: torch.cat(
            [F.conv2d(a, w, padding=1) for a, w in zip(x.split(4, 1), m.weight.split(3), strict=True)], 1
        ),
        "slices": lambda m, x: torch.cat(
            (F.conv2d(x[:, :4], m.weight[:3], padding=1), F.conv2d(x[:, 4:], m.weight[3:], padding=1)), 1
        ),
    }, weights=((6, 4, 3, 3),)),
    Case("patch embedding", {
        "convolution": lambda m, x: F.conv2d(x, m.weight, stride=2),
        "unshuffle": lambda m, x: F.conv2d(F.pixel_unshuffle(x, 2), m.weight.reshape(5, 32, 1, 1)),
        "unfold": lambda m, x: (m.weight.flatten(1) @ F.unfold(x, 2, stride=2)).reshape(1, 5, 6, 8),
        "linear": lambda m, x: F.linear(patches(x), m.weight.flatten(1)).permute(0, 3, 1, 2),
    }, weights=((5, 8, 2, 2),)),
    Case("transposed convolution", {
        "function": lambda m, x: F.conv_transpose2d(x, m.weight, stride=2),
        "shuffle": lambda m, x: F.pixel_shuffle(
            F.conv2d(x, m.weight.permute(1, 2, 3, 0).reshape(16, 8, 1, 1)), 2
        ),
        "einsum": blown_up,
    }, weights=((8, 4, 2, 2),)),
    Case("pixel shuffle", {
        "function": lambda m, x: F.pixel_shuffle(x, 2),
        "module": lambda m, x: m.layer(x),
        "views": lambda m, x: x.view(1, 2, 2, 2, 12, 16).permute(0, 1, 4, 2, 5, 3).reshape(1, 2, 24, 32),
        "writes": lambda m, x: shuffled_by_writes(x),
    }, layer=lambda: nn.PixelShuffle(2)),
    Case("pixel unshuffle", {
        "function": lambda m, x: F.pixel_unshuffle(x, 2),
        "views": lambda m, x: x.view(1, 8, 6, 2, 8, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 32, 6, 8),
        "slices": lambda m, x: unshuffled(x),
        "unfold": lambda m, x: F.unfold(x, 2, stride=2).reshape(1, 32, 6, 8),
    }),
    Case("nearest upsampling", {
        "factor": lambda m, x: F.interpolate(x, scale_factor=2),
        "size": lambda m, x: F.interpolate(x, size=(24, 32)),
        "module": lambda m, x: m.layer(x),
        "repeat": lambda m, x: x.repeat_interleave(2, 2).repeat_interleave(2, 3),
        "expand": lambda m, x: upsampled_by_expand(x),
        "indices": lambda m, x: x[:, :, torch.arange(24) // 2][..., torch.arange(32) // 2],
        "stack": lambda m, x: torch.stack([torch.stack([x, x], 4).flatten(3)] * 2, 3).reshape(1, 8, 24, 32),
    }, layer=lambda: nn.Upsample(scale_factor=2)),
    Case("bilinear upsampling", {
        "factor": lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear"),
        "size": lambda m, x: F.interpolate(x, size=(24, 32), mode="bilinear", align_corners=False),
        "module": lambda m, x: m.layer(x),
        "one axis at a time": lambda m, x: F.interpolate(
            F.interpolate(x, size=(24, 16), mode="bilinear"), size=(24, 32), mode="bilinear"
        ),
    }, layer=lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    Case("zero padding", {
        "function": lambda m, x: F.pad(x, (2, 1, 1, 1)),
        "module": lambda m, x: m.layer(x),
        "cat": lambda m, x: torch.cat(
            [zeros(x, 1, 19), torch.cat([zeros(x, 12, 2), x, zeros(x, 12, 1)], 3), zeros(x, 1, 19)], 2
        ),
        "write": lambda m, x: written_into_zeros(x),
    }, layer=lambda: nn.ZeroPad2d((2, 1, 1, 1))),
    Case("reflecting padding", {
        "function": lambda m, x: F.pad(x, (2, 1, 0, 0), mode="reflect"),
        "module": lambda m, x: m.layer(x),
        "cat": lambda m, x: torch.cat([x[..., 1:3].flip(3), x, x[..., -2:-1]], 3),
        "indices": lambda m, x: x[..., [2, 1, *range(16), 14]],
    }, layer=lambda: nn.ReflectionPad2d((2, 1, 0, 0))),
    Case("replicating padding", {
        "function": lambda m, x: F.pad(x, (2, 1, 0, 0), mode="replicate"),
        "cat": lambda m, x: torch.cat([x[..., :1].expand(1, 8, 12, 2), x, x[..., -1:]], 3),
        "indices": lambda m, x: x[..., torch.arange(-2, 17).clamp(0, 15)],
    }),
    Case("circular padding", {
        "function": lambda m, x: F.pad(x, (2, 1, 0, 0), mode="circular"),
        "cat": lambda m, x: torch.cat([x[..., -2:], x, x[..., :1]], 3),
        "indices": lambda m, x: x[..., torch.arange(-2, 17) % 16],
    }),
    Case("crop", {
        "slice": lambda m, x: x[:, :, 2:-1, 3:],
        "negative padding": lambda m, x: F.pad(x, (-3, 0, -2, -1)),
        "narrow": lambda m, x: x.narrow(2, 2, 9).narrow(3, 3, 13),
        "split": lambda m, x: x.split((2, 9, 1), 2)[1].split((3, 13), 3)[1],
        "indices": lambda m, x: x.index_select(2, torch.arange(2, 11)).index_select(3, torch.arange(3, 16)),
    }),
    Case("every second pixel", {
        "slice": lambda m, x: x[:, :, ::2, ::2],
        "pool": lambda m, x: F.max_pool2d(x, 1, stride=2),
        "view": lambda m, x: x.reshape(1, 8, 6, 2, 8, 2)[:, :, :, 0, :, 0],
        "nearest": lambda m, x: F.interpolate(x, scale_factor=0.5),
        "indices": lambda m, x: x[:, :, torch.arange(0, 12, 2)][..., torch.arange(0, 16, 2)],
    }),
    Case("shift by one", {
        "write": lambda m, x: slice_shift(x),
        "cat": lambda m, x: torch.cat([zeros(x, 12, 1), x[..., :-1]], 3),
        "pad and crop": lambda m, x: F.pad(x, (1, 0))[..., :-1],
        "pad by minus one": lambda m, x: F.pad(x, (1, -1)),
    }),
    Case("channel shift", {
        "write": lambda m, x: channel_shift_written(x),
        "cat": lambda m, x: torch.cat(
            [
                torch.cat([x[:, :2, :, 1:], zeros(x, 12, 1)[:, :2]], 3),
                torch.cat([zeros(x, 12, 1)[:, :2], x[:, 2:4, :, :-1]], 3),
                x[:, 4:],
            ],
            1,
        ),
        "pad and cat": lambda m, x: torch.cat([F.pad(x[:, :2], (-1, 1)), F.pad(x[:, 2:4], (1, -1)), x[:, 4:]], 1),
    }),
    Case("roll", {
        "function": lambda m, x: torch.roll(x, 3, 3),
        "cat": lambda m, x: torch.cat([x[..., -3:], x[..., :-3]], 3),
        "indices": lambda m, x: x[..., (torch.arange(16) - 3) % 16],
    }),
    Case("flip", {
        "function": lambda m, x: x.flip(3),
        "indices": lambda m, x: x[..., torch.arange(15, -1, -1)],
        "fliplr": lambda m, x: torch.fliplr(x[0].permute(1, 2, 0)).permute(2, 0, 1)[None],
    }),
    Case("channel shuffle", {
        "views": lambda m, x: x.view(1, 2, 4, 12, 16).transpose(1, 2).reshape(1, 8, 12, 16),
        "module": lambda m, x: m.layer(x),
        "indices": lambda m, x: x[:, [0, 4, 1, 5, 2, 6, 3, 7]],
        "stack": lambda m, x: torch.stack([x[:, :4], x[:, 4:]], 2).flatten(1, 2),
    }, layer=lambda: nn.ChannelShuffle(2)),
    Case("mean pooling", {
        "pool": lambda m, x: F.avg_pool2d(x, 4),
        "adaptive pool": lambda m, x: F.adaptive_avg_pool2d(x, (3, 4)),
        "views": lambda m, x: x.reshape(1, 8, 3, 4, 4, 4).mean((3, 5)),
        "unfold": lambda m, x: F.unfold(x, 4, stride=4).reshape(1, 8, 16, 12).mean(2).reshape(1, 8, 3, 4),
        "windows": lambda m, x: x.unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5)),
    }),
    Case("mean pooling to an uneven size", {
        "adaptive pool": lambda m, x: F.adaptive_avg_pool2d(x, (5, 7)),
        "slices": lambda m, x: uneven_pool(x),
    }),
    Case("overlapping mean pooling", {
        "pool": lambda m, x: F.avg_pool2d(x, 3, 2, 1),
        "pad first": lambda m, x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2),
        "convolution": lambda m, x: F.conv2d(x, x.new_full((8, 1, 3, 3), 1 / 9), stride=2, padding=1, groups=8),
        "unfold": lambda m, x: F.unfold(x, 3, stride=2, padding=1).reshape(1, 8, 9, 48).mean(2).reshape(1, 8, 6, 8),
        "taps": lambda m, x: torch.stack([t[:, :, ::2, ::2] for t in taps(x, 3)]).mean(0),
    }),
    Case("maximum pooling", {
        "pool": lambda m, x: F.max_pool2d(x, 2),
        "adaptive pool": lambda m, x: F.adaptive_max_pool2d(x, (6, 8)),
        "views": lambda m, x: x.reshape(1, 8, 6, 2, 8, 2).amax((3, 5)),
        "slices": lambda m, x: torch.maximum(
            torch.maximum(x[:, :, ::2, ::2], x[:, :, ::2, 1::2]),
            torch.maximum(x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2]),
        ),
    }),
    Case("gated linear unit", {
        "function": lambda m, x: F.glu(x, 1),
        "chunk": lambda m, x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1].sigmoid(),
        "slices": lambda m, x: x[:, :4] * torch.sigmoid(x[:, 4:]),
        "split": lambda m, x: gated(*x.split(4, 1)),
    }),
    Case("GELU", {
        "function": lambda m, x: F.gelu(x),
        "by hand": lambda m, x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
        "distribution": lambda m, x: x * torch.special.ndtr(x),
    }),
    Case("hard swish", {
        "function": lambda m, x: F.hardswish(x),
        "by hand": lambda m, x: x * F.relu6(x + 3) / 6,
        "clamp": lambda m, x: x * (x + 3).clamp(0, 6) / 6,
    }),
    Case("attention of tokens", {
        "function": lambda m, x: picture(F.scaled_dot_product_attention(tokens(x), tokens(x), tokens(x))),
        "by hand": lambda m, x: picture(attended(tokens(x), tokens(x), tokens(x))),
        "einsum": lambda m, x: picture(attended_by_einsum(tokens(x), tokens(x), tokens(x))),
        "channels first": lambda m, x: (
            x.flatten(2) @ torch.softmax(tokens(x) @ x.flatten(2) * 8**-0.5, 2).transpose(1, 2)
        ).reshape(x.shape),
    }),
    Case("attention with heads", {
        "module": lambda m, x: picture(m.layer(tokens(x), tokens(x), tokens(x), need_weights=False)[0]),
        "with weights": lambda m, x: picture(m.layer(tokens(x), tokens(x), tokens(x))[0]),
        "by hand": heads_by_hand,
        "three layers": heads_by_three,
    }, layer=lambda: nn.MultiheadAttention(8, 2, batch_first=True)),
    Case("attention with a residual", {
        "function": lambda m, x: x + picture(F.scaled_dot_product_attention(tokens(x), tokens(x), tokens(x))),
        "by hand": lambda m, x: x + picture(attended(tokens(x), tokens(x), tokens(x))),
        "in tokens": lambda m, x: picture(tokens(x) + attended_by_einsum(tokens(x), tokens(x), tokens(x))),
    }),
    Case("attention with a class token", {
        "function": lambda m, x: with_class_token(m, x, F.scaled_dot_product_attention),
        "by hand": lambda m, x: with_class_token(m, x, attended),
        "einsum": lambda m, x: with_class_token(m, x, attended_by_einsum),
    }, weights=((1, 1, 8),)),
    Case("attention along rows", {
        "function": lambda m, x: to_itself(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
        "by hand": lambda m, x: attended(*[x.permute(0, 2, 3, 1)] * 3).permute(0, 3, 1, 2),
        "one row at a time": lambda m, x: torch.stack(
            [attended(*[x[:, :, i].transpose(1, 2)] * 3).transpose(1, 2) for i in range(12)], 2
        ),
    }),
    Case("attention in windows", {
        "views": lambda m, x: from_windows(attended(*[windows(x)] * 3)),
        "function": lambda m, x: from_windows(to_itself(windows(x))),
        "unfold": lambda m, x: windows_by_convolution(attended(*[windows_by_unfold(x)] * 3)),
    }),
    Case("channel attention", {
        "by hand": lambda m, x: (torch.softmax(x.flatten(2) @ tokens(x), -1) @ x.flatten(2)).reshape(x.shape),
        "function": lambda m, x: F.scaled_dot_product_attention(
            x.flatten(2), x.flatten(2), x.flatten(2), scale=1.0
        ).reshape(x.shape),
        "einsum": lambda m, x: torch.einsum(
            "ncd,ndhw->nchw", torch.einsum("nchw,ndhw->ncd", x, x).softmax(-1), x
        ),
    }),
    Case("running sum of rows", {
        "function": lambda m, x: x.cumsum(3),
        "another axis": lambda m, x: x.transpose(2, 3).cumsum(2).transpose(2, 3),
        "first axis": lambda m, x: x.permute(3, 0, 1, 2).cumsum(0).permute(1, 2, 3, 0),
    }),
)


def causal(n: int) -> Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril()


def near(n: int) -> Tensor:
    places = torch.arange(n)
    return (places[:, None] - places).abs() <= 2


def lowered(keep: Tensor) -> Tensor:
    """Zero where kept, else minus infinity."""
    return torch.zeros(keep.shape).masked_fill(~keep, float("-inf"))


def attended_where(x: Tensor, keep: Tensor) -> Tensor:
    """Attention of the rows' pixels, by hand."""
    t = x.permute(0, 2, 3, 1)
    scores = torch.where(keep, t @ t.transpose(2, 3) * 8**-0.5, float("-inf"))
    return (scores.softmax(3) @ t).permute(0, 3, 1, 2)


def attended_under(x: Tensor, mask: Tensor) -> Tensor:
    t = x.permute(0, 2, 3, 1)
    return (torch.softmax(t @ t.transpose(2, 3) * 8**-0.5 + mask, 3) @ t).permute(0, 3, 1, 2)


def attended_filled(x: Tensor, keep: Tensor) -> Tensor:
    t = x.permute(0, 2, 3, 1)
    scores = (t * 8**-0.5) @ t.transpose(2, 3)
    scores.masked_fill_(~keep, float("-inf"))
    return torch.einsum("nhij,nhjc->nchi", scores.softmax(3), t)


def rows_of(x: Tensor, **options: Any) -> Tensor:
    """Attention of the rows' pixels, by torch's function."""
    t = x.permute(0, 2, 3, 1)
    return F.scaled_dot_product_attention(t, t, t, **options).permute(0, 3, 1, 2)


def stripes() -> Tensor:
    return (torch.arange(16) // 3 % 2).float()


def zeroed(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., stripes() == 0] = 0
    return y


def inside() -> Tensor:
    return (torch.arange(16) - 7.5).abs() < 6


def written_ring(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., 2:14] = x[..., 2:14]
    return y


def emptied_ring(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., :2] = 0
    y[..., 14:].zero_()
    return y


def ringed(m: Spelled, x: Tensor, part: Tensor) -> Tensor:
    """A part of the picture with zeros left and right of it, times what a convolution makes of all."""
    return torch.relu(part) * F.conv2d(x, m.weight, padding=1)


MASKED = (
    Case("product with a part in zeros", {
        "pad": lambda m, x: ringed(m, x, F.pad(x[..., 2:14], (2, 2))),
        "mask": lambda m, x: ringed(m, x, x * inside()),
        "where": lambda m, x: ringed(m, x, torch.where(inside(), x, 0.0)),
        "masked fill": lambda m, x: ringed(m, x, x.masked_fill(~inside(), 0.0)),
        "write": lambda m, x: ringed(m, x, written_ring(x)),
        "write of zeros": lambda m, x: ringed(m, x, emptied_ring(x)),
        "cat": lambda m, x: ringed(m, x, torch.cat([zeros(x, 12, 2), x[..., 2:14], zeros(x, 12, 2)], 3)),
        "view": lambda m, x: ringed(m, x, F.pad(x.reshape(1, 96, 16)[:, :, 2:14], (2, 2)).reshape(x.shape)),
        "mask afterwards": lambda m, x: ringed(m, x, x) * inside(),
    }, weights=((8, 8, 3, 3),)),
    Case("causal attention", {
        "function": lambda m, x: rows_of(x, is_causal=True),
        "mask": lambda m, x: rows_of(x, attn_mask=causal(16)),
        "added mask": lambda m, x: rows_of(x, attn_mask=lowered(causal(16))),
        "where": lambda m, x: attended_where(x, causal(16)),
        "added": lambda m, x: attended_under(x, torch.full((16, 16), float("-inf")).triu(1)),
        "filled": lambda m, x: attended_filled(x, causal(16)),
    }),
    Case("attention to neighbours", {
        "mask": lambda m, x: rows_of(x, attn_mask=near(16)),
        "added mask": lambda m, x: rows_of(x, attn_mask=lowered(near(16))),
        "where": lambda m, x: attended_where(x, near(16)),
        "added": lambda m, x: attended_under(x, lowered(near(16))),
        "filled": lambda m, x: attended_filled(x, near(16)),
    }),
    Case("stripes", {
        "product": lambda m, x: x * stripes(),
        "where": lambda m, x: torch.where(stripes() > 0, x, 0.0),
        "masked fill": lambda m, x: x.masked_fill(stripes() == 0, 0.0),
        "write": lambda m, x: zeroed(x),
        "pieces": lambda m, x: torch.cat(
            [zeros(x, 12, k.numel()) if not on else x[..., k] for on, k in
             ((k[0] // 3 % 2 > 0, k) for k in torch.arange(16).split(3))], 3
        ),
        "diagonal": lambda m, x: x @ torch.diag(stripes()),
    }),
    Case("running sum", {
        "cumsum": lambda m, x: x.cumsum(3),
        "triangle": lambda m, x: x @ torch.ones(16, 16).triu(),
        "triangle on the left": lambda m, x: (torch.ones(16, 16).tril() @ x.transpose(2, 3)).transpose(2, 3),
        "linear": lambda m, x: F.linear(x, torch.ones(16, 16).tril()),
        "einsum": lambda m, x: torch.einsum("nchw,ow->ncho", x, torch.ones(16, 16).tril()),
    }),
)
