"""TFLite operators that read a neighbourhood: convolution, pooling, resizing, padding, blocks of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError, UnsupportedError
from striate.formats.steps import Part, Step, as_stored, step
from striate.formats.tflite.call import Call, activated, operator
from striate.formats.tflite.schema import named
from striate.geometry import Border, Coordinates, Interpolation, Rounding
from striate.network.operators import (
    Conv,
    ConvTranspose,
    DepthToSpace,
    Function,
    Pad,
    Pool,
    Reshape,
    Resize,
    Slice,
    SpaceToDepth,
    Transpose,
)
from striate.network.relation import Shape

Places = NDArray[np.float32]
Pads = tuple[tuple[int, int], ...]
HALF = np.float32(0.5)


def _strides(options: Any, *letters: str) -> Shape:
    found = tuple(int(getattr(options, f"Stride{letter}")()) for letter in letters)
    if min(found) < 1:
        raise ModelError(f"strides {found} must be at least 1")
    return found


def _dilations(options: Any, *letters: str) -> Shape:
    found = tuple(int(getattr(options, f"Dilation{letter}Factor")()) for letter in letters)
    if min(found) < 1:
        raise ModelError(f"dilations {found} must be at least 1")
    return found


def same_pads(n: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """The pads of SAME for one unit for each started stride; of an odd number the smaller half stands before.

    >>> same_pads(300, 3, 2), same_pads(75, 3, 2)
    ((0, 1), (1, 1))
    """
    total = max((-(-n // stride) - 1) * stride + dilation * (kernel - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def _padding(options: Any, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    word = named("Padding", options.Padding())
    if word not in ("SAME", "VALID"):
        raise ModelError(f"unknown padding {word}; known: SAME, VALID")
    rows = zip(sizes, kernel, stride, dilation, strict=True)
    return tuple(same_pads(*row) if word == "SAME" else (0, 0) for row in rows)


def _weight(call: Call, position: int, rank: int) -> Shape:
    w = call.shape(position)
    if len(w) != rank or min(w) < 1:
        raise ModelError(f"a weight of shape {w} should have {rank} axes of at least 1")
    return w


def _convolved(
    call: Call, options: Any, kernel: Shape, letters: tuple[str, ...], out_channels: int, groups: int,
    to_weight: Transpose,
) -> Step:  # fmt: skip
    """A convolution of the first input by the second and a bias, and its activation."""
    x = call.image(0, len(kernel) + 2)
    stride, dilation = _strides(options, *letters), _dilations(options, *letters)
    padding = _padding(options, x.shape[2:], kernel, stride, dilation)
    made = Conv(kernel, stride, dilation, padding, out_channels=out_channels, groups=groups)
    weights = (*call.weight("weight", 1, to_weight), *call.weight("bias", 2))
    return activated(step(made, x, *call.alive(1, 2), weights=weights), options.FusedActivationFunction())


@operator("CONV_2D")
def conv_2d(call: Call) -> Step:
    """The weight lies as (out, rows, columns, in); one with fewer channels than the input has groups."""
    w = _weight(call, 1, 4)
    if call.rank == 4 and call.x[3] % w[3]:
        raise ModelError(f"a weight of shape {w} reads {w[3]} channels, the input of shape {call.x} has {call.x[3]}")
    options, groups = call.settings("Conv2DOptions"), call.x[-1] // w[3] if call.x else 1
    return _convolved(call, options, w[1:3], ("H", "W"), w[0], max(groups, 1), Transpose((0, 3, 1, 2)))


@operator("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(call: Call) -> Step:
    """The weight lies as (1, rows, columns, out), the outputs of one channel side by side."""
    w = _weight(call, 1, 4)
    if w[0] != 1 or call.rank != 4 or w[3] % call.x[3]:
        raise ModelError(f"a weight of shape {w} does not fit an input of shape {call.x}: its channels should divide")
    options = call.settings("DepthwiseConv2DOptions")
    return _convolved(call, options, w[1:3], ("H", "W"), w[3], call.x[3], Transpose((3, 0, 1, 2)))


@operator("CONV_3D")
def conv_3d(call: Call) -> Step:
    """The weight lies as (depth, rows, columns, in, out)."""
    w = _weight(call, 1, 5)
    if call.rank != 5 or call.x[4] % w[3]:
        raise ModelError(f"a weight of shape {w} reads {w[3]} channels, the input has shape {call.x}")
    options, groups = call.settings("Conv3DOptions"), call.x[4] // w[3]
    return _convolved(call, options, w[:3], ("D", "H", "W"), w[4], groups, Transpose((4, 3, 0, 1, 2)))


@operator("TRANSPOSE_CONV")
def transpose_conv(call: Call) -> Step:
    """The output's shape is an input; its padding is that of the convolution which leads back."""
    size, w, x, options = call.ints(0), _weight(call, 1, 4), call.image(2), call.settings("TransposeConvOptions")
    if len(size) != 4 or w[3] != x.shape[1] or size[3] != w[0] or size[0] != x.shape[0] or min(size) < 1:
        raise ModelError(f"a weight of shape {w} does not lead from {call.shape(2)} to the output shape {size}")
    kernel, stride = w[1:3], _strides(options, "H", "W")
    pads = _padding(options, size[1:3], kernel, stride, (1, 1))
    padding, more = [], []
    for n, out, k, s, (before, _) in zip(x.shape[2:], size[1:3], kernel, stride, pads, strict=True):
        after = (n - 1) * s + k - before - out
        padding.append((before, max(after, 0)))
        more.append(max(-after, 0))
    made = ConvTranspose(kernel, stride, (1, 1), tuple(padding), out_channels=w[0], output_padding=tuple(more))
    weights = (*call.weight("weight", 1, Transpose((3, 0, 1, 2))), *call.weight("bias", 3))
    return activated(step(made, x, *call.alive(1, 3), weights=weights), options.FusedActivationFunction())


