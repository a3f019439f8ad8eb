"""What nodes say suffices to compute the model: functions, constants, and weights by their names."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from support.executing import executed
from torch import Tensor, nn
from torch.nn import functional as F

from striate.formats.onnx import read_onnx
from striate.formats.torch import read_torch

ONE = (1, 3, 12, 12)


class Function(nn.Module):
    """A function as a module with a few parameters and a buffer."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.weight, self.bias = nn.Parameter(torch.randn(5, 12)), nn.Parameter(torch.randn(5))
        self.register_buffer("shift", torch.randn(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "norm": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4, eps=0.1), nn.LeakyReLU(0.3), nn.ReLU6()),
    "pools": lambda: nn.Sequential(nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.MaxPool2d(2, 1), nn.ELU(0.5)),
    "padded pool": lambda: nn.AvgPool2d(3, 2, 1),
    "transposed": lambda: nn.Sequential(nn.ConvTranspose2d(3, 2, 3, 2, 1, 1), nn.PReLU(2), nn.ConstantPad1d(2, 0.5)),
    "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(432, 7), nn.Softmax(1)),
    "layer norm": lambda: nn.Sequential(nn.LayerNorm(12, eps=0.2), nn.GELU("tanh"), nn.Linear(12, 3, bias=False)),
    "group norm": lambda: nn.Sequential(nn.Conv2d(3, 4, 1, groups=1, bias=False), nn.GroupNorm(2, 4, eps=0.3)),
    "constants on both sides": lambda: Function(lambda m, x: (m.shift - x) / m.shift * 3),
    "turned weights": lambda: Function(lambda m, x: F.linear(x, m.weight.reshape(12, 5).T, m.bias)),
    "addmm": lambda: Function(lambda m, x: torch.addmm(m.bias, x.reshape(36, 12), m.weight.T, beta=0.5, alpha=2.0)),
    "resnet18": torchvision.models.resnet18,
    "mobilenet_v3_small": torchvision.models.mobilenet_v3_small,
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    torch.manual_seed(0)
    module = MODULES[name]().eval()
    for key, buffer in module.named_buffers():
        if "running" in key:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    shape = ONE if not hasattr(module, "classifier") and not hasattr(module, "layer1") else (1, 3, 64, 64)
    network, x = read_torch(module, shape), torch.randn(shape)
    with torch.no_grad():
        wanted = module(x)
        found = executed(network, {network.inputs[0]: x}, module.state_dict())[network.outputs[0]]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_a_parameter_that_was_written_to_has_no_name() -> None:
    def written(m: Any, x: Tensor) -> Tensor:
        m.weight.data.mul_(2)
        return F.linear(x, m.weight)

    (node,) = (node for node in read_torch(Function(written), ONE).nodes if node.weights)
    assert {weight.name for weight in node.weights if weight.role == "weight"} == {""}


def test_a_constant_that_the_module_computes_has_no_name() -> None:
    (node,) = read_torch(Function(lambda m, x: x * m.shift.exp()), ONE).nodes
    assert [(weight.role, weight.name, weight.shape) for weight in node.weights] == [("operand 1", "", (3, 1, 1))]


def model() -> onnx.ModelProto:
    """Operators whose settings are attributes, inputs and defaults in turn."""
    random = np.random.default_rng(0)
    weights = {
        "w": random.standard_normal((4, 3, 3, 3)), "b": random.standard_normal(4), "scale": random.random(4) + 0.5,
        "shift": random.standard_normal(4), "mean": random.standard_normal(4), "variance": random.random(4) + 0.5,
        "slope": random.random((4, 1, 1)), "up": random.standard_normal((4, 2, 2, 2)), "low": np.array(-0.5),
        "high": np.array(0.75), "fill": np.array(0.25), "c": random.standard_normal((2, 1, 1)),
        "dense": random.standard_normal((5, 98)), "bias": random.standard_normal(5),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["1"], strides=[2, 2], pads=[1, 1, 0, 0]),
        node("BatchNormalization", ["1", "scale", "shift", "mean", "variance"], ["2"], epsilon=0.1),
        node("LeakyRelu", ["2"], ["3"]),
        node("PRelu", ["3", "slope"], ["4"]),
        node("ConvTranspose", ["4", "up"], ["5"], strides=[2, 2]),
        node("Clip", ["5", "low", "high"], ["6"]),
        node("Pad", ["6", "pads", "fill"], ["7"]),
        node("AveragePool", ["7"], ["8"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Sub", ["c", "8"], ["9"]),
        node("Div", ["9", "high"], ["10"]),
        node("Flatten", ["10"], ["11"]),
        node("Gemm", ["11", "dense", "bias"], ["12"], transB=1, alpha=0.5, beta=2.0),
        node("Softmax", ["12"], ["y"]),
    ]
    stored = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    stored.append(helper.make_tensor("pads", TensorProto.INT64, [8], [0, 0, 1, 0, 0, 0, 0, 1]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ONE)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def check_file(path: Path, shape: tuple[int, ...]) -> None:
    network, x = read_onnx(path, shape), np.random.default_rng(1).random(shape, np.float32)
    stored = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in onnx.load(path).graph.initializer}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(list(network.outputs), {network.inputs[0]: x})
    found = executed(network, {network.inputs[0]: torch.tensor(x)}, stored)[network.outputs[0]]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-3, atol=1e-4)


def test_onnx_files(tmp_path: Path) -> None:
    onnx.save(model(), tmp_path / "model.onnx")
    check_file(tmp_path / "model.onnx", ONE)


def test_the_shipped_model() -> None:
    check_file(Path(str(files("striate").joinpath("data/denoiser.onnx"))), (1, 3, 32, 48))
