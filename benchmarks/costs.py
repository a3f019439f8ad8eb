"""What the cost models predict beside what is measured, on one thread, so that a constant can be measured anew.

    python benchmarks/costs.py [MODEL ...] [--rounds 8] [--shapes shapes.csv]

A model is a way, `machine` or `schedule`. For each constant of a model (`Costs` in native/kernels/ways/*_plan.cpp, and
those of machine.hpp and schedule.hpp) that shapes here can tell apart, some shapes that need more and more of what it
prices, and little else more: microseconds measured, the least of the rounds' medians, and predicted; slots are those of
one vector multiply-add. The slope is what is measured from the first to the last shape over what is predicted: where it
is above 1, the constant is too small.

With --shapes, a file as benchmarks/conv.py takes it: measured over predicted for every way that can compute a shape, by
way the geometric mean and the smallest and the largest. The constants that no shapes tell apart are judged by these.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from conv import read_shapes
from engines import Shape

from striate.conv import _native

LANES = {"avx512": 16, "avx2": 8, "baseline": 4}


def grown(shape: Shape, **steps: tuple[int, ...]) -> tuple[Shape, ...]:
    """`shape` with the values of one or several of its sizes, which grow together."""
    rows = zip(*steps.values(), strict=True)
    return tuple(shape._replace(**dict(zip(steps, row, strict=True))) for row in rows)


POINT = Shape(1, 64, 28, 28, 64, 1, 1)
SQUARE = Shape(1, 64, 28, 28, 64, 3, 3, pad=1)
FEW = Shape(1, 3, 64, 64, 16, 3, 3, pad=1)
DEPTHWISE = Shape(1, 64, 56, 56, 64, 3, 3, pad=1, groups=64)
LARGE = Shape(1, 64, 56, 56, 64, 31, 31, pad=15, groups=64)
SIDES = (28, 56, 112)
MANY = (64, 256, 1024)

# By model and constant: the way that computes the shapes, and these.
FAMILIES: dict[str, dict[str, tuple[str, tuple[Shape, ...]]]] = {
    "direct": {
        "load": ("direct", grown(SQUARE._replace(k=1), c=(8, 16, 32))),
        "step": ("direct", grown(SQUARE._replace(k=8), c=(8, 16, 32))),
        "sum": ("direct", grown(POINT._replace(h=7, w=7), c=(128, 256, 512))),
        "place": ("direct", grown(POINT._replace(c=1, k=8), h=SIDES, w=SIDES)),
        "place_apart": ("direct", grown(SQUARE._replace(c=1, k=8), h=SIDES, w=SIDES)),
        "row": ("direct", grown(SQUARE._replace(w=8, k=1), h=(64, 128, 256))),
        "copy_1": ("direct", grown(SQUARE._replace(w=128, k=1), c=(8, 16, 32))),
        "copy_2": ("direct", grown(Shape(1, 16, 56, 112, 1, 2, 2, stride=2), c=(8, 16, 32))),
        "copy_4": ("direct", grown(Shape(1, 16, 56, 112, 1, 4, 4, stride=4), c=(8, 16, 32))),
        "copy_other": ("direct", grown(Shape(1, 16, 57, 114, 1, 3, 3, stride=3), c=(8, 16, 32))),
    },
    "gemm": {
        "step": ("gemm", grown(POINT, c=(64, 128, 256))),
        "same_set": ("gemm", grown(POINT._replace(h=32, w=32, k=16), c=(16, 32, 64))),
        "sum": ("gemm", grown(POINT._replace(h=7, w=7), c=(128, 512, 1024))),
        "transposed": ("gemm", grown(POINT._replace(c=8), k=(64, 128, 256))),
        "output": ("gemm", grown(POINT._replace(c=4, k=8), h=SIDES, w=SIDES)),
        "field_row": ("gemm", grown(SQUARE._replace(kh=5, kw=5, pad=2, k=32), h=SIDES)),
        "piece": ("gemm", grown(SQUARE._replace(h=7, w=7, k=16), c=(32, 64, 128))),
        "piece_pair": ("gemm", grown(SQUARE._replace(stride=2, k=16), c=(32, 64, 128))),
        "piece_2": ("gemm", grown(POINT._replace(stride=2, k=16), c=(32, 64, 128))),
        "piece_four": ("gemm", grown(Shape(1, 3, 64, 64, 16, 4, 4, stride=4), h=(64, 128, 256), w=(64, 128, 256))),
        "pixel": ("gemm", grown(POINT._replace(stride=4, k=16), c=(32, 64, 128))),
        "tap": ("gemm", grown(Shape(1, 1, 14, 14, 16, 1, 1), kh=(3, 5, 7), kw=(3, 5, 7))),
    },
    "winograd": {
        "weight": ("winograd", grown(SQUARE._replace(h=7, w=7), c=(128, 256, 512), k=(128, 256, 512))),
        "step": ("winograd", grown(SQUARE, c=(64, 128, 256), k=(64, 128, 256))),
        "transform": ("winograd", grown(SQUARE._replace(k=16), c=(32, 64, 128))),
        "output": ("winograd", grown(SQUARE._replace(c=16), k=(32, 64, 128))),
        "stage_row": ("winograd", grown(SQUARE._replace(h=64, w=4, k=16), c=(32, 64, 128))),
        "output_row": ("winograd", grown(SQUARE._replace(h=64, w=4, c=16), k=(32, 64, 128))),
        "second_pixel": ("winograd", grown(SQUARE._replace(stride=2, k=16), w=SIDES)),
        "apart_pixel": ("winograd", grown(SQUARE._replace(dilation=3, pad=3, k=16), w=SIDES)),
        "output_pixel": ("winograd", grown(SQUARE._replace(dilation=2, pad=2, c=16), w=SIDES)),
    },
    "winograd1d": {
        "load": ("winograd1d", grown(FEW._replace(k=1), c=(4, 8, 16))),
        "multiply": ("winograd1d", grown(FEW, k=(16, 64, 128))),
        "sum": ("winograd1d", grown(FEW, c=(16, 32, 64))),
        "put": ("winograd1d", grown(FEW._replace(c=1), k=(16, 32, 64))),
        "row_end": ("winograd1d", grown(FEW._replace(w=9), h=(64, 128, 256))),
        "transform": ("winograd1d", grown(FEW._replace(k=1, kh=1, pad=0), c=(16, 32, 64))),
        "gather": ("winograd1d", grown(Shape(1, 3, 66, 66, 4, 6, 6, stride=3), h=(66, 132, 264))),
        "gather_4": ("winograd1d", grown(Shape(1, 3, 64, 64, 4, 8, 8, stride=4), h=(64, 128, 256))),
    },
    "fft": {
        "pass": ("fft", grown(LARGE, h=SIDES, w=SIDES)),
        "read": ("fft", grown(LARGE._replace(k=1, groups=1), c=(4, 8, 16))),
        "write": ("fft", grown(LARGE._replace(c=1, groups=1), k=(4, 8, 16))),
        "product": ("fft", grown(LARGE._replace(groups=1), c=(4, 8, 16), k=(4, 8, 16))),
    },
    "depthwise": {
        "side_by_side": ("depthwise", grown(DEPTHWISE, kh=(3, 5, 7), kw=(3, 5, 7), pad=(1, 2, 3))),
        "load": ("depthwise", grown(DEPTHWISE, h=SIDES)),
        "strip": ("depthwise", grown(DEPTHWISE._replace(h=4), w=(32, 64, 128))),
        "tap": ("depthwise", grown(DEPTHWISE._replace(h=14, w=14), kh=(9, 13, 27), kw=(9, 13, 27), pad=(4, 6, 13))),
        "transpose": ("depthwise", grown(DEPTHWISE._replace(h=7, w=7), c=MANY, k=MANY, groups=MANY)),
    },
    "machine": {
        "page_slots": ("gemm", grown(POINT._replace(h=33, w=33, k=8), c=(32, 64, 128))),
        "l2_reads": ("gemm", grown(POINT._replace(h=7, w=7), k=(64, 128, 256), c=(256, 256, 256))),
        "l3_reads": ("gemm", grown(POINT._replace(h=7, w=7), k=(1024, 2048, 4096), c=(1024, 1024, 1024))),
    },
    "schedule": {
        "task_us": ("direct", grown(SQUARE._replace(c=1, h=4, w=4, k=1), n=(1, 16, 64))),
        "run_us": ("gemm", grown(POINT._replace(c=4, h=64, w=64), k=MANY)),
        "shown": ("depthwise", grown(DEPTHWISE, c=MANY, k=MANY, groups=MANY)),
    },
}  # fmt: skip


class Time(NamedTuple):
    """Microseconds of one shape."""

    shape: Shape
    measured: float
    predicted: float


def plan_of(way: str, shape: Shape) -> Any:
    """The compiled plan on one thread; raises ValueError where the way refuses the shape."""
    n, c, h, w, k, kh, kw, stride, pad, dilation, groups = shape
    return _native.Plan(
        n, c, h, w, k, kh, kw, stride=(stride,) * 2, padding=(pad,) * 4, dilation=(dilation,) * 2, groups=groups,
        algorithm=way, threads=1,
    )  # fmt: skip


def timed(way: str, shape: Shape, rounds: int, budget: float = 0.01) -> Time:
    """One shape, for at least `budget` seconds a round."""
    plan, rng = plan_of(way, shape), np.random.default_rng(0)
    x = rng.standard_normal(shape[:4], dtype=np.float32)
    weight = rng.standard_normal((shape.k, shape.c // shape.groups, shape.kh, shape.kw), dtype=np.float32)
    out, packed = np.empty(shape.output(), np.float32), plan.pack(weight)
    medians = []
    for _ in range(rounds):
        times, start = [], time.perf_counter()
        while not times or time.perf_counter() - start < budget:
            before = time.perf_counter()
            plan.run(x, packed, None, "none", out)
            times.append(time.perf_counter() - before)
        medians.append(statistics.median(times))
    return Time(shape, min(medians) * 1e6, plan.predicted_us)


def family(model: str, constant: str, rounds: int) -> Iterator[str]:
    """The lines of one constant."""
    way, shapes = FAMILIES[model][constant]
    times = [timed(way, shape, rounds) for shape in shapes]
    first, last = times[0], times[-1]
    slope = (last.measured - first.measured) / (last.predicted - first.predicted)
    yield f"{model} {constant}: slope {slope:.2f}"
    slots = _native.peak_gflops() * 1e3 / 2 / LANES[_native.isa()]
    for entry in times:
        ratio = entry.measured / entry.predicted
        yield (
            f"  {way} {entry.shape}: {entry.measured:.2f} us, predicted {entry.predicted:.2f}, ratio {ratio:.2f},"
            f" {entry.measured * slots:.0f} slots"
        )


def everywhere(ways: list[str], shapes: list[Shape], rounds: int) -> Iterator[str]:
    """Measured over predicted on every shape, then by way."""
    for way in ways:
        ratios = []
        for shape in shapes:
            try:
                entry = timed(way, shape, rounds)
            except ValueError:
                continue
            ratios.append(entry.measured / entry.predicted)
            yield f"  {way} {shape}: {entry.measured:.2f} us, predicted {entry.predicted:.2f}, ratio {ratios[-1]:.2f}"
        if ratios:
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            yield f"{way}: {len(ratios)} shapes, mean {mean:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(FAMILIES)}; all where none is named")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--shapes", type=Path, help="a CSV file of shapes")
    options = parser.parse_args()
    models = options.models or list(FAMILIES)
    if unknown := set(models) - set(FAMILIES):
        parser.error(f"no model {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    if options.shapes:
        ways = [model for model in models if model in _native.algorithms()]
        lines = everywhere(ways, read_shapes(options.shapes), options.rounds)
    else:
        lines = (line for model in models for name in FAMILIES[model] for line in family(model, name, options.rounds))
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
