"""The network and the picture that the page is about, and what was worked out of them, kept for the next question."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, TypeVar, cast

import numpy as np

from striate.errors import InputError, StriateError, UnsupportedError
from striate.explore import (
    Bench,
    FeatureMaps,
    SpotMaps,
    Strongest,
    Tuning,
    bench,
    feature_maps,
    shuffled,
    spot_maps,
    strongest,
    tuning,
)
from striate.explore.cover import Floats
from striate.explore.photo import photo_input
from striate.explore.screen import Level
from striate.explore.stimuli import Blank, Stimulus
from striate.explore.tuning import Kind
from striate.fields import Fields
from striate.formats.model import Model
from striate.photos import Photo
from striate.run.recent import Recent
from striate.serve.tables import NetworkDocument, map_size, network_document

T = TypeVar("T")

KEPT, MOST_TRIED = 12, 6
BEST = 9
ANGLES, PHASES = 12, 8
MOST_SPOTS = 15 * 15


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and a photograph in the size of its input; ``black`` and ``white`` are the numbers it has there.

    ``photo`` is None without a picture; ``picture`` is the file that it came from, empty for the one that scikit-image
    brings, and ``fit`` how it was made to fit, for those who want to read it again. Answers may be asked for from
    several threads; each is worked out once.
    """

    model: Model
    photo: Photo | None = None
    black: Level = 0.0
    white: Level = 1.0
    layout: str | None = None
    picture: str = "picture.png"
    fit: str = "crop"
    _kept: Recent[Any] = field(default_factory=lambda: Recent(KEPT), init=False, repr=False)

    @cached_property
    def fields(self) -> Fields:
        """The fields of every layer."""
        return Fields(self.model, None, self.layout)

    @cached_property
    def network(self) -> NetworkDocument:
        """All that the page is told of the network."""
        return network_document(self.fields, self.model.name, self.first)

    @property
    def first(self) -> str:
        """The layer to begin with: a map near the middle, one that can be shown where there is a picture."""
        layers = [name for name in self.fields if prod(map_size(self.fields, name) or (1,)) > 1]
        nearest = sorted(range(len(layers)), key=lambda k: abs(2 * k - len(layers)))
        for k in nearest[:MOST_TRIED] if self.photo is not None else ():
            with suppress(StriateError):
                return self.maps(layers[k]).layer
        return layers[nearest[0]] if layers else ""

    @cached_property
    def fed(self) -> Floats:
        """The photograph as the network's input; InputError where there is none."""
        if self.photo is None:
            raise InputError("there is no picture: give one to see what the network makes of it")
        return photo_input(self.fields, self.photo, self.black, self.white)

    def maps(self, layer: str) -> FeatureMaps:
        """The maps of a layer on the picture."""
        return self._once(
            ("maps", layer),
            lambda: feature_maps(
                self.model, layer, self.fed, black=self.black, white=self.white, layout=self.fields.layout
            ),
        )

    def strongest(self, layer: str, whole: bool) -> Strongest:
        """The strongest units of every channel on the picture; those with whole fields alone where asked for."""
        return self._once(
            ("strongest", layer, whole),
            lambda: strongest(
                self.model, layer, self.fed, count=BEST, per_picture=BEST, whole_fields_only=whole,
                black=self.black, white=self.white, layout=self.fields.layout,
            ),
        )  # fmt: skip

    def bench(self, layer: str) -> Bench:
        """A bench for a unit of a layer."""
        return self._once(
            ("bench", layer),
            lambda: bench(self.model, layer, black=self.black, white=self.white, layout=self.fields.layout),
        )

    def spots(self, layer: str) -> SpotMaps:
        """Where in its field every channel answers to light and to dark, in at most ``MOST_SPOTS`` squares."""
        held = self.bench(layer)
        side = max(-(-int(np.ceil(np.sqrt(held.hull.size))) // int(MOST_SPOTS**0.5)), 1)

        def shown() -> SpotMaps:
            with self._kept.turn(("answers", layer)):
                return spot_maps(held, side)

        return self._once(("spots", layer), shown)

    def tuning(self, layer: str, stimulus: Kind, control: bool = False) -> Tuning | None:
        """The experiment of Hubel and Wiesel; the ``control`` has shuffled weights, None where there are none."""
        model = self._shuffled if control else self.model
        if model is None:
            return None
        return self._once(
            ("tuning", layer, stimulus, control),
            lambda: tuning(
                model, layer, angles=ANGLES, phases=PHASES, stimulus=stimulus,
                black=self.black, white=self.white, layout=self.fields.layout,
            ),
        )  # fmt: skip

    @cached_property
    def _shuffled(self) -> Model | None:
        try:
            return shuffled(self.model)
        except UnsupportedError:
            return None

    def answers(self, layer: str, stimuli: Sequence[Stimulus]) -> Floats:
        """What every channel of a layer's bench answers to the blank, and then to some stimuli."""
        held = self.bench(layer)
        with self._kept.turn(("answers", layer)):
            return held.responses([Blank(), *stimuli])

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        return cast(T, self._kept.get(key, make))
