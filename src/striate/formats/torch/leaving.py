"""Ways by which the elements of a tensor leave torch, closed while a module runs: NumPy, DLPack, lists, pickling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from torch import Tensor
from torch.autograd.function import FunctionCtx

WAYS = ("numpy", "__array__", "tolist", "__dlpack__", "__dlpack_device__", "__reduce_ex__")


@contextmanager
def leaving(outside: Callable[[Tensor, str], Tensor], written: Callable[[Tensor], None]) -> Iterator[None]:
    """While open, in this thread: ``outside`` gives the elements of a tensor without values, or refuses.

    A shallow copy is the same tensor; ``written`` hears what a function of autograd says that it has written to.
    """
    thread = get_ident()
    before = {name: Tensor.__dict__.get(name) for name in (*WAYS, "__copy__")}

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

    marked = FunctionCtx.mark_dirty
    for name, method in {**{name: way(name) for name in WAYS}, "__copy__": copied}.items():
        setattr(Tensor, name, method)
    setattr(FunctionCtx, "mark_dirty", mark_dirty)  # noqa: B010
    try:
        yield
    finally:
        setattr(FunctionCtx, "mark_dirty", marked)  # noqa: B010
        for name, kept in before.items():
            if kept is None:
                delattr(Tensor, name)
            else:
                setattr(Tensor, name, kept)
