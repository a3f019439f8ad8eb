"""TFLite operators that mix elements: arithmetic, activations, reductions, normalisation, products."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from striate.errors import ModelError, UnsupportedError
from striate.formats.steps import Part, Step, as_stored, step
from striate.formats.tflite.call import Call, activated, operator, pointwise
from striate.network.operators import (
    Elementwise,
    Function,
    Linear,
    MatMul,
    Mix,
    Reduce,
    Reshape,
    Scan,
    Transform,
    Transpose,
)

FUSING = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
RENAMED = {
    "LOGISTIC": "sigmoid",
    "HARD_SWISH": "hardswish",
    "MAXIMUM": "max",
    "MINIMUM": "min",
    "EQUAL": "eq",
    "NOT_EQUAL": "ne",
    "GREATER": "gt",
    "GREATER_EQUAL": "ge",
    "LESS": "lt",
    "LESS_EQUAL": "le",
    "SELECT": "where",
    "SELECT_V2": "where",
    "FLOOR_MOD": "mod",
    "ADD_N": "sum",
    "ATAN2": "atan2",
    "TOPK_V2": "topk",
    "REDUCE_PROD": "prod",
    "REDUCE_MAX": "max",
    "REDUCE_MIN": "min",
    "REDUCE_ANY": "any",
    "REDUCE_ALL": "all",
    "L2_NORMALIZATION": "lp_norm",
}


def _function(call: Call) -> Function:
    return Function.of(RENAMED.get(call.op, call.op.lower()))


@operator(
    "ABS", "CAST", "CEIL", "COS", "DENSIFY", "DEQUANTIZE", "ELU", "EXP", "FAKE_QUANT", "FLOOR", "HARD_SWISH", "LOG",
    "LOGICAL_NOT", "LOGISTIC", "NEG", "QUANTIZE", "RELU", "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH",
)  # fmt: skip
def activation(call: Call) -> Step:
    """One input, element by element."""
    return step(Elementwise(function=_function(call)), call.tensor(0))


@operator("RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def limited(call: Call) -> Step:
    """Cut off below and above."""
    low, high = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}[call.op]
    return step(Elementwise(function=Function.of("clip", min=low, max=high)), call.tensor(0))


@operator("LEAKY_RELU")
def leaky_relu(call: Call) -> Step:
    """With its slope below zero."""
    alpha = float(call.settings("LeakyReluOptions").Alpha())
    return step(Elementwise(function=Function.of("leaky_relu", alpha=alpha)), call.tensor(0))


@operator("GELU")
def gelu(call: Call) -> Step:
    """Exact or by the hyperbolic tangent."""
    approximate = "tanh" if call.settings("GeluOptions").Approximate() else "none"
    return step(Elementwise(function=Function.of("gelu", approximate=approximate)), call.tensor(0))


@operator(*FUSING)
def fusing(call: Call) -> Step:
    """Arithmetic with an activation."""
    fused = call.settings(FUSING[call.op]).FusedActivationFunction()
    return activated(pointwise(call, 0, 1, function=_function(call)), fused)


@operator(
    "ATAN2", "BITWISE_XOR", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL",
    "LOGICAL_AND", "LOGICAL_OR", "MAXIMUM", "MINIMUM", "NOT_EQUAL", "POW", "PRELU", "RIGHT_SHIFT", "SQUARED_DIFFERENCE",
)  # fmt: skip
def arithmetic(call: Call) -> Step:
    """Two inputs, broadcast together."""
    return pointwise(call, 0, 1, function=_function(call))


@operator("ADD_N")
def add_n(call: Call) -> Step:
    """Any number of inputs."""
    return pointwise(call, *range(len(call.inputs)), function=_function(call))


@operator("SELECT", "SELECT_V2")
def select(call: Call) -> Step:
    """A condition and two values; the older one's condition may be a vector that names rows."""
    if call.op == "SELECT" and 0 < call.rank < len(call.shape(1)):
        raise UnsupportedError("a condition of one axis that names rows has no rule")
    return pointwise(call, 0, 1, 2, function=_function(call))


