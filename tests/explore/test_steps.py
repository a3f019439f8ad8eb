"""One output taken apart: its parts add up to the number that the runtime gives, whatever the layer's settings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate import InputError
from striate.explore import kernels
from striate.explore.steps import Step, step

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
PICTURE = np.random.default_rng(0).random((1, 3, 32, 32)).astype(np.float32)


def adds_up(found: Step) -> None:
    told = found.explanation
    assert told.value == pytest.approx(found.runtime, abs=1e-5)
    assert found.product.value == pytest.approx(found.runtime, abs=1e-5)
    assert told.channel_sums.sum() == pytest.approx(told.products.sum(), abs=1e-6)


@pytest.mark.parametrize("layer", ["stem/conv", "enc1/conv", "down1/conv", "mid2/conv"])
@pytest.mark.parametrize("at", [(0, 0), (3, 7)])
def test_a_file_s_convolution_adds_up(layer: str, at: tuple[int, int]) -> None:
    found = step(DENOISER, layer, at, PICTURE, 5, (1, 3, 32, 32))
    adds_up(found)
    assert found.runtime != 0


@pytest.mark.parametrize("layer", [
    nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 6, (3, 5), 1, (2, 0), 2, groups=3, bias=False),
])  # fmt: skip
def test_a_module_s_convolution_adds_up_and_what_follows_is_told(layer: nn.Conv2d) -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1), layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()).eval()
    for at in ((0, 0), (5, 4)):
        found = step(module, "1", at, PICTURE, 3, (1, 3, 32, 32))
        adds_up(found)
        whole = module(torch.from_numpy(PICTURE))[0, 3, at[0], at[1]].item()
        assert [name for name, _, _ in found.after] == ["2", "3"]
        assert found.after[-1][2] == pytest.approx(whole, abs=1e-5)
        assert "then 3 (relu): " in str(found)


@pytest.mark.parametrize("layer", [
    nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 6, (3, 5), 1, (2, 0), 2, groups=3, bias=False),
])  # fmt: skip
def test_the_product_is_an_entry_of_the_matrices_that_torch_unfolds(layer: nn.Conv2d) -> None:
    found = step(nn.Sequential(layer), "0", (5, 4), PICTURE, 3, (1, 3, 32, 32))
    groups = layer.groups
    kernels = layer.weight.detach().reshape(groups, layer.out_channels // groups, -1)
    size, padding, dilation = layer.kernel_size, layer.padding, layer.dilation
    assert not isinstance(padding, str)
    windows = nn.functional.unfold(torch.from_numpy(PICTURE), size, dilation, padding, layer.stride)
    windows = windows.reshape(groups, kernels.shape[2], -1)
    group = 3 // (layer.out_channels // groups)
    row, column = found.product.place
    assert found.product.group == (group, groups)
    assert ("group 1 of 3, counted from 0:" in found.lines(matrix=True)) == (groups == 3)
    assert (found.product.weights, found.product.windows) == (kernels[group].shape, windows[group].shape)
    np.testing.assert_array_equal(found.product.row, kernels[group, row])
    np.testing.assert_array_equal(found.product.column, windows[group, :, column])
    bias = 0.0 if layer.bias is None else layer.bias[3].item()
    assert (kernels @ windows)[group, row, column].item() + bias == pytest.approx(found.runtime, abs=1e-5)


def test_kernels_are_the_weights_with_the_input_channels_last() -> None:
    layer = nn.Conv2d(3, 4, (2, 5))
    found = kernels(nn.Sequential(layer, nn.ReLU()), "0", (1, 3, 9, 9))
    held = layer.weight.detach().numpy()
    np.testing.assert_array_equal(found.values, held.transpose(0, 2, 3, 1))
    assert found.scale == (-np.abs(held).max(), np.abs(held).max())
    with pytest.raises(InputError, match="1 is elementwise, no convolution of two axes"):
        kernels(nn.Sequential(layer, nn.ReLU()), "1", (1, 3, 9, 9))


@pytest.mark.parametrize(("layer", "at", "channel", "said"), [
    ("2", (0, 0), 0, "2 is elementwise, no convolution of two axes; the nearest: "),
    ("input", (0, 0), 0, "input is an input, no convolution"),
    ("1", (40, 0), 0, r"unit 40,0 lies outside 1: y must be in \[0, 30\), x in \[0, 30\)"),
    ("1", (0, -1), 0, "unit 0,-1 lies outside 1"),
    ("1", (0, 0), 9, r"channel 9 lies outside 1: it must be in \[0, 4\)"),
    ("1", (0,), 0, "at takes two numbers"),
    ("nine", (0, 0), 0, "no layer 'nine'"),
])  # fmt: skip
def test_what_is_no_output_is_one_line(layer: str, at: tuple[int, ...], channel: int, said: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(InputError, match=said):
        step(module, layer, at, PICTURE, channel, (1, 3, 32, 32))


def test_a_picture_of_another_size_is_one_line() -> None:
    with pytest.raises(InputError, match="takes 1x3x16x16, is fed 1x3x32x32"):
        step(DENOISER, "stem/conv", (0, 0), PICTURE, 0, (1, 3, 16, 16))


def test_an_input_that_torch_does_not_show_is_one_line() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"))
    with pytest.raises(InputError, match="is made between submodules, and torch shows what these give"):
        step(module, "1", (0, 0), PICTURE, 0, (1, 3, 32, 32))
