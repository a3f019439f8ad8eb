"""A small TFLite graph for each operator that is read, and its settings that matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import tflite

from support.tflite_models import Sketch

Build = Callable[[Sketch], int]
SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
RELU, RELU6 = tflite.ActivationFunctionType.RELU, tflite.ActivationFunctionType.RELU6
RANDOM = np.random.default_rng(0)


def positive(*shape: int) -> Any:
    """Weights that hide nothing."""
    return RANDOM.uniform(0.01, 0.02, shape).astype(np.float32)


def conv(s: Sketch, x: int, out: int, into: int, kernel: tuple[int, int] = (3, 3), **more: Any) -> int:
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": SAME, **more}
    weights = s.constant(positive(out, *kernel, into)), s.constant(positive(out))
    return s.add("CONV_2D", x, *weights, options="Conv2DOptions", **settings)


def depthwise(s: Sketch, x: int, into: int, multiplier: int = 1, **more: Any) -> int:
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": SAME, "DepthMultiplier": multiplier, **more}
    weights = s.constant(positive(1, 3, 3, into * multiplier)), s.constant(positive(into * multiplier))
    return s.add("DEPTHWISE_CONV_2D", x, *weights, options="DepthwiseConv2DOptions", **settings)


def pool(s: Sketch, op: str, size: int, stride: int, padding: int = SAME, *shape: int) -> int:
    return s.add(
        op, s.input(*(shape or (1, 6, 5, 2))), options="Pool2DOptions", FilterHeight=size, FilterWidth=size,
        StrideH=stride, StrideW=stride, Padding=padding,
    )  # fmt: skip


def transposed(s: Sketch, shape: tuple[int, int], padding: int, kernel: int = 3, stride: int = 2) -> int:
    size = s.constant(np.array([1, *shape, 2]))
    weight, x = s.constant(positive(2, kernel, kernel, 2)), s.input(1, 3, 4, 2)
    return s.add(
        "TRANSPOSE_CONV", size, weight, x, options="TransposeConvOptions", StrideH=stride, StrideW=stride,
        Padding=padding,
    )  # fmt: skip


def resized(s: Sketch, kind: str, size: tuple[int, int], **flags: Any) -> int:
    options = {"BILINEAR": "ResizeBilinearOptions", "NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions"}[kind]
    return s.add(f"RESIZE_{kind}", s.input(1, 4, 5, 2), s.constant(np.array(size)), options=options, **flags)


def reduced(s: Sketch, op: str, axes: tuple[int, ...], keep: bool, *shape: int) -> int:
    x = s.input(*(shape or (1, 3, 4, 2)))
    return s.add(op, x, s.constant(np.array(axes)), options="ReducerOptions", KeepDims=keep)


def sliced(s: Sketch, starts: tuple[int, ...], ends: tuple[int, ...], steps: tuple[int, ...], **masks: Any) -> int:
    told = (s.constant(np.array(column)) for column in (starts, ends, steps))
    return s.add("STRIDED_SLICE", s.input(1, 6, 5, 2), *told, options="StridedSliceOptions", **masks)


def unary(op: str, options: str = "", **settings: Any) -> Build:
    return lambda s: s.add(op, s.input(1, 3, 3, 2), options=options, **settings)


def dilated(s: Sketch) -> int:
    """A convolution of dilation 2 as TensorFlow once wrote it: blocks as images, and back."""
    x, block = s.input(1, 7, 6, 1), s.constant(np.array([2, 2]))
    apart = s.add("SPACE_TO_BATCH_ND", x, block, s.constant(np.array([[2, 3], [2, 2]])))
    made = conv(s, apart, 2, 1, Padding=VALID)
    return s.add("BATCH_TO_SPACE_ND", made, block, s.constant(np.array([[0, 1], [0, 0]])))


def fixed(s: Sketch) -> int:
    """A convolution, then a reshape to a shape that the graph computes from that of the convolution."""
    x = conv(s, s.input(1, 4, 6, 2), 2, 2)
    shape = s.add("SHAPE", x, kind="int32", options="ShapeOptions", OutType=tflite.TensorType.INT32)
    told = (s.constant(np.array([n])) for n in (1, 2, 1))
    rows = s.add("STRIDED_SLICE", shape, *told, kind="int32", options="StridedSliceOptions", ShrinkAxisMask=1)
    two = s.add("MUL", rows, s.constant(np.int32(2)), kind="int32", options="MulOptions")
    rest = s.constant(np.int32(-1))
    packed = s.add("PACK", two, rest, kind="int32", options="PackOptions", ValuesCount=2, Axis=0)
    return s.add("RESHAPE", x, packed)


def quantised(s: Sketch) -> int:
    x = s.add("QUANTIZE", s.input(1, 5, 5, 2), kind="int8", scale=1.0, options="QuantizeOptions")
    w = s.constant(np.ones((3, 3, 3, 2), np.int8), scale=1.0)
    b = s.constant(np.zeros(3, np.int32), scale=1.0)
    y = s.add("CONV_2D", x, w, b, kind="int8", scale=8.0, options="Conv2DOptions", StrideH=2, StrideW=2, Padding=SAME)
    return s.add("DEQUANTIZE", y, options="DequantizeOptions")


def half(s: Sketch) -> int:
    x, w = s.input(1, 5, 4, 2), s.constant(np.full((3, 3, 3, 2), 0.5, np.float16), name="w")
    wide = s.add("DEQUANTIZE", w, shape=(3, 3, 3, 2), name="w_dequantize", options="DequantizeOptions")
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": VALID}
    return s.add("CONV_2D", x, wide, s.constant(positive(3)), options="Conv2DOptions", **settings)


def joined(s: Sketch) -> int:
    """Channels side by side: a convolution's, and those of the input in the file's order of axes."""
    x = s.input(1, 4, 5, 2)
    return s.add("CONCATENATION", conv(s, x, 3, 2), x, options="ConcatenationOptions", Axis=3)


def gated(s: Sketch) -> int:
    """Squeeze and excitation: every channel by a number made of all of it."""
    y = conv(s, s.input(1, 4, 5, 2), 3, 2)
    mean = s.add("MEAN", y, s.constant(np.array([1, 2])), options="ReducerOptions", KeepDims=True)
    return s.add("MUL", y, conv(s, mean, 3, 3, (1, 1)), options="MulOptions")


def flat(s: Sketch) -> int:
    x = s.add("RESHAPE", conv(s, s.input(1, 3, 4, 2), 2, 2), s.constant(np.array([1, -1])))
    return s.add(
        "FULLY_CONNECTED", x, s.constant(positive(3, 24)), s.constant(positive(3)), options="FullyConnectedOptions"
    )


def features(s: Sketch) -> int:
    w = s.constant(positive(3, 2))
    return s.add("FULLY_CONNECTED", s.input(1, 3, 4, 2), w, -1, options="FullyConnectedOptions", KeepNumDims=True)


def tokens(s: Sketch) -> int:
    """A convolution's pixels as tokens, which attend to one another."""
    x = s.add("RESHAPE", conv(s, s.input(1, 2, 3, 2), 4, 2, (1, 1)), s.constant(np.array([1, 6, 4])))
    scores = s.add("BATCH_MATMUL", x, x, options="BatchMatMulOptions", AdjY=True)
    return s.add("BATCH_MATMUL", scores, x, options="BatchMatMulOptions")


