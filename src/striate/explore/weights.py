"""The numbers of a convolution's weights, from wherever the model holds them, and its kernels as pictures."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, UnsupportedError
from striate.explore.running import Source, opened
from striate.formats.keras.file import KerasModel
from striate.formats.keras.weights import weight_values as keras_values
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.weights import weight_values
from striate.formats.torch.module import TorchModule
from striate.geometry.axis_map import Border
from striate.network import Network, Node, Weight
from striate.network.operators import Conv
from striate.values import brief

Array = NDArray[Any]
NAMED = 3


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernels of a convolution: ``values`` of shape (output channels, rows, columns, input channels)."""

    layer: str
    values: Array

    __repr__ = brief

    @property
    def scale(self) -> tuple[float, float]:
        """One scale for all of them, around 0."""
        most = float(np.abs(self.values).max())
        return -most, most


def kernels(model: Source, layer: str, input_shape: InputShape = None) -> Kernels:
    """The kernels of a convolution of two axes, in the order of its output channels.

    Raises InputError for a layer that is none, UnsupportedError where the model holds its weights in a form that is not
    read.

    >>> from importlib.resources import files
    >>> kernels(files("striate") / "data" / "v1.onnx", "v1/conv", (1, 1, 32, 32)).values.shape
    (64, 11, 11, 1)
    """
    held = opened(model, input_shape)
    weight = node_weights(held, convolution(held.network, layer))["weight"]
    return Kernels(layer, np.moveaxis(weight, 1, -1))


def convolution(network: Network, layer: str, borders: Container[Border] = tuple(Border)) -> Node:
    """The node that gives a layer, a convolution over two axes with one of some borders; InputError for another."""
    tensor = network.tensor(layer)
    node = next((node for node in network.nodes if tensor in node.outputs), None)
    if node is None or not isinstance(node.op, Conv) or len(node.op.kernel) != 2 or node.op.border not in borders:
        known = [n.name for n in network.nodes if isinstance(n.op, Conv) and len(n.op.kernel) == 2]
        near = get_close_matches(layer, known, n=NAMED, cutoff=0.0)
        what = "an input" if node is None else node.op.word
        raise InputError(f"{layer} is {what}, no convolution of two axes; the nearest: {', '.join(near) or 'none'}")
    return node


def node_weights(model: Model, node: Node) -> dict[str, Array]:
    """The weights of a node by their role; UnsupportedError where the model holds them in a form that is not read."""
    read = _reader(model, node)
    found = {weight.role: read(weight) for weight in node.weights}
    if "weight" not in found:
        raise UnsupportedError(f"{node.name}: its weights are no part of the model")
    return found


def _reader(model: Model, node: Node) -> Callable[[Weight], Array]:
    """What reads a weight's numbers."""
    match model.source:
        case TfliteModel(held):
            return lambda weight: weight_values(held, weight)
        case KerasModel(held):
            return lambda weight: keras_values(held, weight)
        case TorchModule(module=module):
            tensors = [*module.named_parameters(), *module.named_buffers()]
            stored: Mapping[str, Array] = {name: tensor.detach().numpy(force=True) for name, tensor in tensors}
        case OnnxFile() | OnnxBytes() as file:
            from onnx import numpy_helper

            from striate.formats.onnx.loading import held_tensors, load_whole

            proto = load_whole(file.path if isinstance(file, OnnxFile) else file.content)
            stored = {name: numpy_helper.to_array(tensor) for name, tensor in held_tensors(proto.graph).items()}

    def read(weight: Weight) -> Array:
        if weight.name not in stored or weight.views:
            raise UnsupportedError(f"{node.name}: its {weight.role} is worked out by the model and not stored as it is")
        return stored[weight.name]

    return read
