"""Stages: run one after the other they give what the whole gives, and any box of each can be cropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
import timm
import torch
import torchvision
from support.executing import executed
from support.odd import wrongly
from support.pairs import random_pair
from support.staged import staged
from torch import Tensor, nn
from torch.nn import functional as F

from striate.crop import Joined, Stage, stages
from striate.errors import InputError
from striate.formats.torch import read_torch
from striate.geometry import Box, Interval
from striate.network import Builder
from striate.network.operators import Conv, Elementwise, Function, Linear

SHAPE = (1, 3, 40, 48)


class Gate(nn.Module):
    """Squeeze and excitation behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        gate: Tensor = self.up(self.down(y.mean((2, 3), keepdim=True)).relu())
        return y * gate.sigmoid()


class Attention(nn.Module):
    """Attention over every place, with a residual, as products and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.qkv, self.out = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        mixed = (q @ k.transpose(2, 3)).softmax(3) @ v
        made: Tensor = tokens + self.out(mixed.transpose(1, 2).flatten(2))
        return made


class Softmax(nn.Module):
    """A softmax over all places, per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return F.softmax(y.flatten(2), 2).view_as(y) * y


class Lines(nn.Module):
    """A dense layer over the columns and one over the rows, of one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.across, self.down = nn.Conv2d(3, 2, 3, 1, 1), nn.Linear(48, 48), nn.Linear(40, 40)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        turned: Tensor = self.down(y.transpose(2, 3))
        made: Tensor = self.across(y) + turned.transpose(2, 3)
        return made


MODULES: dict[str, tuple[Callable[[], nn.Module], list[Joined]]] = {
    "nothing global": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, 2)), []),
    "gate": (Gate, [Joined.MEAN]),
    "two gates": (lambda: nn.Sequential(Gate(), nn.Conv2d(8, 3, 3, 2), Gate()), [Joined.MEAN] * 2),
    "classifier": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)),
        [Joined.MEAN],
    ),
    "the largest": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d((38, 46)), nn.Conv2d(4, 2, 1)),
        [Joined.MAX],
    ),
    "dense": (
        lambda: nn.Sequential(nn.Conv2d(3, 2, 3, 4), nn.Flatten(), nn.Linear(240, 6), nn.ReLU(), nn.Linear(6, 2)),
        [Joined.WHOLE],
    ),
    "groups": (
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.GroupNorm(2, 6), nn.Conv2d(6, 4, 3), nn.GroupNorm(4, 4)),
        [Joined.MOMENTS] * 2,
    ),
    "layer": (lambda: nn.Sequential(nn.Conv2d(3, 2, 3, 1, 1), nn.LayerNorm((2, 40, 48))), [Joined.MOMENTS]),
    "softmax": (Softmax, [Joined.SOFTMAX]),
    "attention": (Attention, [Joined.WHOLE] * 2),
    "rows and columns": (Lines, [Joined.WHOLE] * 2),
}


def random_weights(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for parameter in module.parameters():
        parameter.data = torch.randn_like(parameter)
    return module.double().eval()


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("tile", [1, 7, 64])
def test_stages_compute_what_the_whole_does(name: str, tile: int) -> None:
    make, kinds = MODULES[name]
    module, x = random_weights(make()), torch.randn(SHAPE, dtype=torch.float64)
    network = read_torch(module, SHAPE)
    feeds, stored = {network.inputs[0]: x}, module.state_dict()
    parts = stages(network)
    assert [join.kind for stage in parts for join in stage.joins] == kinds
    with torch.no_grad():
        wanted = executed(network, feeds, stored)
        found = staged(parts, feeds, stored, tile)
    torch.testing.assert_close(wanted[network.outputs[0]], module(x), rtol=1e-9, atol=1e-9)
    for tensor, value in found.items():
        if tensor in wanted:
            torch.testing.assert_close(value, wanted[tensor], rtol=1e-9, atol=1e-9, msg=tensor)


def test_a_join_over_too_few_axes_is_noticed() -> None:
    module, x = random_weights(Gate()), torch.randn(SHAPE, dtype=torch.float64)
    network = read_torch(module, SHAPE)
    first, second = stages(network)
    (join,) = first.joins
    wrong = replace(first, joins=(replace(join, axes=(2,)),))
    with torch.no_grad():
        found = staged((wrong, second), {network.inputs[0]: x}, module.state_dict(), 7)[network.outputs[0]]
        assert not torch.allclose(found, module(x))


def check_local(stage: Stage) -> None:
    """One unit of every output takes no more than a part of what is tiled; as much as all only of small maps."""
    network = stage.network
    for tensor in network.outputs:
        if tensor in network.inputs:
            continue
        unit = Box([Interval(0, 1)] * len(network.shapes[tensor]))
        part = stage.crop({tensor: unit})
        for name, box in part.feeds.items():
            if len(box) == 4 and not name.endswith("/whole"):
                assert box.size < Box.whole(network.shapes[name]).size or max(network.shapes[name][2:]) < 30, name


@pytest.mark.parametrize("name", MODULES)
def test_every_box_of_a_stage_can_be_cropped(name: str) -> None:
    for stage in stages(read_torch(MODULES[name][0]().eval(), SHAPE)):
        stage.network.validate()
        check_local(stage)


ZOO: dict[str, tuple[Callable[[], nn.Module], Counter[Joined]]] = {
    "resnet18": (torchvision.models.resnet18, Counter({Joined.MEAN: 1})),
    "vgg11": (torchvision.models.vgg11, Counter({Joined.WHOLE: 1})),
    "efficientnet_b0": (torchvision.models.efficientnet_b0, Counter({Joined.MEAN: 17})),
    "vit_tiny_patch16_224": (lambda: timm.create_model("vit_tiny_patch16_224"), Counter({Joined.WHOLE: 24})),
    "cait_xxs24_224": (lambda: timm.create_model("cait_xxs24_224"), Counter({Joined.WHOLE: 52})),
    "resnetv2_50x1_bit": (
        lambda: timm.create_model("resnetv2_50x1_bit"), Counter({Joined.MOMENTS: 49, Joined.MEAN: 1})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo(name: str) -> None:
    make, kinds = ZOO[name]
    with torch.device("meta"):
        module = make().eval()
    parts = stages(read_torch(module, (1, 3, 224, 224)))
    assert Counter(join.kind for stage in parts for join in stage.joins) == kinds
    for stage in (parts[0], parts[-2 % len(parts)], parts[-1]):
        check_local(stage)


@pytest.mark.parametrize("seed", range(150))
def test_random_networks_come_apart_and_nothing_is_lost(seed: int) -> None:
    network = random_pair(seed).network()
    parts = stages(network)
    joins = {join.node for stage in parts for join in stage.joins}
    here = {node.name for stage in parts for node in stage.network.nodes}
    assert {node.name for node in network.nodes} <= here | joins
    there = set(network.inputs)
    for stage in parts:
        stage.network.validate()
        assert set(stage.network.inputs) <= there
        there |= {*stage.network.outputs, *(name for join in stage.joins for name in join.gives)}
    assert set(network.outputs) <= there


def test_what_is_joined_along_one_axis_is_tiled_along_the_other() -> None:
    """Read whole along the rows by one operator and along the columns by another, a tensor is joined twice."""
    b = Builder("lines", x=SHAPE)
    y = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=2), "x", name="conv")
    rows, columns = (b.add(Linear(SHAPE[axis], axis=axis), y) for axis in (2, 3))
    b.add(Elementwise(function=Function("add")), rows, columns, name="sum")
    first, second = stages(b.network())
    assert [(join.tensor, join.axes) for join in first.joins] == [("conv", (2,)), ("conv", (3,))]
    feeds = second.crop({"sum": Box("0:1,0:2,4:5,7:8")}).feeds
    assert [str(feeds[join.gives[0]]) for join in first.joins] == ["0:1,0:2,0:40,7:8", "0:1,0:2,4:5,0:48"]


def test_bad_input() -> None:
    with pytest.raises(InputError, match="stages: network must be"):
        wrongly(stages)("net")
