"""Small ONNX files for the checks, each with holes, strides, branches or global paths of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Shape = tuple[int, ...]


class Graph:
    """An ONNX graph written node by node over one image; every call returns the tensor it made."""

    def __init__(self, *shape: int | str, opset: int = 17) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.shape, self.opset = shape, opset
        self.random = np.random.default_rng(0)

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: Any, dtype: type = np.int64) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self.random.normal(size=shape), np.float32)

    def conv(self, x: str, inside: int, out: int, kernel: int, group: int = 1, **attributes: Any) -> str:
        return self("Conv", x, self.weights(out, inside // group, kernel, kernel), group=group, **attributes)

    def save(self, folder: Path, *outputs: str) -> Path:
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self.shape)
        declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "small", [image], declared, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        path = folder / "small.onnx"
        onnx.save(model, str(path))
        return path


def holes(g: Graph) -> str:
    """Dilated taps, then every other unit: most pixels of the hull are never read."""
    x = g.conv("image", 3, 4, 3, dilations=[3, 3], pads=[3, 3, 3, 3])
    x = g("Relu", x)
    return g.conv(x, 4, 4, 1, strides=[2, 2])


def transposed(g: Graph) -> str:
    """A strided transposed convolution with output padding, after an odd-sized one in groups."""
    x = g.conv("image", 3, 4, 5, strides=[3, 3], pads=[2, 1, 0, 2])
    x = g("ConvTranspose", x, g.weights(4, 2, 2, 2), group=2, strides=[3, 3], output_padding=[1, 1])
    return g("Sigmoid", x)


def linear_resize(g: Graph) -> str:
    x = g.conv("image", 3, 4, 3, strides=[2, 2])
    return g("Resize", x, "", g.constant([1, 1, 2, 2], np.float32), mode="linear")


def aligned_resize(g: Graph) -> str:
    x = g.conv("image", 3, 2, 3)
    return g(
        "Resize", x, "", "", g.constant([1, 2, 25, 19]), mode="linear", coordinate_transformation_mode="align_corners"
    )


def cubic_resize(g: Graph) -> str:
    x = g("Resize", "image", "", g.constant([1, 1, 2, 2], np.float32), mode="cubic")
    return g.conv(x, 3, 2, 2, strides=[3, 3])


def nearest_resize(g: Graph) -> str:
    x = g.conv("image", 3, 4, 3, dilations=[2, 2])
    return g(
        "Resize",
        x,
        "",
        g.constant([1, 1, 3, 2], np.float32),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def squeeze(g: Graph) -> str:
    """A squeeze-and-excitation block: every pixel through the gate."""
    x = g.conv("image", 3, 4, 3, pads=[1, 1, 1, 1])
    gate = g("HardSigmoid", g.conv(g("GlobalAveragePool", x), 4, 4, 1))
    return g("Mul", x, gate)


def branches(g: Graph) -> str:
    """Branches of different dilation side by side, and a skip around them."""
    x = g.conv("image", 3, 4, 3, pads=[1, 1, 1, 1], strides=[2, 2])
    near, far = g.conv(x, 4, 2, 1), g.conv(x, 4, 2, 3, dilations=[2, 2], pads=[2, 2, 2, 2])
    return g("Add", g("Concat", near, far, axis=1), x)


def pools(g: Graph) -> str:
    """Max pooling, dilated max pooling and average pooling, one with the size rounded up."""
    x = g("MaxPool", "image", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    x = g("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 1])
    return g("AveragePool", x, kernel_shape=[2, 3], strides=[1, 2])


def arranged(g: Graph) -> str:
    """Depth to space, mirrored pads, a backward slice, a transpose there and back."""
    x = g("DepthToSpace", g.conv("image", 3, 8, 2), blocksize=2)
    x = g("Pad", x, g.constant([0, 0, 2, 1, 0, 0, 0, 3]), mode="reflect")
    x = g("Slice", x, g.constant([30, 0]), g.constant([-100, 99]), g.constant([2, 3]), g.constant([-3, 2]))
    return g.conv(g("Transpose", x, perm=[0, 1, 3, 2]), 2, 2, 2)


def normalised(g: Graph) -> str:
    """A softmax over the width: whole rows."""
    x = g.conv("image", 3, 2, 3, dilations=[2, 1])
    return g("Softmax", x, axis=3)


def shaped(g: Graph) -> str:
    """A resize to the size of another tensor, worked out by the graph itself."""
    x = g.conv("image", 3, 4, 3, pads=[1, 1, 1, 1])
    low = g("MaxPool", g("Mul", x, g("Sigmoid", x)), kernel_shape=[2, 2], strides=[2, 2])
    sizes = g(
        "Concat",
        g("Slice", g("Shape", low), g.constant([0]), g.constant([2])),
        g("Slice", g("Shape", x), g.constant([2]), g.constant([4])),
        axis=0,
    )
    return g("Add", g("Resize", low, "", "", sizes, mode="linear"), x)


def classified(g: Graph) -> str:
    x = g("Relu", g.conv("image", 3, 4, 3, strides=[4, 4]))
    x = g("Gemm", g("Flatten", x), g.weights(5, 80), g.weights(5), transB=1)
    return g("MatMul", x, g.weights(5, 3))


def quantised(g: Graph) -> str:
    scale, zero = g.constant(0.1, np.float32), g.constant(3, np.uint8)
    x = g("QuantizeLinear", "image", scale, zero)
    weights = g.constant(g.random.integers(0, 9, size=(4, 3, 2, 2)), np.uint8)
    x = g("QLinearConv", x, scale, zero, weights, scale, zero, scale, zero, dilations=[2, 2])
    x = g("DequantizeLinear", x, scale, zero)
    kernel = g("DequantizeLinear", g.constant(g.random.integers(0, 9, size=(2, 4, 3, 1)), np.uint8), scale, zero)
    return g("Clip", g("Conv", x, kernel, strides=[1, 2]), g.constant(0, np.float32), g.constant(6, np.float32))


GRAPHS: dict[str, Callable[[Graph], str]] = {
    made.__name__: made
    for made in (
        holes,
        transposed,
        linear_resize,
        aligned_resize,
        cubic_resize,
        nearest_resize,
        squeeze,
        branches,
        pools,
        arranged,
        normalised,
        shaped,
        classified,
        quantised,
    )
}
