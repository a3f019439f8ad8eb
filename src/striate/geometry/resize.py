"""Resizing one axis: which pixels each output of an ONNX Resize or a torch interpolation reads."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

from striate.errors import InputError
from striate.geometry.axis_map import Border, TapMap

Place = tuple[Fraction, Fraction]

LONGEST_PERIOD = 4096
FINEST_RATIO = 1024


class Interpolation(StrEnum):
    """How an output is made of the pixels around its place."""

    NEAREST = "nearest"
    LINEAR = "linear"
    CUBIC = "cubic"


class Coordinates(StrEnum):
    """Where an output stands on the input's axis; the words are those of ONNX's Resize."""

    HALF_PIXEL = "half_pixel"
    HALF_PIXEL_SYMMETRIC = "half_pixel_symmetric"
    PYTORCH_HALF_PIXEL = "pytorch_half_pixel"
    ALIGN_CORNERS = "align_corners"
    ASYMMETRIC = "asymmetric"
    TF_HALF_PIXEL_FOR_NN = "tf_half_pixel_for_nn"
    TF_CROP_AND_RESIZE = "tf_crop_and_resize"


class Rounding(StrEnum):
    """Which pixel is nearest; the words are those of ONNX's Resize."""

    ROUND_PREFER_FLOOR = "round_prefer_floor"
    ROUND_PREFER_CEIL = "round_prefer_ceil"
    FLOOR = "floor"
    CEIL = "ceil"

    def round(self, x: Fraction) -> int:
        """The pixel nearest to ``x``.

        >>> Rounding.ROUND_PREFER_FLOOR.round(Fraction(5, 2)), Rounding.ROUND_PREFER_CEIL.round(Fraction(5, 2))
        (2, 3)
        """
        half = Fraction(1, 2)
        match self:
            case Rounding.FLOOR:
                return floor(x)
            case Rounding.CEIL:
                return ceil(x)
            case Rounding.ROUND_PREFER_FLOOR:
                return ceil(x - half)
            case Rounding.ROUND_PREFER_CEIL:
                return floor(x + half)


def stated_ratio(scale: float) -> Fraction:
    """The ratio that a scale factor, rounded to float32 or float64, stands for.

    >>> stated_ratio(1.7), stated_ratio(0.7000000476837158)
    (Fraction(17, 10), Fraction(7, 10))
    """
    exact = Fraction(scale)
    near = exact.limit_denominator(FINEST_RATIO)
    return near if abs(near - exact) <= abs(exact) / (1 << 23) else exact


def resize_map(
    n: int,
    count: int,
    mode: Interpolation = Interpolation.NEAREST,
    coordinates: Coordinates = Coordinates.HALF_PIXEL,
    *,
    scale: Fraction | None = None,
    nearest: Rounding = Rounding.ROUND_PREFER_FLOOR,
    antialias: bool = False,
    exclude_outside: bool = False,
    roi: tuple[Fraction, Fraction] = (Fraction(0), Fraction(1)),
    at: Place | None = None,
) -> TapMap:
    """The map from ``count`` outputs to ``n`` inputs, taps of weight zero left out.

    ``scale`` is outputs per input where the model states one (default ``count / n``). Places are exact fractions, or
    those of ``at`` where it is given; a runtime that rounds them to another nearest pixel is followed by
    ``picked_map``. Source: the ONNX operator specification, Resize; ``torch.nn.functional.interpolate``
    is the special cases asymmetric + floor (nearest), half_pixel and align_corners.

    >>> resize_map(2, 4, Interpolation.LINEAR).reads(1)
    (0, 1)
    >>> resize_map(2, 4, Interpolation.NEAREST, Coordinates.ASYMMETRIC, nearest=Rounding.FLOOR).reads(3)
    (1,)
    """
    if scale is not None and scale <= 0:
        raise InputError(f"resize: scale must be above 0, got {float(scale):g}")
    scale = scale or Fraction(count, n)
    slope, origin = at or resize_place(n, count, coordinates, scale=scale, roi=roi)
    cropped = coordinates is Coordinates.TF_CROP_AND_RESIZE
    periodic = slope.denominator <= LONGEST_PERIOD and not cropped
    phases = slope.denominator if periodic else count
    shrink = min(scale, Fraction(1)) if antialias else Fraction(1)
    taps = []
    for x in (origin + slope * i for i in range(phases)):
        outside = cropped and not 0 <= x <= n - 1
        near = (nearest.round(x),) if mode is Interpolation.NEAREST else _taps(x, mode, shrink)
        taps.append(() if outside else near)
    border = Border.ZERO if exclude_outside else Border.REPLICATE
    return TapMap(n, count, slope.numerator if periodic else 0, tuple(taps), border, periodic)


