"""Remembered crops are those that ``crop`` gives, wherever they are asked for."""

from __future__ import annotations

from importlib.resources import files
from random import Random

import pytest
import torch
from support.crops import random_box
from support.odd import wrongly
from support.pairs import random_pair
from torch import Tensor, nn

from striate.crop import Crop, Crops, crop
from striate.errors import InputError, UnsupportedError
from striate.formats.onnx import read_onnx
from striate.formats.torch import read_torch
from striate.geometry import Border, Box, Coordinates, Interpolation, Interval
from striate.network import Builder, Network
from striate.network.operators import Concat, Conv, ConvTranspose, Function, Pad, Pool, Resize


def up_and_down(side: int) -> Network:
    """Two strides down, two ways up, and what was before beside them."""
    b = Builder("u", x=(1, 2, side, side))
    first = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=4), "x", name="first")
    second = b.add(Conv((3, 3), (2, 2), padding=((0, 1), (0, 1)), out_channels=4), first, name="second")
    third = b.add(Pool((2, 2), (2, 2), function=Function("max")), second, name="third")
    back = b.add(ConvTranspose((2, 2), (2, 2), out_channels=4), third, name="back")
    both = b.add(Concat(1), back, second, name="both")
    up = b.add(Resize((2, 3), (side, side), Interpolation.LINEAR, Coordinates.HALF_PIXEL), both, name="up")
    padded = b.add(Pad(((0, 0), (0, 0), (1, 1), (1, 1)), Border.REFLECT), up, name="padded")
    b.add(Conv((3, 3), out_channels=1), padded, name="last")
    return b.network()


def check_same(found: Crop, network: Network, wanted: dict[str, Box]) -> None:
    alone = crop(network, wanted)
    assert found.network == alone.network
    assert dict(found.boxes) == dict(alone.boxes)
    assert (found.feeds, found.asked, found.key, found.costs) == (alone.feeds, alone.asked, alone.key, alone.costs)


@pytest.mark.parametrize("side", [96, 100, 256])
@pytest.mark.parametrize("layer", ["last", "third", "both"])
def test_tiles_of_every_size(side: int, layer: str) -> None:
    network, random = up_and_down(side), Random(side)
    crops = Crops(network)
    shape = network.shapes[network.tensor(layer)]
    for _ in range(120):
        size = random.choice([1, 2, 3, 8, 8, 8, 16])
        starts = [random.choice([0, n - size, random.randrange(n - size + 1)]) for n in shape[2:]]
        sides = [Interval(start, start + size) for start in starts]
        wanted = {layer: Box([*(Interval(0, n) for n in shape[:2]), *sides])}
        check_same(crops.crop(wanted), network, wanted)


def test_ten_thousand_tiles_share_a_few_crops() -> None:
    network = up_and_down(3200)
    crops = Crops(network)
    starts = range(0, 3200, 32)
    found = [crops.crop({"last": Box(f"0:1,0:1,{y}:{y + 32},{x}:{x + 32}")}) for y in starts for x in starts]
    assert len({each.key for each in found}) == len({id(each.network) for each in found}) == 9


def test_the_denoiser() -> None:
    network = read_onnx(str(files("striate") / "data" / "denoiser.onnx"), (1, 3, 320, 400))
    crops, random = Crops(network), Random(0)
    for _ in range(60):
        y, x = random.choice(range(0, 305, 8)), random.choice(range(0, 385, 8))
        wanted = {"denoised": Box(f"0:1,0:3,{y}:{y + 16},{x}:{x + 16}")}
        check_same(crops.crop(wanted), network, wanted)


class Placed(nn.Module):
    """A convolution, and a table with a value for each column."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.table = nn.Conv2d(1, 1, 3, padding=1), nn.Parameter(torch.randn(1, 1, 1, 64))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y + self.table


def test_a_table_of_places_has_crops_of_its_own() -> None:
    """Weights with a value for every column differ from place to place."""
    network = read_torch(Placed(), (1, 1, 64, 64))
    crops, (layer,) = Crops(network), network.outputs
    rows = [crops.crop({layer: Box(f"0:1,0:1,{y}:{y + 8},16:24")}) for y in (16, 32)]
    columns = [crops.crop({layer: Box(f"0:1,0:1,16:24,{x}:{x + 8}")}) for x in (16, 32)]
    assert rows[0].network is rows[1].network
    assert columns[0].key != columns[1].key


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_networks(first: int) -> None:
    for seed in range(first, first + 100):
        network, random = random_pair(seed).network(), Random(seed)
        crops = Crops(network)
        tensor = random.choice(network.nodes).outputs[0]
        for _ in range(4):
            wanted = {tensor: random_box(random, network.shapes[tensor])}
            try:
                found = crops.crop(wanted)
            except UnsupportedError:
                continue
            check_same(found, network, wanted)


def test_no_more_are_held_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.crop.crops.MOST_HELD", 3)
    crops = Crops(up_and_down(96))
    boxes = [{"last": Box(f"0:1,0:1,0:{n},0:{n}")} for n in range(1, 8)]
    first, *_, last = [crops.crop(box) for box in boxes]
    assert crops.crop(boxes[-1]) is last
    assert crops.crop(boxes[0]) is not first
    assert crops.crop(boxes[0]).network == first.network


def test_bad_input() -> None:
    crops = Crops(up_and_down(96))
    with pytest.raises(InputError, match="lies outside"):
        crops.crop({"last": Box("0:1,0:1,90:99,0:9")})
    with pytest.raises(InputError, match="Crops: network must be"):
        wrongly(Crops)("net")
