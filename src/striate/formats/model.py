"""A model as a value: what it is read from, at which input shapes, and what becomes of operators without a rule."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Union

from striate import collector
from striate.errors import InputError
from striate.formats.given import Dtypes, Given, Values
from striate.formats.keras.archive import is_keras
from striate.formats.keras.file import KerasModel
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.shapes import InputShape, Shapes, input_shapes
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.schema import is_tflite
from striate.formats.torch.module import TorchModule
from striate.formats.unknown import Unknown
from striate.network.network import Network
from striate.network.relation import Shape
from striate.values import shown

if TYPE_CHECKING:
    import onnx
    import torch
    from torch.export import ExportedProgram

Source = OnnxFile | OnnxBytes | TfliteModel | KerasModel | TorchModule
Readable = Union[str, os.PathLike[str], bytes, "onnx.ModelProto", "torch.nn.Module", "ExportedProgram", Source]


class Reader(Protocol):
    """What every kind of source can do."""

    @property
    def name(self) -> str:
        """What the source is called."""

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes, its stages named."""

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""

    def identity(self) -> str:
        """A hash of what the source holds, in hexadecimal digits."""


@dataclass(frozen=True, init=False)
class Model:
    """A model file or module at concrete input shapes; nothing is read before it is asked for.

    ``source`` is a path of an ONNX, TFLite or ``.keras`` file or a ``torch.nn.Module``; ``shapes`` one input's shape,
    several in order or by name, None where the file states them; ``unknown`` says what becomes of an operator without
    a rule: ``"refuse"`` the model, or ``"whole"``, it sees everything. ``dtype`` is the element type of the inputs, by
    name where they differ, and ``values`` the numbers that some inputs stay at; both are held as ``given``. Raises
    InputError for anything else.

    >>> from importlib.resources import files
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64))
    >>> model.name, model.kind, model.network.shapes["denoised"], model.at((1, 3, 32, 48)).network.shapes["denoised"]
    ('denoiser.onnx', 'onnx', (1, 3, 64, 64), (1, 3, 32, 48))
    """

    source: Source
    shapes: Shapes
    unknown: Unknown
    given: Given

    def __init__(
        self,
        source: Readable,
        shapes: InputShape = None,
        unknown: Unknown | Literal["refuse", "whole"] = Unknown.REFUSE,
        dtype: Dtypes = None,
        values: Values = None,
        given: Given | None = None,
    ) -> None:
        object.__setattr__(self, "source", source_of(source))
        object.__setattr__(self, "shapes", input_shapes(shapes))
        object.__setattr__(self, "unknown", Unknown.of(unknown))
        object.__setattr__(self, "given", Given.of(dtype, values, shapes) if given is None else given)

    def __repr__(self) -> str:
        at = "its own shapes" if self.shapes is None else str(self.shapes)
        return f"<Model {self.name} ({self.kind}) at {at}>"

    @classmethod
    def of(cls, model: Model | Readable, shapes: InputShape = None) -> Model:
        """A model itself, at ``shapes`` where there are any; else what is read from a path or module at them."""
        if not isinstance(model, Model):
            return cls(model, shapes)
        return model if shapes is None else model.at(shapes)

    @property
    def name(self) -> str:
        """The file's name, or the name of the module's class."""
        return self._reader.name

    @property
    def kind(self) -> Literal["onnx", "tflite", "keras", "torch"]:
        """Which kind of source it is."""
        return self.source.kind

    @cached_property
    def network(self) -> Network:
        """The network, read when first asked for.

        Raises ModelError for what cannot be read, UnsupportedError for operators without a rule, InputError for
        shapes that do not fit.
        """
        with collector.held():
            return self._reader.read(self.shapes, self.unknown, self.given)

    @cached_property
    def identity(self) -> str:
        """A hash of what the source holds, whatever its path and the shapes: of a file's bytes with those of its
        weights beside it; of a module's classes, structure, settings, parameters and buffers.

        It is that of the moment when it is first asked for.
        """
        return self._reader.identity()

    def read(self) -> Model:
        """This model, its network read: raises what reading raises."""
        _ = self.network
        return self

    def at(self, shapes: InputShape) -> Model:
        """The same model at other input shapes; those given by name leave the other inputs as they were given."""
        asked = input_shapes(shapes)
        if isinstance(asked, dict) and self.shapes is not None:
            asked = input_shapes({**self._reader.by_name(self.shapes), **asked})
        return replace(self, shapes=asked)

    @property
    def _reader(self) -> Reader:
        return self.source


def source_of(model: object) -> Source:
    """What a caller hands over as the source of a model, by its kind; InputError for anything that is none."""
    if isinstance(model, OnnxFile | OnnxBytes | TfliteModel | KerasModel | TorchModule):
        return model
    if isinstance(model, str | os.PathLike):
        path = Path(os.fsdecode(model))
        return _held(path) or OnnxFile(path)
    if isinstance(model, bytes | bytearray | memoryview):
        content = bytes(model)
        return _held(content) or OnnxBytes(content)
    onnx = sys.modules.get("onnx")
    if onnx is not None and isinstance(model, onnx.ModelProto):
        try:
            return OnnxBytes(model.SerializeToString())
        except Exception as error:
            raise InputError(f"the ModelProto cannot be serialised ({error}): save it as a file") from error
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchModule(model)
    if torch is not None and isinstance(model, torch.export.ExportedProgram):
        return TorchModule(model.module())
    raise InputError(
        "a model is the path or bytes of an ONNX, TFLite or .keras file, a ModelProto or a torch.nn.Module, "
        f"got {shown(model)}{_instead(model)}"
    )


def _held(held: Path | bytes) -> TfliteModel | KerasModel | None:
    """What a file, or its bytes, say that they are; None where that is nothing but ONNX."""
    if is_tflite(held):
        return TfliteModel(held)
    return KerasModel(held) if is_keras(held) else None


def _instead(model: object) -> str:
    """What to hand over in place of something near a model; empty where nothing is near."""
    match type(model).__module__.partition(".")[0], model:
        case ("keras" | "tensorflow"), _:
            return "; save it, model.save('model.keras'), and give that file"
        case _, dict():
            return "; weights alone say nothing of the layers: load them into their module and give that"
        case _ if isinstance(model, type):
            return "; give the model itself, not its class"
    return ""
