"""Convolution speed beside other engines: each in a process of its own, rounds alternating.

    python benchmarks/conv.py [--shapes shapes.csv] [--batch N] [--sample] [--peers torch onnxruntime ...] [--rounds 8]
                              [--threads 2] [--budget 0.025] [--markdown table.md] [--quick]

float32, weights prepared before the clock starts, one output made per call. A shape file has the columns
net,N,C,H,W,K,kh,kw,stride,pad,dilation,groups; without one, a dozen shapes stand in. A time is the best of the rounds'
medians. A ratio is the time of the fastest peer over striate's: above 1, striate is faster. A peer whose error passes
1e-3 of the output's scale at a shape does not count there. A peer that is not installed is left out, one that cannot
compute a shape is left out there, each with a line.

Shares of peak count two operations for every product of the definition, over the multiply-adds that one thread was
measured to do, times the threads; Winograd and Fourier transforms may pass 1. Scratch memory is held against its limit:
the larger of 8 MB and the input. An interrupted run keeps what it measured and sums it up.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from engines import Shape, expected

FRAMEWORKS = ("torch", "torch-channels-last", "torch-prepacked", "onnxruntime", "openvino")
PEERS = (*FRAMEWORKS, "ncnn", "MNN")
WORST_ERROR = 1e-3
FAR_BEHIND = 0.9
SAMPLE = 10
PAUSE = 0.05  # seconds in which the threads of the engine before go to sleep

STANDARD = (
    Shape(1, 64, 56, 56, 64, 3, 3, pad=1),
    Shape(1, 256, 14, 14, 256, 3, 3, pad=1),
    Shape(1, 512, 7, 7, 512, 3, 3, pad=1),
    Shape(1, 64, 56, 56, 256, 1, 1),
    Shape(1, 1024, 14, 14, 256, 1, 1),
    Shape(1, 128, 56, 56, 128, 3, 3, stride=2, pad=1),
    Shape(1, 3, 224, 224, 64, 7, 7, stride=2, pad=3),
    Shape(1, 144, 56, 56, 144, 3, 3, pad=1, groups=144),
    Shape(1, 128, 28, 28, 256, 3, 3, pad=1, groups=32),
    Shape(1, 192, 28, 28, 64, 5, 5, pad=2),
    Shape(1, 128, 56, 56, 128, 31, 31, pad=15, groups=128),
    Shape(1, 1, 4, 4, 1, 3, 3),
)
QUICK = (Shape(1, 8, 12, 12, 8, 3, 3, pad=1), Shape(1, 4, 9, 9, 4, 3, 3, stride=2, groups=4))


class Peer:
    """A process that measures one engine."""

    def __init__(self, name: str, threads: int, budget: float) -> None:
        self.name = name
        self.command = [sys.executable, str(Path(__file__).with_name("engines.py")), name, str(threads), str(budget)]
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=self.environment,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.process.stdout.readline()  # ready: nobody else is timed while a process starts

    def ask(self, shape: Shape, expected_file: Path) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        time.sleep(PAUSE)
        self.process.stdin.write(json.dumps({"shape": shape, "expected": str(expected_file)}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("reply "):
                return dict(json.loads(line.removeprefix("reply ")))
        status = self.process.wait()
        self.close()
        self.start()
        return {"skip": f"its process ended with status {status}"}

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Row(NamedTuple):
    """Best median per engine, in microseconds, and its error as a share of the output's scale."""

    shape: Shape
    us: dict[str, float]
    error: dict[str, float]
    algorithm: str = ""
    workspace: int = 0

    def fastest(self, names: Iterable[str]) -> str:
        """The fastest accurate engine of ``names``, an empty string where there is none."""
        able = [name for name in names if self.error.get(name, math.inf) <= WORST_ERROR]
        return min(able, key=lambda name: self.us[name], default="")

    def ratio(self, names: Iterable[str]) -> float:
        """How many times as long the fastest accurate engine of ``names`` takes; NaN where there is none."""
        name = self.fastest(names)
        return self.us[name] / self.us["striate"] if name else math.nan

    def share(self, peak: float) -> float:
        """Of ``peak`` GFLOP/s, as if every product of the definition were computed."""
        return self.shape.flops() / self.us["striate"] / 1e3 / peak

    def workspace_limit(self) -> int:
        """Bytes of scratch memory a call may take."""
        return max(8_000_000, 4 * math.prod(self.shape[:4]))


