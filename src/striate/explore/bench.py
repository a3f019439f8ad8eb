"""A bench: one unit of a layer, its exact field, and the input that shows it stimuli there and the blank beyond.

The input is as small as holds the whole field of a unit inside it, where the model takes such a size, and as many
pictures go through at once as the model takes and memory allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from striate.crop import Crop, crop
from striate.errors import InputError, StriateError, UnsupportedError
from striate.explore.cover import Floats
from striate.explore.running import Source, opened, runner_of
from striate.explore.screen import Level, Screen, laid_out
from striate.explore.stimuli import Stimulus
from striate.fields import Fields, Unit, borders, region
from striate.fields.spans import AxisField
from striate.formats.keras.file import KerasModel
from striate.formats.model import Model
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.torch.module import TorchModule
from striate.geometry import Box, Interval
from striate.network.relation import Shape
from striate.progress import Progress, Ticker
from striate.run import Runner

BATCH_BYTES = 1 << 26
LARGEST_BATCH = 256
COMMON_STEP = 32


@dataclass(frozen=True, eq=False)
class Bench:
    """A unit in the middle of those whose field lies wholly inside the input; ``place`` are its indices by axis.

    ``hull`` is its field, rows and columns of the input, and ``channels`` how many units stand at its place. What runs
    takes the box ``fed`` of the input and gives the box ``given`` of the layer.
    """

    layer: str
    place: dict[int, int]
    hull: Box
    channels: int
    screen: Screen
    fields: Fields = field(repr=False)
    runner: Runner = field(repr=False)
    fed: Box
    given: Box

    @property
    def shape(self) -> Shape:
        """The shape of what is fed: as many pictures at once as the first axis is long."""
        return self.fed.shape

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the field."""
        height, width = self.hull.shape
        return height, width

    @property
    def jump(self) -> tuple[float, float]:
        """How far the field moves from one unit to the next, in pixels; 0 where units do not move."""
        spans = [axis.span for axis in self.fields[self.layer].axes.values()]
        down, right = (float(span.stride or 0) if span is not None else 0.0 for span in spans)
        return down, right

    def responses(self, stimuli: Sequence[Stimulus], progress: Progress | None = None) -> Floats:
        """What every channel at the unit's place answers to each stimulus: shape (stimuli, channels)."""
        batch = self.shape[0]
        ticker = Ticker(progress, -(-len(stimuli) // batch))
        found = np.empty((len(stimuli), self.channels))
        for start in range(0, len(stimuli), batch):
            shown = stimuli[start : start + batch]
            found[start : start + len(shown)] = self.answers(self.pictures(shown))[: len(shown)]
            ticker.step()
        return found

    def pictures(self, stimuli: Sequence[Stimulus]) -> Floats:
        """A batch of what is fed, each picture with its stimulus on the field and the blank elsewhere."""
        pictures = np.broadcast_to(laid_out(self.fields, self.screen.input(np.zeros((1, 1)))), self.shape).copy()
        spot = [slice(None)] * len(self.shape)
        for axis, side in zip(self.fields.spatial.values(), self.hull, strict=True):
            start = self.fed[axis].start
            spot[axis] = slice(side.start - start, side.stop - start)
        for k, stimulus in enumerate(stimuli):
            pictures[k : k + 1][tuple(spot)] = laid_out(self.fields, self.screen.input(stimulus.pattern(*self.size)))
        return pictures

    def answers(self, pictures: Floats) -> Floats:
        """What every channel at the unit's place answers to a batch of what is fed."""
        values = self.runner.run({self.fields.source: pictures}, [self.layer])[self.layer]
        index = tuple(
            self.place[axis] - self.given[axis].start if axis in self.place else slice(None)
            for axis in range(values.ndim)
        )
        return np.asarray(values[index], np.float64).reshape(len(pictures), -1)


def bench(
    model: Source,
    layer: str,
    input_shape: InputShape = None,
    *,
    black: Level = 0.0,
    white: Level = 1.0,
    blank: Level | None = None,
    colour: object = "grey",
    layout: str | None = None,
    smallest: bool = True,
) -> Bench:
    """A bench for a unit of ``layer``; ``black``, ``white`` and ``blank`` are the numbers that the network's input has.

    Without ``smallest`` the input stays as large as it is given. Raises InputError where the layer is not there, the
    input is no picture, or no unit's field lies inside the input.
    """
    whole = opened(model, input_shape)
    fields = Fields(whole, None, layout)
    _checked(fields, layer)
    whole = _ending(whole, fields.network.tensor(layer)) if smallest else whole
    resized = smallest and isinstance(whole.source, TorchModule | TfliteModel)
    fitted, place = _fitted(fields, whole, layer, _sizes(fields, layer) if resized else ())
    shape, channel_axis = fitted.network.shapes[fitted.source], fields.layout.find("C")
    screen = Screen.of(shape[channel_axis] if channel_axis >= 0 else 1, black, white, blank, colour)
    single = whole.at({fitted.source: shape}) if fitted is not fields else whole
    runner, fed, given = _running(_batched(single, fitted, layer, place, smallest), fitted, layer, place, smallest)
    units = fitted.network.shapes[fitted.network.tensor(layer)]
    channels = prod(n for axis, n in enumerate(units) if axis and axis not in place)
    return Bench(layer, place, _hull(fitted, layer, place), channels, screen, fitted, runner, fed, given)


def _ending(model: Model, tensor: str) -> Model:
    """A TFLite model as a file that ends at a tensor, so that its input may have sizes that its head does not take."""
    match model.source:
        case TfliteModel() as file:
            from striate.formats.tflite.litert import ending_at

            reading = file.reading(model.shapes, model.unknown, model.given)
            return replace(model, source=TfliteModel(ending_at(file.content, reading, tensor))).read()
    return model


def _running(
    model: Model, fields: Fields, layer: str, place: dict[int, int], smallest: bool
) -> tuple[Runner, Box, Box]:
    """What runs a model, or the part of it that a unit needs where it is to be cut out: what it takes and gives."""
    network, tensor = model.network, model.network.tensor(layer)
    part = _part(model, layer, place) if smallest else None
    if part is not None:
        return runner_of(model, part), part.feeds[fields.source], part.boxes[tensor]
    return runner_of(model), Box.whole(network.shapes[fields.source]), Box.whole(network.shapes[tensor])


def _part(model: Model, layer: str, place: dict[int, int]) -> Crop | None:
    """The part of a file's network that a unit needs; None for a module, and where it cannot be cut out."""
    if isinstance(model.source, TorchModule | TfliteModel | KerasModel):
        return None
    whole = Box.whole(model.network.shapes[model.network.tensor(layer)])
    unit = Box([Interval(place[k], place[k] + 1) if k in place else side for k, side in enumerate(whole)])
    with suppress(UnsupportedError):
        return crop(model.network, {layer: unit})
    return None


def _checked(fields: Fields, layer: str) -> None:
    network = fields.network
    found = fields[layer]
    if len(network.inputs) > 1:
        raise InputError(f"{network.name} has inputs {', '.join(network.inputs)}; stimuli are shown to models of one")
    if len(fields.spatial) != 2:
        raise InputError(f"stimuli are pictures: the input must have two spatial axes, it is laid out {fields.layout}")
    for name, axis in found.axes.items():
        if axis.status == "none":
            raise InputError(f"{layer} does not depend on {fields.source}")
        if axis.status == "irregular":
            raise InputError(f"the units of {layer} follow no common rule along {name}: no unit stands for the others")


def _fitted(
    fields: Fields, model: Model, layer: str, tried: Iterable[tuple[int, ...]]
) -> tuple[Fields, dict[int, int]]:
    """The fields at the first of some input sizes that holds a unit's field, else at their own; and its place."""
    for sizes in tried:
        shape = list(fields.network.shapes[fields.source])
        for axis, n in zip(fields.spatial.values(), sizes, strict=True):
            shape[axis] = n
        try:
            fitted = Fields(model.at({fields.source: tuple(shape)}), fields.source, fields.layout)
            place = _place(fitted, layer)
        except StriateError:
            continue
        if place is not None:
            return fitted, place
    place = _place(fields, layer)
    if place is None:
        needs = " x ".join(str(axis.size) for axis in fields[layer].axes.values())
        has = " x ".join(str(fields.network.shapes[fields.source][axis]) for axis in fields.spatial.values())
        raise InputError(
            f"no unit of {layer} has its whole field, {needs}, inside an input of {has}: give a larger one"
        )
    return fields, place


def _sizes(fields: Fields, layer: str) -> Iterator[tuple[int, ...]]:
    """Sizes smaller than the input's that may hold a whole field, the least first."""
    axes = list(fields[layer].axes.values())
    shape = fields.network.shapes[fields.source]
    has = tuple(shape[axis] for axis in fields.spatial.values())
    if any(axis.status == "whole" for axis in axes):
        return
    least = tuple(_least(axis) for axis in axes)
    steps = (1, int(max(axis.stride or 1 for axis in axes)), COMMON_STEP)
    for step in steps:
        for more in (0, step):
            sizes = tuple(min(-(-n // step) * step + more, most) for n, most in zip(least, has, strict=True))
            if sizes != has:
                yield sizes


def _least(axis: AxisField) -> int:
    """The stop of the first field that begins inside the input."""
    return min((axis.unit(u).stop for u in range(axis.size or 1) if axis.unit(u).start >= 0), default=axis.size or 1)


def _place(fields: Fields, layer: str) -> dict[int, int] | None:
    """The middle unit of those whose field lies inside the input, by the layer's axes; None where there is none."""
    place: dict[int, int] = {}
    for axis, inside in zip(fields[layer].axes.values(), borders(fields, layer).interior, strict=True):
        if axis.status == "whole":
            shape = fields.network.shapes[fields.network.tensor(layer)]
            if axis.local is not None and axis.local.along is not None:
                place[axis.local.along] = shape[axis.local.along] // 2
        elif inside.empty:
            return None
        elif axis.along is not None:
            place[axis.along] = (inside.start + inside.stop) // 2 if inside.size > 1 else inside.start
    return place


def _hull(fields: Fields, layer: str, place: dict[int, int]) -> Box:
    shape = fields.network.shapes[fields.source]
    sides = []
    for axis, n in zip(fields[layer].axes.values(), (shape[a] for a in fields.spatial.values()), strict=True):
        sides.append(axis.unit(place.get(axis.along, 0) if axis.along is not None else 0).clip(Interval(0, n)))
    return Box(sides)


def _batched(model: Model, fields: Fields, layer: str, place: dict[int, int], smallest: bool) -> Model:
    """The model with as many pictures at once as it takes and memory allows; as it is where it takes no more."""
    shape, axis = fields.network.shapes[fields.source], fields.layout.find("N")
    if axis != 0 or shape[0] != 1:
        return model
    part = _part(model, layer, place) if smallest else None
    held = sum(4 * prod(found) for found in (model.network if part is None else part.network).shapes.values())
    count = min(max(BATCH_BYTES // max(held, 1), 1), LARGEST_BATCH)
    try:
        several = model.at({fields.source: (count, *shape[1:])}).read()
    except StriateError:
        return model
    tensor = several.network.shapes[several.network.tensor(layer)]
    if tensor[0] != count:
        return model
    apart = region(Fields(several, fields.source, fields.layout), Unit(layer, (0, *(n // 2 for n in tensor[1:]))))
    return several if apart.path()[fields.source][0] == Interval(0, 1) else model
