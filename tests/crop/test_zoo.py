"""Crops of torchvision's networks: what a unit reads in the crop is what it reads in the whole."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch
from support.crops import random_box
from torchvision.models import get_model

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.fields import Fields, Unit, region
from striate.formats.torch import read_torch
from striate.geometry import Box
from striate.network import Network

SMALL = ("alexnet", "shufflenet_v2_x0_5", "squeezenet1_1")
MORE = ("resnet50", "densenet121", "googlenet", "regnet_x_400mf", "vgg11_bn", "convnext_tiny", "swin_t", "maxvit_t")
GATED = ("efficientnet_b0", "mobilenet_v3_small")


def read(name: str, n: int = 224) -> Network:
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        options = {"init_weights": False} if name == "googlenet" else {}
        return read_torch(get_model(name, weights=None, **options), (1, 3, n, n))


def unit(fields: Fields, tensor: str, at: tuple[int, ...]) -> Unit:
    """The unit at an index: two numbers for tokens that run over a grid would be read as a place on it."""
    axes = fields.layer_axes(tensor)
    if axes.grid is None or len(at) != 2:
        return Unit(tensor, at)
    return Unit(tensor, tuple(at[axis] for axis in axes.units), at[1 - axes.grid.axis])


def check_layers(whole: Network, count: int) -> int:
    """Random boxes of random layers; how many were refused."""
    fields, random, refused = Fields(whole), Random(0), 0
    (source,) = whole.inputs
    for _ in range(count):
        tensor = random.choice(whole.nodes).outputs[0]
        shape = whole.shapes[tensor]
        box = random_box(random, shape)
        at = tuple(random.randrange(side.start, side.stop) for side in box)
        try:
            found = crop(whole, {tensor: box})
        except UnsupportedError:
            refused += 1
            continue
        found.network.validate()
        expected = region(fields, unit(fields, tensor, at))
        if source not in found.feeds:
            assert not expected.cover.size
            continue
        part, inside = Fields(found.network, layout=fields.layout), Box.at(at).within(found.boxes[tensor]).origin
        ours = region(part, unit(part, tensor, inside))
        starts = [found.feeds[source][axis].start for axis in fields.spatial.values()]
        assert ours.hull.shift(starts) == expected.hull or not expected.cover.size
        np.testing.assert_array_equal(ours.counts(), expected.counts())
    return refused


@pytest.mark.parametrize("name", SMALL)
def test_units_of_real_networks(name: str) -> None:
    assert check_layers(read(name), 5) == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", MORE)
def test_units_of_more_networks(name: str) -> None:
    assert check_layers(read(name), 12) < 12


@pytest.mark.parametrize("name", GATED)
def test_squeezed_networks_are_cropped_before_their_gates(name: str) -> None:
    whole = read(name)
    first, second = [node for node in whole.nodes if node.op.word == "reduce"][:2]
    before, behind = first.inputs[0], second.inputs[0]
    corner = Box([*Box.whole(whole.shapes[before][:2]), *Box.at((3, 4))])
    assert max(crop(whole, {before: corner}).feeds["x"].shape[2:]) < 20
    corner = Box([*Box.whole(whole.shapes[behind][:2]), *Box.at((3, 4))])
    with pytest.raises(UnsupportedError, match=f"{first.name}.* reads all of axis 2 of {before}"):
        crop(whole, {behind: corner})
