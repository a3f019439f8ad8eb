"""striate's convolutions inside torch models: a module, and a swap of the convolutions of a whole model.

The convolution is a registered operator with autograd and fake-tensor rules, so ``torch.compile`` and ``torch.export``
take it. CPU tensors are read and written where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from striate.conv.arrays import Array
from striate.conv.engine import Call
from striate.conv.errors import ArrayTypeError, MissingDependencyError
from striate.conv.functional import checked_call
from striate.conv.gradients import conv2d_input_grad, conv2d_weight_grad
from striate.conv.packing import PackedWeights, same_bits
from striate.conv.storage import tensor_array
from striate.geometry import Window

try:
    import torch
except ImportError:
    raise MissingDependencyError("striate.torch needs PyTorch; install it with 'pip install torch'") from None

from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakIdKeyDictionary

__all__ = ["Conv2d", "accelerate", "repack"]

Module = TypeVar("Module", bound=nn.Module)
Ints = Sequence[int]

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_STEPS = "SymInt[] stride, SymInt[] padding, SymInt[] dilation, SymInt groups"
_COMPARED_WHOLE, _SPREAD = 4096, (16, 16, 4, 4)
_remembered: Any = WeakIdKeyDictionary()


def _arguments(stride: Ints, padding: Ints, dilation: Ints, groups: int) -> tuple[Any, Any, Any, int]:
    top, bottom, left, right = padding
    return tuple(stride), ((top, bottom), (left, right)), tuple(dilation), groups


def _layout(x: Tensor) -> torch.memory_format:
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def _spot(weight: Tensor, kernel: Array) -> Array:
    # All of a small weight, and of one whose changes torch does not count; values spread over any other.
    if kernel.size <= _COMPARED_WHOLE or weight.is_inference():
        return kernel
    return kernel[tuple(slice(None, None, -(-n // most)) for n, most in zip(kernel.shape, _SPREAD, strict=True))]


def _version(weight: Tensor) -> int:
    return -1 if weight.is_inference() else weight._version


class _Remembered:
    """A parameter's packed forms, and what tells that its memory holds other values now."""

    __slots__ = ("held", "packed", "place", "spot", "version")

    def __init__(self, weight: Tensor, kernel: Array) -> None:
        # The version is read before the values: a change in between is found at the next call.
        self.version = _version(weight)
        self.place = weight.data_ptr(), weight.stride()
        self.held = weight.detach()  # while it lives, no other tensor gets this address
        self.spot = _spot(weight, kernel).copy()
        self.packed = PackedWeights()

    def holds(self, weight: Tensor, kernel: Array) -> bool:
        known = _version(weight) == self.version and (weight.data_ptr(), weight.stride()) == self.place
        spot = _spot(weight, kernel)
        return known and spot.shape == self.spot.shape and spot.dtype == self.spot.dtype and same_bits(spot, self.spot)


def _packed(weight: Tensor, kernel: Array, call: Call) -> Any:
    if not isinstance(weight, nn.Parameter):
        return None
    remembered: _Remembered | None = _remembered.get(weight)
    if remembered is None or not remembered.holds(weight, kernel):
        remembered = _remembered[weight] = _Remembered(weight, kernel)
    return remembered.packed.packed(call, kernel)


def _filled(values: Array, like: Tensor) -> Tensor:
    result = like.new_empty(values.shape)
    tensor_array(result)[...] = values
    return result


@torch.library.custom_op(
    "striate::conv2d",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor x, Tensor weight, Tensor? bias, {_STEPS}) -> Tensor",
)
def _conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, *steps: Any) -> Tensor:
    image, kernel = tensor_array(x), tensor_array(weight)
    offset = None if bias is None else tensor_array(bias)
    call = checked_call(image, kernel, offset, *_arguments(*steps), "zeros", "auto", None, "normal", None)
    out = torch.empty(call.shape, dtype=x.dtype, memory_format=_layout(x))
    call.run(image, kernel, offset, "none", tensor_array(out), _packed(weight, kernel, call))
    return out


@_conv2d.register_fake
def _conv2d_fake(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Tensor:
    sizes = []
    for axis in (0, 1):
        before, after = padding[2 * axis : 2 * axis + 2]
        window = Window(weight.shape[2 + axis], stride[axis], dilation[axis], before, after)
        sizes.append(window.output_size(x.shape[axis - 2]))
    shape = (*x.shape[:-3], weight.shape[0], *sizes)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=_layout(x))


