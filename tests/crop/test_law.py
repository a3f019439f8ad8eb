"""The law of a crop: what every unit of it depends on is what the unit of the whole depends on, shifted."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from support.oracle import dependence
from support.pairs import random_pair

from striate.crop import Crop, crop
from striate.errors import UnsupportedError
from striate.geometry import Box, Interval
from striate.network import Network


def random_box(random: Random, shape: tuple[int, ...]) -> Box:
    """A box that holds an element: a small one, one at an edge, or any."""
    sides = []
    for n in shape:
        size = min(random.choice([1, 1, 2, 3, n]), n)
        start = random.choice([0, n - size, random.randint(0, n - size)])
        sides.append(Interval(start, start + size))
    return Box(sides)


def check(found: Crop, whole: Network, asked: dict[str, Box]) -> None:
    """Every unit of every tensor that crop and whole both have."""
    found.network.validate()
    ours, theirs = dependence(found.network) if found.network.inputs else {}, dependence(whole)
    (source,) = whole.inputs
    for tensor, box in asked.items():
        assert found.boxes[tensor].contains(box)
    for tensor, box in found.boxes.items():
        if tensor not in theirs:
            continue
        sets = theirs[tensor][box.slices].reshape(*box.shape, *whole.shapes[source])
        if not found.network.inputs:
            assert not sets.any()
            continue
        feed = found.feeds[source]
        inside = (*(slice(None) for _ in box), *feed.slices)
        assert sets.sum() == sets[inside].sum(), f"{tensor} {box} reads outside {feed}"
        np.testing.assert_array_equal(ours[tensor].reshape(*box.shape, *feed.shape), sets[inside], f"{tensor} {box}")


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
