"""Measures of responses: each is a function of numbers, with the formula that it is printed with.

Every measure takes arrays whose last axis, or last axes where it says so, hold the responses, and any number of axes
before it (channels). Responses are those above the blank, cut at zero (``above_blank``). Where there is nothing to
measure the answer is NaN, which is printed as n/a.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.explore.cover import Floats

FORMULAS = MappingProxyType({
    "response": "R = max(response - response to the blank, 0)",
    "preferred": "arg(sum R(a) e^(2ia)) / 2, the angle of the bar: 0 along x, anticlockwise, in [0, 180) degrees",
    "preferred_tested": "the tested angle whose R is largest",
    "osi": "OSI = |sum R(a) e^(2ia)| / sum R(a)",
    "cv": "CV = 1 - OSI",
    "half_bandwidth": "half the width, in degrees, of R(a) around its largest value where it is above 1/sqrt(2) of it",
    "orthogonal": "R(preferred tested angle + 90) / R(preferred tested angle)",
    "f1f0": "F1/F0 = (2/P |sum R(p) e^(-ip)|) / (1/P sum R(p)) over P phases p",
    "frequency": "the tested frequency whose R is largest",
    "octaves": "log2 of the upper over the lower frequency at which R is half of its largest value",
    "polarity": "(L - D) / (L + D), L and D the largest R to light and to dark",
    "suppression": "1 - R(largest size) / R(best size)",
    "summation": "the smallest tested size whose R is 95 % of the largest",
})  # fmt: skip
"""How each measure is worked out, as it is printed beside its number."""

SIMPLE_FROM = 1.0
LOCAL = float(np.sqrt(0.5))
FULL = 0.95


def above_blank(responses: NDArray[Any], blank: NDArray[Any]) -> Floats:
    """Responses less that to the blank, cut at zero; ``blank`` has one number for each place of the last axis.

    >>> above_blank(np.array([[1.0, 5.0], [3.0, 4.0]]), np.array([2.0, 4.5])).tolist()
    [[0.0, 0.5], [1.0, 0.0]]
    """
    return np.maximum(np.asarray(responses, np.float64) - np.asarray(blank, np.float64), 0.0)


def osi(curve: Floats, angles: Floats) -> Floats:
    """How selective for the angle: 0 for the same at all angles, 1 for one angle alone; ``angles`` in degrees.

    >>> float(osi(np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 45.0, 90.0, 135.0])))
    1.0
    """
    return _ratio(np.abs(_vector(curve, angles)), np.abs(curve).sum(-1))


def preferred(curve: Floats, angles: Floats) -> Floats:
    """The angle of the vector sum, in [0, 180); NaN where all angles are alike.

    >>> float(preferred(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 45.0, 90.0, 135.0])))
    22.5
    """
    sums = _vector(curve, angles)
    clear = np.abs(sums) > 1e-9 * np.abs(curve).sum(-1)
    found = np.degrees(np.angle(sums)) / 2 % 180
    return np.where(clear, np.where(found >= 180, 0.0, found), np.nan)


def preferred_tested(curve: Floats, tested: Floats) -> Floats:
    """The tested value, angle, frequency or size, whose response is largest; NaN where there is none above zero."""
    return np.where(curve.max(-1) > 0, np.asarray(tested, np.float64)[curve.argmax(-1)], np.nan)


def half_bandwidth(curve: Floats, angles: Floats) -> Floats:
    """Half the width around the largest response where it is above 0.707 of it, in degrees; NaN where it never falls
    so far. ``angles`` go evenly round 180 degrees; between them the curve is straight.

    >>> round(float(half_bandwidth(np.array([1.0, 0.5, 0.0, 0.5]), np.array([0.0, 45.0, 90.0, 135.0]))), 2)
    26.36
    """
    step = 180.0 / len(angles)
    turned = _from_peak(curve)
    ahead, behind = (_first_below(side, LOCAL) for side in (turned, np.roll(turned[..., ::-1], 1, -1)))
    return (ahead + behind) / 2 * step


def orthogonal(curve: Floats, angles: Floats) -> Floats:
    """The response at right angles over the largest; between angles the curve is straight."""
    turned, quarter = _from_peak(curve), len(angles) / 2
    low, part = int(quarter), quarter % 1
    across = turned[..., low] * (1 - part) + turned[..., (low + 1) % len(angles)] * part
    return _ratio(across, turned[..., 0])


def f1f0(phases: Floats) -> Floats:
    """How far the response is modulated by phase, over the last axis: pi/2 for a half-rectified sine, 0 for none.

    >>> float(f1f0(np.maximum(np.sin(np.arange(4096) * 2 * np.pi / 4096), 0)).round(4))
    1.5708
    """
    first = 2 * np.abs(np.fft.fft(phases, axis=-1)[..., 1]) / phases.shape[-1]
    return _ratio(first, phases.mean(-1))


def octaves(curve: Floats, frequencies: Floats) -> Floats:
    """The bandwidth at half height; NaN where the response does not fall so far on both sides of the tested ones.

    ``frequencies`` rise; between them the curve is straight over their logarithm.

    >>> float(octaves(np.array([0.0, 1.0, 0.0]), np.array([0.1, 0.2, 0.4])))
    1.0
    """
    flat = curve.reshape(-1, curve.shape[-1])
    logs = np.log2(np.asarray(frequencies, np.float64))
    return np.array([_span(row, logs) for row in flat]).reshape(curve.shape[:-1])


def polarity(light: Floats, dark: Floats) -> Floats:
    """1 for light alone, -1 for dark alone."""
    return _ratio(light - dark, light + dark)


def suppression(curve: Floats) -> Floats:
    """How much less than its best a unit answers to the largest size: the last of the last axis."""
    return 1 - _ratio(curve[..., -1], curve.max(-1))


def summation(curve: Floats, sizes: Floats) -> Floats:
    """The smallest size that gives 95 % of the largest response."""
    first = (curve >= FULL * curve.max(-1, keepdims=True)).argmax(-1)
    return np.where(curve.max(-1) > 0, np.asarray(sizes, np.float64)[first], np.nan)


def kind(ratio: float, phases: int) -> str:
    """What F1/F0 is like, in words that say how many phases it stands on: no class is asserted.

    >>> kind(1.4, 16), kind(0.1, 16), kind(float("nan"), 16)
    ('simple-like (P = 16)', 'complex-like (P = 16)', 'n/a')
    """
    if np.isnan(ratio):
        return "n/a"
    return f"{'simple' if ratio > SIMPLE_FROM else 'complex'}-like (P = {phases})"


def spike_triggered(pictures: Floats, responses: Floats) -> Floats:
    """The mean of pictures (count, ...), each weighted by its response (count, channels), less the plain mean.

    The result has shape (channels, ...); NaN for a channel that answers to none.
    """
    flat = pictures.reshape(len(pictures), -1) - pictures.mean(0).ravel()
    return _ratio(responses.T @ flat, responses.sum(0)[:, None]).reshape(-1, *pictures.shape[1:])


def _vector(curve: Floats, angles: Floats) -> NDArray[np.complex128]:
    """The sum of responses, each at twice its angle."""
    return np.asarray(curve @ np.exp(2j * np.radians(angles)))


def _ratio(above: Floats, below: Floats) -> Floats:
    """A fraction; NaN where there is nothing to divide by."""
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _from_peak(curve: Floats) -> Floats:
    """Each curve turned so that its largest value comes first."""
    places = (curve.argmax(-1)[..., None] + np.arange(curve.shape[-1])) % curve.shape[-1]
    return np.take_along_axis(curve, places, -1)


def _first_below(curve: Floats, part: float) -> Floats:
    """How many steps from the first value, which is the largest, until the curve falls to a part of it."""
    limit = part * curve[..., :1]
    below = curve < limit
    stop = below.argmax(-1)[..., None]
    before, after = (np.take_along_axis(curve, np.maximum(k, 0), -1) for k in (stop - 1, stop))
    steps = stop - 1 + _ratio(before - limit, before - after)
    return np.where(below.any(-1) & (curve[..., 0] > 0), steps[..., 0], np.nan)


def _span(row: Floats, logs: Floats) -> float:
    peak = int(row.argmax())
    up, down = row[peak:], row[peak::-1]
    if row[peak] <= 0 or up.min() >= row[peak] / 2 or down.min() >= row[peak] / 2:
        return float("nan")
    places = np.arange(len(row), dtype=np.float64)
    high, low = peak + float(_first_below(up, 0.5)), peak - float(_first_below(down, 0.5))
    return float(np.interp(high, places, logs) - np.interp(low, places, logs))
