"""Gradients of convolutions beside torch's: each engine in a process of its own, rounds alternating.

    python benchmarks/gradients.py [--shapes shapes.csv] [--batch N] [--rounds 8] [--threads 2] [--budget 0.025]
                                   [--markdown table.md] [--quick]

float32, with respect to the input, the weight and the bias, each by a call of its own, and those of a layer, all three
one behind the other (torch: in one call). Shape files are those of conv.py. A time is the best of the rounds' medians.
A ratio is torch's time over striate's: above 1, striate is faster. An error is the largest of all numbers against
float64, as a share of 1 + sqrt(terms per number).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from conv import PAUSE, QUICK, mean, read_shapes
from engines import Call, Shape, data, median_us

PARTS = ("input", "weight", "bias")
SIDES = (*PARTS, "layer")
ENGINES = ("striate", "torch")

STANDARD = (
    Shape(4, 3, 96, 96, 32, 5, 5, pad=2),
    Shape(4, 64, 56, 56, 64, 3, 3, pad=1),
    Shape(4, 128, 28, 28, 128, 3, 3, pad=1),
    Shape(4, 256, 14, 14, 256, 3, 3, pad=1),
    Shape(4, 512, 7, 7, 512, 3, 3, pad=1),
    Shape(4, 1024, 14, 14, 256, 1, 1),
    Shape(4, 512, 7, 7, 2048, 1, 1),
    Shape(4, 128, 28, 28, 256, 3, 3, stride=2, pad=1),
    Shape(4, 144, 28, 28, 144, 3, 3, pad=1, groups=144),
    Shape(32, 128, 7, 7, 128, 3, 3, pad=1),
)


def gradient(shape: Shape) -> np.ndarray:
    """At the output, of unit variance, the same in every process."""
    return np.random.default_rng(1).standard_normal(shape.output(), dtype=np.float32)


def terms(shape: Shape, side: str) -> float:
    """Products summed in one number of a gradient, on average."""
    n, k, oh, ow = shape.output()
    per_pixel = k // shape.groups * shape.kh * shape.kw * oh * ow / (shape.h * shape.w)
    return per_pixel if side == "input" else n * oh * ow


def expected(shape: Shape) -> dict[str, np.ndarray]:
    """The three gradients in float64, one matrix product per tap and group."""
    n, k, oh, ow = shape.output()
    pad, step, groups = shape.pad, shape.stride, shape.groups
    x, weight = (array.astype(np.float64) for array in data(shape))
    grad = gradient(shape).astype(np.float64).reshape(n, groups, k // groups, oh * ow)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    wide = padded.reshape(n, groups, -1, *padded.shape[2:])
    taps = weight.reshape(groups, k // groups, -1, shape.kh, shape.kw)
    to_input, to_weight = np.zeros_like(wide), np.zeros_like(taps)
    for r, s in np.ndindex(shape.kh, shape.kw):
        top, left = r * shape.dilation, s * shape.dilation
        at = (..., slice(top, top + (oh - 1) * step + 1, step), slice(left, left + (ow - 1) * step + 1, step))
        window = wide[at].reshape(n, groups, -1, oh * ow)
        to_weight[..., r, s] = (grad @ window.swapaxes(2, 3)).sum(axis=0)
        to_input[at] += (taps[..., r, s].swapaxes(1, 2) @ grad).reshape(n, groups, -1, oh, ow)
    inside = to_input.reshape(padded.shape)[:, :, pad : pad + shape.h, pad : pad + shape.w]
    return {"input": inside, "weight": to_weight.reshape(weight.shape), "bias": grad.sum(axis=(0, 3)).reshape(k)}


def striate_calls(shape: Shape, threads: int) -> dict[str, Call]:
    from striate.conv import conv2d_bias_grad, conv2d_input_grad, conv2d_weight_grad, set_threads

    set_threads(threads)
    (x, weight), grad = data(shape), gradient(shape)
    steps = shape.stride, shape.pad, shape.dilation, shape.groups
    parts: dict[str, Call] = {
        "input": lambda: conv2d_input_grad(x.shape, weight, grad, *steps),
        "weight": lambda: conv2d_weight_grad(x, weight.shape, grad, *steps),
        "bias": lambda: conv2d_bias_grad(grad),
    }
    return {**parts, "layer": lambda: [parts[part]() for part in PARTS]}


def torch_calls(shape: Shape, threads: int) -> dict[str, Call]:
    import torch

    torch.set_num_threads(threads)
    x, weight, grad = (torch.from_numpy(array) for array in (*data(shape), gradient(shape)))
    steps = [shape.stride] * 2, [shape.pad] * 2, [shape.dilation] * 2, False, [0, 0], shape.groups

    def of(*places: int) -> list[np.ndarray]:
        mask = [place in places for place in range(3)]
        found = torch.ops.aten.convolution_backward(grad, x, weight, [shape.k], *steps, mask)
        return [found[place].numpy() for place in places]

    return {
        "input": lambda: of(0)[0],
        "weight": lambda: of(1)[0],
        "bias": lambda: grad.sum((0, 2, 3)).numpy(),
        "layer": lambda: of(0, 1, 2),
    }


CALLS: dict[str, Callable[[Shape, int], dict[str, Call]]] = {"striate": striate_calls, "torch": torch_calls}


class Peer:
    """A process that measures one engine."""

    def __init__(self, name: str, threads: int, budget: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, "--threads", str(threads), "--budget", str(budget)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )  # fmt: skip

    def ask(self, shape: Shape, wanted: Path) -> dict[str, dict[str, float]]:
        """For each gradient its ``us`` and ``error``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        time.sleep(PAUSE)
        self.process.stdin.write(json.dumps({"shape": shape, "expected": str(wanted)}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of an engine ended with status {self.process.wait()} at {shape}")
        return dict(json.loads(line))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def serve(engine: str, threads: int, budget: float) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        shape = Shape(*request["shape"])
        wanted = np.load(request["expected"])
        reply = {
            side: {"error": error(shape, side, call(), wanted), "us": median_us(call, budget)}
            for side, call in CALLS[engine](shape, threads).items()
        }
        print(json.dumps(reply), flush=True)


def error(shape: Shape, side: str, result: Any, wanted: Mapping[str, np.ndarray]) -> float:
    """The error of one gradient, or the largest of a layer's."""
    found = dict(zip(PARTS, result, strict=True)) if side == "layer" else {side: result}
    return max(error_of(array, wanted[part], terms(shape, part)) for part, array in found.items())


def error_of(result: np.ndarray, wanted: np.ndarray, summed: float) -> float:
    if result.shape != wanted.shape:
        raise SystemExit(f"expected a gradient of shape {wanted.shape}, got {result.shape}")
    return float(np.abs(result - wanted).max()) / (1 + math.sqrt(summed))


class Row(NamedTuple):
    """One gradient of a shape: best median in microseconds and greatest error, each by engine."""

    shape: Shape
    side: str
    us: dict[str, float]
    error: dict[str, float]

    def ratio(self) -> float:
        return self.us["torch"] / self.us["striate"]


def compare(shapes: Iterable[Shape], rounds: int, threads: int, budget: float) -> Iterator[Row]:
    """Four rows for every shape."""
    peers = {name: Peer(name, threads, budget) for name in ENGINES}
    try:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "expected.npz"
            for shape in shapes:
                np.savez(wanted, **expected(shape))
                replies = [{name: peer.ask(shape, wanted) for name, peer in peers.items()} for _ in range(rounds)]
                for side in SIDES:
                    seen: dict[str, list[Any]] = {name: [reply[name][side] for reply in replies] for name in peers}
                    us = {name: min(one["us"] for one in every) for name, every in seen.items()}
                    error = {name: max(one["error"] for one in every) for name, every in seen.items()}
                    yield Row(shape, side, us, error)
    finally:
        for peer in peers.values():
            peer.close()


def table(rows: list[Row]) -> str:
    lines = [
        "| shape | gradient | striate, us | torch, us | ratio | error | torch's |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {str(row.shape).replace('*', '->')} | {row.side} | {row.us['striate']:.1f} | {row.us['torch']:.1f}"
        f" | {row.ratio():.2f} | {row.error['striate']:.1e} | {row.error['torch']:.1e} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def summary(rows: list[Row]) -> str:
    """Per gradient the geometric mean of the ratios and the least of them."""
    lines = []
    for side in SIDES:
        ratios = [row.ratio() for row in rows if row.side == side]
        lines.append(f"{side}: {mean(ratios):.2f} times as fast as torch over {len(ratios)}, least {min(ratios):.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Path, help="a CSV file of shapes")
    parser.add_argument("--batch", type=int, help="images per call, in place of the shapes' own")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=0.025, help="seconds per engine, gradient, shape and round")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    parser.add_argument("--quick", action="store_true", help="two small shapes, one round")
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.threads, options.budget)
    budget, rounds = (0.0, 1) if options.quick else (options.budget, options.rounds)
    shapes = list(QUICK if options.quick else read_shapes(options.shapes) if options.shapes else STANDARD)
    if options.batch:
        shapes = list(dict.fromkeys(shape._replace(n=options.batch) for shape in shapes))
    rows = []
    for row in compare(shapes, rounds, options.threads, budget):
        rows.append(row)
        times = "  ".join(f"{name} {us:.1f}" for name, us in row.us.items())
        print(
            f"{row.shape} {row.side}: {times} us; ratio {row.ratio():.2f}; error {row.error['striate']:.1e}", flush=True
        )
    print(summary(rows))
    if options.markdown:
        options.markdown.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
