"""The pictures that a user names: files, folders with all beneath them, arrays."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from os.path import exists, isdir
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.values import items

Array = NDArray[Any]
Picture = str | PathLike[str] | Array
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def listed(pictures: Picture | Sequence[Picture]) -> list[tuple[str, Path | Array]]:
    """Every picture with its name, folders as the files in them; InputError where there is none."""
    several = [pictures] if isinstance(pictures, str | PathLike | np.ndarray) else items("pictures", pictures)
    found: list[tuple[str, Path | Array]] = []
    for k, picture in enumerate(several):
        if isinstance(picture, np.ndarray):
            found.append((f"picture {k}", picture))
        elif isinstance(picture, str | PathLike):
            found += [(str(path), path) for path in picture_files(Path(picture))]
        else:
            raise InputError(f"a picture is a file, a folder or an array, got {type(picture).__name__}")
    if not found:
        raise InputError("there are no pictures")
    return found


def picture_files(path: Path) -> list[Path]:
    """A file itself, or the pictures in a folder and those beneath it; InputError where there are none."""
    if not exists(path):
        raise InputError(f"{path}: no such file or folder")
    if not isdir(path):
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not found:
        raise InputError(f"{path}: no pictures in this folder; they end in {', '.join(ENDINGS)}")
    return found
