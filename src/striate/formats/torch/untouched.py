"""Leaving a module as it was: flags, attributes, buffers and hooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

CONTAINERS = (dict, list, set)


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """In eval mode while open; afterwards every submodule's attributes are the objects they were."""
    modules = list(module.modules())
    kept = [(child, dict(child.__dict__), _contents(child)) for child in modules]
    fast = torch.backends.mha.get_fastpath_enabled()
    for child in modules:
        child.__dict__["training"] = False
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with scripts_in_eval(modules):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for child, attributes, contents in kept:
            child.__dict__.clear()
            child.__dict__.update(attributes)
            for container, content in contents:
                container.clear()
                container.extend(content) if isinstance(container, list) else container.update(content)


@contextmanager
def scripts_in_eval(modules: Iterable[nn.Module]) -> Iterator[None]:
    """While open, scripted modules are in eval mode, which they keep apart from their attributes."""
    training = [m for m in modules if isinstance(m, torch.jit.ScriptModule) and m._c.hasattr("training")]
    training = [m for m in training if m._c.getattr("training")]
    for script in training:
        script._c.setattr("training", False)
    try:
        yield
    finally:
        for script in training:
            script._c.setattr("training", True)


def _contents(module: nn.Module) -> list[tuple[Any, Any]]:
    """The containers among a module's attributes, which ``forward`` might fill, with a copy of each."""
    return [(item, item.copy()) for item in module.__dict__.values() if isinstance(item, CONTAINERS)]