def normed(s: Sketch) -> int:
    x = conv(s, s.input(1, 2, 3, 2), 5, 2, (1, 1))
    settings: dict[str, Any] = {"Radius": 1, "Alpha": 0.5, "Beta": 0.5, "Bias": 1.0}
    return s.add("LOCAL_RESPONSE_NORMALIZATION", x, options="LocalResponseNormalizationOptions", **settings)


def added(s: Sketch) -> int:
    x = conv(s, s.input(1, 4, 3, 2), 2, 2, (1, 1))
    y = s.add("ADD", x, s.constant(positive(2)), options="AddOptions", FusedActivationFunction=RELU)
    return s.add("MAXIMUM", y, x)


def widened(s: Sketch) -> int:
    """A vector that data makes, added to every pixel of a convolution."""
    x = conv(s, s.input(1, 3, 4, 2), 2, 2)
    row = s.add("MEAN", x, s.constant(np.array([1, 2])), options="ReducerOptions", KeepDims=False)
    vector = s.add("RESHAPE", row, s.constant(np.array([2])))
    return s.add("SUB", x, vector, options="SubOptions")


def packed(s: Sketch) -> int:
    x = conv(s, s.input(1, 3, 4, 2), 2, 2, (1, 1))
    return s.add("PACK", x, s.add("RELU", x), options="PackOptions", Axis=-1, ValuesCount=2)


