"""Dense layers, matrix products and attention."""

from __future__ import annotations

from math import prod

from striate.network.torch_reader.call import Call, handles
from striate.network.torch_reader.values import Value


def product(call: Call, left: Value, right: Value, extra: tuple[Value, ...] = ()) -> None:
    """``left @ right``; a constant matrix on the right makes it a dense layer. ``extra`` is added."""
    constants = [value for value in extra if value.constant]
    data = [call.graph.number(value) for value in extra if not value.constant]
    dense = right.constant and len(right.shape) == 2 and not left.constant
    if not data:
        if dense:
            call.emit("linear", [left], [right, *constants], out_features=right.shape[1])
        else:
            call.emit("matmul", [left, right], constants)
        return
    graph = call.graph
    shape = (*left.shape[:-1], right.shape[-1])
    numbers = (graph.number(left),) if dense else (graph.number(left), graph.number(right))
    made = call.add("linear", numbers, shape, out_features=right.shape[1]) if dense else call.add(
        "matmul", numbers, shape
    )
    call.emit("elementwise", [made, *data], [*constants, right] if dense else constants)


@handles("mm", "bmm", "matmul", "linalg_matmul")
def matmul(call: Call) -> None:
    """A matrix product."""
    product(call, call.value("self"), call.value("mat2" if call.get("mat2") is not None else "other"))


@handles("addmm")
def addmm(call: Call) -> None:
    """A matrix product and a term."""
    product(call, call.value("mat1"), call.value("mat2"), (call.value("self"),))


@handles("baddbmm")
def baddbmm(call: Call) -> None:
    """A batch of matrix products and a term, left out where its factor is zero."""
    extra = (call.value("self"),) if call["beta"] else ()
    product(call, call.value("batch1"), call.value("batch2"), extra)


@handles("mv", "dot")
def vector(call: Call) -> None:
    """A product with a vector."""
    call.emit("matmul", [call.value("self"), call.value("vec" if call.op == "mv" else "tensor")])


@handles("linear")
def linear(call: Call) -> None:
    """A dense layer whose weights are constants or data."""
    bias = call.value("bias") if call.get("bias") is not None else None
    weight = call.value("weight")
    call.emit("linear", [call.value("input")], [weight, bias], out_features=weight.shape[0])


@handles("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention",
         "_scaled_dot_product_efficient_attention", "_scaled_dot_product_fused_attention_overrideable",
         "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_attention_math",
         "_scaled_dot_product_attention_math_for_mps", "scaled_dot_product_attention")
def attention(call: Call) -> None:
    """softmax(Q K^T) V; a mask made of data sees everything."""
    inputs = [call.value(name) for name in ("query", "key", "value")]
    masks = [call.value(name) for name in ("attn_mask", "attn_bias") if call.get(name) is not None]
    if any(not mask.constant for mask in masks):
        call.emit("whole", [*inputs, *masks], shapes=(call.shape,))
    else:
        call.emit("attention", inputs, masks)
    call.emit_rest("whole", inputs)


@handles("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(call: Call) -> None:
    """A recurrent layer or a stack of them."""
    x, states = call.value("input"), [call.value_of(t) for t in call["states"]]
    weights = [call.value_of(t) for t in call["weights"]]
    time = call["time"]
    batch = 1 - time
    steps = x.shape[0] * x.shape[1]
    call.emit_all(
        "rnn",
        [x, *(state for state in states if not state.constant)],
        [*weights, *(state for state in states if state.constant)],
        time=time,
        batch=batch,
        shapes=tuple(output.shape for output in call.outputs),
        axes=((time, batch), *[(None, 1)] * len(states)),
        both_ways=call["both_ways"],
        macs=steps * sum(prod(weight.shape) for weight in weights if len(weight.shape) == 2),
    )


@handles("embedding")
def embedding(call: Call) -> None:
    """Rows of a table, by indices that are data."""
    weight, indices = call.value("weight"), call.value("indices")
    if indices.constant or not weight.constant:
        call.emit("whole", [value for value in (weight, indices) if not value.constant], shapes=(call.shape,))
        return
    column = (*indices.shape, 1)
    made = call.add("reshape", [call.graph.number(indices)], column, shape=column)
    call.emit("expand", [made], [weight], shape=call.shape)


@handles("_cdist_forward", "_euclidean_dist", "cdist")
def distances(call: Call) -> None:
    """Distances between all rows of two tensors: each row with each."""
    x, y = call.value("x1"), call.value("x2")
    graph = call.graph
    order = (*range(len(y.shape) - 2), len(y.shape) - 1, len(y.shape) - 2)
    turned = call.add("transpose", [graph.number(y)], tuple(y.shape[k] for k in order), order=order)
    call.emit("matmul", [x, turned])
