"""``torch.nn.functional.interpolate`` in every mode; nearest pixels are those torch itself picks."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from striate.formats.rounding import beside
from striate.formats.torch.call import Call, handles
from striate.geometry import Coordinates, Interpolation, Rounding, stated_ratio
from striate.geometry.resize import resize_place
from striate.network.operators import Gather, Places, Resize
from striate.network.relation import Shape

DIGIT = 256
WIDE = 129
AT_THE_EDGE = Fraction(1 << 30)
LAYOUTS = {2: torch.channels_last, 3: torch.channels_last_3d}
NAMES = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}
NEAREST = {
    "nearest": (Coordinates.ASYMMETRIC, Rounding.FLOOR),
    "nearest_exact": (Coordinates.HALF_PIXEL, Rounding.ROUND_PREFER_CEIL),
}


def _scales(call: Call, rank: int) -> tuple[float | None, ...]:
    """The scale factors torch uses, one for each axis; None where it divides the sizes."""
    scales = [call.get(name) for name in NAMES[rank]]
    return tuple(float(scale) if scale is not None and scale > 0 else None for scale in scales)


@handles("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact1d",
         "_upsample_nearest_exact2d", "_upsample_nearest_exact3d")
def nearest(call: Call) -> None:
    """One pixel for each unit."""
    x, tensor = call.value("self"), call["self"]
    rank = len(x.shape) - 2
    before, after, scales = x.shape[2:], tuple(call.shape[2:]), _scales(call, rank)
    coordinates, rounding = NEAREST[call.op.removeprefix("_").removeprefix("upsample_")[:-2]]
    layout = LAYOUTS.get(rank)
    last = layout is not None and x.shape[1] > 3 and tensor.is_contiguous(memory_format=layout)
    picks = tuple(picked(call.op, tensor.dtype, last, before, after, scales, axis) for axis in range(rank))
    made = Resize(
        tuple(range(2, rank + 2)), after, Interpolation.NEAREST, coordinates, (rounding,) * rank,
        scale=_ratios(before, after, scales), picks=picks,
    )  # fmt: skip
    call.emit(made, [x])


def _ratios(before: Shape, after: Shape, scales: tuple[float | None, ...]) -> tuple[Fraction, ...] | None:
    """Outputs per input as exact ratios; None where every axis is stretched from size to size."""
    if all(scale is None for scale in scales):
        return None
    return tuple(
        Fraction(count, n) if scale is None or scale == count / n else stated_ratio(scale)
        for n, count, scale in zip(before, after, scales, strict=True)
    )


@lru_cache(maxsize=1024)
def picked(
    op: str, dtype: torch.dtype, last: bool, before: Shape, after: Shape, scales: tuple[float | None, ...], axis: int
) -> tuple[int, ...]:
    """The pixel that each unit of one axis reads: the operator itself, run on an image of the pixels' numbers.

    Which of torch's kernels runs, each with its own rounding, hangs on the type, the layout and the output's sizes;
    axes beside this one are cut to what still chooses the same.
    """
    rank = len(before)
    beside = [min(m, WIDE) if rank == 2 else 1 for m in after]
    given, wanted = ((*beside[:axis], sizes[axis], *beside[axis + 1 :]) for sizes in (before, after))
    digits = 1 if before[axis] <= DIGIT else 2 if before[axis] <= DIGIT**2 else 3
    numbers = torch.arange(before[axis], device="cpu")
    planes = torch.stack([numbers // DIGIT**k % DIGIT for k in range(digits)]).to(dtype)
    spread = planes.reshape(digits, 1, *[-1 if k == axis else 1 for k in range(rank)])
    image = spread.expand(digits, 4 if last else 1, *given)
    image = image.contiguous(memory_format=LAYOUTS[rank] if last else torch.contiguous_format)
    factors = [scale if k == axis else None for k, scale in enumerate(scales)]
    made: Tensor = getattr(torch.ops.aten, op)(image, wanted, *factors)
    line = made[:, 0].movedim(1 + axis, 1).reshape(digits, after[axis], -1)[:, :, 0].to(torch.int64)
    weights = torch.tensor([DIGIT**k for k in range(digits)], device=line.device)
    return tuple((weights @ line).tolist())


SMOOTH = {
    "linear": Interpolation.LINEAR,
    "bilinear": Interpolation.LINEAR,
    "trilinear": Interpolation.LINEAR,
    "bicubic": Interpolation.CUBIC,
}


@handles("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d")
def smooth(call: Call) -> None:
    """Linear and cubic interpolation; a linear one copies an axis that keeps its size, whatever the scale."""
    x = call.value("self")
    rank, after = len(x.shape) - 2, tuple(call.shape[2:])
    mode = SMOOTH[call.op.removeprefix("upsample_")[:-2]]
    scales = _scales(call, rank)
    if mode is Interpolation.LINEAR:
        scales = tuple(None if n == m else scale for n, m, scale in zip(x.shape[2:], after, scales, strict=True))
    coordinates = Coordinates.ALIGN_CORNERS if call.get("align_corners") else Coordinates.HALF_PIXEL
    before, ratios = x.shape[2:], _ratios(x.shape[2:], after, scales)
    rows = zip(before, after, scales, ratios or map(Fraction, after, before), strict=True)
    off = tuple(_beside(coordinates, *row) for row in rows)
    call.at_most = call.at_most or any(off)
    call.emit(Resize(tuple(range(2, rank + 2)), after, mode, coordinates, scale=ratios, beside=off), [x])


def _beside(coordinates: Coordinates, n: int, count: int, scale: float | None, ratio: Fraction) -> bool:
    """Whether torch's float32, its products rounded or joined to the sum behind them, puts a unit beside its pixel."""
    i, half = np.arange(count, dtype=np.float32), np.float32(0.5)
    place = resize_place(n, count, coordinates, scale=ratio)
    if coordinates is Coordinates.ALIGN_CORNERS:
        return count > 1 and beside(place, n, i * (np.float32(n - 1) / np.float32(count - 1)))
    step = np.float32(n) / np.float32(count) if scale is None else np.float32(1 / scale)
    joined = np.float64(step) * (i + half) - 0.5
    return beside(place, n, step * (i + half) - half) or beside(place, n, joined.astype(np.float32))


