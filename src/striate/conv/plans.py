"""Which compiled way computes a problem: plans by name, and the way that is measured fastest."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from striate.conv import measured
from striate.conv.arrays import Array
from striate.conv.errors import InputError
from striate.conv.native import kernels
from striate.conv.problem import Problem


def make_plan(
    problem: Problem, dtype: str, algorithm: str, strict: bool, threads: int = 0, once: bool = False
) -> Any:
    """A new compiled plan, its refusal as an InputError; ``threads`` 0 are :func:`striate.conv.get_threads`'s.

    ``once`` makes ``"auto"`` count packing too, which then every call does.
    """
    p = problem
    try:
        steps = p.stride, p.padding, p.dilation, p.groups
        return kernels().Plan(*p.input_shape, p.k, p.kh, p.kw, *steps, dtype, algorithm, strict, threads, once)
    except ValueError as refusal:
        raise InputError(str(refusal)) from None


def measure(problem: Problem, dtype: str, strict: bool, rounds: int = 3) -> list[tuple[str, float]]:
    """Microseconds each compiled way takes, best of ``rounds``, fastest first.

    Ways predicted at more than ten times the best prediction are left out.
    """
    auto = make_plan(problem, dtype, "auto", strict)
    limit = 10 * min(us for _, us in auto.candidates)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(problem.input_shape).astype(dtype)
    weight = rng.standard_normal(problem.weight_shape).astype(dtype)
    out = np.empty(problem.output_shape, dtype)
    times = []
    for name, predicted in auto.candidates:
        plan = make_plan(problem, dtype, name, strict)
        if name != auto.algorithm and (predicted > limit or (strict and not plan.strict)):
            continue
        packed = plan.pack(weight)
        plan.run(x, packed, None, "none", out)
        best = min(_timed(plan, x, packed, out) for _ in range(rounds))
        times.append((name, best * 1e6))
    return sorted(times, key=lambda entry: entry[1])


def _timed(plan: Any, x: Array, packed: Any, out: Array) -> float:
    before = time.perf_counter()
    plan.run(x, packed, None, "none", out)
    return time.perf_counter() - before


def _price_of_rounding(problem: Problem, dtype: str, way: str) -> float:
    # As the engine prices it for "auto": see its plan.cpp.
    return 1.0 if make_plan(problem, dtype, way, strict=False).strict else 2.0


def fastest_measured(problem: Problem, dtype: str, strict: bool) -> Any:
    """The plan of the way that :func:`measure` finds fastest, measured now, or kept from before."""

    def choose() -> str:
        times = measure(problem, dtype, strict)
        if problem.c == problem.k == problem.groups:
            times.sort(key=lambda entry: entry[1] * _price_of_rounding(problem, dtype, entry[0]))
        return times[0][0]

    def usable(way: str) -> Any:
        try:
            plan = make_plan(problem, dtype, way, strict)
        except InputError:
            return None
        return plan if plan.algorithm == way and (plan.strict or not strict) else None

    return measured.remembered(measured.key(problem, dtype, strict), choose, usable)