POOLS = {
    "MAX_POOL_2D": Function.of("max"),
    "AVERAGE_POOL_2D": Function.of("average", include_pad=False),
    "L2_POOL_2D": Function.of("lp", p=2),
}


@operator(*POOLS)
def pool_2d(call: Call) -> Step:
    """What lies in the padding does not count."""
    x, options = call.image(0), call.settings("Pool2DOptions")
    kernel, stride = (int(options.FilterHeight()), int(options.FilterWidth())), _strides(options, "H", "W")
    if min(kernel) < 1:
        raise ModelError(f"a window of {kernel} must be at least 1")
    padding = _padding(options, x.shape[2:], kernel, stride, (1, 1))
    made = Pool(kernel, stride, padding=padding, function=POOLS[call.op])
    return activated(step(made, x), options.FusedActivationFunction())


@operator("LOCAL_RESPONSE_NORMALIZATION")
def local_response_normalization(call: Call) -> Step:
    """The square sum runs over ``radius`` channels to each side."""
    x, options = call.image(0), call.settings("LocalResponseNormalizationOptions")
    radius = int(options.Radius())
    if radius < 0:
        raise ModelError(f"a radius of {radius} must be at least 0")
    function = Function.of("local_response_norm", alpha=options.Alpha(), beta=options.Beta(), bias=options.Bias())
    return step(Pool((2 * radius + 1, 1, 1), padding=((radius, radius), (0, 0), (0, 0)), function=function), x)


def _flags(call: Call, kind: str) -> tuple[bool, bool]:
    options = call.settings(kind)
    aligned, half = bool(options.AlignCorners()), bool(options.HalfPixelCenters())
    if aligned and half:
        raise UnsupportedError("align_corners and half_pixel_centers together have no rule; LiteRT takes one of them")
    return aligned, half


def _resized_to(call: Call) -> Shape:
    size = call.sizes(call.ints(1))
    if len(size) != 2:
        raise ModelError(f"a size of {size} should be rows and columns")
    return size


@operator("RESIZE_BILINEAR")
def resize_bilinear(call: Call) -> Step:
    """By corners, by half pixels or, without either flag, from the first pixel on."""
    aligned, half = _flags(call, "ResizeBilinearOptions")
    coordinates = Coordinates.ALIGN_CORNERS if aligned else Coordinates.HALF_PIXEL if half else Coordinates.ASYMMETRIC
    return step(Resize((2, 3), _resized_to(call), Interpolation.LINEAR, coordinates), call.image(0))


