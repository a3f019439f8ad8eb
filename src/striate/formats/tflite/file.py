"""A TFLite file, or its bytes, as the source of a model: how it is read, and what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from striate.formats.accidents import named_errors
from striate.formats.declared import Declared
from striate.formats.given import Given
from striate.formats.held import HeldModel
from striate.formats.shapes import Shapes
from striate.formats.tflite import Reading, declared_inputs, read_file
from striate.formats.tflite.schema import load_graph
from striate.formats.unknown import Unknown
from striate.network.network import Network


@dataclass(frozen=True, slots=True)
class TfliteModel(HeldModel):
    """A TFLite file, or its bytes, as the source of a model."""

    kind: ClassVar[Literal["tflite"]] = "tflite"

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_tflite``."""
        return self.reading(shapes, unknown, given).network

    def reading(self, shapes: Shapes, unknown: Unknown, given: Given) -> Reading:
        """The network at input shapes, and where its tensors are in the file."""
        return read_file(self.held, self.name, shapes, unknown, given)

    def declared(self) -> Mapping[str, Declared]:
        """What the file says of each input's shape."""
        with named_errors(self.name):
            return declared_inputs(load_graph(self.held))
