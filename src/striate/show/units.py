"""Physical units: what one pixel, or one sample, measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from striate.errors import InputError
from striate.values import text as string

LENGTHS = {"nm": "nm", "um": "um", "µm": "um", "μm": "um", "mm": "mm", "cm": "cm", "m": "m", "km": "km"}
RATES = {"Hz": 1, "kHz": 1_000, "MHz": 1_000_000}
SPACE_AXES = ("depth", "height", "width")
TIME_AXES = ("time", "length")


@dataclass(frozen=True, slots=True)
class Scale:
    """What one pixel measures: ``per_pixel`` in ``unit``."""

    per_pixel: Fraction
    unit: str

    def measure(self, pixels: int | Fraction) -> float:
        """A number of pixels in the unit."""
        return float(pixels * self.per_pixel)


def parse_pixel_size(text: str) -> Scale:
    """Read a pixel's size; raises InputError for an unknown unit.

    >>> parse_pixel_size("0.25um")
    Scale(per_pixel=Fraction(1, 4), unit='um')
    """
    number, unit = _quantity(text, "pixel size", "0.25um", LENGTHS)
    return Scale(number, LENGTHS[unit])


def parse_rate(text: str) -> Scale:
    """Read a sampling rate as the milliseconds of one sample; raises InputError for an unknown unit.

    >>> parse_rate("16kHz")
    Scale(per_pixel=Fraction(1, 16), unit='ms')
    """
    number, unit = _quantity(text, "rate", "16kHz", RATES)
    return Scale(1000 / (number * RATES[unit]), "ms")


def scales_for(axes: Iterable[str], pixel_size: Scale | None, rate: Scale | None) -> Mapping[str, Scale]:
    """The scale of each axis: ``pixel_size`` speaks of depth, height and width, ``rate`` of time and length.

    Raises InputError where a scale is given that no axis uses.
    """
    names = list(axes)
    scales: dict[str, Scale] = {}
    for scale, served, option in ((pixel_size, SPACE_AXES, "pixel size"), (rate, TIME_AXES, "rate")):
        used = [name for name in names if name in served]
        if scale is not None and not used:
            raise InputError(f"a {option} speaks of {', '.join(served)}; this input has {', '.join(names) or 'none'}")
        if scale is not None:
            scales.update(dict.fromkeys(used, scale))
    return scales


def _quantity(text: str, what: str, example: str, units: Iterable[str]) -> tuple[Fraction, str]:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([^\s\d]+)\s*", string(what, text))
    known = list(units)
    if match is None or match[2] not in known or not Fraction(match[1]):
        raise InputError(
            f"{what} {text!r}: write a positive number and a unit of {', '.join(known)}, such as {example}"
        )
    return Fraction(match[1]), match[2]
