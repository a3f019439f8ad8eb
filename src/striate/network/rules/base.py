"""What a rule is, and the one table that holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from striate.errors import UnsupportedError
from striate.network.relation import NOTHING, Reads, Relation, Shape, everything, shape_after

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a node: its shape and how it reads each of the node's inputs."""

    shape: Shape
    reads: tuple[Reads, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule says of a node: its outputs, and the multiply-accumulates it takes."""

    outputs: tuple[Output, ...]
    macs: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One operator: ``apply(attributes, input shapes)`` gives its Result; ``doc`` explains it."""

    op: str
    apply: Callable[[Attributes, tuple[Shape, ...]], Result]
    doc: str


class RuleTable(dict[str, Rule]):
    """Operator name to rule; a missing one is an error that says so."""

    def __missing__(self, op: str) -> Rule:
        raise UnsupportedError(f"no rule for operator {op!r}; known: {', '.join(sorted(self))}")


RULES = RuleTable()

RuleFunction = Callable[[Attributes, tuple[Shape, ...]], Result]


def rule(*ops: str) -> Callable[[RuleFunction], RuleFunction]:
    """Enter a function in the table under each name; its docstring is the operator's documentation."""

    def enter(function: RuleFunction) -> RuleFunction:
        for op in ops:
            RULES[op] = Rule(op, function, (function.__doc__ or "").strip())
        return function

    return enter


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
