"""Which module runs: paths, calls, and the tensor each module's path stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a submodule: every path it has, whether it has no children, the call it ran in."""

    paths: tuple[str, ...]
    leaf: bool
    caller: int

    @property
    def path(self) -> str:
        """The first of the module's paths."""
        return self.paths[0]


class Scopes:
    """Follows calls of a module's submodules.

    ``calls`` holds them in order, call 0 the module itself; ``order`` holds every path.
    """

    def __init__(self, module: nn.Module) -> None:
        self.paths: dict[int, list[str]] = defaultdict(list)
        self.order: list[str] = []
        for path, child in module.named_modules(remove_duplicate=False):
            self.paths[id(child)].append(path)
            self.order.append(path)
        self.calls = [ModuleCall(("",), not any(module.children()), 0)]
        self.outputs: dict[str, int] = {}
        self._stack = [0]

    @property
    def path(self) -> str:
        """The path of the module that runs now."""
        return self.calls[self._stack[-1]].path

    def around(self) -> list[frozenset[str]]:
        """For each call the paths of the modules it runs inside, its own among them.

        A module that is never called itself (a list of modules) stands for the calls of modules beneath it.
        """
        called = {path for call in self.calls for path in call.paths}
        found: list[frozenset[str]] = [frozenset()]
        taken = [""]
        for call in self.calls[1:]:
            above = f"{taken[call.caller]}." if taken[call.caller] else ""
            taken.append(next((path for path in call.paths if path.startswith(above)), call.path))
            found.append(found[call.caller].union(filter(None, call.paths), _containers(taken[-1]) - called))
        return found

    @contextmanager
    def followed(self, enter: Callable[[int], None], read: Callable[[Tensor], int | None]) -> Iterator[None]:
        """While open, ``enter`` hears the number of every call that starts or goes on; ``read`` numbers outputs."""
        original, thread = nn.Module.__call__, get_ident()

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            paths = self.paths.get(id(module))
            if not paths or get_ident() != thread:
                return original(module, *args, **kwargs)
            self.calls.append(ModuleCall(tuple(paths), not any(module.children()), self._stack[-1]))
            self._stack.append(len(self.calls) - 1)
            enter(self._stack[-1])
            result = original(module, *args, **kwargs)
            first = next(tensors_of(result), None)
            number = None if first is None else read(first[1])
            if number is not None:
                self.outputs.update(dict.fromkeys(paths, number))
            self._stack.pop()
            enter(self._stack[-1])
            return result

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]


def _containers(path: str) -> frozenset[str]:
    """The paths above a path."""
    parts = path.split(".")
    return frozenset(".".join(parts[:k]) for k in range(1, len(parts)))


def tensors_of(result: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in what a module returns, with its name: dictionary keys, indices, attributes."""
    if isinstance(result, Tensor):
        yield name, result
        return
    items: list[tuple[Any, Any]] = []
    if isinstance(result, Mapping):
        items = list(result.items())
    elif isinstance(result, list | tuple):
        items = list(zip(getattr(result, "_fields", range(len(result))), result, strict=True))
    elif hasattr(result, "__dataclass_fields__"):
        items = [(key, getattr(result, key)) for key in result.__dataclass_fields__]
    for key, item in items:
        yield from tensors_of(item, f"{name}.{key}" if name else str(key))
