"""Judges of convolution calls: torch in float64, with the arguments read anew."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from support.odd import RefusalError

TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-11}


def pair(value: Any, least: int, rank: int = 2) -> tuple[int, ...]:
    """An integer, or ``rank`` of them."""
    try:
        numbers = [index(value)] * rank
    except TypeError:
        try:
            numbers = [index(item) for item in value]
        except TypeError as error:
            raise RefusalError(f"{value!r} is no {rank} integers") from error
        if isinstance(value, set | dict):
            raise RefusalError("no order") from None
        numbers = numbers * rank if len(numbers) == 1 else numbers
    if len(numbers) != rank or min(numbers) < least:
        raise RefusalError(f"{value!r} is no {rank} integers of at least {least}")
    return tuple(numbers)


def plain(value: Any) -> torch.Tensor:
    """A float array as a float64 tensor."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise RefusalError("a mask that is set")
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise RefusalError("no array of floats")
    return torch.from_numpy(np.array(value, np.float64))


def kind(value: Any) -> Any:
    """An array's type, in whatever order its bytes stand."""
    return value.dtype.newbyteorder("=")


def padded(x: torch.Tensor, padding: Any, kernel: tuple[int, ...], steps: Mapping[str, Any], mode: str) -> torch.Tensor:
    """The input with its padding written out."""
    rank = len(kernel)
    stride, dilation = steps["stride"], steps["dilation"]
    sides: list[tuple[int, int]] = []
    if isinstance(padding, str):
        for n, k, s, d in zip(x.shape[-rank:], kernel, stride, dilation, strict=True):
            extent = d * (k - 1) + 1
            if padding == "valid":
                total = 0
            elif padding == "same" and s == 1:
                total = extent - 1
            elif padding in ("same_upper", "same_lower"):
                total = max((-(-n // s) - 1) * s + extent - n, 0)
            else:
                raise RefusalError("no such padding")
            before = total - total // 2 if padding == "same_lower" else total // 2
            sides.append((before, total - before))
    elif isinstance(padding, list | tuple) and any(isinstance(side, list | tuple) for side in padding):
        if len(padding) != rank:
            raise RefusalError("one pair an axis")
        sides = [tuple(pair(side, 0)) for side in padding if len(side) == 2]  # type: ignore[misc]
        if len(sides) != rank:
            raise RefusalError("two sides an axis")
    else:
        sides = [(n, n) for n in pair(padding, 0, rank)]
    if max(max(side) for side in sides) > 10**4:
        raise RefusalError("too large")
    flat = [n for side in reversed(sides) for n in side]
    if mode not in ("zeros", "reflect", "replicate", "circular"):
        raise RefusalError("no such mode")
    if not any(flat):
        return x
    try:
        return F.pad(x, flat, "constant" if mode == "zeros" else mode)
    except RuntimeError as error:
        raise RefusalError(str(error)) from error


def forward(a: Mapping[str, Any], rank: int = 2) -> torch.Tensor:
    """What a convolution call means, by torch."""
    x, weight = plain(a["x"]), plain(a["weight"])
    if (
        a["x"].dtype.newbyteorder("=") != a["weight"].dtype.newbyteorder("=")
        or weight.dim() != rank + 2
        or x.dim() not in (rank + 1, rank + 2)
    ):
        raise RefusalError("types or ranks that do not fit")
    steps = {"stride": pair(a.get("stride", 1), 1, rank), "dilation": pair(a.get("dilation", 1), 1, rank)}
    (groups,) = pair(a.get("groups", 1), 1, 1)
    bias = a.get("bias")
    if bias is not None and (plain(bias).shape != (weight.shape[0],) or kind(bias) != kind(a["x"])):
        raise RefusalError("a bias of another shape or type")
    if min(weight.shape[2:]) < 1:
        raise RefusalError("no kernel")
    activation = a.get("activation")
    if not (activation is None or (isinstance(activation, str) and activation in ("relu", "relu6"))):
        raise RefusalError("no such activation")
    mode = a.get("padding_mode", "zeros")
    if not isinstance(mode, str):
        raise RefusalError("no mode")
    single = x.dim() == rank + 1
    big = padded(x[None] if single else x, a.get("padding", 0), tuple(weight.shape[2:]), steps, mode)
    convolve = F.conv2d if rank == 2 else F.conv1d
    try:
        y = convolve(big, weight, None if bias is None else plain(bias), **steps, groups=groups)
    except RuntimeError as error:
        raise RefusalError(str(error)) from error
    if activation is not None:
        y = y.clamp(0, 6 if activation == "relu6" else None)
    return y[0] if single else y


def agree(answer: Any, right: torch.Tensor, dtype: Any) -> None:
    """The answer is the oracle's, within the type's rounding."""
    assert isinstance(answer, np.ndarray), type(answer)
    assert answer.shape == tuple(right.shape), (answer.shape, tuple(right.shape))
    scale = max(float(right.abs().max()) if right.numel() else 0.0, 1.0)
    worst = np.abs(np.asarray(answer, np.float64) - right.numpy()).max(initial=0.0)
    assert worst <= TOLERANCE[np.dtype(dtype).name] * scale * 10, worst


def conv2d(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of ``striate.conv2d``."""
    agree(answer, forward(a), a["x"].dtype)


def conv1d(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of ``striate.conv1d``."""
    agree(answer, forward(a, 1), a["x"].dtype)


def layer(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of a layer built, given weights and called."""
    agree(answer, forward(a), a["x"].dtype)


def explain(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of ``striate.explain``: its value is the convolution's."""
    at = a["at"]
    if not isinstance(at, tuple | list) or len(at) != 3:
        raise RefusalError("no place")
    right = forward(a)
    try:
        value = right[tuple(index(i) for i in at)] if right.dim() == 3 else right[0][tuple(index(i) for i in at)]
    except (IndexError, TypeError) as error:
        raise RefusalError(str(error)) from error
    assert abs(float(value) - answer.value) <= 1e-4 * max(1.0, abs(float(value)))


def transposed(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of ``striate.conv_transpose2d``."""
    x, weight = plain(a["x"]), plain(a["weight"])
    sides = a.get("padding", 0)
    if isinstance(sides, list | tuple) and any(isinstance(side, list | tuple) for side in sides):
        (top, bottom), (left, right) = (pair(side, 0) for side in sides)
    else:
        top, left = bottom, right = pair(sides, 0)
    steps: dict[str, Any] = {name: pair(a.get(name, 1), 1) for name in ("stride", "dilation")}
    longer = pair(a.get("output_padding", 0), 0)
    try:
        whole = F.conv_transpose2d(x, weight, None, **steps, output_padding=longer)
    except RuntimeError as error:
        raise RefusalError(str(error)) from error
    h, w = whole.shape[-2:]
    agree(answer, whole[..., top : h - bottom, left : w - right], a["x"].dtype)
