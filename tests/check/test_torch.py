"""Claims against torch: every pixel of a unit from one backward pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from support.sure import sure
from torch import Tensor, nn
from torch.nn import functional

from striate.check import check
from striate.check.torch_twin import TorchTwin
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
        rows: Tensor = self.rows(self.gate(self.pool(y)))
        return rows


class Tokens(nn.Module):
    """Tokens whose batch and grid share an axis, as a dense layer of (rows, features) has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.token, self.row = nn.Conv2d(2, 6, 3, 2, 1), nn.Linear(6, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.token(self.stem(x).flatten(2).transpose(1, 2))
        rows: Tensor = self.row(tokens.reshape(-1, 5))
        return rows


@pytest.mark.parametrize(("everything", "units"), [(False, 4), (True, 8)])
@pytest.mark.parametrize("layer", ["token", "row"])
def test_tokens_are_proved_one_by_one(layer: str, everything: bool, units: int) -> None:
    """Eight tokens stand on a grid of 4x2; none is taken for a feature, and no index of a feature for a place."""
    report = check(Tokens(), (1, 2, 8, 4), [layer], everything=everything)
    assert report.complete, str(report)
    assert len(report.units) == units


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
        (1, 1, 3, 900),
        layers=["399"],
        units=[(1, 450)],
    )
    assert report.complete, report
    assert report.units[0].claimed == 3 * 801


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


class Patched(nn.Module):
    """A shift by a slice write, a line of zeros, and what a view taken before shows of them."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        seen = y[:, :, :, 1:]
        y[:, :, 1:] = x[:, :, :-1]
        y[..., 3] = 0
        return torch.cat([seen, y[..., :3]], -1)


class Circular(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=2, padding_mode="circular")

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


@pytest.mark.parametrize("model", [Patched(), Circular()])
def test_writes_through_views_are_followed(model: nn.Module) -> None:
    report = check(model, (1, 1, 6, 7), units=[(y, x) for y in range(0, 6, 2) for x in range(6)])
    assert report.complete, report


def scores(x: Tensor) -> Tensor:
    return torch.matmul(x, x.transpose(-1, -2))


LOWER = torch.tril(torch.ones(6, 6))
MASKED: dict[str, Callable[[Tensor], Tensor]] = {
    "where": lambda x: torch.where(LOWER.bool(), x, torch.zeros(())),
    "product": lambda x: x * LOWER,
    "filled": lambda x: x.masked_fill(LOWER == 0, 0.0),
    "softmax": lambda x: x.masked_fill(LOWER == 0, -torch.inf).softmax(-1),
    "attention": lambda x: scores(x).masked_fill(LOWER == 0, -torch.inf).softmax(-1) @ x,
    "causal": lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
    "given": lambda x: functional.scaled_dot_product_attention(x, x, x, attn_mask=LOWER.bool()),
}


@pytest.mark.parametrize("name", MASKED)
def test_masks_hide_rows_from_the_twin(name: str) -> None:
    """The first row of what a lower triangle leaves reads nothing of the rows below it, the last reads its own."""

    class Masked(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return MASKED[name](x)

    twin = TorchTwin(Masked(), {"x": (1, 1, 6, 6)}, "x")
    first, last = (twin.reads("output", (row, 0), (2, 3)) for row in (0, 5))
    assert not first[1:].any()
    assert last[5].any()
    if name in ("where", "product", "filled"):
        assert not twin.reads("output", (2, 4), (2, 3)).any()


def test_weights_of_zero_are_read() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(6))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale.view(1, 1, 6).exp().log()

    assert TorchTwin(Scaled(), {"x": (1, 1, 6)}, "x").reads("output", (2,), (2,)).tolist() == [k == 2 for k in range(6)]


HALF = torch.zeros(1, 1, 8, 8)
HALF[..., :4] = 1
ZEROED: dict[str, Callable[[Tensor], Tensor]] = {
    "product": lambda x: x * HALF,
    "choice": lambda x: torch.where(HALF > 0, x, torch.tensor(0.0)),
    "filled": lambda x: x.masked_fill(HALF == 0, 0),
    "padding": lambda x: nn.functional.pad(x[..., :4], (0, 4)),
    "behind an activation": lambda x: torch.relu(x * HALF),
    "behind a convolution": lambda x: nn.functional.conv2d(x * HALF, torch.ones(1, 1, 1, 1)),
}


class Beside(nn.Module):
    """Two functions of one image, multiplied."""

    def __init__(self, left: Callable[[Tensor], Tensor], right: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        return self.left(x) * self.right(x)


def read_by(model: nn.Module, at: tuple[int, int]) -> int:
    return int(TorchTwin(model, {"x": (1, 1, 8, 8)}, "x").reads("output", at, (2, 3)).sum())


@pytest.mark.parametrize("name", ZEROED)
@pytest.mark.parametrize("turned", [False, True])
def test_known_zeros_of_one_factor_hide_the_other(name: str, turned: bool) -> None:
    near = nn.Conv2d(1, 1, 3, padding=1)
    model = Beside(near, ZEROED[name]) if turned else Beside(ZEROED[name], near)
    assert read_by(model, (6, 6)) == 0
    assert read_by(model, (6, 2)) == 9


def test_zeros_that_training_may_change_hide_nothing() -> None:
    near, biased, normed = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1).eval()
    nn.init.zeros_(sure(biased.bias))
    for part in (biased, normed):
        assert read_by(Beside(lambda x, part=part: part(x * HALF), near), (6, 6)) == 9  # type: ignore[misc]


def test_zeros_of_one_matrix_hide_the_rows_of_another() -> None:
    """Row 6 of the product sums over the columns that are kept, of a matrix cut to its first four columns."""
    rows = TorchTwin(Rows(), {"x": (1, 1, 8, 8)}, "x").reads("output", (6, 6), (2, 3))
    assert rows[6].tolist() == [True] * 4 + [False] * 4
    assert rows[:, 6].tolist() == [True] * 4 + [False] * 4


class Rows(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x * HALF) @ x
