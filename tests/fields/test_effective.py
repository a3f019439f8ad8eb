"""Effective fields: masses and radii against sums by hand, gradients, and a module left as it was."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
import torch
from support.oracle import Builder
from support.sure import sure
from torch import nn

import striate
from striate.errors import InputError
from striate.fields import Fields, region
from striate.fields.effective import Effective, effective_field, effective_field_gradient
from striate.geometry import Box, Interval


def stack(layers: int, size: int = 41) -> Fields:
    b = Builder(1, 1, size)
    x = "image"
    for k in range(layers):
        x = b("conv", x, out_channels=1, kernel=(2,), name=f"layer{k + 1}")
    return Fields(b.network())


def inside(found: Effective, radius: float) -> float:
    """The mass within a radius, pixel by pixel."""
    total = 0.0
    for index in np.ndindex(*found.weights.shape):
        offsets = [i.start + k - c for i, k, c in zip(found.box, index, found.centre, strict=True)]
        if sum(offset**2 for offset in offsets) ** 0.5 <= radius:
            total += float(found.weights[index])
    return total


def test_a_stack_of_pairs_weighs_like_pascals_triangle() -> None:
    found = effective_field(stack(6), "layer6")
    row = [comb(6, k) for k in range(7)]
    np.testing.assert_allclose(found.weights, np.array(row) / 64, rtol=1e-12)
    # distances 0, 1, 2, 3 hold 20, 50, 62, 64 of 64
    assert found.radii == {0.5: 1.0, 0.68: 1.0, 0.95: 2.0}
    assert found.half_size == 3.5
    assert found.ratios[0.95] == 2 / 3.5


def test_deeper_fields_fill_a_smaller_share() -> None:
    ratios = [effective_field(stack(layers), f"layer{layers}").ratios[0.95] for layers in (4, 12, 36)]
    assert ratios[0] > ratios[1] > ratios[2]


def test_radii_are_the_smallest_that_hold_their_share() -> None:
    b = Builder(1, 2, 31, 29)
    x = b("conv", "image", out_channels=2, kernel=(5, 3), stride=(2, 1), padding=((2, 2), (1, 1)))
    b("conv", x, out_channels=2, kernel=(3, 3), dilation=(2, 2), padding=((2, 2),) * 2, name="unit")
    found = effective_field(Fields(b.network()), "unit", (7, 11))
    assert found.weights.sum() == pytest.approx(1)
    for share, radius in found.radii.items():
        assert inside(found, radius) >= share - 1e-9
        assert inside(found, radius - 1e-6) < share


def test_at_a_corner_the_centre_stays_that_of_the_unclipped_field() -> None:
    b = Builder(1, 1, 9, 9)
    b("conv", "image", out_channels=1, kernel=(5, 5), padding=((2, 2),) * 2, name="conv")
    found = effective_field(Fields(b.network()), "conv", (0, 0))
    assert (found.box, found.centre, found.half_size) == ((Interval(0, 3),) * 2, (0.0, 0.0), 2.5)


def test_a_unit_that_reads_nothing_has_no_effective_field() -> None:
    b = Builder(1, 1, 6)
    b("constant", "image", shape=(1, 1, 2), name="fixed")
    with pytest.raises(InputError, match="reads no pixel"):
        effective_field(Fields(b.network()), "fixed", (1,))


def ones(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        parameter.data.fill_(1)
    return module


def test_gradients_of_equal_linear_weights_are_the_path_counts() -> None:
    b = Builder(1, 3, 15, 15)
    x = b("conv", "image", out_channels=4, kernel=(3, 3), stride=(2, 2), padding=((1, 1),) * 2)
    b("conv", x, out_channels=2, kernel=(3, 3), padding=((1, 1),) * 2, name="1")
    module = ones(nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 2, 3, 1, 1)))
    counted = effective_field(Fields(b.network()), "1", (4, 4))
    measured = effective_field_gradient(module, "1", (1, 3, 15, 15), (4, 4), samples=2)
    assert (counted.box, counted.centre, counted.radii) == (measured.box, measured.centre, measured.radii)
    np.testing.assert_allclose(measured.weights, counted.weights, rtol=1e-5)
    next(module.parameters()).data[:, :, 0] = 5
    assert not np.allclose(effective_field_gradient(module, "1", (1, 3, 15, 15), (4, 4)).weights, counted.weights)


def test_the_module_is_left_as_it_was() -> None:
    last = nn.Conv2d(4, 2, 3)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), last)
    module[1].eval()
    last.weight.grad = torch.full_like(last.weight, 7)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes, state = [part.training for part in module.modules()], torch.get_rng_state()
    effective_field_gradient(module, "4", (1, 3, 12, 12))
    with pytest.raises(InputError):
        effective_field_gradient(module, "4", (1, 3, 12, 12), at=(99, 0))
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module[0].weight.grad is None
    assert (sure(module[4].get_parameter("weight").grad) == 7).all()
    assert all(not part._forward_hooks for part in module.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_seed_gives_the_same_field_again() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
    first, again, other = (effective_field_gradient(module, "2", (1, 1, 9, 9), seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)
    assert (first.method, first.samples, first.seed, first.at) == ("gradient", 8, 3, (2, 2))


@pytest.mark.parametrize(
    ("layer", "arguments", "words"),
    [
        ("conv0", {}, "did you mean"),
        ("0", {"at": (7, 7)}, "lies outside shape"),
        ("0", {"samples": 0}, "samples must be at least 1"),
        ("dead", {}, "does not run dead"),
        ("zero", {}, "no gradient"),
    ],
)
def test_bad_questions_get_one_clear_line(layer: str, arguments: dict[str, Any], words: str) -> None:
    class Zero(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.detach() * 0

    module = nn.Sequential(nn.Conv2d(1, 1, 3))
    module.add_module("zero", Zero())
    module[0].add_module("dead", nn.ReLU())
    name = "0.dead" if layer == "dead" else layer
    with pytest.raises(InputError, match=words.replace("run dead", "run 0.dead")):
        effective_field_gradient(module, name, (1, 1, 8, 8), **arguments)


class Patches(nn.Module):
    """Patches of 2 x 2 pixels as tokens behind a class token, which a layer mixes by their features."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.mix, self.first = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 8), nn.Parameter(torch.ones(1, 1, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(torch.cat([self.first, self.patch(x).flatten(2).transpose(1, 2)], 1))


