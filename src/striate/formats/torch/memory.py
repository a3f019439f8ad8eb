"""Which value a tensor holds, by the memory it stands on: two tensors on the same elements hold the same value.

A tensor may be handed on where no operator is seen (as a parameter, as another class, through ``.data``); its memory
is still the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from striate.errors import UnsupportedError
from striate.formats.torch.values import Value, View

META = torch.device("meta")


def place_of(tensor: Tensor) -> tuple[Hashable, ...]:
    """Storage, offset, shape, strides and type; the storage stands first. Tensors without one are their own place."""
    storage = storage_of(tensor)
    if storage is None:
        return (("object", id(tensor)),)
    return storage._cdata, tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


def storage_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """The memory below a tensor; sparse ones have none."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


@dataclass(slots=True)
class Block:
    """One storage, kept alive: the first value met there, and how often an operator seen here wrote to it."""

    storage: torch.UntypedStorage | Tensor
    value: Value
    writes: int = 0


class Memory:
    """Values by place. ``owned`` are tensors on the meta device that existed before the module ran."""

    def __init__(self, owned: Iterable[Tensor]) -> None:
        self._values: dict[Hashable, Value] = {}
        self._blocks: dict[Hashable, Block] = {}
        self._owned = {place_of(tensor)[0]: tensor for tensor in owned}
        self._near: dict[int, Value] = {}
        self._met: list[tuple[Tensor, Block, int]] = []

    def near(self) -> None:
        """A new operator: its tensors are looked up once."""
        self._near.clear()

    def keep(self, tensor: Tensor, value: Value, base: Tensor | None = None) -> None:
        """Enter what a tensor holds; ``base`` is the one it is a view of."""
        self._keep(place_of(tensor), tensor, value, base)

    def _keep(self, place: tuple[Hashable, ...], tensor: Tensor, value: Value, base: Tensor | None) -> None:
        self._values[place] = self._near[id(tensor)] = value
        value.place = value.place or place
        block = self._blocks.get(place[0])
        if block is None:
            storage = storage_of(tensor)
            block = self._blocks[place[0]] = Block(tensor if storage is None else storage, value)
        if tensor.is_meta:
            version = _version(tensor) if base is None else max(_version(tensor), _version(base))
            self._met.append((tensor, block, version - block.writes))

    def value(self, tensor: Tensor) -> Value:
        """The value a tensor holds; one that no operator made is a constant where nothing else can be."""
        found = self._near.get(id(tensor))
        if found is not None:
            return found
        place = place_of(tensor)
        found = self._values.get(place)
        if found is not None:
            self._near[id(tensor)] = found
            return found
        shape, block = tuple(tensor.shape), self._blocks.get(place[0])
        if block is not None:
            value = block.value.root.take(View(unseen=True), shape, tensor.itemsize, 0, "memory")
            value.root.shared = True
        elif tensor.is_meta and place[0] not in self._owned:
            raise UnsupportedError(
                f"it reads a tensor of shape {shape} that no operator seen here has made (it came from another thread, "
                "or from a tensor subclass); constants are parameters, buffers and attributes of the module"
            )
        else:
            value = Value(shape, tensor.itemsize, None, frozenset())
        self._keep(place, tensor, value, None)
        return value

    def known(self, tensor: Tensor) -> Value | None:
        """The value that a tensor was seen to hold."""
        return self._values.get(place_of(tensor))

    def own(self, tensor: Tensor) -> None:
        """A tensor of literal numbers."""
        self._owned.setdefault(place_of(tensor)[0], tensor)

    def knows(self, tensor: Tensor) -> bool:
        """Whether a value was met on the tensor's memory."""
        return place_of(tensor)[0] in self._blocks

    def written(self, tensor: Tensor) -> None:
        """Count a write that was recorded."""
        self._blocks[place_of(tensor)[0]].writes += 1

    def check(self) -> None:
        """Raise UnsupportedError where a tensor was written to and no operator seen here did it."""
        for tensor, block, before in self._met:
            if _version(tensor) - block.writes > before:
                raise UnsupportedError(
                    f"a tensor of shape {tuple(tensor.shape)} is written to by an operator that cannot be seen here "
                    "(one that ran in another thread)"
                )


def _version(tensor: Tensor) -> int:
    """How often autograd saw the tensor written; inference tensors do not count."""
    try:
        return tensor._version
    except RuntimeError:
        return 0
