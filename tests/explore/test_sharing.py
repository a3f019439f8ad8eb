"""What sharing a kernel saves, counted again in matrices of torch's own, and pictures that move."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate import InputError, load
from striate.explore import Sharing, Shift, Unmeasured, sharing

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
SMALL = (1, 4, 7, 6)
LAYERS = [
    nn.Conv2d(4, 6, 3), nn.Conv2d(4, 2, 3, 2, 1), nn.Conv2d(4, 4, (3, 2), 1, (2, 0), (2, 1), groups=2, bias=False),
    nn.Conv2d(4, 8, 5, 3, 2, groups=4), nn.Conv2d(4, 3, 1), nn.Conv2d(4, 2, 7, padding=5),
]  # fmt: skip


def one(layer: nn.Conv2d, shape: tuple[int, ...] = SMALL) -> Sharing:
    (found,) = sharing(nn.Sequential(layer), "0", shape, shift=False)
    return found


def dense_matrix(layer: nn.Conv2d, shape: tuple[int, ...] = SMALL) -> torch.Tensor:
    """The matrix between the flattened maps, by pictures of a single 1, for a kernel of ones."""
    kernel = torch.ones_like(layer.weight)
    pictures = torch.eye(int(np.prod(shape))).reshape(-1, *shape[1:])
    maps = nn.functional.conv2d(pictures, kernel, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    return maps.flatten(1).T


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_counts_are_those_of_the_matrix(layer: nn.Conv2d) -> None:
    found, matrix = one(layer), dense_matrix(layer)
    assert found.dense.weights == found.dense.macs == found.dense.macs_inside == matrix.numel()
    assert found.local.macs_inside == found.convolution.macs_inside == int((matrix != 0).sum())
    biases = (0, 0) if layer.bias is None else (layer.out_channels, matrix.shape[0])
    assert (found.convolution.biases, found.local.biases, found.dense.biases) == (biases[0], biases[1], biases[1])


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_counts_are_torch_s(layer: nn.Conv2d) -> None:
    """torch counts two operations for each tap, padded ones too; a locally connected layer has a weight for each."""
    found = one(layer)
    assert found.convolution.parameters == sum(p.numel() for p in layer.parameters())
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(SMALL))
    assert found.convolution.macs * 2 == counter.get_total_flops()
    windows = nn.functional.unfold(
        torch.zeros(SMALL), layer.kernel_size, layer.dilation, layer.padding, layer.stride  # type: ignore[arg-type]
    )
    assert found.local.weights == windows[0].numel() // layer.groups * layer.out_channels
    assert found.saved == (
        found.local.parameters / found.convolution.parameters, found.dense.parameters / found.convolution.parameters,
    )  # fmt: skip


def test_the_tutorial_s_layer_and_the_object_network_s_first() -> None:
    seed = one(nn.Conv2d(1, 1, 3), (1, 1, 4, 4))
    assert [c.parameters for c in (seed.convolution, seed.local, seed.dense)] == [10, 40, 68]
    assert [c.macs for c in (seed.convolution, seed.local, seed.dense)] == [36, 36, 64]
    padded = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 32, 3, 2))
    (first,) = sharing(padded, None, (1, 3, 300, 300), shift=False)
    assert (first.convolution.macs, first.local.parameters) == (19_440_000, 19_440_000 + 720_000)
    joined = nn.Conv2d(3, 32, 3, 2, 1)
    assert one(joined, (1, 3, 300, 300)).convolution.macs_inside == 449**2 * 96


def test_one_axis_and_three() -> None:
    (line,) = sharing(nn.Sequential(nn.Conv1d(2, 3, 5, padding=2)), None, (1, 2, 9), shift=False)
    assert (line.convolution.macs, line.convolution.macs_inside) == (9 * 5 * 6, (45 - 6) * 6)
    (block,) = sharing(nn.Sequential(nn.Conv3d(1, 2, 3, padding=1)), None, (1, 1, 4, 5, 6), shift=False)
    assert block.convolution.macs_inside == 2 * (12 - 2) * (15 - 2) * (18 - 2)


def test_what_is_read_in_a_reflected_border_is_no_zero() -> None:
    reflected = one(nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"))
    assert reflected.convolution.macs_inside == reflected.convolution.macs


@pytest.mark.parametrize(("layer", "pixels", "compared"), [
    ("stem/conv", 1, 26 - 1), ("down1/conv", 2, 11 - 1), ("down2/conv", 4, 3 - 1),
])  # fmt: skip
def test_moved_by_its_stride_the_picture_moves_the_map_by_a_unit(layer: str, pixels: int, compared: int) -> None:
    (found,) = sharing(DENOISER, layer, (1, 3, 32, 32))
    moved = found.shift
    assert isinstance(moved, Shift)
    assert (moved.pixels, moved.units, moved.compared) == ((pixels,) * 2, (1, 1), (compared,) * 2)
    assert moved.holds
    assert moved.unmoved > 0.1 * moved.largest > 0


def test_the_map_moves_as_numpy_moves_it() -> None:
    """The largest difference by hand: torch's maps of both pictures, units picked by their windows."""
    module = nn.Sequential(nn.Conv2d(3, 4, 5, 3, 2))
    picture = np.random.default_rng(1).random((1, 3, 20, 20)).astype(np.float32)
    (found,) = sharing(module, None, picture.shape, picture=picture)
    before, after = (module(torch.from_numpy(x)).detach().numpy() for x in (picture, np.roll(picture, (3, 3), (2, 3))))
    inside = [u for u in range(7) if 3 * u - 2 >= 0 and 3 * u + 3 <= 20]
    kept = slice(inside[0], inside[-1])
    onward = slice(inside[0] + 1, inside[-1] + 1)
    moved = found.shift
    assert isinstance(moved, Shift)
    assert moved.compared == (len(inside) - 1,) * 2
    assert moved.difference == np.abs(before[..., kept, kept] - after[..., onward, onward]).max()
    assert moved.unmoved == np.abs(before[..., kept, kept] - after[..., kept, kept]).max() > 0.1


