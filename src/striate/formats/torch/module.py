"""A torch module as the source of a model: what it is called, how it is read, what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from striate.formats.given import Given
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.network.network import Network
from striate.network.relation import Shape

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class TorchModule:
    """A module in memory; equal to what holds the very same one, whatever equality its class defines."""

    module: torch.nn.Module
    kind: ClassVar[Literal["torch"]] = "torch"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TorchModule) and self.module is other.module

    def __hash__(self) -> int:
        return id(self.module)

    def __repr__(self) -> str:
        return f"TorchModule({self.name})"

    @property
    def name(self) -> str:
        """The name of the module's class."""
        return type(self.module).__name__

    def read(self, shapes: Shapes, unknown: Unknown, given: Given) -> Network:
        """The network at input shapes; see ``read_torch``."""
        from striate.formats.torch.reader import trace

        return trace(self.module, shapes, unknown, given)

    def by_name(self, shapes: Shapes) -> Mapping[str, Shape]:
        """The shapes given, by the names of forward's arguments."""
        from striate.formats.torch.reader import named_shapes

        return named_shapes(self.module, shapes)

    def identity(self) -> str:
        """A hash of the classes, settings and tensors of the module and all below it; see ``content_hash``."""
        from striate.formats.torch.content import content_hash

        return content_hash(self.module)
