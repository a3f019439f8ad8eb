"""Weights packed once for a call's way, and packed again when they change."""

from __future__ import annotations

from typing import Any
from weakref import ref

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

    @property
    def bytes(self) -> int:
        """Memory of the packed forms and the copy."""
        forms = sum(int(packed.bytes) for _, packed in tuple(self._by_call.values()))
        return forms + (0 if self._copy is None else self._copy.nbytes)

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


class SeenWeights:
    """Packed forms of the weight arrays that functions are called with again and again.

    An array is remembered as long as it lives, packed from its second call on, and packed anew when it changed. The
    packed forms together keep to ``limit_bytes``; the least recently used go first.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._entries: dict[int, tuple[ref[Array], PackedWeights | None]] = {}

    def packed(self, call: Call, weight: Array) -> Any:
        """The packed weight, None where it is better packed for this call alone."""
        key = id(weight)
        known, kept = self._entries.pop(key, (None, None))
        if known is None or known() is not weight:
            self._entries[key] = ref(weight, lambda gone: self._forget(key, gone)), None
            return None
        kept = kept or PackedWeights()
        self._entries[key] = known, kept
        before = kept.bytes
        kept.refresh(weight)
        packed = kept.packed(call, weight)
        if kept.bytes != before:
            self._keep_limit()
        return packed

    @property
    def bytes(self) -> int:
        """Memory of every packed form and copy."""
        return sum(kept.bytes for _, kept in tuple(self._entries.values()) if kept is not None)

    def _forget(self, key: int, gone: ref[Array]) -> None:
        if self._entries.get(key, (None,))[0] is gone:
            self._entries.pop(key, None)

    def _keep_limit(self) -> None:
        kept = [(key, packed.bytes) for key, (_, packed) in tuple(self._entries.items()) if packed is not None]
        total = sum(size for _, size in kept)
        for key, size in kept:
            if total > self._limit:
                self._entries.pop(key, None)
                total -= size
