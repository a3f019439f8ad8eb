"""Crops of torch modules, through the graph that torch exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate
from striate.errors import InputError, UnsupportedError


class Small(nn.Module):
    """Two convolutions with an activation in place between them, one of them run twice, and a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, 2, 1)
        self.clip = nn.ReLU(inplace=True)
        self.again = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.clip(self.first(image))
        y = self.again(self.again(x))
        return {"small": y, "large": F.interpolate(y, scale_factor=2.0, mode="bilinear") + 1}


def parts() -> tuple[striate.LoadedModel, dict[str, Tensor], Tensor]:
    torch.manual_seed(0)
    module, x = Small().eval(), torch.randn(1, 3, 21, 26)
    with torch.no_grad():
        values = {**module(x), "first": module.first(x)}
    return striate.load(module, (1, 3, 21, 26)), values, x


@pytest.mark.parametrize("layer", ["large", "small", "first"])
def test_outputs_and_submodules(layer: str) -> None:
    model, values, x = parts()
    part = model.crop({layer: "2:5,7:9"})
    (tensor,) = part.network.outputs
    found = part.run({name: x.numpy()[box.slices] for name, box in part.feeds.items()})[tensor]
    wanted = values[layer].numpy()[part.boxes[tensor].slices]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_file_of_a_module(tmp_path: Path) -> None:
    model, _, _ = parts()
    part = model.crop({"large": "0:4,20:26"})
    written = onnx.load(part.save(tmp_path / "deep" / "part.onnx"))
    onnx.checker.check_model(written, full_check=True)
    assert [info.name for info in written.graph.input] == ["image"]
    told = {entry.key: entry.value for entry in written.metadata_props}
    assert told["striate.box.image"] == str(part.feeds["image"])
    assert told["striate.whole.image"] == "1x3x21x26"


@pytest.mark.parametrize("layer", ["again_1", "upsample_bilinear2d"])
def test_tensors_without_a_name_in_the_exported_graph(layer: str) -> None:
    model, _, _ = parts()
    with pytest.raises(InputError, match="neither an output nor what a submodule that runs once gives"):
        model.crop({layer: "1,1"}).to_onnx()


def test_layers_within_are_asked_for_beforehand() -> None:
    model, _, x = parts()
    part = model.crop({"large": "0:4,20:26"})
    with pytest.raises(UnsupportedError, match="crop for further layers"):
        part.run({name: x.numpy()[box.slices] for name, box in part.feeds.items()}, ["first"])


class Unexportable(nn.Module):
    """A function that ONNX has no operator for."""

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = torch.special.bessel_j0(x)
        return made


def test_what_torch_does_not_export() -> None:
    model = striate.load(Unexportable(), (1, 1, 4, 4), unknown="whole")
    with pytest.raises(UnsupportedError, match=r"Unexportable: torch\.onnx\.export fails: .*bessel_j0") as caught:
        model.crop({model.outputs[0]: "0:4,0:4"}).to_onnx()
    assert len(str(caught.value)) < 400
