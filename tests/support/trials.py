"""The problems every algorithm of ``conv`` is tried on, with arrays, and the error each algorithm may make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from striate.conv import compiled_algorithms, conv2d, reference
from striate.conv.arrays import Activation, Array
from striate.conv.native import compile_plan
from striate.conv.plan import Accuracy
from striate.conv.problem import Problem
from striate.errors import InputError

PLAIN = ("reference", "matrix")

PROBLEMS = {
    "tiny": Problem(1, 1, 4, 4, 1, 3, 3),
    "3x3": Problem(1, 32, 14, 15, 32, 3, 3, padding=(1, 1, 1, 1)),
    "3x3 wide": Problem(1, 16, 9, 40, 16, 3, 3, padding=(1, 1, 1, 1)),
    "3x3 batch": Problem(3, 16, 7, 7, 32, 3, 3, padding=(1, 1, 1, 1)),
    "3x3 stride 2": Problem(1, 32, 17, 18, 32, 3, 3, stride=(2, 2), padding=(1, 1, 1, 1)),
    "3x3 dilated": Problem(1, 32, 16, 15, 32, 3, 3, padding=(2, 2, 2, 2), dilation=(2, 2)),
    "1x1": Problem(1, 64, 9, 11, 48, 1, 1),
    "1x1 stride 2": Problem(1, 32, 9, 11, 48, 1, 1, stride=(2, 2)),
    "5x5": Problem(1, 32, 12, 13, 32, 5, 5, padding=(2, 2, 2, 2)),
    "7x7 stem": Problem(1, 3, 30, 31, 32, 7, 7, stride=(2, 2), padding=(3, 3, 3, 3)),
    "5x5 few channels": Problem(1, 3, 20, 33, 32, 5, 5, padding=(2, 2, 2, 2)),
    "depthwise 3x3": Problem(1, 24, 15, 17, 24, 3, 3, padding=(1, 1, 1, 1), groups=24),
    "depthwise 5x5 stride 2": Problem(1, 24, 15, 34, 24, 5, 5, stride=(2, 2), padding=(2, 2, 2, 2), groups=24),
    "depthwise 17x17": Problem(1, 6, 24, 25, 6, 17, 17, padding=(8, 8, 8, 8), groups=6),
    "grouped": Problem(1, 32, 12, 13, 64, 3, 3, padding=(1, 1, 1, 1), groups=8),
    "large kernel": Problem(1, 1, 40, 41, 1, 19, 19, padding=(9, 9, 9, 9)),
    "lopsided": Problem(2, 5, 11, 9, 7, 3, 2, stride=(1, 2), padding=(0, 2, 3, 1), dilation=(2, 1)),
}


def accepts(algorithm: str, problem: Problem) -> bool:
    """Whether an algorithm can compute a problem."""
    if algorithm in PLAIN:
        return True
    try:
        compile_plan(problem, "float32", algorithm)
    except InputError:
        return False
    return True


@dataclass(frozen=True)
class Trial:
    """One problem with its arrays."""

    problem: Problem
    x: Array
    weight: Array
    bias: Array | None = None

    @property
    def scale(self) -> float:
        """The output's standard deviation for unit-variance inputs."""
        return float(np.sqrt(self.weight[0].size * np.mean(self.weight.astype(np.float64) ** 2)))

    def expected(self) -> Array:
        p = self.problem
        return reference.conv2d(self.x, self.weight, self.bias, p.stride, p.padding, p.dilation, p.groups)

    def run(self, algorithm: str, activation: Activation | None = None, accuracy: Accuracy = "normal") -> Array:
        """The result by one algorithm; skips where the algorithm refuses the problem."""
        p = self.problem
        sides = p.padding[:2], p.padding[2:]
        arguments = p.stride, sides, p.dilation, p.groups
        try:
            return conv2d(
                self.x, self.weight, self.bias, *arguments,
                algorithm=algorithm, activation=activation, accuracy=accuracy,
            )  # fmt: skip
        except InputError as refusal:
            if "cannot compute" not in str(refusal):
                raise
            pytest.skip(str(refusal))


@cache
def single_bound(algorithm: str) -> float:
    """The error an algorithm promises in float32: direct's where it is plain, the largest where it is left open."""
    if algorithm in PLAIN:
        return single_bound("direct")
    if algorithm in ("auto", "measured"):
        return max(map(single_bound, compiled_algorithms()))
    problem = next(problem for problem in PROBLEMS.values() if accepts(algorithm, problem))
    return float(compile_plan(problem, "float32", algorithm).error_bound)


def error_bound(algorithm: str, dtype: np.dtype[np.generic]) -> float:
    """The error an algorithm may make, in units of the output's scale."""
    return single_bound(algorithm) * (1 if dtype.itemsize == 4 else 2.0**-29)


def make_trial(problem: Problem, dtype: type[np.floating] = np.float32, seed: int = 0) -> Trial:
    """A trial of unit-variance arrays."""
    rng = np.random.default_rng(seed)
    x: Array = rng.standard_normal(problem.input_shape).astype(dtype)
    weight: Array = rng.standard_normal(problem.weight_shape).astype(dtype)
    return Trial(problem, x, weight, rng.standard_normal(problem.k).astype(dtype))


def assert_close(trial: Trial, result: Array, algorithm: str) -> None:
    """Asserts that a result is within an algorithm's stated bound of the oracle."""
    expected = trial.expected()
    worst = float(np.abs(result - expected).max(initial=0)) / max(trial.scale, float(np.abs(expected).max(initial=0)))
    assert worst <= error_bound(algorithm, result.dtype), f"{algorithm}: error {worst:.2e} of the scale"