def parts(s: Sketch, last: bool) -> int:
    x = conv(s, s.input(1, 3, 4, 2), 6, 2)
    first = s.add("SPLIT", s.constant(np.int32(3)), x, outputs=3, options="SplitOptions", NumSplits=3)
    return first + 2 * last


def uneven(s: Sketch) -> int:
    x, sizes = s.input(1, 7, 3, 2), s.constant(np.array([2, -1, 3]))
    return s.add("SPLIT_V", x, sizes, s.constant(np.int32(1)), outputs=3, options="SplitVOptions", NumSplits=3) + 1


def gathered(s: Sketch) -> int:
    x = conv(s, s.input(1, 4, 3, 2), 2, 2, (1, 1))
    return s.add("GATHER", x, s.constant(np.array([2, 0, 2])), options="GatherOptions", Axis=1)


def cube(s: Sketch) -> int:
    weight = s.constant(positive(2, 3, 3, 1, 2))
    settings: dict[str, Any] = {"StrideD": 1, "StrideH": 2, "StrideW": 1, "DilationDFactor": 1, "DilationHFactor": 1}
    return s.add(
        "CONV_3D", s.input(1, 3, 5, 4, 1), weight, options="Conv3DOptions", DilationWFactor=1, Padding=SAME, **settings
    )


def padded(op: str, **settings: Any) -> Build:
    def build(s: Sketch) -> int:
        x = conv(s, s.input(1, 4, 5, 1), 2, 1, (1, 1))
        more = [s.constant(np.float32(3))] if op == "PADV2" else []
        pads = s.constant(np.array([[0, 0], [1, 2], [3, 0], [0, 0]]))
        return s.add(op, x, pads, *more, options="MirrorPadOptions" if settings else "", **settings)

    return build


