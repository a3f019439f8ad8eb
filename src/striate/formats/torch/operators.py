"""What the recorder needs to know of an aten operator, worked out once for each: names, views, writes, handler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch._ops import OpOverload

from striate.formats.torch.call import HANDLERS, VIEWS, Handler, ViewHandler


@dataclass(frozen=True, slots=True)
class Operator:
    """One overload. ``key`` is its name in the tables, ``written`` the arguments it writes and returns.

    ``moves`` says that it changes the shape of its argument in place, ``random`` that equal arguments give
    different results, ``sized_by_elements`` that the shape of its result depends on elements, ``counted`` that torch
    counts its writes.
    """

    key: str
    arguments: tuple[str, ...]
    defaults: dict[str, Any]
    written: tuple[str, ...]
    moves: bool
    random: bool
    sized_by_elements: bool
    counted: bool
    handler: Handler | None
    view: ViewHandler | None

    def bind(self, args: Iterable[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Every argument by name."""
        return {**self.defaults, **dict(zip(self.arguments, args, strict=False)), **kwargs}


@cache
def operator(func: OpOverload) -> Operator:
    """The description of an overload."""
    schema = func._schema
    in_aten = schema.name.startswith("aten::")
    name = schema.name.removeprefix("aten::")
    written = tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    if schema.returns and not any(r.alias_info is not None and r.alias_info.is_write for r in schema.returns):
        written = ()
    key = name.removesuffix("_") if written else name
    handler = HANDLERS.get(key)
    if handler is None and in_aten and _pointwise(key):
        handler = HANDLERS["elementwise"]
    moves = torch.Tag.inplace_view in func.tags
    shares = moves or any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
    return Operator(
        key,
        tuple(a.name for a in schema.arguments),
        {a.name: a.default_value for a in schema.arguments if a.has_default_value()},
        () if moves else written,
        moves,
        torch.Tag.nondeterministic_seeded in func.tags,
        torch.Tag.dynamic_output_shape in func.tags and key not in ("index", "_unsafe_index"),
        torch._C._dispatch_has_kernel_for_dispatch_key(str(func.name()), "ADInplaceOrView"),
        handler,
        VIEWS.get(key) if shares else None,
    )


def _pointwise(key: str) -> bool:
    packet = getattr(torch.ops.aten, key, None)
    return packet is not None and any(torch.Tag.pointwise in getattr(packet, o).tags for o in packet.overloads())
