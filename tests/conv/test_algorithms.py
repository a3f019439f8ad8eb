"""Every algorithm keeps every promise: error, non-finite inputs, threads, activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.trials import PROBLEMS, assert_close, error_bound, make_trial

from striate.conv import _native, compiled_algorithms, get_threads, plan_conv, set_threads
from striate.conv.arrays import Activation
from striate.conv.problem import Pair, Problem
from striate.geometry import Window


def test_every_compiled_way_takes_some_problem() -> None:
    refused = set(compiled_algorithms())
    for problem in PROBLEMS.values():
        refused -= {
            name for name, _ in plan_conv(problem.input_shape, problem.weight_shape, *steps(problem)).candidates
        }
    assert not refused


def steps(problem: Problem) -> tuple[Pair, tuple[Pair, Pair], Pair, int]:
    return problem.stride, (problem.padding[:2], problem.padding[2:]), problem.dilation, problem.groups


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_error_is_within_the_stated_bound(algorithm: str, problem: Problem, dtype: type[np.floating]) -> None:
    trial = make_trial(problem, dtype)
    assert_close(trial, trial.run(algorithm), algorithm)


def test_the_bound_can_be_missed() -> None:
    trial = make_trial(PROBLEMS["3x3"])
    result = trial.run("reference")
    result[0, 0, 0, 0] += 1e-2
    with pytest.raises(AssertionError, match="of the scale"):
        assert_close(trial, result, "auto")


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_activation(algorithm: str, problem: Problem, activation: Activation) -> None:
    trial = make_trial(problem)
    plain = trial.run(algorithm)
    expected = np.clip(plain, 0, 6 if activation == "relu6" else None)
    np.testing.assert_array_equal(trial.run(algorithm, activation=activation), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_non_finite_pixel_reaches_exactly_its_outputs(algorithm: str, problem: Problem, value: float) -> None:
    trial = make_trial(problem)
    channel, y, left = problem.c // 2, problem.h // 2, problem.w // 3
    trial.x[0, channel, y, left] = value
    with np.errstate(invalid="ignore"):
        result, expected = trial.run(algorithm), trial.expected()
    reached = np.zeros(problem.output_shape, bool)
    group = channel // (problem.c // problem.groups)
    per_group = problem.k // problem.groups
    outputs = slice(group * per_group, (group + 1) * per_group)
    reached[0, outputs] = np.outer(_readers(problem.rows, problem.h, y), _readers(problem.columns, problem.w, left))
    np.testing.assert_array_equal(~np.isfinite(result), reached)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(result[np.isinf(result)], expected[np.isinf(expected)])
    trial.x[0, channel, y, left] = 0
    elsewhere = np.where(reached, trial.expected(), result)
    assert_close(trial, elsewhere.astype(np.float32), algorithm)


def _readers(window: Window, n: int, pixel: int) -> list[bool]:
    return [pixel in window.reads(i) for i in range(window.output_size(n))]


@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_a_non_finite_parameter_is_not_hidden(algorithm: str, problem: Problem, kind: str) -> None:
    # The matrix has no entries for padding, so only windows that hold a pixel count.
    trial = make_trial(problem)
    getattr(trial, kind)[0] = np.nan
    result = trial.run(algorithm)
    rows = [any(0 <= y < problem.h for y in problem.rows.reads(i)) for i in range(result.shape[2])]
    columns = [any(0 <= q < problem.w for q in problem.columns.reads(j)) for j in range(result.shape[3])]
    assert np.isnan(result[:, 0][:, np.outer(rows, columns)]).all()
    assert np.isfinite(result[:, 1:]).all()


def test_thread_count_changes_no_bit(problem: Problem) -> None:
    trial = make_trial(problem)
    before = get_threads()
    try:
        for algorithm in compiled_algorithms():
            results = []
            for threads in (1, 2, 3):
                set_threads(threads)
                try:
                    results.append(trial.run(algorithm))
                except pytest.skip.Exception:
                    break
            for other in results[1:]:
                np.testing.assert_array_equal(other, results[0])
    finally:
        set_threads(before)


def test_an_outlier_costs_no_more_than_its_size(algorithm: str, problem: Problem) -> None:
    trial = make_trial(problem)
    trial.x[0, 0, problem.h // 2, problem.w // 2] = 1e4
    error = np.abs(trial.run(algorithm) - trial.expected()).max()
    assert error <= error_bound(algorithm, np.dtype(np.float32)) * trial.scale * 1e4


@pytest.mark.parametrize("threads", [1, 2, 64])
@pytest.mark.parametrize("size", [1, 7, 56])
def test_workspace_stays_within_the_larger_of_8_mb_and_the_input(size: int, threads: int) -> None:
    able = plan_conv((1, 512, size, size), (512, 512, 3, 3), padding=1).candidates
    assert len(able) > 1
    for algorithm, _ in able:
        plan = _native.Plan(1, 512, size, size, 512, 3, 3, padding=(1, 1, 1, 1), algorithm=algorithm, threads=threads)
        assert 1 <= plan.threads <= threads
        assert plan.workspace_bytes <= max(8e6, 4 * 512 * size * size)


def test_strict_keeps_directs_bound(problem: Problem) -> None:
    trial = make_trial(problem)
    assert_close(trial, trial.run("auto", accuracy="strict"), "direct")
    trial.x[0, 0, problem.h // 2, problem.w // 2] = 1e6
    quiet = replace(trial, x=trial.x.copy())
    quiet.x[0, 0, problem.h // 2, problem.w // 2] = 0
    untouched = trial.expected() == quiet.expected()
    error = np.abs(trial.run("auto", accuracy="strict") - trial.expected())
    most = error_bound("direct", np.dtype(np.float32)) * max(trial.scale, np.abs(quiet.expected()).max())
    assert error[untouched].max(initial=0) <= most


def test_denormals_stay_denormal(algorithm: str) -> None:
    trial = make_trial(PROBLEMS["tiny"])
    trial.x[:] = np.float32(1e-41)
    trial.weight[:] = 1
    trial = replace(trial, bias=None)
    result = trial.run(algorithm)
    assert (result > 0).all()
    np.testing.assert_allclose(result, trial.expected(), atol=1e-43)
