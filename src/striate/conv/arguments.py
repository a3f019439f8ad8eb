"""The caller's spellings, parsed once into canonical values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from striate.conv.errors import InputError, ShapeError
from striate.conv.problem import Pads, Pair, Problem
from striate.geometry import Convention, resolve_padding
from striate.values import shown

PaddingArg = int | str | Sequence[int] | Sequence[Sequence[int]]
PairArg = int | Sequence[int]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
CONVENTIONS = {
    "valid": Convention.VALID,
    "same": Convention.TORCH_SAME,
    "same_upper": Convention.SAME_UPPER,
    "same_lower": Convention.SAME_LOWER,
}
MOST = 2**31 - 1
"""The largest number an argument or a size may be."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """How a window moves over an image and what surrounds it, in one spelling.

    ``padding`` is (top, bottom, left, right) or the name of a convention. :meth:`parse` takes every other spelling.
    """

    stride: Pair = (1, 1)
    padding: Pads | str = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    padding_mode: str = "zeros"

    @classmethod
    def parse(
        cls,
        stride: PairArg = 1,
        padding: PaddingArg = 0,
        dilation: PairArg = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
    ) -> Arguments:
        """The arguments of ``conv2d`` as a caller writes them. Raises InputError.

        >>> Arguments.parse([2], np.array([1, 2]), padding_mode="reflect").padding
        (1, 1, 2, 2)
        """
        groups = parse_groups(groups)
        strides, dilations = parse_positive("stride", stride), parse_positive("dilation", dilation)
        pads = parse_convention(padding) if isinstance(padding, str) else check_padding(padding)
        return cls(strides, pads, dilations, groups, parse_mode(padding_mode))

    def pads(self, size: Pair, kernel: Pair) -> Pads:
        """(top, bottom, left, right) around an image of ``size``."""
        if not isinstance(self.padding, str):
            return self.padding
        return parse_padding(self.padding, size, kernel, self.stride, self.dilation)

    def problem(self, x: tuple[int, ...], weight: tuple[int, ...]) -> tuple[Problem, Pads]:
        """The zero-padded problem for shapes ``x`` and ``weight``, and the pads to apply before it.

        With ``padding_mode="zeros"`` the problem carries the padding and nothing is applied before; with another
        mode the problem stands on the input already padded. Raises InputError or ShapeError.
        """
        check_shapes(x, weight, self.groups)
        n, (c, h, w) = (1 if len(x) == 3 else x[0]), x[-3:]
        k, _, kh, kw = weight
        pads, none = self.pads((h, w), (kh, kw)), (0, 0, 0, 0)
        steps = self.stride, pads, self.dilation, self.groups
        if self.padding_mode == "zeros" or not any(pads):
            return Problem(n, c, h, w, k, kh, kw, *steps), none
        check_mode_pads(self.padding_mode, (h, w), pads)
        top, bottom, left, right = pads
        h, w = h + top + bottom, w + left + right
        return Problem(n, c, h, w, k, kh, kw, self.stride, none, self.dilation, self.groups), pads


@lru_cache(maxsize=1024)
def _known(stride: PairArg, padding: PaddingArg, dilation: PairArg, groups: int) -> Arguments:
    return Arguments.parse(stride, padding, dilation, groups)


def parsed(stride: PairArg, padding: PaddingArg, dilation: PairArg, groups: int) -> Arguments:
    """:meth:`Arguments.parse`, which remembers what it was given."""
    if exact(stride) and exact(padding) and exact(dilation) and type(groups) is int:
        return _known(stride, padding, dilation, groups)
    return Arguments.parse(stride, padding, dilation, groups)


def exact(value: Any) -> bool:
    """Whether this is an int, a str or a pair of ints, of these very types.

    >>> exact(1), exact((1, 2)), exact(1.0), exact((1.0, 2)), exact(True)
    (True, True, False, False, False)
    """
    kind = type(value)
    if kind is tuple:
        return len(value) == 2 and type(value[0]) is int and type(value[1]) is int
    return kind is int or kind is str


def parse_integer(value: Any) -> int | None:
    """``value`` where it is an integer of any type, None where it is not."""
    try:
        return int(index(value))
    except TypeError:
        return None


def listed(value: Any) -> list[Any] | None:
    """The items of a sequence or an array, None for what has none."""
    if isinstance(value, np.ndarray) and value.ndim:
        return list(value.tolist())
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else None


def parse_count(name: str, value: Any, least: int = 1) -> int:
    """One integer of at least ``least``. Raises InputError."""
    number = parse_integer(value)
    if number is None or number < least:
        raise InputError(f"{name} must be an integer of at least {least}, got {shown(value)}")
    return number


def parse_pair(name: str, value: PairArg) -> Pair:
    """``3`` or ``(3,)`` as ``(3, 3)``; ``(2, 3)`` as it is. Raises InputError for anything else."""
    items = listed(value)
    numbers = [parse_integer(item) for item in ([value] if items is None else items)]
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise InputError(f"{name} must be an integer or a pair of integers, got {shown(value)}")
    return _bounded(name, numbers[0]), _bounded(name, numbers[1])


def _bounded(name: str, number: int) -> int:
    if abs(number) > MOST:
        raise InputError(f"{name} must be at most {MOST}, got {shown(number)}")
    return number


def parse_positive(name: str, value: PairArg) -> Pair:
    """A pair of numbers of at least 1; the text of the error is torch's."""
    pair = parse_pair(name, value)
    if min(pair) < 1:
        rule = "dilation should be greater than zero" if name == "dilation" else f"non-positive {name} is not supported"
        raise InputError(f"{rule}, got {name}={shown(value)}")
    return pair