@lru_cache(maxsize=256)
def picked_map(ideal: TapMap, picks: tuple[int | None, ...]) -> TapMap:
    """A nearest resize that reads ``picks`` (None: no pixel), the period of ``ideal`` kept where it holds.

    Where rounding breaks the period, one period is as long as the axis.

    >>> ideal = resize_map(10, 16, Interpolation.NEAREST, Coordinates.ASYMMETRIC, nearest=Rounding.FLOOR)
    >>> picked_map(ideal, tuple(i * 10 // 16 for i in range(16))) == ideal
    True
    """
    picked = _picks(ideal)
    if picked == picks:
        return ideal
    if ideal.periodic:
        for periods in (1, -(-ideal.out_size // ideal.out_step)):
            longer = _corrected(ideal, picked, picks, periods)
            if longer.out_step <= LONGEST_PERIOD and _picks(longer) == picks:
                return longer
    reads = tuple(() if pick is None else (pick,) for pick in picks)
    return TapMap(ideal.in_size, ideal.out_size, 0, reads, ideal.border, periodic=False)


def _picks(m: TapMap) -> tuple[int | None, ...]:
    """The one pixel that each unit of a nearest resize reads."""
    last, taps = m.in_size - 1, [taps[0] if taps else None for taps in m.taps]
    shifts = (k * m.in_step for k in range(-(-m.out_size // m.out_step)))
    found = [None if tap is None else min(max(tap + shift, 0), last) for shift in shifts for tap in taps]
    return tuple(found[: m.out_size])


def _corrected(
    ideal: TapMap, picked: tuple[int | None, ...], picks: tuple[int | None, ...], periods: int
) -> TapMap:
    """The ideal map over some periods as one, with what is picked in place of what is not."""
    taps = [ideal.virtual(i) for i in range(periods * ideal.out_step)]
    for i, (pick, other) in enumerate(zip(picks[: len(taps)], picked, strict=False)):
        if pick != other:
            taps[i] = () if pick is None else (pick,)
    return TapMap(ideal.in_size, ideal.out_size, periods * ideal.in_step, tuple(taps), ideal.border)


def resize_place(
    n: int,
    count: int,
    kind: Coordinates,
    *,
    scale: Fraction,
    roi: tuple[Fraction, Fraction] = (Fraction(0), Fraction(1)),
) -> Place:
    """How far outputs stand apart, in pixels, and where the first one stands.

    >>> resize_place(4, 8, Coordinates.HALF_PIXEL, scale=Fraction(2))
    (Fraction(1, 2), Fraction(-1, 4))
    """
    half = Fraction(1, 2)
    if kind is Coordinates.ASYMMETRIC:
        return 1 / scale, Fraction(0)
    if kind is Coordinates.ALIGN_CORNERS:
        return (Fraction(n - 1, count - 1) if count > 1 else Fraction(0)), Fraction(0)
    if kind is Coordinates.TF_HALF_PIXEL_FOR_NN:
        return 1 / scale, half / scale
    if kind is Coordinates.TF_CROP_AND_RESIZE:
        start, stop = (bound * (n - 1) for bound in roi)
        return ((stop - start) / (count - 1), start) if count > 1 else (Fraction(0), (start + stop) / 2)
    if kind is Coordinates.PYTORCH_HALF_PIXEL and count == 1:
        return Fraction(0), Fraction(0)
    origin = half / scale - half
    if kind is Coordinates.HALF_PIXEL_SYMMETRIC:
        origin += Fraction(n, 2) * (1 - Fraction(count) / (scale * n))
    return 1 / scale, origin


def _taps(x: Fraction, mode: Interpolation, shrink: Fraction) -> tuple[int, ...]:
    """The pixels of nonzero weight around the coordinate ``x``; filters widen by ``1 / shrink``."""
    linear = mode is Interpolation.LINEAR
    support = (1 if linear else 2) / shrink
    inside = range(floor(x - support), ceil(x + support) + 1)
    return tuple(j for j in inside if abs(j - x) < support and (linear or abs(j - x) * shrink != 1))
