"""Tables of a flatbuffer whose every place is checked before it is read: a file may say anything of itself."""

from __future__ import annotations

from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError

OFFSET, BACK, SLOT = Struct("<I"), Struct("<i"), Struct("<H")
SPARE = 1 << 16
"""Elements of vectors that are taken of any file, however short."""

EMPTY = b"\x04\0\x04\0\x04\0\0\0"
"""A table without fields, at byte 4: every field has its default."""


class Content:
    """The bytes of a flatbuffer; all vectors taken together may not be longer than it, as shared ones could be."""

    def __init__(self, view: memoryview) -> None:
        self.view, self._left = view, SPARE + len(view)

    def number(self, kind: Struct, at: int) -> Any:
        """The number at a byte."""
        if not 0 <= at <= len(self.view) - kind.size:
            raise ModelError(f"truncated or damaged: byte {at} is read, the file has {len(self.view)}")
        return kind.unpack_from(self.view, at)[0]

    def follow(self, at: int) -> int:
        """The byte that the offset at a byte leads to."""
        found = at + int(self.number(OFFSET, at))
        if found >= len(self.view):
            raise ModelError(f"truncated or damaged: byte {at} leads to {found}, the file has {len(self.view)}")
        return found

    def take(self, at: int, count: int, size: int = 1) -> memoryview:
        """``count`` elements of ``size`` bytes each from a byte on."""
        if not 0 <= at <= at + count * size <= len(self.view):
            raise ModelError(
                f"truncated or damaged: {count * size} bytes are read from byte {at}, the file has {len(self.view)}"
            )
        return self.view[at : at + count * size]

    def spend(self, count: int) -> None:
        """Count the elements of a vector that is about to be read."""
        self._left -= count
        if self._left < 0:
            raise ModelError("damaged: its vectors hold more elements than the file has bytes")


class CheckedTable:
    """A table at a byte of a content, with the methods that the schema's generated classes call.

    Their names are those of ``flatbuffers.table.Table``, in whose place it stands.
    """

    def __init__(self, content: Content, at: int) -> None:
        self.content, self.Pos = content, at
        self._slots = at - content.number(BACK, at)
        self._end = content.number(SLOT, self._slots)
        self._size = content.number(SLOT, self._slots + SLOT.size)
        content.take(self._slots, self._end)
        content.take(at, self._size)

    @classmethod
    def root(cls, content: Content) -> CheckedTable:
        """The table that a content begins with."""
        return cls(content, content.follow(0))

    @property
    def Bytes(self) -> memoryview:  # noqa: N802
        """The whole content."""
        return self.content.view

    def Offset(self, slot: int) -> int:  # noqa: N802
        """Where a field stands in the table; 0 where it has its default."""
        found = 0 if slot + SLOT.size > self._end else int(self.content.number(SLOT, self._slots + slot))
        if found and found >= self._size:
            raise ModelError(f"damaged: a field at byte {found} of a table of {self._size}")
        return found

    def Get(self, flags: Any, at: int) -> Any:  # noqa: N802
        """A number of a type at a byte of the content."""
        return flags.py_type(self.content.number(flags.packer_type, at))

    def Indirect(self, at: int) -> int:  # noqa: N802
        """The byte that the offset at a byte leads to."""
        return self.content.follow(at)

    def String(self, at: int) -> bytes:  # noqa: N802
        """The text that the offset at a byte leads to."""
        start = self.Indirect(at)
        length = int(self.content.number(OFFSET, start))
        self.content.spend(length)
        return bytes(self.content.take(start + OFFSET.size, length))

    def VectorLen(self, field: int) -> int:  # noqa: N802
        """How many elements the vector of a field has."""
        start = self.Indirect(self.Pos + field)
        length = int(self.content.number(OFFSET, start))
        self.content.take(start + OFFSET.size, length)
        return length

    def Vector(self, field: int) -> int:  # noqa: N802
        """The byte of the first element of the vector of a field."""
        return self.Indirect(self.Pos + field) + OFFSET.size

    def Union(self, table: Any, field: int) -> None:  # noqa: N802
        """Let a table stand where the union of a field does."""
        table.Pos = self.Indirect(self.Pos + field)
        table.Bytes = self.Bytes

    def GetVectorAsNumpy(self, flags: Any, field: int) -> NDArray[Any]:  # noqa: N802
        """The elements of the vector of a field, as a view."""
        kind, count = np.dtype(flags.packer_type.format), self.VectorLen(field)
        return np.frombuffer(self.content.take(self.Vector(field), count, kind.itemsize), kind)
