"""Stimuli: bars, edges, gratings, discs, spots and noise as exact functions of place.

A stimulus gives a pattern: what each pixel differs from the blank by, 1 the whole way to white and -1 to black. Shapes
with sharp borders give each pixel the share of it that they cover; gratings, which have no sharp borders, their value
in its middle. Angles are those of the bar itself, or of the grating's stripes: 0 along x, positive anticlockwise as
seen, in degrees. Places are in pixels from the picture's middle, x to the right and y upwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, isfinite, radians, sin
from typing import Protocol

import numpy as np

from striate.errors import InputError
from striate.explore.cover import Floats, Point, disc_cover, places, polygon_cover
from striate.values import integer, shown

FAR = 1e5
LEAST = 1e-100
"""Half of the side of what stands for the plane: beyond any picture, near enough for exact areas."""


class Stimulus(Protocol):
    """What is shown."""

    def pattern(self, height: int, width: int) -> Floats:
        """What each pixel of a picture differs from the blank by; shape (height, width), in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Blank:
    """Nothing but the blank."""

    def pattern(self, height: int, width: int) -> Floats:
        """Zero everywhere."""
        return np.zeros(_size(height, width))


@dataclass(frozen=True, slots=True)
class Grating:
    """Stripes along ``angle``: ``contrast * sin(2 pi frequency d + phase)``, ``d`` the distance across them.

    ``frequency`` is in cycles per pixel, in (0, 0.5); ``phase`` in degrees. Distance grows to the left of the angle.

    >>> Grating(0, 0.25).pattern(4, 1)[:, 0].round(3).tolist()
    [0.707, 0.707, -0.707, -0.707]
    """

    angle: float
    frequency: float
    phase: float = 0.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        _numbers("Grating", angle=self.angle, frequency=self.frequency, phase=self.phase, contrast=self.contrast)
        if not 0 < self.frequency < 0.5:
            raise InputError(f"Grating: frequency must lie between 0 and 0.5 cycles per pixel, got {self.frequency}")

    def pattern(self, height: int, width: int) -> Floats:
        """The wave in the middle of each pixel."""
        x, y = places(*_size(height, width))
        _, across = _axes(self.angle)
        turns = self.frequency * (x * across[0] + y * across[1]) + self.phase / 360
        return self.contrast * np.sin(2 * np.pi * turns)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of ``width`` across ``angle`` and ``length`` along it, shifted across by ``position``.

    It is light where the contrast is positive, dark where it is negative. Distance grows to the left of the angle.

    >>> Bar(90, width=1, length=2).pattern(4, 3).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """

    angle: float
    width: float
    length: float = 2 * FAR
    position: float = 0.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        _numbers("Bar", angle=self.angle, width=self.width, length=self.length)
        _numbers("Bar", position=self.position, contrast=self.contrast)
        for name in ("width", "length"):
            if not 0 < getattr(self, name) <= 2 * FAR:
                raise InputError(f"Bar: {name} must be positive and at most {2 * FAR:g}, got {getattr(self, name)}")

    def pattern(self, height: int, width: int) -> Floats:
        """The share of each pixel that the bar covers, times the contrast."""
        half = self.width / 2
        corners = _rectangle(self.angle, self.length / 2, self.position - half, self.position + half)
        return self.contrast * polygon_cover(corners, *_size(height, width))


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight border along ``angle``: light to the left of it and dark to the right, or, with a negative contrast,
    dark to the left; ``position`` shifts it to the left.

    >>> Edge(90).pattern(1, 4).tolist()
    [[1.0, 1.0, -1.0, -1.0]]
    """

    angle: float
    position: float = 0.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        _numbers("Edge", angle=self.angle, position=self.position, contrast=self.contrast)

    def pattern(self, height: int, width: int) -> Floats:
        """Contrast times the share of each pixel on the left, less that on the right."""
        left = _rectangle(self.angle, FAR, self.position, FAR)
        return self.contrast * (2 * polygon_cover(left, *_size(height, width)) - 1)


@dataclass(frozen=True, slots=True)
class Disc:
    """A disc of ``radius`` around ``at``; with a ``hole``, the radius of what is left out, an annulus.

    >>> Disc(1.5, hole=0.5).pattern(1, 3).round(3).tolist()
    [[0.972, 0.215, 0.972]]
    """

    radius: float
    hole: float = 0.0
    at: Point = (0.0, 0.0)
    contrast: float = 1.0

    def __post_init__(self) -> None:
        _numbers("Disc", radius=self.radius, hole=self.hole, contrast=self.contrast)
        _point("Disc", self.at)
        if not 0 <= self.hole <= self.radius:
            raise InputError(f"Disc: hole must lie between 0 and the radius {self.radius}, got {self.hole}")

    def pattern(self, height: int, width: int) -> Floats:
        """The share of each pixel that the disc covers, times the contrast."""
        size = _size(height, width)
        return self.contrast * (disc_cover(self.radius, self.at, *size) - disc_cover(self.hole, self.at, *size))