@operator("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL")
def reduction(call: Call) -> Step:
    """Over axes that are a constant."""
    axes = sorted({call.axis(axis) for axis in call.ints(1)})
    if call.settings("ReducerOptions").KeepDims():
        x = call.tensor(0)
        return step(Reduce(tuple(sorted(x.order.index(axis) for axis in axes)), function=_function(call)), x)
    made = Reduce(tuple(axes), False, function=_function(call))
    return step(made, call.filed(0), order=as_stored(call.rank - len(axes)))


@operator("ARG_MAX", "ARG_MIN")
def index_of_extreme(call: Call) -> Step:
    """The index along one axis, which goes."""
    made = Reduce((call.axis(call.integer(1)),), False, function=_function(call))
    return step(made, call.filed(0), order=as_stored(call.rank - 1))


@operator("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION")
def along_the_last_axis(call: Call) -> Step:
    """Every element by all along the file's last axis."""
    if not call.rank:
        raise ModelError("a scalar has no axis")
    x = call.tensor(0)
    made = step(Mix((x.order.index(call.rank - 1),), function=_function(call)), x)
    if call.op != "L2_NORMALIZATION":
        return made
    return activated(made, call.settings("L2NormOptions").FusedActivationFunction())


@operator("CUMSUM")
def cumsum(call: Call) -> Step:
    """A sum along one axis, from either end."""
    options, x = call.settings("CumsumOptions"), call.tensor(0)
    axis = x.order.index(call.axis(call.integer(1)))
    return step(Scan(axis, bool(options.Reverse()), bool(options.Exclusive()), _function(call)), x)


@operator("TOPK_V2")
def top_k(call: Call) -> Step:
    """The largest along the last axis, and their indices."""
    return step(Transform((call.axis(-1),), call.sizes((call.integer(1),)), 2, _function(call)), call.filed(0))


@operator("FULLY_CONNECTED")
def fully_connected(call: Call) -> Step:
    """A weight of (out, in); without keep_num_dims what comes before the features is one axis."""
    options, w = call.settings("FullyConnectedOptions"), call.shape(1)
    if len(w) != 2 or min(w) < 1 or prod(call.x) % w[1]:
        raise ModelError(f"a weight of shape {w} does not fit an input of shape {call.x}")
    x: Part = call.filed(0)
    if not (options.KeepNumDims() and call.x[-1] == w[1]) and call.x != (prod(call.x) // w[1], w[1]):
        x = step(Reshape((prod(call.x) // w[1], w[1])), x, order=as_stored(2), word="flattened", source="RESHAPE")
    if call.tensor(1).data:
        turned = step(Transpose((1, 0)), call.filed(1), order=as_stored(2), word="turned", source="TRANSPOSE")
        made = step(MatMul(), x, turned)
    else:
        made = step(Linear(w[0], turned=True), x, weights=call.weight("weight", 1))
    made = _biased(call, made)
    return activated(made, options.FusedActivationFunction())


def _biased(call: Call, made: Step) -> Step:
    """With a bias: a constant one is a weight, one that data makes is added."""
    if not call.has(2):
        return made
    if call.tensor(2).data:
        return step(Elementwise(function=Function.of("add")), made, call.filed(2), word="bias", source="ADD")
    return replace(made, weights=(*made.weights, *call.weight("bias", 2)))


@operator("BATCH_MATMUL")
def batch_matmul(call: Call) -> Step:
    """NumPy's matrix product, either side turned before it."""
    options = call.settings("BatchMatMulOptions")
    if min(call.rank, len(call.shape(1))) < 2:
        raise ModelError(f"cannot multiply shapes {call.x} and {call.shape(1)}")
    left, right = _turned(call, 0, bool(options.AdjX())), _turned(call, 1, bool(options.AdjY()))
    rank = max(call.rank, len(call.shape(1)))
    weights = (*call.weight("operand 0", 0), *call.weight("operand 1", 1))
    return step(MatMul(), left, right, order=as_stored(rank), weights=weights)


def _turned(call: Call, position: int, turned: bool) -> Part:
    x = call.filed(position)
    rank = len(x.shape)
    if not turned:
        return x
    order = (*range(rank - 2), rank - 1, rank - 2)
    return step(Transpose(order), x, order=as_stored(rank), word=f"turned_{position}", source="TRANSPOSE")
