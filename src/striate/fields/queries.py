"""Region and reach: which input pixels a unit reads, and which units a pixel can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.fields.fields import Fields, seen_by, unit_index
from striate.fields.patch import Patch, Semiring
from striate.fields.walk import pull, push, trace
from striate.geometry import Box
from striate.network.relation import Shape
from striate.values import integer, integers

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Region:
    """The input pixels one unit reads.

    ``hull`` is the smallest box that holds them, one interval per spatial axis of the input, clipped to it;
    ``cover`` says for each pixel of the hull whether it is read (dilation and strides leave holes);
    ``channels`` says so for each input channel, ``unclipped`` is the hull as if the input had no border,
    ``Interval.UNBOUNDED`` behind a global operator; a unit that reads nothing has empty intervals. A unit without
    ``channel`` stands for all channels together.
    """

    layer: str
    at: tuple[int, ...]
    channel: int | None
    source: str
    hull: Box
    cover: Bools
    channels: Bools
    unclipped: Box | None
    fields: Fields = field(repr=False)

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
        found = trace(self.fields.network, self._tensor, self._unit(Semiring.COVER), self.source)
        return {name: patch.tight().box for name, patch in found.items()}

    @property
    def _tensor(self) -> str:
        return self.fields.network.tensor(self.layer)

    def _unit(self, semiring: Semiring) -> Patch:
        return unit_patch(self.fields.network.shapes[self._tensor], self.at, self.channel, semiring)

    def _sums(self, semiring: Semiring) -> NDArray[Any]:
        """The sums over all axes but the spatial ones, one entry for each pixel of the hull."""
        network, spatial = self.fields.network, tuple(self.fields.spatial.values())
        found = _cut(pull(network, self._tensor, self._unit(semiring), self.source).sum(spatial))
        values = np.zeros(self.cover.shape, found.values.dtype)
        if found.values.size:
            values[found.box.within(self.hull).slices] = found.values
        return values


@dataclass(frozen=True, eq=False)
class Reach:
    """The units of ``layer`` that the input pixel at ``at`` can change.

    ``box`` is the smallest box that holds them, one interval per axis of the layer but batch and channel
    (but batch alone where the layer has no more than two axes); ``cover`` says so for each unit of the box,
    ``channels`` for each channel of the layer. A pixel without ``channel`` stands for all channels together.
    """

    layer: str
    at: tuple[int, ...]
    channel: int | None
    source: str
    box: Box
    cover: Bools
    channels: Bools
    shape: Shape

    @property
    def mask(self) -> Bools:
        """The cover over all of the layer's axes that ``box`` speaks of."""
        return _on_whole(self.cover, self.box, self.shape)


def region(fields: Fields, layer: str, at: Sequence[int], channel: int | None = None) -> Region:
    """The input pixels that the unit of ``layer`` at ``at`` reads, holes and borders exact.

    ``at`` has one index for each of the layer's axes but batch and channel (but batch alone where there are
    no more than two), or one for every axis. Raises InputError for an unknown layer or a unit outside it.

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
    network = fields.network
    tensor, unit = network.tensor(layer), integers("the unit's place", at)
    shape = network.shapes[tensor]
    patch = pull(network, tensor, unit_patch(shape, unit, channel, Semiring.COVER), fields.source)
    cover = _cut(patch.sum(tuple(fields.spatial.values())))
    index = unit_index(shape, unit, channel)
    unclipped = seen_by(fields.tables(layer), index)
    return Region(
        layer=layer,
        at=unit,
        channel=channel,
        source=fields.source,
        hull=cover.box,
        cover=cover.values,
        channels=_used(patch, fields.layout.find("C")),
        unclipped=unclipped or None,
        fields=fields,
    )


def reach(fields: Fields, at: Sequence[int], layer: str, channel: int | None = None) -> Reach:
    """The units of ``layer`` that the input pixel at ``at`` can change.

    ``at`` has one index per spatial axis of the input. Raises InputError for an unknown layer or a pixel
    outside the input.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 3, 8, 8))
    >>> conv = b.add(Conv((3, 3), out_channels=4), "x", name="conv")
    >>> reach(Fields(b.network()), (0, 4), "conv").box
    Box('0:1,2:5')
    """
    network, pixel = fields.network, integers("the pixel's place", at)
    tensor = network.tensor(layer)
    patch = push(network, fields.source, _pixel_patch(fields, pixel, channel), tensor)
    shape = network.shapes[tensor]
    cover = _cut(patch.sum(tuple(range(2 if len(shape) > 2 else 1, len(shape)))))
    return Reach(
        layer=layer,
        at=pixel,
        channel=channel,
        source=fields.source,
        box=cover.box,
        cover=cover.values,
        channels=_used(patch, 1 if len(shape) > 1 else -1),
        shape=cover.shape,
    )


def unit_patch(shape: Shape, at: tuple[int, ...], channel: int | None, semiring: Semiring) -> Patch:
    """One at a unit of a tensor, along all of every axis that the unit does not name."""
    index = unit_index(shape, at, channel)
    return Patch.at(shape, tuple(i if isinstance(i, int) else None for i in index), semiring)


def _pixel_patch(fields: Fields, at: tuple[int, ...], channel: int | None) -> Patch:
    shape = fields.network.shapes[fields.source]
    place: dict[int, int] = {}
    if len(at) != len(fields.spatial):
        raise InputError(f"a pixel of {fields.source} needs {len(fields.spatial)} indices, got {len(at)}")
    for (name, axis), i in zip(fields.spatial.items(), at, strict=True):
        if not 0 <= i < shape[axis]:
            raise InputError(f"pixel {at} lies outside {fields.source}: {name} index {i} must be in [0, {shape[axis]})")
        place[axis] = i
    if channel is not None:
        channel, axis = integer("channel", channel), fields.layout.find("C")
        count = shape[axis] if axis >= 0 else 0
        if not 0 <= channel < count:
            raise InputError(f"channel {channel} lies outside {fields.source}: it must be in [0, {count})")
        place[axis] = channel
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
