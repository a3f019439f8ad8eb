"""Plans: found for a problem, measured against each other, and shown as data."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Literal, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike

from striate.conv.arguments import Arguments, Integers, PaddingArg, PaddingMode, PairArg, parse_shape
from striate.conv.arrays import Array, compute_dtype, parse_dtype
from striate.conv.measured import kept_choice, key
from striate.conv.native import Packed, Plan, check_compiled, compile_plan, compiled_algorithms
from striate.conv.problem import Problem
from striate.conv.settings import Generation, remembered, settings
from striate.errors import InputError, named
from striate.values import text

Accuracy = Literal["normal", "strict"]

PLAIN = ("reference", "matrix")
CHOOSERS = ("auto", "measured")
ACCURACIES: tuple[Accuracy, ...] = ("normal", "strict")
_MUCH_SLOWER = 10


def check_algorithm(algorithm: object, others: tuple[str, ...] = (*CHOOSERS, *PLAIN)) -> str:
    """The name of a compiled algorithm or one of ``others``. Raises InputError for anything else."""
    if isinstance(algorithm, str) and algorithm not in others and algorithm not in compiled_algorithms():
        check_compiled()
    return text("algorithm", algorithm, (*others, *compiled_algorithms()))


def check_accuracy(accuracy: object) -> Accuracy:
    """The name of an accuracy. Raises InputError for an unknown one."""
    return text("accuracy", accuracy, ACCURACIES)


def find_plan(
    problem: Problem, dtype: str, algorithm: str, accuracy: Accuracy, threads: int = 0, once: bool = False
) -> Plan:
    """The compiled plan of a problem, made once; raises InputError where the algorithm cannot compute it.

    ``threads`` 0 are :func:`striate.conv.get_threads`'s; ``once`` makes ``"auto"`` count packing too, which then every
    call does.
    """
    return _known_plan(settings.generation, problem, dtype, algorithm, accuracy == "strict", threads, once)


@remembered
def _known_plan(
    generation: Generation, problem: Problem, dtype: str, algorithm: str, strict: bool, threads: int, once: bool
) -> Plan:
    if algorithm == "measured":
        return _fastest_measured(problem, dtype, strict)
    plan = compile_plan(problem, dtype, algorithm, strict, threads, once)
    if strict and not plan.strict:
        raise InputError(
            f"algorithm={algorithm!r} rounds more than 'direct', which accuracy='strict' rules out; "
            "leave algorithm at 'auto'"
        )
    return plan


def measure(problem: Problem, dtype: str, strict: bool, rounds: int = 3) -> list[tuple[str, float]]:
    """Microseconds each compiled algorithm takes, best of ``rounds``, fastest first.

    Those predicted at more than ten times the best prediction are left out.
    """
    auto = compile_plan(problem, dtype, "auto", strict)
    limit = _MUCH_SLOWER * min(us for _, us in auto.candidates)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(problem.input_shape).astype(dtype)
    weight = rng.standard_normal(problem.weight_shape).astype(dtype)
    out = np.empty(problem.output_shape, dtype)
    times = []
    for name, predicted in auto.candidates:
        plan = compile_plan(problem, dtype, name, strict)
        if name != auto.algorithm and (predicted > limit or (strict and not plan.strict)):
            continue
        packed = plan.pack(weight)
        plan.run(x, packed, None, "none", out)
        best = min(_timed(plan, x, packed, out) for _ in range(rounds))
        times.append((name, best * 1e6))
    return sorted(times, key=lambda entry: entry[1])


def _timed(plan: Plan, x: Array, packed: Packed, out: Array) -> float:
    before = time.perf_counter()
    plan.run(x, packed, None, "none", out)
    return time.perf_counter() - before


def _fastest_measured(problem: Problem, dtype: str, strict: bool) -> Plan:
    """The plan of the algorithm that :func:`measure` finds fastest at its price, measured now, or kept from before."""

    def price(entry: tuple[str, float]) -> float:
        name, us = entry
        return us * compile_plan(problem, dtype, name).price

    def choose() -> str:
        return min(measure(problem, dtype, strict), key=price)[0]

    def usable(name: str) -> bool:
        try:
            plan = compile_plan(problem, dtype, name, strict)
        except InputError:
            return False
        return plan.algorithm == name and (plan.strict or not strict)

    return compile_plan(problem, dtype, kept_choice(key(problem, dtype, strict), choose, usable), strict)


@dataclass(frozen=True, slots=True)
class ConvPlan:
    """How a convolution of one shape is computed; ``print`` it.

    ``workspace_bytes`` is the scratch memory of a call beyond its arrays, ``predicted_us`` the cost model's
    microseconds, ``candidates`` every compiled algorithm that can compute the shape with its predicted microseconds,
    fastest first, and ``measured`` those timed on this machine with their microseconds (empty unless asked for).
    """

    input_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    dtype: str
    algorithm: str
    blocking: dict[str, int]
    workspace_bytes: int
    predicted_us: float
    macs: int
    candidates: tuple[tuple[str, float], ...]
    measured: tuple[tuple[str, float], ...] = ()

    def to_json(self) -> str:
        """The plan as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ConvPlan:
        """The plan that :meth:`to_json` wrote. Raises InputError for anything else."""
        try:
            fields = json.loads(text)
            for name in ("input_shape", "weight_shape", "output_shape"):
                fields[name] = tuple(int(size) for size in fields[name])
            for name in ("candidates", "measured"):
                fields[name] = tuple((str(algorithm), float(us)) for algorithm, us in fields[name])
            return cls(**fields)
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"not the JSON of a ConvPlan: {error}") from None

    def __str__(self) -> str:
        blocking = ", ".join(f"{name} {value}" for name, value in self.blocking.items()) or "none"
        rate = 2 * self.macs / self.predicted_us / 1e3 if self.predicted_us else 0.0
        lines = [
            f"{self.input_shape} * {self.weight_shape} -> {self.output_shape}, {self.dtype}",
            f"algorithm  {self.algorithm}",
            f"blocking   {blocking}",
            f"workspace  {self.workspace_bytes:,} bytes",
            f"predicted  {self.predicted_us:,.1f} us, {rate:,.1f} GFLOP/s ({self.macs:,} multiply-accumulates)",
        ]
        times = dict(self.measured)
        for name, predicted in self.candidates:
            seen = f", measured {times[name]:,.1f} us" if name in times else ""
            lines.append(f"  {name:<20} predicted {predicted:,.1f} us{seen}")
        return "\n".join(lines)


