"""The registered operators: the convolution and its two gradients, on the CPU, on fake tensors, and under autograd.

Where torch transforms a function (``torch.func``, forward-mode AD), torch's own convolution answers, whose every
derivative it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from striate.conv.arguments import Arguments
from striate.conv.arrays import Array
from striate.conv.calls import find_call
from striate.conv.gradients import input_grad, weight_grad
from striate.conv.weights import tensor_array
from striate.errors import ArrayTypeError, ShapeError, named
from striate.torch.weights import kernel_of

Ints = Sequence[int]
_NUMPY: dict[torch.dtype, Any] = {}
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
STEPS = "SymInt[] stride, SymInt[] padding, SymInt[] dilation, SymInt groups"


def memory_format(x: Tensor) -> torch.memory_format:
    """The order of a 4-D tensor's axes in memory: channels last, or any other."""
    if x.is_contiguous() or x.dim() != 4:
        return torch.contiguous_format
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def transforming() -> bool:
    """Whether torch transforms what runs now, or carries tangents along."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _arguments(stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Arguments:
    top, bottom, left, right = padding
    return Arguments.parse(tuple(stride), ((top, bottom), (left, right)), tuple(dilation), groups)


def compute(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: Arguments) -> Tensor:
    """The convolution of CPU tensors, without a gradient."""
    if weight.dtype != x.dtype or (bias is not None and bias.dtype != x.dtype):
        check_types(x, weight, bias)
    shapes, threads = (tuple(x.shape), tuple(weight.shape)), torch.get_num_threads()
    call = find_call(*shapes, numpy_dtype(x), arguments, threads=threads)
    if bias is not None:
        _check_bias(bias, call.problem.k)
    kernel, packed = kernel_of(weight, call)
    offset = None if bias is None else tensor_array(bias)
    if (
        call.plan is not None
        and call.simple
        and packed is not None
        and x.is_contiguous()
        and (bias is None or bias.is_contiguous())
    ):
        out = torch.empty(call.shape, dtype=x.dtype)
        call.plan.run(tensor_array(x), packed, offset, "none", tensor_array(out))
        return out
    out = torch.empty(call.shape, dtype=x.dtype, memory_format=memory_format(x))
    call.run(tensor_array(x), kernel, offset, "none", tensor_array(out), packed)
    return out


def numpy_dtype(x: Tensor) -> Any:
    """The NumPy type of a tensor's elements. Raises ArrayTypeError where striate does not compute with it."""
    known = _NUMPY.get(x.dtype)
    if known is None:
        check_types(x, x, None)
        known = _NUMPY[x.dtype] = tensor_array(x.new_empty(0, device="cpu")).dtype
    return known


