"""Convolution speed beside other engines: each in a process of its own, rounds alternating.

    python benchmarks/conv.py [--shapes shapes.csv] [--peers torch onnxruntime ...] [--rounds 3] [--threads 2] [--quick]

float32, weights prepared before the clock starts, one output allocated per call. A shape file has the columns
net,N,C,H,W,K,kh,kw,stride,pad,dilation,groups; without one, a dozen shapes stand in. A time is the best of the rounds'
medians. A peer whose error passes 1e-3 at a shape does not count there. Peers that are not installed are left out with
a line.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FRAMEWORKS = ("torch", "torch-channels-last", "onnxruntime", "openvino")
PEERS = (*FRAMEWORKS, "ncnn")
WORST_ERROR = 1e-3


class Shape(NamedTuple):
    """One convolution: sizes, and one value for both axes of stride, padding and dilation."""

    n: int
    c: int
    h: int
    w: int
    k: int
    kh: int
    kw: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    groups: int = 1

    def output(self) -> tuple[int, int, int, int]:
        sizes = [
            (size + 2 * self.pad - self.dilation * (kernel - 1) - 1) // self.stride + 1
            for size, kernel in ((self.h, self.kh), (self.w, self.kw))
        ]
        return (self.n, self.k, *sizes)

    def kind(self) -> str:
        """The class a shape's ratio is averaged in."""
        if self.kh >= 13:
            return "kernel 13 and more"
        if self.groups == self.c and self.groups > 1:
            return "depthwise"
        if self.groups > 1:
            return "grouped"
        if self.kh == self.kw == 1:
            return "1x1"
        if self.stride > 1:
            return "strided"
        if self.dilation > 1 or self.kh > 3:
            return "5x5, 7x7, dilated"
        return "3x3, 64 channels and more" if min(self.c, self.k) >= 64 else "3x3, fewer channels"


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

Call = Callable[[], np.ndarray]


