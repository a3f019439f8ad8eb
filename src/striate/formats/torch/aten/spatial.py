"""Convolution, pooling, resizing, padding, unfolding and sampling."""

from __future__ import annotations

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, each, handles
from striate.formats.torch.fixed import is_zero, where
from striate.geometry import Border
from striate.network.operators import (
    AdaptivePool,
    ChannelShuffle,
    Conv,
    ConvTranspose,
    DepthToSpace,
    Everything,
    Fold,
    Operator,
    Pad,
    Pool,
    Sample,
    SpaceToDepth,
    Unfold,
)
from striate.network.relation import Shape


@handles("convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution")
def convolution(call: Call) -> None:
    """Convolution of any rank, and transposed convolution; an upper bound where taps are surely zero."""
    x, weight = call.value("input"), call.value("weight")
    bias = call.value("bias") if call.get("bias") is not None else None
    rank, groups = len(x.shape) - 2, call["groups"]
    kernel, stride, dilation = tuple(weight.shape[2:]), each(call["stride"], rank), each(call["dilation"], rank)
    padding = tuple((p, p) for p in each(call["padding"], rank))
    call.at_most = weight.constant and where(call, call["weight"], is_zero, 0.0) is not None
    if x.constant:
        call.emit(Everything((call.shape,)), [value for value in (weight, bias) if value and not value.constant])
    elif call["transposed"]:
        extra = each(call["output_padding"], rank)
        made: Operator = ConvTranspose(
            kernel, stride, dilation, padding, out_channels=call.shape[1], groups=groups, output_padding=extra
        )
        call.emit(made, [x], [weight, bias])
    else:
        made = Conv(kernel, stride, dilation, padding, out_channels=call.shape[1], groups=groups)
        call.emit(made, [x], [weight, bias])


@handles("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices",
         "avg_pool1d", "avg_pool2d", "avg_pool3d")
def pool(call: Call) -> None:
    """Max and average pooling."""
    x, kernel = call.value("self"), call["kernel_size"]
    rank = int(call.op.partition("pool")[2][0])
    kernel = each(kernel, rank)
    stride = each(call["stride"], rank) if call.get("stride") else kernel
    padding = tuple((p, p) for p in each(call["padding"], rank))
    made = Pool(kernel, stride, each(call.get("dilation", 1), rank), padding, ceil=bool(call["ceil_mode"]))
    call.emit(made, [x])
    call.emit_rest(made, [x])


@handles(*(f"{lead}adaptive_{kind}_pool{rank}d" for lead in ("", "_") for kind in ("max", "avg") for rank in (1, 2, 3)))
def adaptive_pool(call: Call) -> None:
    """Adaptive pooling."""
    x = call.value("self")
    size = call.shape[len(call.shape) - int(call.op[-2]) :]
    call.emit(AdaptivePool(size), [x])
    call.emit_rest(AdaptivePool(size), [x])


BORDERS = {
    "circular": Border.CIRCULAR,
    "reflection": Border.REFLECT,
    "replication": Border.REPLICATE,
    "constant": Border.ZERO,
}


@handles("constant_pad_nd", "circular_pad", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d",
         "replication_pad1d", "replication_pad2d", "replication_pad3d")
def pad(call: Call) -> None:
    """Padding with a constant, a mirror or the last pixel; negative pads crop."""
    x = call.value("self")
    given = list(call["pad"] if call.op == "constant_pad_nd" else call["padding"])
    pads = [(0, 0)] * len(x.shape)
    for k in range(len(given) // 2):
        pads[-1 - k] = (given[2 * k], given[2 * k + 1])
    call.emit(Pad(tuple(pads), BORDERS[call.op.partition("_")[0]], float(call.get("value") or 0)), [x])


@handles("pixel_shuffle")
def pixel_shuffle(call: Call) -> None:
    """Channels to blocks of pixels."""
    x = call.value("self")
    call.emit(DepthToSpace(call["upscale_factor"]), [x])


@handles("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> None:
    """Blocks of pixels to channels."""
    call.emit(SpaceToDepth(call["downscale_factor"]), [call.value("self")])


@handles("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> None:
    """Channels dealt out over groups."""
    call.emit(ChannelShuffle(call["groups"]), [call.value("self")])


def _window(call: Call) -> tuple[Shape, Shape, Shape, tuple[tuple[int, int], ...]]:
    kernel, stride, dilation, pads = (each(call[name], 2) for name in ("kernel_size", "stride", "dilation", "padding"))
    return kernel, stride, dilation, tuple((p, p) for p in pads)


@handles("im2col")
def im2col(call: Call) -> None:
    """Windows as columns."""
    call.emit(Unfold(*_window(call)), [call.value("self")])


@handles("col2im")
def col2im(call: Call) -> None:
    """Columns added back to windows."""
    call.emit(Fold(*_window(call), size=tuple(call["output_size"])), [call.value("self")])


@handles("grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "_grid_sampler_2d_cpu_fallback", "cudnn_grid_sampler")
def grid_sample(call: Call) -> None:
    """Positions that depend on data."""
    call.at_most = True
    call.emit(Sample((call.shape,), True), [call.value("input"), call.value("grid")])


@handles("max_unpool2d", "max_unpool3d", "fractional_max_pool2d", "fractional_max_pool3d")
def unpool(call: Call) -> None:
    """Positions that depend on data or on chance."""
    x = call.value("self")
    data = [value for value in call.tensors() if not value.constant]
    if x.constant or len(x.shape) != len(call.shape) or x.shape[:2] != call.shape[:2]:
        raise UnsupportedError("unpooling needs data of shape (N, C, ...)")
    call.at_most = True
    call.emit(Sample((call.shape,), True), data)
    call.emit_rest(None, data)


@handles("torchvision::deform_conv2d", "torchvision::roi_align", "torchvision::roi_pool", "torchvision::ps_roi_align",
         "torchvision::ps_roi_pool")
def sampled(call: Call) -> None:
    """Positions that depend on data; constants are weights."""
    values = call.tensors()
    data = [value for value in values if not value.constant]
    call.at_most = True
    call.emit(Sample((call.shape,)), data, [value for value in values if value.constant])
    call.emit_rest(None, data)
