"""Constants that hide elements from a torch module's twin: as for files, conditions, zeros and minus infinities.

A constant is what no operator made of a parameter or of the source. What a softmax makes exactly zero in the module's
own run is hidden by a mask that was added or chosen there, and hides what it is multiplied with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

SOFT = frozenset(("_softmax", "_log_softmax", "_safe_softmax"))
HANDED_ON = frozenset(
    (
        *("_reshape_alias", "_to_copy", "_unsafe_view", "alias", "clone", "contiguous", "detach", "expand"),
        *("native_dropout", "permute", "reshape", "select", "slice", "squeeze", "t", "transpose", "unsqueeze", "view"),
    )
)


def hidden(name: str, real: Mapping[str, Any], learned: Any) -> dict[str, Tensor]:
    """For the operands of an elementwise operator by name, which of their elements are not read."""
    if name == "where":
        chosen = real["condition"]
        return {"self": ~chosen, "other": chosen}
    if name == "masked_fill":
        return {"self": real["mask"]}
    if name not in ("mul", "bitwise_and", "logical_and", "div"):
        return {}
    found = {}
    for operand, beside in (("self", "other"), ("other", "self")):
        value = real.get(beside)
        if name == "div" and beside == "other":
            continue
        zeros = (
            value == 0
            if isinstance(value, Tensor) and value not in learned and not isinstance(value, Parameter)
            else None
        )
        if isinstance(value, bool | int | float):
            zeros = torch.tensor(value == 0)
        if zeros is not None and bool(zeros.any()):
            found[operand] = zeros
    return found


def masked_mix(x: Tensor, out: Tensor, axis: int, total: Any) -> Tensor | None:
    """The twin of a softmax whose real output holds zeros; None where it holds none."""
    shown = (out != 0) & (out != -torch.inf)
    if bool(shown.all()):
        return None
    kept = shown.to(x.dtype)
    mixed: Tensor = (x + total((x * kept).sum(axis, keepdim=True))) * kept
    return mixed


def attended(real: Mapping[str, Any]) -> Tensor | None:
    """Which keys each query reads in a fused attention; None where all of them."""
    query, key, mask = real["query"], real["key"], real.get("attn_mask")
    keep = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool)
    if real.get("is_causal"):
        keep = keep.tril()
    if isinstance(mask, Tensor):
        keep = keep & (mask if mask.dtype == torch.bool else mask > -1e4)
    keep = keep | ~keep.any(-1, keepdim=True)
    return None if bool(keep.all()) else keep.to(torch.float64)