@dataclass(frozen=True, slots=True)
class Window:
    """A stimulus inside a disc of ``radius`` around the middle, blank beyond: for how responses grow with size."""

    stimulus: Grating | Edge | Bar
    radius: float

    def __post_init__(self) -> None:
        _numbers("Window", radius=self.radius)

    def pattern(self, height: int, width: int) -> Floats:
        """The stimulus times the share of each pixel inside the disc."""
        return self.stimulus.pattern(height, width) * disc_cover(self.radius, (0.0, 0.0), *_size(height, width))


@dataclass(frozen=True, slots=True)
class Spot:
    """A square of ``side`` around ``at``: one picture of sparse noise.

    >>> [spot.at for spot in sparse_noise(2, 2)][:3], len(sparse_noise(4, 6, side=2))
    ([(-0.5, 0.5), (-0.5, 0.5), (0.5, 0.5)], 12)
    """

    at: Point
    side: float = 1.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        _numbers("Spot", side=self.side, contrast=self.contrast)
        _point("Spot", self.at)

    def pattern(self, height: int, width: int) -> Floats:
        """The share of each pixel that the square covers, times the contrast."""
        (x, y), half = self.at, self.side / 2
        corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
        return self.contrast * polygon_cover(corners, *_size(height, width))


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """Every pixel its own normal number of deviation ``deviation``, cut to [-1, 1]; equal seeds give equal pictures."""

    seed: int
    deviation: float = 1 / 3

    def __post_init__(self) -> None:
        integer("WhiteNoise: seed", self.seed, 0)
        _numbers("WhiteNoise", deviation=self.deviation)

    def pattern(self, height: int, width: int) -> Floats:
        """The numbers."""
        drawn = np.random.default_rng(self.seed).normal(0.0, self.deviation, _size(height, width))
        return np.clip(drawn, -1.0, 1.0)


def sparse_noise(height: int, width: int, side: int = 1, contrast: float = 1.0) -> tuple[Spot, ...]:
    """Every square of a grid that tiles a picture, row by row, first light and then dark."""
    _size(height, width)
    integer("sparse_noise: side", side, 1)
    rows, columns = -(-height // side), -(-width // side)
    middles = [
        ((column + 0.5) * side - width / 2, height / 2 - (row + 0.5) * side)
        for row in range(rows)
        for column in range(columns)
    ]
    return tuple(Spot(at, float(side), sign * contrast) for at in middles for sign in (1, -1))


def _axes(angle: float) -> tuple[Point, Point]:
    """Unit vectors along an angle and across it, to its left; a quarter turn exchanges them exactly."""
    quarters, rest = divmod(angle, 90.0)
    x, y = cos(radians(rest)), sin(radians(rest)) if rest > LEAST else 0.0
    for _ in range(int(quarters % 4)):
        x, y = -y, x
    return (x, y), (-y, x)


def _rectangle(angle: float, half: float, right: float, left: float) -> list[Point]:
    """The corners, anticlockwise, of what lies within ``half`` along an angle and between two distances across it."""
    along, across = _axes(angle)
    ends = ((-half, right), (half, right), (half, left), (-half, left))
    return [(a * along[0] + b * across[0], a * along[1] + b * across[1]) for a, b in ends]


def _size(height: int, width: int) -> tuple[int, int]:
    return integer("height", height, 1), integer("width", width, 1)


def _numbers(kind: str, **values: object) -> None:
    """Every value is a finite number, and a contrast lies in [-1, 1]."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not isfinite(value):
            raise InputError(f"{kind}: {name} must be a finite number, got {shown(value)}")
        if name == "contrast" and not -1 <= value <= 1:
            raise InputError(f"{kind}: contrast must lie between -1 and 1, got {shown(value)}")


def _point(kind: str, at: object) -> None:
    """A place is two finite numbers."""
    if not isinstance(at, tuple) or len(at) != 2:
        raise InputError(f"{kind}: at must be two numbers (x, y), got {shown(at)}")
    _numbers(kind, x=at[0], y=at[1])
