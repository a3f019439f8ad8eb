"""Claims against torch: every pixel of a unit from one backward pass."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from striate.check import check
from striate.errors import InputError, UnsupportedError


class Mixture(nn.Module):
    """Holes, skips, gates, resizes, pools and a normalisation over rows."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, dilation=3, padding=3)
        self.norm = nn.BatchNorm2d(4)
        self.thin = nn.Conv2d(4, 4, 1, stride=2)
        self.up = nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1)
        self.deep = nn.Conv2d(6, 2, 3, padding=1, padding_mode="reflect")
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True, dilation=2)
        self.gate = nn.Conv2d(2, 2, 1)
        self.rows = nn.Softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.silu(self.norm(self.stem(x)))
        small = self.thin(x).relu_()
        big = functional.interpolate(small, scale_factor=2.0, mode="bicubic")
        side = self.up(small)[..., : big.shape[-2], : big.shape[-1]]
        y = self.deep(torch.cat([big, side], 1))
        y = y + big[:, :2] * torch.sigmoid(big[:, 2:])
        y = self.pool(y)
        return self.rows(self.gate(y))


def test_a_module_is_proved_pixel_by_pixel_and_left_as_it_was() -> None:
    module = Mixture().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    report = check(module, (1, 3, 24, 28))
    assert report.complete, report
    assert {unit.layer for unit in report.units} >= {"stem", "thin", "up", "deep", "pool", "rows", "output"}
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(part.training and not part._forward_hooks for part in module.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())


def test_resnet() -> None:
    report = check(torchvision.models.resnet18(), (1, 3, 96, 96))
    assert report.complete, report


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "name",
    [
        "densenet121",
        "efficientnet_b0",
        "inception_v3",
        "mobilenet_v3_small",
        "regnet_y_400mf",
        "shufflenet_v2_x1_0",
        "swin_t",
        "convnext_tiny",
    ],
)
def test_architectures(name: str) -> None:
    extra = {"init_weights": False} if name == "inception_v3" else {}
    report = check(torchvision.models.get_model(name, weights=None, **extra), (1, 3, 128, 128))
    assert report.complete, report


def test_depth_does_not_underflow() -> None:
    report = check(
        nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(400)]),
        (1, 1, 9, 900),
        layers=["399"],
        units=[(4, 450)],
    )
    assert report.complete, report
    assert report.units[0].claimed == 9 * 801


def test_layers_that_cannot_be_asked_for() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(InputError, match="no layer '7'"):
        check(module, (1, 3, 8, 8), layers=["7"])


def test_an_operator_without_a_twin_is_named() -> None:
    class Sampled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], align_corners=False)

    with pytest.raises(UnsupportedError, match=r"no twin for aten\.grid_sampler_2d"):
        check(Sampled(), (1, 3, 8, 8))


def test_a_write_through_a_view_is_refused() -> None:
    class Patched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            y[:, :, 1:] = x[:, :, :-1]
            return y

    with pytest.raises(UnsupportedError, match="through a view"):
        check(Patched(), (1, 3, 8, 8))
