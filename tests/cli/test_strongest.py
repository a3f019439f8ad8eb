"""striate strongest: its summary, table and patches, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import DENOISER, run

from striate.explore import strongest


@pytest.fixture(name="photos")
def photos_in_a_folder(tmp_path: Path) -> Path:
    """Two sound pictures, one of another shape, and a broken one."""
    place = tmp_path / "photos"
    place.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (32, 32, 3)), ("b.png", (40, 80, 3))):
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(place / name)
    (place / "broken.png").write_bytes(b"\x89PNG")
    return place


def test_the_table_has_the_numbers_of_python(photos: Path) -> None:
    text = run("strongest", DENOISER, "stem", photos, "--input", "1x3x32x32").output
    found = strongest(DENOISER, "stem", photos, input_shape=(1, 3, 32, 32))
    lines = text.splitlines()
    assert lines[0] == "24 channels: 0 dead, 0 never above the blank; 2 pictures, 1 skipped"
    assert lines[1].endswith("broken.png: not an image that Pillow can read")
    assert lines[-1] == "and 8 more channels; --channel K shows one"
    for line, channel in zip(lines[3:-1], found.channels, strict=False):
        unit, words = found.units[channel][0], line.split()
        assert words[0] == str(channel)
        assert float(words[1]) == pytest.approx(unit.value, rel=1e-3)
        assert words[2:4] == [",".join(map(str, unit.at)), str(unit.region.hull)]
    assert max(map(len, lines[2:])) < 80


def test_without_a_size_it_is_that_of_the_first_picture(photos: Path) -> None:
    assert (
        run("strongest", DENOISER, "stem", photos).output
        == run("strongest", DENOISER, "stem", photos, "--input", "1x3x32x32").output
    )


def test_patches_of_some_channels(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "patches.png"
    some = run("strongest", DENOISER, "stem", photos, "--channel", "5", "--channel", "2", "--count", "2", "--out", out)
    assert some.exit_code == 0
    assert [line.split()[0] for line in some.output.splitlines()[3:5]] == ["5", "2"]
    few = np.asarray(Image.open(out))
    assert few.std() > 5
    run("strongest", DENOISER, "stem", photos, "--out", out)
    assert np.asarray(Image.open(out)).shape[0] > few.shape[0]


def test_a_table_for_a_spreadsheet(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "units.csv"
    run("strongest", DENOISER, "stem", photos, "--input", "1x3x32x32", "--count", "2", "--out", out)
    found = strongest(DENOISER, "stem", photos, input_shape=(1, 3, 32, 32), count=2)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    units = [unit for row in found.units for unit in row]
    assert len(rows) == len(units) == 48
    for row, unit in zip(rows, units, strict=True):
        assert (int(row["channel"]), row["unit"]) == (unit.channel, ",".join(map(str, unit.at)))
        assert float(row["value"]) == pytest.approx(unit.value, rel=1e-5)
        assert row["rows"] == f"{unit.region.hull[0].start}:{unit.region.hull[0].stop}"


def test_only_broken_pictures_are_one_line(photos: Path) -> None:
    done = run("strongest", DENOISER, "stem", photos / "broken.png")
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert "none of 1 pictures can be read, such as" in done.output


@pytest.mark.parametrize(("more", "said"), [
    (("--channel", "99"), "channel 99 lies outside stem, which has 24"),
    (("--black", "0", "--black", "1"), "black takes one number or one for each of 3 channels, got 2"),
    (("--out", "a.pdf"), "a.pdf: the picture is a .png, .svg or .csv file"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(photos: Path, more: tuple[str, ...], said: str) -> None:
    done = run("strongest", DENOISER, "stem", photos, *more)
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert said in done.output
