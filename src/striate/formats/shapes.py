"""Input shapes as a caller writes them, read once into one frozen form that every reader takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from striate.errors import InputError
from striate.frozen import FrozenDict
from striate.network.relation import Shape
from striate.values import integers, items, shown, text

InputShape = Sequence[int] | Mapping[str, Sequence[int]] | Sequence[Sequence[int]] | None
Shapes = Shape | tuple[Shape, ...] | FrozenDict[str, Shape] | None

LARGEST_AXIS = 1 << 31


def input_shapes(given: InputShape) -> Shapes:
    """None, the shape of one input, shapes in the inputs' order, or shapes by the inputs' names.

    Raises InputError for anything else.

    >>> input_shapes([1, 3, 8, 8]), input_shapes([[1, 3], [1, 5]]), input_shapes({"x": [1, 3]})
    ((1, 3, 8, 8), ((1, 3), (1, 5)), {'x': (1, 3)})
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        return FrozenDict({text("the name of an input", name): shape_of(shape) for name, shape in given.items()})
    entries = _items(given)
    if entries and all(isinstance(entry, Iterable) and not isinstance(entry, str | bytes) for entry in entries):
        return tuple(map(shape_of, entries))
    return shape_of(entries)


def in_order(shapes: Shapes) -> tuple[Shape, ...]:
    """The shapes that were given as a sequence of several; none of a single shape."""
    return tuple(shape for shape in shapes or () if isinstance(shape, tuple))


def alone(shapes: Shapes) -> Shape:
    """The sizes of a single shape; none of several."""
    return tuple(n for n in shapes or () if isinstance(n, int))


def shape_of(given: object) -> Shape:
    """One shape; InputError where it holds anything but integers from 1 to 2**31."""
    try:
        sizes = integers("input_shape", _items(given))
    except InputError as error:
        raise _no_shape(given) from error
    if any(not 1 <= n <= LARGEST_AXIS for n in sizes):
        raise InputError(f"input_shape {shown(sizes)} has a dimension below 1 or above {LARGEST_AXIS}")
    return sizes


def _items(given: object) -> list[Any]:
    try:
        return items("input_shape", given)
    except InputError as error:
        raise _no_shape(given) from error


def _no_shape(given: object) -> InputError:
    return InputError(f"input_shape {shown(given)} is no shape; give integers, such as input_shape=(1, 3, 224, 224)")
