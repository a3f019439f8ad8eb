"""Measures against curves whose answer is known by pencil: von Mises bumps, rectified waves, straight flanks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import iv

from striate.explore import measures as m

ANGLES = np.arange(24, dtype=np.float64) * 7.5


def bump(middle: float, sharpness: float, angles: np.ndarray = ANGLES) -> np.ndarray:
    return np.exp(sharpness * np.cos(np.radians(2 * (angles - middle))))


@settings(deadline=None)
@given(st.floats(0, 179.99), st.floats(0.1, 5))
def test_a_bump_has_its_middle_and_its_bessel_ratio(middle: float, sharpness: float) -> None:
    curve = bump(middle, sharpness)
    apart = abs(float(m.preferred(curve, ANGLES)) - middle)
    assert min(apart, 180 - apart) < 1e-6
    assert m.osi(curve, ANGLES) == pytest.approx(iv(1, sharpness) / iv(0, sharpness), rel=1e-6)


@pytest.mark.parametrize("middle", [0.0, 7.5, 90.0, 172.5])
def test_a_shifted_curve_shifts_its_angle_and_nothing_else(middle: float) -> None:
    curve = bump(middle, 2)
    assert m.preferred_tested(curve, ANGLES) == middle
    fine = np.linspace(0, 90, 100_001)
    inside = fine[bump(0, 2, fine) >= bump(0, 2, fine).max() / np.sqrt(2)].max()
    assert m.half_bandwidth(curve, ANGLES) == pytest.approx(inside, abs=0.25)
    assert m.orthogonal(curve, ANGLES) == pytest.approx(np.exp(-4))


def test_right_angles_lie_between_an_odd_number_of_angles() -> None:
    assert m.orthogonal(np.array([4.0, 1.0, 3.0]), np.array([0.0, 60.0, 120.0])) == pytest.approx(0.5)


def test_the_period_is_half_a_turn() -> None:
    # A public script sums e^(ia): opposite flanks of a bar would then count against each other.
    two = np.zeros(24)
    two[[2, 14]] = 1.0
    assert m.osi(two, ANGLES) == pytest.approx(0, abs=1e-12)
    assert np.isnan(m.preferred(two, ANGLES))


@pytest.mark.parametrize(("phases", "low", "high"), [(4, 1.41, 2.0), (8, 1.53, 1.66), (16, 1.56, 1.59)])
def test_few_phases_leave_the_ratio_in_a_bracket(phases: int, low: float, high: float) -> None:
    offsets = np.linspace(0, 2 * np.pi / phases, 50)
    waves = np.maximum(np.sin(np.arange(phases) * 2 * np.pi / phases + offsets[:, None]), 0)
    found = m.f1f0(waves)
    assert low - 0.01 < found.min() < found.max() < high + 0.01


def test_a_steady_response_is_not_modulated() -> None:
    assert m.f1f0(np.full((3, 16), 2.0)).max() < 1e-12


@pytest.mark.parametrize(("curve", "expected"), [
    ([0.0, 1.0, 2.0, 1.0, 0.0], 2.0), ([2.0, 2.0, 0.0, 0.0, 0.0], None), ([0.0, 2.0, 2.0, 0.0, 0.0], 2.0),
    ([1.5, 2.0, 1.5, 1.2, 1.1], None), ([0.0] * 5, None),
])  # fmt: skip
def test_octaves_at_half_height(curve: list[float], expected: float | None) -> None:
    found = m.octaves(np.array([curve]), np.array([0.02, 0.04, 0.08, 0.16, 0.32]))
    assert np.isnan(found[0]) if expected is None else found[0] == pytest.approx(expected)


def test_sizes() -> None:
    curve, sizes = (
        np.array([[0.0, 1.0, 4.0, 4.1, 2.05], [0.0, 1.0, 2.0, 2.0, 2.0]]),
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    )
    assert m.suppression(curve) == pytest.approx([0.5, 0.0])
    assert m.summation(curve, sizes).tolist() == [3.0, 3.0]


def test_light_and_dark() -> None:
    assert m.polarity(np.array([2.0, 0.0, 1.0]), np.array([0.0, 3.0, 1.0])).tolist() == [1.0, -1.0, 0.0]


def test_the_average_of_noise_is_the_kernel_of_a_rectified_unit() -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(5, 5))
    noise = random.normal(size=(20_000, 5, 5))
    driven = np.maximum((noise * kernel).sum((1, 2)), 0)
    found = m.spike_triggered(noise, driven[:, None])[0]
    assert np.corrcoef(found.ravel(), kernel.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("measure", [
    lambda none: m.osi(none, ANGLES), lambda none: m.preferred(none, ANGLES), lambda none: m.f1f0(none),
    lambda none: m.preferred_tested(none, ANGLES), lambda none: m.half_bandwidth(none, ANGLES),
    lambda none: m.orthogonal(none, ANGLES), lambda none: m.octaves(none, ANGLES + 1), lambda none: m.suppression(none),
    lambda none: m.summation(none, ANGLES), lambda none: m.polarity(none[:, 0], none[:, 1]),
    lambda none: m.spike_triggered(np.ones((24, 3, 3)), none.T)[:, 0, 0],
])  # fmt: skip
def test_what_never_answers_has_no_number(measure: Callable[[np.ndarray], np.ndarray]) -> None:
    assert np.isnan(measure(np.zeros((2, 24)))).tolist() == [True, True]


def test_a_curve_that_never_falls_has_no_bandwidth() -> None:
    assert np.isnan(m.half_bandwidth(1 + 0.1 * bump(0, 1), ANGLES))


def test_every_measure_has_its_formula() -> None:
    functions = {"osi", "preferred", "preferred_tested", "half_bandwidth", "orthogonal", "f1f0", "octaves", "polarity",
                 "suppression", "summation"}  # fmt: skip
    assert functions <= m.FORMULAS.keys()
    assert all(callable(getattr(m, name)) for name in functions)
