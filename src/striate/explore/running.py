"""Which runner a model has."""

from __future__ import annotations

from striate.crop import Crop
from striate.formats.model import Model
from striate.formats.tflite.file import TfliteModel
from striate.formats.torch.module import TorchModule
from striate.run import OnnxRunner, Runner


def runner_of(model: Model, part: Crop | None = None) -> Runner:
    """What runs a model at the shapes that it is read at: torch a module, LiteRT a TFLite file, onnxruntime the rest.

    Parts run in onnxruntime. Raises UnsupportedError for a part of a TFLite file.
    """
    match model.source:
        case TorchModule() if part is None:
            from striate.run.torch import TorchRunner

            return TorchRunner(model)
        case TfliteModel() as file if part is None:
            from striate.formats.tflite.litert import LiteRtRunner

            return LiteRtRunner(_content(file), file.reading(model.shapes, model.unknown, model.given))
    return OnnxRunner(model, part)


def _content(file: TfliteModel) -> bytes:
    return file.held if isinstance(file.held, bytes) else file.held.read_bytes()
