"""The graph of an ONNX twin while it grows: nodes, constants, and which tensors carry the source's values.

A tensor whose channels are all alike is kept with one channel and written out only where a node needs them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import external_data_helper, helper, numpy_helper

from striate.check.onnx_file import KEPT_BYTES

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16)
PAYLOADS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, slots=True)
class Alike:
    """A tensor by one of its channels."""

    name: str
    channels: int


class GraphBuilder:
    """The twin graph while it grows; ``data`` holds the tensors that depend on the source's values.

    ``weights`` are the constants that no zero of which hides anything; ``zeros`` and ``lows`` name, for tensors of
    ``data``, where they are zero or vanish in a softmax (1) whatever the source holds.
    """

    def __init__(self, model: onnx.ModelProto, source: str, ranks: Mapping[str, int], folder: Path) -> None:
        self.opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        self.data = {source}
        self.ranks = dict(ranks)
        self.nodes: list[onnx.NodeProto] = []
        self.made: dict[str, onnx.TensorProto] = {}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.alike: dict[str, Alike] = {}
        self.zeros: dict[str, str] = {}
        self.lows: dict[str, str] = {}
        floats = (tensor for tensor in model.graph.initializer if tensor.data_type in FLOATS)
        self.weights = {tensor.name for tensor in floats if prod(tensor.dims) != 1}
        self._either: dict[str, str] = {}
        self._wide: set[str] = set()
        self._folder = folder
        self._names = 0

    def scratch(self) -> GraphBuilder:
        """A copy that grows without this one."""
        found = copy(self)
        for name in ("nodes", "made", "_either", "_wide"):
            setattr(found, name, copy(getattr(self, name)))
        return found

    def fresh(self) -> str:
        """A tensor name no model uses."""
        self._names += 1
        return f"striate.check.{self._names}"

    def keep(self, node: onnx.NodeProto) -> None:
        """Append a node; what it reads is written out first."""
        for name in node.input:
            self.write_out(name)
        self.nodes.append(node)

    def emit(self, op: str, inputs: Sequence[str], into: str = "", **attributes: Any) -> str:
        """Append a node with one output, ``into`` or a fresh name."""
        into = into or self.fresh()
        self.keep(helper.make_node(op, list(inputs), [into], **attributes))
        return into

    def thin(self, into: str, name: str, channels: int) -> None:
        """Let ``into`` have that many channels, each like the one of ``name``."""
        self.alike[into] = Alike(name, channels)

    def either(self, name: str) -> str:
        """The OR over the channels of a tensor, kept at size 1."""
        if name in self.alike:
            return self.alike[name].name
        if name not in self._either:
            self._either[name] = self.reduce(name, [1])
        return self._either[name]

    def join(self, name: str, parts: Sequence[str]) -> None:
        """Say that the channels of ``name`` are those of some tensors, side by side."""
        if all(part in self.alike or part in self._either for part in parts):
            self._either[name] = self.union([self.either(part) for part in parts])

    def write_out(self, name: str) -> None:
        """Make all channels of a tensor, where it has been kept by one of them."""
        if name not in self.alike or name in self._wide:
            return
        self._wide.add(name)
        found = self.alike[name]
        wide = self.filled(0.0, (1, found.channels, *[1] * (self.ranks[name] - 2)))
        self.nodes.append(helper.make_node("Add", [found.name, wide], [name]))

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

    def opposite(self, x: str) -> str:
        """1 where ``x`` is 0, 0 where it is 1."""
        return self.emit("Sub", [self.constant(np.array(1, dtype=np.float32)), x])

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

    def rank(self, name: str) -> int | None:
        """The number of a tensor's axes, where it is known."""
        dims = self.dims(name)
        return self.ranks.get(name) if dims is None else len(dims)

    def value(self, name: str) -> NDArray[Any] | None:
        """The value of a constant; None where nodes compute it, or where it is as large as weights are."""
        tensor = self.constants.get(name)
        if tensor is None or not self._load(tensor):
            return None
        return numpy_helper.to_array(tensor)

    def initialisers(self) -> list[onnx.TensorProto]:
        """The constants that the nodes so far use."""
        used = {name for node in self.nodes for name in node.input}
        found = [tensor for name, tensor in self.constants.items() if name in used and self._load(tensor)]
        return [*found, *(tensor for name, tensor in self.made.items() if name in used)]

    def stand_ins(self) -> list[onnx.NodeProto]:
        """Ones in place of weights whose values were left in the file."""
        used = {name for node in self.nodes for name in node.input}
        absent = [tensor for name, tensor in self.constants.items() if name in used and not self._load(tensor)]
        nodes = []
        for tensor in absent:
            one = helper.make_tensor("one", tensor.data_type, [], [1])
            sizes = numpy_helper.from_array(np.array(tensor.dims, dtype=np.int64))
            names = [f"{tensor.name}.striate.{part}" for part in ("one", "sizes")]
            nodes.append(helper.make_node("Constant", [], names[:1], value=one))
            nodes.append(helper.make_node("Constant", [], names[1:], value=sizes))
            nodes.append(helper.make_node("Expand", names, [tensor.name]))
        return nodes

    def _load(self, tensor: onnx.TensorProto) -> bool:
        """Whether the values of a constant are at hand, read from beside the model where they lie there."""
        if external_data_helper.uses_external_data(tensor):
            item = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            if prod(tensor.dims) * item > KEPT_BYTES:
                return False
            external_data_helper.load_external_data_for_tensor(tensor, str(self._folder))
            tensor.data_location = onnx.TensorProto.DEFAULT
        return 0 in tensor.dims or any(len(getattr(tensor, field)) for field in (*PAYLOADS, "string_data"))


Rewrite = Callable[[GraphBuilder, onnx.NodeProto], None]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}
