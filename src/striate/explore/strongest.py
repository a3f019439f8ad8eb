"""What the channels of layers answer to most in photographs: their strongest units, with exact fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore.channels import Bools, ordered, silent
from striate.explore.cover import Floats
from striate.explore.pictures import Picture, listed
from striate.explore.running import Source
from striate.explore.screen import Level
from striate.explore.viewer import Array, Viewer, maps_of, viewers
from striate.fields import Fields, Region, region
from striate.formats.shapes import InputShape
from striate.geometry import Box
from striate.photos import FITS
from striate.progress import Progress, Ticker
from striate.values import brief, instance, integer, text

MOST_KEPT = 1000
READERS = 2


@dataclass(frozen=True, eq=False)
class StrongUnit:
    """A unit that answered strongly: its ``value`` on ``picture``, a file or ``picture 0`` of those given as arrays.

    ``blank`` is what it gives to the blank: above that it answers.
    """

    layer: str
    channel: int
    at: tuple[int, ...]
    value: float
    blank: float
    picture: str
    fields: Fields = field(repr=False)

    @cached_property
    def region(self) -> Region:
        """The unit's exact field, with its holes."""
        return region(self.fields, self.layer, self.at, self.channel)

    @property
    def inside(self) -> float | None:
        """The share of the field's box that lies inside the picture; None behind a global operator."""
        free = self.region.unclipped
        if free is None or not all(side.bounded for side in free):
            return None
        shape = self.fields.network.shapes[self.fields.source]
        whole = Box.whole([shape[axis] for axis in self.fields.spatial.values()])
        return float(free.clip(whole).size / free.size)


@dataclass(frozen=True, eq=False)
class Strongest:
    """The units of the largest values for each channel of ``layer``, over ``pictures`` pictures.

    ``units`` has the channels' units, each channel's strongest first, by channel. ``channels`` lists the channels from
    the largest value down, last the ``unresponsive``, in which no unit of any picture rises above what it gives to the
    blank, and the ``dead``, which answer to every picture as to the blank, to the last bit. ``mean`` and ``deviation``
    are those of all the values of each channel. ``skipped`` names the files that could not be read, and why.
    """

    layer: str
    units: tuple[tuple[StrongUnit, ...], ...]
    dead: tuple[int, ...]
    unresponsive: tuple[int, ...]
    pictures: int
    skipped: tuple[tuple[str, str], ...]
    mean: Floats
    deviation: Floats

    __repr__ = brief

    @property
    def channels(self) -> tuple[int, ...]:
        """All channels, those with the largest value first, the unresponsive and the dead last."""
        values = [units[0].value if units else -np.inf for units in self.units]
        return ordered(values, self.unresponsive, self.dead)

    @property
    def rare(self) -> tuple[int, ...]:
        """All channels, the choosiest first: those whose strongest lie the most deviations above their mean."""
        strong = np.array([np.mean([u.value for u in units]) if units else -np.inf for units in self.units])
        scale = np.where(self.deviation > 0, self.deviation, np.inf)
        return ordered(((strong - self.mean) / scale).tolist(), self.unresponsive, self.dead)


def strongest(
    model: Source,
    layer: str,
    pictures: Picture | Sequence[Picture],
    *,
    input_shape: InputShape = None,
    count: int = 9,
    per_picture: int = 1,
    whole_fields_only: bool = False,
    fit: str = "crop",
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    layout: str | None = None,
    progress: Progress | None = None,
) -> Strongest:
    """The ``count`` strongest units of each channel of ``layer``, at most ``per_picture`` of one picture.

    ``pictures`` is a file, a folder with all in it, a photograph of (height, width, 3) bytes (uint8), an array in the
    shape and the numbers of the network's input, or several of these; a few are held at a time. Files and photographs
    are resized to the input, never stretched: those of another shape are cropped around their middle, padded with grey
    or refused, as ``fit`` says. ``black`` and ``white`` are the numbers that the input has there, one for all of its
    channels or one for each, ``blank`` the grey between, midway by default. ``whole_fields_only`` leaves out the units
    whose field reaches beyond the picture. Files that cannot be read are skipped and named. Of equal values the first
    counts; NaN never does.

    Raises InputError for a layer without channels, pictures that are not there and where none can be read;
    UnsupportedError for a model without a runner.

    >>> from importlib.resources import files
    >>> picture = np.random.default_rng(0).random((1, 3, 32, 32))
    >>> found = strongest(files("striate") / "data" / "denoiser.onnx", "stem", picture, input_shape=(1, 3, 32, 32))
    >>> unit = found.units[5][0]
    >>> unit.at, str(unit.region.hull), round(unit.inside, 2)
    ((19, 0), '16:23,0:4', 0.57)
    """
    (found,) = strongest_of(
        model, [layer], pictures, input_shape=input_shape, count=count, per_picture=per_picture,
        whole_fields_only=whole_fields_only, fit=fit, black=black, white=white, blank=blank, layout=layout,
        progress=progress,
    )  # fmt: skip
    return found


