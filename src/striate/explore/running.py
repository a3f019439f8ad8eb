"""Which runner a model has."""

from __future__ import annotations

from striate.formats.model import Model
from striate.formats.torch.module import TorchModule
from striate.run import Runner


def runner_of(model: Model) -> Runner:
    """What runs a model at the shapes that it is read at: torch a module, onnxruntime a file."""
    if isinstance(model.source, TorchModule):
        from striate.run.torch import TorchRunner

        return TorchRunner(model)
    from striate.run.onnx import OnnxRunner

    return OnnxRunner(model)