def test_gradients_of_a_token_are_asked_by_its_place() -> None:
    module, shape = Patches(), (1, 3, 8, 6)
    fields = striate.load(module, shape).fields()
    found = effective_field_gradient(module, "mix", shape, (2, 1), fields=fields)
    assert found.box == region(fields, "mix", (2, 1)).hull == Box("4:6,2:4")
    assert effective_field_gradient(module, "mix", shape, (8,), fields=fields).box == found.box
    assert effective_field_gradient(module, "mix", shape, fields=fields).at == (2, 1)
    assert effective_field_gradient(module, "mix", shape, (2,)).box == Box("0:8,0:6")


def test_fields_of_another_shape_are_refused() -> None:
    fields = striate.load(Patches(), (1, 3, 8, 6)).fields()
    with pytest.raises(InputError, match=r"input of shape \(1, 3, 8, 6\), not \(1, 3, 8, 8\)"):
        effective_field_gradient(Patches(), "mix", (1, 3, 8, 8), (2, 1), fields=fields)


# A state that is read back through 3 gates and 4 units each turn: 16 paths a step, the last step's share is 16**-299.
def test_shares_too_small_for_a_float_leave_one_entry_for_each_pixel() -> None:
    b = Builder(1, 1, 300)
    state = b("select", "image", axis=2, index=0)
    for k in range(1, 300):
        now = b("linear", b("linear", state, out_features=16), out_features=1)
        state = b("elementwise", now, b("select", "image", axis=2, index=k))
    fields = Fields(b.network())
    found = region(fields, state, (0,))
    weights = found.weights()
    assert weights.shape == found.cover.shape == (300,)
    assert weights[0] == pytest.approx(15 / 16)
    assert weights[-1] == 0
    assert effective_field(fields, state, (0,)).radii[0.95] > 148
