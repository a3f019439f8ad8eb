"""The protobuf wire format of an ONNX file, walked without its weights.

Source: the protobuf encoding specification and ``onnx.proto``. The walk copies every field that
describes the graph and leaves out tensor payloads too large to be shape arithmetic, unless they are a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from mmap import mmap

import numpy as np

from striate.errors import ModelError
from striate.formats.onnx.elements import BITS, COUNTS, Element

Buffer = bytes | mmap
SMALL = 4096
LARGEST_INTEGERS = 1 << 18
LARGEST_FIELD = 1 << 20
DEEPEST = 64

CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
DIMS, DATA_TYPE, RAW_DATA = 1, 2, 9
FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA = 4, 5, 6, 7, 10, 11
PAYLOADS = (FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA, RAW_DATA, DOUBLE_DATA, UINT64_DATA)
FLOATS = (Element.FLOAT, Element.FLOAT16, Element.DOUBLE)
LARGEST_MASK = 1 << 22
# Minus infinity and the most negative finite number, as the integers of the same bits.
LOWEST = {1: (), 2: (0xFC00, 0xFBFF), 4: (0xFF800000, 0xFF7FFFFF), 8: (0xFFF << 52, 0xFFEFFFFFFFFFFFFF)}


def slim(view: Buffer) -> bytes:
    """A ModelProto as bytes, without the payloads of large tensors.

    Raises ModelError where a length reaches past the end of its message or messages nest too deep.
    """
    return _message(view, "model", 0, len(view), 0)


def _damaged(why: str, at: int) -> ModelError:
    return ModelError(f"truncated or damaged: {why} at byte {at}")


def _varint(view: Buffer, at: int, stop: int) -> tuple[int, int]:
    """The number at ``at`` and the place after it."""
    value, shift = 0, 0
    while at < stop:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise _damaged("a number of more than ten bytes", at)
    raise _damaged("a number runs past the end of its message", at)


def _field(view: Buffer, at: int, stop: int) -> tuple[int, int, int, int]:
    """The field at ``at``: its number, its wire type, and where its content starts and stops."""
    key, start = _varint(view, at, stop)
    number, wire = key >> 3, key & 7
    if wire == 0:
        _, end = _varint(view, start, stop)
    elif wire == 2:
        length, start = _varint(view, start, stop)
        end = start + length
    elif wire in (1, 5):
        end = start + (8 if wire == 1 else 4)
    else:
        raise _damaged(f"unknown wire type {wire}", at)
    if number == 0:
        raise _damaged("a field with number 0", at)
    if end > stop:
        raise _damaged(f"a field of {end - start} bytes where {stop - start} are left", at)
    return number, wire, start, end


def _tag(number: int, length: int) -> bytes:
    """The head of a length-delimited field."""
    return _encode(number << 3 | 2) + _encode(length)


def _encode(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _message(view: Buffer, kind: str, start: int, stop: int, depth: int) -> bytes:
    """One message, its large fields slimmed; a small one is copied as it is."""
    if depth > DEEPEST:
        raise ModelError(f"messages nest more than {DEEPEST} deep")
    if kind == "tensor":
        return _tensor(view, start, stop)
    if stop - start <= SMALL and depth:
        return view[start:stop]
    pieces: list[bytes] = []
    children, at = CHILDREN[kind], start
    while at < stop:
        number, wire, first, end = _field(view, at, stop)
        if wire == 2 and number in children:
            content = _message(view, children[number], first, end, depth + 1)
            pieces += (_tag(number, len(content)), content)
        elif end - first <= LARGEST_FIELD:
            pieces.append(view[at:end])
        elif kind == "attribute":
            raise ModelError(f"an attribute of {end - first} bytes; at most {LARGEST_FIELD} are read")
        at = end
    return b"".join(pieces)


def _tensor(view: Buffer, start: int, stop: int) -> bytes:
    """A TensorProto; a large payload is left out, one that contradicts its shape is an error."""
    pieces: list[bytes] = []
    payload: list[tuple[int, int]] = []
    dims: list[int] = []
    data_type, size, raw, at = 0, 0, None, start
    while at < stop:
        number, wire, first, end = _field(view, at, stop)
        if number in PAYLOADS:
            payload.append((at, end))
            size += end - first
            raw = end - first if number == RAW_DATA else raw
        elif end - first <= LARGEST_FIELD:
            pieces.append(view[at:end])
        if number == DIMS:
            dims += _numbers(view, wire, first, end)
        elif number == DATA_TYPE and wire == 0:
            data_type = _varint(view, first, end)[0]
        at = end
    if raw is not None:
        need = needed(dims, data_type)
        if need not in (None, raw):
            raise ModelError(f"truncated or damaged: a tensor of shape {tuple(dims)} needs {need} bytes, holds {raw}")
    alone = raw == size and len(payload) == 1
    if _small(size, data_type) or (alone and masks(view, payload[0][1] - size, size, data_type)):
        pieces += (view[first:end] for first, end in payload)
    return b"".join(pieces)


def _small(size: int, data_type: int) -> bool:
    return size <= (LARGEST_INTEGERS if data_type in COUNTS else SMALL)


def needed(dims: Sequence[int], data_type: int) -> int | None:
    """The bytes of a tensor's elements; None for a type of no fixed size."""
    return -(-prod(dims) * BITS[data_type] // 8) if data_type in BITS else None


def kept(view: Buffer, start: int, size: int, data_type: int) -> bool:
    """Whether the raw elements at ``start`` are shape arithmetic or a mask, and so worth having."""
    return _small(size, data_type) or masks(view, start, size, data_type)


def masks(view: Buffer, start: int, size: int, data_type: int) -> bool:
    """Whether raw elements look like a mask: two values in all, zeros alone, or minus infinity early."""
    width = BITS.get(data_type, 0) // 8
    if width not in LOWEST or size > LARGEST_MASK:
        return False
    first = np.frombuffer(view[start : start + SMALL], f"<u{width}")
    if data_type in FLOATS and np.isin(first, LOWEST[width]).any():
        return True
    if len(np.unique(first)) > 2:
        return False
    values = np.unique(np.frombuffer(view[start : start + size], f"<u{width}"))
    return len(values) == 2 or not values.any()


def _numbers(view: Buffer, wire: int, start: int, stop: int) -> list[int]:
    """A repeated number, packed or not."""
    found, at = [], start
    while wire in (0, 2) and at < stop:
        value, at = _varint(view, at, stop)
        found.append(value)
    return found
