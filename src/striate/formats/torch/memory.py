"""Which value a tensor holds, by the memory it stands on: two tensors on the same elements hold the same value.

A tensor may be handed on where no operator is seen (as a parameter, as another class, through ``.data``); its memory
is still the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

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
class Counter:
    """What torch counts writes by: a tensor that has it, and the count where all of them were seen here."""

    tensor: Tensor
    version: int


@dataclass(slots=True)
class Block:
    """One storage, kept alive: the first value met there, and the counters of the tensors on it.

    Most tensors on one memory share a counter; those made by ``.data`` have their own.
    """

    storage: torch.UntypedStorage | Tensor
    value: Value
    counters: list[Counter] = field(default_factory=list)

    def meet(self, tensor: Tensor, version: int) -> None:
        """Enter the counter of a tensor that is met, at ``version`` where it is a new one."""
        if not self._counters_of(tensor):
            self.counters.append(Counter(tensor, version))

    def written(self, tensor: Tensor) -> None:
        """Torch is about to count a write that was recorded."""
        for counter in self._counters_of(tensor):
            counter.version += 1

    def _counters_of(self, tensor: Tensor) -> list[Counter]:
        """The counter of a tensor, none where it is not known: torch does not tell, but it moves with the tensor's."""
        if not self.counters or tensor.is_inference():
            return []
        before = [_version(counter.tensor) for counter in self.counters]
        with _unsafe_preserve_version_counter(tensor):
            torch.autograd.graph.increment_version(tensor)
            pairs = zip(self.counters, before, strict=True)
            return [counter for counter, version in pairs if _version(counter.tensor) > version]

    def check(self) -> None:
        """Raise UnsupportedError where a tensor was written to and no operator seen here did it."""
        for counter in self.counters:
            if _version(counter.tensor) != counter.version:
                raise UnsupportedError(
                    f"a tensor of shape {tuple(counter.tensor.shape)} is written to by an operator that cannot be seen "
                    "here (one that ran in another thread)"
                )


class Memory:
    """Values by place. ``owned`` are tensors on the meta device that existed before the module ran."""

    def __init__(self, owned: Iterable[Tensor]) -> None:
        self._values: dict[Hashable, Value] = {}
        self._blocks: dict[Hashable, Block] = {}
        self._owned = {place_of(tensor)[0]: tensor for tensor in owned}
        self._near: dict[int, Value] = {}
        self._met: dict[int, tuple[Tensor, Block]] = {}
        self._views: list[Tensor] = []

    def near(self) -> None:
        """A new operator: its tensors are looked up once, and the views that the last one made have their counters."""
        self._near.clear()
        for tensor in self._views:
            self._meet(tensor, place_of(tensor)[0], 0)
        self._views.clear()

    def keep(self, tensor: Tensor, value: Value, base: Tensor | None = None) -> None:
        """Enter what a tensor holds; ``base`` is the one it is a view of."""
        place = place_of(tensor)
        self._keep(place, tensor, value)
        if base is not None and base.is_meta:
            self._views.append(tensor)
        else:
            self._meet(tensor, place[0], _version(tensor) if base is None else max(_version(tensor), _version(base)))

    def _keep(self, place: tuple[Hashable, ...], tensor: Tensor, value: Value) -> None:
        self._values[place] = self._near[id(tensor)] = value
        value.place = value.place or place
        if place[0] not in self._blocks:
            storage = storage_of(tensor)
            self._blocks[place[0]] = Block(tensor if storage is None else storage, value)

    def _meet(self, tensor: Tensor, storage: Hashable, version: int) -> None:
        if tensor.is_meta and id(tensor) not in self._met:
            block = self._blocks[storage]
            self._met[id(tensor)] = tensor, block
            block.meet(tensor, version)

    def value(self, tensor: Tensor) -> Value:
        """The value a tensor holds; one that no operator made is a constant where nothing else can be."""
        found = self._near.get(id(tensor))
        if found is not None:
            return found
        place = place_of(tensor)
        found = self._values.get(place)
        version = _version(tensor) if place[0] in self._owned else 0
        if found is not None:
            self._near[id(tensor)] = found
            self._meet(tensor, place[0], version)
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
        self._keep(place, tensor, value)
        self._meet(tensor, place[0], version)
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
        """A write that was recorded, which torch is about to count."""
        if id(tensor) in self._met:
            self._met[id(tensor)][1].written(tensor)

    def check(self) -> None:
        """Raise UnsupportedError where a tensor was written to and no operator seen here did it."""
        self.near()
        for block in self._blocks.values():
            block.check()


def _version(tensor: Tensor) -> int:
    """How often autograd saw the tensor written; inference tensors do not count."""
    try:
        return tensor._version
    except RuntimeError:
        return 0
