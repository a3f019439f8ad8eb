"""The engines that benchmarks/conv.py compares: one convolution, ready to call, and a process that times it.

    python benchmarks/engines.py ENGINE THREADS BUDGET

says "ready", then answers one JSON line per request line {"shape", "expected"}: {"us", "error"} with what else the
engine tells, {"skip": why} where it cannot compute the shape, {"missing": why} where it is not installed.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Shape(NamedTuple):
    """One convolution: sizes, and one value for both axes of stride, padding and dilation.

    Not ``striate.conv.problem.Problem``, since the process of a peer must not load striate.
    """

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

    def __str__(self) -> str:
        text = f"{self.n}x{self.c}x{self.h}x{self.w} * {self.k}x{self.kh}x{self.kw}"
        usual = {"stride": 1, "pad": 0, "dilation": 1, "groups": 1}
        return text + "".join(f" {name} {getattr(self, name)}" for name in usual if getattr(self, name) != usual[name])

    def output(self) -> tuple[int, int, int, int]:
        sizes = [
            (size + 2 * self.pad - self.dilation * (kernel - 1) - 1) // self.stride + 1
            for size, kernel in ((self.h, self.kh), (self.w, self.kw))
        ]
        return (self.n, self.k, *sizes)

    def terms(self) -> int:
        """Products summed in one output."""
        return self.c // self.groups * self.kh * self.kw

    def flops(self) -> int:
        """Two operations for every product of the definition, whatever the algorithm saves."""
        return 2 * math.prod(self.output()) * self.terms()

    def kind(self) -> str:
        """The class a shape's ratio is averaged in."""
        if self.kh >= 13:
            return "kernel 13 and more"
        if self.groups == self.c and self.groups > 1:
            return "depthwise 3x3 and 5x5" if self.kh == self.kw and self.kh in (3, 5) else "depthwise, other"
        if self.groups > 1:
            return "grouped"
        if self.kh == self.kw == 1:
            return "1x1"
        if self.stride > 1:
            return "strided"
        if self.dilation > 1 or self.kh > 3:
            return "5x5, 7x7, dilated"
        return "3x3, 64 channels and more" if min(self.c, self.k) >= 64 else "3x3, fewer channels"


class CannotError(Exception):
    """The engine does not compute this shape."""


Call = Callable[[], Any]
"""Computes once; the result is an array, or a list with one array for each image."""