def check_types(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raises ArrayTypeError where the three are not of one type that striate computes with."""
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.dtype != x.dtype:
            types = f"input type ({_name(x)}) and {name} type ({_name(tensor)})"
            raise ArrayTypeError(f"{types} should be the same; convert one with .to")
    if x.dtype not in DTYPES:
        raise ArrayTypeError(f"computes with {', '.join(str(t)[6:] for t in DTYPES)}, got {_name(x)}")


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _check_bias(bias: Tensor | None, k: int) -> None:
    if bias is not None and tuple(bias.shape) != (k,):
        raise ShapeError(f"expected bias of shape ({k},), one per output channel, got {tuple(bias.shape)}")


def _padded(x: Tensor, padding: Ints) -> Tensor:
    top, bottom, left, right = padding
    return functional.pad(x, (left, right, top, bottom)) if any(padding) else x


def by_torch(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Tensor:
    """What the operator computes, by torch's own."""
    top, bottom, left, right = padding
    if (top, left) == (bottom, right):
        return functional.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
    return functional.conv2d(_padded(x, padding), weight, bias, stride, 0, dilation, groups)


def _gradients(grad: Tensor, x: Tensor, weight: Tensor, steps: Any, wanted: list[bool]) -> Any:
    stride, _, dilation, groups = steps
    batch = (grad, x) if grad.dim() == 4 else (grad.unsqueeze(0), x.unsqueeze(0))
    return torch.ops.aten.convolution_backward(
        *batch, weight, None, stride, [0, 0], dilation, False, [0, 0], groups, [*wanted, False]
    )


def _input_grad_by_torch(grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
    top, bottom, left, right = steps[1]
    h, w = input_size[-2:]
    x = grad.new_zeros((*input_size[:-2], top + h + bottom, left + w + right))
    found: Tensor = _gradients(grad, x, weight, steps, [True, False])[0]
    return found[..., top : top + h, left : left + w].reshape(input_size)


def _weight_grad_by_torch(grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
    found: Tensor = _gradients(grad, _padded(x, steps[1]), grad.new_zeros(weight_size), steps, [False, True])[1]
    return found


@named("conv2d")
def _conv2d_on_cpu(x: Tensor, weight: Tensor, bias: Tensor | None, *steps: Any) -> Tensor:
    return compute(x, weight, bias, _arguments(*steps))


def _input_grad_on_cpu(grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
    arrays, threads = (tensor_array(weight), tensor_array(grad)), torch.get_num_threads()
    return _filled(input_grad(input_size, *arrays, _arguments(*steps), threads=threads), grad)


def _weight_grad_on_cpu(grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
    image, outer, threads = tensor_array(x), tensor_array(grad), torch.get_num_threads()
    return _filled(weight_grad(image, weight_size, outer, _arguments(*steps), threads=threads), grad)


def _filled(values: Array, like: Tensor) -> Tensor:
    result = like.new_empty(values.shape)
    tensor_array(result)[...] = values
    return result


def _shape(x: Ints, weight: Ints, steps: Any) -> tuple[int, ...]:
    # The refusals are those of a call; sizes may be symbols, which a comparison makes conditions of.
    stride, padding, dilation, groups = steps
    if all(isinstance(number, int) for number in (*stride, *padding, *dilation, groups)):
        arguments = _arguments(*steps)
    else:
        arguments = Arguments(tuple(stride), tuple(padding), tuple(dilation), groups)
    problem, _ = arguments.problem(tuple(x), tuple(weight))
    return problem.output_shape if len(x) == 4 else problem.output_shape[1:]


@named("conv2d")
def _conv2d_on_fake(x: Tensor, weight: Tensor, bias: Tensor | None, *steps: Any) -> Tensor:
    check_types(x, weight, bias)
    shape = _shape(x.shape, weight.shape, steps)
    _check_bias(bias, weight.shape[0])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=memory_format(x))


def _input_grad_on_fake(grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
    _check_grad("conv2d_input_grad", grad, _shape(input_size, weight.shape, steps))
    return grad.new_empty(input_size)


def _weight_grad_on_fake(grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
    _check_grad("conv2d_weight_grad", grad, _shape(x.shape, weight_size, steps))
    return grad.new_empty(weight_size)


def _check_grad(name: str, grad: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(grad.shape) != expected:
        raise ShapeError(f"{name}: expected grad of the output's shape {expected}, got {tuple(grad.shape)}")


class _Conv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *steps: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps = steps
        return _below(torch.ops.striate.conv2d.default, x, weight, bias, *steps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (grad,), (x, weight) = grads, ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        from_x = torch.ops.striate.conv2d_input_grad(grad, weight, x.shape, *ctx.steps) if needs_x else None
        from_weight = torch.ops.striate.conv2d_weight_grad(grad, x, weight.shape, *ctx.steps) if needs_weight else None
        rest = [axis for axis in range(grad.dim()) if axis != grad.dim() - 3]
        return from_x, from_weight, grad.sum(rest) if needs_bias else None, None, None, None, None


class Convolution(_Conv2d):
    """The same where nobody watches the operators go by, which saves the way through the dispatcher."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *steps: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps = steps
        return compute(x, weight, bias, _arguments(*steps))


class _InputGrad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, input_size: Ints, *steps: Any) -> Tensor:
        ctx.save_for_backward(grad, weight)
        ctx.steps = steps
        return _below(torch.ops.striate.conv2d_input_grad.default, grad, weight, input_size, *steps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (outer,), (grad, weight) = grads, ctx.saved_tensors
        ops, needs = torch.ops.striate, ctx.needs_input_grad
        from_grad = ops.conv2d(outer, weight, None, *ctx.steps) if needs[0] else None
        from_weight = ops.conv2d_weight_grad(grad, outer, weight.shape, *ctx.steps) if needs[1] else None
        return from_grad, from_weight, None, None, None, None, None


class _WeightGrad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Tensor, weight_size: Ints, *steps: Any) -> Tensor:
        ctx.save_for_backward(grad, x)
        ctx.steps = steps
        return _below(torch.ops.striate.conv2d_weight_grad.default, grad, x, weight_size, *steps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (outer,), (grad, x) = grads, ctx.saved_tensors
        ops, needs = torch.ops.striate, ctx.needs_input_grad
        from_grad = ops.conv2d(x, outer, None, *ctx.steps) if needs[0] else None
        from_x = ops.conv2d_input_grad(grad, outer, x.shape, *ctx.steps) if needs[1] else None
        return from_grad, from_x, None, None, None, None, None


def _below(operator: Any, *inputs: Any) -> Tensor:
    with torch._C._AutoDispatchBelowAutograd():
        result: Tensor = operator(*inputs)
    return result


def _under_autograd(operator: Any, function: Any, torchs: Callable[..., Tensor], *inputs: Any) -> Tensor:
    if transforming():
        return torchs(*inputs)
    if torch.is_grad_enabled() and any(isinstance(value, Tensor) and value.requires_grad for value in inputs):
        result: Tensor = function.apply(*inputs)
        return result
    return _below(operator, *inputs)


def _batched(torchs: Callable[..., Tensor], tensors: int, info: Any, in_dims: Any, *inputs: Any) -> tuple[Tensor, int]:
    rest = inputs[tensors:]
    result = torch.vmap(lambda *values: torchs(*values, *rest), in_dims=tuple(in_dims[:tensors]))(*inputs[:tensors])
    return result, 0


def _register(
    name: str,
    inputs: str,
    tensors: int,
    on_cpu: Callable[..., Tensor],
    on_fake: Callable[..., Tensor],
    function: Any,
    torchs: Callable[..., Tensor],
) -> None:
    qualified = f"striate::{name}"
    torch.library.define(qualified, f"({inputs}, {STEPS}) -> Tensor", tags=(torch.Tag.pt2_compliant_tag,))
    operator = getattr(torch.ops.striate, name).default
    torch.library.impl(qualified, "CPU")(on_cpu)
    torch.library.register_fake(qualified)(on_fake)
    torch.library.impl(qualified, "Autograd")(partial(_under_autograd, operator, function, torchs))
    torch.library.register_vmap(qualified, partial(_batched, torchs, tensors))


_register("conv2d", "Tensor x, Tensor weight, Tensor? bias", 3, _conv2d_on_cpu, _conv2d_on_fake, _Conv2d, by_torch)
_register(
    "conv2d_input_grad", "Tensor grad, Tensor weight, SymInt[] input_size", 2,
    _input_grad_on_cpu, _input_grad_on_fake, _InputGrad, _input_grad_by_torch,
)  # fmt: skip
_register(
    "conv2d_weight_grad", "Tensor grad, Tensor x, SymInt[] weight_size", 2,
    _weight_grad_on_cpu, _weight_grad_on_fake, _WeightGrad, _weight_grad_by_torch,
)  # fmt: skip
