"""The element types of ONNX, by the numbers that ``TensorProto.DataType`` gives them, and their sizes."""

from __future__ import annotations

from enum import IntEnum


class Element(IntEnum):
    """One element type; types of less than a byte are packed."""

    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    STRING = 8
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    BFLOAT16 = 16
    FLOAT8E4M3FN = 17
    FLOAT8E4M3FNUZ = 18
    FLOAT8E5M2 = 19
    FLOAT8E5M2FNUZ = 20
    UINT4 = 21
    INT4 = 22
    FLOAT4E2M1 = 23
    FLOAT8E8M0 = 24
    UINT2 = 25
    INT2 = 26


BITS: dict[int, int] = {
    **dict.fromkeys((Element.UINT2, Element.INT2), 2),
    **dict.fromkeys((Element.UINT4, Element.INT4, Element.FLOAT4E2M1), 4),
    **dict.fromkeys((Element.UINT8, Element.INT8, Element.BOOL), 8),
    **dict.fromkeys((Element.FLOAT8E4M3FN, Element.FLOAT8E4M3FNUZ, Element.FLOAT8E5M2, Element.FLOAT8E5M2FNUZ), 8),
    Element.FLOAT8E8M0: 8,
    **dict.fromkeys((Element.UINT16, Element.INT16, Element.FLOAT16, Element.BFLOAT16), 16),
    **dict.fromkeys((Element.FLOAT, Element.INT32, Element.UINT32), 32),
    **dict.fromkeys((Element.DOUBLE, Element.INT64, Element.UINT64, Element.COMPLEX64), 64),
    Element.COMPLEX128: 128,
}

COUNTS = (Element.INT32, Element.INT64, Element.BOOL, Element.UINT32, Element.UINT64)
"""Types of shapes, indices and truths."""

NOT_LEARNED = (*COUNTS, Element.STRING)
"""Types that hold no weights."""
