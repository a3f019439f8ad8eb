"""Ways by which the elements of a tensor leave torch, or its writes are not counted, closed while a module runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

WAYS = ("numpy", "__array__", "tolist", "__dlpack__", "__dlpack_device__", "__reduce_ex__")


@contextmanager
def leaving(outside: Callable[[Tensor, str], Tensor], written: Callable[[Tensor], None]) -> Iterator[None]:
    """While open, in this thread: ``outside`` gives the elements of a tensor without values, or refuses.

    A shallow copy is the same tensor; ``written`` hears what a function of autograd says that it has written to.
    What another thread takes by ``.data`` shares its counter of writes, and inference mode, which counts none, is one
    without gradients.
    """
    thread = get_ident()
    before = {name: Tensor.__dict__.get(name) for name in (*WAYS, "__copy__", "data")}

    def way(name: str) -> Callable[..., Any]:
        original = getattr(Tensor, name)

        def leave(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            if get_ident() == thread and self.is_meta:
                self = outside(self, name)
            return original(self, *args, **kwargs)

        return leave

    def copied(self: Tensor) -> Tensor:
        return self.detach()

    def mark_dirty(self: Any, *tensors: Tensor) -> None:
        for tensor in tensors if get_ident() == thread else ():
            written(tensor)
        marked(self, *tensors)

    def counted(self: Tensor) -> Tensor:
        found: Tensor = data.__get__(self) if get_ident() == thread or not self.is_meta else self.detach()
        return found

    def without_gradients(self: Any) -> None:
        if get_ident() != thread:
            return enter(self)
        self._inference_mode_context = torch.set_grad_enabled(not self.mode)

    data: Any = Tensor.data
    enter = torch.inference_mode.__enter__
    marked = FunctionCtx.mark_dirty
    shared = {"__copy__": copied, "data": property(counted, data.__set__)}
    for name, method in {**{name: way(name) for name in WAYS}, **shared}.items():
        setattr(Tensor, name, method)
    setattr(torch.inference_mode, "__enter__", without_gradients)  # noqa: B010
    setattr(FunctionCtx, "mark_dirty", mark_dirty)  # noqa: B010
    try:
        yield
    finally:
        setattr(FunctionCtx, "mark_dirty", marked)  # noqa: B010
        setattr(torch.inference_mode, "__enter__", enter)  # noqa: B010
        for name, kept in before.items():
            if kept is None:
                delattr(Tensor, name)
            else:
                setattr(Tensor, name, kept)
