"""An ONNX graph while it is written: nodes, constants, names that are given once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import onnx
from onnx import helper, numpy_helper

from striate.errors import UnsupportedError
from striate.formats.onnx.call import Array
from striate.geometry import Border
from striate.network import Node
from striate.network.operators import Concat, Elementwise, Expand, Gather, Pad, Reshape, Slice, Transpose
from striate.network.relation import Shape

BACK_TO_THE_START = -(1 << 63)
MODES = {Border.REFLECT: "reflect", Border.REPLICATE: "edge", Border.CIRCULAR: "wrap", Border.ZERO: "constant"}


class Draft:
    """A graph of one opset; ``tensors`` and ``names`` are taken, and given to no tensor or node of its own."""

    def __init__(self, opset: int, tensors: Iterable[str], names: Iterable[str]) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._tensors, self._names = set(tensors), set(names)

    def fresh(self, base: str) -> str:
        """A tensor's name that is not taken."""
        return _unused(base, self._tensors)

    def emit(self, op: str, inputs: Sequence[str], output: str, name: str = "", **attributes: Any) -> str:
        """Append a node with one output, which is returned; a node without a name is called as its output."""
        self.nodes.append(
            helper.make_node(op, list(inputs), [output], name or _unused(output, self._names), **attributes)
        )
        return output

    def constant(self, base: str, values: Array) -> str:
        """A constant under a fresh name."""
        name = self.fresh(base)
        self.constants[name] = numpy_helper.from_array(values, name)
        return name

    def integers(self, base: str, values: Sequence[int]) -> str:
        """A row of integers as a constant."""
        import numpy as np

        return self.constant(base, np.array(values, np.int64))

    def moved(self, node: Node, inputs: Sequence[str], output: str, shapes: Sequence[Shape]) -> None:
        """A node that only moves elements, whatever their type, from what its operator says."""
        x, base, name = inputs[0], output, node.name
        match node.op:
            case Reshape(shape):
                self.emit("Reshape", [x, self.integers(f"{base}/shape", shape)], output, name)
            case Transpose(order):
                self.emit("Transpose", [x], output, name, perm=list(order))
            case Expand(shape):
                self._expand(x, shapes[0], shape, output, name)
            case Slice() as cut:
                self.cut(cut, x, output, name)
            case Gather(axis, places):
                places_ = self.constant(f"{base}/indices", places.array)
                self.emit("Gather", [x, places_], output, name, axis=axis)
            case Concat(axis):
                self.emit("Concat", inputs, output, name, axis=axis)
            case Pad(pads, Border.ZERO, value) if not value:
                self.pad(pads, x, output, name)
            case Elementwise():
                self.emit("Identity", [x], output, name)
            case op:
                raise UnsupportedError(f"node {name} ({node.source}): a part of {op.word} is not written as ONNX")

    def cut(self, op: Slice, x: str, output: str, name: str = "") -> str:
        """A slice; before opset 10, which has no steps, indices where they are not neighbours."""
        stops = [a + n * step for a, n, step in zip(op.starts, op.counts, op.steps, strict=True)]
        if self.opset >= 10:
            ends = [stop if stop >= 0 else BACK_TO_THE_START for stop in stops]
            words = zip(("starts", "ends", "axes", "steps"), (op.starts, ends, op.axes, op.steps), strict=True)
            return self.emit("Slice", [x, *(self.integers(f"{output}/{w}", v) for w, v in words)], output, name)
        if all(step == 1 for step in op.steps):
            return self.emit("Slice", [x], output, name, starts=list(op.starts), ends=stops, axes=list(op.axes))
        rows = list(zip(op.axes, op.starts, stops, op.steps, strict=True))
        for k, (axis, start, stop, step) in enumerate(rows):
            last = k + 1 == len(rows)
            indices = self.integers(f"{output}/indices", range(start, stop, step))
            made = output if last else self.fresh(f"{output}/gather")
            x = self.emit("Gather", [x, indices], made, name if last else "", axis=axis)
        return x

    def pad(self, pads: Sequence[tuple[int, int]], x: str, output: str, name: str = "") -> str:
        """Zeros around a tensor."""
        row = [before for before, _ in pads] + [after for _, after in pads]
        if self.opset < 11:
            return self.emit("Pad", [x], output, name, pads=row)
        return self.emit("Pad", [x, self.integers(f"{output}/pads", row)], output, name)

    def _expand(self, x: str, before: Shape, after: Shape, output: str, name: str) -> None:
        if self.opset >= 8:
            self.emit("Expand", [x, self.integers(f"{output}/shape", after)], output, name)
            return
        wide = (*(1,) * (len(after) - len(before)), *before)
        if wide != before:
            x = self.emit("Reshape", [x, self.integers(f"{output}/wide", wide)], self.fresh(f"{output}/reshape"))
        repeats = [n // m for n, m in zip(after, wide, strict=True)]
        self.emit("Tile", [x, self.integers(f"{output}/repeats", repeats)], output, name)


def _unused(base: str, taken: set[str]) -> str:
    """A name like ``base`` that is not taken; it is then."""
    name = next(tried for k in count() if (tried := f"{base}{k or ''}") not in taken)
    taken.add(name)
    return name


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Give an attribute its value; None takes it away."""
    kept = [item for item in node.attribute if item.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    if value is not None:
        node.attribute.append(helper.make_attribute(name, value))


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of an attribute."""
    return next((helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)
