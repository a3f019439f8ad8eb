"""Photographs are read upright, whatever their metadata holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.errors import InputError
from striate.photos import as_photo, read_photo

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


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_become_eight(kind: str, tmp_path: Path) -> None:
    """From black to white; cut off at 255, as Pillow does, nearly all would be white."""
    path, numbers = tmp_path / f"deep.{kind}", np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    Image.fromarray(numbers).save(path)
    np.testing.assert_array_equal(read_photo(path)[..., 0], [[0, 0, 1, 128, 255]])


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_without_black_and_white_are_one_line(kind: type[np.generic], tmp_path: Path) -> None:
    path = tmp_path / "wide.tiff"
    Image.fromarray(np.arange(12).reshape(3, 4).astype(kind)).save(path)
    with pytest.raises(InputError, match=r"wide.tiff: its numbers have 32 bits and no black or white: save it with 8"):
        read_photo(path)


@pytest.mark.parametrize("channels", ["", "L", "RGBA"])
def test_an_array_is_the_photograph_that_its_file_is(channels: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "held.png", np.random.default_rng(0)
    held = rng.integers(0, 256, {"": (40, 60, 3), "L": (40, 60), "RGBA": (40, 60, 4)}[channels], np.uint8)
    Image.fromarray(held).save(path)
    np.testing.assert_array_equal(as_photo(held), read_photo(path))
    np.testing.assert_array_equal(as_photo(held, (20, 20), "crop"), read_photo(path, (20, 20), "crop"))
    with pytest.raises(InputError, match="the photograph: 40x60 pixels do not fit an input of 20x20 without"):
        as_photo(held, (20, 20))


@pytest.mark.parametrize("held", [np.zeros((4, 6, 3)), np.zeros((3, 4, 6), np.uint8), np.zeros((0, 6, 3), np.uint8)])
def test_an_array_that_is_no_photograph_is_one_line(held: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"a photograph is \(height, width, 3\) bytes \(uint8\), .* got shape"):
        as_photo(held)
