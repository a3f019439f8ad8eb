"""Tables as values: booleans and indices that an operator holds, hashable, picklable and never written to."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import InputError

SHOWN = 16


@dataclass(frozen=True, slots=True)
class Mask:
    """Booleans of a shape, eight to a byte.

    >>> Mask.of([[True, False]]).array
    array([[ True, False]])
    """

    shape: tuple[int, ...]
    """Sizes of the axes."""
    bits: bytes
    """The booleans in row-major order, the first in the highest bit."""

    def __repr__(self) -> str:
        return _shown(self)

    @classmethod
    def of(cls, keep: ArrayLike) -> Mask:
        """The mask with the elements of an array of booleans."""
        array = np.asarray(keep)
        if array.dtype != np.bool_:
            raise InputError(f"a mask needs booleans, got an array of type {array.dtype}")
        return cls(array.shape, np.packbits(array).tobytes())

    @property
    def array(self) -> NDArray[np.bool_]:
        """The booleans as an array of its own."""
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=prod(self.shape))
        return bits.view(np.bool_).reshape(self.shape)

    def json(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        return {"shape": list(self.shape), "bits": self.bits.hex()}

    @classmethod
    def parse(cls, found: dict[str, Any]) -> Mask:
        """What ``json`` wrote."""
        shape, bits = tuple(map(int, found["shape"])), bytes.fromhex(found["bits"])
        if min(shape, default=0) < 0 or len(bits) != -(-prod(shape) // 8):
            raise InputError(f"a mask of shape {shape} has {prod(shape)} bits, got {len(bits)} bytes")
        return cls(shape, bits)


@dataclass(frozen=True, slots=True)
class Places:
    """Integers of a shape that count the elements of an axis; negative ones count from its end.

    >>> Places.of([0, -1]).array
    array([ 0, -1])
    """

    shape: tuple[int, ...]
    """Sizes of the axes."""
    data: bytes
    """The integers in row-major order, 64 bits each, the lowest byte first."""

    def __repr__(self) -> str:
        return _shown(self)

    @classmethod
    def of(cls, indices: ArrayLike) -> Places:
        """The table with the elements of an array of integers."""
        array = np.asarray(indices)
        if array.dtype.kind not in "iu" and array.size:
            raise InputError(f"indices must be integers, got an array of type {array.dtype}")
        return cls(array.shape, array.astype("<i8").tobytes())

    @property
    def array(self) -> NDArray[np.int64]:
        """The integers as an array that cannot be written to."""
        return np.frombuffer(self.data, "<i8").astype(np.int64, copy=False).reshape(self.shape)

    @property
    def row(self) -> tuple[int, ...]:
        """The integers one after the other."""
        return tuple(self.array.ravel().tolist())

    def json(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        return {"shape": list(self.shape), "indices": list(self.row)}

    @classmethod
    def parse(cls, found: dict[str, Any]) -> Places:
        """What ``json`` wrote."""
        shape, row = tuple(map(int, found["shape"])), found["indices"]
        if min(shape, default=0) < 0 or len(row) != prod(shape):
            raise InputError(f"a table of shape {shape} has {prod(shape)} indices, got {len(row)}")
        return cls.of(np.array(row, np.int64).reshape(shape))


Table = Mask | Places


def _shown(table: Table) -> str:
    """A small table as what makes it, a large one by its shape."""
    if prod(table.shape) > SHOWN:
        return f"<{type(table).__name__} of shape {table.shape}>"
    return f"{type(table).__name__}.of({table.array.tolist()})"
