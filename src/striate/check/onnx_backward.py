"""A unit of an ONNX twin followed backwards: all the pixels it reads, node by node from its own to the source.

What each node reads was told by onnxruntime, which ran it alone, so the twin is turned round without being read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from striate.check.onnx_relations import REDUCING, VALUED, Alone, Known, backwards, reduced
from striate.check.turned import Array, Back, Bools, Link, followed
from striate.errors import ModelError, UnsupportedError

Shape = tuple[int, ...]


def carrying(nodes: Sequence[onnx.NodeProto], source: str) -> list[onnx.NodeProto]:
    """The nodes whose outputs depend on the values of the source, in order."""
    data, found = {source}, []
    for node in nodes:
        if node.op_type not in ("RandomUniformLike", "Shape", "Size") and data.intersection(node.input):
            data.update(node.output)
            found.append(node)
    return found


def asked_for(nodes: Sequence[onnx.NodeProto], source: str) -> tuple[list[str], list[str]]:
    """The tensors whose shapes, and those whose values, must be known to turn some nodes round."""
    data = {source}.union(*(node.output for node in nodes)) - {""}
    touched = dict.fromkeys(name for node in nodes for name in (*node.input, *node.output) if name)
    valued = dict.fromkeys(name for node in nodes if node.op_type in VALUED for name in node.input if name)
    return [*touched], [name for name in valued if name not in data]


class Backward:
    """The twin of some nodes turned round; ``shapes`` and ``values`` are those of ``asked_for``."""

    def __init__(
        self,
        nodes: Sequence[onnx.NodeProto],
        source: str,
        shapes: Mapping[str, Shape],
        values: Mapping[str, Array],
        alone: Alone,
    ) -> None:
        self._nodes, self._source, self._shapes, self._values = nodes, source, shapes, values
        self._alone, self._data = alone, {source}.union(*(node.output for node in nodes))
        self._known: dict[tuple[Any, ...], Back] = {}
        self._turned: dict[int, Back] = {}

    def reads(self, tensor: str, at: Sequence[int], *, local: bool = False) -> Bools:
        """The elements of the source that one unit reads, all batches and channels of it together.

        ``local`` leaves out what passes through a node that reduces an axis behind the channels.

        Raises UnsupportedError where a node on the way is not followed backwards.
        """
        unit = np.zeros(self._shapes[tensor], dtype=np.bool_)
        unit[(slice(None),) * (unit.ndim - len(at)) + tuple(at)] = True
        links = [Link(node.input, node.output) for node in self._nodes]
        shape = self._shapes[self._source]

        def back(place: int) -> Back | None:
            return None if local and self._gathers(self._nodes[place]) else self._back(place)

        return followed(links, {tensor: unit}, self._source, shape, back)

    def _gathers(self, node: onnx.NodeProto) -> bool:
        """Whether a node reduces an axis behind the channels."""
        if node.op_type not in REDUCING:
            return False
        known = self._about(node)
        return any(axis > 1 and known.shapes[0][axis] > 1 for axis in reduced(known))

    def _back(self, place: int) -> Back:
        if place not in self._turned:
            known = self._about(self._nodes[place])
            key = known.key()
            if key not in self._known:
                self._known[key] = self._turn(known)
            self._turned[place] = self._known[key]
        return self._turned[place]

    def _turn(self, known: Known) -> Back:
        try:
            return backwards(known, self._alone)
        except ModelError as error:
            raise UnsupportedError(str(error)) from error

    def _about(self, node: onnx.NodeProto) -> Known:
        valued = node.op_type in VALUED
        return Known(
            node,
            tuple(name in self._data for name in node.input),
            tuple(self._shapes[name] if name else () for name in node.input),
            tuple(self._shapes[name] if name else () for name in node.output),
            tuple(self._values.get(name) if valued else None for name in node.input),
        )
