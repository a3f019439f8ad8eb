"""What a translating function sees of a TFLite operation, what it says, and the one table that holds them all.

TFLite keeps the channels of an image behind its rows and columns, the common form before them. A tensor that a
convolution makes is therefore held in another order of axes than the file's; ``order`` says in which, and an operator
asks for the order it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

from numpy.typing import NDArray

from striate.errors import ModelError, UnsupportedError
from striate.formats.inputs import LARGEST_FOLLOWED, Inputs, counted
from striate.formats.tflite.schema import Operation, named
from striate.network import Weight
from striate.network.operators import Elementwise, Function, Operator, Reshape, Transpose, broadcast_shape
from striate.network.relation import Shape

Array = NDArray[Any]
Order = tuple[int, ...]

FUSED = {
    "RELU": Function.of("relu"),
    "RELU6": Function.of("clip", min=0.0, max=6.0),
    "RELU_N1_TO_1": Function.of("clip", min=-1.0, max=1.0),
    "TANH": Function.of("tanh"),
}


def as_stored(rank: int) -> Order:
    """The order of the file itself."""
    return tuple(range(rank))


def channels_first(rank: int) -> Order:
    """The order of an image of some axes whose channels, last in the file, stand behind its batch.

    >>> channels_first(4)
    (0, 3, 1, 2)
    """
    return (0, rank - 1, *range(1, rank - 1)) if rank > 2 else as_stored(rank)


@dataclass(frozen=True, eq=False, slots=True)
class Tensor:
    """A tensor of the graph; ``data`` says whether it depends on an input, ``value`` is that of a small constant.

    ``shape`` is as the network holds it; axis k of it is axis ``order[k]`` of the file, in whose order ``value`` is.
    ``held`` names the tensor that the file keeps a constant in, empty where operations make it, and ``views`` is what
    leads from there.
    """

    name: str
    shape: Shape
    order: Order
    kind: str
    data: bool
    value: Array | None = None
    held: str = ""
    views: tuple[Operator, ...] = ()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape, as of a step with one output."""
        return (self.shape,)

    @property
    def filed(self) -> Shape:
        """The shape in the file's order of axes."""
        return tuple(self.shape[self.order.index(axis)] for axis in range(len(self.order)))


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """An operator at work on tensors and on what other steps make; ``word`` names its node where another one follows.

    ``source`` is TFLite's name for it, None that of the operation. ``at_most``: it may read less than it claims.
    """

    op: Operator
    inputs: tuple[Part, ...]
    order: Order
    shapes: tuple[Shape, ...]
    word: str
    source: str | None = None
    at_most: bool = False
    weights: tuple[Weight, ...] = ()

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.shapes[0]


Part = Tensor | Step


def step(
    op: Operator, *inputs: Part, order: Order | None = None, word: str = "", source: str | None = None,
    at_most: bool = False, weights: tuple[Weight, ...] = (),
) -> Step:  # fmt: skip
    """A step on some inputs, in the order of the first one unless told."""
    shapes = tuple(output.shape for output in op.result(tuple(part.shape for part in inputs)).outputs)
    return Step(
        op, inputs, inputs[0].order if order is None else order, shapes, word or op.word, source, at_most, weights
    )


def arranged(part: Part, order: Order) -> Part:
    """A tensor with its axes in some order."""
    if part.order == order:
        return part
    move = Transpose(tuple(part.order.index(axis) for axis in order))
    word = "channels_first" if order == channels_first(len(order)) else "channels_last"
    if isinstance(part, Step) or part.data:
        return step(move, part, order=order, word=word, source="TRANSPOSE")
    return viewed(part, move, order, word)


def widened(part: Tensor, rank: int, order: Order) -> Part:
    """A tensor with axes of size 1 put before its own, then in some order."""
    if len(part.shape) == rank:
        return arranged(part, order)
    own = arranged(part, as_stored(len(part.shape)))
    wide = Reshape((1,) * (rank - len(part.shape)) + own.shape)
    if part.data:
        return arranged(step(wide, own, order=as_stored(rank), word="widened", source="RESHAPE"), order)
    return arranged(viewed(part, wide, as_stored(rank), "widened"), order)


def viewed(constant: Tensor, op: Operator, order: Order, word: str) -> Tensor:
    """A constant as an operator turns it."""
    shape = op.result((constant.shape,)).outputs[0].shape
    return Tensor(
        f"{constant.name}.{word}", shape, order, constant.kind, False, None, constant.held, (*constant.views, op)
    )


def weight(role: str, constant: Tensor, *views: Operator) -> Weight:
    """A constant that a step uses, where the file keeps it, and what more leads from it to what is used."""
    shape = reduce(lambda shape, op: op.result((shape,)).outputs[0].shape, views, constant.shape)
    return Weight(role, constant.held, shape, (*constant.views, *views))


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


def checked(shape: Shape) -> Shape:
    """A shape that can be held."""
    if any(n < 1 for n in shape):
        raise ModelError(f"the output would be {shape}: the input is too small for this operator")
    if prod(shape) > LARGEST_FOLLOWED**3:
        raise ModelError(f"the output would be {shape}, larger than any tensor that can be held")
    return shape


Translator = Callable[[Call], Step]
OPERATORS: dict[str, Translator] = {}


def operator(*names: str) -> Callable[[Translator], Translator]:
    """Enter a translating function in the table under TFLite's names."""

    def enter(function: Translator) -> Translator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return enter
