"""Tokens: which axis of a layer they stand along, their grid, and what each of them sees, against autograd."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import striate
from striate.errors import InputError
from striate.fields import Fields, Span, Unit, effective_field, reach, region
from striate.fields.layout import layout_of
from striate.fields.unit import Grid, LayerAxes
from striate.geometry import Box, Interval
from striate.show import describe

C = 4


class Chain(nn.Module):
    """Patches as tokens, then random steps that keep one token axis: class tokens, transposes, heads, dense layers.

    ``front`` counts the tokens before the grid, ``extra`` all that have no place, ``axis`` is where tokens stand.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        random = Random(seed)
        kernel = random.choice([2, 3])
        self.patch = nn.Conv2d(2, C, kernel, random.choice([2, kernel]), random.choice([0, 1]))
        self.dense, self.norm, self.conv = nn.Linear(C, C), nn.LayerNorm(C), nn.Conv2d(C, C, 3, padding=1)
        self.cls = nn.Parameter(torch.randn(1, 1, C))
        self.steps = [random.choice(STEPS) for _ in range(random.randint(0, 5))]
        self.last = random.choice(["plain", "time first", "heads", "flipped"])
        self.front = self.extra = 0
        self.axis, self.grid = 1, (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x)
        self.front = self.extra = 0
        self.grid = (int(x.shape[2]), int(x.shape[3]))
        x = x.flatten(2).transpose(1, 2)
        for step in self.steps:
            x = step(self, x)
        if self.last == "heads":
            self.axis = 2
            return x.reshape(1, x.shape[1], 2, C // 2).transpose(1, 2)
        self.axis = 0 if self.last == "time first" else 1
        return x.transpose(0, 1) if self.last == "time first" else x.flip(2) if self.last == "flipped" else x


def class_token(m: Chain, x: Tensor) -> Tensor:
    m.front, m.extra = m.front + 1, m.extra + 1
    return torch.cat([m.cls, x], 1)


def class_token_behind(m: Chain, x: Tensor) -> Tensor:
    m.extra += 1
    return torch.cat([x, m.cls, m.cls * 2], 1)[:, :-1]


def dense(m: Chain, x: Tensor) -> Tensor:
    return x + m.dense(m.norm(x)).relu()


def moved(m: Chain, x: Tensor) -> Tensor:
    return m.dense(x.transpose(0, 1)).permute(1, 0, 2)


def on_the_grid(m: Chain, x: Tensor) -> Tensor:
    """The tokens unflattened, through a convolution, and flattened again; those without a place beside them."""
    n = m.grid[0] * m.grid[1]
    before, tokens, behind = x[:, : m.front], x[:, m.front : m.front + n], x[:, m.front + n :]
    y = m.conv(tokens.transpose(1, 2).reshape(1, C, *m.grid)).flatten(2).transpose(1, 2)
    return torch.cat([part for part in (before, y, behind) if part.shape[1]], 1)


def windows(m: Chain, x: Tensor) -> Tensor:
    """A window of all tokens cut into two along the features and put back."""
    return m.norm(x.reshape(1, x.shape[1], 2, C // 2).permute(2, 0, 1, 3).permute(1, 2, 0, 3).reshape(x.shape))


STEPS: tuple[Callable[[Chain, Tensor], Tensor], ...] = (
    *(class_token, class_token_behind, dense, moved, on_the_grid, windows),
)


def read(module: nn.Module, shape: tuple[int, ...]) -> tuple[Fields, str]:
    fields = striate.load(module.eval(), shape).fields()
    return fields, fields.network.outputs[0]


def moving(module: nn.Module, shape: tuple[int, ...], index: tuple[int | slice, ...]) -> np.ndarray:
    """The pixels that the gradient of a random sum of some outputs reaches."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    part = module.double()(x)[index]
    (part * torch.rand(part.shape, generator=generator, dtype=torch.float64)).sum().backward()
    assert x.grad is not None
    return np.asarray((x.grad != 0).any(1)[0].numpy())


@pytest.mark.parametrize("seed", range(25))
def test_a_token_of_a_random_chain_sees_what_autograd_reaches(seed: int) -> None:
    random, module = Random(seed), Chain(seed)
    shape = (1, 2, random.randint(8, 12), random.randint(8, 12))
    fields, layer = read(module, shape)
    axes = fields.layer_axes(layer)
    module(torch.zeros(shape))
    strides = (module.grid[1], 1)
    assert (axes.units, axes.words[module.axis]) == ((module.axis,), "token")
    assert axes.grid == Grid(module.axis, ("height", "width"), module.front, module.grid, strides)
    assert {word for axis, word in enumerate(axes.words) if axis != module.axis} == {"batch", "feature"}
    told = fields[layer].axes
    for _ in range(4):
        place = (random.randrange(module.grid[0]), random.randrange(module.grid[1]))
        token = module.front + place[0] * module.grid[1] + place[1]
        found, same = region(fields, layer, place), region(fields, layer, (token,))
        truth = moving(module, shape, fields.index(Unit(layer, (token,))))
        np.testing.assert_array_equal(found.mask, truth)
        np.testing.assert_array_equal(same.mask, truth)
        assert found.unclipped == same.unclipped is not None
        assert fields.hull(layer, place) == found.hull
        assert [axis.status for axis in told.values()] == ["exact", "exact"]
        assert [axis.unit(u) for axis, u in zip(told.values(), place, strict=True)] == list(found.unclipped or ())
    for token in {*range(module.front), *range(module.front + len(np.ones(module.grid).ravel()), axes.sizes[0])}:
        assert not region(fields, layer, (token,)).cover.any()
        assert not moving(module, shape, fields.index(Unit(layer, (token,)))).any()


def test_the_oracle_can_fail() -> None:
    module = Chain(3)
    shape = (1, 2, 9, 9)
    fields, layer = read(module, shape)
    one, other = (moving(module, shape, fields.index(Unit(layer, place))) for place in ((0, 0), (1, 1)))
    assert (one != other).any()


class Vit(nn.Module):
    """A transformer of one block over 4 x 3 patches and a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.zeros(1, 1, 8))
        self.norm, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cls, self.patch(x).flatten(2).transpose(1, 2)], 1)
        y = self.norm(x)
        return self.mlp(x + self.attention(y, y, y, need_weights=False)[0])


