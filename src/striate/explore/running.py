"""A model opened to be run, and which runner it has."""

from __future__ import annotations

from striate.crop import Crop
from striate.formats.keras.file import KerasModel
from striate.formats.model import Model, Readable
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.torch.module import TorchModule
from striate.loaded import LoadedModel
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

            return LiteRtRunner(_content(file), file.reading(model.shapes, model.unknown, model.given))
    return OnnxRunner(model, part)


def _content(file: TfliteModel) -> bytes:
    return file.held if isinstance(file.held, bytes) else file.held.read_bytes()