def compare(shapes: Iterable[Shape], names: Iterable[str], rounds: int, threads: int, budget: float) -> Iterator[Row]:
    """Measure every shape on every engine, one row after the other."""
    peers = {name: Peer(name, threads, budget) for name in ("striate", *names)}
    try:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "expected.npy"
            for shape in shapes:
                np.save(wanted, expected(shape))
                yield measured(shape, peers, rounds, wanted)
    finally:
        for peer in peers.values():
            peer.close()


def measured(shape: Shape, peers: dict[str, Peer], rounds: int, wanted: Path) -> Row:
    """One shape's row; a peer that is not installed leaves ``peers``."""
    row = Row(shape, {}, {})
    able = list(peers)
    for _ in range(rounds):
        for name in list(able):
            reply = peers[name].ask(shape, wanted)
            if "us" not in reply and name == "striate":
                raise SystemExit(f"striate cannot run {shape}: is the compiled module installed? {reply}")
            if "missing" in reply:
                print(f"left out {name}: {reply['missing']}", flush=True)
                peers.pop(name).close()
            if "us" not in reply:
                if "skip" in reply:
                    print(f"left out {name} at {shape}: {reply['skip']}", flush=True)
                able.remove(name)
                row.us.pop(name, None)
                row.error.pop(name, None)
                continue
            row.us[name] = min(reply["us"], row.us.get(name, math.inf))
            row.error[name] = max(reply["error"], row.error.get(name, 0.0))
            if name == "striate":
                row = row._replace(algorithm=reply["algorithm"], workspace=reply["workspace"])
    return row


def describe(row: Row, peak: float) -> str:
    times = "  ".join(f"{name} {us:.1f}" for name, us in row.us.items())
    first = row.fastest(PEERS)
    peers_error = f", {first} {row.error[first]:.1e}" if first else ""
    inaccurate = [name for name in row.us if row.error[name] > WORST_ERROR]
    return (
        f"{row.shape}: {times} us; ratio {row.ratio(FRAMEWORKS):.2f} (frameworks) {row.ratio(PEERS):.2f} (all);"
        f" {row.share(peak):.2f} of peak; {row.algorithm}; error {row.error['striate']:.1e}{peers_error};"
        f" workspace {row.workspace / 1e6:.2f} MB{over_limit(row)}"
        + (f"; not accurate: {', '.join(inaccurate)}" if inaccurate else "")
    )


def over_limit(row: Row) -> str:
    limit = row.workspace_limit()
    return f", ABOVE its limit of {limit / 1e6:.2f} MB" if row.workspace > limit else ""


