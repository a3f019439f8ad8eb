"""NaN and infinity: what every algorithm makes of them wherever they lie, and what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.sure import sure
from support.trials import PROBLEMS, Trial, make_trial

from striate.conv import conv2d, reference
from striate.conv.arrays import Array
from striate.conv.native import compile_plan
from striate.conv.plan import find_plan
from striate.conv.problem import Problem

NAN, INF = np.nan, np.inf


def scattered(share: float, *values: float) -> Callable[[Array], None]:
    def spoil(array: Array) -> None:
        rng = np.random.default_rng(1)
        for value in values:
            array[rng.random(array.shape) < share] = value

    return spoil


def half(*values: float) -> Callable[[Array], None]:
    def spoil(array: Array) -> None:
        rows = array.shape[-2]
        array[..., : (rows + 1) // 2, :] = values[0]
        for value in values[1:]:
            array[..., rows // 2, array.shape[-1] // 3] = value

    return spoil


def everywhere(value: float) -> Callable[[Array], None]:
    return lambda array: array.fill(value)


def nothing(array: Array) -> None:
    """Leaves the array as it is."""


PLACES: dict[str, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    "few NaN": (scattered(0.01, NAN), nothing),
    "few infinities": (scattered(0.01, INF, -INF), nothing),
    "few of both": (scattered(0.01, NAN, INF, -INF), nothing),
    "infinities of one sign": (scattered(0.02, INF), np.abs),
    "half": (half(NAN, INF), nothing),
    "half infinite": (half(-INF), nothing),
    "all NaN": (everywhere(NAN), nothing),
    "all infinite": (everywhere(INF), nothing),
    "weights NaN": (nothing, scattered(0.05, NAN)),
    "weights infinite": (nothing, scattered(0.05, INF, -INF)),
    "all weights infinite": (nothing, everywhere(INF)),
    "both": (scattered(0.01, NAN, INF), scattered(0.02, NAN, -INF, 0)),
    "both infinite": (scattered(0.05, INF), everywhere(INF)),
}


SMALL = ("3x3", "3x3 stride 2", "5x5 few channels", "depthwise 5x5 stride 2", "large kernel", "lopsided", "grouped")


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("places", PLACES)
def test_every_output_is_what_the_definition_gives(places: str, name: str) -> None:
    trial = make_trial(PROBLEMS[name])
    spoil_x, spoil_weight = PLACES[places]
    spoil_x(trial.x)
    if spoil_weight is np.abs:
        np.abs(trial.weight, out=trial.weight)
    else:
        spoil_weight(trial.weight)
    if "few" in places:
        sure(trial.bias)[0] = INF
    algorithms = [algorithm for algorithm, _ in compile_plan(trial.problem, "float32", "auto").candidates]
    assert {"direct", "fft"} <= set(algorithms)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = np.clip(trial.expected(), 0, 6)
    finite = np.isfinite(expected)
    for algorithm in algorithms:
        result = trial.run(algorithm, activation="relu6")
        np.testing.assert_array_equal(np.isnan(result), np.isnan(expected), err_msg=algorithm)
        scale = trial_scale(trial)
        np.testing.assert_allclose(result[finite], expected[finite], rtol=0, atol=1e-4 * scale, err_msg=algorithm)


def trial_scale(trial: Trial) -> float:
    weight = trial.weight[np.isfinite(trial.weight)].astype(float)
    return 1 + float(np.sqrt(trial.weight[0].size * np.mean(weight**2))) if weight.size else 1.0


def test_infinities_keep_their_sign_without_activation() -> None:
    problem = PROBLEMS["large kernel"]
    x = np.zeros(problem.input_shape, np.float32)
    x[0, 0, 5, 5], x[0, 0, 35, 35] = INF, -INF
    weight = np.ones(problem.weight_shape, np.float32)
    expected = reference.conv2d(x, weight, None, padding=problem.padding)
    assert {INF, -INF} <= set(expected[np.isinf(expected)])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(conv2d(x, weight, padding=9, algorithm="fft"), expected)


def test_finite_numbers_that_overflow_a_transform_are_summed_directly() -> None:
    problem = PROBLEMS["3x3"]
    x = np.full(problem.input_shape, np.float32(-3.4e38) / 400)
    weight = np.full(problem.weight_shape, np.float32(0.5))
    for algorithm in ("winograd", "winograd1d", "fft"):
        result = conv2d(x, weight, padding=1, algorithm=algorithm)
        np.testing.assert_allclose(result, reference.conv2d(x, weight, None, padding=problem.padding), rtol=1e-5)


COSTLY = [
    Problem(1, 64, 56, 56, 64, 3, 3, padding=(1, 1, 1, 1)),
    Problem(1, 3, 224, 224, 32, 3, 3, padding=(1, 1, 1, 1)),
    Problem(1, 1, 512, 512, 1, 15, 15, padding=(7, 7, 7, 7)),
    Problem(1, 128, 28, 28, 128, 3, 3, padding=(1, 1, 1, 1)),
    Problem(1, 32, 56, 56, 32, 11, 11, padding=(5, 5, 5, 5), groups=32),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize("costly", COSTLY, ids=str)
def test_no_arrangement_costs_much_more_than_finite_numbers(costly: Problem) -> None:
    """Best of many calls, side by side; the room above four times is for a machine that does other things."""
    plan = find_plan(costly, "float32", "auto", "normal")
    rng = np.random.default_rng(0)
    out = np.empty(costly.output_shape, np.float32)
    cases = {}
    for places, (spoil_x, spoil_weight) in {"finite": (nothing, nothing), **PLACES}.items():
        x = rng.standard_normal(costly.input_shape).astype(np.float32)
        weight = rng.standard_normal(costly.weight_shape).astype(np.float32)
        spoil_x(x)
        if spoil_weight is not np.abs:
            spoil_weight(weight)
        cases[places] = x, plan.pack(weight)
    best = dict.fromkeys(cases, INF)
    for _ in range(15):
        for places, (x, packed) in cases.items():
            before = time.perf_counter()
            plan.run(x, packed, None, "none", out)
            best[places] = min(best[places], time.perf_counter() - before)
    ratios = {places: round(spent / best["finite"], 1) for places, spent in best.items()}
    assert max(ratios.values()) <= 6, str(ratios)
