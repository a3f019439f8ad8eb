"""What a box of an operator's output takes: the function that the rules of all operators belong to."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from striate.crop.part import Part, UncroppableError
from striate.geometry import Box
from striate.network.operators import Operator
from striate.network.relation import Shape

Shapes = tuple[Shape, ...]
Rule = Callable[[Any, Shapes, int, Box], Part]


@singledispatch
def narrow(op: Operator, shapes: Shapes, output: int, box: Box) -> Part:
    """One output of an operator on inputs of some shapes, cropped to a box that holds an element.

    Raises UncroppableError where the operator can give its output only as a whole.
    """
    raise UncroppableError("it can be computed only as a whole")


def whole(shape: Shape) -> Box:
    """All of a tensor."""
    return Box.whole(shape)


def only_first(output: int, what: str) -> None:
    """Refuse an output behind the first one."""
    if output:
        raise UncroppableError(f"{what} speak of places in the whole")
