"""A ``.keras`` file and its twin in torch, which Keras runs on: its model is a torch module, and is checked as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from striate.check.module import ModuleRuntime
from striate.errors import UnsupportedError
from striate.fields import Fields
from striate.formats.keras.file import KerasModel
from striate.formats.keras.running import KerasRunner
from striate.formats.model import Model
from striate.formats.steps import Order


class KerasRuntime(ModuleRuntime):
    """Runs a ``.keras`` file, and backward passes of its twin."""

    def __init__(self, model: Model, source: KerasModel, fields: Fields) -> None:
        reading = source.reading(model.shapes, model.unknown, model.given)
        runner = KerasRunner(source.held, reading)
        if runner.backend != "torch":
            raise UnsupportedError(
                "check of a .keras file needs Keras on torch, here it runs on "
                f"{runner.backend}: set KERAS_BACKEND=torch"
            )
        network = fields.network
        made = {layer: tensor for layer, tensor in network.layers.items() if tensor not in network.inputs}
        shown = {layer: tensor for layer, tensor in made.items() if runner.shows(tensor)}
        if not shown:
            raise UnsupportedError(f"{model.name} makes all its tensors inside layers, and Keras shows none of them")
        super().__init__(_Shown(runner, shown, reading.orders), fields)
        self.name = f"{runner.name} {torch.__version__}"

    def refusal(self, layer: str) -> str:
        """Why a layer cannot be checked; empty where Keras shows what it gives."""
        if layer in self.layers():
            return ""
        return f"{layer!r} is made inside a layer, and Keras shows what these give: check the layer behind it"


class _Shown(nn.Module):
    """What Keras shows of some layers, each with its axes in the network's order."""

    def __init__(self, runner: KerasRunner, layers: Mapping[str, str], orders: Mapping[str, Order]) -> None:
        super().__init__()
        self._layers = {layer: orders[tensor] for layer, tensor in layers.items()}
        self.part = runner.part(tuple(layers.values()))

    def forward(self, *images: Tensor) -> dict[str, Tensor]:
        """The tensors by the names of their layers."""
        made: Any = self.part(list(images), training=False)
        values = made if isinstance(made, list | tuple) else [made]
        named = zip(self._layers.items(), values, strict=True)
        return {layer: value.permute(order) for (layer, order), value in named}
