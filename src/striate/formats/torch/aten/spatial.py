"""Convolution, pooling, resizing, padding, unfolding and sampling."""

from __future__ import annotations

from typing import Any

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, each, handles
from striate.formats.torch.fixed import is_zero, where
from striate.geometry import Border


@handles("convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution")
def convolution(call: Call) -> None:
    """Convolution of any rank, and transposed convolution; an upper bound where taps are surely zero."""
    x, weight = call.value("input"), call.value("weight")
    bias = call.value("bias") if call.get("bias") is not None else None
    rank, groups = len(x.shape) - 2, call["groups"]
    attributes: dict[str, Any] = {
        "out_channels": call.shape[1],
        "kernel": tuple(weight.shape[2:]),
        "stride": each(call["stride"], rank),
        "dilation": each(call["dilation"], rank),
        "padding": tuple((p, p) for p in each(call["padding"], rank)),
        "groups": groups,
    }
    call.at_most = weight.constant and where(call, call["weight"], is_zero, 0.0) is not None
    if x.constant:
        call.emit("whole", [value for value in (weight, bias) if value and not value.constant], shapes=(call.shape,))
    elif call["transposed"]:
        extra = each(call["output_padding"], rank)
        call.emit("conv_transpose", [x], [weight, bias], **attributes, output_padding=extra)
    else:
        call.emit("conv", [x], [weight, bias], **attributes)


@handles("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices",
         "avg_pool1d", "avg_pool2d", "avg_pool3d")
def pool(call: Call) -> None:
    """Max and average pooling."""
    x, kernel = call.value("self"), call["kernel_size"]
    rank = int(call.op.partition("pool")[2][0])
    kernel = each(kernel, rank)
    attributes = {
        "kernel": kernel,
        "stride": each(call["stride"], rank) if call.get("stride") else kernel,
        "dilation": each(call.get("dilation", 1), rank),
        "padding": tuple((p, p) for p in each(call["padding"], rank)),
        "ceil": bool(call["ceil_mode"]),
    }
    call.emit("pool", [x], **attributes)
    call.emit_rest("pool", [x], **attributes)


@handles(*(f"{lead}adaptive_{kind}_pool{rank}d" for lead in ("", "_") for kind in ("max", "avg") for rank in (1, 2, 3)))
def adaptive_pool(call: Call) -> None:
    """Adaptive pooling."""
    x = call.value("self")
    size = call.shape[len(call.shape) - int(call.op[-2]) :]
    call.emit("adaptive_pool", [x], size=size)
    call.emit_rest("adaptive_pool", [x], size=size)


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
    call.emit("pad", [x], pads=tuple(pads), border=BORDERS[call.op.partition("_")[0]])


@handles("pixel_shuffle")
def pixel_shuffle(call: Call) -> None:
    """Channels to blocks of pixels."""
    x = call.value("self")
    call.emit("depth_to_space", [x], block=call["upscale_factor"])


@handles("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> None:
    """Blocks of pixels to channels."""
    call.emit("space_to_depth", [call.value("self")], block=call["downscale_factor"])


@handles("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> None:
    """Channels dealt out over groups."""
    call.emit("channel_shuffle", [call.value("self")], groups=call["groups"])


def _window(call: Call) -> dict[str, Any]:
    return {
        "kernel": each(call["kernel_size"], 2),
        "stride": each(call["stride"], 2),
        "dilation": each(call["dilation"], 2),
        "padding": tuple((p, p) for p in each(call["padding"], 2)),
    }


@handles("im2col")
def im2col(call: Call) -> None:
    """Windows as columns."""
    call.emit("unfold", [call.value("self")], **_window(call))


@handles("col2im")
def col2im(call: Call) -> None:
    """Columns added back to windows."""
    call.emit("fold", [call.value("self")], **_window(call), size=tuple(call["output_size"]))


@handles("grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "_grid_sampler_2d_cpu_fallback", "cudnn_grid_sampler")
def grid_sample(call: Call) -> None:
    """Positions that depend on data."""
    call.at_most = True
    call.emit("sample", [call.value("input"), call.value("grid")], shapes=(call.shape,), channelwise=True)


@handles("max_unpool2d", "max_unpool3d", "fractional_max_pool2d", "fractional_max_pool3d")
def unpool(call: Call) -> None:
    """Positions that depend on data or on chance."""
    x = call.value("self")
    data = [value for value in call.tensors() if not value.constant]
    if x.constant or len(x.shape) != len(call.shape) or x.shape[:2] != call.shape[:2]:
        raise UnsupportedError("unpooling needs data of shape (N, C, ...)")
    call.at_most = True
    call.emit("sample", data, shapes=(call.shape,), channelwise=True)
    call.emit_rest("whole", data)


@handles("torchvision::deform_conv2d", "torchvision::roi_align", "torchvision::roi_pool", "torchvision::ps_roi_align",
         "torchvision::ps_roi_pool")
def sampled(call: Call) -> None:
    """Positions that depend on data; constants are weights."""
    values = call.tensors()
    data = [value for value in values if not value.constant]
    call.at_most = True
    call.emit("sample", data, [value for value in values if value.constant], shapes=(call.shape,))
    call.emit_rest("whole", data)
