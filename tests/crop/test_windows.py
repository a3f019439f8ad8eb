"""Windows numbered over rows and columns: a crop takes those that its box lies in, and no others of their rows."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch
from support.crops import check, random_box
from support.parts import Differences, exported, some_boxes
from torch import Tensor, nn

from striate.crop import crop
from striate.errors import InputError
from striate.formats.model import Model
from striate.formats.torch import read_torch
from striate.geometry import Box, Interval, Runs, places

SHAPE = (1, 2, 12, 15)


class Windows(nn.Module):
    """Attention within windows of 3 x 3, each with a table of its own, as Swin does it; ``shift`` rolls before."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.shift = shift
        self.mix, self.norm = nn.Linear(2, 6), nn.LayerNorm(2)
        self.table = nn.Parameter(torch.randn(20, 9, 9))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.roll(x, (-self.shift, -self.shift), (2, 3)) if self.shift else x
        x = x.permute(0, 2, 3, 1).reshape(1, 4, 3, 5, 3, 2).permute(0, 1, 3, 2, 4, 5).reshape(20, 9, 2)
        q, k, v = self.mix(self.norm(x)).reshape(20, 9, 3, 1, 2).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)).view(1, 20, 1, 9, 9) + self.table.unsqueeze(1).unsqueeze(0)
        x = (scores.view(20, 1, 9, 9).softmax(-1) @ v).transpose(1, 2).reshape(20, 9, 2) + x
        x = x.view(1, 4, 5, 3, 3, 2).permute(0, 1, 3, 2, 4, 5).reshape(1, 12, 15, 2)
        return torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x


@pytest.mark.parametrize(
    ("box", "fed"),
    [
        ("0,4:5,7:8,0:2", "0:1,0:2,3:6,6:9"),
        ("0,0:12,14:15,0:1", "0:1,0:2,0:12,12:15"),
        ("0,5:7,2:9,0:1", "0:1,0:2,3:9,0:9"),
    ],
)
def test_no_more_windows_than_the_box_lies_in(box: str, fed: str) -> None:
    network = read_torch(Windows().eval(), SHAPE)
    found = crop(network, {network.outputs[0]: Box(box)}, grow=True)
    assert found.feeds["x"] == Box(fed)


@pytest.mark.parametrize("shift", [0, 1])
def test_units_depend_on_what_those_of_the_whole_do(shift: int) -> None:
    network, random = read_torch(Windows(shift).eval(), SHAPE), Random(shift)
    tensors = [node.outputs[0] for node in network.nodes]
    for _ in range(5):
        tensor = random.choice(tensors)
        asked = {tensor: random_box(random, network.shapes[tensor])}
        check(crop(network, asked, grow=True), network, asked)


@pytest.mark.parametrize("shift", [0, 1])
def test_parts_give_what_the_whole_gives(shift: int) -> None:
    torch.manual_seed(0)
    model = Model(exported(Windows(shift), SHAPE, opset=18))
    found = Differences(model, model.network.outputs[0])
    for box in some_boxes(Random(shift), found.shape, 20):
        found.check(box)
    assert found.ran > 12, found.refused


def test_runs_hold_what_their_indices_say() -> None:
    random = Random(0)
    for _ in range(200):
        period, starts = random.randint(2, 7), [random.randint(0, 5) for _ in range(2)]
        boxes = []
        for start in starts:
            column = random.randint(0, period - 1)
            rows = Interval(start, start + random.randint(1, 4))
            boxes.append((rows, Interval(column, random.randint(column + 1, period))))
        a, b = (Runs.of_rows(*sides, period) for sides in boxes)
        held = {row * period + column for row in places(boxes[0][0]) for column in places(boxes[0][1])}
        assert set(places(a)) == held
        assert a.size == len(held)
        assert {i for i in range(70) if i in a} == held
        assert a.contains(b) == (set(places(b)) <= held)
        assert set(places(a.hull(b))) >= held | set(places(b))
        assert set(places(a.shift(3))) == {i + 3 for i in held}


def test_a_box_with_gaps_says_so_and_has_no_slices() -> None:
    box = Box([Interval(0, 2), Runs.of_rows(Interval(0, 4), Interval(4, 5), 5)])
    assert str(box) == "0:2,4:5+5*3"
    assert box.shape == (2, 4)
    with pytest.raises(InputError, match="has gaps"):
        _ = box.slices


def test_other_windows_are_noticed() -> None:
    network = read_torch(Windows().eval(), SHAPE)
    asked = {network.outputs[0]: Box("0:1,2:8,7:8,0:2")}
    found = crop(network, asked, grow=True)
    assert any(isinstance(side, Runs) for box in found.boxes.values() for side in box)
    moved = replace(found, boxes={**found.boxes, "x": found.boxes["x"].shift((0, 0, 0, 3))})
    with pytest.raises(AssertionError):
        check(moved, network, asked)
