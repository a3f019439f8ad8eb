"""What a translating function sees of a Keras layer at work, and the tables that hold them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from striate.errors import ModelError, UnsupportedError
from striate.formats.inputs import counted
from striate.formats.keras.config import Layer
from striate.formats.steps import Order, Part, Step, arranged, as_stored, channels_first, step
from striate.network import Weight
from striate.network.operators import Elementwise, Operator, Reshape
from striate.network.relation import Shape

LAST, FIRST = "channels_last", "channels_first"
LARGEST_INTEGER = 1 << 31


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """One call of a layer: its settings, its arguments with parts in place of tensors, and where its weights are.

    ``inputs`` are the tensors among the arguments, in order; ``place`` is the folder of the layer's weights in the
    HDF5 file.
    """

    layer: Layer
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Part, ...]
    place: str

    @property
    def x(self) -> Part:
        """The only tensor that the call reads."""
        if len(self.inputs) != 1:
            raise ModelError(f"reads {len(self.inputs)} tensors where it should read one")
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the only tensor, in the file's order of axes."""
        return self.x.filed

    @property
    def rank(self) -> int:
        """Axes of the only tensor."""
        return len(self.x.order)

    def on(self, *inputs: Part) -> Call:
        """The same layer at work on other tensors."""
        return replace(self, args=inputs, kwargs={}, inputs=inputs)

    def get(self, name: str, default: Any = None) -> Any:
        """A setting as the file has it."""
        found = self.layer.settings.get(name)
        return default if found is None else found

    def flag(self, name: str, default: bool = False) -> bool:
        """A setting that is true or false."""
        found = self.get(name, default)
        if not isinstance(found, bool):
            raise ModelError(f"{name} should be true or false, is {_shown(found)}")
        return found

    def number(self, name: str, default: float) -> float:
        """A setting that is a finite number."""
        found = self.get(name, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
            raise ModelError(f"{name} should be a number, is {_shown(found)}")
        return float(found)

    def integer(self, name: str, least: int = 1) -> int:
        """A setting that is one integer."""
        return integer(name, self.get(name), least)

    def integers(self, name: str, count: int, default: Any = None, least: int = 1) -> tuple[int, ...]:
        """A setting with an integer for each of some axes, or one for them all."""
        found = self.get(name, default)
        row = found if isinstance(found, list) else [found] * count
        if len(row) != count:
            raise ModelError(f"{name} should be {count} integers, is {_shown(found)}")
        return tuple(integer(name, n, least) for n in row)

    def word(self, name: str, known: Sequence[str], default: str | None = None) -> str:
        """A setting that is one of some words."""
        found = self.get(name, default)
        if not isinstance(found, str) or found.lower() not in known:
            raise ModelError(f"{name} should be one of {', '.join(known)}, is {_shown(found)}")
        return found.lower()

    def axes(self, name: str, default: int | None = None) -> tuple[int, ...]:
        """A setting that names axes of the file, counted from the front."""
        found = self.get(name, default)
        row = found if isinstance(found, list) else [found]
        return tuple(sorted({axis_of(name, axis, self.rank) for axis in row}))

    def places(self, axes: Sequence[int]) -> tuple[int, ...]:
        """Where axes of the file stand in the only tensor as the network holds it."""
        return tuple(sorted(self.x.order.index(axis) for axis in axes))

    @property
    def channels(self) -> int:
        """The axis of the channels in the file's order."""
        return 1 if self.word("data_format", (LAST, FIRST), LAST) == FIRST else self.rank - 1

    def image(self, axes: int) -> Part:
        """The only tensor with its channels before the axes that are slid over."""
        if self.rank != axes + 2:
            raise ModelError(f"an input of shape {self.shape} should have {axes + 2} axes")
        return arranged(self.x, self.image_order(axes + 2))

    def image_order(self, rank: int) -> Order:
        """The order of an image's axes, the channels behind the batch."""
        return as_stored(rank) if self.channels == 1 else channels_first(rank)

    def filed(self, position: int = 0) -> Part:
        """A tensor in the file's own order of axes."""
        part = self.inputs[position]
        return arranged(part, as_stored(len(part.order)))

    def weight(self, role: str, k: int, shape: Shape, *views: Operator) -> Weight:
        """Variable ``k`` of the layer, ``shape`` as the file keeps it, and what leads from there to what is used."""
        return weight(role, f"{self.place}/vars/{k}", shape, *views)


def weight(role: str, name: str, shape: Shape, *views: Operator) -> Weight:
    """A variable by its name in the HDF5 file."""
    for view in views:
        shape = view.result((shape,)).outputs[0].shape
    return Weight(role, name, shape, views)


def integer(name: str, found: object, least: int = -LARGEST_INTEGER) -> int:
    """An integer between bounds; ModelError for anything else."""
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= LARGEST_INTEGER:
        raise ModelError(f"{name} should be an integer of at least {least}, is {_shown(found)}")
    return found


def axis_of(name: str, found: object, rank: int) -> int:
    """An axis of the file counted from the front."""
    return counted(integer(name, found), rank)


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."


def reshaped(part: Part, shape: Shape, word: str = "") -> Step:
    """A tensor of another shape, both in the file's order of axes."""
    return step(Reshape(shape), arranged(part, as_stored(len(part.order))), order=as_stored(len(shape)), word=word)


def widened(part: Part, rank: int, at: int = 0) -> Part:
    """A tensor with axes of size 1 put in at a place until it has so many."""
    missing = rank - len(part.order)
    if missing <= 0:
        return part
    shape = part.filed
    return reshaped(part, (*shape[:at], *(1,) * missing, *shape[at:]), "widened")


def common(parts: Sequence[Part]) -> list[Part]:
    """Tensors of as many axes each, in one order."""
    order = next((part.order for part in parts if part.order != as_stored(len(part.order))), parts[0].order)
    return [arranged(part, order) for part in parts]


def elementwise(function: Any, *parts: Part, **more: Any) -> Step:
    """Element by element over some tensors of as many axes each."""
    return step(Elementwise(function=function), *common(parts), **more)


Made = Step | tuple[Step, ...]
Translator = Callable[[Call], Made]
LAYERS: dict[str, Translator] = {}
OPERATIONS: dict[str, Translator] = {}


def layer(*names: str) -> Callable[[Translator], Translator]:
    """Enter a translating function in the table of layers under the names of their classes."""

    def enter(function: Translator) -> Translator:
        LAYERS.update(dict.fromkeys(names, function))
        return function

    return enter


def operation(*names: str) -> Callable[[Translator], Translator]:
    """Enter a translating function in the table of ``keras.ops`` under the names of their classes."""

    def enter(function: Translator) -> Translator:
        OPERATIONS.update(dict.fromkeys(names, function))
        return function

    return enter


def single(made: Made) -> Step:
    """What a layer makes where it is to be one tensor."""
    if isinstance(made, tuple):
        raise UnsupportedError(f"makes {len(made)} tensors where one is taken")
    return made
