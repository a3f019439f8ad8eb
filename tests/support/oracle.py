"""Brute force: the exact set of input elements behind every element of every tensor, by enumeration."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from striate import network
from striate.network import Network
from striate.network.operators import BY_WORD
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Shape, Split

Sets = NDArray[np.bool_]


class Builder(network.Builder):
    """A network over one image, operators given by their words; every call returns the tensor it made."""

    def __init__(self, *shape: int) -> None:
        super().__init__("built", image=shape)

    def __call__(self, word: str, *inputs: str, name: str = "", **fields: object) -> str:
        return self.add(BY_WORD[word](**fields), *inputs, name=name)


def dependence(whole: Network) -> Mapping[str, Sets]:
    """For each tensor an array of its shape plus one last axis: the flat input elements each element sees."""
    source = whole.inputs[0]
    shape = whole.shapes[source]
    count = int(np.prod(shape))
    sets: dict[str, Sets] = {source: np.eye(count, dtype=bool).reshape(*shape, count)}
    for node, result in zip(whole.nodes, whole.results, strict=True):
        for name, output in zip(node.outputs, result.outputs, strict=False):
            total = np.zeros((*output.shape, count), bool)
            for tensor, reads in zip(node.inputs, output.reads, strict=True):
                for relation in reads if tensor in sets else ():
                    total |= carried(sets[tensor], relation)
            sets[name] = total
    return sets


def carried(sets: Sets, relation: Relation) -> Sets:
    """The sets after a chain of steps, element by element."""
    for step in relation:
        shape = step.shape(sets.shape[:-1])
        out = np.zeros((*shape, sets.shape[-1]), bool)
        for index in product(*map(range, shape)):
            for read in sources(step, index, sets.shape[:-1]):
                out[index] |= sets[read]
        sets = out
    return sets


def sources(step: object, index: tuple[int, ...], before: Shape) -> list[tuple[int, ...]]:
    """The elements before a step that one element after it reads."""
    match step:
        case Along(axis, axis_map):
            return [(*index[:axis], i, *index[axis + 1 :]) for i in axis_map.reads(index[axis])]
        case Permute(order):
            back = [0] * len(order)
            for place, axis in enumerate(order):
                back[axis] = index[place]
            return [tuple(back)]
        case Split(axis, _, _, stride, dilation, offset):
            i = index[axis] * stride + index[axis + 1] * dilation + offset
            return [(*index[:axis], i, *index[axis + 2 :])] if 0 <= i < before[axis] else []
        case Merge(axis):
            outer, inner = divmod(index[axis], before[axis + 1])
            return [(*index[:axis], outer, inner, *index[axis + 1 :])]
        case Insert(axis):
            return [(*index[:axis], *index[axis + 1 :])]
        case Drop(axis):
            return [(*index[:axis], 0, *index[axis:])]
    raise AssertionError(step)
