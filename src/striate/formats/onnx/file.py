"""An ONNX file, or its bytes, as the source of a model: what it is called, how it is read, what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from striate.errors import InputError, UnsupportedError
from striate.formats.accidents import named_errors
from striate.formats.declared import Declared
from striate.formats.given import Given
from striate.formats.onnx import read_file
from striate.formats.onnx.binding import declared_inputs, named_shapes
from striate.formats.onnx.loading import external_files, fixed, load_model
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

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_onnx``."""
        return read_file(self.path, self.name, shapes, unknown, given)

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""
        with named_errors(self.name):
            return named_shapes(load_model(self.path).graph, shapes)

    def declared(self) -> Mapping[str, Declared]:
        """What the file says of each input's shape."""
        with named_errors(self.name):
            return declared_inputs(load_model(self.path).graph)

    def identity(self) -> str:
        """A hash of the file's bytes, then of the files it keeps weights in, in the order it names them first."""
        with named_errors(self.name):
            content = hashlib.sha256(b"onnx")
            for place in (self.path, *external_files(self.path)):
                try:
                    with place.open("rb") as file:
                        content.update(hashlib.file_digest(file, "sha256").digest())
                except OSError as error:
                    raise InputError(f"{place.name} cannot be read: {error.strerror}") from error
            return content.hexdigest()


@dataclass(frozen=True, slots=True)
class OnnxBytes:
    """A model in memory, as a file would hold it; its weights are in it."""

    content: bytes = field(repr=False)
    kind: ClassVar[Literal["onnx"]] = "onnx"
    name: ClassVar[str] = "model"

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_onnx``."""
        return read_file(self.content, self.name, shapes, unknown, given)

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""
        with named_errors(self.name):
            return named_shapes(load_model(self.content).graph, shapes)

    def declared(self) -> Mapping[str, Declared]:
        """What the model says of each input's shape."""
        with named_errors(self.name):
            return declared_inputs(load_model(self.content).graph)

    def identity(self) -> str:
        """That of a file with these bytes."""
        return hashlib.sha256(b"onnx" + hashlib.sha256(self.content).digest()).hexdigest()


def write_fixed(source: OnnxFile | OnnxBytes, given: Given, path: Path) -> Path:
    """Write a model whose inputs with a value are constants; refuses one that keeps weights in files beside it."""
    import onnx

    held = source.path if isinstance(source, OnnxFile) else source.content
    with named_errors(source.name):
        if external_files(held):
            raise UnsupportedError("values are given, and it keeps weights in files beside it: save it as one file")
        constants = fixed(load_model(held).graph, given.values)
        more = onnx.ModelProto(graph=onnx.GraphProto(initializer=constants)).SerializeToString()
        with path.open("wb") as file:
            file.write(held if isinstance(held, bytes) else held.read_bytes())
            file.write(more)
    return path
