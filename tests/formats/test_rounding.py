"""Smooth resizes whose runtime rounds places: units on a pixel read those around it with weights of an error's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn
from torch.nn import functional as F

from striate.fields import Fields, region
from striate.formats.onnx import read_onnx
from striate.formats.torch import read_torch

SIZES = [(2, 10), (3, 19), (5, 25), (7, 1), (9, 3), (10, 4), (11, 33), (12, 5), (30, 10), (4, 8), (23, 16)]
MODES = [("bilinear", False), ("bilinear", True), ("bicubic", False)]


class Resized(nn.Module):
    """An image resized to a size."""

    def __init__(self, size: tuple[int, int], mode: str, corners: bool) -> None:
        super().__init__()
        self.size, self.mode, self.corners = size, mode, corners

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.size, mode=self.mode, align_corners=self.corners)


@pytest.mark.parametrize(("mode", "corners"), MODES)
def test_every_pixel_of_nonzero_gradient_is_claimed(mode: str, corners: bool) -> None:
    exact = 0
    for n, count in SIZES:
        module, x = Resized((count, 3), mode, corners), torch.rand(1, 1, n, 3, requires_grad=True)
        fields, y = Fields(read_torch(module, (1, 1, n, 3))), module(x)
        (layer,) = fields.network.outputs
        at_most = bool(fields[layer].at_most_via)
        exact += not at_most
        for u in range(count):
            (gradient,) = torch.autograd.grad(y[0, 0, u].sum(), x, retain_graph=True)
            lit = (gradient[0, 0] != 0).any(1).numpy()
            claimed = region(fields, layer, (u, 1)).mask.any(1)
            assert not (lit & ~claimed).any(), (n, count, u)
            assert at_most or (lit == claimed).all(), (n, count, u)
    assert exact > len(SIZES) // 2


def test_exact_places_alone_would_miss_pixels() -> None:
    """What the test above can tell: torch reads more than unit 2 of 10 has around its exact place."""
    x = torch.rand(1, 1, 2, 3, requires_grad=True)
    Resized((10, 3), "bilinear", False)(x)[0, 0, 2].sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
def test_onnxruntime(mode: str, coordinates: str, tmp_path: Path) -> None:
    for n, count in SIZES:
        node = helper.make_node(
            "Resize", ["x", "", "", "sizes"], ["y"], mode=mode, coordinate_transformation_mode=coordinates
        )
        sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, count, 3])
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, n, 3))
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([node], "g", [x], [y], [sizes])
        path = tmp_path / f"{n}-{count}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9), path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        fields = Fields(read_onnx(path, (1, 1, n, 3)))
        at_most = bool(fields["y"].at_most_via)
        quiet = np.zeros((1, 1, n, 3), np.float32)
        lit = np.zeros((count, n), bool)
        for pixel in range(n):
            image = quiet.copy()
            image[:, :, pixel] = 1e6
            lit[:, pixel] = (session.run(None, {"x": image})[0][0, 0] != 0).any(1)
        for u in range(count):
            claimed = region(fields, "y", (u, 1)).mask.any(1)
            assert not (lit[u] & ~claimed).any(), (n, count, u)
            assert at_most or (lit[u] == claimed).all(), (n, count, u)
