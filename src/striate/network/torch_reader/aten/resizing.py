"""``torch.nn.functional.interpolate`` in every mode; nearest pixels are those torch itself picks."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from striate.geometry import Coordinates, Interpolation, Rounding, stated_ratio
from striate.network.relation import Shape
from striate.network.torch_reader.call import Call, handles

DIGIT = 256
WIDE = 129
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
    call.emit(
        "resize", [x], axes=tuple(range(2, rank + 2)), size=after, mode=Interpolation.NEAREST,
        coordinates=coordinates, nearest=rounding, picks=picks, scale=_ratios(before, after, scales),
    )


def _ratios(before: Shape, after: Shape, scales: tuple[float | None, ...]) -> tuple[Any, ...] | None:
    """Outputs per input as exact ratios; None where every axis is stretched from size to size."""
    if all(scale is None for scale in scales):
        return None
    return tuple(
        Fraction(count, n) if scale in (None, count / n) else stated_ratio(scale)
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


@handles("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
         "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa")
def smooth(call: Call) -> None:
    """Linear and cubic interpolation; a filter against aliasing leaves out what lies outside the image."""
    x, antialias = call.value("self"), call.op.endswith("_aa")
    rank, after = len(x.shape) - 2, tuple(call.shape[2:])
    mode = SMOOTH[call.op.removesuffix("_aa").removeprefix("_").removeprefix("upsample_")[:-2]]
    corners = Coordinates.ALIGN_CORNERS if call.get("align_corners") else Coordinates.HALF_PIXEL
    call.emit(
        "resize", [x], axes=tuple(range(2, rank + 2)), size=after, mode=mode, coordinates=corners,
        scale=_ratios(x.shape[2:], after, _scales(call, rank)), antialias=antialias, exclude_outside=antialias,
    )
