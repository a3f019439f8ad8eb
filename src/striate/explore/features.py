"""What the channels of a layer make of one picture: their maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.errors import InputError
from striate.explore.channels import ordered, silent
from striate.explore.pictures import Picture, listed
from striate.explore.running import Source
from striate.explore.screen import Level
from striate.explore.viewer import Array, viewer
from striate.formats.shapes import InputShape
from striate.photos import FITS
from striate.values import brief, text


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
        return ordered(farthest.tolist(), self.unresponsive, self.dead)


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
    ((_, held), *more) = listed(picture)
    if more:
        raise InputError(f"{picture} holds {1 + len(more)} pictures; feature maps are those of one")
    maps, blanks = seen.maps(seen.fed(held, fit)), seen.maps(seen.blank)
    flat, blank_flat = (part.reshape(seen.channels, -1) for part in (maps, blanks))
    if not np.isfinite(maps).all():
        raise InputError(f"{layer} gives values that are not finite: there is no scale for its maps")
    return FeatureMaps(layer, maps, *silent(np.any(flat != blank_flat, 1), np.any(flat > blank_flat, 1)))
