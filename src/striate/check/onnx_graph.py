"""The graph of an ONNX twin while it grows: nodes, constants, and which tensors carry the source's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


class GraphBuilder:
    """The twin graph while it grows; ``data`` holds the tensors that depend on the source's values."""

    def __init__(self, model: onnx.ModelProto, source: str, ranks: Mapping[str, int]) -> None:
        self.opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        self.data = {source}
        self.ranks = ranks
        self.nodes: list[onnx.NodeProto] = []
        self.made: dict[str, onnx.TensorProto] = {}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._names = 0

    def fresh(self) -> str:
        """A tensor name no model uses."""
        self._names += 1
        return f"striate.check.{self._names}"

    def emit(self, op: str, inputs: Sequence[str], into: str = "", **attributes: Any) -> str:
        """Append a node with one output, ``into`` or a fresh name."""
        into = into or self.fresh()
        self.nodes.append(helper.make_node(op, list(inputs), [into], **attributes))
        return into

    def constant(self, values: NDArray[Any]) -> str:
        """A small constant."""
        name = self.fresh()
        self.made[name] = numpy_helper.from_array(values, name)
        return name

    def filled(self, value: float, shape: Sequence[int] | str) -> str:
        """A float tensor of one value; ``shape`` as numbers, or the name of a tensor to take it from."""
        if isinstance(shape, str) and shape in self.constants:
            shape = tuple(self.constants[shape].dims)
        if isinstance(shape, str):
            sizes = self.emit("Shape", [shape])
        else:
            sizes = self.constant(np.array(shape, dtype=np.int64))
        if self.opset >= 9:
            tensor = helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [value])
            return self.emit("ConstantOfShape", [sizes], value=tensor)
        return self.emit("Expand", [self.constant(np.array(value, dtype=np.float32)), sizes])

    def saturate(self, x: str, into: str = "") -> str:
        """1 where ``x`` is not 0."""
        truth = self.emit("Cast", [x], to=int(onnx.TensorProto.BOOL))
        return self.emit("Cast", [truth], into, to=int(onnx.TensorProto.FLOAT))

    def clip(self, counts: str) -> str:
        """A sum of zeros and ones cut back to 0 or 1; onnxruntime fuses it into what made the sum."""
        if self.opset < 11:
            return self.emit("Clip", [counts], min=0.0, max=1.0)
        bounds = [self.constant(np.array(bound, dtype=np.float32)) for bound in (0, 1)]
        return self.emit("Clip", [counts, *bounds])

    def union(self, parts: Sequence[str], into: str = "") -> str:
        """1 where any part is, with broadcasting."""
        if len(parts) == 1:
            return self.emit("Identity", parts, into)
        if self.opset >= 8:
            return self.emit("Max", parts, into)
        total = parts[0]
        for part in parts[1:]:
            total = self.emit("Add", [total, part])
        return self.saturate(total, into)

    def reduce(self, x: str, axes: Sequence[int]) -> str:
        """The OR over some axes, kept at size 1."""
        if self.opset < 18:
            return self.emit("ReduceMax", [x], axes=list(axes), keepdims=1)
        return self.emit("ReduceMax", [x, self.constant(np.array(axes, dtype=np.int64))], keepdims=1)

    def dims(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant; None where nodes compute it."""
        return tuple(self.constants[name].dims) if name in self.constants else None


Rewrite = Callable[[GraphBuilder, onnx.NodeProto], None]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}
