"""Image files as arrays that a convolution takes."""

from __future__ import annotations

from contextlib import nullcontext
from os import PathLike
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from striate.errors import ArrayTypeError, InputError, MissingDependencyError, named

_BYTES = ("1", "L", "P", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LA", "PA")
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
"""Two tags of TIFF, and a value of the second."""


@named("read_image")
def read_image(source: str | PathLike[str] | BinaryIO) -> NDArray[np.float32]:
    """The image as (3, H, W) float32 in [0, 1]: RGB, the orientation of its metadata applied, alpha dropped.

    ``source`` is a path or an open binary file of any format Pillow reads; of several pictures in it, the first.
    Greyscale becomes three equal channels. Integers of up to 16 bits are scaled by the largest they can be; floats are
    taken as they are, and must lie in [0, 1]. What has no white to scale by is refused: integers of 32 or of signed 16
    bits, and FITS, beyond 8 bits; as is the L*a*b* colour space.

    Raises InputError where it cannot be opened, is not a whole image or is refused, ArrayTypeError (a TypeError) for
    another kind of source, MissingDependencyError without Pillow.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (4, 2), (255, 0, 51)).save(file, "png")
    >>> read_image(file)[:, 0, 0].tolist()
    [1.0, 0.0, 0.20000000298023224]
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise MissingDependencyError("needs Pillow; install it with 'pip install pillow'") from None
    with _opened(source) as file:
        try:
            image = Image.open(file)
            upright = ImageOps.exif_transpose(image)
        except Exception as error:  # Pillow's own, of many kinds for a damaged file
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"not an image that Pillow can read whole: {reason}") from None
    if upright.mode in _BYTES:
        # Colours multiplied by their alpha are divided by it first.
        plain = upright.convert("RGBA") if upright.mode == "RGBa" else upright
        pixels = np.asarray(plain.convert("RGB"), dtype=np.float32) / np.float32(255)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return np.repeat(_grey(image, upright)[None], 3, axis=0)


def _opened(source: Any) -> Any:
    if isinstance(source, (str, PathLike)):
        try:
            return open(source, "rb")
        except OSError as error:
            raise InputError(f"{source}: cannot be opened: {error.strerror}") from None
        except ValueError as error:
            raise InputError(f"not a path: {error}") from None
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise ArrayTypeError(
            f"expected a path or an open binary file, got {type(source).__name__}: pass io.BytesIO of it"
        )
    if not hasattr(source, "read"):
        raise ArrayTypeError(f"expected a path or an open binary file, got {type(source).__name__}")
    try:
        if isinstance(source.read(0), str):
            raise InputError("the file is open as text; open it in binary mode, 'rb'")
    except ValueError as error:
        raise InputError(f"the file cannot be read: {error}") from None
    return nullcontext(source)


def _grey(image: Any, upright: Any) -> NDArray[np.float32]:
    """(H, W) of the modes that have one number of more than 8 bits per pixel."""
    mode, form = upright.mode, image.format
    if mode == "F":
        return _unit(np.asarray(upright, dtype=np.float32))
    if form != "FITS" and (mode in _SIXTEEN_BITS or (mode == "I" and form == "PPM")):
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(_BITS, (16,))[0]
        grey = np.asarray(upright, dtype=np.float32) / np.float32(2**bits - 1)
        return 1 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey
    raise InputError(
        f"{form} images of Pillow's mode {mode!r} are not read, for want of a value that is white; "
        "convert the image to 8 or 16 bits, or read it with Pillow and scale the array"
    )


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    least, most = float(values.min()), float(values.max())
    if not (least >= 0 and most <= 1):
        raise InputError(
            f"floating-point images must lie in [0, 1], got values from {least:.6g} to {most:.6g}; "
            "read it with Pillow and scale the array"
        )
    return values
