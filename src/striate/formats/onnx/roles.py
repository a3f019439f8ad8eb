"""What the inputs of ONNX's operators are for, by their place."""

from __future__ import annotations

from striate.formats.onnx.call import Call
from striate.network import Weight

CONVOLUTION = ("input", "weight", "bias")
NORMALISED = ("input", "scale", "shift")
RECURRENT = ("input", "weight", "recurrent weight", "bias", "lengths", "state", "cell", "peephole")
QUANTISED_PRODUCT = (
    *("input", "input scale", "input zero", "weight", "weight scale", "weight zero", "output scale", "output zero"),
    "bias",
)

ROLES = {
    "Conv": CONVOLUTION,
    "ConvTranspose": CONVOLUTION,
    "com.microsoft:FusedConv": (*CONVOLUTION, "summand"),
    "ConvInteger": ("input", "weight", "input zero", "weight zero"),
    "QLinearConv": QUANTISED_PRODUCT,
    "QLinearMatMul": QUANTISED_PRODUCT,
    "MatMul": ("input", "weight"),
    "MatMulInteger": ("input", "weight", "input zero", "weight zero"),
    "Gemm": CONVOLUTION,
    "com.microsoft:FusedGemm": CONVOLUTION,
    "DeformConv": ("input", "weight", "offset", "bias", "mask"),
    "BatchNormalization": ("input", "scale", "shift", "mean", "variance"),
    "InstanceNormalization": NORMALISED,
    "GroupNormalization": NORMALISED,
    "LayerNormalization": NORMALISED,
    "RMSNormalization": NORMALISED,
    "SimplifiedLayerNormalization": NORMALISED,
    "PRelu": ("input", "slope"),
    "Clip": ("input", "min", "max"),
    "Pad": ("input", "pads", "fill", "axes"),
    "Resize": ("input", "roi", "scales", "sizes"),
    "Upsample": ("input", "scales"),
    "QuantizeLinear": ("input", "scale", "zero"),
    "DequantizeLinear": ("input", "scale", "zero"),
    "RNN": RECURRENT,
    "GRU": RECURRENT,
    "LSTM": RECURRENT,
    "Gather": ("table", "indices"),
    "Attention": ("query", "key", "value", "mask"),
}

SETTINGS = {
    "BatchNormalization": ("mean", "variance"),
    "Clip": ("min", "max"),
    "Pad": ("fill",),
    "Resize": ("roi", "scales"),
    "Upsample": ("scales",),
}
"""Inputs that hold numbers and are not learned."""


def role(op: str, place: int) -> str:
    """What an input is for; ``operand 1`` where the table does not say."""
    roles = ROLES.get(op, ())
    return roles[place] if place < len(roles) else f"operand {place}"


def weights(call: Call) -> tuple[Weight, ...]:
    """The inputs of a node that no data makes, by the names they have in the file."""
    return tuple(
        Weight(role(call.op, k), tensor.name, tensor.shape)
        for k, tensor in enumerate(call.inputs)
        if tensor is not None and not tensor.data
    )
