"""Which runner a model has."""

from __future__ import annotations

from striate.crop import Crop
from striate.formats.model import Model
from striate.formats.torch.module import TorchModule
from striate.run import OnnxRunner, Runner


def runner_of(model: Model, part: Crop | None = None) -> Runner:
    """What runs a model at the shapes that it is read at, or a part of it: torch a module, onnxruntime the others."""
    if part is None and isinstance(model.source, TorchModule):
        from striate.run.torch import TorchRunner

        return TorchRunner(model)
    return OnnxRunner(model, part)
