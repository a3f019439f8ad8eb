"""From the bytes of a TFLite file to its graph: tensors and operations as the file states them, weights left unread."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from striate.errors import InputError, MissingDependencyError, ModelError, UnsupportedError
from striate.formats.foreign import folder, foreign, unread
from striate.formats.tflite.bounds import EMPTY, CheckedTable, Content
from striate.network.relation import Shape

MAGIC, MAGIC_AT = b"TFL3", 4
VERSION = 3
LARGEST_SIZE = 1 << 31
DTYPES = {
    "FLOAT32": "<f4", "FLOAT16": "<f2", "FLOAT64": "<f8", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "BOOL": "?", "COMPLEX64": "<c8",
    "COMPLEX128": "<c16", "BFLOAT16": "<u2", "INT4": "i1",
}  # fmt: skip
"""NumPy's type for elements of each of TFLite's: of bfloat16 the bits, of 4-bit integers a byte for each."""
OUTPUTS, OPERATIONS = 8, 10
"""Slots of a subgraph's lists."""
UNSIZED = ("STRING", "RESOURCE", "VARIANT")


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """A tensor as the file states it; ``open`` are its axes without a fixed size, ``data`` its bytes if it has any."""

    name: str
    shape: Shape
    open: tuple[int, ...]
    kind: str
    data: memoryview | None
    sparse: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type for its elements."""
        if self.kind in UNSIZED:
            raise UnsupportedError(f"tensor {self.name!r} holds {self.kind.lower()}s")
        return np.dtype(DTYPES[self.kind])


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """One operation: its operator, the tensors it reads (-1: none) and writes, and what it is told."""

    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: str
    table: CheckedTable

    def settings(self, kind: str) -> Any:
        """The options of a kind, by the schema's generated class; defaults where the file gives none."""
        if self.options not in (kind, "NONE"):
            raise ModelError(f"its options are {self.options}, which should be {kind}")
        return _class(kind, self.table)


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """The first subgraph of a file.

    ``lists`` are the bytes at which its operations are counted and its outputs are pointed at.
    """

    tensors: tuple[Stored, ...]
    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    lists: tuple[int, int]


