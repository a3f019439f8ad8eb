"""The architectures of torchvision and timm: how each is built, and what picture it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm
import torch
import torchvision
from torch import nn
from torchvision.models import detection, get_model, list_models, segmentation, video

Shape = tuple[int, ...]

SEGMENTATION, VIDEO = list_models(module=segmentation), list_models(module=video)
DETECTION = list_models(module=detection)
EVERY = [*list_models(module=torchvision.models), *SEGMENTATION, *VIDEO]
# counted by the modules: parameters of parts that run in training only
IN_TRAINING_ONLY = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}
SMALL = ("femto", "atto", "nano", "pico", "tiny", "xxs", "xs", "_s", "small", "b0", "18", "26", "50", "_0")


def build(name: str) -> nn.Module:
    """One of torchvision's, on the meta device where its constructor allows it; of a detector the backbone."""
    options: dict[str, object] = {"weights": None}
    if name in SEGMENTATION or name in DETECTION:
        options["weights_backbone"] = None
    if name in IN_TRAINING_ONLY:
        options["init_weights"] = False
    with torch.device("cpu" if name.startswith("regnet") or name in DETECTION else "meta"):
        module: nn.Module = get_model(name, **options)
    return module.get_submodule("backbone") if name in DETECTION else module


def shape_of(name: str) -> Shape:
    """The picture or film that one of torchvision's takes."""
    if name in VIDEO:
        return (1, 3, 16, 224, 224)
    size = {"inception_v3": 299, "ssd300_vgg16": 300, "ssdlite320_mobilenet_v3_large": 320}.get(name, 224)
    return (1, 3, size, size)


def smallest(names: list[str]) -> str:
    """The smallest architecture of a family, as far as names tell."""
    return min(names, key=lambda name: (next((k for k, part in enumerate(SMALL) if part in name), 99), len(name)))


def families() -> Iterator[tuple[str, str]]:
    """Every family of timm, and its smallest architecture."""
    for family in timm.list_modules():
        names = timm.list_models(module=family)
        if names:
            yield family, smallest(names)


def of_timm(name: str) -> tuple[nn.Module, Shape]:
    """One of timm's, and the picture it takes."""
    module: Any = timm.create_model(name, pretrained=False)
    return module, (1, *module.default_cfg.get("input_size", (3, 224, 224)))
