"""Images as arrays."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from striate.conv.errors import InputError, MissingDependencyError


def read_image(source: str | PathLike[str] | BinaryIO) -> NDArray[np.float32]:
    """The image as (3, H, W) float32 in [0, 1]: RGB, the orientation of its metadata applied, alpha dropped.

    ``source`` is a path or an open binary file of any format Pillow reads; greyscale becomes three equal channels,
    16-bit greyscale is scaled by 65535. Raises InputError where it is not an image, MissingDependencyError
    without Pillow; a path that does not open raises OSError.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (4, 2), (255, 0, 51)).save(file, "png")
    >>> read_image(file)[:, 0, 0].tolist()
    [1.0, 0.0, 0.20000000298023224]
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise MissingDependencyError("read_image: needs Pillow; install it with 'pip install pillow'") from None
    try:
        with Image.open(source) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                grey = np.asarray(upright, dtype=np.float32) / np.float32(65535)
                return np.repeat(grey[None], 3, axis=0)
            pixels = np.asarray(upright.convert("RGB"), dtype=np.float32) / np.float32(255)
    except UnidentifiedImageError as error:
        raise InputError(f"read_image: not an image that Pillow can read: {error}") from None
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
