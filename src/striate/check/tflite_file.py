"""A TFLite file and its twin in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.check.file import FileRuntime
from striate.check.flow import Session
from striate.check.noise import UnusableError
from striate.check.tflite_twin import TfliteTwin, units_of
from striate.errors import InputError
from striate.fields import Fields, Unit
from striate.formats.model import Model
from striate.formats.tflite import Reading
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.litert import LiteRtRunner
from striate.formats.tflite.schema import load_graph
from striate.network.relation import Shape


class TfliteRuntime(FileRuntime):
    """Runs a TFLite file, and forward passes of its twin."""

    _twin: TfliteTwin  # type: ignore[assignment]

    def __init__(self, model: Model, source: TfliteModel, fields: Fields) -> None:
        self._content = source.held if isinstance(source.held, bytes) else source.held.read_bytes()
        self._reading = source.reading(model.shapes, model.unknown, model.given)
        self._fields, self._network = fields, fields.network
        self._axes = tuple(fields.spatial.values())
        self._twin = TfliteTwin(self._content, self._reading, fields.source)
        self._shapes: dict[str, Shape] = {}
        self.name = self._twin.runtime

    def refusal(self, layer: str) -> str:
        """Why a layer cannot be checked; empty where the file names its tensor."""
        if self._network.tensor(layer) in self._twin.tensors:
            return ""
        return f"{layer!r} is made inside an operation of the file: check the layer behind it"

    def _session(self) -> Session:
        return _TfliteSession(self._content, self._reading, self._fields)


class _TfliteSession:
    """The file itself, every tensor of it in sight."""

    def __init__(self, content: bytes, reading: Reading, fields: Fields) -> None:
        self._reading, self._fields = reading, fields
        self._run = LiteRtRunner(content, reading)
        place, _ = reading.places[fields.source]
        self.dtype = load_graph(content).tensors[place].dtype

    def sees(self, layer: str) -> bool:
        """Whether the file has the layer's tensor."""
        return self._fields.network.tensor(layer) in self._reading.places

    def values(self, image: NDArray[Any], units: Sequence[Unit]) -> list[NDArray[Any]]:
        """All batches and channels of each unit, of one run that computes what leads to them alone."""
        names = [self._fields.network.tensor(unit.layer) for unit in units]
        shapes: Mapping[str, Shape] = self._fields.network.shapes
        still = {name: np.zeros(shapes[name], np.float32) for name in self._fields.network.inputs}
        try:
            made = self._run.run({**still, self._fields.source: image}, list(dict.fromkeys(names)))
        except InputError as error:
            raise UnusableError(str(error)) from error
        return [units_of(made[name], unit.at) for name, unit in zip(names, units, strict=True)]
