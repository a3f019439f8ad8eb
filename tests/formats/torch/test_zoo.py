"""torchvision's and timm's architectures: each reads and validates, or is refused by name."""

from __future__ import annotations

import time

import pytest
from support.zoo import EVERY, IN_TRAINING_ONLY, build, families, of_timm, shape_of

from striate.errors import UnsupportedError
from striate.formats.torch import read_torch

ONE_PER_FAMILY = [
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3"),
    *("maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet50"),
    *("resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32"),
    *("deeplabv3_mobilenet_v3_large", "fcn_resnet50", "lraspp_mobilenet_v3_large"),
    *("mc3_18", "mvit_v1_b", "r2plus1d_18", "r3d_18", "s3d", "swin3d_t"),
]


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


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_timm_reads_or_refuses_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    read, refused = [], {}
    for family, name in families():
        try:
            read_torch(*of_timm(name)).validate()
            read.append(family)
        except UnsupportedError as error:
            refused[family] = str(error)
    with capsys.disabled():
        print(f"\ntimm: {len(read)} families read, {len(refused)} refused", *refused.items(), sep="\n  ")
    assert len(read) >= 98
    assert not refused
