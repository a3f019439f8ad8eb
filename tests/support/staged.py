"""A network run stage by stage, what joins the stages made of tiles of their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from striate.crop import Join, Joined, Stage
from striate.network import Node
from striate.network.operators import Elementwise
from support.executing import computed, taken

Stored = Mapping[str, Tensor]
Moments = tuple[float, Tensor, Tensor]


def staged(stages: Sequence[Stage], feeds: Stored, stored: Stored, tile: int) -> dict[str, Tensor]:
    """Every tensor that a stage makes, and every one that is joined."""
    found = dict(feeds)
    for stage in stages:
        held = {name: found[name] for name in stage.network.inputs}
        for node in stage.network.nodes:
            inputs = [held[name] if name in held else stored[name] for name in node.inputs]
            held[node.outputs[0]] = made(node, inputs, taken(node, stored))
        found.update({name: held[name] for name in stage.network.outputs})
        for join in stage.joins:
            found.update(zip(join.gives, joined(join, held[join.tensor], tile), strict=True))
    return found


def made(node: Node, inputs: list[Tensor], weights: dict[str, Tensor]) -> Tensor:
    """What a node makes; of a normalisation behind its join, from the two measures."""
    if not (isinstance(node.op, Elementwise) and len(inputs) == 3):
        return computed(node, inputs, weights)
    x, first, second = inputs
    function = node.op.function
    if function.name == "softmax":
        return (x - first).exp() / second
    normal = (x - first) / (second + float(function.get("epsilon") or 0)).sqrt()
    scale, shift = (weights.get(role) for role in ("scale", "shift"))
    if function.name != "layer_norm":
        wide = (1, -1, *[1] * (x.ndim - 2))
        scale, shift = (w if w is None else w.reshape(wide) for w in (scale, shift))
    return normal * (1 if scale is None else scale) + (0 if shift is None else shift)


def tiles(x: Tensor, axes: Sequence[int], side: int) -> Iterator[Tensor]:
    """The tensor in parts of at most ``side`` along some axes."""
    for starts in product(*(range(0, x.shape[axis], side) for axis in axes)):
        index = [slice(None)] * x.ndim
        for axis, start in zip(axes, starts, strict=True):
            index[axis] = slice(start, start + side)
        yield x[tuple(index)]


def joined(join: Join, x: Tensor, side: int) -> tuple[Tensor, ...]:
    """What tiles are joined to, none of which knows another."""
    parts, axes = list(tiles(x, join.axes, side)), join.axes
    match join.kind:
        case Joined.WHOLE:
            return (x,)
        case Joined.MEAN | Joined.SUM | Joined.MAX | Joined.MIN:
            return (statistic(join.kind, parts, axes),)
        case Joined.SOFTMAX:
            largest = torch.stack([part.amax(axes, keepdim=True) for part in parts]).amax(0)
            return largest, sum((part - largest).exp().sum(axes, keepdim=True) for part in parts) + torch.zeros(())
        case Joined.MOMENTS:
            count, mean, squares = reduce(merged, (moments(part, axes, join.groups) for part in parts))
            return mean, squares / count


def statistic(kind: Joined, parts: list[Tensor], axes: tuple[int, ...]) -> Tensor:
    """One number for the joined axes, which stay."""
    match kind:
        case Joined.MAX:
            return torch.stack([part.amax(axes, keepdim=True) for part in parts]).amax(0)
        case Joined.MIN:
            return torch.stack([part.amin(axes, keepdim=True) for part in parts]).amin(0)
    total = torch.stack([part.sum(axes, keepdim=True) for part in parts]).sum(0)
    count = sum(part.numel() for part in parts) // total.numel()
    return total / count if kind is Joined.MEAN else total


def moments(x: Tensor, axes: tuple[int, ...], groups: int | None) -> Moments:
    """Count, mean and sum of squared distances, each group's for all of its channels."""
    if groups is None:
        mean = x.mean(axes, keepdim=True)
        return x.numel() / mean.numel(), mean, ((x - mean) ** 2).sum(axes, keepdim=True)
    parted = x.unflatten(1, (groups, -1))
    inner = (2, *(axis + 1 for axis in axes if axis > 1))
    count, mean, squares = moments(parted, inner, None)
    wide = [t.expand(-1, -1, x.shape[1] // groups, *[-1] * (x.ndim - 2)).flatten(1, 2) for t in (mean, squares)]
    return count, wide[0], wide[1]


def merged(a: Moments, b: Moments) -> Moments:
    """Moments of two parts together (Chan, Golub and LeVeque, 1979)."""
    count, apart = a[0] + b[0], b[1] - a[1]
    return count, a[1] + apart * (b[0] / count), a[2] + b[2] + apart**2 * (a[0] * b[0] / count)
