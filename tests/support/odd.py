"""Values no signature asks for, and the draw that puts them among sound ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

R = TypeVar("R")

Draw = Callable[[random.Random], Any]
Oracle = Callable[[Mapping[str, Any], Any], None]

HUGE = 10**30

ODD: tuple[Callable[[], Any], ...] = (
    *(lambda value=value: value for value in (0, 1, -1, 2, 3, 7, 10**9, 2**63, HUGE, -HUGE, True, None)),
    *(lambda value=value: value for value in (1.0, 0.5, -0.0, float("nan"), float("inf"), 1j, Fraction(1, 2))),
    *(lambda value=value: value for value in ("", "same", "valid", "x", "1", b"x", "a" * 500, "\n", "图")),
    *(lambda value=value: value for value in ((), (1,), (1, 2), (1, 2, 3), ((1, 1), (0, 2)), (1, "x"), (None, 1))),
    *(lambda make=make: make() for make in (list, dict, set, object)),
    lambda: [1, 2],
    lambda: [[1, 2], [3]],
    lambda: {"a": 1},
    lambda: range(2),
    lambda: int,
    lambda: len,
    *(lambda kind=kind: kind(1) for kind in (np.int64, np.uint8, np.float32, np.float64, np.bool_, np.complex64)),
    lambda: np.datetime64("2020-01-01"),
    *(lambda value=value: np.array(value) for value in (1, 2.5, [1], [1, 2], [1.5, 2.5], [], "x")),
    *(
        lambda shape=shape: np.zeros(shape, np.float32)
        for shape in ((0,), (1, 1, 0, 4), (4, 4), (1, 1, 4, 4), (2,) * 9)
    ),
    lambda: np.arange(16, dtype=np.int32).reshape(1, 1, 4, 4),
    lambda: np.ones((1, 2, 5, 6), np.float16),
    lambda: np.ones((1, 2, 5, 6), np.complex64),
    lambda: np.ones((1, 2, 5, 6), np.bool_),
    lambda: np.full((1, 2, 5, 6), None),
    lambda: np.ones((1, 2, 5, 12), np.float32)[..., ::-2],
    lambda: np.ones((1, 2, 5, 6), ">f4"),
    lambda: np.broadcast_to(np.float32(1), (1, 2, 5, 6)),
    lambda: np.zeros((1, 2, 5, 6), [("a", "u1"), ("b", "f4")])["b"],
    lambda: np.ma.masked_greater(np.arange(60, dtype=np.float32).reshape(1, 2, 5, 6), 30),
    lambda: np.array([["a", "b"]]),
)


def wrongly(function: Callable[..., R]) -> Callable[..., R]:
    """The function, for a call that its signature forbids."""
    return function


@dataclass(frozen=True)
class Subject:
    """One public callable: how each argument is drawn soundly, and who judges an answer.

    ``oracle(arguments, answer)`` raises AssertionError where the answer is wrong, and RefusalError where no answer is
    right. ``changes`` is the number of sound arguments that may be exchanged for ``odd`` values.
    """

    name: str
    call: Callable[..., Any]
    arguments: Mapping[str, Draw]
    oracle: Oracle | None = None
    changes: int = 2
    odd: tuple[Callable[[], Any], ...] = ODD


class RefusalError(Exception):
    """What was asked has no answer, by the oracle."""


def drawn(subject: Subject, rng: random.Random) -> dict[str, Any]:
    """Arguments for one call: sound ones, up to ``changes`` of them exchanged for odd values."""
    arguments = {name: draw(rng) for name, draw in subject.arguments.items()}
    count = rng.choice((0, 1, 1, 1, 2))
    for name in rng.sample(list(arguments), min(count, subject.changes, len(arguments))):
        arguments[name] = rng.choice(subject.odd)()
    return {name: value for name, value in arguments.items() if value is not LEFT_OUT}


LEFT_OUT = object()
"""Stands for an argument that is not given."""


def pick(*values: Any) -> Draw:
    """One of some values."""
    return lambda rng: rng.choice(values)


def array(*shapes: tuple[int, ...], dtypes: tuple[str, ...] = ("float32",)) -> Draw:
    """An array of one of some shapes, the same values for the same draw."""

    def draw(rng: random.Random) -> Any:
        shape, dtype, seed = rng.choice(shapes), rng.choice(dtypes), rng.randrange(2**32)
        return np.random.default_rng(seed).standard_normal(shape).astype(dtype)

    return draw
