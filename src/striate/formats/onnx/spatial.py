"""ONNX operators that read a neighbourhood: convolution, pooling, resizing, padding, sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from striate.errors import ModelError, UnsupportedError
from striate.formats.onnx.call import Call, Translation, operator
from striate.formats.onnx.elements import Element
from striate.geometry import Border, Window
from striate.network.operators import (
    Conv,
    ConvTranspose,
    DepthToSpace,
    Everything,
    Fold,
    Pad,
    Pool,
    Reduce,
    Sample,
    SpaceToDepth,
)
from striate.network.relation import Shape

SAME = ("SAME_UPPER", "SAME_LOWER")
AUTO = ("NOTSET", "", "VALID", *SAME)
MOST_TAPS = 4096
BORDERS = {
    "constant": Border.ZERO,
    "reflect": Border.REFLECT,
    "edge": Border.REPLICATE,
    "wrap": Border.CIRCULAR,
}


def per_axis(call: Call, name: str, rank: int, default: int = 1) -> tuple[int, ...]:
    """One integer per spatial axis."""
    found = tuple(call.get(name) or (default,) * rank)
    if len(found) != rank:
        raise ModelError(f"{name} {found} should have one entry for each of {rank} spatial axes")
    return found


def pad_pairs(call: Call, rank: int) -> tuple[tuple[int, int], ...]:
    """The pads as (before, after) per axis; ONNX lists all befores first."""
    pads = per_axis(call, "pads", 2 * rank, 0)
    return tuple((pads[k], pads[rank + k]) for k in range(rank))


@dataclass(frozen=True, slots=True)
class Sliding:
    """What a node says of its windows, one entry for each spatial axis; ``same`` names an automatic padding."""

    kernel: Shape
    stride: Shape
    dilation: Shape
    padding: tuple[tuple[int, int], ...]
    same: str

    @classmethod
    def of(cls, call: Call, kernel: Shape) -> Sliding:
        """Strides, dilations and pads; automatic ones are left at 0."""
        rank, auto = len(kernel), call.text("auto_pad", "NOTSET")
        if auto not in AUTO:
            raise ModelError(f"unknown auto_pad {auto!r}; known: {', '.join(filter(None, AUTO))}")
        stride, dilation = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
        padding = pad_pairs(call, rank) if auto in ("NOTSET", "") else ((0, 0),) * rank
        if min((*kernel, *stride, *dilation), default=1) < 1:
            raise ModelError(f"kernel {kernel}, strides {stride} and dilations {dilation} must be at least 1")
        return cls(kernel, stride, dilation, padding, auto if auto in SAME else "")

    def rows(self, *more: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Size, stride and dilation of each axis, and what else is told of it."""
        return zip(self.kernel, self.stride, self.dilation, *more, strict=True)


def _kernel(call: Call, w: Shape) -> Shape:
    """The kernel of a convolution: the weight's own, which ``kernel_shape`` may repeat."""
    kernel = tuple(call.get("kernel_shape") or w[2:])
    if call.rank < 3 or len(w) != call.rank:
        raise ModelError(f"a weight of shape {w} and an input of shape {call.x} should have as many axes, at least 3")
    if kernel != w[2:]:
        raise ModelError(f"kernel_shape {kernel} contradicts the weight of shape {w}, whose kernel is {w[2:]}")
    return kernel


def convolution(call: Call, weight: int, kinds: tuple[int, ...] = ()) -> Translation:
    """A convolution whose weight stands at a given position."""
    w, groups = call.shape(weight), int(call.get("group", 1))
    kernel = _kernel(call, w)
    if groups < 1 or w[1] * groups != call.x[1]:
        read = f"reads {w[1]} times {groups} = {w[1] * groups} channels"
        raise ModelError(f"a weight of shape {w} with {groups} groups {read}, the input of shape {call.x} {call.x[1]}")
    windows = Sliding.of(call, kernel)
    padding = windows.padding
    if windows.same:
        totals = [_needed(n, Window(size, stride, dilation).extent, stride)
                  for size, stride, dilation, n in windows.rows(call.x[2:])]  # fmt: skip
        padding = tuple(_halved(total + (total < 0), windows.same) for total in totals)
    made = Conv(kernel, windows.stride, windows.dilation, padding, out_channels=w[0], groups=groups)
    return Translation(made, kinds=kinds)


