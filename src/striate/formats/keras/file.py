"""A ``.keras`` file, or its bytes, as the source of a model: how it is read, and what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from striate.formats.accidents import named_errors
from striate.formats.declared import Declared
from striate.formats.given import Given
from striate.formats.held import HeldModel
from striate.formats.keras import Reading, declared_inputs, load_graph, read_file
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.network.network import Network


@dataclass(frozen=True, slots=True)
class KerasModel(HeldModel):
    """A ``.keras`` file, or its bytes, as the source of a model."""

    kind: ClassVar[Literal["keras"]] = "keras"

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_keras``."""
        return self.reading(shapes, unknown, given).network

    def reading(self, shapes: Shapes, unknown: Unknown, given: Given) -> Reading:
        """The network at input shapes, and in which order of axes it has the model's tensors."""
        return read_file(self.held, self.name, shapes, unknown, given)

    def declared(self) -> Mapping[str, Declared]:
        """What the file says of each input's shape."""
        with named_errors(self.name):
            return declared_inputs(load_graph(self.held))
