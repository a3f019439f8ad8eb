"""A model as a value: what it is read from, at which input shapes, and what becomes of operators without a rule."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from striate import collector
from striate.errors import InputError
from striate.formats.onnx.file import OnnxFile
from striate.formats.shapes import InputShape, Shapes, input_shapes
from striate.formats.torch.module import TorchModule
from striate.formats.unknown import Unknown
from striate.network.network import Network
from striate.network.relation import Shape
from striate.values import shown

if TYPE_CHECKING:
    import torch

Source = OnnxFile | TorchModule


class Reader(Protocol):
    """What every kind of source can do."""

    @property
    def name(self) -> str:
        """What the source is called."""

    def read(self, shapes: Shapes, unknown: Unknown) -> Network:
        """The network at input shapes, its stages named."""

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""

    def identity(self) -> str:
        """A hash of what the source holds, in hexadecimal digits."""


@dataclass(frozen=True, init=False)
class Model:
    """A model file or module at concrete input shapes; nothing is read before it is asked for.

    ``source`` is a path of an ONNX file or a ``torch.nn.Module``; ``shapes`` one input's shape, several in order or
    by name, None where the file states them; ``unknown`` says what becomes of an operator without a rule:
    ``"refuse"`` the model, or ``"whole"``, it sees everything. Raises InputError for anything else.

    >>> from importlib.resources import files
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64))
    >>> model.name, model.kind, model.network.shapes["denoised"], model.at((1, 3, 32, 48)).network.shapes["denoised"]
    ('denoiser.onnx', 'onnx', (1, 3, 64, 64), (1, 3, 32, 48))
    """

    source: Source
    shapes: Shapes
    unknown: Unknown

    def __init__(
        self,
        source: str | os.PathLike[str] | torch.nn.Module | Source,
        shapes: InputShape = None,
        unknown: Unknown | Literal["refuse", "whole"] = Unknown.REFUSE,
    ) -> None:
        object.__setattr__(self, "source", source_of(source))
        object.__setattr__(self, "shapes", input_shapes(shapes))
        object.__setattr__(self, "unknown", Unknown.of(unknown))

    def __repr__(self) -> str:
        at = "its own shapes" if self.shapes is None else str(self.shapes)
        return f"<Model {self.name} ({self.kind}) at {at}>"

    @classmethod
    def of(cls, model: Model | str | os.PathLike[str] | torch.nn.Module, shapes: InputShape = None) -> Model:
        """A model itself, at ``shapes`` where there are any; else what is read from a path or module at them."""
        if not isinstance(model, Model):
            return cls(model, shapes)
        return model if shapes is None else model.at(shapes)

    @property
    def name(self) -> str:
        """The file's name, or the name of the module's class."""
        return self._reader.name

    @property
    def kind(self) -> Literal["onnx", "torch"]:
        """Which kind of source it is."""
        return self.source.kind

    @cached_property
    def network(self) -> Network:
        """The network, read when first asked for.

        Raises ModelError for what cannot be read, UnsupportedError for operators without a rule, InputError for
        shapes that do not fit.
        """
        with collector.held():
            return self._reader.read(self.shapes, self.unknown)

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
    if isinstance(model, OnnxFile | TorchModule):
        return model
    if isinstance(model, str | os.PathLike):
        return OnnxFile(Path(os.fsdecode(model)))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchModule(model)
    raise InputError(f"a model is the path of an ONNX file or a torch.nn.Module, got {shown(model)}")
