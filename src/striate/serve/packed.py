"""Arrays as text that a browser reads: base64 of bits, bytes or floats, least byte first."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray


class PackedDocument(TypedDict):
    """An array: ``kind`` is ``bits``, ``u8`` or ``f32``; ``data`` its elements in row-major order, in base64."""

    kind: str
    shape: list[int]
    data: str


def packed_bits(values: NDArray[np.bool_]) -> PackedDocument:
    """Eight elements a byte, the first highest.

    >>> packed_bits(np.array([[True, False, True]]))
    {'kind': 'bits', 'shape': [1, 3], 'data': 'oA=='}
    """
    return {"kind": "bits", "shape": list(values.shape), "data": _text(np.packbits(values))}


def packed_bytes(values: NDArray[np.uint8]) -> PackedDocument:
    """A byte an element."""
    return {"kind": "u8", "shape": list(values.shape), "data": _text(values)}


def packed_floats(values: NDArray[Any]) -> PackedDocument:
    """Four bytes an element."""
    return {"kind": "f32", "shape": list(values.shape), "data": _text(values.astype("<f4"))}


def _text(values: NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
