"""A unit of a layer, and the one rule for which axes of a layer its place has an index for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.network import Network
from striate.network.relation import Shape
from striate.values import integer, integers, text

Index = tuple[int | slice, ...]
At = Sequence[int] | Sequence[Sequence[int]]
"""A unit's place, or a pair of it and the place within the unit."""


def first_unit_axis(shape: Shape) -> int:
    """The first axis that a unit's place has an index for where fields do not tell: behind batch and channel, or
    behind the batch alone of a tensor of no more than two axes.

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

    ``at`` has an index for each axis along which the layer's units differ (``LayerAxes.units``); tokens of a grid are
    named by their index or by their place on it. An index for all axes but the batch, or for all, is taken too.
    ``within`` names one place of those that a unit holds, such as a token of a window (``LayerAxes.within``); without,
    the unit stands for all of them.

    >>> LayerAxes.of((1, 8, 16, 16)).index(Unit("conv", (3, 4)))
    (slice(None, None, None), slice(None, None, None), 3, 4)
    """

    layer: str
    at: tuple[int, ...]
    channel: int | None = None
    within: tuple[int, ...] = ()

    @staticmethod
    def of(layer: str | Unit, at: At | None = None, channel: int | None = None) -> Unit:
        """A unit itself, or one from a layer's name, a place and perhaps a channel as a caller gives them.

        A pair of places is the unit's and the one within it. Raises InputError for anything else.

        >>> Unit.of("attn.qkv", ((0, 1), (3, 5)))
        Unit(layer='attn.qkv', at=(0, 1), channel=None, within=(3, 5))
        """
        if isinstance(layer, Unit):
            if at is not None or channel is not None:
                raise InputError(f"{layer} is a unit already: give no place or channel beside it")
            return layer
        match at:
            case [[*outer], [*inner]]:
                place, within = integers("the unit's place", outer), integers("the place within the unit", inner)
            case _:
                place, within = integers("the unit's place", at), ()
        return Unit(text("layer", layer), place, None if channel is None else integer("channel", channel), within)

    @property
    def place(self) -> str:
        """The place, and the one within the unit behind a stroke.

        >>> Unit("attn.qkv", (0, 1), within=(3, 5)).place
        '(0, 1)/(3, 5)'
        """
        return f"{self.at}/{self.within}" if self.within else str(self.at)

    @property
    def name(self) -> str:
        """The layer and the place."""
        return f"{self.layer} {self.place}"

    def shape(self, network: Network) -> Shape:
        """The shape of the unit's layer."""
        return network.shapes[network.tensor(self.layer)]


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid that the tokens along one axis of a layer run over.

    ``sizes`` counts its places along the axes ``names`` of the source. The token of a place is ``first`` plus the sum
    of its indices times ``strides``. Tokens before and behind, such as a class token, have no place.

    >>> grid = Grid(1, ("height", "width"), first=1, sizes=(2, 3), strides=(3, 1))
    >>> grid.token((1, 2)), grid.place(6), grid.place(0)
    (6, (1, 2), None)
    """

    axis: int
    names: tuple[str, ...]
    first: int
    sizes: Shape
    strides: Shape

    @property
    def count(self) -> int:
        """How many tokens have a place."""
        return prod(self.sizes)

    def token(self, place: Sequence[int]) -> int:
        """The token that stands at a place."""
        return self.first + sum(i * stride for i, stride in zip(place, self.strides, strict=True))

    def tokens(self) -> NDArray[np.int64]:
        """The token at every place.

        >>> Grid(1, ("height", "width"), first=1, sizes=(2, 3), strides=(3, 1)).tokens().tolist()
        [[1, 2, 3], [4, 5, 6]]
        """
        steps = np.array(self.strides).reshape(-1, *(1 for _ in self.sizes))
        return np.asarray(self.first + (np.indices(self.sizes) * steps).sum(axis=0), np.int64)

    def place(self, token: int) -> tuple[int, ...] | None:
        """Where a token stands; None where it has no place."""
        rest = token - self.first
        if not 0 <= rest < self.count:
            return None
        return tuple(rest // stride % n for n, stride in zip(self.sizes, self.strides, strict=True))


@dataclass(frozen=True, slots=True)
class LayerAxes:
    """What each axis of a layer is, and for which of them a unit's place has an index.

    ``words`` names an axis of ``shape`` by the axis of the source that its units move along, ``token`` where they
    move along several at once, ``mixed`` where features stand among them; ``batch`` or ``feature`` where all its
    units see alike, ``inner`` where one unit looks at several places. ``units`` are the axes that a place has an index
    for, ``channel`` is the one that a channel counts, None for none; ``grid`` is what tokens run over where they have
    one. ``within`` are the axes of the places that each unit holds, as a window its tokens, ``inner`` their grid.
    """

    shape: Shape
    words: tuple[str, ...]
    units: tuple[int, ...]
    channel: int | None = None
    grid: Grid | None = None
    within: tuple[int, ...] = ()
    inner: Grid | None = None

    @staticmethod
    def of(shape: Shape) -> LayerAxes:
        """The axes of a tensor of whose units nothing is known: batch, features and ``unit_axes``."""
        words = ("batch", *("feature",) * (len(shape) - 1))[: len(shape)]
        return LayerAxes(shape, words, tuple(unit_axes(shape)), 1 if len(shape) > 2 else None)

    @property
    def sizes(self) -> Shape:
        """How many units stand along each of ``units``."""
        return tuple(self.shape[axis] for axis in self.units)

    @property
    def centre(self) -> tuple[int, ...]:
        """The place of the unit in the middle: on the grid where there is one."""
        if self.grid is not None and self.units == (self.grid.axis,):
            return tuple(n // 2 for n in self.grid.sizes)
        return tuple(n // 2 for n in self.sizes)

    def index(self, unit: Unit) -> Index:
        """The index of a unit into its layer's tensor; InputError with the valid ranges where it lies outside.

        >>> grid = Grid(1, ("height", "width"), first=1, sizes=(2, 3), strides=(3, 1))
        >>> tokens = LayerAxes((1, 7, 8), ("batch", "token", "feature"), (1,), 2, grid)
        >>> tokens.index(Unit("norm", (1, 2))) == tokens.index(Unit("norm", (6,)))
        True
        """
        index: list[int | slice] = [slice(None)] * len(self.shape)
        for axis, i in zip(*self._named(unit.at), strict=True):
            index[axis] = i
        for axis, i in zip(*self._inside(unit.within), strict=True):
            index[axis] = i
        if unit.channel is not None:
            if self.channel is None or not 0 <= unit.channel < self.shape[self.channel]:
                raise InputError(f"channel {unit.channel} lies outside shape {self.shape}")
            index[self.channel] = unit.channel
        return tuple(index)

    def _named(self, at: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Some axes, and the place's index along each of them."""
        place, grid = at, self.grid
        if grid is not None and len(at) == len(self.units) + len(grid.sizes) - 1:
            start = self.units.index(grid.axis)
            stop = start + len(grid.sizes)
            if any(not 0 <= i < n for i, n in zip(at[start:stop], grid.sizes, strict=True)):
                raise InputError(f"unit {at} lies outside shape {self.shape}: {self._ranges()}")
            place = (*at[:start], grid.token(at[start:stop]), *at[stop:])
        axes = next((axes for axes in self._spellings() if len(axes) == len(place)), None)
        if axes is None:
            wanted = f"needs {len(self.units)} indices" if grid is None else f"is named by {self._ranges()}"
            raise InputError(f"a unit of shape {self.shape} {wanted}, got {len(at)}")
        for i, n in ((i, self.shape[axis]) for i, axis in zip(place, axes, strict=True)):
            if not 0 <= i < n:
                told = f"index {i} must be in [0, {n})" if grid is None else self._ranges()
                raise InputError(f"unit {at} lies outside shape {self.shape}: {told}")
        return axes, place

    def _inside(self, place: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of a place within a unit, and its index along each of them; none where none is named."""
        if not place:
            return (), ()
        if not self.within:
            raise InputError(f"a unit of shape {self.shape} holds no places: name the unit alone")
        plain, grid = {f"place {axis}": self.shape[axis] for axis in self.within}, self.inner
        spellings = [plain, *([] if grid is None else [dict(zip(grid.names, grid.sizes, strict=True))])]
        sizes = next((sizes for sizes in spellings if len(sizes) == len(place)), None)
        if sizes is None or any(not 0 <= i < n for i, n in zip(place, sizes.values(), strict=True)):
            told = " or ".join(", ".join(f"{name} in [0, {n})" for name, n in sizes.items()) for sizes in spellings)
            raise InputError(f"place {place} lies outside the units of shape {self.shape}: {told}")
        return self.within, (grid.token(place),) if grid is not None and sizes is not plain else place

    def _spellings(self) -> list[tuple[int, ...]]:
        """The axes that the indices of a place may speak of: units, all behind batch and channel, all but the first
        axis, or all."""
        every = tuple(range(len(self.shape)))
        behind = tuple(unit_axes(self.shape))
        return [self.units, *([behind] if set(self.units) <= set(behind) else []), every[1:], every]

    def _ranges(self) -> str:
        """The valid indices where there is a grid: of a token, and of a place."""
        assert self.grid is not None
        plain = {axis: f"{self.words[axis]} in [0, {self.shape[axis]})" for axis in self.units}
        place = ", ".join(f"{name} in [0, {n})" for name, n in zip(self.grid.names, self.grid.sizes, strict=True))
        return " or ".join(", ".join(named.values()) for named in (plain, {**plain, self.grid.axis: place}))
