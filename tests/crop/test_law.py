"""The law of a crop: what every unit of it depends on is what the unit of the whole depends on, shifted."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from support.crops import check, random_box
from support.pairs import random_pair

from striate.crop import crop
from striate.errors import ModelError, UnsupportedError
from striate.geometry import Box
from striate.network import Builder, Network
from striate.network.operators import Conv


def case(seed: int) -> tuple[Network, dict[str, Box]]:
    network, random = random_pair(seed).network(), Random(seed)
    tensors = [node.outputs[0] for node in network.nodes]
    asked = random.sample(tensors, min(len(tensors), random.choice([1, 1, 1, 2])))
    return network, {tensor: random_box(random, network.shapes[tensor]) for tensor in asked}


def check_cases(seeds: range) -> None:
    refused = 0
    for seed in seeds:
        network, asked = case(seed)
        try:
            found = crop(network, asked)
        except UnsupportedError:
            refused += 1
            continue
        check(found, network, asked)
    assert refused < len(seeds) // 5


@pytest.mark.parametrize("first", range(0, 2000, 200))
def test_units_of_a_crop_depend_on_what_the_units_of_the_whole_do(first: int) -> None:
    check_cases(range(first, first + 200))


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(2000, 100_000, 2000))
def test_units_of_many_crops(first: int) -> None:
    check_cases(range(first, first + 2000))


def test_the_law_notices_a_box_that_lies_elsewhere_and_a_pad_that_is_missing() -> None:
    b = Builder("one", image=(1, 1, 9, 9))
    b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=1), "image", name="conv")
    whole, asked = b.network(), {"conv": Box("0:1,0:1,0:3,4:6")}
    found = crop(whole, asked)
    check(found, whole, asked)
    moved = replace(found, boxes={**found.boxes, "image": found.boxes["image"].shift((0, 0, 0, 1))})
    with pytest.raises(AssertionError, match="reads outside"):
        check(moved, whole, asked)
    (node,) = found.network.nodes
    bare = replace(node, op=Conv((3, 3), padding=((0, 1), (0, 0)), out_channels=1))
    with pytest.raises((AssertionError, ModelError)):
        check(replace(found, network=replace(found.network, nodes=(bare,))), whole, asked)
