"""What a translating function sees of a TFLite operation, and the one table that holds them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from striate.errors import ModelError, UnsupportedError
from striate.formats.inputs import LARGEST_FOLLOWED, Inputs, counted
from striate.formats.steps import Part, Step, Tensor, arranged, as_stored, channels_first, step, weight, widened
from striate.formats.tflite.schema import Operation, named
from striate.network import Weight
from striate.network.operators import Elementwise, Function, Operator, broadcast_shape
from striate.network.relation import Shape

FUSED = {
    "RELU": Function.of("relu"),
    "RELU6": Function.of("clip", min=0.0, max=6.0),
    "RELU_N1_TO_1": Function.of("clip", min=-1.0, max=1.0),
    "TANH": Function.of("tanh"),
}


@dataclass(frozen=True, eq=False, slots=True)
class Call(Inputs[Tensor]):
    """One operation with its inputs resolved; ``declared`` are the shapes that the file states of its outputs."""

    operation: Operation
    inputs: tuple[Tensor | None, ...]
    declared: tuple[Shape, ...]

    @property
    def op(self) -> str:
        """The operator's name."""
        return self.operation.op

    @property
    def x(self) -> Shape:
        """The shape of the first input, in the file's order."""
        return self.shape(0)

    @property
    def rank(self) -> int:
        """Axes of the first input."""
        return len(self.x)

    def settings(self, kind: str) -> Any:
        """The options of a kind, by the schema's generated class."""
        return self.operation.settings(kind)

    def shape(self, position: int) -> Shape:
        """The shape of an input, in the file's order."""
        return self.tensor(position).filed

    def image(self, position: int, rank: int = 4) -> Part:
        """An input of some axes, its channels before what is slid over."""
        if len(self.shape(position)) != rank:
            raise ModelError(f"an input of shape {self.shape(position)} should have {rank} axes")
        return arranged(self.tensor(position), channels_first(rank))

    def filed(self, position: int) -> Part:
        """An input in the file's own order of axes."""
        return arranged(self.tensor(position), as_stored(len(self.shape(position))))

    def common(self, *positions: int) -> tuple[Part, ...]:
        """Inputs that broadcast together, with as many axes each and in one order."""
        rank = max(len(self.shape(p)) for p in positions)
        orders = [self.tensor(p).order for p in positions if self.tensor(p).data]
        order = next((found for found in orders if len(found) == rank and found != as_stored(rank)), as_stored(rank))
        return tuple(widened(self.tensor(p), rank, order) for p in positions)

    def ints(self, position: int) -> tuple[int, ...]:
        """A constant input as integers."""
        value = self.value(position)
        if value.dtype.kind not in "iub":
            raise ModelError(f"input {position} should hold integers, has type {value.dtype}")
        return tuple(map(int, value.reshape(-1)))

    def integer(self, position: int) -> int:
        """A constant input that is one integer."""
        found = self.ints(position)
        if len(found) != 1:
            raise ModelError(f"input {position} should hold one integer, has {len(found)}")
        return found[0]

    def sizes(self, found: Iterable[int]) -> Shape:
        """Sizes that are followed element by element."""
        sizes = tuple(found)
        if any(not 0 < n <= LARGEST_FOLLOWED for n in sizes):
            raise ModelError(
                f"sizes {sizes}: at least 1 and at most {LARGEST_FOLLOWED} elements of an axis are followed"
            )
        return sizes

    def axis(self, axis: int, rank: int | None = None) -> int:
        """An axis of the file counted from the front."""
        return counted(axis, self.rank if rank is None else rank)

    def weight(self, role: str, position: int, *views: Operator) -> tuple[Weight, ...]:
        """What an input adds to a step's weights: nothing where it is left out or made of data."""
        if not self.has(position) or self.tensor(position).data:
            return ()
        return (weight(role, self.tensor(position), *views),)

    def alive(self, *positions: int) -> tuple[Part, ...]:
        """Those of some inputs that data makes, in the file's order."""
        return tuple(self.filed(p) for p in positions if self.has(p) and self.tensor(p).data)


def activated(made: Step, number: int) -> Step:
    """A step, and the activation fused with it."""
    word = named("ActivationFunctionType", number)
    if word == "NONE":
        return made
    if word not in FUSED:
        raise UnsupportedError(f"the fused activation {word} has no rule")
    return step(Elementwise(function=FUSED[word]), made, source=word)


def pointwise(call: Call, *positions: int, function: Function) -> Step:
    """Element by element over some inputs; a constant is read only where it widens the shape."""
    full = broadcast_shape(tuple(call.shape(p) for p in positions))
    data = [p for p in positions if call.tensor(p).data]
    narrow = not data or broadcast_shape(tuple(call.shape(p) for p in data)) != full
    parts = call.common(*positions)
    weights = [
        weight(f"operand {p}", part)
        for p, part in zip(positions, parts, strict=True)
        if isinstance(part, Tensor) and not part.data
    ]
    read = [part for p, part in zip(positions, parts, strict=True) if narrow or p in data]
    return step(Elementwise(function=function), *read, weights=tuple(weights))


Translator = Callable[[Call], Step]
OPERATORS: dict[str, Translator] = {}


def operator(*names: str) -> Callable[[Translator], Translator]:
    """Enter a translating function in the table under TFLite's names."""

    def enter(function: Translator) -> Translator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return enter
