"""Networks whose crops are run: shipped, published and small ones; as a program the table of ``docs/crop.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from random import Random

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model

from striate.formats.model import Model
from striate.network import Network
from support.parts import Differences, edges, exported, some_boxes

Made = tuple[Model, str]


class UNet(nn.Module):
    """Two levels; up by ``how``: transposed windows, or interpolation to the size of what it is joined to."""

    def __init__(self, how: str, corners: bool = False, rank: int = 2) -> None:
        super().__init__()
        conv, up = ((nn.Conv2d, nn.ConvTranspose2d), (nn.Conv3d, nn.ConvTranspose3d))[rank - 2]
        self.pool: Callable[[Tensor, int], Tensor] = (F.max_pool2d, F.max_pool3d)[rank - 2]
        self.how, self.corners = how, corners
        self.first, self.second, self.third = (conv(a, b, 3, padding=1) for a, b in ((3, 8), (8, 16), (16, 16)))
        self.fourth, self.fifth = conv(32, 8, 3, padding=1), conv(16, 3, 3, padding=1)
        self.up1, self.up2 = up(16, 16, 2, 2), up(8, 8, 2, 2)

    def up(self, x: Tensor, layer: nn.Module, like: Tensor) -> Tensor:
        """As large as ``like``."""
        if self.how != "transposed":
            return F.interpolate(x, like.shape[2:], mode=self.how, align_corners=self.corners)
        x = layer(x)
        more = [like.shape[k] - x.shape[k] for k in range(2, x.ndim)]
        return F.pad(x, [pad for n in reversed(more) for pad in (n // 2, n - n // 2)])

    def forward(self, x: Tensor) -> Tensor:
        a = self.first(x).relu()
        b = self.second(self.pool(a, 2)).relu()
        c = self.third(self.pool(b, 2)).relu()
        d = self.fourth(torch.cat([self.up(c, self.up1, b), b], 1)).relu()
        made: Tensor = self.fifth(torch.cat([self.up(d, self.up2, a), a], 1))
        return made


class Dilated(nn.Module):
    """Causal convolutions over time, each twice as far apart as the one before, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(4, 4, 3, dilation=2**k) for k in range(5))

    def forward(self, x: Tensor) -> Tensor:
        for k, layer in enumerate(self.layers):
            x = x + F.relu(layer(F.pad(x, (2 * 2**k, 0))))
        return x


def valid() -> nn.Module:
    """A chain of convolutions without padding, as waifu2x has."""
    sizes = [(3, 8), *[(8, 8)] * 5, (8, 3)]
    return nn.Sequential(*(nn.Sequential(nn.Conv2d(a, b, 3), nn.LeakyReLU(0.1)) for a, b in sizes))


def of(
    module: Callable[[], nn.Module], *shape: int, last: Sequence[str] = (), dynamo: bool = False
) -> Callable[[], Made]:
    """An exported module, cropped at its output or at the last tensor that one of some operators makes."""

    def make() -> Made:
        torch.manual_seed(0)
        model = Model(exported(module(), shape, opset=18, dynamo=dynamo))
        return model, _last(model.network, last) if last else model.network.outputs[0]

    return make


def _last(network: Network, words: Sequence[str]) -> str:
    return next(node.name for node in reversed(network.nodes) if node.source in words)


def denoiser() -> Made:
    """The model that ships with striate."""
    return Model(Path(str(files("striate").joinpath("data/denoiser.onnx"))), (1, 3, 72, 100)), "denoised"


def detector() -> Made:
    """PP-OCRv4's detector, before its first squeeze-and-excitation."""
    spec = find_spec("rapidocr_onnxruntime")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "models" / "ch_PP-OCRv4_det_infer.onnx"
    model = Model(path, (1, 3, 416, 448))
    gate = next(node for node in model.network.nodes if node.source == "GlobalAveragePool")
    return model, gate.inputs[0]


def detector_output() -> Made:
    """PP-OCRv4's detector as a whole, its gates reading all of a small page."""
    model, _ = detector()
    small = model.at((1, 3, 160, 192))
    return small, small.network.outputs[0]


def ungated() -> nn.Module:
    """An EfficientNet with TensorFlow's SAME, its gates left out."""
    module: nn.Module = timm.create_model("tf_efficientnet_b0")
    for part in list(module.modules()):
        if hasattr(part, "se"):
            part.se = nn.Identity()
    return module


FAST: dict[str, Callable[[], Made]] = {
    "the shipped denoiser": denoiser,
    "U-Net, transposed, odd sizes": of(lambda: UNet("transposed"), 1, 3, 61, 75),
    "U-Net, bilinear, odd sizes": of(lambda: UNet("bilinear"), 1, 3, 61, 75),
    "U-Net, bilinear": of(lambda: UNet("bilinear"), 1, 3, 64, 72),
    "U-Net, aligned corners": of(lambda: UNet("bilinear", corners=True), 1, 3, 61, 75),
    "3-D U-Net": of(lambda: UNet("transposed", rank=3), 1, 3, 21, 20, 26),
    "VALID chain": of(valid, 1, 3, 40, 37),
    "dilated TCN": of(Dilated, 1, 4, 333),
    "ResNet-18, first stage": of(lambda: nn.Sequential(*list(get_model("resnet18").children())[:5]), 1, 3, 101, 90),
}
SLOW: dict[str, Callable[[], Made]] = {
    "ResNet-18, last stage": of(lambda: get_model("resnet18"), 1, 3, 101, 90, last=["Relu"]),
    "PP-OCRv4 detector, before its gates": detector,
    "PP-OCRv4 detector, output": detector_output,
    "FCN ResNet-50": of(lambda: get_model("fcn_resnet50", weights=None, weights_backbone=None), 1, 3, 97, 110),
    "MobileNetV3, before its gates": of(lambda: get_model("mobilenet_v3_large").features[:4], 1, 3, 101, 90),
    "ConvNeXt-T, features": of(lambda: get_model("convnext_tiny").features, 1, 3, 96, 130),
    "Swin-T, first stage": of(lambda: get_model("swin_t").features[:2], 1, 3, 224, 224),
    "tf_efficientnet_b0, ungated": of(ungated, 1, 3, 99, 131, last=["Mul"], dynamo=True),
}


def measured(made: Made, count: int, cut: int = 2) -> Differences:
    """Boxes at corners and edges and random ones, checked."""
    found = Differences(*made)
    cut = min(cut, len(found.shape) - 1)
    boxes = list(edges(found.shape, whole=cut))
    random = Random(0)
    random.shuffle(boxes)
    for box in (*islice(boxes, count), *some_boxes(random, found.shape, count, whole=cut)):
        found.check(box)
    return found


def main() -> None:
    """Print the table of the guide."""
    print("| network | crops | of them bitwise | largest difference |\n|---|---|---|---|")
    for name, make in {**FAST, **SLOW}.items():
        found = measured(make(), 10)
        print(
            f"| {name} | {found.ran} | {found.bitwise} | {f'{found.worst:.0e}' if found.worst else '0'} |", flush=True
        )


if __name__ == "__main__":
    main()
