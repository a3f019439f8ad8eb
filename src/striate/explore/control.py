"""The control of every statement about a population: the same network, each kernel's weights in another order."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import UnsupportedError
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.schema import load_graph
from striate.formats.tflite.weights import FLOATS
from striate.formats.torch.module import TorchModule
from striate.values import integer

if TYPE_CHECKING:
    import onnx
    import torch

CHANNEL_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
"""The axis of the weights along which the output channels stand, by TFLite's operators."""


def shuffled(model: Model, seed: int = 0) -> Model:
    """A copy of a model in which the weights of each convolution are shuffled inside each of its output channels.

    What each kernel sums to, its bias and its place in the network stay; how its weights are arranged does not.
    Raises UnsupportedError where no convolution's weights stand in the model as they are.
    """
    random = np.random.default_rng(integer("seed", seed, 0))
    match model.source:
        case TorchModule(module=module):
            copy = deepcopy(module)
            count = _shuffle_module(copy, random)
            made = replace(model, source=TorchModule(copy))
        case OnnxFile() | OnnxBytes() as file:
            from striate.formats.onnx.loading import load_whole

            proto = load_whole(file.path if isinstance(file, OnnxFile) else file.content)
            count = _shuffle_graph(proto, random)
            made = replace(model, source=OnnxBytes(proto.SerializeToString()))
        case TfliteModel() as file:
            content = bytearray(file.content)
            count = _shuffle_flatbuffer(content, random)
            made = replace(model, source=TfliteModel(bytes(content)))
        case _:
            count, made = 0, model
    if not count:
        raise UnsupportedError(f"{model.name} has no convolution whose weights can be shuffled for the control")
    return made


def _shuffle_module(module: torch.nn.Module, random: np.random.Generator) -> int:
    import torch

    kinds = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
    layers = [part for part in module.modules() if isinstance(part, kinds)]
    with torch.no_grad():
        for layer in layers:
            values = layer.weight.detach().cpu().numpy()
            layer.weight.copy_(torch.from_numpy(_inside_channels(values, random)))
    return len(layers)


def _shuffle_graph(model: onnx.ModelProto, random: np.random.Generator) -> int:
    from onnx import numpy_helper

    from striate.formats.onnx.loading import held_tensors

    names = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    held = [tensor for name, tensor in held_tensors(model.graph).items() if name in names]
    for tensor in held:
        tensor.CopyFrom(numpy_helper.from_array(_inside_channels(numpy_helper.to_array(tensor), random), tensor.name))
    return len(held)


def _shuffle_flatbuffer(content: bytearray, random: np.random.Generator) -> int:
    """Shuffle the convolutions' weights in a TFLite file's bytes, where they stand."""
    graph = load_graph(content)
    makers = {k: operation for operation in graph.operations for k in operation.outputs}
    held: dict[int, int] = {}
    for operation in graph.operations:
        if operation.op in CHANNEL_AXES:
            k = operation.inputs[1]
            while k in makers and makers[k].op == "DEQUANTIZE":
                k = makers[k].inputs[0]
            if graph.tensors[k].data is not None and graph.tensors[k].kind in FLOATS and not graph.tensors[k].sparse:
                held[k] = CHANNEL_AXES[operation.op]
    for k, axis in held.items():
        stored = graph.tensors[k]
        assert stored.data is not None
        weights = np.moveaxis(np.frombuffer(stored.data, stored.dtype).reshape(stored.shape), axis, 0)
        weights[...] = _inside_channels(weights, random)
    return len(held)


def _inside_channels(weights: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """The weights of each output channel, the first axis, in another order."""
    return random.permuted(weights.reshape(len(weights), -1), axis=1).reshape(weights.shape)