@handles("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa")
def filtered(call: Call) -> None:
    """Interpolation against aliasing: pixels outside the image are left out, an axis that keeps its size is copied.

    With aligned corners the step is theirs and the places are half pixels all the same. An image that becomes one
    pixel wide and does not lie channels last repeats its first row.
    """
    x, tensor = call.value("self"), call["self"]
    before, after, scales = x.shape[2:], tuple(call.shape[2:]), _scales(call, 2)
    if call.get("align_corners"):
        ratios: tuple[Fraction, ...] | None = tuple(_corner_ratio(n, m) for n, m in zip(before, after, strict=True))
    else:
        scales = tuple(None if n == m else scale for n, m, scale in zip(before, after, scales, strict=True))
        ratios = _ratios(before, after, scales)
    mode = SMOOTH[call.op.removeprefix("_upsample_").removesuffix("2d_aa")]
    made = Resize((2, 3), after, mode, scale=ratios, antialias=True, exclude_outside=True, cubic=-0.5)
    last = x.shape[1] > 1 and tensor.is_contiguous(memory_format=torch.channels_last)
    if after[1] == 1 and after[0] not in (1, before[0]) and not last:
        rows = call.add(made, [call.graph.number(x)], call.shape)
        call.emit(Gather(2, Places.of((0,) * after[0])), [rows])
    else:
        call.emit(made, [x])


def _corner_ratio(n: int, count: int) -> Fraction:
    """Outputs per input between the first and the last; a single output stands half a pixel before the first."""
    if n == count:
        return Fraction(1)
    return Fraction(count - 1, n - 1) if min(n, count) > 1 else AT_THE_EDGE
