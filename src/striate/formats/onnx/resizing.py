"""ONNX's Resize and Upsample: sizes, scales and nearest pixels in float32, as onnxruntime computes them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError, UnsupportedError
from striate.formats.onnx.call import Call, Translation, operator
from striate.formats.rounding import beside
from striate.geometry import Coordinates, Interpolation, Rounding, stated_ratio
from striate.geometry.resize import resize_place
from striate.network.operators import Elementwise, Resize

Places = NDArray[np.float32]
Bounds = tuple[float, float]
Word = TypeVar("Word", Coordinates, Rounding)
WHOLE: Bounds = (0.0, 1.0)
TIE = np.float32(1e-6)
HALF = np.float32(0.5)


@operator("Upsample")
def upsample(call: Call) -> Translation:
    """Resize's forerunner: asymmetric coordinates, rounded down."""
    scales = call.get("scales")
    given = np.asarray(scales if scales is not None else call.value(1), np.float32)
    return _asymmetric(call, given.reshape(-1))


@operator("Resize")
def resize(call: Call) -> Translation:
    """Opset 10 has scales only, 11 adds roi and sizes, 18 axes, antialias and the aspect ratio's policy."""
    if call.opset < 11:
        return _asymmetric(call, np.asarray(call.value(1), np.float32).reshape(-1))
    coordinates = _word(call, "coordinate_transformation_mode", Coordinates.HALF_PIXEL)
    rounding = _word(call, "nearest_mode", Rounding.ROUND_PREFER_FLOOR)
    axes = call.axes(tuple(call.get("axes") or range(call.rank)))
    bounds = _roi(call, len(axes)) if coordinates is Coordinates.TF_CROP_AND_RESIZE else None
    if call.has(3) and (call.tensor(3).data or call.tensor(3).size):
        size, scales = _sized(call, axes, call.ints(3))
    else:
        scales = np.asarray(call.value(2), np.float32).reshape(-1)
        size = _grown(call, axes, scales)
    options = {"antialias": bool(call.get("antialias", 0)), "exclude_outside": bool(call.get("exclude_outside", 0))}
    return _resized(call, axes, size, scales, coordinates, (rounding,) * len(axes), bounds, options)


def _asymmetric(call: Call, scales: Places) -> Translation:
    """The only coordinates before opset 11; an axis that shrinks rounds up."""
    axes = tuple(range(call.rank))
    rounding = tuple(Rounding.CEIL if scale < 1 else Rounding.FLOOR for scale in scales)
    return _resized(call, axes, _grown(call, axes, scales), scales, Coordinates.ASYMMETRIC, rounding)


def _word(call: Call, name: str, default: Word) -> Word:
    """An attribute as a member of the default's enumeration."""
    word, known = call.text(name, default), type(default)
    if word not in list(known):
        raise ModelError(f"unknown {name} {word!r}; known: {', '.join(known)}")
    return known(word)


def _roi(call: Call, rank: int) -> tuple[Bounds, ...]:
    bounds = [float(v) for v in np.asarray(call.value(1), np.float32).reshape(-1)]
    if len(bounds) != 2 * rank:
        raise ModelError(f"roi has {len(bounds)} entries for {rank} axes; it needs a start and an end for each")
    return tuple((bounds[k], bounds[rank + k]) for k in range(rank))


def _grown(call: Call, axes: tuple[int, ...], scales: Places) -> tuple[int, ...]:
    """The sizes that scales mean, rounded down after a product in float32."""
    if len(scales) != len(axes) or not all(0 < scale < np.inf for scale in scales):
        found = tuple(map(float, scales))
        raise ModelError(f"scales {found} should be {len(axes)} numbers above 0, one for each of axes {axes}")
    return call.sizes(int(scale * np.float32(call.x[axis])) for axis, scale in zip(axes, scales, strict=True))


def _sized(call: Call, axes: tuple[int, ...], size: tuple[int, ...]) -> tuple[tuple[int, ...], Places]:
    """Sizes and the scales they mean, which the aspect ratio's policy may change."""
    if len(size) != len(axes) or min(size, default=1) < 0:
        raise ModelError(f"sizes {size} should be {len(axes)} numbers of at least 0, one for each of axes {axes}")
    if any(not call.x[axis] for axis in axes):
        raise UnsupportedError("an axis without elements")
    before = np.array([call.x[axis] for axis in axes], np.float32)
    scales = np.array(size, np.float32) / before
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if policy not in ("stretch", "not_larger", "not_smaller"):
        raise ModelError(f"unknown keep_aspect_ratio_policy {policy!r}; known: stretch, not_larger, not_smaller")
    if policy != "stretch":
        scales = np.full_like(scales, scales.min() if policy == "not_larger" else scales.max())
        size = tuple(int(places) for places in np.floor((scales * before).astype(np.float64) + 0.5))
    return call.sizes(size), scales


