"""How a module is called with tensors and values by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

POSITIONAL, KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


def call(module: nn.Module, given: Mapping[str, Any]) -> Any:
    """The module's result.

    ``xs.0`` and ``xs.1`` are the entries of a list ``xs``, ``batch.image`` that of a dictionary ``batch``. What stands
    first in forward, in its order, goes by place, the rest by name; all by place where a name is none of forward's.
    """
    kinds = parameters(module)
    whole = _gathered(given, kinds)
    if not all(kinds.get(name) in (POSITIONAL, KEYWORD) for name in whole):
        return module(*whole.values())
    placed: list[Any] = []
    for name, kind in kinds.items():
        if name not in whole or kind is not POSITIONAL:
            break
        placed.append(whole.pop(name))
    return module(*placed, **whole)


def parameters(module: nn.Module) -> dict[str, Any]:
    """The kinds of forward's arguments by name; none where it has no signature (a scripted module)."""
    try:
        return {name: p.kind for name, p in inspect.signature(module.forward).parameters.items()}
    except ValueError:
        return {}


def required(module: nn.Module) -> list[str]:
    """The arguments of forward that have no default."""
    try:
        found = inspect.signature(module.forward).parameters
    except ValueError:
        return []
    return [name for name, p in found.items() if p.default is p.empty and p.kind in (POSITIONAL, KEYWORD)]


def _gathered(given: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of lists and dictionaries put together, where forward has the list or dictionary as an argument."""
    found: dict[str, Any] = {}
    for name, item in given.items():
        base, dot, entry = name.partition(".")
        if not dot or name in kinds or base not in kinds or base in given:
            found[name] = item
        else:
            found.setdefault(base, {})[entry] = item
            found[base] = dict(found[base])
    return {name: _listed(item) if name not in given else item for name, item in found.items()}


def _listed(entries: Mapping[str, Any]) -> Any:
    """A list where the keys count from 0, else a dictionary."""
    order = [str(k) for k in range(len(entries))]
    return [entries[k] for k in order] if set(order) == set(entries) else dict(entries)
