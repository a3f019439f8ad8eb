"""What makes a layer's call short: weights that never change, and what is ready for an input shape."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from striate.conv.arrays import Array
from striate.conv.budget import Kept
from striate.conv.native import Packed
from striate.conv.packing import PackedWeights
from striate.conv.settings import Generation
from striate.conv.weights import tensor_array
from striate.errors import ArrayTypeError

if TYPE_CHECKING:
    from torch import Tensor, nn

_MOST_READY = 64
Mark = tuple[int, ...] | None


class Ready(NamedTuple):
    """All that a call on arrays of one shape and type needs, while ``generation`` holds and ``kept`` has its value."""

    run: Callable[..., None]
    make: Callable[..., Array]
    kept: Kept[Packed]
    shape: tuple[int, ...]
    dtype: np.dtype[np.floating]
    generation: Generation


class Weights:
    """A weight and a bias as they stand from one assignment to the next, with what was made from them.

    The arrays are copies in memory that nobody can write, so nothing made from them can grow stale. A layer changes its
    weights by putting another of these in the place of this one.
    """

    __slots__ = ("bias", "packed", "ready", "weight")

    def __init__(self, weight: Array, bias: Array | None) -> None:
        self.weight = fixed(weight)
        self.bias = None if bias is None else fixed(bias)
        self.packed = PackedWeights()
        self.ready: dict[tuple[int, ...], Ready] = {}

    def with_bias(self, bias: Array | None) -> Weights:
        """The same weight, and what is packed of it, with another bias."""
        other = object.__new__(Weights)
        other.weight, other.packed, other.ready = self.weight, self.packed, {}
        other.bias = None if bias is None else fixed(bias)
        return other

    def make_ready(self, shape: tuple[int, ...], ready: Ready) -> None:
        """Keeps what a call on ``shape`` needs, and of the shapes before the last 63."""
        self.ready = {**dict(list(self.ready.items())[1 - _MOST_READY :]), shape: ready}


def fixed(array: Array) -> Array:
    """A copy in C order, in memory that cannot be made writable."""
    return np.frombuffer(np.asarray(array).tobytes(), array.dtype).reshape(array.shape)


class _Read(NamedTuple):
    tensors: tuple[Tensor, Tensor | None]
    marks: tuple[Mark, Mark]
    held: tuple[Tensor | None, ...]  # while these live, no other tensor gets their addresses
    weights: Weights


class FollowedModule:
    """A torch module's weight and bias, read again when torch has counted a change or they are other tensors."""

    def __init__(self, module: nn.Conv2d) -> None:
        self._module = module
        self._read: _Read | None = None

    def weights(self) -> Weights:
        """The parameters as they stand."""
        tensors = self._module.weight, self._module.bias
        # Before the values are: a change in between is found at the next call.
        marks = _mark(tensors[0]), _mark(tensors[1])
        read = self._read
        if read is not None and read.marks == marks and None not in marks and all(map(is_, read.tensors, tensors)):
            return read.weights
        held = tuple(None if tensor is None else tensor.detach() for tensor in tensors)
        weight, bias = (None if tensor is None else tensor_array(tensor) for tensor in held)
        if weight is None:
            raise ArrayTypeError("the torch module that this layer follows has no weight any more")
        weights = Weights(weight, bias)
        self._read = _Read(tensors, marks, held, weights)
        return weights


def _mark(tensor: Tensor | None) -> Mark:
    # None where torch counts no changes.
    if tensor is None:
        return ()
    return None if tensor.is_inference() else (tensor._version, tensor.data_ptr())