CASES: dict[str, Build] = {
    "conv": lambda s: conv(s, s.input(1, 6, 5, 2), 3, 2),
    "conv, stride 2 on even and odd": lambda s: conv(s, s.input(1, 6, 5, 1), 2, 1, StrideH=2, StrideW=2),
    "conv, stride 3 over kernel 2": lambda s: conv(s, s.input(1, 8, 7, 1), 1, 1, (2, 2), StrideH=3, StrideW=3),
    "conv, kernel below the stride": lambda s: conv(s, s.input(1, 8, 7, 1), 1, 1, (1, 1), StrideH=3, StrideW=4),
    "conv, valid, relu6": lambda s: conv(
        s, s.input(1, 6, 5, 2), 2, 2, Padding=VALID, FusedActivationFunction=RELU
    ),
    "conv, dilation": lambda s: conv(s, s.input(1, 7, 6, 1), 1, 1, DilationHFactor=2, DilationWFactor=3),
    "conv, dilation, valid": lambda s: conv(s, s.input(1, 7, 8, 1), 1, 1, DilationHFactor=2, Padding=VALID),
    "conv, groups": lambda s: conv(s, s.input(1, 4, 4, 4), 6, 2),
    "conv, two images": lambda s: conv(s, s.input(2, 3, 4, 1), 2, 1),
    "depthwise": lambda s: depthwise(s, s.input(1, 5, 4, 3), 3, StrideH=2, StrideW=2),
    "depthwise, multiplier": lambda s: depthwise(s, s.input(1, 4, 4, 2), 2, 3, Padding=VALID),
    "depthwise, dilation": lambda s: depthwise(s, s.input(1, 6, 5, 2), 2, DilationHFactor=2, DilationWFactor=2),
    "conv 3d": cube,
    "transposed, same": lambda s: transposed(s, (6, 8), SAME),
    "transposed, same, odd": lambda s: transposed(s, (5, 7), SAME),
    "transposed, valid": lambda s: transposed(s, (7, 9), VALID),
    "transposed, valid, longer": lambda s: transposed(s, (8, 10), VALID),
    "transposed, kernel 2": lambda s: transposed(s, (6, 8), SAME, 2),
    "transposed, kernel 4": lambda s: transposed(s, (6, 8), SAME, 4),
    "max pool": lambda s: pool(s, "MAX_POOL_2D", 2, 2),
    "max pool, same, overlapping": lambda s: pool(s, "MAX_POOL_2D", 3, 2),
    "average pool": lambda s: pool(s, "AVERAGE_POOL_2D", 3, 2),
    "average pool, valid": lambda s: pool(s, "AVERAGE_POOL_2D", 3, 1, VALID),
    "l2 pool": lambda s: pool(s, "L2_POOL_2D", 2, 1),
    "average of all": lambda s: pool(s, "AVERAGE_POOL_2D", 4, 4, VALID, 1, 4, 4, 2),
    "bilinear": lambda s: resized(s, "BILINEAR", (8, 10)),
    "bilinear, half pixels": lambda s: resized(s, "BILINEAR", (8, 10), HalfPixelCenters=True),
    "bilinear, half pixels, smaller": lambda s: resized(s, "BILINEAR", (3, 2), HalfPixelCenters=True),
    "bilinear, corners": lambda s: resized(s, "BILINEAR", (7, 9), AlignCorners=True),
    "bilinear, odd factors": lambda s: resized(s, "BILINEAR", (7, 3)),
    "nearest": lambda s: resized(s, "NEAREST_NEIGHBOR", (8, 7)),
    "nearest, half pixels": lambda s: resized(s, "NEAREST_NEIGHBOR", (6, 11), HalfPixelCenters=True),
    "nearest, corners": lambda s: resized(s, "NEAREST_NEIGHBOR", (7, 9), AlignCorners=True),
    "nearest, smaller": lambda s: resized(s, "NEAREST_NEIGHBOR", (3, 2)),
    "pad": padded("PAD"),
    "pad, a constant": padded("PADV2"),
    "mirrored at the last pixel": padded("MIRROR_PAD", Mode=tflite.MirrorPadMode.REFLECT),
    "mirrored at the edge": padded("MIRROR_PAD", Mode=tflite.MirrorPadMode.SYMMETRIC),
    "space to depth": lambda s: s.add(
        "SPACE_TO_DEPTH", s.input(1, 4, 6, 2), options="SpaceToDepthOptions", BlockSize=2
    ),
    "depth to space": lambda s: s.add(
        "DEPTH_TO_SPACE", s.input(1, 2, 3, 8), options="DepthToSpaceOptions", BlockSize=2
    ),
    "dilation by blocks": dilated,
    "mean": lambda s: reduced(s, "MEAN", (1, 2), True),
    "mean of a conv, axes gone": widened,
    "sum of channels": lambda s: reduced(s, "SUM", (-1,), False),
    "maximum": lambda s: reduced(s, "REDUCE_MAX", (2,), True),
    "fully connected": flat,
    "fully connected, all axes kept": features,
    "attention": tokens,
    "softmax": lambda s: s.add("SOFTMAX", conv(s, s.input(1, 2, 3, 2), 3, 2), options="SoftmaxOptions", Beta=0.01),
    "l2 normalisation": lambda s: s.add("L2_NORMALIZATION", s.input(1, 2, 3, 3), options="L2NormOptions"),
    "local response": normed,
    "add and maximum": added,
    "prelu": lambda s: s.add("PRELU", s.input(1, 3, 3, 2), s.constant(positive(1, 1, 2))),
    "leaky relu": unary("LEAKY_RELU", "LeakyReluOptions", Alpha=0.1),
    "logistic": lambda s: s.add("LOGISTIC", conv(s, s.input(1, 3, 3, 1), 1, 1)),
    "hard swish": unary("HARD_SWISH", "HardSwishOptions"),
    "elu": unary("ELU"),
    "gelu": unary("GELU", "GeluOptions"),
    "square root": unary("SQRT"),
    "gate": gated,
    "concatenation": joined,
    "reshape computed": fixed,
    "squeeze": lambda s: s.add("SQUEEZE", s.input(1, 1, 5, 2), options="SqueezeOptions", SqueezeDims=(1,)),
    "expand": lambda s: s.add("EXPAND_DIMS", conv(s, s.input(1, 2, 3, 2), 2, 2), s.constant(np.int32(1))),
    "transpose": lambda s: s.add("TRANSPOSE", conv(s, s.input(1, 2, 3, 2), 2, 2), s.constant(np.array([0, 2, 3, 1]))),
    "slice": lambda s: s.add(
        "SLICE", conv(s, s.input(1, 5, 4, 2), 2, 2), s.constant(np.array([0, 1, 0, 1])),
        s.constant(np.array([1, 3, -1, 1])),
    ),
    "strided slice": lambda s: sliced(s, (0, 1, 4, 0), (1, 6, 0, 2), (1, 2, -1, 1), EndMask=0b1000),
    "strided slice, an index": lambda s: sliced(
        s, (0, -2, 0, 0), (0, 0, 0, 0), (1,) * 4, EndMask=0b1101, ShrinkAxisMask=0b10
    ),
    "strided slice, ellipsis": lambda s: sliced(s, (0, 1), (0, 2), (1, 1), EllipsisMask=1),
    "strided slice, a new axis": lambda s: sliced(
        s, (0, 0, 1), (0, 0, 4), (1,) * 3, NewAxisMask=1, BeginMask=2, EndMask=2
    ),
    "split, first": lambda s: parts(s, False),
    "split, last": lambda s: parts(s, True),
    "split by sizes": uneven,
    "pack": packed,
    "unpack": lambda s: s.add(
        "UNPACK", conv(s, s.input(1, 2, 3, 2), 2, 2, (1, 1)), outputs=3, options="UnpackOptions", Num=3, Axis=2
    ) + 2,
    "tile": lambda s: s.add("TILE", conv(s, s.input(1, 2, 3, 1), 2, 1), s.constant(np.array([1, 2, 1, 2]))),
    "reverse": lambda s: s.add("REVERSE_V2", s.input(1, 3, 4, 2), s.constant(np.array([2]))),
    "gather": gathered,
    "cumulative sum": lambda s: s.add(
        "CUMSUM", s.input(1, 4, 3, 1), s.constant(np.int32(1)), options="CumsumOptions", Exclusive=True, Reverse=True
    ),
    "half weights": half,
    "8-bit": quantised,
}  # fmt: skip


