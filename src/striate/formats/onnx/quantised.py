"""Quantised ONNX operators: scales and zero points are parameters, the arithmetic is that of the plain operator."""

from __future__ import annotations

from striate.errors import ModelError
from striate.formats.onnx.call import Call, Translation, operator
from striate.formats.onnx.combine import pointwise, product
from striate.formats.onnx.elements import Element
from striate.formats.onnx.spatial import convolution, pooling
from striate.network.operators import Concat, Elementwise, Linear, Mix, Reduce


@operator("QuantizeLinear", "com.microsoft:QuantizeLinear")
def quantize(call: Call) -> Translation:
    """Element by element; the zero point's type comes out."""
    kind = call.tensor(2).kind if call.has(2) else int(call.get("output_dtype") or Element.UINT8)
    return Translation(Elementwise(), kinds=(kind,))


@operator("DequantizeLinear", "com.microsoft:DequantizeLinear")
def dequantize(call: Call) -> Translation:
    """Element by element; the scale's type comes out."""
    return Translation(Elementwise(), kinds=(call.tensor(1).kind,))


@operator("DynamicQuantizeLinear")
def dynamic_quantize(call: Call) -> Translation:
    """The scale depends on every element."""
    axes = tuple(range(call.rank))
    return Translation(Mix(axes, statistics=((), ())), kinds=(Element.UINT8, Element.FLOAT, Element.UINT8))


@operator("QLinearConv")
def qlinear_conv(call: Call) -> Translation:
    """x, its scale and zero point, then the weight's, then the output's."""
    return convolution(call, 3, (call.tensor(7).kind,))


@operator("ConvInteger")
def conv_integer(call: Call) -> Translation:
    """A convolution of integers."""
    return convolution(call, 1, (Element.INT32,))


@operator("MatMulInteger")
def matmul_integer(call: Call) -> Translation:
    """A product of integers."""
    return product(call, 0, 1, (Element.INT32,))


@operator("QLinearMatMul")
def qlinear_matmul(call: Call) -> Translation:
    """a and b, each followed by scale and zero point."""
    return product(call, 0, 3, (call.tensor(7).kind,))


@operator("com.microsoft:QGemm")
def qgemm(call: Call) -> Translation:
    """A dense layer of integers."""
    a, b = call.shape(0), call.shape(3)
    turned = bool(call.get("transB", 0))
    if call.get("transA", 0) or len(a) != 2 or len(b) != 2 or a[1] != b[1 if turned else 0]:
        raise ModelError(f"cannot multiply shapes {a} and {b}")
    return Translation(Linear(b[0 if turned else 1], turned=turned, alpha=call.number("alpha", 1.0)))


@operator("com.microsoft:QLinearAdd", "com.microsoft:QLinearMul")
def qlinear_arithmetic(call: Call) -> Translation:
    """a and b, each followed by scale and zero point."""
    return pointwise(call, 0, 3)


@operator("com.microsoft:QLinearSigmoid", "com.microsoft:QLinearLeakyRelu")
def qlinear_activation(call: Call) -> Translation:
    """Element by element."""
    return Translation(Elementwise())


@operator("com.microsoft:QLinearSoftmax")
def qlinear_softmax(call: Call) -> Translation:
    """One axis, or for the opset given all axes from it on."""
    axis, opset = call.axis(int(call.get("axis", -1))), int(call.get("opset", 13))
    return Translation(Mix((axis,) if opset >= 13 else tuple(range(axis, call.rank))))


@operator("com.microsoft:QLinearGlobalAveragePool")
def qlinear_global_pool(call: Call) -> Translation:
    """All of every spatial axis."""
    first = 1 if call.get("channels_last", 0) else 2
    axes = tuple(range(first, call.rank - 2 + first))
    return Translation(Reduce(axes))


@operator("com.microsoft:QLinearAveragePool")
def qlinear_pool(call: Call) -> Translation:
    """An average pool."""
    if call.get("channels_last", 0):
        raise ModelError("channels_last is not read")
    return pooling(call)


@operator("com.microsoft:QLinearConcat")
def qlinear_concat(call: Call) -> Translation:
    """The output's scale and zero point, then each input with its own."""
    positions = tuple(range(2, len(call.inputs), 3))
    if not positions:
        raise ModelError("nothing to join")
    first = call.shape(positions[0])
    axis = call.axis(int(call.need("axis")), len(first))
    return Translation(Concat(axis), positions, (call.tensor(1).kind,))
