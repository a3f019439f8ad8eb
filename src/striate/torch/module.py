"""``Conv2d``: a ``torch.nn.Conv2d`` that striate computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from striate.conv.arguments import Arguments
from striate.errors import InputError, named
from striate.torch.operators import DTYPES, Convolution, compute, memory_format, transforming


class Conv2d(nn.Conv2d):
    """A ``torch.nn.Conv2d`` that striate computes on CPU tensors; arguments, parameters and meaning are the same.

    ``stride``, ``padding``, ``dilation``, ``groups`` and ``padding_mode`` are read at each call. Left to torch: tensors
    on another device, of a type striate does not compute with or with the channels last in memory, everything under
    autocast, and all that ``torch.func`` or forward-mode AD transforms. Differentiable twice.

    Packed weights are kept, and renewed when a parameter changes. torch counts its changes, but not those made through
    ``.data``, a NumPy view of it, or by another process: of these, one is seen where the weight has at most 4096
    elements or where it changes one of up to 4096 spread over it; after any other, call :func:`repack`.

    >>> layer = Conv2d(3, 8, 3, padding=1)
    >>> layer(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 8, 16, 16])
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not computes(input):
            left_to_torch: Tensor = super()._conv_forward(input, weight, bias)
            return left_to_torch
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = functional.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        if torch.compiler.is_compiling():
            steps = _pair(self.stride), _four(padding, weight, self.dilation), _pair(self.dilation), self.groups
            traced: Tensor = torch.ops.striate.conv2d(input, weight, bias, *steps)
            return traced
        arguments = _parsed(self.stride, padding, self.dilation, self.groups)
        tensors = (input, weight) if bias is None else (input, weight, bias)
        plain = not _watched() and all(map(_is_plain, tensors))
        wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        if plain and not wanted:
            return _computed(input, weight, bias, arguments)
        steps = _steps(arguments, weight)
        if plain:
            return _recorded(input, weight, bias, *steps)
        result: Tensor = torch.ops.striate.conv2d(input, weight, bias, *steps)
        return result


_parsed = named("Conv2d")(Arguments.parse)
_computed = named("Conv2d")(compute)


@named("Conv2d")
def _recorded(*inputs: Any) -> Tensor:
    result: Tensor = Convolution.apply(*inputs)  # type: ignore[no-untyped-call]
    return result


@named("Conv2d")
def _steps(arguments: Arguments, weight: Tensor) -> tuple[Any, ...]:
    # As the operators take them.
    return arguments.stride, arguments.pads((1, 1), _kernel(weight)), arguments.dilation, arguments.groups


def computes(input: Any) -> bool:
    """Whether striate computes what has this input here and now."""
    if not isinstance(input, Tensor) or not input.is_cpu or input.dtype not in DTYPES:
        return False
    if input.layout != torch.strided or torch.is_autocast_enabled("cpu") or transforming():
        return False
    return memory_format(input) != torch.channels_last


def _watched() -> bool:
    # Whether somebody sees the operators go by.
    modes = torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack()
    return bool(modes) or torch._C._get_tracing_state() is not None


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) in (Tensor, nn.Parameter) and tensor.is_cpu and not tensor.is_neg()


def _kernel(weight: Tensor) -> tuple[int, int]:
    # A weight of another rank is refused where the shapes are.
    h, w = weight.shape[2:] if weight.dim() == 4 else (1, 1)
    return h, w


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, last = (value[0], value[0]) if len(value) == 1 else value
    return first, last


def _four(padding: Any, weight: Tensor, dilation: Any) -> tuple[int, int, int, int]:
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        rows, columns = (apart * (size - 1) for size, apart in zip(_kernel(weight), _pair(dilation), strict=True))
        return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2
    if isinstance(padding, str):
        raise InputError(f"Conv2d: padding must be 'same', 'valid' or numbers, got {padding!r}")
    rows, columns = _pair(padding)
    return rows, rows, columns, columns
