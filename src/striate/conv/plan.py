"""A convolution's plan as data: the way chosen, what it costs and what else could compute it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import DTypeLike

from striate.conv.arguments import PaddingArg, PairArg, parse_problem, parse_shape
from striate.conv.arrays import compute_dtype, parse_dtype
from striate.conv.calls import CHOOSERS, check_accuracy, check_algorithm, find_plan
from striate.conv.errors import InputError, named
from striate.conv.plans import measure


@dataclass(frozen=True, slots=True)
class ConvPlan:
    """How a convolution of one shape is computed; ``print`` it.

    ``workspace_bytes`` is the scratch memory of a call beyond its arrays, ``predicted_us`` the cost model's
    microseconds, ``candidates`` every compiled way that can compute the shape with its predicted microseconds, fastest
    first, and ``measured`` the ways timed on this machine with their microseconds (empty unless asked for).
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
                fields[name] = tuple((str(way), float(us)) for way, us in fields[name])
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
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    dtype: DTypeLike = np.float32,
    algorithm: str = "auto",
    accuracy: str = "normal",
    measured: bool = False,
) -> ConvPlan:
    """The plan by which the compiled engine computes a convolution of these shapes.

    Arguments are those of ``conv2d``, with shapes for arrays. ``measured=True`` also times the ways on this machine,
    on arrays of the given shape. Raises as ``conv2d`` does.

    >>> plan = plan_conv((1, 3, 32, 32), (8, 3, 3, 3), padding=1)
    >>> plan.output_shape, plan.macs
    ((1, 8, 32, 32), 221184)
    """
    check_accuracy(accuracy)
    check_algorithm(algorithm, CHOOSERS)
    kind = parse_dtype(dtype)
    compute = compute_dtype(kind).name
    shapes = parse_shape("input_shape", input_shape), parse_shape("weight_shape", weight_shape)
    problem, _ = parse_problem(*shapes, stride, padding, dilation, groups, padding_mode)
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