def vit() -> Fields:
    return striate.load(Vit().eval(), (1, 3, 16, 12)).fields()


def test_attention_is_whole_with_its_local_field_on_the_grid() -> None:
    fields = vit()
    for axis in fields["norm"].axes.values():
        assert (axis.status, axis.size, axis.stride, axis.along) == ("exact", 4, 4, 1)
    for axis in fields["mlp"].axes.values():
        assert axis.status == "whole"
        assert axis.local is not None
        assert (axis.local.status, axis.local.size, axis.local.stride) == ("exact", 4, 4)
    assert len(fields["mlp"].global_via) > 0
    assert region(fields, "mlp", (0,)).mask.all()
    assert region(fields, "mlp", (2, 1)).mask.all()
    assert region(fields.local, "mlp", (2, 1)).hull == Box.parse("8:12,4:8")
    assert not region(fields.local, "mlp", (0,)).cover.any()


def test_every_question_speaks_of_the_same_token() -> None:
    fields = vit()
    axes = fields.layer_axes("norm")
    assert axes.centre == (2, 1)
    found = effective_field(fields, "norm")
    assert (found.at, found.box) == ((2, 1), region(fields, "norm", (1 + 2 * 3 + 1,)).hull)
    reached = reach(fields, (9, 5), "norm")
    assert (reached.box, reached.mask.shape) == (Box.parse("8:9"), (13,))
    assert axes.grid is not None
    assert axes.grid.place(8) == (2, 1)
    for token in range(13):
        assert reached.mask[token] == region(fields, "norm", (token,)).mask[9, 5]


def test_reached_tokens_have_places() -> None:
    """Before attention the one of the pixel's patch; behind it all, and the class token that stands nowhere."""
    fields = vit()
    placed = reach(fields, (9, 5), "norm").placed
    assert placed is not None
    assert (placed.box, placed.others) == (Box.parse("2:3,1:2"), ())
    placed = reach(fields, (9, 5), "mlp").placed
    assert placed is not None
    assert (placed.box, placed.cover.all(), placed.others) == (Box.parse("0:4,0:3"), True, (0,))
    assert reach(fields, (9, 5), "patch").placed is None


