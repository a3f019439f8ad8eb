"""What the channels of a layer answer to in photographs: their strongest units with exact fields, and their maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from os.path import exists, isdir
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore.running import Source
from striate.explore.screen import Level
from striate.explore.viewer import Array, Viewer, viewer
from striate.fields import Fields, Region, region
from striate.formats.shapes import InputShape
from striate.geometry import Box
from striate.photos import FITS
from striate.progress import Progress, Ticker
from striate.values import brief, instance, integer, items, text

Bools = NDArray[np.bool_]
Picture = str | PathLike[str] | Array
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
MOST_KEPT = 1000


@dataclass(frozen=True, eq=False)
class StrongUnit:
    """A unit that answered strongly: its ``value`` on ``picture``, a file or ``picture 0`` of those given as arrays."""

    layer: str
    channel: int
    at: tuple[int, ...]
    value: float
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
    blank, and the ``dead``, which answer to every picture as to the blank, to the last bit. ``skipped`` names the files
    that could not be read, and why.
    """

    layer: str
    units: tuple[tuple[StrongUnit, ...], ...]
    dead: tuple[int, ...]
    unresponsive: tuple[int, ...]
    pictures: int
    skipped: tuple[tuple[str, str], ...]

    __repr__ = brief

    @property
    def channels(self) -> tuple[int, ...]:
        """All channels, those with the largest value first, the unresponsive and the dead last."""
        values = [units[0].value if units else -np.inf for units in self.units]
        return _ordered(values, self.unresponsive, self.dead)


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What ``layer`` makes of one picture: ``maps`` has the channel first, then the axes of a unit's place.

    ``dead`` are the channels that answer to the picture as to the blank, to the last bit, ``unresponsive`` the others
    that nowhere rise above what they give to the blank.
    """

    layer: str
    maps: Array
    dead: tuple[int, ...]
    unresponsive: tuple[int, ...]

    __repr__ = brief

    @property
    def signed(self) -> bool:
        """Whether any value is negative."""
        return bool((self.maps < 0).any())

    @property
    def scale(self) -> tuple[float, float]:
        """The least and the largest value of one scale for all channels: from 0, around 0 where they are signed."""
        most = float(np.abs(self.maps).max())
        return (-most if self.signed else 0.0), most

    @property
    def channels(self) -> tuple[int, ...]:
        """All channels, those with the value farthest from 0 first, the unresponsive and the dead last."""
        farthest = np.abs(self.maps).reshape(len(self.maps), -1).max(1)
        return _ordered(farthest.tolist(), self.unresponsive, self.dead)


def feature_maps(
    model: Source,
    layer: str,
    picture: Picture,
    *,
    input_shape: InputShape = None,
    fit: str = "crop",
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    layout: str | None = None,
) -> FeatureMaps:
    """The maps of all channels of ``layer`` on one picture, a file or an array as for ``strongest``.

    Raises InputError for a layer without channels, a picture that cannot be read and values that are not finite;
    UnsupportedError for a model without a runner.

    >>> from importlib.resources import files
    >>> picture = np.random.default_rng(0).random((1, 3, 32, 32))
    >>> found = feature_maps(files("striate") / "data" / "denoiser.onnx", "mid1", picture, input_shape=(1, 3, 32, 32))
    >>> found.maps.shape, found.signed, found.scale[0]
    ((56, 8, 8), False, 0.0)
    """
    text("fit", fit, FITS)
    seen = viewer(model, layer, input_shape, black, white, blank, layout)
    ((_, held), *more) = _listed(picture)
    if more:
        raise InputError(f"{picture} holds {1 + len(more)} pictures; feature maps are those of one")
    maps, blanks = seen.maps(seen.fed(held, fit)), seen.maps(seen.blank)
    flat, blank_flat = (part.reshape(seen.channels, -1) for part in (maps, blanks))
    if not np.isfinite(maps).all():
        raise InputError(f"{layer} gives values that are not finite: there is no scale for its maps")
    return FeatureMaps(layer, maps, *_silent(np.any(flat != blank_flat, 1), np.any(flat > blank_flat, 1)))


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

    ``pictures`` is a file, a folder with all in it, an array in the shape and the numbers of the network's input, or
    several of these; one is held at a time. Files are resized to the input, never stretched: those of another shape
    are cropped around their middle, padded with grey or refused, as ``fit`` says. ``black`` and ``white`` are the
    numbers that the input has there, one for all of its channels or one for each, ``blank`` the grey between, midway
    by default. ``whole_fields_only`` leaves out the units whose field reaches beyond the picture. Files that cannot be
    read are skipped and named. Of equal values the first counts; NaN never does.

    Raises InputError for a layer without channels, pictures that are not there and where none can be read;
    UnsupportedError for a model without a runner.

    >>> from importlib.resources import files
    >>> picture = np.random.default_rng(0).random((1, 3, 32, 32))
    >>> found = strongest(files("striate") / "data" / "denoiser.onnx", "stem", picture, input_shape=(1, 3, 32, 32))
    >>> unit = found.units[5][0]
    >>> unit.at, str(unit.region.hull), round(unit.inside, 2)
    ((19, 0), '16:23,0:4', 0.57)
    """
    text("fit", fit, FITS)
    seen = viewer(model, layer, input_shape, black, white, blank, layout)
    wanted, each = integer("count", count, 1, MOST_KEPT), integer("per_picture", per_picture, 1)
    whole = instance("whole_fields_only", whole_fields_only, bool)
    kept = (seen.whole_units() if whole else np.ones(seen.sizes, np.bool_)).ravel()
    blanks = seen.maps(seen.blank).reshape(seen.channels, -1)
    best = _Best.none(seen.channels, wanted)
    changed, lifted = np.zeros(seen.channels, np.bool_), np.zeros(seen.channels, np.bool_)
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    listed = _listed(pictures)
    ticker = Ticker(progress, len(listed))
    for name, picture in listed:
        try:
            fed = seen.fed(picture, fit)
        except InputError as error:
            if not isinstance(picture, Path):
                raise
            skipped.append((name, str(error)))
        else:
            values = seen.maps(fed).reshape(seen.channels, -1)
            changed |= ((values != blanks) & kept).any(1)
            lifted |= ((values > blanks) & kept).any(1)
            best = best.joined(np.where(kept & ~np.isnan(values), values, -np.inf), len(names), each)
            names.append(name)
        ticker.step()
    if not names:
        raise InputError(f"none of {len(skipped)} pictures can be read, such as {skipped[0][1]}")
    units = tuple(tuple(_units(seen, best, channel, names)) for channel in range(seen.channels))
    return Strongest(layer, units, *_silent(changed, lifted), len(names), tuple(skipped))


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
        order = values.argmax(1)[:, None] if most == 1 else np.argsort(-values, 1, kind="stable")[:, :most]
        found = np.concatenate([self.values, np.take_along_axis(values, order, 1)], 1)
        pictures = np.concatenate([self.pictures, np.full_like(order, picture)], 1)
        units = np.concatenate([self.units, order], 1)
        kept = np.argsort(-found, 1, kind="stable")[:, : self.values.shape[1]]
        return _Best(*(np.take_along_axis(part, kept, 1) for part in (found, pictures, units)))


