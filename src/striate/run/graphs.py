"""What runs ONNX graphs, whatever computes them: a model's file, its bytes, or a crop written as a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from striate.crop import Crop
from striate.errors import InputError, UnsupportedError
from striate.formats.keras.file import KerasModel
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.onnx.loading import load_whole
from striate.formats.torch.module import TorchModule
from striate.network import Network
from striate.run.cropping import part_of
from striate.values import instance, items, text

if TYPE_CHECKING:
    import onnx


class GraphRunner:
    """The graph of a model, or of a crop of it, and the names of its layers; classes below compute it."""

    name = "onnx"

    def __init__(self, model: Model, crop: Crop | None = None, *, outputs: Sequence[str] = ()) -> None:
        self._model, self._crop = instance("model", model, Model), crop
        self.network: Network = model.network if crop is None else instance("crop", crop, Crop).network
        chosen = {name: self.network.tensor(name) for name in items("outputs", outputs)}
        self._outputs = chosen or {name: name for name in self.network.outputs}
        if crop is None and isinstance(model.source, TorchModule):
            raise InputError(f"{model.name} is a torch module; {self.name} runs ONNX models and crops of modules")
        if isinstance(model.source, KerasModel):
            raise UnsupportedError(
                f"{model.name} is a .keras file; {self.name} runs ONNX models: in Keras export it, "
                "model.export('model.onnx', 'onnx')"
            )

    def tensors(self, layers: Sequence[str]) -> dict[str, str]:
        """The tensor of each layer that is asked for, by default of each output."""
        names = [text("layer", name) for name in items("layers", layers)] or list(self._outputs)
        found = {name: self._outputs.get(name) or self.network.tensor(name) for name in names}
        if self._crop is not None and isinstance(self._model.source, TorchModule) and self.further(found.values()):
            own = ", ".join(self.network.outputs)
            raise UnsupportedError(
                f"a crop of the module {self._model.name} gives {own} alone; crop for further layers"
            )
        return found

    def further(self, tensors: Iterable[str]) -> tuple[str, ...]:
        """Those of some tensors that the graph does not give by itself."""
        return tuple(sorted(set(tensors) - set(self.network.outputs)))

    @property
    def file(self) -> Path | None:
        """The file that holds the graph as it is; None where it is written or changed first."""
        source = self._model.source
        whole = self._crop is None and not self._model.given.values
        return source.path if whole and isinstance(source, OnnxFile) else None

    def graph(self) -> onnx.ModelProto:
        """The graph with all its weights, inputs that the model fixes as constants."""
        source, values = self._model.source, self._model.given.values
        if self._crop is not None:
            return load_whole(part_of(self._model, self._crop))
        assert isinstance(source, OnnxFile | OnnxBytes)
        return load_whole(source.path if isinstance(source, OnnxFile) else source.content, values)
