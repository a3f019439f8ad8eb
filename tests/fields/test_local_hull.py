"""Hulls of local fields are those of local regions, at the border too."""

from __future__ import annotations

import pytest

from striate.fields import Fields, region
from striate.geometry import Box
from striate.network import Builder
from striate.network.operators import Conv, Elementwise, Reduce


@pytest.mark.parametrize("at", [(0, 0), (4, 8)])
def test_a_local_hull_is_that_of_the_local_region(at: tuple[int, int]) -> None:
    b = Builder("gated", x=(1, 1, 9, 9))
    conv = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=1), "x", name="conv")
    b.add(Elementwise(), conv, b.add(Reduce((2, 3)), conv, name="mean"), name="gated")
    fields = Fields(b.network())
    assert fields.hull("gated", at) == Box("0:9,0:9")
    assert fields.local.hull("gated", at) == region(fields.local, "gated", at).hull
    assert fields.local.hull("gated", at) != fields.hull("gated", at)
