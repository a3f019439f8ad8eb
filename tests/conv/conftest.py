"""The algorithms, the problems every algorithm is tried on, and the error each may make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from striate.conv import compiled_algorithms, conv2d, reference
from striate.conv.arrays import Array
from striate.conv.native import compile_plan
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    algorithms = [*PLAIN, *compiled_algorithms()]
    names = {problem: name.replace(" ", "-") for name, problem in PROBLEMS.items()}
    chosen = [str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")]
    wanted = {"algorithm", "problem"} & set(metafunc.fixturenames) - set(chosen)
    if wanted == {"algorithm", "problem"}:
        pairs = [(algorithm, problem) for algorithm in algorithms for problem in names if accepts(algorithm, problem)]
        ids = [f"{algorithm}-{names[problem]}" for algorithm, problem in pairs]
        metafunc.parametrize(("algorithm", "problem"), pairs, ids=ids)
    elif "algorithm" in wanted:
        metafunc.parametrize("algorithm", algorithms)
    elif "problem" in wanted:
        metafunc.parametrize("problem", names, ids=names.values())


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

    def run(self, algorithm: str, **more: Any) -> Array:
        """The result by one algorithm; skips where the algorithm refuses the problem."""
        p = self.problem
        sides = p.padding[:2], p.padding[2:]
        arguments = p.stride, sides, p.dilation, p.groups
        try:
            return conv2d(self.x, self.weight, self.bias, *arguments, algorithm=algorithm, **more)
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


def bound(algorithm: str, dtype: np.dtype[np.generic]) -> float:
    """The error an algorithm may make, in units of the output's scale."""
    return single_bound(algorithm) * (1 if dtype.itemsize == 4 else 2.0**-29)


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    """Makes a trial of unit-variance arrays from a problem and a type."""

    def make(problem: Problem, dtype: type = np.float32, seed: int = 0) -> Trial:
        rng = np.random.default_rng(seed)
        x: Array = rng.standard_normal(problem.input_shape).astype(dtype)
        weight: Array = rng.standard_normal(problem.weight_shape).astype(dtype)
        return Trial(problem, x, weight, rng.standard_normal(problem.k).astype(dtype))

    return make


@pytest.fixture
def problems() -> dict[str, Problem]:
    """The named problems."""
    return PROBLEMS


@pytest.fixture
def error_bound() -> Callable[[str, np.dtype[np.generic]], float]:
    """The error an algorithm may make, in units of the output's scale."""
    return bound


@pytest.fixture
def assert_close() -> Callable[[Trial, Array, str], None]:
    """Asserts that a result is within an algorithm's stated bound of the oracle."""

    def check(trial: Trial, result: Array, algorithm: str) -> None:
        expected = trial.expected()
        worst = float(np.abs(result - expected).max(initial=0)) / max(
            trial.scale, float(np.abs(expected).max(initial=0))
        )
        assert worst <= bound(algorithm, result.dtype), f"{algorithm}: error {worst:.2e} of the scale"

    return check
