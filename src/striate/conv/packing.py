"""Weights packed once for a call's way, and packed again when they change."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.conv.arrays import Array
from striate.conv.engine import Call

_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays of one type and shape hold the same bits; NaN equals itself, -0 differs from 0.

    >>> same_bits(np.array([np.nan]), np.array([np.nan])), same_bits(np.array([0.0]), np.array([-0.0]))
    (True, False)
    """
    word = _WORDS[a.dtype.itemsize]
    return bool(np.array_equal(a.view(word), b.view(word)))


class PackedWeights:
    """The packed forms of one weight, by call, and the copy by which a change is noticed."""

    __slots__ = ("_by_call", "_copy")

    def __init__(self) -> None:
        self._by_call: dict[int, tuple[Call, Any]] = {}
        self._copy: Array | None = None

    def refresh(self, weight: Array) -> None:
        """Forgets every packed form where ``weight`` is not what was packed."""
        copy = self._copy
        same = copy is not None and copy.dtype == weight.dtype and copy.shape == weight.shape
        if not same or copy is None or not same_bits(copy, weight):
            self._by_call = {}
            self._copy = weight.copy(order="K")

    def packed(self, call: Call, weight: Array) -> Any:
        """The weight in the layout of ``call``, None where the call takes it as it is."""
        if call.plan is None:
            return None
        entry = self._by_call.get(id(call))
        if entry is None or entry[0] is not call:
            if len(self._by_call) >= 64:
                self._by_call = {}
            entry = self._by_call[id(call)] = call, call.plan.pack(np.ascontiguousarray(weight, call.compute))
        return entry[1]