def data(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Input and weight of unit variance, the same in every process."""
    random = np.random.default_rng(0)
    x = random.standard_normal((shape.n, shape.c, shape.h, shape.w), dtype=np.float32)
    weight = random.standard_normal((shape.k, shape.c // shape.groups, shape.kh, shape.kw), dtype=np.float32)
    return x, weight


def expected(shape: Shape) -> np.ndarray:
    """The first and the last image of the result in float64, one matrix product per tap and group."""
    x, weight = data(shape)
    x = x[[0, -1]] if shape.n > 1 else x
    _, k, oh, ow = shape.output()
    pad = shape.pad
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    grouped = padded.reshape(len(x), shape.groups, -1, *padded.shape[2:])
    taps = weight.astype(np.float64).reshape(shape.groups, k // shape.groups, -1, shape.kh, shape.kw)
    result = np.zeros((len(x), shape.groups, k // shape.groups, oh * ow))
    for r in range(shape.kh):
        for s in range(shape.kw):
            top, left = r * shape.dilation, s * shape.dilation
            window = grouped[
                ...,
                top : top + (oh - 1) * shape.stride + 1 : shape.stride,
                left : left + (ow - 1) * shape.stride + 1 : shape.stride,
            ]
            result += taps[..., r, s] @ window.reshape(*window.shape[:3], -1)
    return result.reshape(len(x), k, oh, ow)


def error_of(result: Any, wanted: np.ndarray, shape: Shape) -> float:
    """The largest error of the first and the last image, as a share of the output's scale."""
    if len(result) != shape.n or result[0].shape != wanted.shape[1:]:
        raise CannotError(f"gave {len(result)} images of shape {result[0].shape}")
    ends = [result[0]] if shape.n == 1 else [result[0], result[-1]]
    worst = max(float(np.abs(got - want).max()) for got, want in zip(ends, wanted, strict=True))
    return worst / (1 + math.sqrt(shape.terms()))


def striate_call(shape: Shape, threads: int, scratch: Path) -> Call:
    from striate.conv import Conv2d, set_threads

    set_threads(threads)
    x, weight = data(shape)
    steps = shape.stride, shape.pad, shape.dilation, shape.groups
    layer = Conv2d(shape.c, shape.k, (shape.kh, shape.kw), *steps, bias=False)
    layer.weight = weight
    return lambda: layer(x)


def striate_plan(shape: Shape) -> dict[str, Any]:
    """The way that computes, and the bytes of scratch memory of a call."""
    from striate.conv import plan_conv

    x, weight = shape[:4], (shape.k, shape.c // shape.groups, shape.kh, shape.kw)
    plan = plan_conv(x, weight, stride=shape.stride, padding=shape.pad, dilation=shape.dilation, groups=shape.groups)
    return {"algorithm": plan.algorithm, "workspace": plan.workspace_bytes}


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


def torch_prepacked_call(shape: Shape, threads: int, scratch: Path) -> Call:
    """What ``torch.compile`` makes of a frozen model: channels last, weights in oneDNN's own layout beforehand."""
    import torch

    torch.set_num_threads(threads)
    x, weight = (torch.from_numpy(array).contiguous(memory_format=torch.channels_last) for array in data(shape))
    steps = [shape.pad] * 2, [shape.stride] * 2, [shape.dilation] * 2, shape.groups
    packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *steps, list(x.shape))

    def call() -> np.ndarray:
        with torch.inference_mode():
            return torch.ops.mkldnn._convolution_pointwise(x, packed, None, *steps, "none", [], "").numpy()

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
    sources = [ncnn.Mat(image).clone() for image in x]  # a Mat does not keep its array alive

    def one(source: Any) -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("x", source)
        return np.asarray(extractor.extract("y")[1])

    return lambda: [one(source) for source in sources]


def mnn_call(shape: Shape, threads: int, scratch: Path) -> Call:
    import MNN

    if shape.groups > 1 and not shape.groups == shape.c == shape.k:
        raise CannotError("its expressions build depthwise convolutions, no others with groups")
    x, weight = data(shape)
    expr = MNN.expr
    given = expr.placeholder(list(x.shape), expr.NCHW, expr.float)
    given.name = "x"
    constants = [
        expr.const(array, list(array.shape), expr.NCHW, expr.float) for array in (weight, np.zeros(shape.k, "f"))
    ]
    steps = [shape.stride] * 2, [shape.pad] * 2, [shape.dilation] * 2, shape.groups
    blocked = expr.conv2d(expr.convert(given, expr.NC4HW4), *constants, *steps, expr.Padding_Mode.CAFFE)
    result = expr.convert(blocked, expr.NCHW)
    result.name = "y"
    path = str(scratch / "conv.mnn")
    expr.save([result], path)
    settings = {"backend": "CPU", "precision": "high", "numThread": threads}
    runtime = MNN.nn.create_runtime_manager((settings,))
    module = MNN.nn.load_module_from_file(path, ["x"], ["y"], runtime_manager=runtime, shape_mutable=False)
    source = expr.placeholder(list(x.shape), expr.NCHW, expr.float)

    def call() -> np.ndarray:
        source.write(x)
        return module.onForward([source])[0].read()

    return call


CALLS: dict[str, Callable[[Shape, int, Path], Call]] = {
    "striate": striate_call,
    "torch": torch_call,
    "torch-channels-last": lambda shape, threads, scratch: torch_call(shape, threads, scratch, channels_last=True),
    "torch-prepacked": torch_prepacked_call,
    "onnxruntime": onnxruntime_call,
    "openvino": openvino_call,
    "ncnn": ncnn_call,
    "MNN": mnn_call,
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


def answer(engine: str, call: Callable[[], Call], shape: Shape, wanted: np.ndarray, budget: float) -> dict[str, Any]:
    """The reply to one request; ``call`` builds the engine's call."""
    try:
        ready = call()
        return {"error": error_of(ready(), wanted, shape), "us": median_us(ready, budget)}
    except ImportError as missing:
        return {"missing": str(missing)}
    except Exception as failure:
        if engine == "striate":
            raise
        return {"skip": " ".join(str(failure).split()) or type(failure).__name__}


def serve(engine: str, threads: int, budget: float) -> None:
    built: dict[Shape, Call] = {}
    print("ready", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            request = json.loads(line)
            shape = Shape(*request["shape"])

            def call(shape: Shape = shape) -> Call:
                if shape not in built:
                    built.clear()
                    built[shape] = CALLS[engine](shape, threads, Path(scratch))
                return built[shape]

            reply = answer(engine, call, shape, np.load(request["expected"]), budget)
            if engine == "striate" and "us" in reply:
                reply |= striate_plan(shape)
            print("\nreply " + json.dumps(reply), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
