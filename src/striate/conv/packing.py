"""Weights packed once for every call of a layout, and packed again when they change."""

from __future__ import annotations

from weakref import ref

import numpy as np
from numpy.typing import NDArray

from striate.conv.arrays import Array
from striate.conv.budget import BUDGET, Kept
from striate.conv.calls import Call, in_order, plain
from striate.conv.native import Packed, Plan, same_bytes

_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays of one type and shape hold the same bits; NaN equals itself, -0 differs from 0.

    Arrays in C order are compared on every thread.

    >>> same_bits(np.array([np.nan]), np.array([np.nan])), same_bits(np.array([0.0]), np.array([-0.0]))
    (True, False)
    """
    if in_order(a) and in_order(b):
        return same_bytes(_bytes_of(a), _bytes_of(b))
    word = _WORDS[a.dtype.itemsize]
    return bool(np.array_equal(a.view(word), b.view(word)))


def _bytes_of(array: Array) -> NDArray[np.uint8]:
    return np.asarray(array).reshape(-1).view(np.uint8)


class PackedWeights:
    """The packed forms of one weight that stays as it is, by layout; the budget of the process holds them."""

    __slots__ = ("_forms",)

    def __init__(self) -> None:
        self._forms: dict[str, Kept[Packed]] = {}

    def form(self, call: Call, plan: Plan, weight: Array) -> tuple[Kept[Packed], Packed]:
        """Where the weight in the layout of ``call``, whose plan is ``plan``, is kept, and itself."""
        kept = self._forms.get(call.layout)
        if kept is None:
            kept = self._forms.setdefault(call.layout, Kept())
        packed = kept.value
        if packed is None:
            packed = plan.pack(plain(weight, call.compute))
            BUDGET.keep(kept, packed, packed.bytes)
        kept.used = BUDGET.now
        return kept, packed

    def packed(self, call: Call, weight: Array) -> Packed | None:
        """The weight in the layout of ``call``, None where the call takes it as it is."""
        return None if call.plan is None else self.form(call, call.plan, weight)[1]


class _Snapshot:
    """What an array held at one time, and that packed."""

    __slots__ = ("_copy", "_packed")

    def __init__(self, weight: Array) -> None:
        self._copy: Kept[Array] = Kept()
        copy = weight.copy(order="K")
        BUDGET.keep(self._copy, copy, copy.nbytes)
        self._packed = PackedWeights()

    def packed(self, call: Call, weight: Array) -> Packed | None:
        """The packed form for ``call``, None where ``weight`` holds anything else by now."""
        copy = self._copy.value
        if copy is None or copy.dtype != weight.dtype or copy.shape != weight.shape or not same_bits(copy, weight):
            return None
        self._copy.used = BUDGET.now
        return self._packed.packed(call, copy)


class SeenWeights:
    """Packed forms of the weight arrays that functions are called with again and again.

    An array is remembered as long as it lives, packed from its second call on, and packed anew when it changed.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[Array], _Snapshot | None]] = {}

    def packed(self, call: Call, weight: Array) -> Packed | None:
        """The packed weight, None where it is better packed for this call alone."""
        key = id(weight)
        known, snapshot = self._entries.get(key, (None, None))
        if known is None or known() is not weight:
            self._entries[key] = ref(weight, lambda gone: self._forget(key, gone)), None
            return None
        packed = None if snapshot is None else snapshot.packed(call, weight)
        if packed is None:
            if 2 * weight.nbytes > BUDGET.limit:
                return None
            snapshot = _Snapshot(weight)
            self._entries[key] = known, snapshot
            packed = snapshot.packed(call, weight)
        return packed

    def _forget(self, key: int, gone: ref[Array]) -> None:
        if self._entries.get(key, (None,))[0] is gone:
            self._entries.pop(key, None)
