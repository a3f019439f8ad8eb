"""Padding conventions: values that resolve to explicit pads once the input size is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from striate.errors import InputError
from striate.geometry.window import Window
from striate.values import instance, integer


class Convention(Enum):
    """A named padding rule; source of each in its value."""

    VALID = "no padding (TensorFlow VALID, PyTorch padding=0)"
    SAME_UPPER = "output ceil(n/stride), the odd pixel goes after (TensorFlow SAME, ONNX SAME_UPPER)"
    SAME_LOWER = "output ceil(n/stride), the odd pixel goes before (ONNX SAME_LOWER)"
    TORCH_SAME = "dilation*(size-1) in all, the odd pixel goes after (PyTorch padding='same', stride 1)"


@dataclass(frozen=True, slots=True)
class Explicit:
    """Pads given as numbers; negative ones crop."""

    before: int
    after: int

    def __post_init__(self) -> None:
        for name in ("before", "after"):
            object.__setattr__(self, name, integer(f"Explicit: {name}", getattr(self, name)))


@dataclass(frozen=True, slots=True)
class CaffeCeil:
    """Caffe's pooling: ``pad`` on both sides and the output size rounded up."""

    pad: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pad", integer("CaffeCeil: pad", self.pad))


Padding = Convention | Explicit | CaffeCeil


def resolve_padding(
    convention: Padding, n: int, size: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """The pads ``(before, after)`` a convention means for an axis of ``n`` pixels.

    Raises InputError for PyTorch's ``'same'`` with a stride above 1, as PyTorch does.

    >>> resolve_padding(Convention.SAME_UPPER, 4, 3, stride=2)
    (0, 1)
    >>> resolve_padding(CaffeCeil(), 4, 3, stride=2)
    (0, 1)
    """
    n, window = integer("n", n), Window(size, stride, dilation)
    extent, stride = window.extent, window.stride
    if isinstance(convention, Explicit):
        return convention.before, convention.after
    if isinstance(convention, CaffeCeil):
        return convention.pad, _caffe_pad_after(convention.pad, n, extent, stride)
    if instance("convention", convention, Convention) is Convention.VALID:
        return 0, 0
    if convention is Convention.TORCH_SAME:
        if stride != 1:
            raise InputError(
                f"padding='same' is defined for stride 1 in PyTorch, got stride {stride}; "
                "use 'same_upper' for TensorFlow's rule"
            )
        total = extent - 1
    else:
        total = max((-(-n // stride) - 1) * stride + extent - n, 0)
    small = total // 2
    return (total - small, small) if convention is Convention.SAME_LOWER else (small, total - small)


def _caffe_pad_after(pad: int, n: int, extent: int, stride: int) -> int:
    count = max(-(-(n + 2 * pad - extent) // stride), 0) + 1
    if pad and (count - 1) * stride >= n + pad:
        count -= 1
    return (count - 1) * stride + extent - n - pad
