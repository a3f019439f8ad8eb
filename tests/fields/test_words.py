"""One function, one answer: ways of writing it, attention with its local field, masks, and rules without a border."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from support.oracle import Builder, dependence
from torch import nn
from torch.nn import functional as F

import striate
from striate.errors import InputError
from striate.fields import AxisField, Fields, region
from striate.geometry import Border, Interval


class Made(nn.Module):
    """A module of one function."""

    def __init__(self, function: Callable[[Any, torch.Tensor], torch.Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def last(module: nn.Module, *shape: int) -> tuple[AxisField, ...]:
    fields = striate.load(module.eval(), shape).fields()
    return tuple(fields[list(fields)[-1]].axes.values())


def written(s: Any, x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, :, 1:] = x[:, :, :-1]
    return y


def rolled_by_parts(s: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x[:, :, -1:], x[:, :, :-1]], 2)


SHIFTS = {
    "write": written,
    "zeros": lambda s, x: torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], 2),
    "pad": lambda s, x: F.pad(x[:, :, :-1], (1, 0)),
    "pad and crop": lambda s, x: F.pad(x, (1, 0))[:, :, :-1],
    "replicate": lambda s, x: torch.cat([x[:, :, :1], x[:, :, :-1]], 2),
    "roll": lambda s, x: torch.roll(x, 1, 2),
    "parts": rolled_by_parts,
    "indices": lambda s, x: x[:, :, [0, *range(11)]],
    "three parts": lambda s, x: torch.cat([x[:, :, :1], x[:, :, :5], x[:, :, 5:-1]], 2),
}


@pytest.mark.parametrize("way", SHIFTS)
def test_a_shift_by_one_is_one_however_it_is_written(way: str) -> None:
    (axis,) = last(Made(SHIFTS[way]), 1, 3, 12)
    assert axis == AxisField("length", "exact", 1, Fraction(1), -1, (Interval(-1, 0),), along=2)


def shifted_by_slices(s: Any, x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, :2, :-1], y[:, 2:4, 1:], y[:, 4:] = x[:, :2, 1:], x[:, 2:4, :-1], x[:, 4:]
    return s.conv(y)


def shifted_by_pads(s: Any, x: torch.Tensor) -> torch.Tensor:
    return s.conv(torch.cat([F.pad(x[:, :2, 1:], (0, 1)), F.pad(x[:, 2:4, :-1], (1, 0)), x[:, 4:]], 1))


@pytest.mark.parametrize("way", [shifted_by_slices, shifted_by_pads])
def test_a_temporal_shift_is_exact_and_misaligned(way: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
    (axis,) = last(Made(way, conv=nn.Conv1d(6, 6, 1)), 1, 6, 12)
    assert (axis.facts, axis.size, axis.stride, axis.start) == (("exact", "misaligned"), 3, 1, -1)


def test_a_causal_residual_and_a_focus_are_exact_and_misaligned() -> None:
    causal = Made(lambda s, x: x + s.conv(F.pad(x, (2, 0))), conv=nn.Conv1d(3, 3, 3))
    assert [(a.facts, a.size, a.start) for a in last(causal, 1, 3, 32)] == [(("exact", "misaligned"), 3, -2)]
    parts = Made(lambda s, x: s.conv(torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], 1)),
                 conv=nn.Conv2d(12, 4, 3, padding=1))  # fmt: skip
    found = last(parts, 1, 3, 32, 32)
    assert [(a.facts, a.size, a.stride, a.start) for a in found] == [(("exact", "misaligned"), 6, 2, -2)] * 2


def test_parts_that_differ_inside_the_image_have_no_rule() -> None:
    module = Made(lambda s, x: torch.cat([s.conv(x)[:, :, :6], x[:, :, 6:]], 2), conv=nn.Conv1d(3, 3, 5, padding=2))
    (axis,) = last(module, 1, 3, 12)
    assert (axis.facts, axis.size) == (("irregular",), 5)
    with pytest.raises(InputError, match="ask for the region of unit 3"):
        axis.unit(3)


def attention(s: Any, x: torch.Tensor) -> torch.Tensor:
    x = s.conv(x)
    tokens = x.flatten(2).transpose(1, 2)
    scores = (s.q(tokens) @ s.k(tokens).transpose(1, 2)).softmax(-1)
    return x + (scores @ s.v(tokens)).transpose(1, 2).reshape(x.shape)


def fused(s: Any, x: torch.Tensor) -> torch.Tensor:
    x = s.conv(x)
    tokens = x.flatten(2).transpose(1, 2)
    found = F.scaled_dot_product_attention(s.q(tokens), s.k(tokens), s.v(tokens))
    return x + found.transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize("way", [attention, fused])
@pytest.mark.parametrize("size", [(18, 18), (12, 16)])
def test_attention_leaves_the_local_field(way: Callable[..., torch.Tensor], size: tuple[int, int]) -> None:
    layers = {name: nn.Linear(8, 8) for name in "qkv"}
    found = last(Made(way, conv=nn.Conv2d(3, 8, 3, padding=1), **layers), 1, 3, *size)
    for axis, along in zip(found, (2, 3), strict=True):
        assert axis.facts == ("whole",)
        assert axis.local is not None
        assert (axis.local.size, axis.local.stride, axis.local.start, axis.local.along) == (3, 1, -1, along)


class Tokens(nn.Module):
    """Patches, a class token, one encoder layer, and back to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 16, 4, 4), nn.Parameter(torch.zeros(1, 1, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.out = nn.Conv2d(16, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), x.flatten(2).transpose(1, 2)], 1)
        return self.out(self.layer(tokens)[:, 1:].transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("size", [(20, 20), (16, 24)])
def test_a_class_token_hides_no_global_path(size: tuple[int, int]) -> None:
    fields = striate.load(Tokens().eval(), (1, 3, *size)).fields()
    assert fields["out"].global_via != ()
    for axis in fields["out"].axes.values():
        assert axis.facts == ("whole",)
        assert axis.local is not None
        assert (axis.local.status, axis.local.size, axis.local.stride, axis.local.start) == ("exact", 12, 4, -4)


def masked(size: int, keep: np.ndarray) -> AxisField:
    """A convolution, scores of all its units with all, a mask, and what a row of scores sees by its keys."""
    b = Builder(1, 3, size)
    b("conv", "image", out_channels=4, kernel=(3,), padding=((1, 1),), name="conv")
    x = b("transpose", "conv", order=(0, 2, 1))
    scores = b("matmul", x, b("transpose", x, order=(0, 2, 1)))
    b("mask", scores, keep=keep[None], name="masked")
    b("reduce", "masked", axes=(2,), keepdims=False, name="rows")
    fields, n = Fields(b.network()), 40
    assert fields["masked"].misaligned_at == ()
    for u in range(0, n, 7):
        seen = [k for k in range(n) if keep[u, k]] + [u] * bool(keep[u].any())
        hull = Interval(min(seen) - 1, max(seen) + 2).clip(Interval(0, n)) if seen else Interval(0, 0)
        assert region(fields, "rows", (u,)).hull[0] == hull
    return fields["rows"].axes["length"]


def test_masks_are_read_where_they_are_known() -> None:
    rows, columns = np.indices((40, 40))
    band, causal = masked(40, abs(rows - columns) <= 2), masked(40, columns <= rows)
    assert (band.facts, band.size, band.start) == (("exact",), 7, -3)
    assert causal.facts == ("whole",)
    assert causal.local is not None
    assert (causal.local.size, causal.local.start) == (3, -1)


def test_a_layer_without_units_sees_nothing() -> None:
    b = Builder(1, 1, 8)
    b("slice", "image", axes=(2,), starts=(3,), counts=(0,), steps=(1,), name="nothing")
    b("elementwise", "nothing", name="after")
    fields = Fields(b.network())
    assert list(fields) == ["nothing", "after"]
    assert {fields[name].axes["length"].status for name in fields} == {"none"}


def random_network(seed: int, size: int) -> Builder:
    """Layers that an image of any size goes through in the same way."""
    random = Random(seed)
    b, x = Builder(1, 2, size), "image"
    for _ in range(random.randint(1, 4)):
        kind = random.choice(["conv", "conv", "pool", "up", "transposed", "cut", "skip", "pad"])
        kernel, n = random.choice([1, 2, 3]), b.shapes[x][2]
        pads = (random.randint(0, 2), random.randint(0, 2))
        if kind in ("conv", "pool"):
            more: dict[str, Any] = {"out_channels": 2} if kind == "conv" else {}
            window: dict[str, Any]
            window = {"kernel": (kernel,), "stride": (random.choice([1, 2]),), "dilation": (random.choice([1, 2]),)}
            x = b(kind, x, **more, **window, padding=(pads if kind == "conv" else (0, 0),))
        elif kind == "up":
            mode = random.choice(["nearest", "linear"])
            x = b("resize", x, axes=(2,), size=(2 * n,), mode=mode, coordinates="half_pixel")
        elif kind == "transposed":
            x = b("conv_transpose", x, out_channels=2, kernel=(kernel,), stride=(2,), padding=((0, kernel - 1),))
        elif kind == "cut":
            x = b("slice", x, axes=(2,), starts=(1,), counts=(n - 1,), steps=(1,))
        elif kind == "skip":
            x = b("elementwise", x, b("conv", x, out_channels=2, kernel=(3,), padding=((1, 1),)))
        else:
            border = random.choice(list(Border))
            x = b("pad", x, pads=((0, 0), (0, 0), pads), border=border)
    return b


@pytest.mark.parametrize("seed", range(40))
def test_unclipped_is_what_a_larger_image_shows(seed: int) -> None:
    margin = 64
    small, large = (Fields(random_network(seed, n).network()) for n in (15, 15 + 2 * margin))
    for name in small:
        axis = small[name].axes["length"]
        assert axis.status in ("exact", "periodic"), name
        assert axis.stride is not None
        offset = Fraction(margin) / axis.stride
        assert offset.denominator == 1
        for u in range(small[name].shape[2]):
            seen = large.hull(name, (u + int(offset),))[0]
            expected = Interval(0, 0) if seen.empty else seen.shift(-margin)
            assert axis.unit(u) == expected, (name, u)
            assert region(small, name, (u,)).unclipped == (expected,)


def test_a_larger_image_disproves_a_wrong_rule() -> None:
    b = Builder(1, 2, 143)
    b("conv", "image", out_channels=2, kernel=(3,), padding=((1, 1),), name="conv")
    late = Builder(1, 2, 15)
    late("conv", "image", out_channels=2, kernel=(3,), padding=((0, 2),), name="conv")
    claimed = Fields(late.network())["conv"].axes["length"].unit(0)
    assert claimed != Fields(b.network()).hull("conv", (64,))[0].shift(-64)


def windows_by_unfold(s: nn.Module, x: torch.Tensor) -> torch.Tensor:
    windows = F.unfold(x, 4, stride=4).reshape(8, 16, -1).permute(2, 1, 0)
    found = torch.softmax(windows @ windows.transpose(1, 2), -1) @ windows
    return F.fold(found.permute(2, 1, 0).reshape(1, 128, -1), x.shape[2:], 4, stride=4)


# . (0 1 2 3) (4 5 6 7) ... : every unit sees its window, one pixel on, on each side
def test_folded_windows_see_their_own_pixels() -> None:
    module = Made(lambda s, x: windows_by_unfold(s, s.conv(x)), conv=nn.Conv2d(3, 8, 3, padding=1))
    fields = striate.load(module.eval(), (1, 3, 12, 16)).fields()
    for at in np.ndindex(12, 16):
        found = region(fields, "col2im", at)
        assert found.unclipped == tuple(Interval(i // 4 * 4 - 1, i // 4 * 4 + 5) for i in at)
        assert found.hull == tuple(seen.clip(Interval(0, n)) for seen, n in zip(found.unclipped, (12, 16), strict=True))


# blocks of (0..3) (4..7) (8..11) (12..15) as an axis of their own: 0 4 8 12, and never 12 8 4 0
def test_blocks_of_tokens_go_forward() -> None:
    b = Builder(1, 4, 16, 16)
    x = b("reshape", "image", shape=(1, 4, 4, 4, 4, 4))
    x = b("reshape", b("transpose", x, order=(0, 2, 4, 3, 5, 1)), shape=(1, 16, 16, 4))
    heads = b("transpose", b("reshape", x, shape=(1, 16, 16, 2, 2)), order=(0, 3, 1, 2, 4))
    mixed = b("matmul", b("matmul", heads, b("transpose", heads, order=(0, 1, 2, 4, 3))), heads)
    mixed = b("reshape", b("transpose", mixed, order=(0, 2, 3, 4, 1)), shape=(1, 16, 16, 4))
    b("elementwise", x, b("linear", mixed, out_features=4), name="sum")
    fields = Fields(b.network())
    for window, place in np.ndindex(16, 16):
        corner = (window // 4 * 4, window % 4 * 4)
        seen = tuple(Interval(start, start + 4) for start in corner)
        assert region(fields, "sum", (window, place, 0)).unclipped == seen, (window, place)


@pytest.mark.parametrize(("rows", "status"), [(3, "exact"), (5, "exact"), (9, "whole"), (12, "whole")])
def test_a_mean_over_a_small_slice_is_local(rows: int, status: str) -> None:
    module = Made(lambda s, x: s.conv(x)[:, :, 1 : 1 + rows].mean(2), conv=nn.Conv1d(3, 3, 1))
    (axis,) = last(module, 1, 3, 12)
    assert axis.status == status
    if status == "exact":
        assert (axis.size, axis.stride, axis.start) == (rows, None, 1)


def test_a_constant_token_beside_tokens_that_see_everything_sees_nothing() -> None:
    b = Builder(1, 4, 6, 6)
    x = b("elementwise", "image", b("reduce", "image", axes=(2, 3)))
    x = b("transpose", b("reshape", x, shape=(1, 4, 36)), order=(0, 2, 1))
    x = b("concat", b("constant", x, shape=(1, 1, 4)), x, axis=1)
    b("slice", x, axes=(1,), starts=(0,), counts=(1,), steps=(1,), name="token")
    b("slice", x, axes=(1,), starts=(1,), counts=(36,), steps=(1,), name="others")
    fields, truth = Fields(b.network()), dependence(b.network())
    assert not truth["token"].any()
    assert {axis.status for axis in fields["token"].axes.values()} == {"none"}
    assert region(fields, "token", (0, 0)).unclipped in (None, (Interval(0, 0), Interval(0, 0)))
    assert {axis.status for axis in fields["others"].axes.values()} == {"whole"}