@operator("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest_neighbor(call: Call) -> Step:
    """The pixels that float32 arithmetic picks; source: TFLite's reference kernel."""
    aligned, half = _flags(call, "ResizeNearestNeighborOptions")
    x, size = call.image(0), _resized_to(call)
    coordinates = (
        Coordinates.ALIGN_CORNERS if aligned else Coordinates.TF_HALF_PIXEL_FOR_NN if half else Coordinates.ASYMMETRIC
    )
    rounding = Rounding.ROUND_PREFER_CEIL if aligned else Rounding.FLOOR
    picks = tuple(_picks(n, count, aligned, half) for n, count in zip(x.shape[2:], size, strict=True))
    return step(Resize((2, 3), size, coordinates=coordinates, nearest=(rounding, rounding), picks=picks), x)


def _picks(n: int, count: int, aligned: bool, half: bool) -> tuple[int, ...]:
    """The pixel that each unit of an axis reads."""
    ends = aligned and count > 1
    scale = np.float32(n - 1) / np.float32(count - 1) if ends else np.float32(n) / np.float32(count)
    places = (np.arange(count, dtype=np.float32) + (HALF if half else np.float32(0))) * scale
    found = np.floor(places + HALF) if aligned else np.floor(places)
    return tuple(np.clip(found, 0, n - 1).astype(int).tolist())


@operator("PAD", "PADV2", "MIRROR_PAD")
def pad(call: Call) -> Step:
    """Zeros, a constant, or pixels seen in a mirror at the edge or in the last one."""
    border = Border.ZERO
    if call.op == "MIRROR_PAD":
        mode = named("MirrorPadMode", call.settings("MirrorPadOptions").Mode())
        border = {"REFLECT": Border.REFLECT, "SYMMETRIC": Border.SYMMETRIC}.get(mode, Border.CIRCULAR)
        if border is Border.CIRCULAR:
            raise ModelError(f"unknown mode {mode}; known: REFLECT, SYMMETRIC")
    pairs, x = _pairs(call, 1, call.rank), call.tensor(0)
    if min((n for pair in pairs for n in pair), default=0) < 0:
        raise ModelError(f"pads {pairs} must be at least 0")
    if border is not Border.ZERO:
        _seen(call.x, pairs, border is Border.SYMMETRIC)
    value = float(call.value(2).reshape(-1)[0]) if call.op == "PADV2" and call.value(2).size == 1 else 0.0
    return step(Pad(tuple(pairs[axis] for axis in x.order), border, value), x)


def _seen(sizes: Shape, pairs: Pads, edge: bool) -> None:
    """Raise ModelError where a mirror at the edge, or in the last pixel, shows fewer pixels than are padded."""
    for n, pair in zip(sizes, pairs, strict=True):
        if max(pair) > n - (not edge):
            raise ModelError(f"pads {pair} of an axis of {n}: the mirror shows at most {n - (not edge)} pixels")


def _pairs(call: Call, position: int, count: int) -> Pads:
    """Pairs of integers of a constant input, one for each of some axes."""
    found = call.ints(position)
    if len(found) != 2 * count:
        raise ModelError(f"{len(found)} pads for {count} axes; each needs two")
    return tuple(zip(found[::2], found[1::2], strict=True))


@operator("SPACE_TO_DEPTH")
def space_to_depth(call: Call) -> Step:
    """The place in a block stands before the channel."""
    return step(SpaceToDepth(call.settings("SpaceToDepthOptions").BlockSize(), True), call.image(0))


@operator("DEPTH_TO_SPACE")
def depth_to_space(call: Call) -> Step:
    """The place in a block stands before the channel."""
    return step(DepthToSpace(call.settings("DepthToSpaceOptions").BlockSize(), True), call.image(0))


def _block(call: Call) -> Shape:
    block = call.ints(1)
    if not block or min(block) < 1 or call.rank < len(block) + 1:
        raise ModelError(f"a block of {block} does not fit an input of shape {call.x}")
    return block


def _reordered(part: Part, split: Shape, order: tuple[int, ...], merged: Shape) -> Step:
    opened = step(Reshape(split), part, order=as_stored(len(split)), word="blocks")
    return step(
        Reshape(merged), step(Transpose(order), opened, word="moved"), order=as_stored(len(merged)), word="merged"
    )


@operator("SPACE_TO_BATCH_ND")
def space_to_batch(call: Call) -> Step:
    """Every place in a block becomes an image of its own; so are dilated convolutions written."""
    block, x = _block(call), call.filed(0)
    rank = len(block)
    pairs = _pairs(call, 2, rank)
    padded = step(Pad(((0, 0), *pairs, *((0, 0),) * (call.rank - rank - 1))), x)
    batch, *sizes = padded.shape[: rank + 1]
    rest = padded.shape[rank + 1 :]
    if any(n % b for n, b in zip(sizes, block, strict=True)):
        raise ModelError(f"sizes {tuple(sizes)} with their pads do not divide by the block {block}")
    counts = [n // b for n, b in zip(sizes, block, strict=True)]
    split = (batch, *(n for pair in zip(counts, block, strict=True) for n in pair), *rest)
    inner, outer = [2 + 2 * k for k in range(rank)], [1 + 2 * k for k in range(rank)]
    order = (*inner, 0, *outer, *range(2 * rank + 1, len(split)))
    return _reordered(padded, split, order, (batch * int(np.prod(block)), *counts, *rest))


@operator("BATCH_TO_SPACE_ND")
def batch_to_space(call: Call) -> Step:
    """The inverse: images become places in a block, and what padding added is cut off."""
    block, x = _block(call), call.filed(0)
    rank, parts = len(block), int(np.prod(block))
    crops, sizes, rest = _pairs(call, 2, rank), x.shape[1 : rank + 1], x.shape[rank + 1 :]
    if x.shape[0] % parts:
        raise ModelError(f"{x.shape[0]} images do not divide by the {parts} places of the block {block}")
    batch = x.shape[0] // parts
    split = (*block, batch, *sizes, *rest)
    pairs = [axis for k in range(rank) for axis in (rank + 1 + k, k)]
    order = (rank, *pairs, *range(2 * rank + 1, len(split)))
    merged = _reordered(x, split, order, (batch, *(n * b for n, b in zip(sizes, block, strict=True)), *rest))
    counts = tuple(n - sum(crop) for n, crop in zip(merged.shape[1 : rank + 1], crops, strict=True))
    if min((n for crop in crops for n in crop), default=0) < 0 or min(counts) < 1:
        raise ModelError(f"crops {crops} leave nothing of {merged.shape}")
    return step(Slice(tuple(range(1, rank + 1)), tuple(first for first, _ in crops), counts, (1,) * rank), merged)
