"""A photograph as the input of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore.cover import Floats
from striate.explore.screen import Level, Screen, laid_out
from striate.fields import Fields

LUMA = (0.299, 0.587, 0.114)
"""How much of red, green and blue stands in grey (ITU-R BT.601)."""


def photo_size(fields: Fields) -> tuple[int, int]:
    """Height and width of a network's input; InputError where it is no picture."""
    if len(fields.spatial) != 2:
        raise InputError(f"a photograph needs two spatial axes; {fields.source} is laid out {fields.layout}")
    height, width = (fields.network.shapes[fields.source][axis] for axis in fields.spatial.values())
    return height, width


def photo_input(fields: Fields, photo: NDArray[Any], black: Level = 0.0, white: Level = 1.0) -> Floats:
    """A photograph of shape (height, width, 3), uint8, as the input in its shape and its order of axes.

    ``black`` and ``white`` are the numbers that the input has there, one or one for each channel; an input of one
    channel is shown grey. Raises InputError where the input is no picture of one or three channels of that size.
    """
    height, width = photo_size(fields)
    if photo.shape[:2] != (height, width):
        size = f"{photo.shape[0]}x{photo.shape[1]}"
        raise InputError(f"{fields.source} takes {height}x{width} pixels, the photograph has {size}")
    shape, letters = fields.network.shapes[fields.source], fields.layout
    channels = shape[letters.find("C")] if "C" in letters else 1
    if channels not in (1, 3):
        raise InputError(f"a photograph has three channels, or one in grey; {fields.source} has {channels}")
    screen = Screen.of(channels, black, white)
    low, high = (np.array(numbers)[:, None, None] for numbers in (screen.black, screen.white))
    colours = photo.transpose(2, 0, 1) / 255
    shown = colours if channels == 3 else np.tensordot(LUMA, colours, 1)[None]
    return np.broadcast_to(laid_out(fields, low + (high - low) * shown), shape).copy()