def mean(values: Iterable[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return math.exp(statistics.fmean(map(math.log, kept))) if kept else math.nan


def classes(rows: list[Row], peak: float) -> list[tuple[str, int, float, float, float]]:
    """Per class and for all: shapes, then geometric means of both ratios and of the share of peak."""
    kinds = sorted({row.shape.kind() for row in rows})
    table = []
    for kind in [*kinds, "all"]:
        chosen = [row for row in rows if kind in ("all", row.shape.kind())]
        ratios = (mean(row.ratio(names) for row in chosen) for names in (FRAMEWORKS, PEERS))
        table.append((kind, len(chosen), *ratios, mean(row.share(peak) for row in chosen)))
    return table


def behind(rows: list[Row]) -> list[Row]:
    """The rows below ``FAR_BEHIND`` of the fastest of all, slowest first."""
    return sorted((row for row in rows if row.ratio(PEERS) < FAR_BEHIND), key=lambda row: row.ratio(PEERS))


def summary(rows: list[Row], peak: float, threads: int) -> str:
    lines = [f"{'class':28} shapes  over frameworks  over all  of peak"]
    lines += [
        f"{kind:28} {count:6} {frameworks:16.2f} {every:9.2f} {share:8.2f}"
        for kind, count, frameworks, every, share in classes(rows, peak)
    ]
    lines.append(f"peak: multiply-adds of one thread as measured, times {threads}: {peak:.0f} GFLOP/s")
    lines.append(f"shapes below {FAR_BEHIND} of the fastest of all: {len(behind(rows))}")
    lines += [
        f"  {row.ratio(PEERS):.2f}  {row.shape}  {row.algorithm} {row.us['striate']:.1f} us,"
        f" {row.fastest(PEERS)} {row.us[row.fastest(PEERS)]:.1f} us"
        for row in behind(rows)
    ]
    lines.append(f"shapes whose workspace is above its limit: {sum(bool(over_limit(row)) for row in rows)}")
    return "\n".join(lines)


def markdown(rows: list[Row], peak: float, threads: int) -> str:
    """The tables of docs/benchmarks.md."""
    lines = ["| class | shapes | over frameworks | over all | of peak |", "|---|---|---|---|---|"]
    lines += [
        f"| {kind} | {count} | {frameworks:.2f} | {every:.2f} | {share:.2f} |"
        for kind, count, frameworks, every, share in classes(rows, peak)
    ]
    lines += [
        "",
        f"Peak: {peak:.0f} GFLOP/s on {threads} threads. {len(behind(rows))} of {len(rows)} shapes are below"
        f" {FAR_BEHIND} of the fastest of all.",
        "",
        "| shape | striate, us | algorithm | of peak | error | fastest framework, us | fastest of all, us | error |"
        " over frameworks | over all |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        framework, first = row.fastest(FRAMEWORKS), row.fastest(PEERS)
        cells = (
            str(row.shape).replace("*", "->"),
            f"{row.us['striate']:.1f}",
            row.algorithm,
            f"{row.share(peak):.2f}",
            f"{row.error['striate']:.1e}",
            f"{framework} {row.us[framework]:.1f}" if framework else "",
            f"{first} {row.us[first]:.1f}" if first else "",
            f"{row.error[first]:.1e}" if first else "",
            f"{row.ratio(FRAMEWORKS):.2f}",
            f"{row.ratio(PEERS):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def read_shapes(path: Path) -> list[Shape]:
    with path.open(newline="") as file:
        rows = [row for row in list(csv.reader(file))[1:] if row]
    try:
        return list(dict.fromkeys(Shape(*(int(value) for value in row[1:])) for row in rows))
    except (TypeError, ValueError):
        raise SystemExit(f"{path}: rows must be a name and eleven whole numbers, see --help") from None


def spread(shapes: list[Shape]) -> list[Shape]:
    """Ten of the shapes, the same every time, evenly over the classes and from small to large within each."""
    ordered = sorted(shapes, key=lambda shape: (shape.kind(), shape.flops(), shape))
    count = min(SAMPLE, len(ordered))
    return [ordered[(2 * i + 1) * len(ordered) // (2 * count)] for i in range(count)]


def chosen_shapes(options: argparse.Namespace) -> list[Shape]:
    shapes = list(QUICK if options.quick else read_shapes(options.shapes) if options.shapes else STANDARD)
    if options.sample:
        shapes = spread(shapes)
    if options.batch:
        shapes = list(dict.fromkeys(shape._replace(n=options.batch) for shape in shapes))
    return shapes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Path, help="a CSV file of shapes")
    parser.add_argument("--batch", type=int, help="images per call, in place of the shapes' own")
    parser.add_argument("--sample", action="store_true", help=f"{SAMPLE} of the shapes, spread over the classes")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=0.025, help="seconds per engine, shape and round")
    parser.add_argument("--markdown", type=Path, help="write the tables of docs/benchmarks.md to this file")
    parser.add_argument("--quick", action="store_true", help="two small shapes, one round")
    options = parser.parse_args()
    budget, rounds = (0.0, 1) if options.quick else (options.budget, options.rounds)
    try:
        from striate.conv import _native
    except ImportError as missing:
        raise SystemExit(f"striate's compiled module is not there ({missing}); build it with 'pip install .'") from None
    peak = _native.peak_gflops() * options.threads
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shapes, rows, status = chosen_shapes(options), [], 0
    try:
        for row in compare(shapes, options.peers, rounds, options.threads, budget):
            rows.append(row)
            print(describe(row, peak), flush=True)
            print(f"{len(rows)} of {len(shapes)} shapes", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"interrupted after {len(rows)} of {len(shapes)} shapes", file=sys.stderr)
        status = 130
    if rows:
        print(summary(rows, peak, options.threads))
        if options.markdown:
            options.markdown.write_text(markdown(rows, peak, options.threads), encoding="utf-8")
    sys.exit(status)


if __name__ == "__main__":
    main()