def _silent(changed: Bools, lifted: Bools) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dead channels, and the unresponsive, from whether each differs from the blank and rises above it."""
    dead, unresponsive = np.flatnonzero(~changed), np.flatnonzero(changed & ~lifted)
    return tuple(dead.tolist()), tuple(unresponsive.tolist())


def _ordered(values: Sequence[float], unresponsive: Sequence[int], dead: Sequence[int]) -> tuple[int, ...]:
    """Channels from the largest value down, the unresponsive and then the dead last."""
    return tuple(sorted(range(len(values)), key=lambda k: (k in dead, k in unresponsive, -values[k], k)))


def _units(seen: Viewer, best: _Best, channel: int, names: Sequence[str]) -> Iterator[StrongUnit]:
    for value, picture, unit in zip(best.values[channel], best.pictures[channel], best.units[channel], strict=True):
        if value > -np.inf:
            at = tuple(int(i) for i in np.unravel_index(unit, seen.sizes))
            yield StrongUnit(seen.layer, channel, at, float(value), names[picture], seen.fields)


def _listed(pictures: Picture | Sequence[Picture]) -> list[tuple[str, Path | Array]]:
    """Every picture with its name, folders as the files in them; InputError where there is none."""
    several = [pictures] if isinstance(pictures, str | PathLike | np.ndarray) else items("pictures", pictures)
    found: list[tuple[str, Path | Array]] = []
    for k, picture in enumerate(several):
        if isinstance(picture, np.ndarray):
            found.append((f"picture {k}", picture))
        elif isinstance(picture, str | PathLike):
            found += [(str(path), path) for path in picture_files(Path(picture))]
        else:
            raise InputError(f"a picture is a file, a folder or an array, got {type(picture).__name__}")
    if not found:
        raise InputError("there are no pictures")
    return found


def picture_files(path: Path) -> list[Path]:
    """A file itself, or the pictures in a folder and those beneath it; InputError where there are none."""
    if not exists(path):
        raise InputError(f"{path}: no such file or folder")
    if not isdir(path):
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not found:
        raise InputError(f"{path}: no pictures in this folder; they end in {', '.join(ENDINGS)}")
    return found
