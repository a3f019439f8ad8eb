"""Where in its field a unit answers to light and to dark, and what noise that it answers to looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.explore.bench import Bench
from striate.explore.cover import Floats
from striate.explore.measures import above_blank, spike_triggered
from striate.explore.stimuli import Blank, WhiteNoise, sparse_noise
from striate.progress import Progress
from striate.values import brief, integer


@dataclass(frozen=True, eq=False)
class SpotMaps:
    """How much each channel answers to a light and to a dark square at each place of the field, above the blank.

    ``light`` and ``dark`` have the axes (channel, row, column) of a grid of squares of ``side`` pixels.
    """

    layer: str
    side: int
    light: Floats
    dark: Floats

    __repr__ = brief


def spot_maps(held: Bench, side: int = 1, contrast: float = 1.0, progress: Progress | None = None) -> SpotMaps:
    """The ON and OFF maps of every channel of a bench: one square at a time, the rest blank.

    >>> from importlib.resources import files
    >>> from striate.explore import bench
    >>> found = spot_maps(bench(files("striate") / "data" / "denoiser.onnx", "stem", (1, 3, 32, 32)))
    >>> found.light.shape
    (24, 7, 7)
    """
    height, width = held.size
    spots = sparse_noise(height, width, side, contrast)
    answers = held.responses([Blank(), *spots], progress)
    above = above_blank(answers[1:], answers[0]).T.reshape(held.channels, -(-height // side), -(-width // side), 2)
    return SpotMaps(held.layer, side, above[..., 0].copy(), above[..., 1].copy())


def noise_average(held: Bench, count: int = 4096, seed: int = 0, progress: Progress | None = None) -> Floats:
    """The spike-triggered average of every channel: the mean of ``count`` white noise patterns, each weighted by the
    answer to it above the blank, less the plain mean; shape (channel, row, column).

    NaN for a channel that answers to none. Of a unit that sums and cuts at zero it tends to the kernel.
    """
    total = integer("count", count, 1)
    noise = [WhiteNoise(seed * total + k) for k in range(total)]
    answers = held.responses([Blank(), *noise], progress)
    above = above_blank(answers[1:], answers[0])
    patterns = np.array([shown.pattern(*held.size) for shown in noise])
    return spike_triggered(patterns, above)
