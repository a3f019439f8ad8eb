"""What a convolution is called with beside its arrays: any spelling, parsed once into one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from striate.conv.problem import Pads, Pair, Problem
from striate.errors import InputError, ShapeError
from striate.geometry import Convention, resolve_padding
from striate.values import as_integer, as_list, integer, integers, shown, text

# What a caller may write: NumPy's integers and arrays of them too.
Integers = Sequence[SupportsIndex] | NDArray[np.integer]
PairArg = SupportsIndex | Integers
PaddingArg = PairArg | str | Sequence[Integers]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]

PADDING_MODES: tuple[PaddingMode, ...] = ("zeros", "reflect", "replicate", "circular")
CONVENTIONS = {
    "valid": Convention.VALID,
    "same": Convention.TORCH_SAME,
    "same_upper": Convention.SAME_UPPER,
    "same_lower": Convention.SAME_LOWER,
}
MOST = 2**31 - 1
"""The largest number an argument or a size may be."""


class Arguments(NamedTuple):
    """How a window moves over an image and what surrounds it, in one spelling.

    ``padding`` is (top, bottom, left, right) or the name of a convention. :meth:`parse` takes every other spelling.
    """

    stride: Pair = (1, 1)
    padding: Pads | str = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    padding_mode: PaddingMode = "zeros"

    @classmethod
    def parse(
        cls,
        stride: PairArg = 1,
        padding: PaddingArg = 0,
        dilation: PairArg = 1,
        groups: SupportsIndex = 1,
        padding_mode: PaddingMode = "zeros",
    ) -> Arguments:
        """The arguments of ``conv2d`` as a caller writes them. Raises InputError.

        An integer pads all four sides, a pair ``(rows, columns)`` both sides of each axis, two pairs are
        ``((top, bottom), (left, right))``, and the names are ``"valid"``, ``"same"`` (PyTorch, stride 1),
        ``"same_upper"`` (TensorFlow's SAME) and ``"same_lower"``.

        >>> Arguments.parse([2], (1, 2), padding_mode="reflect").padding
        (1, 1, 2, 2)
        """
        integers = type(stride) is int and type(padding) is int and type(dilation) is int and type(groups) is int
        # Only where equal spellings are alike in type: a cache takes 1.0 for 1.
        if integers or (_exact(stride) and _exact(padding) and _exact(dilation) and type(groups) is int):
            try:
                return _known(stride, padding, dilation, groups, padding_mode)
            except TypeError:
                pass  # a mode that cannot be a key, refused below
        return _parsed(stride, padding, dilation, groups, padding_mode)

    @classmethod
    def parse_line(
        cls,
        stride: PairArg,
        padding: PaddingArg,
        dilation: PairArg,
        groups: SupportsIndex,
        padding_mode: PaddingMode,
    ) -> Arguments:
        """The arguments of ``conv1d``, as those of a convolution of one row. Raises InputError."""
        steps = _one("stride", stride), _both_ends(padding), _one("dilation", dilation)
        return cls.parse(*steps, groups, padding_mode)

    def pads(self, size: Pair, kernel: Pair) -> Pads:
        """(top, bottom, left, right) around an image of ``size``.

        >>> Arguments.parse(2, "same_upper").pads((8, 8), (3, 3))
        (0, 1, 0, 1)
        """
        if not isinstance(self.padding, str):
            return self.padding
        convention = CONVENTIONS[self.padding]
        steps = zip(size, kernel, self.stride, self.dilation, strict=True)
        (top, bottom), (left, right) = (resolve_padding(convention, *axis) for axis in steps)
        return top, bottom, left, right

    def problem(self, x: tuple[int, ...], weight: tuple[int, ...]) -> tuple[Problem, Pads]:
        """The zero-padded problem for shapes ``x`` and ``weight``, and the pads to apply before it.

        With ``padding_mode="zeros"`` the problem carries the padding and nothing is applied before; with another
        mode the problem stands on the input already padded. Raises InputError or ShapeError.
        """
        check_shapes(x, weight, self.groups)
        n, (c, h, w) = (1 if len(x) == 3 else x[0]), x[-3:]
        k, _, kh, kw = weight
        pads, none = self.pads((h, w), (kh, kw)), (0, 0, 0, 0)
        if self.padding_mode == "zeros" or not any(pads):
            return Problem(n, c, h, w, k, kh, kw, self.stride, pads, self.dilation, self.groups), none
        _check_mode_pads(self.padding_mode, (h, w), pads)
        top, bottom, left, right = pads
        h, w = h + top + bottom, w + left + right
        return Problem(n, c, h, w, k, kh, kw, self.stride, none, self.dilation, self.groups), pads


def _parsed(
    stride: PairArg, padding: PaddingArg, dilation: PairArg, groups: SupportsIndex, padding_mode: PaddingMode
) -> Arguments:
    count = _groups(groups)
    steps = parse_positive("stride", stride), parse_positive("dilation", dilation)
    return Arguments(steps[0], _padding(padding), steps[1], count, text("padding_mode", padding_mode, PADDING_MODES))


_known: Callable[..., Arguments] = lru_cache(maxsize=1024)(_parsed)


def _exact(value: Any) -> bool:
    """Whether this is an int, a str, or a pair of ints or of such pairs, of these very types.

    >>> _exact(1), _exact((1, 2)), _exact(((1, 2), (0, 1))), _exact(1.0), _exact((1.0, 2)), _exact(True)
    (True, True, True, False, False, False)
    """
    kind = type(value)
    if kind is not tuple:
        return kind is int or kind is str
    if len(value) != 2:
        return False
    first, last = value
    return (type(first) is int and type(last) is int) or (
        type(first) is type(last) is tuple and _exact(first) and _exact(last)
    )


def parse_pair(name: str, value: object) -> Pair:
    """``3`` or ``(3,)`` as ``(3, 3)``; ``(2, 3)`` as it is. Raises InputError for anything else."""
    items = as_list(value)
    numbers = [as_integer(item) for item in ([value] if items is None else items)]
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise InputError(f"{name} must be an integer or a pair of integers, got {shown(value)}")
    return _bounded(name, numbers[0]), _bounded(name, numbers[1])


def _bounded(name: str, number: int) -> int:
    return integer(name, number, -MOST, MOST)


def parse_positive(name: str, value: object) -> Pair:
    """A pair of numbers of at least 1; the text of the error is torch's."""
    pair = parse_pair(name, value)
    if min(pair) < 1:
        rule = "dilation should be greater than zero" if name == "dilation" else f"non-positive {name} is not supported"
        raise InputError(f"{rule}, got {name}={shown(value)}")
    return pair


def parse_shape(name: str, value: object) -> tuple[int, ...]:
    """A shape: integers of at least 0. Raises InputError for anything else."""
    return integers(name, value, 0, MOST)


def _groups(groups: object) -> int:
    number = integer("groups", groups, most=MOST)
    if number < 1:
        raise InputError(f"non-positive groups is not supported, got groups={shown(number)}")
    return number


def _padding(padding: PaddingArg) -> Pads | str:
    if isinstance(padding, str):
        return _convention(padding)
    sides = _four_sides(padding)
    if min(sides) < 0:
        raise InputError(f"negative padding is not supported, got padding={shown(padding)}; crop the input instead")
    return sides


def _convention(padding: str) -> str:
    if padding not in CONVENTIONS:
        raise InputError(f"padding must be one of {sorted(CONVENTIONS)} or numbers, got {shown(padding)}")
    return str(padding)


def _four_sides(padding: object) -> Pads:
    axes = as_list(padding)
    sides = None if axes is None else [as_list(axis) for axis in axes]
    if sides is not None and any(side is not None for side in sides):
        numbers = [None if side is None or len(side) != 2 else [as_integer(n) for n in side] for side in sides]
        match numbers:
            case [[int(top), int(bottom)], [int(left), int(right)]]:
                top, bottom, left, right = (_bounded("padding", n) for n in (top, bottom, left, right))
                return top, bottom, left, right
        raise InputError(f"four-sided padding is ((top, bottom), (left, right)), got {shown(padding)}")
    if axes is not None and len(axes) == 4:
        raise InputError(
            f"four pads are written ((top, bottom), (left, right)), got the flat {shown(padding)}, "
            "whose order differs between libraries"
        )
    rows, columns = parse_pair("padding", padding)
    return rows, rows, columns, columns


def _one(name: str, value: PairArg) -> Pair:
    items = as_list(value)
    if items is not None and len(items) != 1:
        raise InputError(f"{name} must be an integer or a tuple of one, got {shown(value)}")
    return 1, parse_positive(name, value)[1]


def _both_ends(padding: PaddingArg) -> str | tuple[Pair, Pair]:
    if isinstance(padding, str):
        return padding
    items = as_list(padding)
    only = items[0] if items is not None and len(items) == 1 else padding
    ends = None if items is None or only is padding else as_list(only)
    numbers = [as_integer(end) for end in ([only, only] if ends is None else ends)]
    match numbers:
        case [int(left), int(right)]:
            return (0, 0), (left, right)
    raise InputError(f"padding must be an integer, (both,) or ((left, right),), got {shown(padding)}")


def check_shapes(x: tuple[int, ...], weight: tuple[int, ...], groups: int, axes: str = "HW") -> None:
    """Raises ShapeError, with torch's words, where input and weight do not fit; ``axes`` names the spatial ones."""
    rank = len(axes) + 2
    layout = "C, " + ", ".join(axes)
    if len(weight) != rank:
        words = {3: "three", 4: "four"}[rank]
        raise ShapeError(
            f"weight should have at least {words} dimensions (K, C/groups, kernel), "
            f"got {len(weight)} in {shown(weight)}"
            f"{_missing('weight', len(weight), rank)}. "
            f"Expected {len(weight)}-dimensional input for {len(weight)}-dimensional weight"
        )
    if len(x) not in (rank - 1, rank):
        raise ShapeError(
            f"expected {rank - 1}D ({layout}) or {rank}D (N, {layout}) input, got {len(x)}D of shape {shown(x)}"
            f"{_missing('x', len(x), rank - 1)}"
        )
    if min(weight[2:]) < 1:
        raise ShapeError(f"kernel sizes must be at least 1, got weight of shape {weight}")
    if weight[0] % groups or 0 < weight[0] < groups:
        raise ShapeError(
            f"given groups={groups}, expected weight to be at least {groups} at dimension 0 and divisible by "
            f"{groups}, got weight of shape {weight}"
        )
    if x[1 - rank] != weight[1] * groups:
        raise ShapeError(
            f"given groups={groups} and weight of shape {weight}, expected input of shape {x} to have "
            f"{weight[1] * groups} channels, got {x[1 - rank]}: input channels and weight channels times groups "
            "should be the same"
        )


def _missing(name: str, rank: int, wanted: int) -> str:
    # What to write where the axes of channels are left out.
    if not 0 < rank < wanted or wanted - rank > 2:
        return ""
    return f"; with one channel, pass {name}[{', '.join(['None'] * (wanted - rank))}]"


def _check_mode_pads(mode: str, size: Pair, pads: Pads) -> None:
    # A border mode needs enough pixels to take its padding from.
    for axis, n, around in (("height", size[0], pads[:2]), ("width", size[1], pads[2:])):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(around) if n else 0)
        if max(around) > most:
            raise ShapeError(
                f"padding_mode={mode!r} can take at most {most} pixels along a {axis} of {n}, got padding {around}"
            )
