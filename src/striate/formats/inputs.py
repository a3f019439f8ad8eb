"""The inputs of one operation of a file, as a reader asks for them by their place."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from striate.errors import ModelError, UnsupportedError

LARGEST_FOLLOWED = 1 << 20
"""Of so many elements at most an axis is followed element by element."""


class Input(Protocol):
    """A tensor of a file."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def data(self) -> bool:
        """Whether it depends on an input of the network."""

    @property
    def value(self) -> NDArray[Any] | None:
        """What it is where it is a small constant."""


Given = TypeVar("Given", bound=Input)


class Inputs(Generic[Given]):
    """What an operation reads; ``inputs`` hold None where one is left out."""

    __slots__ = ()

    inputs: tuple[Given | None, ...]

    def has(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def tensor(self, position: int) -> Given:
        """An input that must be given."""
        found = self.inputs[position] if position < len(self.inputs) else None
        if found is None:
            raise ModelError(f"input {position} is missing")
        return found

    def value(self, position: int) -> NDArray[Any]:
        """The value of a constant input; one that data makes, or a large one, is an error."""
        found = self.tensor(position)
        if found.data:
            raise UnsupportedError(f"input {position} ({found.name!r}) depends on data; the shape is not fixed")
        if found.value is None:
            raise UnsupportedError(f"input {position} ({found.name!r}) is no small constant; the shape is not fixed")
        return found.value


def counted(axis: int, rank: int) -> int:
    """An axis counted from the front; ModelError where it lies outside."""
    if not -rank <= axis < rank:
        raise ModelError(f"axis {axis} lies outside rank {rank}")
    return axis % rank