def compared(s: Sketch, op: str = "GREATER") -> int:
    return s.add(op, s.input(1, 2, 3, 2), s.constant(np.float32(50)), kind="bool")


def joint(op: str, options: str = "", kind: str = "float32") -> Build:
    """An operator of two inputs, of which a constant widens none."""
    return lambda s: s.add(op, s.input(1, 2, 3, 2), s.constant(positive(2)), options=options, kind=kind)


def whole(op: str) -> Build:
    """An operator of two integers."""

    def build(s: Sketch) -> int:
        x = s.add("CAST", s.input(1, 2, 3, 2), kind="int32", options="CastOptions", OutDataType=tflite.TensorType.INT32)
        return s.add(op, x, s.constant(np.array([3, 2])), kind="int32")

    return build


def logical(op: str) -> Build:
    def build(s: Sketch) -> int:
        truth = compared(s)
        other = s.add("GREATER", 0, s.constant(np.float32(60)), kind="bool")
        return s.add(op, *[truth, other][: 1 if op == "LOGICAL_NOT" else 2], kind="bool")

    return build


def chosen(op: str) -> Build:
    def build(s: Sketch) -> int:
        truth = compared(s)
        return s.add(op, truth, s.add("RELU", 0), s.add("TANH", 0))

    return build


def extreme(op: str) -> Build:
    kind = {"OutputType": tflite.TensorType.INT32}
    return lambda s: s.add(
        op, conv(s, s.input(1, 3, 2, 2), 3, 2, (1, 1)), s.constant(np.int32(-1)), kind="int32",
        options=f"Arg{op[4:].title()}Options", **kind,
    )  # fmt: skip


