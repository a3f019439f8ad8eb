"""Photographs from files and arrays, in the size that a network takes."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING, Any

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
    _needs_pillow()
    from PIL import Image, ImageOps

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
    return _sized(picture, size, fit, path)


def is_photo(array: NDArray[Any]) -> bool:
    """Whether an array is a photograph: bytes of shape (height, width), or of three or four channels last."""
    return array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4)))


def as_photo(array: NDArray[Any], size: tuple[int, int] | None = None, fit: str = "refuse") -> Photo:
    """A photograph held as an array, as ``read_photo`` gives one from a file; a fourth channel is left out.

    Raises InputError for one that is refused, and for an array that is no photograph.

    >>> as_photo(np.zeros((40, 60), np.uint8), (20, 20), "crop").shape
    (20, 20, 3)
    """
    if not is_photo(array) or not array.size:
        found = f"shape {array.shape} of {array.dtype}"
        raise InputError(f"a photograph is (height, width, 3) bytes (uint8), or (height, width) in grey, got {found}")
    _needs_pillow()
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(array[..., :3] if array.ndim == 3 else array))
    return _sized(picture.convert("RGB"), size, fit, "the photograph")


def _needs_pillow() -> None:
    if find_spec("PIL") is None:
        raise MissingDependencyError("pictures need Pillow: pip install 'striate[plot]'")


def _sized(picture: Image, size: tuple[int, int] | None, fit: str, name: object) -> Photo:
    if size is not None and (picture.height, picture.width) != size:
        picture = _fitted(picture, size, fit, name)
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
