"""The experiment of Hubel and Wiesel: which angle, frequency, width and phase each channel of a layer prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore import measures
from striate.explore.bench import Bench, bench
from striate.explore.cover import Floats
from striate.explore.running import Source
from striate.explore.screen import Level
from striate.explore.stimuli import Bar, Blank, Edge, Grating, Stimulus
from striate.formats.shapes import InputShape
from striate.geometry import Box
from striate.progress import Progress
from striate.values import brief, integer, items, shown, text

Kind = Literal["grating", "bar", "edge"]
KINDS = ("grating", "bar", "edge")
LARGEST_FREQUENCY = 0.25
WIDTHS = (1.0, 2.0, 4.0, 8.0)
MOST_POSITIONS = 33


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stimulus stands: a grating's phase in degrees, a bar's or an edge's shift in pixels; and its contrast."""

    shift: float
    contrast: float


@dataclass(frozen=True, eq=False)
class Tuning:
    """What the channels of one unit of ``layer`` answered to ``stimulus`` at every angle, scale and place.

    ``responses`` has the axes (angle, scale, place, channel), ``blank`` (channel,): values of the layer as they are.
    ``angles`` are those of the bar or the stripes in degrees; ``scales`` frequencies in cycles per pixel of gratings,
    widths in pixels of bars. ``field`` is the unit's exact field, and ``at`` its place. The measures below have one
    number for each of ``channels``, NaN where a channel never answered above the blank; ``formulas`` say how they are
    worked out.
    """

    layer: str
    at: tuple[int, ...]
    field: Box
    stimulus: Kind
    channels: tuple[int, ...]
    angles: Floats
    scales: Floats
    places: tuple[Place, ...]
    responses: Floats
    blank: Floats

    __repr__ = brief

    @property
    def formulas(self) -> dict[str, str]:
        """Each measure by name, and how it is worked out."""
        over = f"the mean over {len(self.places)} phases" if self.stimulus == "grating" else "the best of all positions"
        return {**measures.FORMULAS, "curve": f"R(angle) at the scale of the largest R, {over}"}

    @cached_property
    def above(self) -> Floats:
        """Responses above the blank, cut at zero."""
        return measures.above_blank(self.responses, self.blank)

    @cached_property
    def strength(self) -> Floats:
        """How much each channel answers at each angle and scale, (channel, angle, scale): over phases the mean, over
        positions the largest.
        """
        over = self.above.mean(2) if self.stimulus == "grating" else self.above.max(2)
        return np.ascontiguousarray(np.moveaxis(over, -1, 0))

    @cached_property
    def best(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The indices of the angle and the scale that each channel answers to most."""
        flat = self.strength.reshape(len(self.channels), -1).argmax(-1)
        angle, scale = np.unravel_index(flat, self.strength.shape[1:])
        return angle, scale

    @property
    def curve(self) -> Floats:
        """The tuning curve of each channel, (channel, angle), at its best scale."""
        return np.asarray(np.take_along_axis(self.strength, self.best[1][:, None, None], 2)[..., 0])

    @property
    def preferred(self) -> Floats:
        """The angle of the vector sum, in degrees."""
        return measures.preferred(self.curve, self.angles)

    @property
    def preferred_tested(self) -> Floats:
        """The tested angle of the largest response, in degrees."""
        return measures.preferred_tested(self.curve, self.angles)

    @property
    def osi(self) -> Floats:
        """Selectivity for the angle, 0 to 1."""
        return measures.osi(self.curve, self.angles)

    @property
    def cv(self) -> Floats:
        """Circular variance, 1 - OSI."""
        return 1 - self.osi

    @property
    def half_bandwidth(self) -> Floats:
        """Half the width of the curve at 0.707 of its height, in degrees."""
        return measures.half_bandwidth(self.curve, self.angles)

    @property
    def orthogonal(self) -> Floats:
        """The response at right angles over the largest."""
        return measures.orthogonal(self.curve, self.angles)

    @property
    def scale(self) -> Floats:
        """The frequency, or the width, that each channel answers to most."""
        return measures.preferred_tested(self._over_scales, self.scales)

    @property
    def octaves(self) -> Floats:
        """The bandwidth of the frequency, at half height."""
        return measures.octaves(self._over_scales[:, np.argsort(self.scales)], np.sort(self.scales))

    @property
    def f1f0(self) -> Floats:
        """How far the best grating's phase matters; NaN for other stimuli."""
        if self.stimulus != "grating":
            return np.full(len(self.channels), np.nan)
        angle, scale = self.best
        return measures.f1f0(self.above[angle, scale, :, np.arange(len(self.channels))])

    @property
    def polarity(self) -> Floats:
        """Light against dark; NaN for gratings, which are both."""
        dark = np.array([place.contrast < 0 for place in self.places])
        if not dark.any():
            return np.full(len(self.channels), np.nan)
        light, black = (self.above[:, :, kept].max((0, 1, 2)) for kept in (~dark, dark))
        return measures.polarity(light, black)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Channels that answer to every stimulus as to the blank, to the last bit."""
        return np.asarray((self.responses == self.blank).all((0, 1, 2)))

    @property
    def unresponsive(self) -> NDArray[np.bool_]:
        """Channels that are not dead and yet never answer above the blank."""
        return np.asarray((self.above.max((0, 1, 2)) == 0) & ~self.dead)

    def kind(self, channel: int) -> str:
        """What a channel's F1/F0 is like: ``simple-like (P = 16)``."""
        return measures.kind(float(self.f1f0[self.channels.index(channel)]), len(self.places))

    @property
    def _over_scales(self) -> Floats:
        """The responses of each channel over scales, at its best angle."""
        return np.asarray(np.take_along_axis(self.strength, self.best[0][:, None, None], 1)[:, 0])


def tuning(
    model: Source,
    layer: str,
    input_shape: InputShape = None,
    *,
    channels: Sequence[int] | None = None,
    angles: int = 24,
    phases: int = 16,
    frequencies: Sequence[float] | None = None,
    widths: Sequence[float] | None = None,
    positions: int | None = None,
    stimulus: Kind = "grating",
    contrast: float = 1.0,
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    colour: object = "grey",
    layout: str | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """Show a unit of ``layer`` gratings, bars or edges of many angles, on its exact field and blank beyond.

    ``stimulus`` is ``"grating"``, at ``frequencies`` (cycles per pixel; by default octaves down from 0.25, to one
    cycle in the field) and ``phases``; ``"bar"``, as long as the field's shorter side, at ``widths`` in pixels and
    ``positions`` across the field, light and dark; or ``"edge"``. ``black`` and ``white`` are the numbers that the
    network's input has there, one for all of its channels or one for each, ``blank`` the grey around, midway by
    default; ``colour`` is ``"grey"``, ``"red-green"``, ``"blue-yellow"`` or a number for each channel, and ``layout``
    names the input's axes as for ``Fields``. All channels of
    the layer are answered by one sweep; ``channels`` keeps some.

    Raises InputError for a layer, a channel or a number that does not fit, and where no unit's field lies inside the
    input; UnsupportedError for a model without a runner.
    """
    text("stimulus", stimulus, KINDS)
    held = bench(model, layer, input_shape, black=black, white=white, blank=blank, colour=colour, layout=layout)
    kept = _channels(channels, held)
    turned = np.arange(integer("angles", angles, 3), dtype=np.float64) * (180.0 / angles)
    scales = _scales(stimulus, held, frequencies, widths)
    spread = _places(stimulus, held, phases, positions, contrast)
    shown_stimuli = [
        _stimulus(stimulus, held, angle, scale, place) for angle in turned for scale in scales for place in spread
    ]
    found = held.responses([Blank(), *shown_stimuli], progress)[:, kept]
    responses = found[1:].reshape(len(turned), len(scales), len(spread), len(kept))
    at = tuple(held.place[axis] for axis in sorted(held.place))
    return Tuning(layer, at, held.hull, stimulus, kept, turned, scales, spread, responses, found[0])


def _stimulus(kind: Kind, held: Bench, angle: float, scale: float, place: Place) -> Stimulus:
    if kind == "grating":
        return Grating(angle, scale, place.shift, place.contrast)
    if kind == "bar":
        return Bar(angle, scale, float(min(held.size)), place.shift, place.contrast)
    return Edge(angle, place.shift, place.contrast)


def _scales(kind: Kind, held: Bench, frequencies: object, widths: object) -> Floats:
    least = min(held.size)
    if kind == "grating":
        steps = max(int(np.log2(LARGEST_FREQUENCY * least)) + 1, 4)
        return _numbers("frequencies", frequencies, LARGEST_FREQUENCY * 0.5 ** np.arange(steps, dtype=np.float64))
    if kind == "bar":
        return _numbers("widths", widths, np.array([width for width in WIDTHS if width <= least]))
    return np.array([np.nan])


def _places(kind: Kind, held: Bench, phases: int, positions: int | None, contrast: float) -> tuple[Place, ...]:
    if kind == "grating":
        count = integer("phases", phases, 3)
        return tuple(Place(360.0 * k / count, contrast) for k in range(count))
    far = (min(held.size) - 1) / 2
    count = min(min(held.size), MOST_POSITIONS) if positions is None else integer("positions", positions, 1)
    shifts = np.linspace(-far, far, count) if count > 1 else np.zeros(1)
    return tuple(Place(float(shift), sign * contrast) for sign in (1, -1) for shift in shifts)


def _channels(channels: Sequence[int] | None, held: Bench) -> tuple[int, ...]:
    if channels is None:
        return tuple(range(held.channels))
    kept = tuple(integer("channels", k, 0) for k in items("channels", channels))
    for k in kept:
        if k >= held.channels:
            raise InputError(f"channel {k} lies outside {held.layer}, which has {held.channels}")
    if not kept:
        raise InputError("channels names none; leave it out for all")
    return kept


def _numbers(name: str, given: object, usual: Floats) -> Floats:
    found = usual if given is None else np.array([_number(name, value) for value in items(name, given)])
    if not len(found):
        raise InputError(f"{name} names none; leave it out for the usual ones")
    return found


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InputError(f"{name} must be numbers, got {shown(value)}")
    return float(value)
