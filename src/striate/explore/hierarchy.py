"""A network over its depth: what the units of each stage see, what they prefer, what they answer to in photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from striate.errors import InputError, UnsupportedError
from striate.explore.control import shuffled
from striate.explore.cover import Floats
from striate.explore.pictures import Picture
from striate.explore.running import Source, following, opened
from striate.explore.screen import Level
from striate.explore.strongest import Strongest, strongest_of
from striate.explore.tuning import Tuning, tuning
from striate.fields import Field, Fields, borders
from striate.fields.spans import size_of
from striate.formats.model import Model
from striate.formats.shapes import InputShape
from striate.network import Network, Node
from striate.network.operators import Conv
from striate.progress import Progress, Ticker
from striate.values import brief, instance, items, text

GROWTH = 2
ANGLES, PHASES = 12, 8


class Untuned(Enum):
    """Why a stage has no tuning."""

    EVERYTHING = "a global operator lets every unit see everything"
    SMALL = "no unit has its whole field inside the input"


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer on the way down: its field, its tuning beside that of the shuffled weights, its strongest units.

    ``untuned`` says why there is no tuning, None where there is; ``control`` is None also where the model's weights
    cannot be shuffled.
    """

    field: Field
    tuning: Tuning | None
    control: Tuning | None
    untuned: Untuned | None
    strongest: Strongest

    __repr__ = brief

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self.field.name

    @property
    def size(self) -> str:
        """The field's size along each axis in words: ``19 x 19``, ``all (83) x all (83)``."""
        return " x ".join(size_of(axis) for axis in self.field.axes.values())

    @property
    def osi(self) -> tuple[float, float]:
        """The median OSI of the channels that have one, and that of the control; NaN for none."""
        return _median(self.tuning, "osi"), _median(self.control, "osi")

    @property
    def f1f0(self) -> tuple[float, float]:
        """The median F1/F0 of the channels that have one, and that of the control; NaN for none."""
        return _median(self.tuning, "f1f0"), _median(self.control, "f1f0")


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The ``stages`` of the network ``name``, from the shallowest down; ``controlled`` where the control was run."""

    name: str
    stages: tuple[Stage, ...]
    controlled: bool

    __repr__ = brief


def hierarchy(
    model: Source,
    pictures: Picture | Sequence[Picture],
    layers: Sequence[str] | None = None,
    input_shape: InputShape = None,
    *,
    count: int = 8,
    angles: int = ANGLES,
    phases: int = PHASES,
    whole_fields_only: bool = False,
    control: bool = True,
    fit: str = "crop",
    black: Level = 0.0,
    white: Level = 1.0,
    layout: str | None = None,
    progress: Progress | None = None,
) -> Hierarchy:
    """The stages of a network: by default its layers of convolution whose field is twice that of the stage before.

    Each has its exact field, what its channels prefer among gratings of ``angles`` and ``phases``, the same of the
    network with shuffled weights, and the ``count`` strongest units of each channel in ``pictures``, at most one of
    each picture; pictures, ``fit``, ``black``, ``white`` and ``whole_fields_only`` are as for ``strongest``. Every
    picture is read and shown once. A layer behind a global operator, or of which no unit has its whole field inside the
    input, has no tuning.

    Raises InputError for layers and pictures that are not there; UnsupportedError for a model without a runner.
    """
    held = opened(model, input_shape)
    fields = Fields(held, None, layout)
    chosen = stages_of(fields) if layers is None else tuple(text("layer", one) for one in items("layers", layers))
    if not chosen:
        raise InputError(f"{held.name} has no stages: none of its layers is a convolution")
    other = _control(held) if instance("control", control, bool) else None
    found = strongest_of(
        held, chosen, pictures, count=count, whole_fields_only=whole_fields_only, fit=fit, black=black, white=white,
        layout=layout, progress=progress,
    )  # fmt: skip
    experiment = _Experiment(held, other, fields, angles, phases, black, white)
    ticker = Ticker(progress, len(chosen))
    stages = []
    for one in found:
        stages.append(Stage(fields[one.layer], *experiment.on(one.layer), one))
        ticker.step()
    return Hierarchy(held.name, tuple(stages), other is not None)


def stages_of(fields: Fields) -> tuple[str, ...]:
    """The layers of a network's convolutions whose field is twice that of the one before, up to the first that is
    wider than the picture.

    Those that put channels together and have an activation behind them count, which is the layer then; where a network
    has none, all convolutions.

    >>> from importlib.resources import files
    >>> from striate import load
    >>> stages_of(load(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64)).fields())
    ('stem/relu', 'enc2/relu', 'mid2/relu')
    """
    found, last = [], 0
    widest = max((fields.network.shapes[fields.source][axis] for axis in fields.spatial.values()), default=0)
    for layer in _convolved(fields.network):
        spans = [axis.span for axis in fields[layer].axes.values()]
        size = max((span.size for span in spans if span is not None), default=0)
        if size >= max(GROWTH * last, 1) and last <= widest:
            found.append(layer)
            last = size
    return tuple(found)


def _convolved(network: Network) -> list[str]:
    nodes = [node for node in network.nodes if isinstance(node.op, Conv)]
    activated = [behind[-1][1] for node in nodes if _mixes(network, node) and (behind := following(network, node))]
    return activated or [node.name for node in nodes]


def _mixes(network: Network, node: Node) -> bool:
    channels = network.shapes[node.inputs[0]][1]
    return isinstance(node.op, Conv) and (node.op.groups < channels or channels == 1)


@dataclass(frozen=True, eq=False)
class _Experiment:
    """Gratings for a network and, where there is one, its control."""

    model: Model
    other: Model | None
    fields: Fields
    angles: int
    phases: int
    black: Level
    white: Level

    def on(self, layer: str) -> tuple[Tuning | None, Tuning | None, Untuned | None]:
        """The tuning of a layer, that of the control, and why there is none."""
        if any(axis.status == "whole" for axis in self.fields[layer].axes.values()):
            return None, None, Untuned.EVERYTHING
        if any(inside.empty for inside in borders(self.fields, layer).interior):
            return None, None, Untuned.SMALL
        control = None if self.other is None else self._tuned(self.other, layer)
        return self._tuned(self.model, layer), control, None

    def _tuned(self, model: Model, layer: str) -> Tuning:
        return tuning(
            model, layer, angles=self.angles, phases=self.phases, frequencies=None, black=self.black, white=self.white,
            layout=self.fields.layout,
        )  # fmt: skip


def _control(model: Model) -> Model | None:
    try:
        return shuffled(model)
    except UnsupportedError:
        return None


def _median(found: Tuning | None, measure: str) -> float:
    values: Floats = np.array([]) if found is None else getattr(found, measure)
    kept = values[~np.isnan(values)]
    return float(np.median(kept)) if len(kept) else float("nan")
