"""Numbers written in a module keep their values: ``x[:, [2, 1, 0]]``, ``torch.tensor(..., device=x.device)``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor


def _opened(index: Any) -> Any:
    """An index with its lists as tensors."""
    if isinstance(index, tuple):
        return tuple(_opened(item) for item in index)
    return torch.tensor(index) if isinstance(index, list) and index else index


@contextmanager
def literals() -> Iterator[None]:
    """While open, this thread makes tensors of literal numbers on the CPU, where their values can be read."""
    thread, base = get_ident(), torch._C.TensorBase
    tensor, as_tensor, new_tensor = torch.tensor, torch.as_tensor, base.new_tensor

    def place(data: Any) -> Any:
        return None if isinstance(data, Tensor) else "cpu"

    def on_cpu(data: Any, *, dtype: Any = None, device: Any = None, **rest: Any) -> Tensor:
        return tensor(data, dtype=dtype, device=place(data) if get_ident() == thread else device, **rest)

    def as_on_cpu(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
        literal = get_ident() == thread and not isinstance(data, Tensor)
        return as_tensor(data, dtype=dtype, device=place(data) if literal else device)

    def new_on_cpu(self: Tensor, data: Any, *, dtype: Any = None, **rest: Any) -> Tensor:
        if get_ident() != thread:
            return new_tensor(self, data, dtype=dtype, **rest)
        return tensor(data, dtype=dtype or self.dtype, device=place(data))

    def get(self: Tensor, index: Any) -> Tensor:
        return base.__getitem__(self, _opened(index))

    def put(self: Tensor, index: Any, value: Any) -> None:
        base.__setitem__(self, _opened(index), value)

    setattr(torch, "tensor", on_cpu)  # noqa: B010
    setattr(torch, "as_tensor", as_on_cpu)  # noqa: B010
    methods = {"new_tensor": new_on_cpu, "__getitem__": get, "__setitem__": put}
    before = {name: Tensor.__dict__[name] for name in methods if name in Tensor.__dict__}
    for name, method in methods.items():
        setattr(Tensor, name, method)
    try:
        yield
    finally:
        setattr(torch, "tensor", tensor)  # noqa: B010
        setattr(torch, "as_tensor", as_tensor)  # noqa: B010
        for name in methods:
            if name in before:
                setattr(Tensor, name, before[name])
            else:
                delattr(Tensor, name)
