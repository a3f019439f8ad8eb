"""The caller's spellings, parsed once into canonical values."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

from striate.conv.errors import InputError, ShapeError
from striate.conv.problem import Pads, Pair, Problem
from striate.geometry import Convention, resolve_padding

PaddingArg = int | str | Sequence[int] | Sequence[Sequence[int]]
PairArg = int | Sequence[int]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
CONVENTIONS = {
    "valid": Convention.VALID,
    "same": Convention.TORCH_SAME,
    "same_upper": Convention.SAME_UPPER,
    "same_lower": Convention.SAME_LOWER,
}


def parse_pair(name: str, value: PairArg) -> Pair:
    """``3`` or ``(3,)`` as ``(3, 3)``; ``(2, 3)`` as it is. Raises InputError for anything else."""
    try:
        numbers = (index(value),) * 2 if not isinstance(value, Sequence) else tuple(index(v) for v in value)
    except TypeError:
        numbers = ()
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise InputError(f"{name} must be an integer or a pair of integers, got {value!r}")
    return numbers[0], numbers[1]


def parse_positive(name: str, value: PairArg) -> Pair:
    """A pair of numbers of at least 1; the text of the error is torch's."""
    pair = parse_pair(name, value)
    if min(pair) < 1:
        rule = "dilation should be greater than zero" if name == "dilation" else f"non-positive {name} is not supported"
        raise InputError(f"{rule}, got {name}={value!r}")
    return pair


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
    if isinstance(padding, str):
        if padding not in CONVENTIONS:
            raise InputError(f"padding must be one of {sorted(CONVENTIONS)} or numbers, got {padding!r}")
        convention = CONVENTIONS[padding]
        top, bottom = resolve_padding(convention, size[0], kernel[0], stride[0], dilation[0])
        left, right = resolve_padding(convention, size[1], kernel[1], stride[1], dilation[1])
        return top, bottom, left, right
    return check_padding(padding)


def check_padding(padding: int | Sequence[int] | Sequence[Sequence[int]]) -> Pads:
    """Padding given as numbers, as (top, bottom, left, right). Raises InputError where one is negative."""
    sides = _four_sides(padding)
    if min(sides) < 0:
        raise InputError(f"negative padding is not supported, got padding={padding!r}; crop the input instead")
    return sides


def _four_sides(padding: int | Sequence[int] | Sequence[Sequence[int]]) -> Pads:
    if isinstance(padding, Sequence) and any(isinstance(side, Sequence) for side in padding):
        try:
            (top, bottom), (left, right) = ((index(a) for a in side) for side in padding)  # type: ignore[union-attr]
        except (TypeError, ValueError):
            raise InputError(f"four-sided padding is ((top, bottom), (left, right)), got {padding!r}") from None
        return top, bottom, left, right
    if isinstance(padding, Sequence) and len(padding) == 4:
        raise InputError(
            f"four pads are written ((top, bottom), (left, right)), got the flat {padding!r}, "
            "whose order differs between libraries"
        )
    rows, columns = parse_pair("padding", padding)  # type: ignore[arg-type]
    return rows, rows, columns, columns


def parse_groups(groups: int) -> int:
    """``groups`` as an integer of at least 1."""
    groups = index(groups)
    if groups < 1:
        raise InputError(f"non-positive groups is not supported, got groups={groups}")
    return groups


def parse_mode(padding_mode: str) -> str:
    """``padding_mode`` where it is one of the four names."""
    if padding_mode not in PADDING_MODES:
        raise InputError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
    return padding_mode


def check_shapes(x: tuple[int, ...], weight: tuple[int, ...], groups: int, axes: str = "HW") -> None:
    """Raises ShapeError, with torch's words, where input and weight do not fit; ``axes`` names the spatial ones."""
    rank = len(axes) + 2
    layout = "C, " + ", ".join(axes)
    if len(weight) != rank:
        words = {3: "three", 4: "four"}[rank]
        raise ShapeError(
            f"weight should have at least {words} dimensions (K, C/groups, kernel), got {len(weight)} in {weight}. "
            f"Expected {len(weight)}-dimensional input for {len(weight)}-dimensional weight"
        )
    if len(x) not in (rank - 1, rank):
        raise ShapeError(f"expected {rank - 1}D ({layout}) or {rank}D (N, {layout}) input, got {len(x)}D of shape {x}")
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


def parse_problem(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    stride: PairArg,
    padding: PaddingArg,
    dilation: PairArg,
    groups: int,
    padding_mode: str = "zeros",
) -> tuple[Problem, Pads]:
    """The zero-padded problem for shapes ``x`` and ``weight``, and the pads to apply before it.

    With ``padding_mode="zeros"`` the problem carries the padding and nothing is applied before; with another
    mode the problem stands on the input already padded. Raises InputError or ShapeError.
    """
    groups = parse_groups(groups)
    strides, dilations = parse_positive("stride", stride), parse_positive("dilation", dilation)
    if not isinstance(padding, str):
        check_padding(padding)
    check_shapes(x, weight, groups)
    n, (c, h, w) = (1 if len(x) == 3 else x[0]), x[-3:]
    k, _, kh, kw = weight
    pads = parse_padding(padding, (h, w), (kh, kw), strides, dilations)
    if parse_mode(padding_mode) == "zeros" or not any(pads):
        return Problem(n, c, h, w, k, kh, kw, strides, pads, dilations, groups), (0, 0, 0, 0)
    check_mode_pads(padding_mode, (h, w), pads)
    top, bottom, left, right = pads
    h, w = h + top + bottom, w + left + right
    return Problem(n, c, h, w, k, kh, kw, strides, (0, 0, 0, 0), dilations, groups), pads


def check_mode_pads(mode: str, size: Pair, pads: Pads) -> None:
    """Raises ShapeError where a border mode has too few pixels to take its padding from."""
    for axis, n, around in (("height", size[0], pads[:2]), ("width", size[1], pads[2:])):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(around) if n else 0)
        if max(around) > most:
            raise ShapeError(
                f"padding_mode={mode!r} can take at most {most} pixels along a {axis} of {n}, got padding {around}"
            )
