"""The packed forms of torch parameters, and what tells that their memory holds other values now."""

from __future__ import annotations

from typing import Any
from weakref import ref

from torch import Tensor, nn

from striate.conv.arrays import Array
from striate.conv.calls import Call
from striate.conv.packing import PackedWeights
from striate.conv.weights import tensor_array
from striate.errors import ArrayTypeError

_COMPARED_WHOLE, _SPREAD = 4096, (16, 16, 4, 4)
_remembered: dict[int, _Remembered] = {}


def _spot(weight: Tensor, kernel: Array) -> bytes:
    # All of a small weight, and of one whose changes torch does not count; values spread over any other.
    if kernel.size > _COMPARED_WHOLE and not weight.is_inference():
        steps = (-(-n // most) for n, most in zip(kernel.shape, _SPREAD, strict=True))
        kernel = kernel[tuple(slice(None, None, step) for step in steps)]
    return kernel.tobytes()


def _mark(weight: Tensor) -> tuple[Any, ...]:
    return -1 if weight.is_inference() else weight._version, weight.data_ptr(), weight.stride(), weight.dtype


class _Remembered:
    """A parameter's packed forms, and how to tell that they are still its."""

    __slots__ = ("held", "kernel", "mark", "owner", "packed", "spot")

    def __init__(self, weight: Tensor) -> None:
        key = id(weight)
        self.owner = ref(weight, lambda gone: _forget(key, gone))
        # The mark is read before the values: a change in between is found at the next call.
        self.mark = _mark(weight)
        self.held = weight.detach()  # while it lives, no other tensor gets this address
        self.kernel = tensor_array(self.held)
        self.spot = _spot(weight, self.kernel)
        self.packed = PackedWeights()

    def holds(self, weight: Tensor) -> bool:
        return self.owner() is weight and _mark(weight) == self.mark and _spot(weight, self.kernel) == self.spot


def _forget(key: int, gone: ref[Tensor]) -> None:
    remembered = _remembered.get(key)
    if remembered is not None and remembered.owner is gone:
        _remembered.pop(key, None)


def kernel_of(weight: Tensor, call: Call) -> tuple[Array, Any]:
    """A weight as an array, and packed for ``call`` where it is a parameter, which is remembered; else None."""
    if not isinstance(weight, nn.Parameter):
        return tensor_array(weight), None
    remembered = _remembered.get(id(weight))
    if remembered is None or not remembered.holds(weight):
        remembered = _remembered[id(weight)] = _Remembered(weight)
    return remembered.kernel, remembered.packed.packed(call, remembered.kernel)


def repack(model: nn.Module) -> None:
    """Makes every convolution of ``model`` pack its weight anew at its next call.

    Needed after a few values of a large weight were changed behind torch's back: through ``.data``, a NumPy view, or by
    another process that shares the memory. Raises ArrayTypeError, a TypeError, for anything but a module.

    >>> from striate.torch import Conv2d
    >>> layer = Conv2d(64, 64, 3)
    >>> layer.weight.data[5, 7, 0, 0] = 1.0
    >>> repack(layer)
    """
    if not isinstance(model, nn.Module):
        raise ArrayTypeError(f"repack: expected a torch.nn.Module, got {type(model).__name__}")
    for parameter in model.parameters():
        _remembered.pop(id(parameter), None)
