"""Crops of torchvision's and timm's networks: what a unit reads in the crop is what it reads in the whole."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from time import process_time

import pytest
from support.crops import Asked, check_unit
from support.zoo import DETECTION, EVERY, build, families, of_timm, shape_of

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.formats.torch import read_torch
from striate.geometry import Box
from striate.network import Network

SMALL = ("alexnet", "shufflenet_v2_x0_5", "squeezenet1_1")
GATED = ("efficientnet_b0", "mobilenet_v3_small")
TORCHVISION = sorted({*EVERY, *DETECTION})
FAMILIES = dict(families())
ENOUGH = 20.0
"""Seconds on one network, after which no further box is asked for."""


def read(name: str) -> Network:
    return read_torch(build(name), shape_of(name))


def check_network(network: Network, boxes: int, units: int = 3) -> None:
    """Random boxes of random layers: each is cropped, grown to the ends of the image where it must be."""
    asked, random, start = Asked(network), Random(0), process_time()
    for _ in range(boxes):
        asked.check(random, units)
        if process_time() - start > ENOUGH:
            break
    print(f"{asked.cropped} boxes, {asked.grown} of them grown")
    assert asked.cropped
    assert not asked.refused


@pytest.mark.parametrize("name", SMALL)
def test_units_of_real_networks(name: str) -> None:
    check_network(read(name), 5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", TORCHVISION)
def test_units_of_torchvisions_networks(name: str) -> None:
    check_network(read(name), 6)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_units_of_timms_families(family: str) -> None:
    check_network(read_torch(*of_timm(FAMILIES[family])), 6)


def test_a_part_that_lies_elsewhere_is_noticed() -> None:
    whole = read("squeezenet1_1")
    tensor = whole.nodes[5].outputs[0]
    box = Box([*Box.whole(whole.shapes[tensor][:2]), *Box("20:23,7:9")])
    found = crop(whole, {tensor: box})
    check_unit(found, tensor, (0, 3, 21, 8))
    moved = replace(found, boxes={**found.boxes, "x": found.boxes["x"].shift((0, 0, 2, 0))})
    with pytest.raises(AssertionError, match="in the crop"):
        check_unit(moved, tensor, (0, 3, 21, 8))


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
