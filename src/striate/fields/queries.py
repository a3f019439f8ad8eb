"""Region and reach: which input pixels a unit reads, and which units a pixel can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.fields.fields import Fields, seen_by
from striate.fields.labelled import labelled
from striate.fields.patch import Patch, Semiring
from striate.fields.plotting import plotted
from striate.fields.unit import At, Grid, Unit
from striate.fields.walk import push, trace
from striate.geometry import Box
from striate.network.relation import Shape
from striate.values import brief, integer, integers

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Region:
    """The input pixels that ``unit`` reads.

    ``hull`` is the smallest box that holds them, one interval per spatial axis of the input, clipped to it;
    ``cover`` says for each pixel of the hull whether it is read (dilation and strides leave holes);
    ``channels`` says so for each input channel, ``unclipped`` is the hull as if the input had no border,
    ``Interval.UNBOUNDED`` behind a global operator; a unit that reads nothing has empty intervals. A unit without
    ``channel`` stands for all channels together. A region of ``fields.local`` speaks of the paths that are not global.
    """

    unit: Unit
    source: str
    hull: Box
    cover: Bools
    channels: Bools
    unclipped: Box | None
    fields: Fields = field(repr=False)

    __repr__ = brief

    @property
    def layer(self) -> str:
        """The unit's layer."""
        return self.unit.layer

    @property
    def at(self) -> tuple[int, ...]:
        """The unit's place."""
        return self.unit.at

    @property
    def channel(self) -> int | None:
        """The unit's channel; None for all together."""
        return self.unit.channel

    @property
    def mask(self) -> Bools:
        """The cover over all of the input's spatial axes."""
        return _on_whole(self.cover, self.hull, _spatial_shape(self.fields))

    def counts(self) -> NDArray[np.object_]:
        """How many paths lead from each pixel of ``hull`` to the unit, exactly (Python integers).

        Every tap, channel and branch counts once; input channels are added up.
        """
        return self._sums(Semiring.COUNT)

    def weights(self) -> NDArray[np.float64]:
        """The share of all paths that each pixel of ``hull`` holds; the sum is one where any pixel is read.

        A share too small for a float is zero.
        """
        values: NDArray[np.float64] = self._sums(Semiring.WEIGHT)
        return values / values.sum() if values.size else values

    def path(self) -> Mapping[str, Box]:
        """Every tensor between the unit and the input: the box of what is read of it, one interval per axis.

        Tensors stand from the unit to the input.
        """
        fields, patch = self.fields, self._patch(Semiring.COVER)
        found = trace(fields.network, self._tensor, patch, self.source, fields.places, fields.unfollowed)
        return {name: patch.tight().box for name, patch in found.items()}

    def to_xarray(self) -> xarray.DataArray:
        """The cover as an array of xarray: one dimension per spatial axis of the input, with the pixels' numbers.

        Raises MissingDependencyError without xarray.

        >>> from striate import Network
        >>> from striate.network import Node
        >>> from striate.network.operators import Conv
        >>> node = Node("conv", Conv((3,), dilation=(2,), out_channels=1), ("x",), ("y",))
        >>> fields = Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 1, 9), "y": (1, 1, 5)}))
        >>> cover = region(fields, "conv", (2,)).to_xarray()
        >>> cover.dims, cover["length"].values[cover].tolist()
        (('length',), [2, 4, 6])
        """
        facts = {"layer": self.layer, "at": self.at, "channel": self.channel, "input": self.source}
        return labelled("cover", self.cover, self.fields.spatial, self.hull, facts)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The field drawn on ``ax``, or on new axes of pyplot: pixels read bright, the hull, dashed without the border.

        Pictures over a photograph are ``striate.show.field_picture``. Raises MissingDependencyError without matplotlib,
        InputError for an input of more than two spatial axes.
        """
        return plotted(self.mask, self.hull, self.unclipped, f"{self.layer} {self.at}", ax)

    @property
    def _tensor(self) -> str:
        return self.fields.network.tensor(self.layer)

    def _patch(self, semiring: Semiring) -> Patch:
        return self.fields.patch(self.unit, semiring)

    def _sums(self, semiring: Semiring) -> NDArray[Any]:
        """The sums over all axes but the spatial ones, one entry for each pixel of the hull."""
        found = _cut(self.fields.pulled(self.unit, semiring).sum(tuple(self.fields.spatial.values())))
        values = np.zeros(self.cover.shape, found.values.dtype)
        if found.values.size:
            values[found.box.within(self.hull).slices] = found.values
        return values


@dataclass(frozen=True, eq=False)
class Placed:
    """Tokens of a grid by their places: the smallest ``box`` of places that holds them, ``cover`` for each place of the
    box, and ``others``, the tokens among them without a place, such as a class token.
    """

    box: Box
    cover: Bools
    others: tuple[int, ...]

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class Reach:
    """The units of ``layer`` that ``pixel``, a unit of the input, can change.

    ``box`` is the smallest box that holds them, one interval per axis of the layer but batch and channel
    (but batch alone where the layer has no more than two axes); ``cover`` says so for each unit of the box,
    ``channels`` for each channel of the layer. A pixel without ``channel`` stands for all channels together. ``grid``
    is what the layer's units run over where they are tokens.
    """

    layer: str
    pixel: Unit
    box: Box
    cover: Bools
    channels: Bools
    shape: Shape
    grid: Grid | None = None

    __repr__ = brief

    @property
    def placed(self) -> Placed | None:
        """The same where the units are tokens of a grid, by their places; None where they are not."""
        if self.grid is None:
            return None
        mask, tokens = self.mask, self.grid.tokens()
        whole = Patch(mask[tokens], (0,) * tokens.ndim, tokens.shape, (False,) * tokens.ndim)
        cover, others = _cut(whole), np.setdiff1d(np.flatnonzero(mask), tokens)
        return Placed(cover.box, cover.values, tuple(others.tolist()))

    @property
    def source(self) -> str:
        """The input that the pixel is one of."""
        return self.pixel.layer

    @property
    def at(self) -> tuple[int, ...]:
        """The pixel's place."""
        return self.pixel.at

    @property
    def channel(self) -> int | None:
        """The pixel's channel; None for all together."""
        return self.pixel.channel

    @property
    def mask(self) -> Bools:
        """The cover over all of the layer's axes that ``box`` speaks of."""
        return _on_whole(self.cover, self.box, self.shape)

    def to_xarray(self) -> xarray.DataArray:
        """The cover as an array of xarray: a dimension ``unit0`` for the first index of a unit's place, and so on.

        Raises MissingDependencyError without xarray.
        """
        facts = {"layer": self.layer, "pixel": self.at, "channel": self.channel, "input": self.source}
        axes = (f"unit{k}" for k in range(len(self.box)))
        return labelled("cover", self.cover, axes, self.box, facts)


