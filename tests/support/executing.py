"""A network computed in torch from what its nodes say alone, its weights found by the names they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.network import Network, Node
from striate.network.operators import (
    AdaptivePool,
    Concat,
    Conv,
    ConvTranspose,
    Elementwise,
    Expand,
    Function,
    Linear,
    MatMul,
    Mix,
    Operator,
    Pad,
    Pool,
    Reduce,
    Reshape,
    Resize,
    Select,
    Slice,
    Transpose,
)

Stored = Mapping[str, Tensor]
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def executed(network: Network, feeds: Stored, stored: Stored) -> Mapping[str, Tensor]:
    """Every tensor of the network."""
    found = dict(feeds)
    for node in network.nodes:
        inputs = [found[name] if name in found else stored[name] for name in node.inputs]
        found[node.outputs[0]] = computed(node, inputs, taken(node, stored))
    return found


def taken(node: Node, stored: Stored) -> dict[str, Tensor]:
    """The weights of a node by what they are for."""
    found = {}
    for weight in node.weights:
        tensor = stored[weight.name]
        for view in weight.views:
            tensor = moved(view, [tensor])
        assert tuple(tensor.shape) == weight.shape
        found[weight.role] = tensor
    return found


def computed(node: Node, inputs: list[Tensor], weights: dict[str, Tensor]) -> Tensor:
    """What one node makes."""
    op, x = node.op, inputs[0]
    match op:
        case Conv():
            padded = F.pad(x, [n for pair in reversed(op.padding) for n in pair])
            convolve: Any = CONVOLUTIONS[len(op.kernel)]
            bias = weights.get("bias")
            made: Tensor = convolve(padded, weights["weight"], bias, op.stride, 0, op.dilation, op.groups)
            return made
        case ConvTranspose():
            transpose: Any = TRANSPOSED[len(op.kernel)]
            full = transpose(x, weights["weight"], None, op.stride, 0, 0, op.groups, op.dilation)
            sides = zip(reversed(op.padding), reversed(op.output_padding), strict=True)
            made = F.pad(full, [n for (before, after), more in sides for n in (-before, more - after)])
            return made + weights["bias"].reshape(-1, *[1] * len(op.kernel)) if "bias" in weights else made
        case Linear():
            return op.alpha * _dense(x, weights["weight"], op.turned) + op.beta * weights.get("bias", torch.zeros(()))
        case MatMul():
            return op.alpha * inputs[0] @ inputs[1]
        case Pool():
            return pooled(op, x)
        case AdaptivePool():
            assert op.function == Function("average")
            return F.adaptive_avg_pool2d(x, (op.size[0], op.size[1]))
        case Elementwise():
            return POINTWISE[op.function.name](op.function, operands(inputs, weights, op.function), weights)
        case Reduce():
            statistic: Any = {"mean": torch.mean, "sum": torch.sum, "max": torch.amax}[op.function.name]
            made = statistic(x, op.axes, keepdim=op.keepdims)
            return made
        case Mix():
            return mixed(op, x, weights)
    return moved(op, inputs)


def _dense(x: Tensor, weight: Tensor, turned: bool) -> Tensor:
    return x @ (weight.T if turned else weight)


def operands(inputs: list[Tensor], weights: Mapping[str, Tensor], function: Function) -> list[Tensor]:
    """Data and constants in the places that the function has for them."""
    places = {int(role[8:]): tensor for role, tensor in weights.items() if role.startswith("operand ")}
    if function.get("other") is not None:
        places[1] = torch.tensor(function.get("other"))
    rest = iter(inputs)
    return [places[place] if place in places else next(rest) for place in range(len(inputs) + len(places))]


def batch_norm(function: Function, x: list[Tensor], weights: Mapping[str, Tensor]) -> Tensor:
    """In inference."""
    mean, variance, scale, shift = (weights[name] for name in ("mean", "variance", "scale", "shift"))
    return F.batch_norm(x[0], mean, variance, scale, shift, eps=float(function.get("epsilon") or 0))


POINTWISE: dict[str, Callable[[Function, list[Tensor], Mapping[str, Tensor]], Tensor]] = {
    "batch_norm": batch_norm,
    "identity": lambda f, x, w: x[0],
    "relu": lambda f, x, w: x[0].relu(),
    "sigmoid": lambda f, x, w: x[0].sigmoid(),
    "tanh": lambda f, x, w: x[0].tanh(),
    "silu": lambda f, x, w: F.silu(x[0]),
    "hardswish": lambda f, x, w: F.hardswish(x[0]),
    "hardsigmoid": lambda f, x, w: F.hardsigmoid(x[0]),
    "gelu": lambda f, x, w: F.gelu(x[0], approximate=str(f.get("approximate"))),
    "leaky_relu": lambda f, x, w: F.leaky_relu(x[0], float(f.get("alpha") or 0)),
    "elu": lambda f, x, w: F.elu(x[0], float(f.get("alpha") or 1)),
    "clip": lambda f, x, w: x[0].clip(f.get("min"), f.get("max")),  # type: ignore[arg-type]
    "prelu": lambda f, x, w: torch.where(x[0] > 0, x[0], x[0] * w["slope"]),
    "add": lambda f, x, w: x[0] + x[1],
    "sub": lambda f, x, w: x[0] - x[1],
    "mul": lambda f, x, w: x[0] * x[1],
    "div": lambda f, x, w: x[0] / x[1],
}


def pooled(op: Pool, x: Tensor) -> Tensor:
    """Max and average pooling over two axes."""
    pads = [before for before, _ in op.padding]
    if op.function.name == "max":
        return F.max_pool2d(x, op.kernel, op.stride, pads, op.dilation, op.ceil)
    assert op.function.name == "average"
    return F.avg_pool2d(x, op.kernel, op.stride, pads, op.ceil, bool(op.function.get("include_pad")))


def mixed(op: Mix, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """Softmax and normalisations."""
    epsilon = float(op.function.get("epsilon") or 0)
    scale, shift = weights.get("scale"), weights.get("shift")
    match op.function.name:
        case "softmax":
            return x.softmax(op.axes[0])
        case "layer_norm":
            return F.layer_norm(x, x.shape[op.axes[0] :], scale, shift, epsilon)
        case "group_norm":
            return F.group_norm(x, op.groups or 1, scale, shift, epsilon)
    raise AssertionError(op)


def moved(op: Operator, inputs: list[Tensor]) -> Tensor:
    """What operators that only move elements make."""
    x = inputs[0]
    match op:
        case Reshape():
            return x.reshape(op.shape)
        case Transpose():
            return x.permute(op.order)
        case Expand():
            return x.expand(op.shape)
        case Concat():
            return torch.cat(inputs, op.axis)
        case Pad():
            return F.pad(x, [n for pair in reversed(op.pads) for n in pair], value=op.value)
        case Slice():
            for axis, start, count, step in zip(op.axes, op.starts, op.counts, op.steps, strict=True):
                x = x.index_select(axis, torch.tensor([start + k * step for k in range(count)]))
            return x
        case Select():
            return x.select(op.axis, op.index)
        case Resize():
            assert op.picks is not None
            for axis, picks in zip(op.axes, op.picks, strict=True):
                x = x.index_select(axis, torch.tensor(picks))
            return x
    raise AssertionError(op)
