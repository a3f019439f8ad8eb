"""Images as arrays: every mode is scaled right or refused by name."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.conv import read_image
from striate.errors import ArrayTypeError, InputError


def picture(mode: str, size: tuple[int, int] = (3, 2)) -> Image.Image:
    return Image.effect_noise((8, 8), 64).resize(size).convert(mode)


def saved(image: Image.Image, form: str = "png", **more: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **more)
    file.seek(0)
    return file


def test_read_image_gives_channels_first_in_unit_range(tmp_path: Path) -> None:
    image = picture("RGB")
    expected = np.asarray(image).transpose(2, 0, 1) / np.float32(255)
    image.save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), saved(image)):
        result = read_image(source)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == np.float32
        assert result.flags.c_contiguous


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_read_image_makes_rgb(mode: str) -> None:
    image = picture(mode)
    result = read_image(saved(image, "tiff" if mode == "CMYK" else "png"))
    np.testing.assert_array_equal(result, np.asarray(image.convert("RGB")).transpose(2, 0, 1) / np.float32(255))


def test_read_image_keeps_sixteen_bits_and_turns_upright() -> None:
    deep = np.array([[0, 65535], [257, 1000]], np.uint16)
    np.testing.assert_allclose(read_image(saved(Image.fromarray(deep)))[1], deep / 65535, rtol=1e-6)
    tags = Image.Exif()
    tags[0x0112] = 6
    upright = picture("RGB")
    turned = read_image(saved(upright, exif=tags))
    np.testing.assert_array_equal(turned, np.rot90(read_image(saved(upright)), -1, (1, 2)))


def test_read_image_refuses_what_is_not_an_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="read_image: not an image"):
        read_image(io.BytesIO(b"words"))
    with pytest.raises(InputError, match=r"no/such/file.png: cannot be opened: No such file"):
        read_image("no/such/file.png")
    with pytest.raises(InputError, match="cannot be opened: Is a directory"):
        read_image(tmp_path)


def tiff(bits: int, data: bytes, photometric: int = 1, sample: int = 1, order: str = "<") -> io.BytesIO:
    """Two grey pixels, written by hand: ``sample`` is 1 for unsigned numbers, 2 for signed, 3 for floats."""
    tags = [(256, 2), (257, 1), (258, bits), (259, 1), (262, photometric), (277, 1), (278, 1), (339, sample)]
    longs = [(273, 8), (279, len(data))]
    entries = [(tag, struct.pack(order + "HHIHH", tag, 3, 1, value, 0)) for tag, value in tags]
    entries += [(tag, struct.pack(order + "HHII", tag, 4, 1, value)) for tag, value in longs]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data)) + data
    table = b"".join(entry for _, entry in sorted(entries))
    return io.BytesIO(head + struct.pack(order + "H", len(entries)) + table + struct.pack(order + "I", 0))


GREYS = {
    "8 bits": (tiff(8, bytes([0, 51])), (0, 0.2)),
    "8 bits, white is zero": (tiff(8, bytes([0, 51]), photometric=0), (1, 0.8)),
    "12 bits": (tiff(12, bytes([0xFF, 0xF3, 0x33])), (1, 0.2)),
    "16 bits": (tiff(16, struct.pack("<HH", 65535, 13107)), (1, 0.2)),
    "16 bits, the other order": (tiff(16, struct.pack(">HH", 65535, 13107), order=">"), (1, 0.2)),
    "16 bits, white is zero": (tiff(16, struct.pack("<HH", 65535, 13107), photometric=0), (0, 0.8)),
    "float": (tiff(32, struct.pack("<ff", 0.25, 1), sample=3), (0.25, 1)),
    "PGM of 10 bits": (io.BytesIO(b"P5 2 1 1023 " + struct.pack(">HH", 1023, 341)), (1, 1 / 3)),
    "PFM": (io.BytesIO(b"Pf 2 1 -1.0 " + struct.pack("<ff", 0.5, 0)), (0.5, 0)),
}


@pytest.mark.parametrize("name", GREYS)
def test_grey_values_of_every_depth_are_scaled_by_their_white(name: str) -> None:
    file, expected = GREYS[name]
    result = read_image(file)
    assert result.shape == (3, 1, 2)
    assert result.dtype == np.float32
    for channel in result:
        np.testing.assert_allclose(channel[0], expected, atol=1e-4)


REFUSED = {
    "32 bits": (tiff(32, struct.pack("<II", 0, 1)), "TIFF images of Pillow's mode 'I' are not read"),
    "signed": (tiff(16, struct.pack("<hh", -1, 1), sample=2), "TIFF images of Pillow's mode 'I' are not read"),
    "bright": (tiff(32, struct.pack("<ff", 0, 1.5), sample=3), r"must lie in \[0, 1\], got values from 0 to 1.5"),
    "nan": (tiff(32, struct.pack("<ff", 0, float("nan")), sample=3), r"must lie in \[0, 1\], got values from nan"),
    "lab": (saved(Image.new("LAB", (2, 1)), "tiff"), "TIFF images of Pillow's mode 'LAB' are not read"),
    "fits": (
        io.BytesIO(
            b"".join(
                card.ljust(80)
                for card in (
                    b"SIMPLE  =                    T",
                    b"BITPIX  =                   16",
                    b"NAXIS   =                    2",
                    b"NAXIS1  =                    2",
                    b"NAXIS2  =                    1",
                    b"END",
                )
            ).ljust(2880)
            + bytes(2880)
        ),
        "FITS images of Pillow's mode 'I;16' are not read",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_white_is_refused_by_name(name: str) -> None:
    file, words = REFUSED[name]
    with pytest.raises(InputError, match=f"read_image: .*{words}"):
        read_image(file)


def test_every_mode_of_pillow_is_read_right_or_refused() -> None:
    from striate.conv.images import _BYTES, _SIXTEEN_BITS

    assert set(Image.MODES) - {*_BYTES, *_SIXTEEN_BITS} == {"F", "I", "LAB", "La"}
    for mode in _BYTES:
        colour = Image.new("RGBA", (2, 2), (10, 200, 90, 255))
        if mode in ("PA", "RGBa", "HSV"):
            continue  # no format holds these
        image = colour.convert("RGB").convert(mode) if mode not in ("RGBA", "LA") else colour.convert(mode)
        form = "tiff" if mode in ("CMYK", "YCbCr", "RGBX") else "png"
        expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_allclose(read_image(saved(image, form)), expected, atol=2.5 / 255)


def test_a_damaged_file_gives_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = saved(Image.effect_noise((64, 64), 64).convert("RGB")).getvalue()
    for size in (0, 1, 20, 40, 100, len(whole) // 2, len(whole) - 30):
        with pytest.raises(InputError, match=r"^read_image: not an image that Pillow can read whole: .") as caught:
            read_image(io.BytesIO(whole[:size]))
        assert "\n" not in str(caught.value)
    rng = np.random.default_rng(0)
    for form in ("png", "tiff", "jpeg", "gif", "bmp", "ppm", "webp"):
        data = bytearray(saved(Image.effect_noise((16, 16), 64).convert("RGB"), form).getvalue())
        for _ in range(40):
            broken = data.copy()
            broken[rng.integers(len(data))] = rng.integers(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    result = read_image(io.BytesIO(broken))
                except InputError:
                    continue
            assert 0 <= result.min() <= result.max() <= 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="could be decompression bomb"):
        read_image(io.BytesIO(whole))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"\x89PNG", r"got bytes: pass io\.BytesIO of it"),
        (np.zeros((3, 3)), "expected a path or an open binary file, got ndarray"),
        (None, "got NoneType"),
        (3, "got int"),
        (io.StringIO("words"), "open it in binary mode"),
        ("a\0b", "not a path: embedded null"),
    ],
)
def test_another_source_is_named(source: Any, words: str) -> None:
    with pytest.raises((InputError, ArrayTypeError), match=f"read_image: .*{words}"):
        read_image(source)
