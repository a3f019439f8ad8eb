"""How a channel's answer to its best grating grows with the grating's size and contrast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from striate.errors import InputError
from striate.explore import measures
from striate.explore.bench import Bench
from striate.explore.cover import Floats
from striate.explore.stimuli import Blank, Grating, Stimulus, Window
from striate.explore.tuning import Tuning
from striate.progress import Progress
from striate.values import brief

SIZES = 12
BEYOND = 1.5
CONTRASTS = (0.03125, 0.0625, 0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """Answers above the blank, (channel, step), of each of ``channels`` to ``steps``: radii in pixels, or contrasts."""

    layer: str
    channels: tuple[int, ...]
    steps: Floats
    above: Floats

    __repr__ = brief

    @property
    def summation(self) -> Floats:
        """The smallest step that gives 95 % of the largest answer: of sizes, the grating summation field's radius."""
        return measures.summation(self.above, self.steps)

    @property
    def suppression(self) -> Floats:
        """How much less than its best a channel answers to the last step."""
        return measures.suppression(self.above)


def size_curve(
    held: Bench, found: Tuning, radii: Sequence[float] | None = None, progress: Progress | None = None
) -> Curve:
    """Each channel's best grating inside discs of rising radius, blank beyond.

    By default radii go from 1 pixel to 1.5 times the field's larger side, in equal ratios. Where a disc holds the whole
    field the answer does not change by a bit any more.
    """
    usual = np.geomspace(1.0, BEYOND * max(held.size), SIZES)
    return _curve(held, found, usual if radii is None else np.array(radii, np.float64), Window, progress)


def contrast_curve(
    held: Bench, found: Tuning, contrasts: Sequence[float] = CONTRASTS, progress: Progress | None = None
) -> Curve:
    """Each channel's best grating at rising contrasts."""

    def fainter(grating: Grating, contrast: float) -> Stimulus:
        return Grating(grating.angle, grating.frequency, grating.phase, contrast)

    return _curve(held, found, np.array(contrasts, np.float64), fainter, progress)


def _curve(
    held: Bench, found: Tuning, steps: Floats, make: Callable[[Grating, float], Stimulus], progress: Progress | None
) -> Curve:
    """Every channel is answered at its own best grating; those that share one share the pictures."""
    if found.stimulus != "grating" or found.layer != held.layer:
        raise InputError(
            f"a curve of {held.layer} takes its tuning to gratings, got {found.stimulus}s of {found.layer}"
        )
    gratings = _best(found)
    kinds = list(dict.fromkeys(gratings))
    stimuli = [make(grating, float(step)) for grating in kinds for step in steps]
    answers = held.responses([Blank(), *stimuli], progress)
    above = measures.above_blank(answers[1:], answers[0]).reshape(len(kinds), len(steps), -1)
    rows = [above[kinds.index(grating), :, channel] for grating, channel in zip(gratings, found.channels, strict=True)]
    return Curve(held.layer, found.channels, steps, np.array(rows))


def _best(found: Tuning) -> list[Grating]:
    """The grating of the largest answer of each channel."""
    angle, scale = found.best
    place = found.above[angle, scale, :, np.arange(len(found.channels))].argmax(-1)
    return [
        Grating(float(found.angles[a]), float(found.scales[s]), found.places[p].shift, found.places[p].contrast)
        for a, s, p in zip(angle, scale, place, strict=True)
    ]
