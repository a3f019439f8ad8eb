"""What a model file says of its inputs' shapes, and what a caller's shapes make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.errors import InputError, OpenInputError
from striate.formats.shapes import LARGEST_AXIS, Shapes, alone, in_order
from striate.names import did_you_mean
from striate.network.relation import Shape

Declared = tuple[int | str, ...] | None
"""Sizes and names of open ones ('' for nameless); None for an unknown rank."""


def given_by_name(shapes: Shapes, declared: Mapping[str, Declared]) -> dict[str, Shape]:
    """The shapes given, by the names of the inputs that they are meant for.

    A single shape is meant for the main input, the first one of the highest rank.
    """
    if shapes is None:
        return {}
    if not declared:
        raise InputError("the model has no input to give a shape to")
    if isinstance(shapes, dict):
        for name in shapes:
            if name not in declared:
                raise InputError(f"no input {name!r}{did_you_mean(name, declared)} Inputs: {', '.join(declared)}")
        return shapes
    several = in_order(shapes)
    if len(several) > len(declared):
        raise InputError(f"{len(several)} input shapes for {len(declared)} inputs: {', '.join(declared)}")
    return dict(zip(declared, several, strict=False)) if several else {_main(declared): alone(shapes)}


def _main(declared: Mapping[str, Declared]) -> str:
    return max(declared, key=lambda name: len(declared[name] or ()))


def bounded(name: str, shape: Shape) -> Shape:
    """A shape whose every size an axis can have."""
    if any(n < 1 or n > LARGEST_AXIS for n in shape):
        raise InputError(f"input {name!r}: shape {shape} has a dimension below 1 or above {LARGEST_AXIS}")
    return shape


def declared_text(declared: Sequence[int | str]) -> str:
    """Sizes as an error shows them.

    >>> declared_text((1, "h", ""))
    '(1, h, ?)'
    """
    return f"({', '.join(str(dim) if dim != '' else '?' for dim in declared)})"


def resolved(name: str, declared: Declared, known: Mapping[str, int]) -> Shape:
    """The declared shape, its names replaced by what other inputs fixed; OpenInputError where a size stays open."""
    if declared is None:
        raise OpenInputError(f"input {name!r} has no declared shape; give one: input_shape={{{name!r}: (...)}}")
    shape = [known.get(dim, dim) if isinstance(dim, str) else dim for dim in declared]
    for axis, dim in enumerate(shape):
        if isinstance(dim, str):
            example = ", ".join(str(d) if isinstance(d, int) else "N" for d in shape)
            raise OpenInputError(
                f"input {name!r} of shape {declared_text(declared)}: dimension {axis} ({dim or 'unnamed'}) is dynamic; "
                f"give a size, input_shape={{{name!r}: ({example})}}"
            )
    return bounded(name, tuple(int(dim) for dim in shape))
