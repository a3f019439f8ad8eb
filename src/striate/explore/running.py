"""A model opened to be run, which runner it has, and which layers show what an operator gives."""

from __future__ import annotations

import os

from striate.crop import Crop
from striate.formats.keras.file import KerasModel
from striate.formats.model import Model, Readable
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.torch.module import TorchModule
from striate.loaded import LoadedModel
from striate.network import Network, Node
from striate.network.operators import Elementwise
from striate.run import OnnxRunner, Runner

Source = Model | LoadedModel | Readable


def opened(model: Source, input_shape: InputShape = None) -> Model:
    """A model that has been read, at ``input_shape`` where one is given; raises what reading raises."""
    return Model.of(model.model if isinstance(model, LoadedModel) else model, input_shape).read()


def runner_of(model: Model, part: Crop | None = None) -> Runner:
    """What runs a model at the shapes that it is read at: torch a module, LiteRT a TFLite file, Keras its own files,
    onnxruntime the rest.

    Parts run in onnxruntime. Raises UnsupportedError for a part of another file.
    """
    match model.source:
        case TorchModule() if part is None:
            from striate.run.torch import TorchRunner

            return TorchRunner(model)
        case KerasModel(held) as file if part is None:
            from striate.formats.keras.running import KerasRunner

            return KerasRunner(held, file.reading(model.shapes, model.unknown, model.given))
        case TfliteModel() as file if part is None:
            from striate.formats.tflite.litert import LiteRtRunner

            threads = os.cpu_count() or 1
            return LiteRtRunner(file.content, file.reading(model.shapes, model.unknown, model.given), threads)
    return OnnxRunner(model, part)


def following(network: Network, node: Node) -> list[tuple[str, str, str]]:
    """The operators of single elements behind a node while each has but one reader: tensor, name and function."""
    found: list[tuple[str, str, str]] = []
    tensor = node.outputs[0]
    while True:
        readers = [other for other in network.nodes if tensor in other.inputs]
        if len(readers) != 1 or not isinstance(readers[0].op, Elementwise):
            return found
        data = len(readers[0].inputs) - readers[0].op.parameters
        if data != 1:
            return found
        tensor = readers[0].outputs[0]
        found.append((tensor, readers[0].name, readers[0].op.function.name or readers[0].source))