def _resized(
    call: Call,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    scales: Places,
    coordinates: Coordinates,
    rounding: tuple[Rounding, ...],
    bounds: tuple[Bounds, ...] | None = None,
    options: dict[str, bool] | None = None,
) -> Translation:
    """A resize of the axes whose scale is not 1; one that keeps every size is a copy.

    Against aliasing an axis that keeps its size is copied whatever its scale.
    """
    mode = call.text("mode", "nearest").replace("bilinear", "linear")
    if mode not in list(Interpolation):
        raise ModelError(f"unknown mode {mode!r}; known: {', '.join(Interpolation)}")
    if all(call.x[axis] == count for axis, count in zip(axes, size, strict=True)):
        return Translation(Elementwise())
    by_size = bool(options and options["antialias"])
    kept = [
        k for k, (axis, count) in enumerate(zip(axes, size, strict=True))
        if (call.x[axis] != count if by_size else scales[k] != 1)
    ]
    axes, size, rounding = (tuple(column[k] for k in kept) for column in (axes, size, rounding))  # type: ignore[assignment]
    inside = [bounds[k] if bounds else WHOLE for k in kept]
    rows = zip(axes, size, (scales[k] for k in kept), rounding, inside, strict=True)
    picks = tuple(
        _picks(call.x[axis], places(coordinates, call.x[axis], count, scale, roi), word, coordinates)
        for axis, count, scale, word, roi in (rows if mode == "nearest" else ())
    )
    ratios = tuple(_ratio(call.x[axis], count, scales[k]) for axis, count, k in zip(axes, size, kept, strict=True))
    off = tuple(
        _beside(call.x[axis], count, scales[k], ratio, coordinates, roi)
        for axis, count, k, ratio, roi in zip(axes, size, kept, ratios, inside, strict=True)
        if mode != "nearest" and not by_size
    )
    made = Resize(
        axes,
        size,
        Interpolation(mode),
        coordinates,
        rounding,
        scale=ratios,
        roi=tuple((Fraction(start), Fraction(stop)) for start, stop in inside) if bounds else None,
        picks=picks if mode == "nearest" else None,
        beside=off,
        antialias=by_size,
        exclude_outside=bool(options and options["exclude_outside"]),
        cubic=call.number("cubic_coeff_a", -0.75),
        outside=call.number("extrapolation_value", 0.0),
    )
    return Translation(made, at_most=any(off))


def _beside(
    n: int, count: int, scale: np.float32, ratio: Fraction, coordinates: Coordinates, roi: Bounds
) -> bool:
    """Whether rounding puts a unit that stands on a pixel beside it."""
    bounds = Fraction(roi[0]), Fraction(roi[1])
    place = resize_place(n, count, coordinates, scale=ratio, roi=bounds)
    return beside(place, n, places(coordinates, n, count, scale, roi))


def _ratio(n: int, count: int, scale: np.float32) -> Fraction:
    """What a float32 scale stands for: the ratio of the sizes where it is that ratio, else the nearest simple one."""
    return Fraction(count, n) if n and np.float32(count) / np.float32(n) == scale else stated_ratio(float(scale))


def places(coordinates: Coordinates, n: int, count: int, scale: np.float32, roi: Bounds) -> Places:
    """Where each output stands on the input's axis, every operation rounded to float32."""
    i = np.arange(count, dtype=np.float32)
    before, after = np.float32(n), np.float32(count)
    last, one = before - np.float32(1), np.float32(1)
    match coordinates:
        case Coordinates.ASYMMETRIC:
            return i / scale
        case Coordinates.ALIGN_CORNERS:
            return i * last / (after - one) if count > 1 else i
        case Coordinates.TF_HALF_PIXEL_FOR_NN:
            return (i + HALF) / scale
        case Coordinates.TF_CROP_AND_RESIZE:
            start, stop = map(np.float32, roi)
            if count == 1:
                return np.array([0.5 * float(start + stop) * float(last)], np.float32)
            return start * last + i * (stop - start) * last / (after - one)
        case Coordinates.HALF_PIXEL_SYMMETRIC:
            offset = before / np.float32(2) * (one - after / (scale * before))
            return (float(offset) + (i.astype(np.float64) + 0.5) / float(scale) - 0.5).astype(np.float32)
        case Coordinates.PYTORCH_HALF_PIXEL if count == 1:
            return i
        case _:
            return (i + HALF) / scale - HALF


def _picks(n: int, x: Places, rounding: Rounding, coordinates: Coordinates) -> tuple[int | None, ...]:
    """The nearest pixels; ties are those within a millionth of the middle, and a crop reads nothing outside."""
    low = np.floor(x)
    part = x - low
    match rounding:
        case Rounding.FLOOR:
            found = low
        case Rounding.CEIL:
            found = np.ceil(x)
        case Rounding.ROUND_PREFER_FLOOR:
            found = low + (part > HALF + TIE)
        case Rounding.ROUND_PREFER_CEIL:
            found = low + (part >= HALF - TIE)
    picked: Sequence[int] = np.clip(found, 0, n - 1).astype(int).tolist()
    if coordinates is not Coordinates.TF_CROP_AND_RESIZE:
        return tuple(picked)
    return tuple(j if 0 <= place <= n - 1 else None for j, place in zip(picked, x.tolist(), strict=True))

