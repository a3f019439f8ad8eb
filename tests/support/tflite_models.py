"""Small TFLite files, built by the schema's own builders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

TYPES = {
    "float32": "FLOAT32", "float16": "FLOAT16", "int8": "INT8", "int32": "INT32", "int64": "INT64", "bool": "BOOL",
    "uint8": "UINT8",
}  # fmt: skip
VERSIONS = {"BROADCAST_TO": 2}
"""Of operators whose first version the runtime has not."""


@dataclass(frozen=True)
class Made:
    """A tensor of a sketch; what the file states of its shape is no more than a hint to a runtime."""

    name: str
    shape: tuple[int, ...]
    kind: str
    content: bytes = b""
    scale: float = 0.0
    signature: tuple[int, ...] = ()


@dataclass
class Sketch:
    """A graph that grows by one operation at a time; every call returns the number of the tensor it made."""

    tensors: list[Made] = field(default_factory=list)
    operations: list[tuple[str, tuple[list[int], list[int], str, dict[str, Any]]]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def tensor(self, name: str, shape: Sequence[int] = (), kind: str = "float32", **more: Any) -> int:
        self.tensors.append(Made(name, tuple(shape), kind, **more))
        return len(self.tensors) - 1

    def input(self, *shape: int, name: str = "x", kind: str = "float32", signature: Sequence[int] = ()) -> int:
        self.inputs.append(self.tensor(name, shape, kind, signature=tuple(signature)))
        return self.inputs[-1]

    def constant(self, value: Any, name: str = "", **more: Any) -> int:
        array = np.asarray(value)
        array = array.astype({"float64": "float32", "int64": "int32"}.get(array.dtype.name, array.dtype))
        name = name or f"c{len(self.tensors)}"
        return self.tensor(name, array.shape, array.dtype.name, content=array.tobytes(), **more)

    def wide(self, *values: int) -> int:
        """A constant of 64-bit integers."""
        array = np.array(values, np.int64)
        return self.tensor(f"c{len(self.tensors)}", array.shape, "int64", content=array.tobytes())

    def add(
        self, op: str, *inputs: int, name: str = "", outputs: int = 1, kind: str = "float32", shape: Sequence[int] = (),
        options: str = "", scale: float = 0.0, **settings: Any,
    ) -> int:  # fmt: skip
        """The first of an operation's outputs; ``settings`` are the schema's names of its options' fields."""
        name = name or f"t{len(self.tensors)}"
        made = [
            self.tensor(name if outputs == 1 else f"{name}_{k}", shape, kind, scale=scale) for k in range(outputs)
        ]
        self.operations.append((op, (list(inputs), made, options, settings)))
        return made[0]

    def file(self, *outputs: int, share: bool = False) -> bytes:
        """The bytes of a file that ends in some tensors; operations that read alike may share their list of inputs."""
        builder = flatbuffers.Builder(1024)
        buffers = [_buffer(builder, b""), *(_buffer(builder, made.content) for made in self.tensors)]
        tensors = [_tensor(builder, made, k + 1) for k, made in enumerate(self.tensors)]
        words = list(dict.fromkeys(op for op, _ in self.operations))
        kept: dict[tuple[int, ...], int] = {}
        operations = [
            _operation(builder, words.index(op), *told, kept if share else {}) for op, told in self.operations
        ]
        codes = [_code(builder, word) for word in words]
        parts = [_offsets(builder, tensors), _numbers(builder, self.inputs), _numbers(builder, list(outputs)),
                 _offsets(builder, operations)]  # fmt: skip
        tflite.SubGraphStart(builder)
        for add, part in zip(("Tensors", "Inputs", "Outputs", "Operators"), parts, strict=True):
            getattr(tflite, f"SubGraphAdd{add}")(builder, part)
        graph = _offsets(builder, [tflite.SubGraphEnd(builder)])
        held, named = _offsets(builder, buffers), _offsets(builder, codes)
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, 3)
        tflite.ModelAddOperatorCodes(builder, named)
        tflite.ModelAddSubgraphs(builder, graph)
        tflite.ModelAddBuffers(builder, held)
        builder.Finish(tflite.ModelEnd(builder), b"TFL3")
        return bytes(builder.Output())


def _buffer(builder: Any, content: bytes) -> int:
    data = _bytes(builder, content) if content else None
    tflite.BufferStart(builder)
    if data is not None:
        tflite.BufferAddData(builder, data)
    return int(tflite.BufferEnd(builder))


def _bytes(builder: Any, content: bytes) -> int:
    builder.StartVector(1, len(content), 16)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    return int(builder.EndVector())


def _tensor(builder: Any, made: Made, buffer: int) -> int:
    name, shape = builder.CreateString(made.name), _numbers(builder, made.shape)
    signature = _numbers(builder, made.signature) if made.signature else None
    quantised = _quantised(builder, made.scale) if made.scale else None
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, getattr(tflite.TensorType, TYPES[made.kind]))
    tflite.TensorAddBuffer(builder, buffer)
    if signature is not None:
        tflite.TensorAddShapeSignature(builder, signature)
    if quantised is not None:
        tflite.TensorAddQuantization(builder, quantised)
    return int(tflite.TensorEnd(builder))


def _quantised(builder: Any, scale: float) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependFloat32(scale)
    scales = builder.EndVector()
    builder.StartVector(8, 1, 8)
    builder.PrependInt64(0)
    zeros = builder.EndVector()
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zeros)
    return int(tflite.QuantizationParametersEnd(builder))


def _operation(
    builder: Any, code: int, inputs: list[int], outputs: list[int], options: str, settings: dict[str, Any],
    kept: dict[tuple[int, ...], int],
) -> int:  # fmt: skip
    key = tuple(inputs)
    if key not in kept:
        kept[key] = _numbers(builder, inputs)
    reads, writes = kept[key], _numbers(builder, outputs)
    told = _options(builder, options, settings) if options else None
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, reads)
    tflite.OperatorAddOutputs(builder, writes)
    if told is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, options))
        tflite.OperatorAddBuiltinOptions(builder, told)
    return int(tflite.OperatorEnd(builder))


def _options(builder: Any, kind: str, settings: dict[str, Any]) -> int:
    found = {key: _numbers(builder, value) if isinstance(value, tuple) else value for key, value in settings.items()}
    getattr(tflite, f"{kind}Start")(builder)
    for key, value in found.items():
        getattr(tflite, f"{kind}Add{key}")(builder, value)
    return int(getattr(tflite, f"{kind}End")(builder))


def _code(builder: Any, word: str) -> int:
    custom = builder.CreateString(word.partition(":")[2]) if word.startswith("CUSTOM") else None
    number = getattr(tflite.BuiltinOperator, word.partition(":")[0])
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    tflite.OperatorCodeAddVersion(builder, VERSIONS.get(word, 1))
    if custom is not None:
        tflite.OperatorCodeAddCustomCode(builder, custom)
    return int(tflite.OperatorCodeEnd(builder))


def _numbers(builder: Any, values: Sequence[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return int(builder.EndVector())


def _offsets(builder: Any, values: Sequence[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return int(builder.EndVector())