def region(fields: Fields, layer: str | Unit, at: At | None = None, channel: int | None = None) -> Region:
    """The input pixels that the unit of ``layer`` at ``at`` reads, or a ``Unit``; holes and borders exact.

    ``at`` has one index for each of the layer's axes but batch and channel (but batch alone where there are
    no more than two), or one for every axis; a pair of places, ``((0, 1), (3, 5))``, is that of a unit and one within
    it, as of a token of a window. Raises InputError for an unknown layer or a unit outside it.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 3, 8, 8))
    >>> dilated = b.add(Conv((2, 2), dilation=(3, 3), out_channels=4), "x", name="dilated")
    >>> found = region(Fields(b.network()), "dilated", (0, 1))
    >>> found.hull
    Box('0:4,1:5')
    >>> int(found.cover.sum()), found.counts()[0, 0]
    (4, 12)
    """
    unit = Unit.of(layer, at, channel)
    patch = fields.pulled(unit, Semiring.COVER)
    cover = _cut(patch.sum(tuple(fields.spatial.values())))
    unclipped = seen_by(fields.tables(unit.layer), fields.index(unit))
    return Region(
        unit=unit,
        source=fields.source,
        hull=cover.box,
        cover=cover.values,
        channels=_used(patch, fields.layout.find("C")),
        unclipped=unclipped or None,
        fields=fields,
    )


