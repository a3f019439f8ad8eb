"""Numbers published elsewhere (READMEs, issues, papers), their networks rebuilt in torch."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torchvision
from torch import nn

import striate
from striate import Interval


def spans(module: nn.Module, shape: tuple[int, ...], axis: str = "width") -> list[tuple[int | None, Fraction | None]]:
    fields = striate.load(module, shape).fields()
    return [(fields[name].axes[axis].size, fields[name].axes[axis].stride) for name in fields]


def centre_on_grid(field: striate.Field, axis: str = "width") -> float:
    """The centre of unit 0 where pixel 0 is centred at 0.5, as several calculators print it."""
    start, size = field.axes[axis].start, field.axes[axis].size
    assert start is not None
    assert size is not None
    return start + size / 2


def plain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def conv(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(1, 1, kernel, stride, padding, dilation)


# Fangyh09/pytorch-receptive-field, README
def test_pytorch_receptive_field_readme() -> None:
    module = plain(conv(7, 2, 3), nn.BatchNorm2d(1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1))
    network = striate.load(module, (1, 1, 256, 256))
    fields = network.fields()
    assert [(fields[n].axes["width"].size, fields[n].axes["width"].stride) for n in fields] == [
        (7, 2),
        (7, 2),
        (7, 2),
        (11, 4),
        (19, 8),
    ]
    assert [centre_on_grid(fields[n]) for n in fields] == [0.5] * 5
    assert [fields[n].shape[-1] for n in fields] == [128, 128, 128, 64, 32]
    assert network.region("2", (1, 1)).hull == (Interval(0, 6), Interval(0, 6))


# the same source, three dimensions
def test_pytorch_receptive_field_three_dimensions() -> None:
    module = plain(nn.Conv3d(1, 1, 3, padding=1), nn.BatchNorm3d(1), nn.ReLU(), nn.MaxPool3d(2, 2, 1))
    network = striate.load(module, (1, 1, 16, 16, 16))
    fields = network.fields()
    assert [(fields[n].axes["depth"].size, fields[n].axes["depth"].stride) for n in fields] == [
        (3, 1),
        (3, 1),
        (3, 1),
        (4, 2),
    ]
    assert [centre_on_grid(fields[n], "depth") for n in fields] == [0.5, 0.5, 0.5, 0.0]
    assert fields["3"].shape[2:] == (9, 9, 9)
    assert network.region("2", (1, 1, 1)).hull == (Interval(0, 3),) * 3


# the same source, docstring of receptive_field_for_unit; it numbers the input 0, so its layer 8 is features.7
def test_alexnet_unit() -> None:
    network = striate.load(torchvision.models.alexnet(weights=None).features, (1, 3, 224, 224))
    assert network.region("7", (6, 6)).hull == (Interval(62, 161), Interval(62, 161))


# shelfwise/receptivefield README and tests
@pytest.mark.parametrize(
    ("module", "pixels", "size", "stride", "offset", "units"),
    [
        (plain(conv(7), conv(5), nn.AvgPool2d(2), conv(5)), 64, 20, 2, 10, 23),
        (
            plain(conv(5), conv(3), nn.MaxPool2d(2), conv(3), conv(3), nn.MaxPool2d(2), conv(3), conv(3)),
            96,
            34,
            4,
            17,
            16,
        ),
    ],
)
def test_receptivefield_readme(module: nn.Module, pixels: int, size: int, stride: int, offset: int, units: int) -> None:
    fields = striate.load(module, (1, 1, pixels, pixels)).fields()
    last = fields[list(fields)[-1]]
    assert (last.axes["width"].size, last.axes["width"].stride) == (size, stride)
    assert (centre_on_grid(last), last.shape[-1]) == (offset, units)


def test_receptivefield_three_blocks() -> None:
    module = plain(*(layer for _ in range(3) for layer in (conv(3), conv(3), nn.AvgPool2d(2))))
    assert spans(module, (1, 1, 96, 96))[2::3] == [(6, 2), (16, 4), (36, 8)]


# kkrunal77/EVA; frgfm/torch-scan PR 33 gives the last one
def test_vgg16_layer_by_layer() -> None:
    module = torchvision.models.vgg16(weights=None, init_weights=False).features
    fields = striate.load(module, (1, 3, 224, 224)).fields()
    windowed = [fields[name] for name in fields if "relu" not in fields[name].op]
    assert [field.axes["width"].size for field in windowed] == [
        3,
        5,
        6,
        10,
        14,
        16,
        24,
        32,
        40,
        44,
        60,
        76,
        92,
        100,
        132,
        164,
        196,
        212,
    ]
    head = plain(*module, nn.Conv2d(512, 1, 7))
    assert spans(head, (1, 3, 224, 224))[-1][0] == 404


# nashory/DeLF-pytorch issue 15; rfa_toolbox README
@pytest.mark.parametrize(
    ("layer", "size", "stride", "padding"), [("layer3.5.conv3", 267, 16, 133), ("layer4.2.conv3", 427, 32, 213)]
)
def test_torchvision_resnet50(layer: str, size: int, stride: int, padding: int) -> None:
    fields = striate.load(torchvision.models.resnet50(weights=None), (1, 3, 224, 224)).fields()
    axis = fields[layer].axes["height"]
    assert (axis.size, axis.stride, axis.start) == (size, stride, -padding)


# peiyunh/tiny issue 69: the original network strides in the first 1x1 of a block
def test_resnet50_with_the_stride_first() -> None:
    module = torchvision.models.resnet50(weights=None)
    for layer in (module.layer2, module.layer3, module.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = layer[0].conv2.stride, layer[0].conv1.stride
    fields = striate.load(module, (1, 3, 224, 224)).fields()
    assert [fields[f"layer{k}"].axes["width"].size for k in (1, 2, 3, 4)] == [35, 99, 291, 483]


# PatchGAN: CycleGAN issue 39, pix2pix issue 25, GAN-MRI PR 14
@pytest.mark.parametrize(("strides", "size"), [((2, 2, 2, 1, 1), 70), ((2, 2, 2, 2, 1), 94), ((2,) * 5 + (1, 1), 286)])
def test_patchgan(strides: tuple[int, ...], size: int) -> None:
    assert spans(plain(*(conv(4, s, 1) for s in strides)), (1, 1, 256, 256))[-1][0] == size


# paul-krug/pytorch-tcn issue 13; yabufarha/ms-tcn issue 26
@pytest.mark.parametrize(
    ("kernel", "dilations", "repeats", "size"),
    [(4, [2**k for k in range(7)], 2, 763), (3, [2**k for k in range(10)], 1, 2047)],
)
def test_dilated_sequences(kernel: int, dilations: list[int], repeats: int, size: int) -> None:
    steps = [d for d in dilations for _ in range(repeats)]
    layers = [nn.Conv1d(1, 1, kernel, padding=d * (kernel - 1) // 2, dilation=d) for d in steps]
    assert spans(plain(*layers), (1, 1, 4096), "length")[-1][0] == size