@named("plan_conv")
def plan_conv(
    input_shape: Integers,
    weight_shape: Integers,
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: SupportsIndex = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    dtype: DTypeLike = np.float32,
    algorithm: str = "auto",
    accuracy: Accuracy = "normal",
    measured: bool = False,
) -> ConvPlan:
    """The plan by which the compiled engine computes a convolution of these shapes.

    Arguments are those of ``conv2d``, with shapes for arrays. ``measured=True`` also times the algorithms on this
    machine, on arrays of the given shape. Raises as ``conv2d`` does.

    >>> plan = plan_conv((1, 3, 32, 32), (8, 3, 3, 3), padding=1)
    >>> plan.output_shape, plan.macs
    ((1, 8, 32, 32), 221184)
    """
    check_accuracy(accuracy)
    check_algorithm(algorithm, CHOOSERS)
    kind = parse_dtype(dtype)
    compute = compute_dtype(kind).name
    shapes = parse_shape("input_shape", input_shape), parse_shape("weight_shape", weight_shape)
    problem, _ = Arguments.parse(stride, padding, dilation, groups, padding_mode).problem(*shapes)
    if problem.empty:
        raise InputError(f"nothing to compute for input {shapes[0]} and weight {shapes[1]}")
    plan = find_plan(problem, compute, algorithm, accuracy)
    times = tuple(measure(problem, compute, accuracy == "strict")) if measured else ()
    return ConvPlan(
        shapes[0],
        shapes[1],
        problem.output_shape if len(shapes[0]) == 4 else problem.output_shape[1:],
        kind.name,
        plan.algorithm,
        dict(plan.blocking),
        plan.workspace_bytes,
        plan.predicted_us,
        problem.macs,
        tuple(plan.candidates),
        times,
    )
