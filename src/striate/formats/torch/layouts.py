"""Layouts of results that torch works out slowly, on contiguous tensors, stated."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from striate.network.relation import Shape

Layout = tuple[Shape, tuple[int, ...], torch.dtype]

aten = torch.ops.aten
LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
BATCH_NORMS = {aten.native_batch_norm.default: 5, aten._native_batch_norm_legit_no_training.default: None}
"""Batch norms, and the place of the argument that tells training from evaluation."""


def stated(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Layout] | Layout | None:
    """The layout of an operator's result on meta tensors; None where it takes torch's own rule to know."""
    if func in BATCH_NORMS and not kwargs:
        return _batch_norm(args, BATCH_NORMS[func])
    if func is aten.cat.default and args and set(kwargs) <= {"dim"}:
        return _cat(args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0))
    return None


def _batch_norm(args: tuple[Any, ...], training: int | None) -> list[Layout] | None:
    """In evaluation the result is laid out as the input, beside a mean and a deviation of each channel."""
    x, others = args[0], [item for item in args[1:5] if isinstance(item, Tensor)]
    if (training is not None and args[training]) or x.dim() < 2 or not _plain(x) or x.dtype != torch.float32:
        return None
    if len(others) < 2 or any(item.dtype != x.dtype or item.shape != x.shape[1:2] for item in others):
        return None
    channels = ((x.shape[1],), (1,), x.dtype)
    return [_contiguous(tuple(x.shape), x.dtype), channels, channels]


def _cat(parts: list[Tensor], dim: int) -> Layout | None:
    """Parts of one type and rank, one after the other."""
    if not parts or not all(_plain(part) for part in parts) or len({part.dtype for part in parts}) > 1:
        return None
    rank = parts[0].dim()
    if not -rank <= dim < rank:
        return None
    shapes = [tuple(part.shape) for part in parts]
    dim %= rank
    if len({(*shape[:dim], *shape[dim + 1 :]) for shape in shapes}) > 1 or len({len(shape) for shape in shapes}) > 1:
        return None
    shape = (*shapes[0][:dim], sum(part[dim] for part in shapes), *shapes[0][dim + 1 :])
    return _contiguous(shape, parts[0].dtype)


def _plain(tensor: Tensor) -> bool:
    """Whether a tensor is contiguous and cannot pass for one that has its channels last."""
    last = LAST.get(tensor.dim())
    return tensor.is_contiguous() and (last is None or not tensor.is_contiguous(memory_format=last))


def _contiguous(shape: Shape, dtype: torch.dtype) -> Layout:
    strides = tuple(accumulate(reversed(shape[1:]), int.__mul__, initial=1))
    return shape, strides[::-1], dtype
