"""What ``load`` gives: a model that has been read, with every question one can ask of it as a method."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Literal

from striate.crop import Crop, crop
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
    Unit,
    borders,
    compare,
    costs,
    effective_field,
    reach,
    region,
    sweep,
)
from striate.fields.unit import At
from striate.formats.given import Dtypes, Values
from striate.formats.model import Model, Readable
from striate.formats.shapes import InputShape
from striate.geometry import Box
from striate.network import HasNetwork, Network, Node, network_of
from striate.network.relation import Shape
from striate.run import Array, part_of, runner, save
from striate.run.cropping import box_in
from striate.values import shown


@dataclass(frozen=True)
class LoadedModel:
    """A model that has been read at concrete input shapes; ask it for fields, regions, reach, costs.

    ``network`` is what was read, ``model`` what it was read from.
    """

    model: Model
    network: Network = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", self.model.network)

    def __repr__(self) -> str:
        return f"<LoadedModel of {self.network!r}>"

    @property
    def name(self) -> str:
        """The name of the network."""
        return self.network.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return self.network.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors that the network returns."""
        return self.network.outputs

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The network's nodes, in execution order."""
        return self.network.nodes

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor."""
        return self.network.shapes

    @property
    def layers(self) -> Mapping[str, str]:
        """Every layer name and the tensor it stands for, nodes first, in execution order."""
        return self.network.layers

    def tensor(self, layer: str) -> str:
        """The tensor a layer name stands for; an unknown name is an error that suggests the nearest."""
        return self.network.tensor(layer)

    def at(self, shapes: InputShape) -> LoadedModel:
        """The same model read at other input shapes; those given by name leave the other inputs as they were given."""
        return LoadedModel(self.model.at(shapes))

    def fields(self, source: str | None = None, layout: str | None = None) -> Fields:
        """The receptive field of every layer with respect to one input.

        The default is the first input behind a convolution, else the first of highest rank, states and masks last.
        ``layout`` names the input's axes by letters; by default those that the first convolution slides over and sums
        say what they are, and without one ``"NCHW"`` is taken for rank 4.
        """
        if source is None and layout is None:
            return self._fields
        return Fields(self.network, source, layout)

    @cached_property
    def _fields(self) -> Fields:
        return Fields(self.network)

    @cached_property
    def costs(self) -> Costs:
        """Parameters, multiply-accumulates and peak activation memory."""
        return costs(self.network)

    def borders(self, layer: str) -> Borders:
        """Which units of ``layer`` touch no border, and how much of a field is padding at centre and corner."""
        return borders(self._fields, layer)

    def region(
        self, layer: str | Unit, at: At | None = None, channel: int | None = None, *, local: bool = False
    ) -> Region:
        """The input pixels that the unit of ``layer`` at ``at`` (one index per spatial axis) reads, or a ``Unit``.

        ``local`` leaves global paths out, here and in the questions below.
        """
        return region(self._of(local), layer, at, channel)

    def reach(
        self, at: Sequence[int] | Unit, layer: str, channel: int | None = None, *, local: bool = False
    ) -> Reach:
        """The units of ``layer`` that the input pixel at ``at`` can change, or a ``Unit`` of the input."""
        return reach(self._of(local), at, layer, channel)

    def effective(
        self, layer: str | Unit, at: At | None = None, channel: int | None = None, *, local: bool = False
    ) -> Effective:
        """The effective field of a unit (default: the centre one) from path counts."""
        return effective_field(self._of(local), layer, at, channel)

    def sweep(self, layer: str, sizes: Iterable[int | Shape], *, local: bool = False) -> Sweep:
        """The fields of ``layer`` at several input sizes, and the sizes at which nothing shifts."""
        return sweep(self.model, layer, sizes, local=local)

    def crop(self, wanted: Mapping[str, Box | str], *, grow: bool = False) -> ModelCrop:
        """The part of the model that computes boxes of layers, as a network, a model file and something that runs.

        A box is a ``Box`` or text, ``"0:8,24:40"``, that may leave out leading axes, which are then taken whole.
        ``grow`` lets the part take an image from end to end for operators that see all of it, as ``striate.crop.crop``
        says.
        """
        if not isinstance(wanted, Mapping):
            raise InputError(f"crop: wanted must map layers to boxes, got {shown(wanted)}")
        boxes = {layer: box_in(self.network, layer, box) for layer, box in wanted.items()}
        found = crop(self.network, boxes, grow=grow)
        return ModelCrop(**{item.name: getattr(found, item.name) for item in fields(found)}, model=self.model)

    def _of(self, local: bool) -> Fields:
        return self._fields.local if local else self._fields

    def compare(self, other: Network | HasNetwork) -> Comparison:
        """This network and another, layer by layer: where shapes agree and pixels do not."""
        return compare(self._fields, Fields(network_of(other)))


@dataclass(frozen=True, eq=False)
class ModelCrop(Crop):
    """A crop that knows the model it is a part of: it can be written as a file, and run.

    >>> from importlib.resources import files
    >>> part = load(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64)).crop({"denoised": "0:8,56:64"})
    >>> print(part.feeds["image"], part.boxes["denoised"])
    0:1,0:3,0:46,15:64 0:1,0:3,0:8,56:64
    >>> import numpy as np
    >>> part.run({"image": np.zeros(part.feeds["image"].shape, np.float32)})["denoised"].shape
    (1, 3, 8, 8)
    """

    model: Model = field(repr=False, kw_only=True)
    """What it is a part of."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the part as an ordinary static ONNX model, weights included; the file's path.

        Its metadata says which box each input and output is (``striate.box.NAME``). Raises UnsupportedError, naming
        the node, where a part has no form in ONNX, InputError where the file cannot be written.
        """
        return save(self.model, self, path)

    def to_onnx(self) -> bytes:
        """The bytes that ``save`` writes."""
        return part_of(self.model, self)

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The values of some layers, else of what was asked for, by onnxruntime; ``feeds`` holds the boxes fed."""
        return runner(self.model, self).run(feeds, layers)


def load(
    model: Readable,
    input_shape: InputShape = None,
    *,
    unknown: Literal["refuse", "whole"] = "refuse",
    dtype: Dtypes = None,
    values: Values = None,
) -> LoadedModel:
    """Read a model file or its bytes (ONNX, TFLite, ``.keras``), a ``torch.nn.Module`` or an exported program.

    ``input_shape`` is the shape of the input or an example of it, needed for modules and for files with dynamic
    dimensions; a mapping names several inputs. ``unknown="whole"`` counts operators without a rule as seeing
    everything. ``dtype`` is the element type of a module's inputs, such as ``"int64"`` for token ids, or a mapping
    from names; ``values`` are numbers at which inputs stay, such as ``{"sr": 16000}``.
    Raises ModelError for files that cannot be read, UnsupportedError for operators without a rule,
    InputError for shapes that do not fit.
    """
    return LoadedModel(Model(model, input_shape, unknown, dtype, values))
