"""Random boxes, and the law of a crop: its units depend on what those of the whole depend on, shifted."""

from __future__ import annotations

from random import Random

import numpy as np

from striate.crop import Crop
from striate.geometry import Box, Interval, places
from striate.network import Network
from support.oracle import dependence


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
        sets = theirs[tensor][np.ix_(*map(places, box))].reshape(*box.shape, *whole.shapes[source])
        if not found.network.inputs:
            assert not sets.any()
            continue
        feed = found.feeds[source]
        inside = (*(slice(None) for _ in box), *feed.slices)
        assert sets.sum() == sets[inside].sum(), f"{tensor} {box} reads outside {feed}"
        np.testing.assert_array_equal(ours[tensor].reshape(*box.shape, *feed.shape), sets[inside], f"{tensor} {box}")