@torch.library.custom_op(
    "striate::conv2d_input_grad",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, Tensor weight, SymInt[] input_size, {_STEPS}) -> Tensor",
)
def _input_grad(grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
    arrays = tensor_array(weight), tensor_array(grad)
    return _filled(conv2d_input_grad(input_size, *arrays, *_arguments(*steps)), grad)


@_input_grad.register_fake
def _input_grad_fake(grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
    return grad.new_empty(input_size)


@torch.library.custom_op(
    "striate::conv2d_weight_grad",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, Tensor x, SymInt[] weight_size, {_STEPS}) -> Tensor",
)
def _weight_grad(grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
    values = conv2d_weight_grad(tensor_array(x), weight_size, tensor_array(grad), *_arguments(*steps))
    return _filled(values, grad)


@_weight_grad.register_fake
def _weight_grad_fake(grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
    return grad.new_empty(weight_size)


def _save_conv2d(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, _, *ctx.steps = inputs
    ctx.save_for_backward(x, weight)


def _conv2d_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, weight = ctx.saved_tensors
    needs_x, needs_weight, needs_bias = ctx.needs_input_grad[:3]
    from_x = _input_grad(grad, weight, x.shape, *ctx.steps) if needs_x else None
    from_weight = _weight_grad(grad, x, weight.shape, *ctx.steps) if needs_weight else None
    from_bias = grad.sum([axis for axis in range(grad.dim()) if axis != grad.dim() - 3]) if needs_bias else None
    return from_x, from_weight, from_bias, None, None, None, None


def _save_input_grad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, weight, _, *ctx.steps = inputs
    ctx.save_for_backward(grad, weight)


def _input_grad_backward(ctx: Any, outer: Tensor) -> tuple[Any, ...]:
    grad, weight = ctx.saved_tensors
    from_grad = _conv2d(outer, weight, None, *ctx.steps) if ctx.needs_input_grad[0] else None
    from_weight = _weight_grad(grad, outer, weight.shape, *ctx.steps) if ctx.needs_input_grad[1] else None
    return from_grad, from_weight, None, None, None, None, None


def _save_weight_grad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, x, _, *ctx.steps = inputs
    ctx.save_for_backward(grad, x)


def _weight_grad_backward(ctx: Any, outer: Tensor) -> tuple[Any, ...]:
    grad, x = ctx.saved_tensors
    from_grad = _conv2d(x, outer, None, *ctx.steps) if ctx.needs_input_grad[0] else None
    from_x = _input_grad(grad, outer, x.shape, *ctx.steps) if ctx.needs_input_grad[1] else None
    return from_grad, from_x, None, None, None, None, None


_conv2d.register_autograd(_conv2d_backward, setup_context=_save_conv2d)
_input_grad.register_autograd(_input_grad_backward, setup_context=_save_input_grad)
_weight_grad.register_autograd(_weight_grad_backward, setup_context=_save_weight_grad)


class Conv2d(nn.Conv2d):
    """A ``torch.nn.Conv2d`` that striate computes on CPU tensors; arguments, parameters and meaning are the same.

    Tensors on another device, of a type striate does not compute with, and everything under autocast are left to torch.
    Packed weights are kept, and renewed when a parameter changes. torch counts its changes, but not those made through
    ``.data`` or a NumPy view of it: of these, one is seen where the weight has at most 4096 elements or where it
    changes one of up to 4096 spread over it; after any other, call :func:`repack`. Differentiable twice.

    >>> layer = Conv2d(3, 8, 3, padding=1)
    >>> layer(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 8, 16, 16])
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.device.type != "cpu" or input.dtype not in _DTYPES or torch.is_autocast_enabled("cpu"):
            left_to_torch: Tensor = super()._conv_forward(input, weight, bias)
            return left_to_torch
        left, right, top, bottom = self._reversed_padding_repeated_twice
        pads = [top, bottom, left, right]
        if self.padding_mode != "zeros" and any(pads):
            input = functional.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            pads = [0, 0, 0, 0]
        result: Tensor = _conv2d(input, weight, bias, self.stride, pads, self.dilation, self.groups)
        return result


def accelerate(model: Module) -> Module:
    """Makes striate compute the convolutions of ``model``, in place, and returns it.

    Every module whose class is exactly ``torch.nn.Conv2d`` becomes a :class:`Conv2d`; parameters, hooks and names stay
    as they are. Subclasses (lazy, quantised, parametrised) keep their own ways. Raises ArrayTypeError, a TypeError,
    for anything but a module.

    >>> model = accelerate(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    >>> type(model[0]) is Conv2d
    True
    """
    if not isinstance(model, nn.Module):
        raise ArrayTypeError(f"accelerate: expected a torch.nn.Module, got {type(model).__name__}")
    for module in model.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = Conv2d
    return model


def repack(model: nn.Module) -> None:
    """Makes every convolution of ``model`` pack its weight anew at its next call.

    Needed after a few values of a large weight were changed behind torch's back, through ``.data`` or a NumPy view.
    Raises ArrayTypeError, a TypeError, for anything but a module.

    >>> layer = Conv2d(64, 64, 3)
    >>> layer.weight.data[5, 7, 0, 0] = 1.0
    >>> repack(layer)
    """
    if not isinstance(model, nn.Module):
        raise ArrayTypeError(f"repack: expected a torch.nn.Module, got {type(model).__name__}")
    for parameter in model.parameters():
        _remembered.pop(parameter, None)
