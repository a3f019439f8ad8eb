"""What an operator is: a frozen value that says how its outputs read its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, get_type_hints

from striate.errors import InputError
from striate.network.operators.kinds import Kind, kind_of
from striate.network.relation import NOTHING, Reads, Relation, Shape, everything, shape_after


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a node: its shape and how it reads each of the node's inputs."""

    shape: Shape
    reads: tuple[Reads, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What an operator says of a node: its outputs, and the multiply-accumulates it takes."""

    outputs: tuple[Output, ...]
    macs: int = 0


@dataclass(frozen=True, slots=True)
class Operator(ABC):
    """An operator of the common form.

    A subclass is a frozen dataclass: ``word`` is its name in reports and documents, its fields are checked against
    their types once, when it is made, and ``result`` is its rule.
    """

    word: ClassVar[str]

    @abstractmethod
    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """The outputs and the cost for inputs of some shapes; InputError where they do not fit."""

    def settle(self) -> None:  # noqa: B027
        """Fill in what is left to a default, and raise InputError where fields do not fit each other."""

    def __post_init__(self) -> None:
        for name, label, check in _checks(type(self)):
            object.__setattr__(self, name, check(label, getattr(self, name)))
        self.settle()

    def put(self, name: str, value: object) -> None:
        """Give a field its value while the operator is made."""
        object.__setattr__(self, name, value)

    def first(self, shapes: tuple[Shape, ...], *axes: int) -> Shape:
        """The first input's shape; InputError where there is none or it lacks one of some axes."""
        if not shapes:
            raise InputError(f"{self.word}: needs an input, got none")
        x = shapes[0]
        for axis in axes:
            if axis >= len(x):
                raise InputError(f"{self.word}: axis {axis} lies outside an input of shape {x} ({len(x)} axes)")
        return x


@cache
def kinds(operator: type[Operator]) -> Mapping[str, Kind]:
    """The kind of every field of an operator, in their order."""
    hints = get_type_hints(operator, include_extras=True)
    return {field.name: kind_of(hints[field.name]) for field in fields(operator)}


@cache
def _checks(operator: type[Operator]) -> tuple[tuple[str, str, Callable[[str, Any], Any]], ...]:
    """Every field's name, how errors call it, and its check."""
    return tuple((name, f"{operator.word}: {name}", kind.check) for name, kind in kinds(operator).items())


def one(shape: Shape, *reads: Reads, macs: int = 0) -> Result:
    """The result of a node with a single output."""
    return Result((Output(shape, reads),), macs)


def through(relation: Relation, shapes: tuple[Shape, ...]) -> Result:
    """The result of a node whose single output reads its first input through one relation.

    Further inputs are parameters of the operator, not data.
    """
    return one(shape_after(relation, shapes[0]), (relation,), *[NOTHING] * (len(shapes) - 1))


def weighted(relation: Relation, shapes: tuple[Shape, ...]) -> Result:
    """As ``through``, with further inputs that are weights: where data makes them, all of it counts."""
    shape = shape_after(relation, shapes[0])
    return one(shape, (relation,), *((everything(s, shape),) for s in shapes[1:]))
