"""Photographs are read upright, whatever their metadata holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.errors import InputError
from striate.photos import read_photo

ORIENTATION = 0x0112
UPRIGHT = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 9
STORED = {
    1: UPRIGHT, 2: UPRIGHT[:, ::-1], 3: UPRIGHT[::-1, ::-1], 4: UPRIGHT[::-1], 5: UPRIGHT.transpose(1, 0, 2),
    6: np.rot90(UPRIGHT), 8: np.rot90(UPRIGHT, -1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 8])
def test_a_picture_is_turned_as_its_metadata_says(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    metadata = Image.Exif()
    metadata[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(STORED[orientation])).save(path, exif=metadata)
    assert (read_photo(path) == UPRIGHT).all()
    assert (read_photo(path, (2, 4)) == UPRIGHT).all()


def test_damaged_metadata_is_one_line_or_ignored(tmp_path: Path) -> None:
    path, refusals = tmp_path / "odd.png", []
    for length in range(0, 40, 3):
        Image.fromarray(UPRIGHT).save(path, exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + bytes([255]) * length)
        try:
            assert read_photo(path).shape == UPRIGHT.shape
        except InputError as error:
            refusals.append(str(error))
    assert all("not an image that Pillow can read" in refusal for refusal in refusals)
