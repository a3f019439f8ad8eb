"""A model of one file, or its bytes, with all of its weights in it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from striate.errors import InputError
from striate.formats.accidents import named_errors
from striate.formats.declared import Declared, given_by_name
from striate.formats.shapes import Shapes
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class HeldModel(ABC):
    """A model file, or a model in memory as a file would hold it; its weights are in it."""

    held: Path | bytes = field(repr=False)
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return "model" if isinstance(self.held, bytes) else self.held.name

    @property
    def content(self) -> bytes:
        """The bytes of the whole file."""
        return self.held if isinstance(self.held, bytes) else self.held.read_bytes()

    @abstractmethod
    def declared(self) -> Mapping[str, Declared]:
        """What the file says of each input's shape."""

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of the inputs that they are meant for."""
        declared = self.declared()
        with named_errors(self.name):
            return given_by_name(shapes, declared)

    def identity(self) -> str:
        """A hash of the bytes, those of a file as those in memory."""
        with named_errors(self.name):
            return hashlib.sha256(self.kind.encode() + self._digest()).hexdigest()

    def _digest(self) -> bytes:
        if isinstance(self.held, bytes):
            return hashlib.sha256(self.held).digest()
        try:
            with self.held.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}") from error
