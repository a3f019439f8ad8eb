"""Input shapes as a caller writes them, read once into one frozen form that every reader takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from striate.errors import InputError
from striate.frozen import FrozenDict
from striate.network.relation import Shape
from striate.values import integers, items, shown, text


class Example(Protocol):
    """A tensor or array that an input could hold."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""

    @property
    def dtype(self) -> object:
        """Its element type."""


InputShape = Sequence[int] | Mapping[str, Any] | Sequence[Sequence[int]] | Example | None
Shapes = Shape | tuple[Shape, ...] | FrozenDict[str, Shape] | None

LARGEST_AXIS = 1 << 31


def input_shapes(given: InputShape) -> Shapes:
    """None, the shape of one input, shapes in the inputs' order, or shapes by the inputs' names.

    An example of an input, an array or tensor, stands for its shape; an input that is a list of tensors has a list of
    shapes and is taken for several, ``xs.0`` and so on. Raises InputError for anything else.

    >>> input_shapes([1, 3, 8, 8]), input_shapes([[1, 3], [1, 5]]), input_shapes({"x": [1, 3]})
    ((1, 3, 8, 8), ((1, 3), (1, 5)), {'x': (1, 3)})
    >>> input_shapes({"xs": [(1, 3), (1, 5)]})
    {'xs.0': (1, 3), 'xs.1': (1, 5)}
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        found: dict[str, Shape] = {}
        for name, shape in given.items():
            key = text("the name of an input", name)
            several = None if is_example(shape) else _several(shape)
            listed = {key: shape} if several is None else {f"{key}.{k}": part for k, part in enumerate(several)}
            found.update({part: shape_of(one) for part, one in listed.items()})
        return FrozenDict(found)
    if is_example(given):
        return shape_of(given)
    several = _several(given)
    return shape_of(given) if several is None else tuple(map(shape_of, several))


def is_example(given: object) -> bool:
    """Whether this is a tensor or array that an input could hold; one axis of integers is a shape."""
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    if not isinstance(shape, tuple) or dtype is None:
        return False
    return len(shape) != 1 or "int" not in str(dtype)


def dtypes_in(given: object) -> dict[str, str]:
    """The element types of the examples among shapes given by name, or of a single one, under the empty name."""
    if is_example(given):
        return {"": str(getattr(given, "dtype", ""))}
    if isinstance(given, Mapping):
        return {str(name): str(item.dtype) for name, item in given.items() if is_example(item)}
    return {}


def _several(given: object) -> list[Any] | None:
    """The entries of a sequence of shapes or examples; None of a single shape."""
    entries = _items(given)
    nested = entries and all(isinstance(entry, Iterable) and not isinstance(entry, str | bytes) for entry in entries)
    return entries if nested else None


def in_order(shapes: Shapes) -> tuple[Shape, ...]:
    """The shapes that were given as a sequence of several; none of a single shape."""
    return tuple(shape for shape in shapes or () if isinstance(shape, tuple))


def alone(shapes: Shapes) -> Shape:
    """The sizes of a single shape; none of several."""
    return tuple(n for n in shapes or () if isinstance(n, int))


def shape_of(given: object) -> Shape:
    """One shape, or that of an example; InputError where it holds anything but integers from 1 to 2**31."""
    if is_example(given):
        given = tuple(getattr(given, "shape", ()))
    try:
        sizes = integers("input_shape", _items(given))
    except InputError as error:
        raise _no_shape(given) from error
    if any(not 1 <= n <= LARGEST_AXIS for n in sizes):
        raise InputError(f"input_shape {shown(sizes)} has a dimension below 1 or above {LARGEST_AXIS}")
    return sizes


def _items(given: object) -> list[Any]:
    listed = getattr(given, "tolist", None)
    try:
        return items("input_shape", listed() if callable(listed) else given)
    except InputError as error:
        raise _no_shape(given) from error


def _no_shape(given: object) -> InputError:
    return InputError(f"input_shape {shown(given)} is no shape; give integers, such as input_shape=(1, 3, 224, 224)")