@pytest.mark.parametrize("at", [(13,), (-1,), (4, 0), (0, 3)])
def test_a_token_outside_is_refused_with_both_ranges(at: tuple[int, ...]) -> None:
    said = r"lies outside shape \(1, 13, 8\): token in \[0, 13\) or height in \[0, 4\), width in \[0, 3\)"
    with pytest.raises(InputError, match=said):
        region(vit(), "norm", at)


def test_a_channel_of_a_token_is_a_feature() -> None:
    fields = vit()
    assert fields.index(Unit("norm", (2, 1), channel=5)) == (slice(None), 8, 5)
    with pytest.raises(InputError, match="channel 8 lies outside"):
        region(fields, "norm", (2, 1), channel=8)


def test_the_document_says_which_axis_is_what() -> None:
    document = describe(vit())
    (norm,) = (layer for layer in document["layers"] if layer["name"] == "norm")
    assert norm["shape_axes"] == ["batch", "token", "feature"]
    assert norm["grid"] == {"axis": 1, "first": 1, "names": ["height", "width"], "sizes": [4, 3], "strides": [3, 1]}
    assert norm["interior"] == [[0, 4], [0, 3]]


def attending(batch_first: bool) -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=batch_first)
    return nn.TransformerEncoder(layer, 1, enable_nested_tensor=False).eval()


@pytest.mark.parametrize(
    ("batch_first", "shape", "layout"),
    [(True, (1, 12, 16), "NSC"), (True, (2, 12, 16), "NSC"), (False, (12, 1, 16), "SNC"), (False, (12, 2, 16), "SNC")],
)
def test_attention_tells_the_tokens_of_a_sequence(batch_first: bool, shape: tuple[int, ...], layout: str) -> None:
    network = striate.load(attending(batch_first), shape).network
    assert layout_of(network, network.inputs[0]) == layout
    fields = Fields(network)
    axis, last = layout.index("S"), list(fields)[-1]
    assert fields.layer_axes(last).words[axis] == "token"
    assert fields.layer_axes(last).units == (axis,)
    assert fields[last].axes["token"].facts == ("whole",)
    assert fields[last].axes["token"].span == Span("exact", 1, Fraction(1), 0, (Interval(0, 1),), axis)
    assert region(fields, last, (3,)).mask.all()
    assert region(fields.local, last, (3,)).hull == Box.parse("3:4")


