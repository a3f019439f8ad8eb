"""Dense layers, matrix products and attention."""

from __future__ import annotations

from math import prod

import numpy as np
from torch import Tensor

from striate.formats.torch.call import Call, handles
from striate.formats.torch.fixed import LARGEST_MASK, fitted, fix, is_lowest, is_zero, where
from striate.formats.torch.values import Bools, Value
from striate.network.operators import (
    Attention,
    Elementwise,
    Everything,
    Expand,
    Linear,
    Mask,
    Masked,
    MatMul,
    Operator,
    Recurrent,
    Reshape,
    Transpose,
)
from striate.network.operators.function import Function

ADD = Function("add")


def product(call: Call, first: Tensor, second: Tensor, term: Tensor | None = None) -> None:
    """``first @ second + term``; a constant matrix on the right makes it a dense layer.

    What stands against a zero that is surely there is not read.
    """
    left, right, graph = call.value_of(first), call.value_of(second), call.graph
    zeros = {"left": where(call, first, is_zero, 0.0), "right": where(call, second, is_zero, 0.0)}
    keeps = {side: _followed(fixed.keep) for side, fixed in zeros.items() if fixed is not None}
    masks = {side: Mask.of(keep) for side, keep in keeps.items() if keep is not None}
    call.at_most = len(masks) < len(keeps)
    inputs = [left, right]
    alpha, beta = float(call.get("alpha", 1)), float(call.get("beta", 1))
    op: Operator = MatMul(masks.get("left"), masks.get("right"), alpha=alpha, beta=beta)
    constants: list[Value] = []
    if right.constant and len(right.shape) == 2 and not left.constant and not masks:
        op, inputs, constants = Linear(right.shape[1], alpha=alpha, beta=beta), [left], [right]
    if term is None:
        call.emit(op, inputs, constants)
        return
    extra, low = call.value_of(term), where(call, term, is_lowest, -np.inf)
    if extra.constant and low is None:
        call.emit(op, inputs, [*constants, extra])
        return
    made = call.add(op, [graph.number(value) for value in inputs], call.shape)
    weights = [*constants, *(value for value in inputs if value.constant)]
    if low is None or low.keep is None:
        data = [] if extra.constant else [graph.number(extra)]
        call.emit(Elementwise(function=ADD), [made, *data], [*weights, *([extra] if extra.constant else [])])
    else:
        _masked_sum(call, made, extra, low.keep, weights)
    fix(call, low)


def _masked_sum(call: Call, made: int, extra: Value, low: Bools, weights: list[Value]) -> None:
    """A product and a term, nothing of either where the term is minus infinity."""
    keep = fitted(low, call.shape)
    numbers = [made] if extra.constant else [made, call.graph.number(extra)]
    if keep is None:
        call.at_most = True
    elif len(numbers) == 1:
        call.emit(Masked(Mask.of(keep)), numbers, [*weights, extra])
        return
    else:
        numbers[0] = call.add(Masked(Mask.of(keep)), [made], call.shape)
    call.emit(Elementwise(function=ADD), numbers, [*weights, *([extra] if extra.constant else [])])


def _followed(keep: Bools | None) -> Bools | None:
    """Zeros of an operand that can be followed: few, or a triangle."""
    if keep is None or keep.ndim < 2:
        return None
    n, lower = keep.shape[-1], np.tri(keep.shape[-1], dtype=np.bool_)
    square = keep.shape[-2] == n and keep.size == n * n
    triangle = square and bool((keep == lower).all() or (keep == lower.T).all())
    return keep if triangle or keep.size <= LARGEST_MASK else None


@handles("mm", "bmm", "matmul", "linalg_matmul")
def matmul(call: Call) -> None:
    """A matrix product."""
    product(call, call["self"], call["mat2"] if call.get("mat2") is not None else call["other"])


@handles("addmm")
def addmm(call: Call) -> None:
    """A matrix product and a term."""
    product(call, call["mat1"], call["mat2"], call["self"])


@handles("baddbmm")
def baddbmm(call: Call) -> None:
    """A batch of matrix products and a term, left out where its factor is zero."""
    product(call, call["batch1"], call["batch2"], call["self"] if call["beta"] else None)


@handles("mv", "dot")
def vector(call: Call) -> None:
    """A product with a vector."""
    call.emit(MatMul(), [call.value("self"), call.value("vec" if call.op == "mv" else "tensor")])


@handles("linear")
def linear(call: Call) -> None:
    """A dense layer whose weights are constants or data."""
    bias = call.value("bias") if call.get("bias") is not None else None
    weight = call.value("weight")
    call.emit(Linear(weight.shape[0], turned=True), [call.value("input")], [weight, bias])


@handles("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention",
         "_scaled_dot_product_efficient_attention", "_scaled_dot_product_fused_attention_overrideable",
         "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_attention_math",
         "_scaled_dot_product_attention_math_for_mps", "scaled_dot_product_attention")
def attention(call: Call) -> None:
    """softmax(Q K^T) V; a mask made of data sees everything."""
    inputs = [call.value(name) for name in ("query", "key", "value")]
    masks = [call.value(name) for name in ("attn_mask", "attn_bias") if call.get(name) is not None]
    if any(not mask.constant for mask in masks):
        call.at_most = True
        call.emit(Everything((call.shape,)), [*inputs, *masks])
    else:
        call.emit(Attention(scale=call.get("scale")), inputs, masks)
    call.emit_rest(None, inputs)


@handles("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(call: Call) -> None:
    """A recurrent layer or a stack of them."""
    x, states = call.value("input"), [call.value_of(t) for t in call["states"]]
    weights = [call.value_of(t) for t in call["weights"]]
    time = call["time"]
    batch = 1 - time
    steps = x.shape[0] * x.shape[1]
    call.emit_all(
        Recurrent(
            time,
            batch,
            shapes=tuple(output.shape for output in call.outputs),
            axes=((time, batch), *[(None, 1)] * len(states)),
            both_ways=call["both_ways"],
            macs=steps * sum(prod(weight.shape) for weight in weights if len(weight.shape) == 2),
        ),
        [x, *(state for state in states if not state.constant)],
        [*weights, *(state for state in states if state.constant)],
    )


@handles("embedding")
def embedding(call: Call) -> None:
    """Rows of a table, by indices that are data."""
    weight, indices = call.value("weight"), call.value("indices")
    if indices.constant or not weight.constant:
        call.emit(Everything((call.shape,)), [value for value in (weight, indices) if not value.constant])
        return
    column = (*indices.shape, 1)
    made = call.add(Reshape(column), [call.graph.number(indices)], column)
    call.emit(Expand(call.shape), [made], [weight])


@handles("_cdist_forward", "_euclidean_dist", "cdist")
def distances(call: Call) -> None:
    """Distances between all rows of two tensors: each row with each."""
    x, y = call.value("x1"), call.value("x2")
    graph = call.graph
    order = (*range(len(y.shape) - 2), len(y.shape) - 1, len(y.shape) - 2)
    turned = call.add(Transpose(order), [graph.number(y)], tuple(y.shape[k] for k in order))
    call.emit(MatMul(), [x, turned])
