"""The screen in front of a network: which numbers of its input are black, white and blank, and in which colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from striate.errors import InputError
from striate.explore.cover import Floats
from striate.fields import Fields
from striate.values import items, shown

COLOURS = {"grey": (1.0, 1.0, 1.0), "red-green": (1.0, -1.0, 0.0), "blue-yellow": (-0.5, -0.5, 1.0)}
Level = float | Sequence[float]


@dataclass(frozen=True)
class Screen:
    """Black, white and blank of each channel of the input, and how much of a pattern each channel shows.

    Where a pattern is 1 the input is as far from blank as white is, where it is -1 as black is, times ``colour``.
    """

    black: tuple[float, ...]
    white: tuple[float, ...]
    blank: tuple[float, ...]
    colour: tuple[float, ...]

    @classmethod
    def of(
        cls, channels: int, black: Level = 0.0, white: Level = 1.0, blank: Level | None = None, colour: object = "grey"
    ) -> Screen:
        """A screen from one number for all channels or one for each; blank lies midway where none is given.

        ``colour`` is ``"grey"``, ``"red-green"``, ``"blue-yellow"`` or a number in [-1, 1] for each channel. Raises
        InputError for anything else.

        >>> Screen.of(3, -1, 1, colour="red-green").input(np.array([[1.0, -1.0]])).tolist()
        [[[1.0, -1.0]], [[-1.0, 1.0]], [[0.0, 0.0]]]
        """
        low, high = _levels("black", black, channels), _levels("white", white, channels)
        if low == high:
            raise InputError(f"black and white are both {shown(low[0])}: the screen has no contrast")
        middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
        return cls(low, high, middle if blank is None else _levels("blank", blank, channels), _colour(colour, channels))

    def input(self, pattern: Floats) -> Floats:
        """The input that shows a pattern of shape (height, width), channels first."""
        black, white, blank, colour = (
            np.array(level)[:, None, None] for level in (self.black, self.white, self.blank, self.colour)
        )
        part = pattern * colour
        return np.asarray(blank + np.where(part > 0, white - blank, blank - black) * part)


def laid_out(fields: Fields, image: Floats) -> Floats:
    """An image of channels, rows and columns in the order of the input's axes, others of length one."""
    letters = fields.layout
    rows, columns = fields.spatial.values()
    axes = [axis for axis in (letters.find("C"), rows, columns) if axis >= 0]
    image = image if letters.find("C") >= 0 else image[0]
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    others = tuple(axis for axis in range(len(letters)) if axis not in axes)
    return np.expand_dims(image.transpose(order), others)


def _colour(colour: object, channels: int) -> tuple[float, ...]:
    if isinstance(colour, str):
        if colour == "grey":
            return (1.0,) * channels
        if colour not in COLOURS or channels != 3:
            raise InputError(
                f"colour {colour!r} is none of {', '.join(COLOURS)}"
                if colour not in COLOURS
                else f"colour {colour!r} takes an input of 3 channels, this one has {channels}"
            )
        return COLOURS[colour]
    found = _levels("colour", colour, channels)
    if not all(-1 <= part <= 1 for part in found):
        raise InputError(f"colour must lie in [-1, 1] for each channel, got {shown(colour)}")
    return found


def _levels(name: str, level: object, channels: int) -> tuple[float, ...]:
    several = [level] * channels if isinstance(level, int | float | np.number) else items(name, level)
    if len(several) != channels:
        raise InputError(f"{name} takes one number or one for each of {channels} channels, got {len(several)}")
    for number in several:
        if isinstance(number, bool) or not isinstance(number, int | float | np.number) or not np.isfinite(number):
            raise InputError(f"{name} must be finite numbers, got {shown(level)}")
    return tuple(float(number) for number in several)
