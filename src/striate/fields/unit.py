"""A unit of a layer, and the one rule for which axes of a tensor its place has an index for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from striate.errors import InputError
from striate.network import Network
from striate.network.relation import Shape
from striate.values import integer, integers, text

Index = tuple[int | slice, ...]


def first_unit_axis(shape: Shape) -> int:
    """The first axis that a unit's place has an index for: behind batch and channel, or behind the batch alone of
    a tensor of no more than two axes.

    >>> first_unit_axis((1, 3, 8, 8)), first_unit_axis((1, 10))
    (2, 1)
    """
    return 2 if len(shape) > 2 else min(1, len(shape))


def unit_axes(shape: Shape) -> range:
    """The axes of a tensor that a unit's place has an index for."""
    return range(first_unit_axis(shape), len(shape))


def unit_sizes(shape: Shape) -> Shape:
    """How many units stand along each of ``unit_axes``."""
    return tuple(shape[first_unit_axis(shape) :])


def centre_of(shape: Shape) -> tuple[int, ...]:
    """The place of the unit in the middle of a tensor."""
    return tuple(n // 2 for n in unit_sizes(shape))


@dataclass(frozen=True, slots=True)
class Unit:
    """One place in a layer: all its channels together, unless ``channel`` names one.

    ``at`` has an index for each of the layer's ``unit_axes``; for all axes but the batch, or for all, where the
    field differs along those too.

    >>> Unit("conv", (3, 4)).index((1, 8, 16, 16))
    (slice(None, None, None), slice(None, None, None), 3, 4)
    """

    layer: str
    at: tuple[int, ...]
    channel: int | None = None

    @staticmethod
    def of(layer: str | Unit, at: Sequence[int] | None = None, channel: int | None = None) -> Unit:
        """A unit itself, or one from a layer's name, a place and perhaps a channel as a caller gives them.

        Raises InputError for anything else.
        """
        if isinstance(layer, Unit):
            if at is not None or channel is not None:
                raise InputError(f"{layer} is a unit already: give no place or channel beside it")
            return layer
        place = integers("the unit's place", at)
        return Unit(text("layer", layer), place, None if channel is None else integer("channel", channel))

    def shape(self, network: Network) -> Shape:
        """The shape of the unit's layer."""
        return network.shapes[network.tensor(self.layer)]

    def index(self, shape: Shape) -> Index:
        """The index into its layer's tensor; InputError with the valid range where the unit lies outside it."""
        rank, first = len(shape), first_unit_axis(shape)
        if len(self.at) not in (rank - first, rank - 1, rank):
            raise InputError(f"a unit of shape {shape} needs {rank - first} indices, got {len(self.at)}")
        for i, n in zip(self.at, shape[rank - len(self.at) :], strict=True):
            if not 0 <= i < n:
                raise InputError(f"unit {self.at} lies outside shape {shape}: index {i} must be in [0, {n})")
        if self.channel is not None and (rank < 3 or not 0 <= self.channel < shape[1]):
            raise InputError(f"channel {self.channel} lies outside shape {shape}")
        index: list[int | slice] = [slice(None)] * (rank - len(self.at)) + list(self.at)
        if self.channel is not None:
            index[1] = self.channel
        return tuple(index)
