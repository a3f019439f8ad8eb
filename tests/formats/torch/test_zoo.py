"""torchvision's and timm's architectures: each reads and validates, or is refused by name."""

from __future__ import annotations

import time

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import get_model, list_models, segmentation, video

from striate.errors import UnsupportedError
from striate.formats.torch import read_torch

SEGMENTATION, VIDEO = list_models(module=segmentation), list_models(module=video)
EVERY = [*list_models(module=torchvision.models), *SEGMENTATION, *VIDEO]
ONE_PER_FAMILY = [
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3"),
    *("maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet50"),
    *("resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32"),
    *("deeplabv3_mobilenet_v3_large", "fcn_resnet50", "lraspp_mobilenet_v3_large"),
    *("mc3_18", "mvit_v1_b", "r2plus1d_18", "r3d_18", "s3d", "swin3d_t"),
]
# counted by the modules: parameters of parts that run in training only
IN_TRAINING_ONLY = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}


def build(name: str) -> nn.Module:
    """On the meta device where the model's constructor allows it."""
    options: dict[str, object] = {"weights": None}
    if name in SEGMENTATION:
        options["weights_backbone"] = None
    if name in IN_TRAINING_ONLY:
        options["init_weights"] = False
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        return get_model(name, **options)


def shape_of(name: str) -> tuple[int, ...]:
    if name in VIDEO:
        return (1, 3, 16, 224, 224)
    return (1, 3, 299, 299) if name == "inception_v3" else (1, 3, 224, 224)


def read_and_count(name: str) -> None:
    module = build(name)
    network = read_torch(module, shape_of(name))
    network.validate()
    left_out = IN_TRAINING_ONLY.get(name, ())
    expected = sum(p.numel() for path, p in module.named_parameters() if path.split(".")[0] not in left_out)
    assert sum(node.parameters for node in network.nodes) == expected
    assert len({node.name for node in network.nodes}) == len(network.nodes)


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_torchvision(name: str) -> None:
    read_and_count(name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(set(EVERY) - set(ONE_PER_FAMILY)))
def test_torchvision_in_full(name: str) -> None:
    read_and_count(name)


def test_resnet152_is_read_in_half_a_second() -> None:
    module = build("resnet152")
    seconds = []
    for _ in range(3):
        start = time.process_time()
        read_torch(module, (1, 3, 224, 224))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5


SMALL = ("femto", "atto", "nano", "pico", "tiny", "xxs", "xs", "_s", "small", "b0", "18", "26", "50", "_0")


def smallest(names: list[str]) -> str:
    return min(names, key=lambda name: (next((k for k, part in enumerate(SMALL) if part in name), 99), len(name)))


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_timm_reads_or_refuses_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    timm = pytest.importorskip("timm")
    read, refused = [], {}
    for family in timm.list_modules():
        names = timm.list_models(module=family)
        if not names:
            continue
        module = timm.create_model(smallest(names), pretrained=False)
        shape = (1, *module.default_cfg.get("input_size", (3, 224, 224)))
        try:
            read_torch(module, shape).validate()
            read.append(family)
        except UnsupportedError as error:
            refused[family] = str(error)
    with capsys.disabled():
        print(f"\ntimm: {len(read)} families read, {len(refused)} refused", *refused.items(), sep="\n  ")
    assert len(read) >= 98
    assert not refused
