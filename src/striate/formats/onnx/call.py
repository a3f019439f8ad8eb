"""What a translating function sees of an ONNX node, what it says, and the one table that holds them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError
from striate.formats.inputs import LARGEST_FOLLOWED, Inputs, counted
from striate.network.operators import Operator
from striate.network.relation import Shape

Array = NDArray[Any]



@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the graph: ``kind`` is ONNX's elem_type, ``data`` whether it depends on an input.

    ``value`` holds small constants; ``learned`` marks weights and what is computed from them. ``zero`` and ``low``
    say, broadcast over the shape, where data is known to be zero or so low that a softmax makes nothing of it;
    ``obscure`` that there may be zeros which are too many to follow.
    """

    name: str
    shape: Shape
    kind: int
    data: bool
    value: Array | None = None
    learned: bool = False
    zero: Array | None = None
    low: Array | None = None
    obscure: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Translation:
    """An ONNX node in the common form.

    ``inputs`` are the positions the operator always reads; the others stay, after them, only where data
    makes them. ``outputs`` are the positions of its outputs in the node (default: in order),
    ``kinds`` their elem_types where they differ from the first input's, ``constants`` the shapes
    of further outputs that depend on nothing. ``at_most``: the node may read less than it claims.
    """

    op: Operator
    inputs: tuple[int, ...] = (0,)
    kinds: tuple[int, ...] = ()
    outputs: tuple[int, ...] | None = None
    constants: tuple[Shape, ...] = ()
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Call(Inputs[Tensor]):
    """One node with its inputs resolved."""

    op: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int

    @property
    def x(self) -> Shape:
        """The shape of the first input."""
        return self.shape(0)

    @property
    def rank(self) -> int:
        """Axes of the first input."""
        return len(self.x)

    def shape(self, position: int) -> Shape:
        """The shape of an input."""
        return self.tensor(position).shape

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def need(self, name: str) -> Any:
        """An attribute that must be given."""
        if name not in self.attributes:
            raise ModelError(f"attribute {name!r} is missing")
        return self.attributes[name]

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        found = self.attributes.get(name, default)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)

    def number(self, name: str, default: float) -> float:
        """An attribute that is a number."""
        found = self.attributes.get(name, default)
        if not isinstance(found, int | float):
            raise ModelError(f"attribute {name!r} should be a number, is {type(found).__name__}")
        return float(found)

    def constant(self, position: int) -> bool:
        """Whether an input is given and its value known."""
        return self.has(position) and self.tensor(position).value is not None

    def ints(self, position: int) -> tuple[int, ...]:
        """A constant input as integers."""
        return tuple(int(v) for v in self.value(position).reshape(-1))

    def sizes(self, found: Iterable[int]) -> Shape:
        """Sizes that are followed element by element."""
        sizes = tuple(found)
        if any(n > LARGEST_FOLLOWED for n in sizes):
            raise ModelError(f"sizes {sizes}: at most {LARGEST_FOLLOWED} elements of an axis are followed here")
        return sizes

    def option(self, name: str, position: int) -> tuple[int, ...] | None:
        """Integers given as an attribute in older opsets and as an input in newer ones."""
        if name in self.attributes:
            found = self.attributes[name]
            return tuple(map(int, found)) if isinstance(found, list | tuple) else (int(found),)
        return self.ints(position) if self.has(position) else None

    def axis(self, axis: int, rank: int | None = None) -> int:
        """An axis counted from the front."""
        return counted(axis, self.rank if rank is None else rank)

    def axes(self, axes: tuple[int, ...], rank: int | None = None) -> tuple[int, ...]:
        """Axes counted from the front."""
        return tuple(self.axis(axis, rank) for axis in axes)


Translator = Callable[[Call], Translation]
OPERATORS: dict[str, Translator] = {}


def operator(*names: str) -> Callable[[Translator], Translator]:
    """Enter a translating function in the table under ONNX's names (another domain's as ``domain:Name``)."""

    def enter(function: Translator) -> Translator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return enter


def scalar(value: Array) -> Any:
    """The one element of a constant."""
    flat = np.asarray(value).reshape(-1)
    if flat.size != 1:
        raise ModelError(f"a scalar is needed, got {flat.size} elements")
    return flat[0]
