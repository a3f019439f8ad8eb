"""What a module computes with, as one hash: the same in every process, another where any weight or setting differs."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from striate.errors import ModelError

PLAIN = (bool, int, float, complex, str, bytes, types.NoneType, range, slice, types.EllipsisType)
TORCH_WORDS = (torch.dtype, torch.device, torch.layout, torch.memory_format)
OWN = frozenset(vars(nn.Module()))


def content_hash(module: nn.Module) -> str:
    """SHA-256 of a module's classes and structure, of its parameters and buffers, and of the settings it holds.

    A tensor counts by type, shape and bytes, on the meta device by type and shape; a setting is any other attribute,
    functions and classes by their names. Code is named, not read, and whether the module is training does not count.
    """
    return _Content().of(module).hex()


@dataclass
class _Content:
    """Digests of values, each worked out once; an object inside itself counts by its class alone."""

    known: dict[int, bytes] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)

    def of(self, value: Any) -> bytes:
        """The digest of a value: of its kind, and of what it holds."""
        if isinstance(value, PLAIN):
            return _digest(type(value).__name__, repr(value))
        if isinstance(value, TORCH_WORDS):
            return _digest("torch", str(value))
        if isinstance(value, Enum):
            return _digest("enum", _named(type(value)), value.name)
        if id(value) not in self.known:
            self.held.append(value)
            self.known[id(value)] = _digest("inside itself", _named(type(value)))
            self.known[id(value)] = self._compound(value)
        return self.known[id(value)]

    def _compound(self, value: Any) -> bytes:
        if isinstance(value, Tensor):
            return _tensor(value)
        if isinstance(value, np.ndarray):
            return _digest("array", str(value.dtype), str(value.shape), np.ascontiguousarray(value).tobytes())
        if isinstance(value, nn.Module):
            return self._module(value)
        return self._object(value)

    def _module(self, module: nn.Module) -> bytes:
        parts = {**module._modules, **module._parameters, **module._buffers}
        settings = {name: value for name, value in vars(module).items() if name not in OWN}
        return _digest("module", _named(type(module)), self._items(parts), self._items(settings))

    def _object(self, value: Any) -> bytes:
        if isinstance(value, Mapping):
            return _digest("mapping", *(self.of(key) + self.of(item) for key, item in value.items()))
        if isinstance(value, set | frozenset):
            return _digest("set", *sorted(map(self.of, value)))
        if isinstance(value, tuple | list):
            return _digest(type(value).__name__, *map(self.of, value))
        if isinstance(value, functools.partial):
            return _digest("partial", self.of(value.func), self.of(value.args), self.of(value.keywords))
        if isinstance(value, types.MethodType):
            return _digest("method", _named(value.__func__), self.of(value.__self__))
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
            return _digest("function", _named(value), *map(self.of, cells))
        if callable(value) and hasattr(value, "__qualname__"):
            return _digest("name", _named(value))
        return _digest("object", _named(type(value)), self._items(getattr(value, "__dict__", {})))

    def _items(self, named: Mapping[str, Any]) -> bytes:
        return _digest("named", *(part for name in sorted(named) for part in (name, self.of(named[name]))))


def _tensor(tensor: Tensor) -> bytes:
    """A tensor's type and shape, and its bytes where it has any."""
    if is_lazy(tensor):
        return _digest("lazy", str(tensor.dtype))
    head = ("tensor", str(tensor.dtype), str(tuple(tensor.shape)))
    if tensor.is_meta:
        return _digest(*head)
    try:
        plain = tensor.detach().cpu()
        plain = plain.to_dense() if plain.layout is not torch.strided else plain
        plain = plain.int_repr() if plain.is_quantized else plain
        flat = plain.resolve_conj().resolve_neg().contiguous().reshape(-1)
        return _digest(*head, flat.view(torch.uint8).numpy().tobytes())
    except (RuntimeError, NotImplementedError, TypeError) as error:
        line = " ".join(str(error).split())
        raise ModelError(f"a tensor of shape {tuple(tensor.shape)} holds no values to tell it by: {line}") from error


def _named(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def _digest(*parts: str | bytes) -> bytes:
    """The hash of some parts, each told apart from the next by its length."""
    digest = sha256()
    for part in _bytes(parts):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _bytes(parts: Iterable[str | bytes]) -> Iterable[bytes]:
    return (part.encode(errors="surrogatepass") if isinstance(part, str) else part for part in parts)
