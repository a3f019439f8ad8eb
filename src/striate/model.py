"""The network a user holds: the common form, with every question one can ask of it as a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from functools import cached_property
from os import PathLike
from typing import Any

from striate.errors import InputError
from striate.fields import (
    Borders,
    Comparison,
    Costs,
    Effective,
    Fields,
    Reach,
    Region,
    Sweep,
    borders,
    costs,
    effective_field,
    reach,
    region,
    sweep,
)
from striate.fields import compare as compare_fields
from striate.formats.onnx import read_onnx
from striate.formats.torch import read_torch
from striate.network import Network as CommonForm
from striate.network.relation import Shape
from striate.network.stages import with_stages
from striate.values import instance, text

InputShape = Shape | Sequence[int] | Mapping[str, Sequence[int]] | Sequence[Sequence[int]] | None


class Network(CommonForm):
    """A network bound to concrete input shapes; ask it for fields, regions, reach, costs."""

    @classmethod
    def of(cls, form: CommonForm) -> Network:
        """The same network with this class's methods."""
        return cls(**{item.name: getattr(form, item.name) for item in dataclass_fields(form)})

    def fields(self, source: str | None = None, layout: str | None = None) -> Fields:
        """The receptive field of every layer with respect to one input.

        The default is the first input behind a convolution, else the first of highest rank. ``layout`` names the
        input's axes by letters; by default those that the first convolution slides over and sums say what they are,
        and without one ``"NCHW"`` is taken for rank 4.
        """
        if source is None and layout is None:
            return self._fields
        return Fields(self, source, layout)

    @cached_property
    def _fields(self) -> Fields:
        return Fields(self)

    @cached_property
    def costs(self) -> Costs:
        """Parameters, multiply-accumulates and peak activation memory."""
        return costs(self)

    def borders(self, layer: str) -> Borders:
        """Which units of ``layer`` touch no border, and how much of a field is padding at centre and corner."""
        return borders(self._fields, layer)

    def region(self, layer: str, at: Sequence[int], channel: int | None = None) -> Region:
        """The input pixels that the unit of ``layer`` at ``at`` (one index per spatial axis) reads."""
        return region(self._fields, layer, at, channel)

    def reach(self, at: Sequence[int], layer: str, channel: int | None = None) -> Reach:
        """The units of ``layer`` that the input pixel at ``at`` can change."""
        return reach(self._fields, at, layer, channel)

    def effective(self, layer: str, at: Sequence[int] | None = None, channel: int | None = None) -> Effective:
        """The effective field of a unit (default: the centre one) from path counts."""
        return effective_field(self._fields, layer, at, channel)

    def sweep(self, layer: str, sizes: Iterable[int | Shape]) -> Sweep:
        """The fields of ``layer`` at several input sizes, and the sizes at which nothing shifts."""
        return sweep(self, layer, sizes)

    def compare(self, other: CommonForm) -> Comparison:
        """This network and another, layer by layer: where shapes agree and pixels do not."""
        return compare_fields(self._fields, Fields(instance("other", other, CommonForm)))


def load(model: str | PathLike[str] | Any, input_shape: InputShape = None, *, unknown: str = "refuse") -> Network:
    """Read a model file (ONNX) or a ``torch.nn.Module`` as a Network.

    ``input_shape`` is the shape of the input, needed for modules and for files with dynamic dimensions; a
    mapping names several inputs. ``unknown="whole"`` counts operators without a rule as seeing everything.
    Raises ModelError for files that cannot be read, UnsupportedError for operators without a rule,
    InputError for shapes that do not fit.
    """
    text("unknown", unknown, ("refuse", "whole"))
    if isinstance(model, str | PathLike):
        return Network.of(with_stages(read_onnx(model, input_shape, unknown=unknown)))
    if input_shape is None:
        raise InputError("a torch module needs input_shape, such as (1, 3, 224, 224)")
    return Network.of(read_torch(model, input_shape, unknown=unknown))