def truths(op: str) -> Build:
    def build(s: Sketch) -> int:
        truth = compared(s)
        axes = s.constant(np.array([1]))
        return s.add(op, truth, axes, kind="bool", options="ReducerOptions", KeepDims=True)

    return build


def largest(s: Sketch) -> int:
    first = s.add("TOPK_V2", s.input(1, 2, 2, 4), s.constant(np.int32(2)), outputs=2)
    s.tensors[first + 1] = replace(s.tensors[first + 1], kind="int32")
    return first


PLAIN = (
    "ABS", "CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQUARE",
    "TANH",
)  # fmt: skip
QUIET: dict[str, Build] = {
    **{op: unary(op) for op in PLAIN},
    **{op: unary(op) for op in ("RELU_0_TO_1", "SIGN", "ZEROS_LIKE")},
    "FAKE_QUANT": unary("FAKE_QUANT", "FakeQuantOptions", Min=0.0, Max=6.0, NumBits=8),
    "LOG_SOFTMAX": unary("LOG_SOFTMAX"),
    "DIV": joint("DIV", "DivOptions"),
    **{op: joint(op) for op in ("MINIMUM", "POW", "SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD")},
    "ATAN2": lambda s: s.add("ATAN2", s.input(1, 2, 3, 2), s.add("TANH", 0)),
    **{op: joint(op, kind="bool") for op in ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]},
    **{op: whole(op) for op in ("BITWISE_XOR", "RIGHT_SHIFT")},
    **{op: logical(op) for op in ("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT")},
    **{op: chosen(op) for op in ("SELECT", "SELECT_V2")},
    **{op: extreme(op) for op in ("ARG_MAX", "ARG_MIN")},
    **{op: truths(op) for op in ("REDUCE_ANY", "REDUCE_ALL")},
    "REDUCE_MIN": lambda s: reduced(s, "REDUCE_MIN", (1, 2), False),
    "REDUCE_PROD": lambda s: reduced(s, "REDUCE_PROD", (3,), True),
    "ADD_N": lambda s: s.add("ADD_N", conv(s, s.input(1, 2, 3, 2), 2, 2), 0, 0),
    "BROADCAST_TO": lambda s: s.add("BROADCAST_TO", s.input(1, 1, 3, 2), s.constant(np.array([2, 4, 3, 2]))),
    "TOPK_V2": largest,
}
"""Operators of which some inputs move nothing where a number is small or large: each reads what is said or less."""


def upright(s: Sketch, op: str, *more: int, **settings: Any) -> int:
    """An operator along the rows of a picture: its columns stand last."""
    y = conv(s, s.input(1, 3, 4, 2), 2, 2, (1, 1))
    return s.add(op, s.add("TRANSPOSE", y, s.constant(np.array([0, 3, 1, 2]))), *more, **settings)


