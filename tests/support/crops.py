"""Random boxes, and the law of a crop: its units depend on what those of the whole depend on, shifted."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np

from striate.crop import Crop, crop
from striate.errors import UnsupportedError
from striate.fields.patch import Patch, Semiring
from striate.fields.walk import pull
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


def check_unit(found: Crop, tensor: str, place: tuple[int, ...]) -> None:
    """One element of a tensor: as many paths lead to each element of the inputs as in the whole."""
    found.network.validate()
    sides = zip(found.boxes[tensor], place, strict=True)
    inside = tuple(places(side).index(i) for side, i in sides)
    for source in found.whole.inputs:
        theirs = paths(found.whole, tensor, place, source)
        if source not in found.feeds:
            assert theirs.empty, f"{tensor} {place} reads {theirs.box} of {source}, which the crop does not take"
            continue
        ours = paths(found.network, tensor, inside, source)
        box = ours.box.shift(found.feeds[source].origin)
        assert ours.empty == theirs.empty
        assert ours.empty or box == theirs.box, f"{tensor} {place} reads {theirs.box} of {source}, in the crop {box}"
        values, expected = (np.ldexp(patch.written_out(), patch.exponent - theirs.exponent) for patch in (ours, theirs))
        np.testing.assert_allclose(values, expected, 1e-9, 0, err_msg=f"{tensor} {place}")


def paths(network: Network, tensor: str, place: tuple[int, ...], source: str) -> Patch:
    """How many paths lead from every element of an input to one of a tensor, on the smallest box that holds them."""
    return pull(network, tensor, Patch.at(network.shapes[tensor], place, Semiring.WEIGHT), source).tight()


@dataclass
class Asked:
    """Random boxes of random layers of a network: how many were cropped, how many had to grow, and what was refused."""

    whole: Network
    cropped: int = 0
    grown: int = 0
    refused: set[str] = field(default_factory=set)

    def check(self, random: Random, units: int) -> None:
        """One box, and some of the elements in it."""
        tensor = random.choice(self.whole.nodes).outputs[0]
        box = random_box(random, self.whole.shapes[tensor])
        found = self._crop(tensor, box)
        if found is not None:
            self.cropped += 1
            for _ in range(units):
                check_unit(found, tensor, tuple(random.choice(places(side)) for side in box))

    def _crop(self, tensor: str, box: Box) -> Crop | None:
        """The crop as it is, or grown to the ends of the image where only that is given."""
        try:
            return crop(self.whole, {tensor: box})
        except UnsupportedError:
            self.grown += 1
        try:
            return crop(self.whole, {tensor: box}, grow=True)
        except UnsupportedError as error:
            self.grown -= 1
            self.refused.add(f"{tensor}: {error}")
            return None
