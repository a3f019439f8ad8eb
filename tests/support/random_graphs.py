"""Random small ONNX graphs over every operator and attribute that striate reads, and what their units read in truth.

A maker proposes a node with random attributes; onnxruntime is asked whether the graph with it runs, and a proposal
that does not is dropped. What a unit reads is found by changing every pixel of the input and looking at the output,
with weights and values such that nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from striate.fields import Fields, region
from striate.formats.model import Model

T = TypeVar("T")
Shape = tuple[int, ...]
Mask = NDArray[np.bool_]

# Makers whose nodes the readers are known to get wrong; graphs are drawn without them.
NOT_YET: frozenset[str] = frozenset()

DOMAIN = "local"
SOURCES: tuple[Shape, ...] = ((1, 2, 5, 6), (1, 2, 6, 4), (2, 1, 4, 5), (1, 4, 4, 4), (1, 3, 7), (1, 1, 3, 4, 3))
LARGEST, MOST_UNITS, MORE_IMAGES = 400, 24, 150
LAYOUTS = {3: "NCL", 4: "NCHW", 5: "NCDHW"}
CHANGES = (0.7, 30.0, -30.0)


class RejectedError(Exception):
    """A proposal that makes no valid node."""


class Draft:
    """A graph while it is drawn: nodes, constants, functions and the shape of every tensor."""

    def __init__(self, random: np.random.Generator, shape: Shape, opset: int) -> None:
        self.random, self.opset = random, opset
        self.source = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.functions: list[onnx.FunctionProto] = []
        self.shapes: dict[str, Shape] = {"image": shape}
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem.lower()}{self._count}"

    def constant(self, values: Any, dtype: type = np.int64) -> str:
        name = self.name("constant")
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def weights(self, *shape: int, scale: float = 1.0) -> str:
        return self.constant(scale * self.random.uniform(0.5, 1.5, shape), np.float32)

    def add(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> list[str]:
        names = [self.name(op) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], domain=domain, **attributes))
        return names

    def one(self, op: str, *inputs: str, **attributes: Any) -> str:
        return self.add(op, *inputs, **attributes)[0]

    def model(self, output: str) -> onnx.ModelProto:
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self.source)
        result = helper.make_empty_tensor_value_info(output)
        graph = helper.make_graph(self.nodes, "random", [image], [result], self.constants)
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(DOMAIN, 1)] * bool(self.functions)
        return helper.make_model(graph, opset_imports=opsets, functions=self.functions, ir_version=10)

    def below(self, n: int) -> int:
        return int(self.random.integers(n))

    def some(self, *choices: T) -> T:
        return choices[self.below(len(choices))]

    def each(self, rank: int, *choices: int) -> list[int]:
        return [int(self.some(*choices)) for _ in range(rank)]


Maker = Callable[[Draft, str, Shape], str]
MAKERS: dict[str, Maker] = {}


def maker(function: Maker) -> Maker:
    MAKERS[function.__name__] = function
    return function


def image_of(shape: Shape) -> int:
    """The number of spatial axes; a shape without any is no image."""
    if len(shape) < 3:
        raise RejectedError
    return len(shape) - 2


def window(d: Draft, rank: int, *, auto: bool = True, dilated: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"kernel_shape": d.each(rank, 1, 2, 3), "strides": d.each(rank, 1, 1, 2, 3)}
    if dilated and d.below(2):
        found["dilations"] = d.each(rank, 1, 2)
    if auto and d.below(3) == 0:
        return {**found, "auto_pad": d.some("SAME_UPPER", "SAME_LOWER", "VALID")}
    if d.below(2):
        found["pads"] = [
            min(p, k - 1) for p, k in zip(d.each(2 * rank, 0, 1, 2), found["kernel_shape"] * 2, strict=True)
        ]
    return found


@maker
def conv(d: Draft, x: str, s: Shape) -> str:
    a = window(d, image_of(s))
    group = d.some(1, 1, s[1])
    return d.one("Conv", x, d.weights(group * d.some(1, 2), s[1] // group, *a.pop("kernel_shape")), group=group, **a)


@maker
def transposed(d: Draft, x: str, s: Shape) -> str:
    a = window(d, image_of(s))
    if d.below(2):
        a["output_padding"] = [d.below(max(n, 2)) for n in a["strides"]]
    return d.one("ConvTranspose", x, d.weights(s[1], d.some(1, 2), *a.pop("kernel_shape")), **a)


@maker
def max_pool(d: Draft, x: str, s: Shape) -> str:
    return pool(d, "MaxPool", x, window(d, image_of(s)))


@maker
def average_pool(d: Draft, x: str, s: Shape) -> str:
    return pool(d, "AveragePool", x, {**window(d, image_of(s)), "count_include_pad": d.below(2)})


@maker
def lp_pool(d: Draft, x: str, s: Shape) -> str:
    return pool(d, "LpPool", x, window(d, image_of(s)))


def pool(d: Draft, op: str, x: str, a: dict[str, Any]) -> str:
    return d.one(op, x, ceil_mode=d.below(2), **a)


@maker
def resize(d: Draft, x: str, s: Shape) -> str:
    rank = image_of(s)
    mode = d.some("nearest", "nearest", "linear", "cubic" if rank == 2 else "linear")
    a: dict[str, Any] = {"mode": mode}
    places = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    if mode == "nearest":
        places.append("half_pixel_symmetric")  # its float32 crumbs where a weight is zero are no reads
    a["coordinate_transformation_mode"] = d.some(*places)
    if mode == "nearest":
        a["nearest_mode"] = d.some("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    if mode == "cubic":
        a["exclude_outside"] = d.below(2)
    sizes = [int(n) for n in d.random.integers(1, 10, rank)]
    if d.below(2):
        return d.one("Resize", x, "", "", d.constant([*s[:2], *sizes]), **a)
    scales = [d.some(n / m, n / m, 1.5, 0.5, 2.0, 0.7, 5 / 3) for n, m in zip(sizes, s[2:], strict=True)]
    return d.one("Resize", x, "", d.constant([1, 1, *scales], np.float32), **a)


@maker
def pad(d: Draft, x: str, s: Shape) -> str:
    mode = d.some("constant", "reflect", "edge", "wrap")
    low = -1 if mode == "constant" else 0
    pads = [int(n) for n in d.random.integers(low, 3, 2 * len(s))]
    keep = len(s) - d.some(1, 2, len(s))
    pads = [0 if k % len(s) < keep else n for k, n in enumerate(pads)]
    return d.one("Pad", x, d.constant(pads), mode=mode)


@maker
def global_pool(d: Draft, x: str, s: Shape) -> str:
    image_of(s)
    return d.one(d.some("GlobalAveragePool", "GlobalMaxPool"), x)


@maker
def instance_norm(d: Draft, x: str, s: Shape) -> str:
    if image_of(s) and np.prod(s[2:]) < 3:
        raise RejectedError
    return d.one("InstanceNormalization", x, d.weights(s[1]), d.weights(s[1]))


@maker
def group_norm_by_reshape(d: Draft, x: str, s: Shape) -> str:
    if image_of(s) and (s[1] % 2 or np.prod(s[1:]) < 6):
        raise RejectedError
    flat = d.one("Reshape", x, d.constant([s[0], 2, -1]))
    return d.one("Reshape", d.one("InstanceNormalization", flat, d.weights(2), d.weights(2)), d.constant(s))


@maker
def layer_norm(d: Draft, x: str, s: Shape) -> str:
    axis = 1 + d.below(len(s) - 1) if len(s) > 1 else 0
    if np.prod(s[axis:]) < 3:
        raise RejectedError
    return d.one("LayerNormalization", x, d.weights(*s[axis:]), axis=axis)


@maker
def local_response(d: Draft, x: str, s: Shape) -> str:
    image_of(s)
    return d.one("LRN", x, size=d.some(1, 2, 3), alpha=0.3)


@maker
def blocks(d: Draft, x: str, s: Shape) -> str:
    if len(s) != 4:
        raise RejectedError
    mode = {} if (op := d.some("DepthToSpace", "SpaceToDepth")) == "SpaceToDepth" else {"mode": d.some("DCR", "CRD")}
    return d.one(op, x, blocksize=2, **mode)


@maker
def softmax(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    if s[axis] < 2:
        raise RejectedError
    unlike = d.constant(d.random.uniform(0.02, 0.08, s), np.float32)
    return d.one(d.some("Softmax", "LogSoftmax"), d.one("Mul", x, unlike), axis=axis - len(s) * d.below(2))


@maker
def slices(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    step = d.some(1, 1, 2, 3, -1, -2)
    ends = sorted(int(n) for n in d.random.integers(0, s[axis] + 1, 2))
    start, end = ends if step > 0 else (ends[1], ends[0] - 1 if ends[0] else -99)
    return d.one("Slice", x, *(d.constant([n]) for n in (start, end, axis - len(s) * d.below(2), step)))


@maker
def concat(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    others = [
        n for n, t in d.shapes.items() if len(t) == len(s) and t[:axis] + t[axis + 1 :] == s[:axis] + s[axis + 1 :]
    ]
    other = d.some(*others) if d.below(4) else d.weights(*s[:axis], 2, *s[axis + 1 :], scale=0.01)
    return d.one("Concat", *d.some((x, other), (other, x)), axis=axis)


@maker
def split(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    if s[axis] < 2:
        raise RejectedError
    first = 1 + d.below(s[axis] - 1)
    return d.some(*d.add("Split", x, d.constant([first, s[axis] - first]), outputs=2, axis=axis))


@maker
def reshape(d: Draft, x: str, s: Shape) -> str:
    shape: list[int] = []
    left = int(np.prod(s))
    while left > 1 and len(shape) < 4:
        factor = d.some(*[n for n in range(1, left + 1) if left % n == 0])
        shape.append(factor)
        left //= factor
    return d.one("Reshape", x, d.constant([*shape, left][: 5 if left > 1 else len(shape)] or [1]))


@maker
def apart_and_together(d: Draft, x: str, s: Shape) -> str:
    """The views of attention and of shuffles: an axis split, axes permuted, axes merged."""
    axis = d.below(len(s))
    factors = [n for n in range(2, s[axis]) if s[axis] % n == 0]
    if not factors or len(s) > 4:
        raise RejectedError
    factor = d.some(*factors)
    y = d.one("Reshape", x, d.constant([*s[:axis], factor, s[axis] // factor, *s[axis + 1 :]]))
    return d.one("Transpose", y, perm=[int(k) for k in d.random.permutation(len(s) + 1)])


@maker
def transpose(d: Draft, x: str, s: Shape) -> str:
    return d.one("Transpose", x, perm=[int(k) for k in d.random.permutation(len(s))])


@maker
def flatten(d: Draft, x: str, s: Shape) -> str:
    return d.one("Flatten", x, axis=d.below(len(s) + 1))


@maker
def squeeze(d: Draft, x: str, s: Shape) -> str:
    ones = [k for k, n in enumerate(s) if n == 1]
    if ones and len(s) > 2 and d.below(2):
        return d.one("Squeeze", x, d.constant([d.some(*ones)]))
    if len(s) > 4:
        raise RejectedError
    return d.one("Unsqueeze", x, d.constant([d.below(len(s) + 1)]))


@maker
def expand(d: Draft, x: str, s: Shape) -> str:
    return d.one("Expand", x, d.constant([d.some(2, 3) if n == 1 else d.some(1, n) for n in s]))


@maker
def tile(d: Draft, x: str, s: Shape) -> str:
    return d.one("Tile", x, d.constant(d.each(len(s), 1, 1, 2)))


@maker
def gather(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    index = d.random.integers(-s[axis], s[axis], d.some((2,), (3,), (), (2, 2)) if len(s) < 4 else (3,))
    return d.one("Gather", x, d.constant(index), axis=axis)


@maker
def gather_elements(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    shape = (*s[:axis], d.some(1, 2, 3), *s[axis + 1 :])
    return d.one("GatherElements", x, d.constant(d.random.integers(-s[axis], s[axis], shape)), axis=axis)


@maker
def gather_nd(d: Draft, x: str, s: Shape) -> str:
    depth = 1 + d.below(len(s))
    index = np.stack([d.random.integers(-n, n, (2, 3)) for n in s[:depth]], axis=-1)
    return d.one("GatherND", x, d.constant(index))


@maker
def scatter_elements(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    if s[axis] < 2:
        raise RejectedError
    line = d.random.permutation(s[axis])[: 1 + d.below(s[axis] - 1)]
    shape = (*s[:axis], len(line), *s[axis + 1 :])
    index = np.broadcast_to(line.reshape([-1 if k == axis else 1 for k in range(len(s))]), shape)
    updates = d.one("Slice", x, d.constant([0]), d.constant([len(line)]), d.constant([axis]))
    return d.one("ScatterElements", x, d.constant(index), d.some(updates, d.weights(*shape)), axis=axis)


@maker
def scatter_nd(d: Draft, x: str, s: Shape) -> str:
    depth = 1 + d.below(len(s))
    rows = [int(k) for k in d.random.permutation(int(np.prod(s[:depth])))[:2]]
    index = np.stack(np.unravel_index(rows, s[:depth]), axis=-1)
    flat = d.one("Reshape", x, d.constant([-1, *s[depth:]]))
    taken = d.one("Slice", flat, d.constant([0]), d.constant([len(rows)]), d.constant([0]))
    return d.one("ScatterND", x, d.constant(index), d.some(taken, d.weights(len(rows), *s[depth:])))


@maker
def cumsum(d: Draft, x: str, s: Shape) -> str:
    return d.one("CumSum", x, d.constant(d.below(len(s))), exclusive=d.below(2), reverse=d.below(2))


@maker
def chosen(d: Draft, x: str, s: Shape) -> str:
    shape = [n if d.below(2) else 1 for n in s]
    condition = d.constant(d.random.random(shape) < 0.6, np.bool_)
    others = [n for n, t in d.shapes.items() if t == s]
    other = d.some(d.constant(0.5, np.float32), *others)
    return d.one("Where", condition, *d.some((x, other), (other, x)))


@maker
def zeros_and_ones(d: Draft, x: str, s: Shape) -> str:
    shape = [n if d.below(2) else 1 for n in s]
    mask = d.random.random(shape) < 0.7
    if not mask.any():
        raise RejectedError
    return d.one("Mul", x, d.constant(mask, np.float32))


@maker
def triangle(d: Draft, x: str, s: Shape) -> str:
    if len(s) < 2:
        raise RejectedError
    return d.one("Trilu", x, d.constant(d.some(-1, 0, 1)), upper=d.below(2))


@maker
def compress(d: Draft, x: str, s: Shape) -> str:
    axis = d.below(len(s))
    return d.one("Compress", x, d.constant(d.random.random(s[axis]) < 0.6, np.bool_), axis=axis)


@maker
def reverse_sequence(d: Draft, x: str, s: Shape) -> str:
    if len(s) < 2:
        raise RejectedError
    batch = d.below(2)
    lengths = d.constant(d.random.integers(1, s[1 - batch] + 1, s[batch]))
    return d.one("ReverseSequence", x, lengths, batch_axis=batch, time_axis=1 - batch)


@maker
def reduction(d: Draft, x: str, s: Shape) -> str:
    axes = sorted({d.below(len(s)) for _ in range(d.some(1, 1, 2))})
    if len(axes) == len(s):
        raise RejectedError
    op = d.some("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2")
    return d.one(op, x, d.constant(axes), keepdims=d.below(2))


@maker
def activation(d: Draft, x: str, s: Shape) -> str:
    return d.one(d.some("Abs", "Softplus", "LeakyRelu", "Softsign", "Identity"), x)


@maker
def merge(d: Draft, x: str, s: Shape) -> str:
    others = [
        n
        for n, t in d.shapes.items()
        if len(t) == len(s) and all(a == b or 1 in (a, b) for a, b in zip(s, t, strict=True))
    ]
    if d.below(5) == 0:
        return d.one(d.some("Sub", "Div"), x, d.weights(*s[-1:]))
    return d.one(d.some("Add", "Mul", "Max"), x, d.some(*others))


@maker
def product(d: Draft, x: str, s: Shape) -> str:
    if len(s) < 2:
        raise RejectedError
    inner, n = d.some((s[-1], 0), (s[-2], 1)), d.some(1, 2, 3)
    return d.one("MatMul", x, d.weights(inner[0], n)) if not inner[1] else d.one("MatMul", d.weights(n, inner[0]), x)


@maker
def attention(d: Draft, x: str, s: Shape) -> str:
    if len(s) < 2 or s[-1] * s[-2] > 60 or s[-2] < 2:
        raise RejectedError
    x = d.one("Add", x, d.weights(*s))
    turned = d.one("Transpose", x, perm=[*range(len(s) - 2), len(s) - 1, len(s) - 2])
    scores = d.one("Mul", d.one("MatMul", x, turned), d.constant(0.01, np.float32))
    if d.below(2):
        scores = d.one(
            "Add", scores, d.constant(np.where(np.tri(s[-2], s[-2], 1) > 0, 0, d.some(-np.inf, -1e9)), np.float32)
        )
    return d.one("MatMul", d.one("Softmax", scores, axis=-1), d.one("Mul", x, d.weights(*s)))


@maker
def dense(d: Draft, x: str, s: Shape) -> str:
    if len(s) != 2:
        raise RejectedError
    a, b = d.below(2), d.below(2)
    inner, n = s[0] if a else s[1], d.some(1, 3)
    return d.one("Gemm", x, d.weights(n, inner) if b else d.weights(inner, n), transA=a, transB=b)


@maker
def contraction(d: Draft, x: str, s: Shape) -> str:
    if len(s) != 3:
        raise RejectedError
    equation, shape = d.some(("abc,cd->abd", (s[2], 2)), ("abc,bd->adc", (s[1], 2)), ("abc,bc->ab", s[1:]))
    return d.one("Einsum", x, d.weights(*shape), equation=equation)


@maker
def recurrent(d: Draft, x: str, s: Shape) -> str:
    if len(s) != 3:
        raise RejectedError
    op, direction = d.some(("LSTM", 4), ("GRU", 3), ("RNN", 1)), d.some("forward", "reverse", "bidirectional")
    ways = 2 if direction == "bidirectional" else 1
    small = [d.constant(d.random.uniform(0.01, 0.05, (ways, op[1] * 2, n)), np.float32) for n in (s[2], 2)]
    return d.some(*d.add(op[0], x, *small, outputs=2, hidden_size=2, direction=direction))


@maker
def function(d: Draft, x: str, s: Shape) -> str:
    """A local function of a local function, some attributes given, some by default."""
    if len(s) != 4:
        raise RejectedError
    inner, outer = d.name("Inner"), d.name("Outer")
    ref = helper.make_node("AveragePool", ["a"], ["b"])
    for name in ("kernel_shape", "strides"):
        ref.attribute.append(onnx.AttributeProto(name=name, ref_attr_name=name, type=onnx.AttributeProto.INTS))
    call = helper.make_node(inner, ["x"], ["y"], domain=DOMAIN)
    call.attribute.append(onnx.AttributeProto(name="kernel_shape", ref_attr_name="size", type=onnx.AttributeProto.INTS))
    imports = [helper.make_opsetid("", d.opset), helper.make_opsetid(DOMAIN, 1)]
    strides = helper.make_attribute("strides", d.each(2, 1, 2, 3))
    d.functions.append(helper.make_function(DOMAIN, inner, ["a"], ["b"], [ref], imports, ["kernel_shape"], [strides]))
    size = helper.make_attribute("size", d.each(2, 1, 2))
    d.functions.append(helper.make_function(DOMAIN, outer, ["x"], ["y"], [call], imports, [], [size]))
    return d.one(outer, x, domain=DOMAIN, **({"size": d.each(2, 1, 2, 3)} if d.below(2) else {}))


def written_out(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its LRN by the operator's formula.

    onnxruntime goes from channel to channel by adding the square that comes in and taking away the one that leaves,
    whose rounding stays: bits of channels that a sum does not hold.
    """
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.node[:]
    for node in model.graph.node:
        found.graph.node.extend(_normalised(node, found.graph) if node.op_type == "LRN" else [node])
    return found