def largest_of_rows(s: Sketch) -> int:
    first = upright(s, "TOPK_V2", s.constant(np.int32(2)), outputs=2)
    s.tensors[first + 1] = replace(s.tensors[first + 1], kind="int32")
    return first


def as_tokens(s: Sketch) -> int:
    return s.add("RESHAPE", conv(s, s.input(1, 2, 3, 2), 4, 2, (1, 1)), s.constant(np.array([1, 6, 4])))


def multiplied(s: Sketch, turned: str = "") -> int:
    """Tokens, and a product of them by themselves, either side turned."""
    x = as_tokens(s)
    if turned == "AdjX":
        return s.add("BATCH_MATMUL", x, s.add("RELU", x), options="BatchMatMulOptions", AdjX=True)
    return s.add("BATCH_MATMUL", x, s.add("RELU", x), options="BatchMatMulOptions", AdjY=True)


def by_a_constant(s: Sketch) -> int:
    return s.add("BATCH_MATMUL", s.constant(positive(1, 5, 6)), as_tokens(s), options="BatchMatMulOptions")


def dense_by_data(s: Sketch) -> int:
    x = s.add("RESHAPE", s.input(1, 3, 4, 2), s.constant(np.array([6, 4])))
    return s.add("FULLY_CONNECTED", x, s.add("RELU", x), -1, options="FullyConnectedOptions")


def filled(s: Sketch) -> int:
    """A number made of the whole picture, wherever an output stands."""
    number = s.add("MEAN", s.input(1, 4, 5, 1), s.constant(np.arange(4)), options="ReducerOptions", KeepDims=False)
    return s.add("FILL", s.constant(np.array([1, 2, 2, 1])), number)


def embedded(s: Sketch) -> int:
    return s.add("GATHER", s.constant(positive(20, 4)), s.input(1, 7, kind="int32"), options="GatherOptions", Axis=0)


def of_bytes(s: Sketch) -> int:
    kinds = {"InDataType": tflite.TensorType.UINT8, "OutDataType": tflite.TensorType.FLOAT32}
    return conv(s, s.add("CAST", s.input(1, 6, 6, 1, kind="uint8"), options="CastOptions", **kinds), 2, 1)


NEIGHBOURS: dict[str, Any] = {"Radius": 1, "Alpha": 0.5, "Beta": 0.5, "Bias": 1.0}
MIXING: dict[str, Build] = {
    "SOFTMAX along a row": lambda s: upright(s, "SOFTMAX", options="SoftmaxOptions", Beta=1.0),
    "LOG_SOFTMAX along a row": lambda s: upright(s, "LOG_SOFTMAX"),
    "L2_NORMALIZATION along a row": lambda s: upright(s, "L2_NORMALIZATION", options="L2NormOptions"),
    "LOCAL_RESPONSE_NORMALIZATION along a row": lambda s: upright(
        s, "LOCAL_RESPONSE_NORMALIZATION", options="LocalResponseNormalizationOptions", **NEIGHBOURS
    ),
    "largest of a row": largest_of_rows,
    "left turned": lambda s: multiplied(s, "AdjX"),
    "right turned": lambda s: multiplied(s, "AdjY"),
    "a constant by tokens": by_a_constant,
    "a dense layer whose weight data makes": dense_by_data,
    "filled with what data makes": filled,
    "bytes": of_bytes,
}
"""Operators that mix, where it shows in what a unit reads, and what data makes in unusual places."""
LOOSE: dict[str, Build] = {"embedded": embedded}
"""Operators whose fields are bounds."""



def case(name: str) -> bytes:
    """The file of a case."""
    sketch = Sketch()
    return sketch.file({**CASES, **QUIET, **MIXING, **LOOSE}[name](sketch))
