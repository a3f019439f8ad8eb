"""What stands for each operator of TFLite in the twin: operators of values that are at least zero, run by LiteRT.

Each rule adds operations that are above zero exactly where something that the operator reads is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from striate.check.tflite_graph import Writing, options, options_of
from striate.errors import UnsupportedError
from striate.formats.tflite.schema import Graph, Operation
from striate.network.relation import Shape

FLOAT = "FLOAT32"
SIZES = frozenset({"SHAPE", "RANK", "ZEROS_LIKE"})
"""Operators whose outputs depend on no value of what they read."""
STORED_AS = ("DEQUANTIZE", "DENSIFY", "CAST", "QUANTIZE")


class Twinning:
    """A graph on its way to its twin's: what carries values of the inputs is float32 there, all else as it was.

    Tensors keep their numbers; ``shapes`` are those of the tensors that carry, in the file's order of axes.
    """

    def __init__(self, graph: Graph, carrying: frozenset[int], shapes: Mapping[int, Shape]) -> None:
        self.graph, self.shapes, self._carrying = graph, shapes, carrying
        self.writing = Writing()
        for k, tensor in enumerate(graph.tensors):
            data = None if tensor.data is None or k in carrying else np.frombuffer(tensor.data, np.uint8)
            kind = FLOAT if k in carrying else tensor.kind
            self.writing.tensor(tensor.name, kind, tensor.shape, data)

    def file(self) -> bytes:
        """The twin's bytes."""
        return self.writing.file(self.graph.inputs, self.graph.outputs)

    def carries(self, k: int) -> bool:
        """Whether a tensor carries values of the inputs."""
        return k in self._carrying

    def value(self, k: int) -> int:
        """What stands for an input's values: its own tensor, or a dark one of its shape where it carries none."""
        stored = self.graph.tensors[k]
        if self.carries(k):
            return k
        if stored.data is not None or 0 in stored.shape:
            return self.writing.constant(np.zeros(stored.shape, np.float32))
        dark = self.writing.tensor(f"{stored.name} dark", stored.kind)
        self.writing.add("ZEROS_LIKE", [k], [dark], options("ZerosLikeOptions"))
        if stored.kind == FLOAT:
            return dark
        return self.made("CAST", [dark], options("CastOptions"))

    def index(self, k: int) -> int:
        """An input that says how, not what, such as a shape or an axis."""
        if self.carries(k):
            raise UnsupportedError(f"check has no twin for a place or a size that data makes ({self.named(k)})")
        return k

    def made(self, op: str, inputs: Sequence[int], settings: Any = None, version: int = 1) -> int:
        """The one output of an operation that the file has not."""
        found = self.writing.tensor(f"{op.lower()} of {self.named(inputs[0])}", FLOAT)
        self.writing.add(op, inputs, [found], settings, version)
        return found

    def named(self, k: int) -> str:
        """What the file calls a tensor."""
        return self.graph.tensors[k].name if k < len(self.graph.tensors) else f"tensor {k}"

    def ints(self, *values: int) -> int:
        """Integers as a constant."""
        return self.writing.constant(np.array(values, np.int32))

    def shape(self, k: int) -> Shape:
        """The shape of a tensor of the file, in its order of axes."""
        return self.shapes.get(k, self.graph.tensors[k].shape)

    def reshaped(self, k: int, shape: Sequence[int]) -> int:
        """A tensor in another shape."""
        return self.made("RESHAPE", [k, self.ints(*shape)], options("ReshapeOptions"))

    def summed(self, k: int, axis: int, *, keep: bool) -> int:
        """A tensor's sum along an axis."""
        return self.made("SUM", [k, self.ints(axis)], options("ReducerOptions", keepDims=keep))


