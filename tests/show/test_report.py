"""Which fields a picture shows: the unit over a pixel, the layers of a report, what a picture may cost."""

from __future__ import annotations

import io
import tracemalloc

import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.errors import InputError
from striate.fields import Fields, region
from striate.show import describe, to_csv, to_html, to_json
from striate.show.report import pictured_layers, region_picture, report_picture, row_pictures, unit_under


class Last(nn.Module):
    """Channels go last."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1)


def network(*last: nn.Module, side: int = 32) -> Fields:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, 1), *last)
    return striate.load(layers, (1, 3, side, side)).fields()


def holds(fields: Fields, layer: str, pixel: tuple[int, int]) -> bool:
    """Whether the unit that stands over a pixel reads it."""
    hull = region(fields, layer, unit_under(fields, layer, pixel)).hull
    return all(side.start <= place < side.stop for side, place in zip(hull, pixel, strict=True))


@pytest.mark.parametrize("pixel", [(0, 0), (31, 31), (5, 28)])
def test_the_unit_over_a_pixel_reads_it(pixel: tuple[int, int]) -> None:
    fields = network(Last())
    assert all(holds(fields, layer, pixel) for layer in ("0", "1", "2"))
    assert unit_under(fields, "1", (5, 28)) == (2, 14)
    assert unit_under(fields, "2", (5, 28))[:2] == (2, 14)


def test_a_layer_without_places_has_a_unit_over_every_pixel() -> None:
    fields = network(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    assert unit_under(fields, "4", (5, 28)) == (5,)
    seen = region(fields, "1", (3, 3))
    with Image.open(io.BytesIO(region_picture(seen, ["0", "4"], None))) as image:
        assert image.format == "PNG"


def test_a_report_shows_layers_with_a_bounded_field() -> None:
    fields = network(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    assert pictured_layers(describe(fields)) == ["0", "1", "2"]


class Gated(nn.Module):
    """A map times the mean of its pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x.mean((2, 3), keepdim=True)


def test_layers_behind_a_gate_are_shown_by_their_local_fields() -> None:
    fields = network(Gated(), nn.Conv2d(4, 4, 3, 2, 1))
    document = describe(fields)
    last = pictured_layers(document)[-1]
    assert [axis["status"] for axis in document["layers"][-1]["axes"]] == ["whole", "whole"]
    assert (last, len(row_pictures(fields, document, None))) == ("3", 3)
    assert report_picture(fields, document, None) is not None


def test_a_signal_has_no_picture() -> None:
    fields = striate.load(nn.Conv1d(1, 2, 9), (1, 1, 100)).fields()
    assert report_picture(fields, describe(fields), None) is None
    with pytest.raises(InputError, match="a picture needs an input with height and width; this one has length"):
        region_picture(region(fields, fields.network.nodes[-1].name, (3,)), [], None)


def test_what_is_written_grows_with_layers_and_not_with_the_image() -> None:
    small, large = (describe(network(side=side)) for side in (32, 4096))
    for write in (to_json, to_csv, to_html):
        assert len(write(large)) < 1.02 * len(write(small)) + 100
    assert len(to_csv(small).splitlines()) == 1 + 2 * len(small["layers"])


def test_a_picture_takes_memory_for_its_own_pixels_alone() -> None:
    """At most sixty bytes for each pixel of the input and each of the figure, however many a field holds."""
    fields = network(side=512)
    seen = region(fields, "1", (100, 100))
    region_picture(seen, [], None)
    tracemalloc.start()
    data = region_picture(seen, ["0"], None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with Image.open(io.BytesIO(data)) as image:
        figure = image.width * image.height
    assert peak < 60 * (512 * 512 + figure)