def strongest_of(
    model: Source,
    layers: Sequence[str],
    pictures: Picture | Sequence[Picture],
    *,
    input_shape: InputShape = None,
    count: int = 9,
    per_picture: int = 1,
    whole_fields_only: bool = False,
    fit: str = "crop",
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    layout: str | None = None,
    progress: Progress | None = None,
) -> tuple[Strongest, ...]:
    """What ``strongest`` says of each of several layers, every picture read and shown once for all."""
    text("fit", fit, FITS)
    seen = viewers(model, layers, input_shape, black, white, blank, layout)
    wanted, each = integer("count", count, 1, MOST_KEPT), integer("per_picture", per_picture, 1)
    whole = instance("whole_fields_only", whole_fields_only, bool)
    search = [_Search.begun(view, view.maps(view.blank), wanted, whole) for view in seen]
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    several = listed(pictures)
    ticker = Ticker(progress, len(several))
    for (name, picture), fed in zip(several, _fed(seen[0], several, fit), strict=True):
        if not isinstance(fed, InputError):
            for one, maps in zip(search, maps_of(seen, fed), strict=True):
                one.show(maps, len(names), each)
            names.append(name)
        elif isinstance(picture, Path):
            skipped.append((name, str(fed)))
        else:
            raise fed
        ticker.step()
    if not names:
        raise InputError(f"none of {len(skipped)} pictures can be read, such as {skipped[0][1]}")
    return tuple(one.found(names, skipped) for one in search)


def _fed(seen: Viewer, several: Sequence[tuple[str, Path | Array]], fit: str) -> Iterator[Array | InputError]:
    """Every picture as the network's input, or why it is none; a few are read ahead, while others are shown."""

    def read(picture: Path | Array) -> Array | InputError:
        try:
            return seen.fed(picture, fit)
        except InputError as error:
            return error

    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[Future[Array | InputError]] = deque()
        for _, picture in several:
            ahead.append(pool.submit(read, picture))
            if len(ahead) > READERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


@dataclass(eq=False)
class _Search:
    """The strongest units of a layer so far; ``kept`` are the units that count, ``blanks`` what they give to the blank.

    ``changed`` and ``lifted`` say of each channel whether it differed from the blank, and rose above it.
    """

    seen: Viewer
    kept: Bools
    blanks: Array
    best: _Best
    changed: Bools
    lifted: Bools
    sums: Floats
    squares: Floats
    count: int = 0

    @classmethod
    def begun(cls, seen: Viewer, blanks: Array, count: int, whole: bool) -> _Search:
        kept = (seen.whole_units() if whole else np.ones(seen.sizes, np.bool_)).ravel()
        flat, best = blanks.reshape(seen.channels, -1), _Best.none(seen.channels, count)
        never, none = np.zeros((2, seen.channels), np.bool_), np.zeros((2, seen.channels))
        return cls(seen, kept, flat, best, *never, *none)

    def show(self, maps: Array, picture: int, each: int) -> None:
        """Look through the maps of one more picture for at most ``each`` units of a channel."""
        values = maps.reshape(self.seen.channels, -1)
        self.changed |= ((values != self.blanks) & self.kept).any(1)
        self.lifted |= ((values > self.blanks) & self.kept).any(1)
        self.sums += values.sum(1, dtype=np.float64)
        self.squares += np.einsum("ku,ku->k", values, values, dtype=np.float64)
        self.count += values.shape[1]
        self.best = self.best.joined(np.where(self.kept & ~np.isnan(values), values, -np.inf), picture, each)

    def found(self, names: Sequence[str], skipped: Sequence[tuple[str, str]]) -> Strongest:
        units = tuple(tuple(self._units(k, names)) for k in range(self.seen.channels))
        mean = self.sums / self.count
        deviation = np.sqrt(np.maximum(self.squares / self.count - mean**2, 0))
        dead, unresponsive = silent(self.changed, self.lifted)
        return Strongest(self.seen.layer, units, dead, unresponsive, len(names), tuple(skipped), mean, deviation)

    def _units(self, channel: int, names: Sequence[str]) -> Iterator[StrongUnit]:
        best, seen = self.best, self.seen
        for value, picture, unit in zip(best.values[channel], best.pictures[channel], best.units[channel], strict=True):
            if value > -np.inf:
                at = tuple(int(i) for i in np.unravel_index(unit, seen.sizes))
                blank = float(self.blanks[channel, unit])
                yield StrongUnit(seen.layer, channel, at, float(value), blank, names[picture], seen.fields)


@dataclass(frozen=True, eq=False)
class _Best:
    """The largest values of each channel so far, falling, with the picture and the unit of each; -inf for none."""

    values: Array
    pictures: NDArray[np.intp]
    units: NDArray[np.intp]

    @classmethod
    def none(cls, channels: int, count: int) -> _Best:
        nothing = np.zeros((channels, count), np.intp)
        return cls(np.full((channels, count), -np.inf), nothing, nothing)

    def joined(self, values: Array, picture: int, each: int) -> _Best:
        """With those of one more picture, of shape (channels, units), at most ``each`` for a channel."""
        most = min(each, self.values.shape[1], values.shape[1])
        order = largest(values, most)
        found = np.concatenate([self.values, np.take_along_axis(values, order, 1)], 1)
        pictures = np.concatenate([self.pictures, np.full_like(order, picture)], 1)
        units = np.concatenate([self.units, order], 1)
        kept = np.argsort(-found, 1, kind="stable")[:, : self.values.shape[1]]
        return _Best(*(np.take_along_axis(part, kept, 1) for part in (found, pictures, units)))


def largest(values: Array, most: int) -> NDArray[np.intp]:
    """The places of the largest values of each row, falling, of equal ones the first."""
    if most == 1:
        first: NDArray[np.intp] = values.argmax(1)
        return first[:, None]
    least = -np.partition(-values, most - 1, 1)[:, most - 1]
    held = (np.flatnonzero(row >= bound) for row, bound in zip(values, least, strict=True))
    return np.stack([at[np.argsort(-row[at], kind="stable")[:most]] for row, at in zip(values, held, strict=True)])
