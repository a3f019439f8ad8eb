"""The tensors on the meta device that a module holds before it runs: in attributes, containers, objects, closures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = frozenset(
    (int, float, bool, str, bytes, complex, type, type(None), torch.device, torch.dtype, torch.Size, ModuleType,
     BuiltinFunctionType)
)
MAPPINGS, SEQUENCES = frozenset((dict, OrderedDict)), frozenset((list, tuple, set))
CONTAINERS = MAPPINGS | SEQUENCES


def owned(module: nn.Module) -> Iterator[Tensor]:
    """Every meta tensor that can be reached from the module's attributes."""
    seen: set[int] = set()
    waiting: list[Any] = [module]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, nn.Module):
            inside: Iterable[Any] = item.__dict__.values()
        elif isinstance(item, Tensor):
            if item.is_meta:
                yield item
            inside = item.__dict__.values()
        else:
            inside = _inside(item)
        waiting += [x for x in inside if type(x) not in PLAIN and (type(x) not in CONTAINERS or x)]


def _inside(item: Any) -> Iterable[Any]:
    kind = type(item)
    if kind in SEQUENCES:
        return item  # type: ignore[no-any-return]
    if kind in MAPPINGS or isinstance(item, Mapping):
        return item.values()  # type: ignore[no-any-return]
    if isinstance(item, list | tuple | set | frozenset):
        return item
    if kind is FunctionType:
        cells = [cell.cell_contents for cell in item.__closure__ or () if _filled(cell)]
        return [*cells, *(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()]
    if kind is MethodType:
        return [item.__self__, item.__func__]
    if isinstance(item, partial):
        return [item.func, item.args, item.keywords]
    found = getattr(item, "__dict__", None)
    return found.values() if isinstance(found, dict) else ()


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
