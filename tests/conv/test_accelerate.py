"""``accelerate`` with an example: what is measured, what is left, and that the choice stands."""

from __future__ import annotations

import copy

import pytest
import torch
from support.odd import wrongly
from torch import nn

from striate.errors import InputError
from striate.torch import Conv2d, accelerate, swapping

Timed = list[tuple[type, tuple[int, ...]]]


class Branches(nn.Module):
    """A layer met at two sizes, one never met, and one behind a mode."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.never = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3)
        self.norm, self.drop = nn.BatchNorm2d(3), nn.Dropout()

    def forward(self, x: torch.Tensor, scale: int = 2) -> torch.Tensor:
        whole = self.drop(self.norm(self.shared(x)))[..., ::scale, ::scale]
        both: torch.Tensor = whole + self.shared(x[..., ::scale, ::scale].contiguous())
        return both


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """What is timed; striate takes 1 s for images of more than 8 rows and 3 s for others, torch 2 s."""
    seen: list[tuple[type, tuple[int, ...]]] = []

    def fake(module: nn.Module, kind: type, x: torch.Tensor) -> float:
        seen.append((kind, tuple(x.shape)))
        return 2.0 if kind is nn.Conv2d else 1.0 if x.shape[2] > 8 else 3.0

    monkeypatch.setattr(swapping, "_timed", fake)
    return seen


@pytest.mark.usefixtures("timed")
def test_layers_that_torch_computes_faster_are_left_to_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1))
    theirs = copy.deepcopy(model)
    x = torch.randn(1, 3, 16, 16)
    report = accelerate(model, x)
    assert report.swapped == ("0",)
    assert [(left.name, left.why) for left in report.left] == [("2", "2000.000 ms there, 3000.000 ms by striate")]
    assert [(m.name, m.striate_ms, m.torch_ms) for m in report.measured] == [("0", 1000, 2000), ("2", 3000, 2000)]
    assert (type(model[0]), type(model[2])) == (Conv2d, nn.Conv2d)
    torch.testing.assert_close(model(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert str(report).splitlines()[0] == "striate computes 1 of 2 convolutions"


def test_a_layer_counts_with_every_size_it_meets_and_the_model_stays_as_it_was(timed: Timed) -> None:
    model = Branches()
    before = copy.deepcopy(model.state_dict())
    report = accelerate(model, {"x": torch.randn(2, 3, 16, 16), "scale": 2})
    assert {shape for _, shape in timed} == {(2, 3, 16, 16), (2, 3, 8, 8)}
    assert report.swapped == ("shared",)
    assert report.measured[0].striate_ms == report.measured[0].torch_ms == 4000
    assert [(left.name, left.why) for left in report.left] == [("never", "the example does not reach it")]
    assert all(module.training for module in model.modules())
    assert not model.shared._forward_pre_hooks
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_layers_that_compute_alike_are_measured_once(timed: Timed) -> None:
    model = nn.Sequential(*[nn.Conv2d(4, 4, 3, padding=1) for _ in range(5)], nn.Conv2d(4, 4, 3, padding=1, bias=False))
    assert len(accelerate(model, torch.randn(1, 4, 12, 12)).measured) == 6
    assert len(timed) <= 2 * 2 * (swapping._ROUNDS + 1)


def test_what_torch_computes_anyway_is_left_to_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    wrongly(model.to)(memory_format=torch.channels_last)  # which torch's signature leaves out
    report = accelerate(model, torch.randn(1, 3, 9, 9).to(memory_format=torch.channels_last))
    assert "has the channels last" in report.left[0].why
    assert type(model[0]) is nn.Conv2d


def test_a_real_measurement_is_short_and_its_choice_stands() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 1))
    report = accelerate(model, (torch.randn(1, 3, 20, 20),))
    assert {m.name for m in report.measured} == {"0", "2"}
    for m in report.measured:
        assert 0 < min(m.striate_ms, m.torch_ms) < 1000
        assert (m.striate_ms <= m.torch_ms) == (m.name in report.swapped)
    kinds = [type(module) for module in model]
    model(torch.randn(2, 3, 9, 9))
    assert [type(module) for module in model] == kinds


def test_an_example_that_does_not_run_changes_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    with pytest.raises(InputError, match="accelerate: the model does not run on the example: Given groups=1"):
        accelerate(model, torch.randn(1, 4, 9, 9))
    assert type(model[0]) is nn.Conv2d
    assert not model[0]._forward_pre_hooks


def test_inputs_of_every_layout_are_made_again(timed: Timed) -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(2, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            parts = x[..., ::2], x[:, :, :1].expand_as(x), x[..., 1:], x[0]
            return torch.stack([self.layer(part).sum() for part in parts])

    report = accelerate(Views(), torch.randn(1, 2, 12, 12))
    assert report.swapped == ("layer",)
    assert {shape for _, shape in timed} == {(1, 2, 12, 6), (1, 2, 12, 12), (1, 2, 12, 11), (2, 12, 12)}