def reach(fields: Fields, at: Sequence[int] | Unit, layer: str, channel: int | None = None) -> Reach:
    """The units of ``layer`` that the input pixel at ``at`` can change, or a ``Unit`` of the input.

    ``at`` has one index per spatial axis of the input. Raises InputError for an unknown layer or a pixel
    outside the input.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 3, 8, 8))
    >>> conv = b.add(Conv((3, 3), out_channels=4), "x", name="conv")
    >>> reach(Fields(b.network()), (0, 4), "conv").box
    Box('0:1,2:5')
    """
    network, pixel = fields.network, _pixel(fields, at, channel)
    tensor = network.tensor(layer)
    patch = push(network, fields.source, _pixel_patch(fields, pixel), tensor, fields.places, fields.unfollowed)
    axes = fields.layer_axes(layer)
    cover = _cut(patch.sum(axes.units))
    return Reach(
        layer=layer,
        pixel=pixel,
        box=cover.box,
        cover=cover.values,
        channels=_used(patch, -1 if axes.channel is None else axes.channel),
        shape=cover.shape,
        grid=None if axes.grid is None or axes.units != (axes.grid.axis,) else axes.grid,
    )


def _pixel(fields: Fields, at: Sequence[int] | Unit, channel: int | None) -> Unit:
    """A pixel as a unit of the input that the fields speak of."""
    if not isinstance(at, Unit):
        place = integers("the pixel's place", at)
        return Unit(fields.source, place, None if channel is None else integer("channel", channel))
    pixel = Unit.of(at, None, channel)
    if pixel.layer != fields.source:
        raise InputError(f"{pixel} is no pixel of {fields.source}, the input that these fields speak of")
    return pixel


def _pixel_patch(fields: Fields, pixel: Unit) -> Patch:
    shape, at = fields.network.shapes[fields.source], pixel.at
    place: dict[int, int] = {}
    if len(at) != len(fields.spatial):
        raise InputError(f"a pixel of {fields.source} needs {len(fields.spatial)} indices, got {len(at)}")
    for (name, axis), i in zip(fields.spatial.items(), at, strict=True):
        if not 0 <= i < shape[axis]:
            raise InputError(f"pixel {at} lies outside {fields.source}: {name} index {i} must be in [0, {shape[axis]})")
        place[axis] = i
    if pixel.channel is not None:
        axis = fields.layout.find("C")
        count = shape[axis] if axis >= 0 else 0
        if not 0 <= pixel.channel < count:
            raise InputError(f"channel {pixel.channel} lies outside {fields.source}: it must be in [0, {count})")
        place[axis] = pixel.channel
    return Patch.at(shape, tuple(place.get(axis) for axis in range(len(shape))), Semiring.COVER)


def _cut(patch: Patch) -> Patch:
    """The patch on its smallest box, uniform axes written out."""
    patch = patch.tight()
    values = patch.written_out().copy()
    return Patch(values, patch.box.origin, patch.shape, (False,) * values.ndim, patch.exponent)


def _used(patch: Patch, axis: int) -> Bools:
    """Which indices of an axis the patch touches; a single True or False where there is no such axis."""
    if axis < 0:
        return np.array([not patch.empty])
    channels = _cut(patch.sum((axis,)))
    return _on_whole(channels.values, channels.box, channels.shape)


def _on_whole(values: Bools, box: Box, shape: Shape) -> Bools:
    whole = np.zeros(shape, dtype=np.bool_)
    whole[box.slices] = values
    return whole


def _spatial_shape(fields: Fields) -> Shape:
    return tuple(fields.network.shapes[fields.source][axis] for axis in fields.spatial.values())
