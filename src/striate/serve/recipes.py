"""The lines of Python that give the numbers which a view shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from striate.explore.screen import Level
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxFile
from striate.formats.tflite.file import TfliteModel
from striate.serve.subject import ANGLES, BEST, PHASES, Subject


@dataclass(frozen=True, slots=True)
class Recipe:
    """The words for a subject in Python."""

    subject: Subject

    @property
    def model(self) -> str:
        """The model as an expression: its file, or a name for what stood in memory alone."""
        source = self.subject.model.source
        if isinstance(source, OnnxFile):
            return repr(str(source.path))
        if isinstance(source, TfliteModel) and not isinstance(source.held, bytes):
            return repr(str(source.held))
        return repr(self.subject.model.name)

    @property
    def shown(self) -> str:
        """The settings of every function that shows the network something."""
        parts = [f"input_shape={_given(self.subject.model)}"] if self.subject.model.shapes is not None else []
        parts += [f"{name}={_level(value)}" for name, value in self._levels.items()]
        parts += [f"layout={self.subject.layout!r}"] if self.subject.layout else []
        return "".join(f", {part}" for part in parts)

    @property
    def photo(self) -> str:
        """The picture: its file, or the array that ``pictured`` makes."""
        return repr(self.subject.picture) if self.subject.picture else "picture"

    @property
    def pictured(self) -> list[str]:
        """The lines that make the array of the picture that comes with scikit-image; none for a file."""
        if self.subject.picture:
            return []
        return [
            "from striate.demo.demo import sample_photo",
            "from striate.explore.photo import photo_input",
            "from striate.fields import Fields",
            "from striate.formats.model import Model",
            "",
            f"picture = photo_input(Fields(Model({self.model}{_shape(self.subject.model)})), sample_photo())",
        ]

    @property
    def _levels(self) -> Mapping[str, Level]:
        usual = {"black": (self.subject.black, 0.0), "white": (self.subject.white, 1.0)}
        return {name: value for name, (value, other) in usual.items() if value != other}


def field_lines(recipe: Recipe, layer: str, at: Sequence[int], *, local: bool) -> list[str]:
    """A unit's field and its effective field."""
    subject, unit = recipe.subject, f"{layer!r}, {tuple(at)}"
    layout = f"layout={subject.layout!r}" if subject.layout else ""
    return [
        "import striate",
        "from striate.fields import effective_field, region",
        "",
        f"fields = striate.load({recipe.model}{_shape(subject.model)}).fields({layout}){'.local' if local else ''}",
        f"seen = region(fields, {unit})",
        "print(seen.hull, int(seen.cover.sum()))",
        f"print(effective_field(fields, {unit}).radii)",
    ]


def feature_lines(recipe: Recipe, layer: str, channel: int, *, whole: bool) -> list[str]:
    """A layer's maps on the picture, and the strongest units of one channel."""
    shown, fit = recipe.shown, f", fit={recipe.subject.fit!r}"
    wanted = f", count={BEST}, per_picture={BEST}{', whole_fields_only=True' if whole else ''}"
    return [
        "from striate.explore import feature_maps, strongest",
        *(recipe.pictured or [""]),
        f"found = feature_maps({recipe.model}, {layer!r}, {recipe.photo}{shown}{fit})",
        "print(found.scale, found.dead, found.unresponsive)",
        f"best = strongest({recipe.model}, {layer!r}, {recipe.photo}{shown}{fit}{wanted})",
        f"print([(unit.at, unit.value) for unit in best.units[{channel}]])",
    ]


def tuning_lines(recipe: Recipe, layer: str, channel: int) -> list[str]:
    """How one channel is tuned to gratings."""
    return [
        "from striate.explore import tuning",
        "",
        f"found = tuning({recipe.model}, {layer!r}, angles={ANGLES}, phases={PHASES}{recipe.shown})",
        f"print(found.preferred[{channel}], found.osi[{channel}], found.f1f0[{channel}])",
    ]


def answer_lines(recipe: Recipe, layer: str, channel: int, stimulus: str) -> list[str]:
    """What one channel answers to one stimulus; ``stimulus`` as it is printed."""
    return [
        "from striate.explore import bench",
        f"from striate.explore.stimuli import {stimulus.partition('(')[0]}",
        "",
        f"held = bench({recipe.model}, {layer!r}{recipe.shown})",
        f"print(held.responses([{stimulus}])[0, {channel}])",
    ]


def _shape(model: Model) -> str:
    return "" if model.shapes is None else f", {_given(model)}"


def _given(model: Model) -> str:
    shapes = model.shapes
    if isinstance(shapes, Mapping):
        return repr(dict(shapes))
    return repr(tuple(shapes or ()))


def _level(value: Level) -> str:
    return f"{value!r}" if isinstance(value, int | float) else repr(tuple(value))
