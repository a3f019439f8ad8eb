"""Maps and curves of units made by hand: a kernel is seen in its maps, a surround in its size curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from striate import InputError
from striate.explore import Bench, bench, contrast_curve, noise_average, size_curve, spot_maps, tuning

KERNEL = np.random.default_rng(1).normal(size=(7, 7))


def unit(*kernels: np.ndarray) -> nn.Sequential:
    layer = nn.Conv2d(1, len(kernels), kernels[0].shape[0], bias=False, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(np.array(kernels)[:, None].copy())
    return nn.Sequential(layer, nn.ReLU())


def held(module: nn.Module, side: int = 16) -> Bench:
    return bench(module, "1", (1, 1, side, side), black=-1, white=1)


def test_light_and_dark_maps_are_the_two_halves_of_a_kernel() -> None:
    found = spot_maps(held(unit(KERNEL, -KERNEL)))
    assert found.light[0] == pytest.approx(np.maximum(KERNEL, 0))
    assert found.dark[0] == pytest.approx(np.maximum(-KERNEL, 0))
    assert (found.light[1] == found.dark[0]).all()


def test_larger_squares_add_up() -> None:
    found = spot_maps(held(unit(KERNEL)), side=4)
    assert found.light.shape == (1, 2, 2)
    assert found.light[0, 0, 0] == pytest.approx(max(KERNEL[:4, :4].sum(), 0))
    assert found.dark[0, 1, 1] == pytest.approx(max(-KERNEL[4:, 4:].sum(), 0))


def test_the_average_of_noise_tends_to_the_kernel_and_of_an_energy_unit_to_nothing() -> None:
    bench_of = held(unit(KERNEL, np.zeros((7, 7))))
    closeness = [
        float(np.corrcoef(noise_average(bench_of, count)[0].ravel(), KERNEL.ravel())[0, 1]) for count in (300, 3000)
    ]
    assert closeness[0] < closeness[1]
    assert closeness[1] > 0.97
    assert np.isnan(noise_average(bench_of, 50)[1]).all()

    class Energy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.end = unit(KERNEL)[0], nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.end(self.linear(x) ** 2)
            return out

    energy = noise_average(bench(Energy(), "end", (1, 1, 16, 16), black=-1, white=1), 3000)
    assert abs(np.corrcoef(energy.ravel(), KERNEL.ravel())[0, 1]) < 0.4


def test_a_surround_suppresses_and_a_flat_field_does_not() -> None:
    place = np.arange(21) - 10
    distance = np.hypot(place[None], place[:, None])
    stripes = np.cos(2 * np.pi * 0.2 * place)[:, None] * np.ones(21)
    centre = stripes * (distance <= 5)
    module = unit(centre, centre - 0.2 * stripes * ((distance > 5) & (distance <= 10)))
    found = tuning(module, "1", (1, 1, 32, 32), black=-1, white=1, frequencies=[0.2], angles=4, phases=16)
    curve = size_curve(held(module, 32), found, [2, 3, 4, 5, 6, 8, 10, 15, 20, 40])
    assert found.preferred_tested.tolist()[0] == 0.0
    assert curve.suppression[0] == pytest.approx(0, abs=0.02)
    assert curve.suppression[1] > 0.3
    assert 4 <= curve.summation[0] <= 6
    assert (curve.above[:, -3:] == curve.above[:, -1:]).all(), "15 pixels hold the field"


def test_a_linear_unit_grows_with_contrast() -> None:
    module = unit(KERNEL)
    found = tuning(module, "1", (1, 1, 16, 16), black=-1, white=1, angles=6, phases=8)
    curve = contrast_curve(held(module), found)
    assert curve.above[0] == pytest.approx(curve.steps * curve.above[0, -1])
    assert curve.above[0, -1] == pytest.approx(found.above[..., 0].max(), rel=0.5)


def test_a_curve_takes_gratings() -> None:
    module = unit(KERNEL)
    bars = tuning(module, "1", (1, 1, 16, 16), angles=4, stimulus="bar", widths=[2], positions=3)
    with pytest.raises(InputError, match="a curve of 1 takes its tuning to gratings, got bars of 1"):
        size_curve(held(module), bars)
