"""The published networks, rebuilt as ONNX graphs with the padding their authors used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAME, VALID = "SAME_UPPER", "VALID"


class Graph:
    """An ONNX graph written layer by layer; every method returns the name of the tensor it made."""

    def __init__(self, *spatial: int | str, channels: int = 3) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = {"image": channels}
        self.spatial = spatial

    def conv(self, x: str, name: str, kernel: int | tuple[int, int], stride: int = 1, pad: object = SAME,
             channels: int = 4, depthwise: bool = False) -> str:
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        groups = self.channels[x] if depthwise else 1
        channels = groups if depthwise else channels
        weight = np.ones((channels, self.channels[x] // groups, *size), np.float32)
        self.weights.append(numpy_helper.from_array(weight, f"{name}.weight"))
        attributes = {"auto_pad": pad} if isinstance(pad, str) else {"pads": pad}
        return self._add("Conv", [x, f"{name}.weight"], name, channels, kernel_shape=size, strides=(stride, stride),
                         group=groups, **attributes)

    def pool(self, x: str, name: str, kernel: int, stride: int, pad: str = SAME, kind: str = "MaxPool") -> str:
        return self._add(kind, [x], name, self.channels[x], kernel_shape=(kernel, kernel), strides=(stride, stride),
                         auto_pad=pad)

    def pad(self, x: str, name: str, before: int, after: int) -> str:
        pads = np.array([0, 0, before, before, 0, 0, after, after])
        self.weights.append(numpy_helper.from_array(pads, f"{name}.pads"))
        return self._add("Pad", [x, f"{name}.pads"], name, self.channels[x])

    def relu(self, x: str, name: str) -> str:
        return self._add("Relu", [x], name, self.channels[x])

    def add(self, name: str, *xs: str) -> str:
        return self._add("Add", list(xs), name, self.channels[xs[0]])

    def concat(self, name: str, *xs: str) -> str:
        return self._add("Concat", list(xs), name, sum(self.channels[x] for x in xs), axis=1)

    def _add(self, op: str, inputs: list[str], name: str, channels: int, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def save(self, path: Path) -> Path:
        """Write the graph, its last node being the output."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, self.channels["image"], *self.spatial])
        last = helper.make_tensor_value_info(self.nodes[-1].output[0], TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [image], [last], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
        return path


def alexnet_v2(g: Graph) -> None:
    x = g.conv("image", "conv1", 11, 4, VALID)
    x = g.pool(x, "pool1", 3, 2, VALID)
    x = g.pool(g.conv(x, "conv2", 5), "pool2", 3, 2, VALID)
    x = g.conv(g.conv(g.conv(x, "conv3", 3), "conv4", 3), "conv5", 3)
    g.pool(x, "pool5", 3, 2, VALID)


def vgg(repeats: tuple[int, ...]) -> Callable[[Graph], None]:
    def build(g: Graph) -> None:
        x = "image"
        for block, count in enumerate(repeats, start=1):
            for k in range(1, count + 1):
                x = g.conv(x, f"conv{block}/conv{block}_{k}", 3)
            x = g.pool(x, f"pool{block}", 2, 2, VALID)

    return build


def mobilenet_v1(g: Graph) -> None:
    x = g.conv("image", "Conv2d_0", 3, 2)
    for k, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), start=1):
        x = g.conv(x, f"Conv2d_{k}_depthwise", 3, stride, depthwise=True)
        x = g.conv(x, f"Conv2d_{k}_pointwise", 1)


def resnet_v1(units: tuple[int, ...]) -> Callable[[Graph], None]:
    """Stride in the last unit of each block; strided 3x3 and 7x7 convolutions padded by hand on both sides."""

    def build(g: Graph) -> None:
        x = g.pool(g.conv("image", "conv1", 7, 2, (3, 3, 3, 3)), "pool1", 3, 2)
        for block, count in enumerate(units, start=1):
            for unit in range(1, count + 1):
                stride = 2 if unit == count and block < len(units) else 1
                x = _bottleneck(g, x, f"block{block}/unit_{unit}", stride, project=unit == 1)
            x = g.relu(x, f"block{block}")

    return build


def _bottleneck(g: Graph, x: str, name: str, stride: int, *, project: bool) -> str:
    y = g.conv(x, f"{name}/conv1", 1)
    y = g.conv(y, f"{name}/conv2", 3, stride, (1, 1, 1, 1))
    y = g.conv(y, f"{name}/conv3", 1)
    if project:
        x = g.conv(x, f"{name}/shortcut", 1, stride, VALID)
    elif stride > 1:
        x = g.pool(x, f"{name}/shortcut", 1, stride, VALID)
    return g.add(name, x, y)


