"""Photographs read from files, in the size that a network takes."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from PIL.Image import Image

Photo = NDArray[np.uint8]
FITS = ("refuse", "crop", "pad")
PADDED = 190
MAX_PIXELS = 64_000_000
WIDER = 257
"""How many steps of 16 bits make one of 8."""


def read_photo(path: str | PathLike[str], size: tuple[int, int] | None = None, fit: str = "refuse") -> Photo:
    """A photograph as (height, width, 3) uint8, resized to ``size`` (height, width) where given, never stretched.

    It is turned upright as its metadata says, and 16 bits become 8. One of another shape is refused, cropped around its
    middle, or padded with grey, as ``fit`` says. Raises InputError for one that is refused, for numbers of 32 bits,
    which have no black and white of their own, and for a file that is missing, damaged, or no image.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingDependencyError("pictures need Pillow: pip install 'striate[plot]'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise InputError(f"{path}: {image.width}x{image.height} is more than {MAX_PIXELS:,} pixels")
                picture = _eight_bits(ImageOps.exif_transpose(image), image.format, path).convert("RGB")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except InputError:
        raise
    except Exception as error:  # Pillow's own, of many kinds for damaged pictures and metadata
        raise InputError(f"{path}: not an image that Pillow can read") from error
    if size is not None and (picture.height, picture.width) != size:
        picture = _fitted(picture, size, fit, path)
    return np.asarray(picture, dtype=np.uint8)


def _eight_bits(picture: Image, kind: str | None, path: object) -> Image:
    """A grey picture of 16 bits in 8, from 0 to 255, which Pillow would cut off at 255; any other as it is."""
    from PIL import Image

    if picture.mode.startswith("I;16") or (picture.mode == "I" and kind == "PNG"):
        return Image.fromarray(np.asarray(np.asarray(picture, np.float64) / WIDER + 0.5, np.uint8))
    if picture.mode in ("I", "F"):
        raise InputError(f"{path}: its numbers have 32 bits and no black or white: save it with 8 or 16 bits")
    return picture


def _fitted(picture: Image, size: tuple[int, int], fit: str, path: object) -> Image:
    """A picture in (height, width), its own shape kept to a pixel."""
    from PIL import Image, ImageOps

    height, width = size
    closest = (round(width * picture.height / picture.width), round(height * picture.width / picture.height))
    lanczos = Image.Resampling.LANCZOS
    if abs(closest[0] - height) <= 1 or abs(closest[1] - width) <= 1:
        return picture.resize((width, height), lanczos)
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), lanczos)
    if fit == "pad":
        return ImageOps.pad(picture, (width, height), lanczos, color=(PADDED,) * 3)
    raise InputError(
        f"{path}: {picture.height}x{picture.width} pixels do not fit an input of {height}x{width} without stretching; "
        "choose fit='crop' or fit='pad'"
    )
