"""A layer of a network that is shown photographs, in the numbers that the network's input has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, UnsupportedError
from striate.explore.photo import photo_input, photo_size
from striate.explore.running import Source, opened, runner_of
from striate.explore.screen import Level, Screen, laid_out
from striate.fields import Fields, borders
from striate.fields.unit import LayerAxes
from striate.formats.shapes import InputShape
from striate.network.network import sized
from striate.photos import as_photo, is_photo, read_photo
from striate.run import Runner
from striate.values import text

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Viewer:
    """A layer of a network that is shown photographs; ``blank`` is the input that shows none."""

    layer: str
    fields: Fields
    axes: LayerAxes
    screen: Screen
    runner: Runner

    @property
    def channels(self) -> int:
        """How many channels the layer has."""
        assert self.axes.channel is not None
        return self.axes.shape[self.axes.channel]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many units stand along each axis of a unit's place."""
        return self.axes.sizes

    @property
    def blank(self) -> Array:
        """The input that shows the blank alone."""
        shape = self.fields.network.shapes[self.fields.source]
        return np.broadcast_to(laid_out(self.fields, self.screen.input(np.zeros((1, 1)))), shape)

    def fed(self, picture: Path | Array, fit: str) -> Array:
        """A picture as the network's input; InputError for one that cannot be read or made to fit."""
        takes, size = self.fields.network.shapes[self.fields.source], photo_size(self.fields)
        if isinstance(picture, Path):
            photo = read_photo(picture, size, fit)
        elif picture.shape == takes:
            return picture
        elif is_photo(picture):
            photo = as_photo(picture, size, fit)
        else:
            raise InputError(
                f"{self.fields.source} takes {sized(takes)}, or a photograph of (height, width, 3) bytes (uint8); "
                f"got an array of {sized(picture.shape)}, {picture.dtype}"
            )
        return photo_input(self.fields, photo, self.screen.black, self.screen.white)

    def maps(self, fed: Array) -> Array:
        """What the layer gives: the channel first, then the axes of a unit's place."""
        (maps,) = maps_of([self], fed)
        return maps

    def ordered(self, values: Array) -> Array:
        """What the layer has given in its own order of axes, as ``maps`` gives it."""
        assert self.axes.channel is not None
        first = (self.axes.channel, *self.axes.units)
        rest = tuple(axis for axis in range(values.ndim) if axis not in first)
        return values.transpose(*first, *rest).reshape(self.channels, *self.sizes)

    def whole_units(self) -> NDArray[np.bool_]:
        """Which units' fields lie wholly inside the picture; InputError where none does."""
        if self.axes.grid is not None:
            raise UnsupportedError(f"{self.layer} has tokens: which of them see whole fields is not told")
        kept = np.ones(self.sizes, np.bool_)
        axes, interior = self.fields[self.layer].axes.values(), borders(self.fields, self.layer).interior
        for axis, inside in zip(axes, interior, strict=True):
            if axis.along is not None:
                place = self.axes.units.index(axis.along)
                along = np.moveaxis(kept, place, 0)
                along[: inside.start] = along[inside.stop :] = False
            elif inside.empty:
                kept[...] = False
        if not kept.any():
            raise InputError(f"no unit of {self.layer} has its whole field inside the picture: give a larger input")
        return kept


def maps_of(seen: Sequence[Viewer], fed: Array) -> list[Array]:
    """What several layers of one network give to the same input, in one run."""
    first = seen[0]
    values = first.runner.run({first.fields.source: fed}, list(dict.fromkeys(one.layer for one in seen)))
    return [one.ordered(values[one.layer]) for one in seen]


def viewer(
    model: Source,
    layer: str,
    input_shape: InputShape = None,
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    layout: str | None = None,
) -> Viewer:
    """A layer of a model, ready to be shown photographs; InputError where model and layer are not fit for it."""
    (found,) = viewers(model, [layer], input_shape, black, white, blank, layout)
    return found


def viewers(
    model: Source,
    layers: Sequence[str],
    input_shape: InputShape = None,
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    layout: str | None = None,
) -> tuple[Viewer, ...]:
    """Several layers of a model, as ``viewer`` has one."""
    held = opened(model, input_shape)
    fields = Fields(held, None, layout)
    network = fields.network
    axes = {layer: _axes(fields, text("layer", layer)) for layer in layers}
    if len(network.inputs) > 1:
        raise InputError(f"{network.name} has inputs {', '.join(network.inputs)}; pictures are shown to models of one")
    if len(fields.spatial) != 2:
        raise InputError(f"the input must be a picture, of two spatial axes; it is laid out {fields.layout}")
    colours = network.shapes[fields.source][fields.layout.find("C")] if "C" in fields.layout else 1
    if colours not in (1, 3):
        raise InputError(f"photographs have 1 channel or 3; {fields.source} has {colours}")
    screen, runner = Screen.of(colours, black, white, blank), runner_of(held)
    return tuple(Viewer(layer, fields, axes[layer], screen, runner) for layer in layers)


def _axes(fields: Fields, layer: str) -> LayerAxes:
    """The axes of a layer that has one map for each channel of one picture; InputError for another."""
    axes = fields.layer_axes(layer)
    if axes.channel is None:
        raise InputError(f"{layer} has no channels: its shape is {'x'.join(map(str, axes.shape))}")
    if prod(axes.shape) != axes.shape[axes.channel] * prod(axes.sizes):
        raise InputError(f"{layer} of {'x'.join(map(str, axes.shape))} is not one map for each channel of one picture")
    return axes