def inception_v2(g: Graph) -> None:
    x = g.pool(g.conv("image", "Conv2d_1a_7x7", 7, 2), "MaxPool_2a_3x3", 3, 2)
    x = g.pool(g.conv(g.conv(x, "Conv2d_2b_1x1", 1), "Conv2d_2c_3x3", 3), "MaxPool_3a_3x3", 3, 2)
    for name in ("3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c"):
        x = (_reduce_v2 if name.endswith("a") else _mixed_v2)(g, x, f"Mixed_{name}")


def _mixed_v2(g: Graph, x: str, n: str) -> str:
    one = g.conv(x, f"{n}/b0", 1)
    three = g.conv(g.conv(x, f"{n}/b1_1", 1), f"{n}/b1_3", 3)
    double = g.conv(g.conv(g.conv(x, f"{n}/b2_1", 1), f"{n}/b2_3a", 3), f"{n}/b2_3b", 3)
    pooled = g.conv(g.pool(x, f"{n}/b3_pool", 3, 1, kind="AveragePool"), f"{n}/b3_1", 1)
    return g.concat(n, one, three, double, pooled)


def _reduce_v2(g: Graph, x: str, n: str) -> str:
    three = g.conv(g.conv(x, f"{n}/b0_1", 1), f"{n}/b0_3", 3, 2)
    double = g.conv(g.conv(g.conv(x, f"{n}/b1_1", 1), f"{n}/b1_3a", 3), f"{n}/b1_3b", 3, 2)
    return g.concat(n, three, double, g.pool(x, f"{n}/b2_pool", 3, 2))


def inception_v3(g: Graph) -> None:
    x = g.conv("image", "Conv2d_1a_3x3", 3, 2, VALID)
    x = g.conv(g.conv(x, "Conv2d_2a_3x3", 3, 1, VALID), "Conv2d_2b_3x3", 3)
    x = g.conv(g.pool(x, "MaxPool_3a_3x3", 3, 2, VALID), "Conv2d_3b_1x1", 1, 1, VALID)
    x = g.pool(g.conv(x, "Conv2d_4a_3x3", 3, 1, VALID), "MaxPool_5a_3x3", 3, 2, VALID)
    for name in ("5b", "5c", "5d"):
        x = _chains(g, x, f"Mixed_{name}", [[1], [1, 5], [1, 3, 3]])
    x = _reduce_v3(g, x, "Mixed_6a", [[3], [1, 3, 3]])
    for name in ("6b", "6c", "6d", "6e"):
        x = _chains(g, x, f"Mixed_{name}", [[1], [1, (1, 7), (7, 1)], [1, (7, 1), (1, 7), (7, 1), (1, 7)]])
    x = _reduce_v3(g, x, "Mixed_7a", [[1, 3], [1, (1, 7), (7, 1), 3]])
    for n in ("Mixed_7b", "Mixed_7c"):
        fan = g.conv(x, f"{n}/fan", 1)
        deep = g.conv(g.conv(x, f"{n}/deep_1", 1), f"{n}/deep_3", 3)
        ends = [g.conv(t, f"{t}/{k}", size) for t in (fan, deep) for k, size in enumerate(((1, 3), (3, 1)))]
        x = g.concat(n, g.conv(x, f"{n}/one", 1), *ends, _pooled(g, x, n))


def _chains(g: Graph, x: str, n: str, chains: list[list[int | tuple[int, int]]]) -> str:
    ends = [_pooled(g, x, n)]
    for b, kernels in enumerate(chains):
        y = x
        for k, kernel in enumerate(kernels):
            y = g.conv(y, f"{n}/b{b}_{k}", kernel)
        ends.append(y)
    return g.concat(n, *ends)


def _pooled(g: Graph, x: str, n: str) -> str:
    return g.conv(g.pool(x, f"{n}/pool", 3, 1, kind="AveragePool"), f"{n}/pool_1", 1)


def _reduce_v3(g: Graph, x: str, n: str, chains: list[list[int | tuple[int, int]]]) -> str:
    ends = [g.pool(x, f"{n}/pool", 3, 2, VALID)]
    for b, kernels in enumerate(chains):
        y = x
        for k, kernel in enumerate(kernels):
            last = k == len(kernels) - 1
            y = g.conv(y, f"{n}/b{b}_{k}", kernel, 2 if last else 1, VALID if last else SAME)
        ends.append(y)
    return g.concat(n, *ends)


NETWORKS: dict[str, Callable[[Graph], None]] = {
    "alexnet_v2": alexnet_v2,
    "vgg_a": vgg((1, 1, 2, 2, 2)),
    "vgg_16": vgg((2, 2, 3, 3, 3)),
    "mobilenet_v1": mobilenet_v1,
    "resnet_v1_50": resnet_v1((3, 4, 6, 3)),
    "resnet_v1_101": resnet_v1((3, 4, 23, 3)),
    "resnet_v1_152": resnet_v1((3, 8, 36, 3)),
    "resnet_v1_200": resnet_v1((3, 24, 36, 3)),
    "inception_v2": inception_v2,
    "inception_v2-no-separable-conv": inception_v2,
    "inception_v3": inception_v3,
}
