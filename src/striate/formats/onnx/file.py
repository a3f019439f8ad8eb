"""An ONNX file as the source of a model: what it is called, how it is read, what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from striate.errors import InputError
from striate.formats.onnx import named_errors, read_file
from striate.formats.onnx.binding import named_shapes
from striate.formats.onnx.loading import external_files, load_model
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.network.network import Network
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A model file, and the files beside it that hold its weights."""

    path: Path
    kind: ClassVar[Literal["onnx"]] = "onnx"

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self.path.name

    def read(self, shapes: Shapes, unknown: Unknown) -> Network:
        """The network at input shapes; see ``read_onnx``."""
        return read_file(self.path, shapes, unknown)

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""
        with named_errors(self.path):
            return named_shapes(load_model(self.path).graph, shapes)

    def identity(self) -> str:
        """A hash of the file's bytes, then of the files it keeps weights in, in the order it names them first."""
        with named_errors(self.path):
            content = hashlib.sha256(b"onnx")
            for place in (self.path, *external_files(self.path)):
                try:
                    with place.open("rb") as file:
                        content.update(hashlib.file_digest(file, "sha256").digest())
                except OSError as error:
                    raise InputError(f"{place.name} cannot be read: {error.strerror}") from error
            return content.hexdigest()