def _normalised(node: onnx.NodeProto, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """``x / (bias + alpha / size * sum of the squares of size channels) ** beta``."""
    a: dict[str, Any] = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    a |= {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    (x,), (y,), size = node.input, node.output, a["size"]

    def constant(stem: str, values: Any, dtype: type = np.int64) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(values, dtype), f"{y} {stem}"))
        return f"{y} {stem}"

    channels = constant("axis", [1])
    yield helper.make_node("Mul", [x, x], [f"{y} square"])
    ends = constant("ends", [(size - 1) // 2, size // 2])
    yield helper.make_node("Pad", [f"{y} square", ends, "", channels], [f"{y} padded"])
    parts = [f"{y} part {k}" for k in range(size)]
    for k, part in enumerate(parts):
        start, stop = constant(f"start {k}", [k]), constant(f"stop {k}", [k - size + 1 or 2**31])
        yield helper.make_node("Slice", [f"{y} padded", start, stop, channels], [part])
    yield helper.make_node("Sum", parts, [f"{y} sum"])
    share = constant("share", a["alpha"] / size, np.float32)
    yield helper.make_node("Mul", [f"{y} sum", share], [f"{y} mean"])
    yield helper.make_node("Add", [f"{y} mean", constant("bias", a["bias"], np.float32)], [f"{y} scale"])
    yield helper.make_node("Pow", [f"{y} scale", constant("beta", a["beta"], np.float32)], [f"{y} root"])
    yield helper.make_node("Div", [x, f"{y} root"], [y])


def runs(model: onnx.ModelProto) -> Any:
    """A session of a model on one thread, nothing optimised."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, eq=False)
class Drawn:
    """A graph that runs: its model, output and what was asked for to make it."""

    model: onnx.ModelProto
    output: str
    source: Shape
    kinds: tuple[str, ...]


@lru_cache(maxsize=1000)
def draw(seed: int) -> Drawn:
    """A graph of one to six nodes and what they need."""
    random = np.random.default_rng(seed)
    d = Draft(random, SOURCES[int(random.integers(len(SOURCES))) if random.integers(3) == 0 else 0], 20)
    image = random.uniform(0.5, 2, d.source).astype(np.float32)
    x, kinds = "image", []
    for kind in random.permutation([*MAKERS, "conv", "conv", "resize", "max_pool"])[: 1 + int(random.integers(6))]:
        if kind in NOT_YET:
            continue
        before = len(d.nodes), len(d.constants), len(d.functions)
        start = d.some(x, x, x, *d.shapes)
        try:
            y = MAKERS[kind](d, start, d.shapes[start])
            (found,) = runs(d.model(y)).run(None, {"image": image})
            if (
                not 0 < found.size <= LARGEST
                or found.dtype != np.float32
                or found.ndim < 1
                or not np.isfinite(found).all()
            ):
                raise RejectedError
        except Exception:
            lists: tuple[list[Any], ...] = (d.nodes, d.constants, d.functions)
            for kept, count in zip(lists, before, strict=True):
                del kept[count:]
            continue
        d.shapes[y] = found.shape
        x = y
        kinds.append(str(kind))
    if not kinds:
        return draw(seed + 1_000_003)
    return Drawn(d.model(x), x, d.source, tuple(kinds))


def measured(
    drawn: Drawn, axes: Sequence[int], seed: int = 0, near: tuple[int, ...] | None = None, *, wide: bool = False
) -> dict[tuple[int, ...], Mask]:
    """For each unit of the output, which stand along ``axes``, the pixels of the input whose change it shows.

    The images are random; those ``near`` a pixel have small values around it in the first turn, large ones in the
    second, so that the least and the largest of all lie there; ``wide`` ones hold numbers of any sign that differ
    much, also from channel to channel.
    """
    session, random = runs(written_out(drawn.model)), np.random.default_rng(seed)
    spatial = drawn.source[2:]
    found: dict[tuple[int, ...], Mask] = {}
    for turn in range(2):
        drawn_from = random.normal(0, 20, drawn.source) if wide else random.uniform(0.5, 2, drawn.source)
        base = drawn_from.astype(np.float32)
        if near is not None:
            around: Any = (..., *(slice(max(p - 1, 0), p + 2) for p in near))
            factor = random.choice([0.01, 0.1]) if turn == 0 else random.choice([3.0, 10.0])
            base[around] *= np.where(random.random(base[around].shape) < 0.5, factor, 1).astype(np.float32)
        elif turn == 1:
            base = -base
        (quiet,) = session.run(None, {"image": base})
        grid = tuple(quiet.shape[axis] for axis in axes)
        if not found:
            found = {at: np.zeros(spatial, np.bool_) for at in np.ndindex(grid)}
        for pixel in np.ndindex(spatial):
            moved = np.zeros(grid, np.bool_)
            for change in CHANGES:
                image = base.copy()
                image[(..., *pixel)] += change * random.uniform(0.8, 1.2, drawn.source[:2]).astype(np.float32)
                (other,) = session.run(None, {"image": image})
                unlike = (other != quiet) & ~(np.isnan(other) & np.isnan(quiet))
                moved |= unlike.any(axis=tuple(axis for axis in range(quiet.ndim) if axis not in axes))
            for at in np.argwhere(moved):
                found[tuple(int(i) for i in at)][pixel] = True
    return found


def fields_of(path: Path) -> Fields:
    """The fields of a drawn file, its image's axes in their usual order."""
    network = Model(path).network
    return Fields(network, layout=LAYOUTS[len(network.shapes["image"])])


def claimed(fields: Fields, output: str, units: list[tuple[int, ...]]) -> dict[tuple[int, ...], Mask]:
    """striate's cover of each unit."""
    return {at: region(fields, output, at).mask for at in units}


def disagreement(drawn: Drawn, folder: Path, seed: int = 0) -> str:
    """The first unit whose claim is not what was measured, in words; empty where there is none.

    A maximum may hide a pixel from any one image: what seems unread is looked at on further images, each second one
    drawn to show it, each fourth one wide.
    """
    path = folder / "random.onnx"
    path.write_bytes(drawn.model.SerializeToString())
    fields = fields_of(path)
    axes, bound = fields.layer_axes(drawn.output).units, bool(fields[drawn.output].at_most_via)
    truth = measured(drawn, axes, seed)
    units = list(truth)
    if len(units) > MOST_UNITS:
        units = [units[k] for k in np.random.default_rng(seed).permutation(len(units))[:MOST_UNITS]]
    claims = claimed(fields, drawn.output, units)
    for more in range(MORE_IMAGES):
        unread = np.any([claims[at] & ~truth[at] for at in units], axis=0)
        if bound or not unread.any():
            break
        pixels = np.argwhere(unread)
        near = tuple(int(p) for p in pixels[0]) if more % 2 else None
        for at, mask in measured(drawn, axes, seed + 1 + more, near, wide=more % 4 == 2).items():
            truth[at] |= mask
    for at in units:
        wrong = truth[at] & ~claims[at] if bound else truth[at] != claims[at]
        if wrong.any():
            pixel = tuple(int(i) for i in np.argwhere(wrong)[0])
            said = "is claimed and not read" if claims[at][pixel] else "is read and not claimed"
            return f"unit {at}: pixel {pixel} {said}"
    return ""
