"""Units are read once."""

from __future__ import annotations

from fractions import Fraction

import pytest

from striate.errors import InputError
from striate.show import Scale, parse_pixel_size, parse_rate, scales_for


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