def is_tflite(held: Path | bytes) -> bool:
    """Whether a file, by its name or its first bytes, or bytes by themselves are meant to be a TFLite model."""
    if isinstance(held, bytes):
        return held[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC
    if held.suffix.lower() == ".tflite":
        return True
    try:
        with held.open("rb") as file:
            return is_tflite(file.read(MAGIC_AT + len(MAGIC)))
    except OSError:
        return False


def load_graph(held: Path | bytes | bytearray) -> Graph:
    """The graph in a file or in bytes; ModelError, which says why, for what is none.

    The tensors of bytes that can be written to are views of them.
    """
    schema = _schema()
    view = memoryview(_mapped(held) if isinstance(held, Path) else held)
    if view[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        whole = held if isinstance(held, Path) else bytes(held)
        kind = foreign(whole) or unread(whole)
        raise ModelError("no TFLite flatbuffer" if kind is None else f"{kind.what}, not a TFLite file; {kind.way}")
    content = Content(view)
    model = _class("Model", CheckedTable.root(content))
    if model.Version() != VERSION:
        raise UnsupportedError(f"version {model.Version()} of the TFLite schema; version {VERSION} is read")
    if not model.SubgraphsLength():
        raise ModelError("holds no graph")
    graph = _held(model.Subgraphs(0), content)
    buffers = [_buffer(_held(model.Buffers(k), content), content) for k in _count(model.BuffersLength(), content)]
    entries = [_held(model.OperatorCodes(k), content) for k in _count(model.OperatorCodesLength(), content)]
    codes = [(_word(schema, entry), int(entry.Version())) for entry in entries]
    tensors = _tensors(graph, buffers, content)
    operations = tuple(
        _operation(_held(graph.Operators(k), content), codes, len(tensors), content)
        for k in _count(graph.OperatorsLength(), content)
    )
    inputs = _indices(graph.InputsAsNumpy(), len(tensors), content)
    outputs = _indices(graph.OutputsAsNumpy(), len(tensors), content)
    return Graph(tensors, operations, inputs, outputs, _lists(graph._tab))


@cache
def _schema() -> ModuleType:
    try:
        return import_module("tflite")
    except ImportError as error:
        raise MissingDependencyError('reading TFLite files needs tflite: pip install "striate[tflite]"') from error


def _mapped(path: Path) -> mmap.mmap | bytes:
    if path.is_dir():
        raise InputError(folder(path))
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise ModelError("the file is empty")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}") from error


def _class(name: str, table: CheckedTable) -> Any:
    """The schema's accessor of a table, which reads through checks."""
    found = getattr(_schema(), name)()
    found._tab = table
    return found


def _held(accessor: Any, content: Content) -> Any:
    """The same accessor, which now reads through checks."""
    accessor._tab = CheckedTable(content, accessor._tab.Pos)
    return accessor


def _count(length: int, content: Content) -> range:
    content.spend(length)
    return range(length)


def _integers(found: Any, content: Content) -> tuple[int, ...]:
    """A vector of integers; the schema's accessors give 0 where there is none."""
    if isinstance(found, int):
        return ()
    content.spend(len(found))
    return tuple(found.tolist())


def _lists(table: CheckedTable) -> tuple[int, int]:
    """The byte at which a subgraph's operations are counted, and that of the offset to its outputs; 0 for none."""
    operations, outputs = table.Offset(OPERATIONS), table.Offset(OUTPUTS)
    return table.Indirect(table.Pos + operations) if operations else 0, table.Pos + outputs if outputs else 0


def _indices(found: Any, count: int, content: Content, least: int = 0) -> tuple[int, ...]:
    indices = _integers(found, content)
    for index in indices:
        if not least <= index < count:
            raise ModelError(f"damaged: tensor {index} is named, the graph has {count}")
    return indices


def named(enumeration: str, number: int) -> str:
    """The schema's name for a number of one of its enumerations."""
    return _names(enumeration).get(number, f"number {number}")


@cache
def _names(enumeration: str) -> dict[int, str]:
    found = vars(getattr(_schema(), enumeration))
    return {number: name for name, number in found.items() if isinstance(number, int)}


def _word(schema: ModuleType, code: Any) -> str:
    """An operator's name; a custom one's behind ``CUSTOM:``."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{_text(code.CustomCode())}"
    return _names("BuiltinOperator").get(number, f"operator {number}")


def _text(found: bytes | None) -> str:
    return (found or b"").decode("utf-8", "replace")


def _buffer(buffer: Any, content: Content) -> memoryview | None:
    """Where a buffer's bytes are, in the flatbuffer or, in large files, behind it; None of an empty one."""
    if buffer.Size() > 1:
        return content.take(buffer.Offset(), buffer.Size())
    found = buffer.DataAsNumpy()
    return None if isinstance(found, int) or not len(found) else memoryview(found)


def _tensors(graph: Any, buffers: Sequence[memoryview | None], content: Content) -> tuple[Stored, ...]:
    """Every tensor, under a name of its own."""
    taken: set[str] = set()
    found = []
    for k in _count(graph.TensorsLength(), content):
        tensor = _held(graph.Tensors(k), content)
        name = next(name for name in _candidates(_text(tensor.Name()), k) if name not in taken)
        taken.add(name)
        found.append(_stored(name, tensor, buffers, content))
    return tuple(found)


def _candidates(name: str, k: int) -> Iterator[str]:
    yield from ([name] if name else [])
    name = f"{name or 'tensor'}:{k}"
    while True:
        yield name
        name += "'"


def _stored(name: str, tensor: Any, buffers: Sequence[memoryview | None], content: Content) -> Stored:
    kind, at = _names("TensorType").get(tensor.Type(), ""), tensor.Buffer()
    if not kind:
        raise ModelError(f"tensor {name!r} has the unknown element type {tensor.Type()}")
    shape, signature = _integers(tensor.ShapeAsNumpy(), content), _integers(tensor.ShapeSignatureAsNumpy(), content)
    if any(not 0 <= n <= LARGEST_SIZE for n in shape):
        raise ModelError(f"tensor {name!r} has shape {shape}")
    if at >= len(buffers):
        raise ModelError(f"damaged: tensor {name!r} is kept in buffer {at}, the file has {len(buffers)}")
    data, sparse = buffers[at], tensor.Sparsity() is not None
    need = None if kind in UNSIZED or sparse else needed(kind, shape)
    if data is not None and need not in (None, len(data)):
        raise ModelError(f"damaged: tensor {name!r} of shape {shape} needs {need} bytes, its buffer has {len(data)}")
    open_axes = tuple(k for k, n in enumerate(signature) if n < 0) if len(signature) == len(shape) else ()
    return Stored(name, shape, open_axes, kind, data, sparse)


def needed(kind: str, shape: Shape) -> int:
    """The bytes that the elements of a tensor take."""
    bits = 4 if kind == "INT4" else 8 * np.dtype(DTYPES[kind]).itemsize
    return -(-prod(shape) * bits // 8)


def _operation(operator: Any, codes: Sequence[tuple[str, int]], count: int, content: Content) -> Operation:
    code = operator.OpcodeIndex()
    if code >= len(codes):
        raise ModelError(f"damaged: operator code {code} is named, the file has {len(codes)}")
    op, version = codes[code]
    inputs = _indices(operator.InputsAsNumpy(), count, content, -1)
    outputs = _indices(operator.OutputsAsNumpy(), count, content)
    kind, union = _names("BuiltinOptions").get(operator.BuiltinOptionsType(), "unknown"), operator.BuiltinOptions()
    if union is None or kind == "NONE":
        return Operation(op, version, inputs, outputs, "NONE", CheckedTable(Content(memoryview(EMPTY)), 4))
    return Operation(op, version, inputs, outputs, kind, CheckedTable(content, union.Pos))
