"""Claimed fields against a gradient probe on torchvision's architectures: hull and exact cover."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray
from support.probe import Probe
from torch import nn

import striate
from striate import Interval

# model -> input shape and layers: early, middle, late
CASES: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "alexnet": ((1, 3, 160, 160), ("features.2", "features.5", "features.12")),
    "vgg11": ((1, 3, 64, 64), ("features.2", "features.10", "features.20")),
    "vgg16_bn": ((1, 3, 32, 32), ("features.6", "features.23", "features.43")),
    "resnet18": ((1, 3, 128, 128), ("maxpool", "layer2", "layer4")),
    "resnet50": ((1, 3, 128, 128), ("layer1", "layer2.0.downsample", "layer4")),
    "resnext50_32x4d": ((1, 3, 96, 96), ("layer1", "layer3")),
    "wide_resnet50_2": ((1, 3, 96, 96), ("layer2", "layer4.0")),
    "squeezenet1_0": ((1, 3, 128, 128), ("features.3", "features.7.expand3x3", "features.12")),
    "squeezenet1_1": ((1, 3, 128, 128), ("features.4", "features.12")),
    "densenet121": ((1, 3, 96, 96), ("features.denseblock1", "features.transition2", "features.denseblock4")),
    "googlenet": ((1, 3, 128, 128), ("inception3a", "inception4c", "inception5b")),
    "inception_v3": ((1, 3, 160, 160), ("Mixed_5b", "Mixed_6c", "Mixed_7c")),
    "mobilenet_v2": ((1, 3, 96, 96), ("features.3", "features.10", "features.18")),
    "mobilenet_v3_small": ((1, 3, 96, 96), ("features.0", "features.2", "features.12")),
    "mobilenet_v3_large": ((1, 3, 96, 96), ("features.3", "features.5", "features.16")),
    "shufflenet_v2_x0_5": ((1, 3, 128, 128), ("stage2.0", "stage2.3", "stage4")),
    "shufflenet_v2_x1_0": ((1, 3, 128, 128), ("stage2.0.branch2", "stage3.1", "conv5")),
    "mnasnet0_5": ((1, 3, 96, 96), ("layers.7", "layers.9", "layers.16")),
    "mnasnet1_0": ((1, 3, 96, 96), ("layers.8", "layers.12")),
    "efficientnet_b0": ((1, 3, 96, 96), ("features.0", "features.2", "features.8")),
    "efficientnet_v2_s": ((1, 3, 96, 96), ("features.2", "features.3", "features.5")),
    "regnet_y_400mf": ((1, 3, 96, 96), ("stem", "trunk_output.block1", "trunk_output.block3")),
    "regnet_x_400mf": ((1, 3, 96, 96), ("trunk_output.block2", "trunk_output.block4")),
    "convnext_tiny": ((1, 3, 96, 96), ("features.1", "features.3", "features.7")),
    "swin_t": ((1, 3, 64, 64), ("features.0", "features.1", "features.2")),
}
SEGMENTATION = {
    "fcn_resnet50": ((1, 3, 96, 96), ("backbone.layer3", "classifier")),
    "deeplabv3_resnet50": ((1, 3, 96, 96), ("backbone.layer4", "classifier.0.convs.1")),
    "lraspp_mobilenet_v3_large": ((1, 3, 96, 96), ("backbone.6", "classifier.cbr")),
}
VIDEO = {
    "r3d_18": ((1, 3, 8, 48, 48), ("stem", "layer2")),
    "mc3_18": ((1, 3, 4, 32, 32), ("layer1", "layer3")),
    "r2plus1d_18": ((1, 3, 8, 48, 48), ("layer1", "layer2")),
}
# One of each kind of architecture; its relatives, and those whose weights alone take seconds, in the full run.
ALWAYS = (
    *("resnet18", "squeezenet1_1", "densenet121", "googlenet", "mobilenet_v3_small", "shufflenet_v2_x0_5"),
    *("mnasnet0_5", "efficientnet_b0", "regnet_y_400mf", "swin_t", "lraspp_mobilenet_v3_large", "mc3_18"),
)


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name in SEGMENTATION:
        return torchvision.models.get_model(name, weights=None, weights_backbone=None)
    extra = {"init_weights": False} if name.startswith(("googlenet", "inception", "vgg")) else {}
    return torchvision.models.get_model(name, weights=None, **extra)


def hull(mask: NDArray[np.bool_]) -> list[Interval]:
    return [Interval.of(np.flatnonzero(mask.any(tuple(k for k in range(mask.ndim) if k != axis))))
            for axis in range(mask.ndim)]


@pytest.mark.parametrize(
    "name",
    [
        name if name in ALWAYS else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in (*CASES, *SEGMENTATION, *VIDEO)
    ],
)
def test_claim_equals_probe(name: str) -> None:
    shape, layers = {**CASES, **SEGMENTATION, **VIDEO}[name]
    module = build(name)
    network = striate.load(module, shape)
    network.fields()
    probe = Probe(module, shape, layers)
    for layer in layers:
        shape = probe.outputs[layer].shape
        channels_last = name == "swin_t"
        spatial = shape[1:3] if channels_last else shape[2:]
        for at in ([n // 2 for n in spatial], [0] * len(spatial), [n - 1 for n in spatial]):
            unit: tuple[int | slice, ...] = (0, *at, 0) if channels_last else (0, slice(None), *at)
            asked = [0, *at, 0] if channels_last else at
            seen = probe.sees(layer, unit)
            assert list(network.fields().hull(layer, asked)) == hull(seen), (layer, at)
            np.testing.assert_array_equal(network.region(layer, asked).mask, seen, f"{layer} {at}")


def test_the_probe_notices_a_shifted_claim() -> None:
    shape, layers = (1, 3, 64, 64), ("layer1",)
    seen = Probe(build("resnet18"), shape, layers).sees("layer1", (0, slice(None), 8, 8))
    claimed = striate.load(build("resnet18"), shape).region("layer1", (8, 8)).mask
    assert not np.array_equal(np.roll(claimed, 1, axis=1), seen)
    assert not np.array_equal(np.pad(claimed[1:], ((0, 1), (0, 0))), seen)