class Placed(nn.Module):
    """A convolution whose input has another number added at every place: what a locally connected layer can do."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.rand(1, 1, 16, 16))
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.conv(x + self.places)
        return made


def test_a_layer_that_knows_its_place_does_not_move() -> None:
    (found,) = sharing(Placed(), None, (1, 1, 16, 16))
    moved = found.shift
    assert isinstance(moved, Shift)
    assert not moved.holds
    assert moved.difference > 0.01


def test_what_is_upsampled_moves_by_several_units() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.Upsample(scale_factor=4), nn.Conv2d(2, 1, 3, padding=1))
    found = sharing(module, None, (1, 1, 32, 32))[1].shift
    assert isinstance(found, Shift)
    assert (found.pixels, found.units, found.holds) == ((2, 2), (4, 4), True)


def test_where_nothing_is_measured_the_reason_is_told() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            made: torch.Tensor = self.second(y * y.mean((2, 3), keepdim=True))
            return made

    first, second = sharing(Gated(), None, (1, 1, 9, 9))
    assert isinstance(first.shift, Shift)
    assert second.shift is Unmeasured.EVERYTHING
    assert one(LAYERS[0]).shift is Unmeasured.UNASKED
    deep = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)))
    assert sharing(deep, None, (1, 1, 6, 6))[2].shift is Unmeasured.SMALL


def test_what_is_no_convolution_is_one_line() -> None:
    with pytest.raises(InputError, match="stem is no convolution; denoiser has 12, the first: stem/conv, enc1/conv"):
        sharing(load(DENOISER, (1, 3, 16, 16)), "stem")
    with pytest.raises(InputError, match="has no convolution, whose kernel is what is shared"):
        sharing(nn.Sequential(nn.ReLU()), None, (1, 1, 4, 4))
    with pytest.raises(InputError, match="takes 1x3x16x16, is fed 1x3x8x8"):
        sharing(DENOISER, None, (1, 3, 16, 16), picture=np.zeros((1, 3, 8, 8)))
