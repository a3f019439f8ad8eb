"""Stimuli against pixels cut into many: what each covers, what it lights in all, and where it lies."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, radians, sin

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.odd import wrongly

from striate import InputError
from striate.explore.cover import disc_cover, polygon_cover
from striate.explore.screen import Screen
from striate.explore.stimuli import Bar, Blank, Disc, Edge, Grating, Spot, Stimulus, WhiteNoise, Window, sparse_noise

FINE = 64
Inside = Callable[[np.ndarray, np.ndarray], np.ndarray]


def counted(inside: Inside, height: int, width: int) -> np.ndarray:
    """The share of each pixel's FINE x FINE points inside a shape."""
    x = (np.arange(width * FINE) + 0.5) / FINE - width / 2
    y = height / 2 - (np.arange(height * FINE) + 0.5) / FINE
    found = inside(*np.meshgrid(x, y)).astype(float)
    return np.asarray(found.reshape(height, FINE, width, FINE).mean((1, 3)))


def in_strip(angle: float, low: float, high: float, half: float = np.inf) -> Inside:
    a = radians(angle)

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, along = -sin(a) * x + cos(a) * y, cos(a) * x + sin(a) * y
        return (low <= across) & (across < high) & (np.abs(along) <= half)

    return inside


@settings(deadline=None, max_examples=40)
@given(st.floats(-400, 400), st.floats(0.3, 6), st.floats(0.5, 12), st.floats(-4, 4), st.sampled_from([-1.0, 0.5]))
def test_a_bar_lights_what_it_covers(
    angle: float, width: float, length: float, position: float, contrast: float
) -> None:
    found = Bar(angle, width, length, position, contrast).pattern(9, 7)
    expected = contrast * counted(in_strip(angle, position - width / 2, position + width / 2, length / 2), 9, 7)
    assert np.abs(found - expected).max() < 3 / FINE


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 360), st.floats(-5, 5))
@example(2.2e-309, 0.0)
def test_an_edge_has_light_to_its_left(angle: float, position: float) -> None:
    found = Edge(angle, position).pattern(6, 8)
    assert np.abs(found - (2 * counted(in_strip(angle, position, np.inf), 6, 8) - 1)).max() < 6 / FINE


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 9), st.floats(-4, 4), st.floats(-4, 4))
def test_a_disc_covers_what_lies_within_its_radius(radius: float, x: float, y: float) -> None:
    found = disc_cover(radius, (x, y), 8, 7)
    assert np.abs(found - counted(lambda a, b: np.hypot(a - x, b - y) <= radius, 8, 7)).max() < 3 / FINE


@pytest.mark.parametrize("angle", [0, 22.5, 45, 61.3, 90, 135])
def test_a_bar_lights_as_much_at_every_angle(angle: float) -> None:
    # A hard test of "two pixels wide" lights 63 pixels at 0 degrees where 42 is right.
    assert Bar(angle, 2, 21).pattern(41, 41).sum() == pytest.approx(42, abs=1e-9)
    assert Disc(9, hole=4).pattern(41, 41).sum() == pytest.approx(pi * (81 - 16), abs=1e-9)


def test_a_polygon_with_a_notch_is_covered_rightly() -> None:
    notched = [(-3.0, -2.0), (3.0, -2.0), (3.0, 2.0), (0.0, -1.0), (-3.0, 2.0)]
    found = polygon_cover(notched, 6, 8)
    assert found.sum() == pytest.approx(24 - 9)
    inside = counted(lambda x, y: (np.abs(x) < 3) & (y > -2) & (y < 2) & (y < np.abs(x) - 1), 6, 8)
    assert np.abs(found - inside).max() < 3 / FINE


@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 130.0])
@pytest.mark.parametrize("make", [
    lambda a: Bar(a, 1.7, 8), lambda a: Edge(a, 0.4), lambda a: Grating(a, 0.13, 40),
    lambda a: Window(Grating(a, 0.2), 3.3),
])  # fmt: skip
def test_a_quarter_turn_turns_the_picture_anticlockwise(make: Callable[[float], Stimulus], angle: float) -> None:
    assert np.allclose(make(angle + 90).pattern(9, 9), np.rot90(make(angle).pattern(9, 9)), atol=1e-13)


def test_stripes_stand_along_their_angle() -> None:
    level, rising = Grating(0, 0.1).pattern(9, 9), Grating(45, 0.1).pattern(9, 9)
    assert np.ptp(level, axis=1).max() == 0
    # Along a bar at 45 degrees one goes up and to the right: a column on is a row up.
    assert np.allclose(rising[1:, :-1], rising[:-1, 1:])


def test_a_grating_is_a_wave_of_its_frequency_and_phase() -> None:
    wave = Grating(90, 1 / 8, 90, 0.5).pattern(1, 17)[0]
    assert np.allclose(wave, 0.5 * np.cos(2 * pi * (np.arange(17) - 8) / 8))


def test_dark_is_light_turned_round() -> None:
    for light, dark in (
        (Bar(30, 2), Bar(30, 2, contrast=-1)), (Edge(30), Edge(30, contrast=-1)), (Edge(30), Edge(210)),
        (Disc(3), Disc(3, contrast=-1)), (Grating(20, 0.1), Grating(20, 0.1, 180)),
    ):  # fmt: skip
        assert np.allclose(light.pattern(8, 9), -dark.pattern(8, 9))


def test_sparse_noise_tiles_the_picture_once_light_and_once_dark() -> None:
    spots = sparse_noise(5, 7, 2)
    assert len(spots) == 2 * 3 * 4
    pictures = np.array([spot.pattern(5, 7) for spot in spots])
    assert np.allclose(pictures[::2].sum(0), 1)
    assert not pictures.sum(0).any()
    assert np.argwhere(sparse_noise(5, 7)[2].pattern(5, 7)).tolist() == [[0, 1]]


def test_white_noise_is_that_of_its_seed() -> None:
    first, again, other = (WhiteNoise(seed).pattern(40, 50) for seed in (1, 1, 2))
    assert (first == again).all()
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1
    assert abs(first.mean()) < 0.03
    assert first.std() == pytest.approx(1 / 3, abs=0.02)
    assert np.abs(first).max() <= 1


def test_a_blank_is_blank() -> None:
    assert not Blank().pattern(3, 4).any()


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Grating(0, 0.5), "frequency must lie between 0 and 0.5 cycles per pixel, got 0.5"),
    (lambda: Grating(float("nan"), 0.1), "angle must be a finite number"),
    (lambda: Bar(0, -1), "width must be positive"),
    (lambda: Bar(0, 1, contrast=2), "contrast must lie between -1 and 1, got 2"),
    (lambda: wrongly(Edge)("north"), "angle must be a finite number, got 'north'"),
    (lambda: Disc(2, hole=3), "hole must lie between 0 and the radius 2, got 3"),
    (lambda: wrongly(Spot)((1,)), r"at must be two numbers \(x, y\)"),
    (lambda: WhiteNoise(-1), "seed must be at least 0"),
    (lambda: Edge(0).pattern(0, 3), "height must be at least 1"),
    (lambda: sparse_noise(3, 3, 0), "side must be at least 1"),
])  # fmt: skip
def test_what_is_no_stimulus_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize("level", [0.5, [1, 2, 3]])
def test_a_screen_without_contrast_is_refused(level: float | list[float]) -> None:
    """Every picture would be blank, and every channel called dead."""
    with pytest.raises(InputError, match=r"black and white are both .*: the screen has no contrast"):
        Screen.of(3, level, level)
    assert Screen.of(3, [0, 1, 2], [1, 1, 1]).blank == (0.5, 1.0, 1.5)
