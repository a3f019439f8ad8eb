"""Files are whole or not there; units are read once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from striate.errors import InputError
from striate.show import Scale, parse_pixel_size, parse_rate, scales_for, write_atomically


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out.txt"
    write_atomically(target, "one")
    write_atomically(target, "二")
    assert target.read_text(encoding="utf-8") == "二"
    assert [path.name for path in target.parent.iterdir()] == ["out.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = write_atomically(tmp_path / "out.txt", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "out.txt", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_atomically(tmp_path / "taken" / "out.txt", "x")


@pytest.mark.parametrize(
    ("text", "scale"),
    [("0.25um", Scale(Fraction(1, 4), "um")), ("2 µm", Scale(Fraction(2), "um")), ("30m", Scale(Fraction(30), "m"))],
)
def test_pixel_sizes(text: str, scale: Scale) -> None:
    assert parse_pixel_size(text) == scale


@pytest.mark.parametrize(
    ("text", "ms"), [("16kHz", Fraction(1, 16)), ("44.1kHz", Fraction(10, 441)), ("1MHz", Fraction(1, 1000))]
)
def test_rates(text: str, ms: Fraction) -> None:
    assert parse_rate(text) == Scale(ms, "ms")


@pytest.mark.parametrize("text", ["", "um", "0um", "-1um", "1 parsec", "1e3um", "16kHz"])
def test_bad_pixel_sizes(text: str) -> None:
    with pytest.raises(InputError, match=r"such as 0\.25um"):
        parse_pixel_size(text)


def test_a_scale_that_no_axis_uses() -> None:
    pixel = parse_pixel_size("1um")
    assert scales_for(("height", "width"), pixel, None) == {"height": pixel, "width": pixel}
    with pytest.raises(InputError, match="speaks of"):
        scales_for(("length",), pixel, None)
