"""A ring that a mask hides says what a crop and a pad with zeros say, and what regions say of the units inside."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate

SIDE = 12


class Ringed(nn.Module):
    """A convolution with some of its rows and columns hidden, and one more."""

    def __init__(self, rows: tuple[int, int], columns: tuple[int, int], *, masked: bool) -> None:
        super().__init__()
        self.rows, self.columns, self.masked = rows, columns, masked
        self.conv, self.last = (nn.Conv2d(1, 1, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        pads = (*self.columns, *self.rows)
        if self.masked:
            inside = torch.ones(SIDE - sum(self.rows), SIDE - sum(self.columns))
            return self.last(F.pad(inside, pads) * y)
        (top, bottom), (left, right) = self.rows, self.columns
        return self.last(F.pad(y[:, :, top : SIDE - bottom, left : SIDE - right], pads))


@pytest.mark.parametrize("rows", [(1, 1), (2, 0), (0, 3), (3, 3)])
@pytest.mark.parametrize("columns", [(0, 0), (0, 1), (2, 3)])
def test_a_masked_ring_is_a_crop_and_a_pad(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    networks = [striate.load(Ringed(rows, columns, masked=masked), (1, 1, SIDE, SIDE)) for masked in (True, False)]
    masked, padded = (network.fields() for network in networks)
    for layer, other in (("mul", "pad"), ("last", "last")):
        assert masked[layer].axes == padded[other].axes
        for place in product(range(SIDE), repeat=2):
            assert masked.hull(layer, place) == networks[1].region(other, place).hull
    claimed = masked["mul"].axes.values()
    for u in range(rows[0] + 1, SIDE - max(rows[1], 1)):
        seen = networks[0].region("mul", (u, SIDE // 2)).hull
        assert [axis.unit(i) for axis, i in zip(claimed, (u, SIDE // 2), strict=True)] == list(seen)


def test_a_mask_that_hides_more_than_half_leaves_no_rule() -> None:
    fields = striate.load(Ringed((7, 1), (0, 0), masked=True), (1, 1, SIDE, SIDE)).fields()
    assert {axis.status for axis in fields["mul"].axes.values()} == {"irregular"}