def parse_shape(name: str, value: Any) -> tuple[int, ...]:
    """A shape: integers of at least 0. Raises InputError for anything else."""
    items = listed(value)
    sizes = [None] if items is None else [parse_integer(item) for item in items]
    if any(size is None or size < 0 for size in sizes):
        raise InputError(f"{name} must be a shape, a tuple of integers of at least 0, got {shown(value)}")
    return tuple(_bounded(name, size) for size in sizes if size is not None)


def parse_padding(padding: PaddingArg, size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Pads:
    """Any spelling of padding as (top, bottom, left, right) for an input of ``size``.

    An integer pads all four sides, a pair ``(rows, columns)`` both sides of each axis, two pairs give
    ``((top, bottom), (left, right))``, and the names are ``"valid"``, ``"same"`` (PyTorch, stride 1),
    ``"same_upper"`` (TensorFlow's SAME) and ``"same_lower"``.

    >>> parse_padding(((0, 1), (2, 3)), (8, 8), (3, 3), (1, 1), (1, 1))
    (0, 1, 2, 3)
    >>> parse_padding("same_upper", (8, 8), (3, 3), (2, 2), (1, 1))
    (0, 1, 0, 1)
    """
    if not isinstance(padding, str):
        return check_padding(padding)
    convention = CONVENTIONS[parse_convention(padding)]
    top, bottom = resolve_padding(convention, size[0], kernel[0], stride[0], dilation[0])
    left, right = resolve_padding(convention, size[1], kernel[1], stride[1], dilation[1])
    return top, bottom, left, right


def parse_convention(padding: str) -> str:
    """The name of a padding convention. Raises InputError for another."""
    if padding not in CONVENTIONS:
        raise InputError(f"padding must be one of {sorted(CONVENTIONS)} or numbers, got {shown(padding)}")
    return str(padding)


def check_padding(padding: int | Sequence[int] | Sequence[Sequence[int]]) -> Pads:
    """Padding given as numbers, as (top, bottom, left, right). Raises InputError where one is negative."""
    sides = _four_sides(padding)
    if min(sides) < 0:
        raise InputError(f"negative padding is not supported, got padding={shown(padding)}; crop the input instead")
    return sides


def _four_sides(padding: Any) -> Pads:
    axes = listed(padding)
    sides = None if axes is None else [listed(axis) for axis in axes]
    if sides is not None and any(side is not None for side in sides):
        numbers = [None if side is None or len(side) != 2 else [parse_integer(n) for n in side] for side in sides]
        match numbers:
            case [[int(top), int(bottom)], [int(left), int(right)]]:
                return tuple(_bounded("padding", n) for n in (top, bottom, left, right))  # type: ignore[return-value]
        raise InputError(f"four-sided padding is ((top, bottom), (left, right)), got {shown(padding)}")
    if axes is not None and len(axes) == 4:
        raise InputError(
            f"four pads are written ((top, bottom), (left, right)), got the flat {shown(padding)}, "
            "whose order differs between libraries"
        )
    rows, columns = parse_pair("padding", padding)
    return rows, rows, columns, columns


def parse_groups(groups: int) -> int:
    """``groups`` as an integer of at least 1."""
    number = parse_integer(groups)
    if number is None:
        raise InputError(f"groups must be an integer, got {shown(groups)}")
    if number < 1:
        raise InputError(f"non-positive groups is not supported, got groups={number}")
    return _bounded("groups", number)


def parse_name(argument: str, value: Any, names: tuple[str, ...]) -> str:
    """``value`` where it is one of ``names``. Raises InputError."""
    if not isinstance(value, str) or value not in names:
        raise InputError(f"{argument} must be one of {names}, got {shown(value)}")
    return str(value)


def parse_mode(padding_mode: str) -> str:
    """``padding_mode`` where it is one of the four names."""
    return parse_name("padding_mode", padding_mode, PADDING_MODES)


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


def parse_problem(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    stride: PairArg,
    padding: PaddingArg,
    dilation: PairArg,
    groups: int,
    padding_mode: str = "zeros",
) -> tuple[Problem, Pads]:
    """:meth:`Arguments.problem` of arguments as a caller writes them."""
    return Arguments.parse(stride, padding, dilation, groups, padding_mode).problem(x, weight)


def check_mode_pads(mode: str, size: Pair, pads: Pads) -> None:
    """Raises ShapeError where a border mode has too few pixels to take its padding from."""
    for axis, n, around in (("height", size[0], pads[:2]), ("width", size[1], pads[2:])):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(around) if n else 0)
        if max(around) > most:
            raise ShapeError(
                f"padding_mode={mode!r} can take at most {most} pixels along a {axis} of {n}, got padding {around}"
            )