def _needed(n: int, extent: int, stride: int) -> int:
    """Pads in all for one unit for each started stride; negative where windows leave pixels out between them."""
    return (-(-n // stride) - 1) * stride + extent - n


def _halved(total: int, auto: str) -> tuple[int, int]:
    """Pads before and after, as onnxruntime divides them: halves of negative ones are rounded towards zero."""
    before = int((total + (auto == "SAME_LOWER")) / 2)
    return before, total - before


@operator("Conv")
def conv(call: Call) -> Translation:
    """The weight gives kernel and channels."""
    return convolution(call, 1)


@operator("com.microsoft:FusedConv")
def fused_conv(call: Call) -> Translation:
    """A convolution and its activation."""
    if call.has(3):
        raise UnsupportedError("a fused convolution with a summand (input Z)")
    return convolution(call, 1)


@operator("ConvTranspose")
def conv_transpose(call: Call) -> Translation:
    """``auto_pad`` and ``output_shape`` become explicit pads."""
    w, groups = call.shape(1), int(call.get("group", 1))
    kernel = _kernel(call, w)
    if groups < 1 or w[0] != call.x[1]:
        raise ModelError(f"a weight of shape {w} reads {w[0]} channels in {groups} groups, the input has {call.x[1]}")
    windows = Sliding.of(call, kernel)
    padding, extra = _transposed_pads(call, windows, per_axis(call, "output_padding", len(kernel), 0))
    made = ConvTranspose(
        kernel, windows.stride, windows.dilation, padding,
        out_channels=w[1] * groups, groups=groups, output_padding=extra,
    )  # fmt: skip
    return Translation(made)


def _transposed_pads(
    call: Call, windows: Sliding, extra: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Pads and output padding that give the output size asked for; source: the ONNX specification."""
    given = call.get("output_shape")
    if not windows.same and not given:
        return windows.padding, extra
    sizes = tuple(n * s for n, s in zip(call.x[2:], windows.stride, strict=True))
    targets = tuple(given)[-len(sizes) :] if given else sizes
    found: list[tuple[int, int]] = []
    more: list[int] = []
    for size, stride, dilation, n, added, target in windows.rows(call.x[2:], extra, targets):
        natural = (n - 1) * stride + Window(size, stride, dilation).extent + added
        total = max(natural - target, 0)
        target = target if given else natural - total
        half = total // 2
        found.append((half, total - half) if windows.same == "SAME_UPPER" else (total - half, half))
        more.append(added + target - (natural - total))
    return tuple(found), tuple(more)


def pooling(call: Call, outputs: int = 1, trailing: int | None = None) -> Translation:
    """A pool over the spatial axes, with the pads and the number of windows that onnxruntime takes."""
    kernel = tuple(call.need("kernel_shape"))
    if len(kernel) != (call.rank - 2 if trailing is None else trailing):
        rank = call.rank - 2 if trailing is None else trailing
        raise ModelError(f"kernel_shape {kernel} should have {rank} entries for an input of shape {call.x}")
    windows = Sliding.of(call, kernel)
    ceil, pads, counts = bool(call.get("ceil_mode", 0)), [], []
    for (size, stride, dilation, n), (before, after) in zip(
        windows.rows(call.x[call.rank - len(kernel) :]), windows.padding, strict=True
    ):
        if windows.same:
            before, after = _halved(_needed(n, size, stride), windows.same)
        pads.append((before, after))
        counts.append(_pool_count(n + before + after - Window(size, 1, dilation).extent, stride, n + before, ceil))
    made = Pool(kernel, windows.stride, windows.dilation, tuple(pads), count=tuple(counts), outputs=outputs)
    return Translation(made, kinds=(call.tensor(0).kind, Element.INT64)[:outputs])


def _pool_count(room: int, stride: int, last: int, ceil: bool) -> int:
    """Windows of a pool; one hangs over the end where the window is larger than its room by less than a stride."""
    if not ceil:
        return int(room / stride) + 1
    count = -(-room // stride) + 1
    return count - ((count - 1) * stride >= last)


@operator("MaxPool")
def max_pool(call: Call) -> Translation:
    """The second output holds indices."""
    return pooling(call, min(len(call.outputs), 2))


@operator("AveragePool", "LpPool")
def average_pool(call: Call) -> Translation:
    """What counts in the mean does not change what is read."""
    return pooling(call)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(call: Call) -> Translation:
    """All of every spatial axis."""
    return Translation(Reduce(tuple(range(2, call.rank))))


@operator("LRN")
def local_response(call: Call) -> Translation:
    """The square sum runs over ``size`` neighbouring channels."""
    size, rest = int(call.need("size")), call.rank - 2
    padding = (((size - 1) // 2, size // 2), *((0, 0),) * rest)
    return Translation(Pool((size, *(1,) * rest), padding=padding))


@operator("Pad")
def pad(call: Call) -> Translation:
    """All modes; negative pads crop."""
    mode = call.text("mode", "constant")
    if mode not in BORDERS:
        raise ModelError(f"unknown mode {mode!r}")
    pads = call.option("pads", 1) or ()
    axes = call.axes(call.ints(3)) if call.has(3) else tuple(range(call.rank))
    if len(pads) != 2 * len(axes):
        raise ModelError(f"{len(pads)} pads for {len(axes)} axes")
    pairs = [(0, 0)] * call.rank
    for k, axis in enumerate(axes):
        pairs[axis] = (pads[k], pads[len(axes) + k])
    return Translation(Pad(tuple(pairs), BORDERS[mode], _fill(call)))


def _fill(call: Call) -> float:
    """The number to pad with: an attribute before opset 11, an input since."""
    if call.constant(2) and call.value(2).size == 1 and call.value(2).dtype.kind in "biuf":
        return float(call.value(2).reshape(-1)[0])
    return call.number("value", 0.0)


@operator("CenterCropPad")
def center_crop_pad(call: Call) -> Translation:
    """Cropped or padded to a size about the centre; source: the ONNX specification."""
    sizes = call.ints(1)
    axes = call.axes(tuple(call.get("axes") or range(call.rank)))
    if len(sizes) != len(axes):
        raise ModelError(f"sizes {sizes} for axes {axes}: each axis needs one")
    pairs = [(0, 0)] * call.rank
    for axis, size in zip(axes, sizes, strict=True):
        more = size - call.x[axis]
        pairs[axis] = (more // 2, more - more // 2) if more > 0 else (-(-more // 2), more + -more // 2)
    return Translation(Pad(tuple(pairs)))


def _block(call: Call) -> int:
    block = int(call.need("blocksize"))
    if call.rank != 4 or block < 1:
        raise ModelError(f"blocksize {block} must be at least 1, and an input of shape {call.x} should have 4 axes")
    return block


@operator("DepthToSpace")
def depth_to_space(call: Call) -> Translation:
    """DCR puts the block offsets before the channel, CRD after."""
    block = _block(call)
    if call.x[1] % block**2:
        raise ModelError(f"{call.x[1]} channels do not divide by blocksize {block} squared = {block**2}")
    return Translation(DepthToSpace(block, call.text("mode", "DCR") == "DCR"))


@operator("SpaceToDepth")
def space_to_depth(call: Call) -> Translation:
    """The block offsets stand before the channel, unless the mode is CRD."""
    block = _block(call)
    if call.x[2] % block or call.x[3] % block:
        raise ModelError(f"{call.x[2]} rows and {call.x[3]} columns do not both divide by blocksize {block}")
    return Translation(SpaceToDepth(block, call.text("mode", "DCR") == "DCR"))


def sampled(shape: Shape, channelwise: bool, *inputs: int) -> Translation:
    """Positions that depend on data."""
    return Translation(Sample((shape,), channelwise), inputs or (0,), at_most=True)


@operator("GridSample")
def grid_sample(call: Call) -> Translation:
    """The grid says where to read; batch and channel stay."""
    return sampled((*call.x[:2], *call.shape(1)[1:-1]), True, 0, 1)


@operator("AffineGrid")
def affine_grid(call: Call) -> Translation:
    """A grid for GridSample from a matrix per batch element."""
    size = call.ints(1)
    return Translation(Everything(((size[0], *size[2:], len(size) - 2),)), at_most=True)


@operator("DeformConv")
def deform_conv(call: Call) -> Translation:
    """Offsets made by data move every tap."""
    w = call.shape(1)
    shape = (call.x[0], w[0], *call.shape(2)[2:])
    return sampled(shape, False, 0, 2)


@operator("RoiAlign", "MaxRoiPool")
def roi_align(call: Call) -> Translation:
    """Boxes say where to read."""
    if call.rank != 4 or len(call.shape(1)) != 2:
        raise ModelError(f"an image of shape {call.x} and boxes of shape {call.shape(1)} should have 4 axes and 2")
    pooled = call.get("pooled_shape") or (call.get("output_height", 1), call.get("output_width", 1))
    return sampled((call.shape(1)[0], call.x[1], *pooled), False, 0, 1)


@operator("MaxUnpool")
def max_unpool(call: Call) -> Translation:
    """Indices say where each maximum goes."""
    kernel = tuple(call.need("kernel_shape"))
    if call.has(2):
        return sampled(call.ints(2), True, 0, 1)
    if call.rank != len(kernel) + 2:
        raise ModelError(f"kernel_shape {kernel} should have {call.rank - 2} entries for an input of shape {call.x}")
    strides = per_axis(call, "strides", len(kernel))
    rows = zip(call.x[2:], kernel, strides, pad_pairs(call, len(kernel)), strict=True)
    sizes = tuple((n - 1) * stride - before - after + size for n, size, stride, (before, after) in rows)
    return sampled((*call.x[:2], *sizes), True, 0, 1)


@operator("Col2Im")
def col2im(call: Call) -> Translation:
    """Overlapping blocks summed into an image."""
    image, block = call.sizes(call.ints(1)), call.ints(2)
    rank = len(image)
    if prod(block) > MOST_TAPS:
        raise UnsupportedError(f"a block of {prod(block)} taps; at most {MOST_TAPS} are followed")
    stride, dilation = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    return Translation(Fold(block, stride, dilation, pad_pairs(call, rank), size=image))
