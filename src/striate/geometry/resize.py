"""Resizing one axis: which pixels each output of an ONNX Resize or a torch interpolation reads."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from striate.errors import InputError
from striate.geometry.axis_map import Border, TapMap

COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
MODES = ("nearest", "linear", "cubic")
LONGEST_PERIOD = 4096
NEAREST_MODES = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def resize_map(
    n: int,
    count: int,
    mode: str = "nearest",
    coordinates: str = "half_pixel",
    *,
    scale: Fraction | None = None,
    nearest: str = "round_prefer_floor",
    antialias: bool = False,
    exclude_outside: bool = False,
    roi: tuple[Fraction, Fraction] = (Fraction(0), Fraction(1)),
) -> TapMap:
    """The map from ``count`` outputs to ``n`` inputs, taps of weight zero left out.

    ``scale`` is outputs per input where the model states one (default ``count / n``). Source: the
    ONNX operator specification, Resize; ``torch.nn.functional.interpolate`` is the special cases
    asymmetric + floor (nearest), half_pixel and align_corners.

    >>> resize_map(2, 4, "linear").reads(1)
    (0, 1)
    >>> resize_map(2, 4, "nearest", "asymmetric", nearest="floor").reads(3)
    (1,)
    """
    for name, value, known in (
        ("mode", mode, MODES),
        ("coordinate_transformation_mode", coordinates, COORDINATES),
        ("nearest_mode", nearest, NEAREST_MODES),
    ):
        if value not in known:
            raise InputError(f"resize: unknown {name} {value!r}; known: {', '.join(known)}")
    scale = scale or Fraction(count, n)
    slope, origin = _coordinate(coordinates, n, count, scale, roi)
    cropped = coordinates == "tf_crop_and_resize"
    periodic = slope.denominator <= LONGEST_PERIOD and not cropped
    phases = slope.denominator if periodic else count
    shrink = min(scale, Fraction(1)) if antialias else Fraction(1)
    places = (origin + slope * i for i in range(phases))
    taps = tuple(() if cropped and not 0 <= x <= n - 1 else _taps(x, mode, nearest, shrink) for x in places)
    border = Border.ZERO if exclude_outside or antialias else Border.REPLICATE
    return TapMap(n, count, slope.numerator if periodic else 0, taps, border, periodic)


def _coordinate(
    kind: str, n: int, count: int, scale: Fraction, roi: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    """Slope and origin of the input coordinate ``origin + slope * i``."""
    half = Fraction(1, 2)
    if kind == "asymmetric":
        return 1 / scale, Fraction(0)
    if kind == "align_corners":
        return (Fraction(n - 1, count - 1) if count > 1 else Fraction(0)), Fraction(0)
    if kind == "tf_half_pixel_for_nn":
        return 1 / scale, half / scale
    if kind == "tf_crop_and_resize":
        start, stop = (bound * (n - 1) for bound in roi)
        return ((stop - start) / (count - 1), start) if count > 1 else (Fraction(0), (start + stop) / 2)
    if kind == "pytorch_half_pixel" and count == 1:
        return Fraction(0), Fraction(0)
    origin = half / scale - half
    if kind == "half_pixel_symmetric":
        origin += Fraction(n, 2) * (1 - Fraction(count) / (scale * n))
    return 1 / scale, origin


def _taps(x: Fraction, mode: str, nearest: str, shrink: Fraction) -> tuple[int, ...]:
    """The pixels of nonzero weight around the coordinate ``x``; filters widen by ``1 / shrink``."""
    if mode == "nearest":
        half = Fraction(1, 2)
        rounded = {
            "floor": floor(x),
            "ceil": ceil(x),
            "round_prefer_floor": ceil(x - half),
            "round_prefer_ceil": floor(x + half),
        }
        return (rounded[nearest],)
    support = (1 if mode == "linear" else 2) / shrink
    inside = range(floor(x - support), ceil(x + support) + 1)
    return tuple(j for j in inside if abs(j - x) < support and (mode == "linear" or abs(j - x) * shrink != 1))
