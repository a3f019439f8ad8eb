"""Crops in NumPy alone: what they give is that part of what a whole gives in onnxruntime, and in torch."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from support.part_networks import UNet, valid
from support.parts import Differences, exported, random_feeds, some_boxes
from torch import nn

from striate.crop import crop
from striate.errors import InputError, UnsupportedError
from striate.formats.model import Model
from striate.geometry import Box
from striate.run import ReferenceRunner, Runner
from striate.run.torch import TorchRunner

MODULES: dict[str, Callable[[], nn.Module]] = {
    "U-Net, transposed": lambda: UNet("transposed"),
    "U-Net, bilinear": lambda: UNet("bilinear"),
    "VALID chain": valid,
    "pools": lambda: nn.Sequential(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 1, 1), nn.Conv2d(3, 2, 3)),
    "borders": lambda: nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 3, 2, dilation=2), nn.BatchNorm2d(4)),
    "shuffled": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.PixelShuffle(2), nn.Upsample(scale_factor=1.5), nn.GELU()),
}


@pytest.mark.parametrize("name", MODULES)
def test_parts_are_those_of_the_whole_in_onnxruntime(name: str) -> None:
    torch.manual_seed(0)
    model = Model(exported(MODULES[name](), (1, 3, 21, 26), opset=18))
    found = Differences(model, model.network.outputs[0], run=ReferenceRunner)
    for box in some_boxes(Random(0), found.shape, 8):
        found.check(box)
    assert found.ran == 8


def test_a_crop_of_a_module_is_that_part_of_what_torch_gives() -> None:
    torch.manual_seed(0)
    model = Model(MODULES["borders"]().eval(), (1, 3, 21, 26))
    feeds, layer = random_feeds(model), model.network.outputs[0]
    found = crop(model.network, {layer: Box("0:1,0:4,7:11,0:3")})
    fed = {name: feeds[name][box.slices] for name, box in found.feeds.items()}
    whole = TorchRunner(model).run(feeds)[layer]
    made = ReferenceRunner(model, found).run(fed)[layer]
    np.testing.assert_allclose(made, whole[found.boxes[layer].slices], atol=1e-5)
    with pytest.raises(UnsupportedError, match="gives 2 alone"):
        ReferenceRunner(model, found).run(fed, ["0"])


class Elsewhere:
    """A runner whose feeds lie one pixel further."""

    name = "elsewhere"

    def __init__(self, model: Model) -> None:
        self.runner = ReferenceRunner(model)

    def run(self, feeds: Any, layers: Any = ()) -> Any:
        return self.runner.run({name: np.roll(array, 1, -1) for name, array in feeds.items()}, layers)


def test_a_part_of_another_place_is_noticed() -> None:
    torch.manual_seed(0)
    model = Model(exported(MODULES["VALID chain"](), (1, 3, 21, 26), opset=18))
    found = Differences(model, model.network.outputs[0], run=Elsewhere)
    with pytest.raises(AssertionError):
        found.check(Box("0:1,0:3,2:4,5:8"))


def graph(op: str) -> onnx.ModelProto:
    """One node between two values."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in "xy")
    nodes = [helper.make_node("Relu", ["x"], ["r"], "clips"), helper.make_node(op, ["r"], ["y"], "last", domain="")]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 17)])


def test_any_layer_by_its_name() -> None:
    runner: Runner = ReferenceRunner(Model(graph("Exp")))
    found = runner.run({"x": np.array([[1.0, -1.0], [0.0, 2.0]])}, ["clips", "y"])
    assert list(found) == ["clips", "y"]
    np.testing.assert_array_equal(found["clips"], [[1, 0], [0, 2]])
    assert found["y"].dtype == np.float32


def test_bad_input() -> None:
    with pytest.raises(InputError, match="takes 2x2, is fed 3"):
        ReferenceRunner(Model(graph("Exp"))).run({"x": np.zeros(3)})
    with pytest.raises(InputError, match="is a torch module; reference runs ONNX models"):
        ReferenceRunner(Model(nn.ReLU(), (1, 2)))
    with pytest.raises(UnsupportedError, match=r"the reference evaluator of onnx fails: .*Swirl"):
        ReferenceRunner(Model(graph("Swirl"), unknown="whole")).run({"x": np.zeros((2, 2))})