class Windows(nn.Module):
    """Channels last, then windows of 2 x 2 places."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        _, h, w, c = x.shape
        return x.reshape(1, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c) * 2


def test_places_of_a_channels_last_layer_and_of_windows() -> None:
    fields, layer = read(Windows(), (1, 3, 4, 6))
    assert fields.layer_axes(next(iter(fields))).words == ("batch", "height", "width", "feature")
    assert region(fields, next(iter(fields)), (3, 5)).hull == Box.parse("3:4,5:6")
    axes = fields.layer_axes(layer)
    assert (axes.words[0], axes.units) == ("token", (0,))
    assert axes.grid == Grid(0, ("height", "width"), 0, (2, 3), (3, 1))
    assert region(fields, layer, (1, 2)).hull == region(fields, layer, (5,)).hull == Box.parse("2:4,4:6")
    for window in range(6):
        for token in range(4):
            y, x = 2 * (window // 3) + token // 2, 2 * (window % 3) + token % 2
            assert region(fields, layer, (window, token, 0)).hull == Box.at((y, x))


class Attending(nn.Module):
    """Patches, rolled or not, in windows of 3 x 2 tokens; attention within each of them where asked for."""

    def __init__(self, flat: bool, rolled: bool, attends: bool = False) -> None:
        super().__init__()
        self.patch, self.qkv = nn.Conv2d(2, C, 3, 2, 1), nn.Linear(C, 3 * C)
        self.flat, self.rolled, self.attends = flat, rolled, attends

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        x = torch.roll(x, (-1, -1), (1, 2)) if self.rolled else x
        _, h, w, c = x.shape
        x = x.reshape(1, h // 3, 3, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 3, 2, c)
        x = self.qkv(x.reshape(-1, 6, c) if self.flat else x)
        if not self.attends:
            return x
        q, k, v = x.chunk(3, -1)
        return torch.softmax(q @ k.transpose(1, 2), -1) @ v


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("rolled", [True, False])
def test_a_token_of_a_window_is_named_by_both_places(flat: bool, rolled: bool) -> None:
    module, shape = Attending(flat, rolled), (1, 2, 12, 12)
    fields, layer = read(module, shape)
    axes = fields.layer_axes(layer)
    assert axes.words == (("token", "inner", "feature") if flat else ("token", "inner", "inner", "feature"))
    assert (axes.within, axes.channel) == (((1,), 2) if flat else ((1, 2), 3))
    for window, inside in [((0, 0), (0, 0)), ((0, 2), (2, 1)), ((1, 1), (1, 0)), ((1, 2), (2, 1))]:
        place = (2 * inside[0] + inside[1],) if flat else inside
        found = region(fields, layer, (window, inside))
        truth = moving(module, shape, (3 * window[0] + window[1], *place))
        np.testing.assert_array_equal(found.mask, truth)
        assert fields.hull(layer, (window, inside)) == found.hull
        assert region(fields, Unit(layer, window, within=place)).hull == found.hull
        one = region(fields, layer, (window, inside), channel=5)
        np.testing.assert_array_equal(one.mask, truth)


def test_a_window_alone_is_all_its_tokens() -> None:
    module, shape = Attending(flat=True, rolled=False), (1, 2, 12, 12)
    fields, layer = read(module, shape)
    tokens = [region(fields, layer, ((1, 0), (r, c))).mask for r in range(3) for c in range(2)]
    np.testing.assert_array_equal(region(fields, layer, (1, 0)).mask, np.any(tokens, axis=0))
    assert not np.array_equal(tokens[0], tokens[1])


def test_places_flattened_with_what_looks_alike_are_no_grid() -> None:
    attending = Attending(flat=True, rolled=False, attends=True)
    fields, layer = read(attending, (1, 2, 12, 12))
    assert fields.layer_axes(layer).grid == Grid(0, ("height", "width"), 0, (2, 3), (3, 1))
    fields, layer = read(nn.Sequential(attending, nn.Flatten(0, 1)), (1, 2, 12, 12))
    axes = fields.layer_axes(layer)
    assert (axes.words, axes.grid) == (("token", "feature"), None)
    assert region(fields, layer, (6 * 4 + 5,)).hull == region(fields, layer, (6 * 4,)).hull
    assert region(fields, layer, (6 * 4,)).hull != region(fields, layer, (6 * 5,)).hull


def test_a_place_that_a_unit_does_not_hold_is_refused() -> None:
    fields, layer = read(Attending(flat=True, rolled=False), (1, 2, 12, 12))
    said = r"place \(3, 0\) .*: place 1 in \[0, 6\) or height in \[0, 3\), width in \[0, 2\)"
    with pytest.raises(InputError, match=said):
        region(fields, layer, ((0, 0), (3, 0)))
    fields, layer = read(Attending(flat=True, rolled=False, attends=True), (1, 2, 12, 12))
    with pytest.raises(InputError, match="holds no places: name the unit alone"):
        region(fields, layer, ((0, 0), (1, 0)))


def test_channels_that_hold_places_are_channels_still() -> None:
    fields, layer = read(nn.PixelUnshuffle(2), (1, 1, 4, 6))
    axes = fields.layer_axes(layer)
    assert (axes.channel, axes.within) == (1, ())
    assert region(fields, layer, (1, 2), channel=3).hull == Box.at((3, 5))


def test_where_nothing_tells_the_axes_are_those_of_a_picture() -> None:
    fields, layer = read(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), (1, 3, 4, 6))
    assert fields.layer_axes(layer) == LayerAxes.of((1, 3))
