"""A ``.keras`` file, or its bytes, as the source of a model: what it is called, how it is read, what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from striate.errors import InputError
from striate.formats.accidents import named_errors
from striate.formats.declared import Declared, given_by_name
from striate.formats.given import Given
from striate.formats.keras import Reading, declared_inputs, load_graph, read_file
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.network.network import Network
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class KerasModel:
    """A model file, or a model in memory as a file would hold it; its weights are in it."""

    held: Path | bytes = field(repr=False)
    kind: ClassVar[Literal["keras"]] = "keras"

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return "model" if isinstance(self.held, bytes) else self.held.name

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_keras``."""
        return self.reading(shapes, unknown, given).network

    def reading(self, shapes: Shapes, unknown: Unknown, given: Given) -> Reading:
        """The network at input shapes, and in which order of axes it has the model's tensors."""
        return read_file(self.held, self.name, shapes, unknown, given)

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""
        return given_by_name(shapes, self.declared())

    def declared(self) -> Mapping[str, Declared]:
        """What the file says of each input's shape."""
        with named_errors(self.name):
            return declared_inputs(load_graph(self.held))

    def identity(self) -> str:
        """A hash of the bytes, those of a file as those in memory."""
        with named_errors(self.name):
            return hashlib.sha256(b"keras" + self._digest()).hexdigest()

    def _digest(self) -> bytes:
        if isinstance(self.held, bytes):
            return hashlib.sha256(self.held).digest()
        try:
            with self.held.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}") from error
