"""The law of a crop: what every unit of it depends on is what the unit of the whole depends on, shifted."""

from __future__ import annotations

from random import Random

import pytest
from support.crops import check, random_box
from support.pairs import random_pair

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.geometry import Box
from striate.network import Network


def case(seed: int) -> tuple[Network, dict[str, Box]]:
    network, random = random_pair(seed).network(), Random(seed)
    tensors = [node.outputs[0] for node in network.nodes]
    asked = random.sample(tensors, min(len(tensors), random.choice([1, 1, 1, 2])))
    return network, {tensor: random_box(random, network.shapes[tensor]) for tensor in asked}


@pytest.mark.parametrize("first", range(0, 2000, 100))
def test_units_of_a_crop_depend_on_what_the_units_of_the_whole_do(first: int) -> None:
    refused = 0
    for seed in range(first, first + 100):
        network, asked = case(seed)
        try:
            found = crop(network, asked)
        except UnsupportedError:
            refused += 1
            continue
        check(found, network, asked)
    assert refused < 20
