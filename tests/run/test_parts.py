"""Crops written as ONNX models equal that part of the whole, operator by operator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from support.parts import Differences, edges, exported, some_boxes
from torch import Tensor, nn
from torch.nn import functional as F

from striate.formats.model import Model
from striate.run import ReferenceRunner

ODD = (1, 4, 13, 17)


class Function(nn.Module):
    """A function of a tensor, with a parameter of space and a few weights."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.place = nn.Parameter(torch.randn(1, 4, 13, 17))
        self.row = nn.Parameter(torch.randn(17))
        self.dense = nn.Linear(17, 6)
        self.left = nn.Parameter(torch.randn(13, 13))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def resized(**options: Any) -> Callable[[], nn.Module]:
    return lambda: Function(lambda m, x: F.interpolate(x, **options))


MODULES: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: nn.Conv2d(4, 6, 3, 2, 1, 2),
    "grouped conv": lambda: nn.Conv2d(4, 8, (3, 5), (3, 1), (0, 4), groups=4),
    "norm": lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)),
    "transposed": lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, 1),
    "transposed with holes": lambda: nn.ConvTranspose2d(4, 3, 2, 3, 0, 2),
    "transposed dilated": lambda: nn.ConvTranspose2d(4, 4, 3, 2, 1, dilation=2, groups=2),
    "max pool": lambda: nn.MaxPool2d(3, 2, 1),
    "max pool ceil": lambda: nn.MaxPool2d(3, 2, ceil_mode=True),
    "dilated pool": lambda: nn.MaxPool2d(3, 1, 1, dilation=2),
    "average pool": lambda: nn.AvgPool2d(3, 2, 1),
    "average pool of pixels": lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average pool ceil": lambda: nn.AvgPool2d(3, 2, 0, ceil_mode=True),
    "average pool ceil pads": lambda: nn.AvgPool2d(4, 3, 1, ceil_mode=True),
    "average pool ceil of pixels": lambda: nn.AvgPool2d(4, 3, 1, ceil_mode=True, count_include_pad=False),
    "lp pool": lambda: nn.LPPool2d(2, 3, 2),
    "lrn": lambda: nn.LocalResponseNorm(3),
    "zero pad": lambda: nn.ConstantPad2d((1, 2, 3, 0), 0.5),
    "crop by pads": lambda: nn.ConstantPad2d((-1, 2, -3, -2), 0.5),
    "reflect": lambda: nn.ReflectionPad2d((3, 2, 1, 4)),
    "replicate": lambda: nn.ReplicationPad2d((3, 2, 1, 4)),
    "pixel shuffle": lambda: nn.PixelShuffle(2),
    "unshuffle": lambda: Function(lambda m, x: F.pixel_unshuffle(x[:, :, :12, :16], 2)),
    "nearest": resized(scale_factor=2, mode="nearest"),
    "nearest by 3": resized(scale_factor=3, mode="nearest"),
    "nearest to a size": resized(size=(29, 23), mode="nearest"),
    "bilinear": resized(scale_factor=2, mode="bilinear"),
    "bilinear by 3": resized(scale_factor=3, mode="bilinear"),
    "bilinear to a size": resized(size=(29, 11), mode="bilinear"),
    "corners": resized(size=(29, 40), mode="bilinear", align_corners=True),
    "bicubic": resized(scale_factor=2, mode="bicubic"),
    "bicubic corners": resized(size=(29, 11), mode="bicubic", align_corners=True),
    "channel norm": lambda: Function(lambda m, x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2)),
    "softmax over channels": lambda: nn.Softmax(1),
    "mean over channels": lambda: Function(lambda m, x: x.mean(1, keepdim=True) + x.amax(1, keepdim=True)),
    "position table": lambda: Function(lambda m, x: (x + m.place) * m.row),
    "slope of space": lambda: Function(lambda m, x: torch.where(m.place > 0, x, x * 0.5)),
    "prelu": lambda: nn.PReLU(4),
    "dense": lambda: Function(lambda m, x: m.dense(x)),
    "product from the left": lambda: Function(lambda m, x: m.left @ x),
    "table beside": lambda: Function(lambda m, x: torch.cat([x, m.place], 2)),
    "slices": lambda: Function(lambda m, x: x[:, 1:, 2:11:3, 1:-1] - x[:, :-1, 1:10:3, :-2]),
    "roll": lambda: Function(lambda m, x: torch.roll(x, (2, -3), (2, 3))),
    "windows": lambda: Function(lambda m, x: x[:, :, :12, :16].reshape(1, 4, 3, 4, 4, 4).permute(0, 2, 4, 3, 5, 1)),
    "flatten": lambda: Function(lambda m, x: x.flatten(2).transpose(1, 2)),
    "gather": lambda: Function(lambda m, x: x[:, :, torch.tensor([3, 1, 4, 1, 5])]),
    "expand": lambda: Function(lambda m, x: x[:, :1].expand(1, 4, 13, 17) + x),
    "split": lambda: Function(lambda m, x: torch.cat([y.relu() for y in torch.split(x, [1, 3], 1)[::-1]], 1)),
    "cumsum": lambda: Function(lambda m, x: x.cumsum(3)),
    "unfold": lambda: Function(lambda m, x: F.unfold(x, 3, 2, 1, 2)),
    "fold": lambda: Function(lambda m, x: F.fold(F.unfold(x, 3), (13, 17), 3)),
    "reduce": lambda: Function(lambda m, x: x.sum(3)),
    "argmax": lambda: Function(lambda m, x: x.argmax(1)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_operators(name: str) -> None:
    torch.manual_seed(0)
    model = Model(exported(MODULES[name](), ODD, opset=18))
    (output,) = model.network.outputs
    found = Differences(model, output)
    for box in edges(found.shape, whole=min(2, len(found.shape) - 1)):
        found.check(box)
    for box in some_boxes(Random(0), found.shape, 10):
        found.check(box)
    assert found.ran > 10, found.refused


NOT_IN_NUMPY = {"transposed dilated", "crop by pads"}
"""What the reference evaluator of onnx does not run: groups together with dilation, and pads below zero."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(MODULES.keys() - NOT_IN_NUMPY))
def test_operators_in_numpy(name: str) -> None:
    torch.manual_seed(0)
    model = Model(exported(MODULES[name](), ODD, opset=18))
    found = Differences(model, model.network.outputs[0], run=ReferenceRunner)
    for box in some_boxes(Random(0), found.shape, 8):
        found.check(box)
    assert found.ran > 5, found.refused


OPSETS = (
    "conv",
    "average pool",
    "zero pad",
    "slices",
    "roll",
    "nearest",
    "bilinear",
    "expand",
    "windows",
    "position table",
)


@pytest.mark.parametrize("opset", [9, 10, 11, 13, 16])
@pytest.mark.parametrize("name", OPSETS)
def test_older_opsets(name: str, opset: int) -> None:
    if (name == "bilinear" and opset < 11) or (name == "slices" and opset < 10):
        pytest.skip("torch does not export it there")
    torch.manual_seed(0)
    content = exported(MODULES[name](), ODD, opset=opset)
    model = Model(content)
    found = Differences(model, model.network.outputs[0])
    for box in some_boxes(Random(1), found.shape, 12):
        found.check(box)
    assert found.ran > 8
