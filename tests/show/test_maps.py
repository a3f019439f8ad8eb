"""Maps between an input and a unit: the seed's O, A, B, C, channels last, and what is no map."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import striate
from striate.demo.lessons import stacked
from striate.errors import InputError
from striate.fields import Fields, region
from striate.show.maps import maps_sketch
from striate.show.sketch import Line, Rect, Sketch, Text


def texts(sketch: Sketch) -> list[str]:
    return [shape.text for shape in sketch.shapes if isinstance(shape, Text)]


def test_the_seeds_four_maps() -> None:
    sketch = maps_sketch(region(Fields(stacked(3)), "C", (0, 0)))
    assert texts(sketch) == ["O", "7x7 of 7x7", "A", "5x5 of 5x5", "B", "3x3 of 3x3", "C", "1x1 of 1x1"]
    cells = [shape for shape in sketch.shapes if isinstance(shape, Line) and shape.x1 == shape.x2]
    assert len(cells) == 8 + 6 + 4 + 2  # a line before every column and one after the last


def test_a_box_stands_where_it_is_read() -> None:
    # unit (1, 2) of A reads rows 1 to 3, columns 2 to 4 of the seven
    sketch = maps_sketch(region(Fields(stacked(3)), "A", (1, 2)))
    outlines = [shape for shape in sketch.shapes if isinstance(shape, Rect) and shape.fill == "none"]
    whole, read = outlines[:2]
    cell = whole.width / 7
    assert [(read.x - whole.x) / cell, (read.y - whole.y) / cell] == pytest.approx([2, 1])
    assert [read.width / cell, read.height / cell] == pytest.approx([3, 3])


class Last(nn.Module):
    """Channels come and go last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.conv(x.permute(0, 3, 1, 2))
        return made.permute(0, 2, 3, 1)


def test_channels_last() -> None:
    fields = striate.load(Last(), (1, 16, 20, 3)).fields()
    layer = fields.network.nodes[-1].name
    drawn = texts(maps_sketch(region(fields, layer, (2, 3, 0))))
    assert drawn[1] == "3x3 of 16x20"
    assert drawn[-1] == "1x1 of 7x9"


def test_some_maps_alone() -> None:
    found = region(Fields(stacked(3)), "C", (0, 0))
    assert texts(maps_sketch(found, ["B"]))[::2] == ["O", "B", "C"]
    with pytest.raises(InputError, match="no layer 'D'"):
        maps_sketch(found, ["D"])
    with pytest.raises(InputError, match="C is no map on the way from O to B"):
        maps_sketch(region(Fields(stacked(3)), "B", (0, 0)), ["C"])


def test_a_signal_has_no_maps() -> None:
    fields = striate.load(nn.Conv1d(1, 2, 9), (1, 1, 100)).fields()
    with pytest.raises(InputError, match=r"the axes of .* are length"):
        maps_sketch(region(fields, fields.network.nodes[-1].name, (3,)))


def test_letters_of_maps_can_be_read_at_500_pixels() -> None:
    sketch = maps_sketch(region(Fields(stacked(3)), "C", (0, 0)))
    assert min(shape.size for shape in sketch.shapes if isinstance(shape, Text)) * 500 / sketch.width >= 8


class Tokens(nn.Module):
    """Patches behind a class token, and attention among all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.first = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.zeros(1, 1, 8))
        self.norm, self.mix = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(torch.cat([self.first, self.patch(x).flatten(2).transpose(1, 2)], 1))
        mixed: torch.Tensor = self.mix(x, x, x)[0]
        return x + mixed


def rects(sketch: Sketch) -> list[Rect]:
    return [shape for shape in sketch.shapes if isinstance(shape, Rect)]


def test_tokens_stand_on_their_grid_and_the_class_token_beside() -> None:
    fields = striate.load(Tokens().eval(), (1, 3, 12, 20)).fields()
    drawn = maps_sketch(region(fields, "norm", (2, 3)))
    assert texts(drawn)[:2] == ["x", "4x4 of 12x20"]
    assert texts(drawn)[-2:] == ["norm", "1x1+0 of 3x5+1"]
    *_, beside, read = rects(drawn)
    base = next(shape for shape in rects(drawn)[::-1] if shape.fill == "#f6f7fa" and shape.width > read.width)
    assert [(read.x - base.x) / read.width, (read.y - base.y) / read.height] == pytest.approx([3, 2])
    assert beside.x + beside.width < base.x
    assert beside.fill == base.fill


def test_attention_reads_the_class_token_too() -> None:
    fields = striate.load(Tokens().eval(), (1, 3, 12, 20)).fields()
    last = fields.network.nodes[-1].name
    drawn = texts(maps_sketch(region(fields, last, (2, 3))))
    assert "3x5+1 of 3x5+1" in drawn
    with pytest.raises(InputError, match="reads no pixel of x"):
        maps_sketch(region(fields, "norm", (0,)))
