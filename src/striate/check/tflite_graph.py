"""A TFLite graph in the making, written through LiteRT's own copy of the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from striate.formats.tflite.schema import Operation
from striate.network.relation import Shape

VERSION = 3
MAGIC = b"TFL3"
LAST_SHORT_CODE = 127
"""The largest operator number that fits the field which older files have for it."""


@dataclass(frozen=True, eq=False)
class Added:
    """An operation of the graph, with the schema's options or None."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None
    version: int = 1

    @property
    def told(self) -> str:
        """Its operator and options, equal for operations that are alike."""
        return f"{self.op} {self.version} {sorted(vars(self.options).items()) if self.options else ''}"


class Writing:
    """Tensors and operations, by their numbers in the order in which they are added."""

    def __init__(self) -> None:
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self.operations: list[Added] = []

    def tensor(self, name: str, kind: str, shape: Shape = (), data: NDArray[Any] | None = None) -> int:
        """A tensor of a kind; with ``data``, its bytes, a constant."""
        made = schema.TensorT()
        made.name, made.type, made.shape = name, getattr(schema.TensorType, kind), np.array(shape, np.int32)
        if data is not None:
            held = schema.BufferT()
            held.data = np.frombuffer(data.tobytes(), np.uint8)
            self._buffers.append(held)
            made.buffer = len(self._buffers) - 1
        self._tensors.append(made)
        return len(self._tensors) - 1

    def constant(self, values: NDArray[Any]) -> int:
        """A constant of float32 or int32."""
        kind = "FLOAT32" if values.dtype.kind == "f" else "INT32"
        plain = values.astype({"FLOAT32": "<f4", "INT32": "<i4"}[kind])
        return self.tensor(f"constant {len(self._tensors)}", kind, values.shape, plain)

    def add(
        self, op: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None, version: int = 1
    ) -> None:
        """An operation behind those before it."""
        self.operations.append(Added(op, tuple(inputs), tuple(outputs), options, version))

    def file(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The bytes of a file with this graph."""
        codes = list(dict.fromkeys((added.op, added.version) for added in self.operations))
        graph, model = schema.SubGraphT(), schema.ModelT()
        graph.tensors = self._tensors
        graph.operators = [_operator(added, codes.index((added.op, added.version))) for added in self.operations]
        graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        model.version, model.subgraphs, model.buffers = VERSION, [graph], self._buffers
        model.operatorCodes = [_code(op, version) for op, version in codes]
        builder = flatbuffers.Builder(sum(0 if held.data is None else len(held.data) for held in self._buffers) + 1024)
        builder.Finish(model.Pack(builder), MAGIC)
        return bytes(builder.Output())


def options(kind: str, **settings: Any) -> Any:
    """Options of a kind by the schema's names of its fields."""
    made = getattr(schema, f"{kind}T")()
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def options_of(operation: Operation) -> Any:
    """The options that a file gives an operation; None for none."""
    if operation.options == "NONE":
        return None
    held = getattr(schema, operation.options)()
    held._tab = operation.table
    return getattr(schema, f"{operation.options}T").InitFromObj(held)


def _operator(added: Added, code: int) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs, made.outputs = np.array(added.inputs, np.int32), np.array(added.outputs, np.int32)
    if added.options is not None:
        made.builtinOptions = added.options
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(added.options).__name__.removesuffix("T"))
    return made


def _code(op: str, version: int) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode = getattr(schema.BuiltinOperator, op)
    made.deprecatedBuiltinCode = min(made.builtinCode, LAST_SHORT_CODE)
    made.version = version
    return made