def data(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Input and weight of unit variance, the same in every process."""
    random = np.random.default_rng(0)
    x = random.standard_normal((shape.n, shape.c, shape.h, shape.w), dtype=np.float32)
    weight = random.standard_normal((shape.k, shape.c // shape.groups, shape.kh, shape.kw), dtype=np.float32)
    return x, weight


def expected(shape: Shape) -> np.ndarray:
    """The result in float64, one matrix product per tap and group."""
    x, weight = data(shape)
    n, k, oh, ow = shape.output()
    pad = shape.pad
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    grouped = padded.reshape(n, shape.groups, -1, *padded.shape[2:])
    taps = weight.astype(np.float64).reshape(shape.groups, k // shape.groups, -1, shape.kh, shape.kw)
    result = np.zeros((n, shape.groups, k // shape.groups, oh * ow))
    for r in range(shape.kh):
        for s in range(shape.kw):
            top, left = r * shape.dilation, s * shape.dilation
            window = grouped[
                ...,
                top : top + (oh - 1) * shape.stride + 1 : shape.stride,
                left : left + (ow - 1) * shape.stride + 1 : shape.stride,
            ]
            result += taps[..., r, s] @ window.reshape(*window.shape[:3], -1)
    return result.reshape(n, k, oh, ow)


def striate_call(shape: Shape, threads: int, scratch: Path) -> Call:
    from striate.conv import _native

    x, weight = data(shape)
    plan = _native.Plan(
        shape.n, shape.c, shape.h, shape.w, shape.k, shape.kh, shape.kw,
        stride=(shape.stride,) * 2, padding=(shape.pad,) * 4, dilation=(shape.dilation,) * 2,
        groups=shape.groups, threads=threads,
    )  # fmt: skip
    packed = plan.pack(weight)

    def call() -> np.ndarray:
        out = np.empty(plan.output_shape, np.float32)
        plan.run(x, packed, None, "none", out)
        return out

    return call


def torch_call(shape: Shape, threads: int, scratch: Path, channels_last: bool = False) -> Call:
    import torch

    torch.set_num_threads(threads)
    x, weight = (torch.from_numpy(array) for array in data(shape))
    if channels_last:
        x, weight = (array.contiguous(memory_format=torch.channels_last) for array in (x, weight))

    def call() -> np.ndarray:
        with torch.inference_mode():
            return torch.conv2d(x, weight, None, shape.stride, shape.pad, shape.dilation, shape.groups).numpy()

    return call


def onnx_model(shape: Shape) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node(
        "Conv", ["x", "weight"], ["y"], strides=[shape.stride] * 2, pads=[shape.pad] * 4,
        dilations=[shape.dilation] * 2, group=shape.groups,
    )  # fmt: skip
    x, weight = data(shape)
    graph = helper.make_graph(
        [node],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape.output())],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def onnxruntime_call(shape: Shape, threads: int, scratch: Path) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx_model(shape), options, providers=["CPUExecutionProvider"])
    feed = {"x": data(shape)[0]}
    return lambda: session.run(None, feed)[0]


def openvino_call(shape: Shape, threads: int, scratch: Path) -> Call:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(onnx_model(shape), b""), "CPU", settings).create_infer_request()
    x = data(shape)[0]
    return lambda: request.infer({0: x}, share_inputs=True, share_outputs=True)[0]


def ncnn_call(shape: Shape, threads: int, scratch: Path) -> Call:
    import ncnn

    x, weight = data(shape)
    layer = "ConvolutionDepthWise" if shape.groups > 1 else "Convolution"
    settings = {
        0: shape.k, 1: shape.kw, 11: shape.kh, 3: shape.stride, 2: shape.dilation, 4: shape.pad, 6: weight.size,
        **({7: shape.groups} if shape.groups > 1 else {}),
    }  # fmt: skip
    text = " ".join(f"{key}={value}" for key, value in settings.items())
    (scratch / "conv.param").write_text(f"7767517\n2 2\nInput x 0 1 x\n{layer} conv 1 1 x y {text}\n")
    (scratch / "conv.bin").write_bytes(b"\0\0\0\0" + weight.tobytes())
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    net.load_param(str(scratch / "conv.param"))
    net.load_model(str(scratch / "conv.bin"))
    source = ncnn.Mat(x[0]).clone()

    def call() -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("x", source)
        return np.asarray(extractor.extract("y")[1])[None]

    return call


CALLS: dict[str, Callable[[Shape, int, Path], Call]] = {
    "striate": striate_call,
    "torch": torch_call,
    "torch-channels-last": lambda shape, threads, scratch: torch_call(shape, threads, scratch, channels_last=True),
    "onnxruntime": onnxruntime_call,
    "openvino": openvino_call,
    "ncnn": ncnn_call,
}


def median_us(call: Call, budget: float) -> float:
    call()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < budget:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def serve(peer: str, threads: int, budget: float) -> None:
    """Answer one JSON line per request line {"shape", "expected"}: {"us", "error"} or {"skip": why}."""
    built: dict[Shape, Call] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            request = json.loads(line)
            shape = Shape(*request["shape"])
            try:
                if shape not in built:
                    built = {shape: CALLS[peer](shape, threads, Path(scratch))}
                wanted = np.load(request["expected"])
                terms = shape.c // shape.groups * shape.kh * shape.kw
                error = float(np.abs(built[shape]() - wanted).max()) / (1 + math.sqrt(terms))
                reply: dict[str, Any] = {"us": median_us(built[shape], budget), "error": error}
            except ImportError as missing:
                reply = {"skip": str(missing)}
            print("reply " + json.dumps(reply), flush=True)


class Peer:
    """A process that measures one engine."""

    def __init__(self, name: str, threads: int, budget: float) -> None:
        self.name = name
        command = [sys.executable, __file__, "--serve", name, "--threads", str(threads), "--budget", str(budget)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )  # fmt: skip

    def ask(self, shape: Shape, expected_file: Path) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"shape": shape, "expected": str(expected_file)}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("reply "):
                return dict(json.loads(line.removeprefix("reply ")))
        return {"skip": f"its process ended with status {self.process.wait()}"}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Row(NamedTuple):
    """Best median per engine, in microseconds, and its error as a share of the output's scale."""

    shape: Shape
    us: dict[str, float]
    error: dict[str, float]

    def ratio(self, names: Iterable[str]) -> float:
        """How many times as long the fastest accurate engine of `names` takes; NaN where there is none."""
        times = [self.us[name] for name in names if name in self.us and self.error[name] <= WORST_ERROR]
        return min(times) / self.us["striate"] if times else math.nan


def compare(shapes: Iterable[Shape], names: Iterable[str], rounds: int, threads: int, budget: float) -> list[Row]:
    """Measure every shape on every engine; prints a line per shape as it goes."""
    peers = {name: Peer(name, threads, budget) for name in ("striate", *names)}
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "expected.npy"
            for shape in shapes:
                np.save(wanted, expected(shape))
                row = Row(shape, {}, {})
                for _ in range(rounds):
                    for name, peer in list(peers.items()):
                        reply = peer.ask(shape, wanted)
                        if "skip" in reply:
                            print(f"left out {name}: {reply['skip']}", flush=True)
                            peers.pop(name).close()
                            continue
                        row.us[name] = min(reply["us"], row.us.get(name, math.inf))
                        row.error[name] = reply["error"]
                if "striate" not in row.us:
                    raise SystemExit("striate itself could not run: is the compiled module installed?")
                rows.append(row)
                print(describe(row), flush=True)
    finally:
        for peer in peers.values():
            peer.close()
    return rows


def describe(row: Row) -> str:
    n, k, oh, ow = row.shape.output()
    flops = 2 * n * k * oh * ow * (row.shape.c // row.shape.groups) * row.shape.kh * row.shape.kw
    times = "  ".join(f"{name} {us:.1f}" for name, us in row.us.items())
    return (
        f"{tuple(row.shape)}  {times}  us; ratio {row.ratio(FRAMEWORKS):.2f} (frameworks)"
        f" {row.ratio(PEERS):.2f} (all); "
        f"{flops / row.us['striate'] / 1e3:.0f} GFLOP/s; error {row.error['striate']:.1e}"
    )


def mean(values: Iterable[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return math.exp(statistics.fmean(map(math.log, kept))) if kept else math.nan


def summary(rows: list[Row], threads: int) -> str:
    from striate.conv import _native

    lines = [f"{'class':28} shapes  over frameworks  over all"]
    kinds = sorted({row.shape.kind() for row in rows})
    for kind in [*kinds, "all"]:
        chosen = [row for row in rows if kind in ("all", row.shape.kind())]
        lines.append(
            f"{kind:28} {len(chosen):6} {mean(row.ratio(FRAMEWORKS) for row in chosen):16.2f}"
            f" {mean(row.ratio(PEERS) for row in chosen):9.2f}"
        )
    peak = _native.peak_gflops() * threads
    lines.append(f"multiply-adds of one thread as measured, times {threads}: {peak:.0f} GFLOP/s")
    return "\n".join(lines)


def read_shapes(path: Path) -> list[Shape]:
    with path.open(newline="") as file:
        rows = [tuple(int(value) for value in row[1:]) for row in list(csv.reader(file))[1:]]
    return list(dict.fromkeys(Shape(*row) for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Path, help="a CSV file of shapes")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=0.2, help="seconds per engine, shape and round")
    parser.add_argument("--quick", action="store_true", help="two small shapes, one round")
    parser.add_argument("--serve", choices=tuple(CALLS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads, options.budget)
        return
    shapes = QUICK if options.quick else read_shapes(options.shapes) if options.shapes else STANDARD
    budget, rounds = (0.0, 1) if options.quick else (options.budget, options.rounds)
    print(summary(compare(shapes, options.peers, rounds, options.threads, budget), options.threads))


if __name__ == "__main__":
    main()