Rule = Callable[[Twinning, Operation], None]
RULES: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Enter a rule under the names of its operators."""

    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return enter


def translate(work: Twinning, operation: Operation) -> None:
    """Add what stands for an operation."""
    if not any(work.carries(k) for k in operation.outputs):
        work.writing.add(
            operation.op, operation.inputs, operation.outputs, options_of(operation), operation.version
        )
    elif operation.op in RULES:
        RULES[operation.op](work, operation)
    else:
        raise UnsupportedError(f"check has no twin for {operation.op} (tensor {work.named(operation.outputs[0])!r})")


def carrying(graph: Graph, inputs: Sequence[int]) -> frozenset[int]:
    """The tensors whose values depend on those of some inputs."""
    found = set(inputs)
    for operation in graph.operations:
        if operation.op not in SIZES and found.intersection(operation.inputs):
            found.update(operation.outputs)
    return frozenset(found)


VALUES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys((
        "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CUMSUM", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER",
        "L2_POOL_2D", "MAX_POOL_2D", "MEAN", "MIRROR_PAD", "PAD", "REDUCE_MAX", "RESHAPE", "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT_V", "SQUEEZE",
        "STRIDED_SLICE", "SUM", "TILE", "TRANSPOSE", "UNPACK",
    ), (0,)),
    "FILL": (1,), "PADV2": (0, 2), "SPLIT": (1,),
}  # fmt: skip
"""Operators that stay as they are, and which of their inputs are values."""


@rule(*VALUES)
def stays(work: Twinning, operation: Operation) -> None:
    """The operator itself, as the file sets it."""
    places = VALUES[operation.op]
    inputs = [work.value(k) if p in places else work.index(k) for p, k in enumerate(operation.inputs)]
    work.writing.add(operation.op, inputs, operation.outputs, options_of(operation), operation.version)


@rule("GATHER")
def looked_up(work: Twinning, operation: Operation) -> None:
    """The operator itself; where data makes the indices, each of them, and all along the axis."""
    x, at = operation.inputs
    if not work.carries(at):
        stays(work, operation)
        return
    axis, sizes = int(operation.settings("GatherOptions").Axis()), work.shape(x)
    axis, count = axis % len(sizes), len(work.shapes[at])
    before, behind = sizes[:axis], sizes[axis:][1:]
    found = work.reshaped(at, (*work.shapes[at], *(1 for _ in behind)))
    if work.carries(x):
        every = work.reshaped(work.summed(x, axis, keep=False), (*before, *(1 for _ in range(count)), *behind))
        found = work.made("ADD", [found, every], options("AddOptions"))
    sizes = work.shapes[operation.outputs[0]]
    work.writing.add("BROADCAST_TO", [found, work.ints(*sizes)], operation.outputs, version=2)


@rule("CONCATENATION", "PACK", "MAXIMUM", "ADD_N")
def stays_of_all(work: Twinning, operation: Operation) -> None:
    """The operator itself, all of whose inputs are values."""
    inputs = [work.value(k) for k in operation.inputs]
    work.writing.add(operation.op, inputs, operation.outputs, options_of(operation), operation.version)


@rule(
    "ABS", "CAST", "CEIL", "COS", "DEQUANTIZE", "ELU", "EXP", "FAKE_QUANT", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU",
    "LOG", "LOGICAL_NOT", "LOGISTIC", "NEG", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND",
    "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH",
)  # fmt: skip
def alike(work: Twinning, operation: Operation) -> None:
    """Element by element: a rectifier, which changes nothing here."""
    work.writing.add("RELU", operation.inputs, operation.outputs)


@rule(
    "ADD", "ATAN2", "BITWISE_XOR", "DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS",
    "LESS_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "MUL", "NOT_EQUAL", "POW", "PRELU", "RIGHT_SHIFT", "SELECT", "SELECT_V2",
    "SQUARED_DIFFERENCE", "SUB",
)  # fmt: skip
def united(work: Twinning, operation: Operation) -> None:
    """Element by element over several inputs: their sum."""
    first, *rest = (work.value(k) for k in operation.inputs)
    for other in rest[:-1]:
        first = work.made("ADD", [first, other], options("AddOptions"))
    work.writing.add("ADD", [first, rest[-1]], operation.outputs, options("AddOptions"))


@rule("MINIMUM")
def larger(work: Twinning, operation: Operation) -> None:
    """The smaller of two: the larger."""
    inputs = [work.value(k) for k in operation.inputs]
    work.writing.add("MAXIMUM", inputs, operation.outputs, options("MaximumMinimumOptions"))


@rule("REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL", "ARG_MAX", "ARG_MIN")
def added_up(work: Twinning, operation: Operation) -> None:
    """Whatever is taken along some axes: the sum."""
    x, axes = operation.inputs
    told = options_of(operation) if operation.op.startswith("REDUCE") else options("ReducerOptions", keepDims=False)
    work.writing.add("SUM", [x, work.index(axes)], operation.outputs, told)


@rule("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION")
def by_the_last_axis(work: Twinning, operation: Operation) -> None:
    """Each element, and all along the last axis."""
    x = operation.inputs[0]
    work.writing.add("ADD", [x, work.summed(x, -1, keep=True)], operation.outputs, options("AddOptions"))


@rule("LOCAL_RESPONSE_NORMALIZATION")
def by_neighbours(work: Twinning, operation: Operation) -> None:
    """Each element, and those so far beside it along the last axis: what a pool along this axis tells."""
    x = operation.inputs[0]
    radius = operation.settings("LocalResponseNormalizationOptions").Radius()
    channels = work.shapes[x][-1]
    wide = options(
        "Pool2DOptions", filterWidth=min(2 * radius + 1, 2 * channels - 1), filterHeight=1, strideW=1, strideH=1
    )
    rows = work.reshaped(x, (1, -1, channels, 1))
    pooled = work.made("MAX_POOL_2D", [rows], wide)
    shape = work.ints(*work.shapes[x])
    work.writing.add("RESHAPE", [pooled, shape], operation.outputs, options("ReshapeOptions"))


@rule("TOPK_V2")
def by_order(work: Twinning, operation: Operation) -> None:
    """Some of the last axis, all of which decides which: its sum, so many times."""
    every = work.summed(operation.inputs[0], -1, keep=True)
    for k in operation.outputs:
        dark = work.writing.constant(np.zeros(work.shapes[operation.outputs[0]][-1:], np.float32))
        work.writing.add("ADD", [every, dark], [k], options("AddOptions"))


@rule("BATCH_MATMUL")
def matrices(work: Twinning, operation: Operation) -> None:
    """Each row of the left and column of the right: the sum of both sums."""
    told = operation.settings("BatchMatMulOptions")
    left, right = (work.value(k) for k in operation.inputs)
    rows = work.summed(left, -2 if told.AdjX() else -1, keep=False)
    columns = work.summed(right, -1 if told.AdjY() else -2, keep=False)
    upright = work.made("EXPAND_DIMS", [rows, work.ints(-1)], options("ExpandDimsOptions"))
    lying = work.made("EXPAND_DIMS", [columns, work.ints(-2)], options("ExpandDimsOptions"))
    work.writing.add("ADD", [upright, lying], operation.outputs, options("AddOptions"))


@rule("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
def weighted(work: Twinning, operation: Operation) -> None:
    """The operator itself with weights of one and no bias, cut back to 0 and 1: no depth can under- or overflow."""
    inputs = [k if k < 0 or work.carries(k) else work.index(k) for k in operation.inputs]
    x, bias = (2, 3) if operation.op == "TRANSPOSE_CONV" else (0, 2)
    if work.carries(inputs[1]):
        if operation.op != "FULLY_CONNECTED":
            raise UnsupportedError(f"check has no twin for a weight that data makes ({work.named(inputs[1])})")
        _data_by_data(work, operation)
        return
    inputs[1] = work.writing.constant(np.ones(_weight_shape(work.graph, inputs[1]), np.float32))
    inputs[x] = work.value(inputs[x])
    if len(inputs) > bias and inputs[bias] >= 0:
        inputs[bias] = work.value(inputs[bias])
    summed = work.made(operation.op, inputs, options_of(operation), operation.version)
    work.writing.add("SIGN", [summed], operation.outputs)


def _data_by_data(work: Twinning, operation: Operation) -> None:
    """A dense layer whose weight, of (out, in), data makes: each row of the input and each of the weight."""
    x, weight, *rest = operation.inputs
    width = work.shapes[weight][1]
    flat = work.reshaped(work.value(x), (-1, width))
    rows = work.summed(flat, -1, keep=True)
    found = work.made("ADD", [rows, work.summed(weight, -1, keep=False)], options("AddOptions"))
    if rest and rest[0] >= 0:
        found = work.made("ADD", [found, work.value(rest[0])], options("AddOptions"))
    shape = work.ints(*work.shapes[operation.outputs[0]])
    work.writing.add("RESHAPE", [found, shape], operation.outputs, options("ReshapeOptions"))


def _weight_shape(graph: Graph, k: int) -> Shape:
    """The shape of a weight, which the file may keep in another form."""
    while not graph.tensors[k].shape:
        k = next((o.inputs[0] for o in graph.operations if k in o.outputs and o.op in STORED_AS), -1)
        if k < 0:
            raise UnsupportedError("check has no twin for a weight whose shape the file does not state")
    return graph.tensors[k].shape


