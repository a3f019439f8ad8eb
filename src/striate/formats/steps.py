"""What a reader of files with channels last says of an operation: steps on tensors, each in some order of axes.

Such files keep the channels of an image behind its rows and columns, the common form before them. A tensor that a
convolution makes is therefore held in another order of axes than the file's; ``order`` says in which, and an operator
asks for the order it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

from numpy.typing import NDArray

from striate.errors import ModelError
from striate.formats.inputs import LARGEST_FOLLOWED
from striate.network import Node, Weight
from striate.network.operators import Operator, Reshape, Transpose
from striate.network.relation import Shape

Array = NDArray[Any]
Order = tuple[int, ...]

MOVES = ("channels_first", "channels_last")
"""Words of the steps that bring a tensor's axes into another order."""
WIDENED = "widened"
"""Word of the step that puts axes of size 1 before a tensor's own."""


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
        return _filed(self.shape, self.order)


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """An operator at work on tensors and on what other steps make; ``word`` names its node where another one follows.

    ``source`` is the format's name for it, None that of the operation. ``at_most``: it may read less than it claims.
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

    @property
    def filed(self) -> Shape:
        """The shape of the first output in the file's order of axes."""
        return _filed(self.shape, self.order)


Part = Tensor | Step


def _filed(shape: Shape, order: Order) -> Shape:
    return tuple(shape[order.index(axis)] for axis in range(len(order)))


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
    word = MOVES[order != channels_first(len(order))]
    if isinstance(part, Step) or part.data:
        return step(move, part, order=order, word=word)
    return viewed(part, move, order, word)


def widened(part: Tensor, rank: int, order: Order) -> Part:
    """A tensor with axes of size 1 put before its own, then in some order."""
    if len(part.shape) == rank:
        return arranged(part, order)
    own = arranged(part, as_stored(len(part.shape)))
    wide = Reshape((1,) * (rank - len(part.shape)) + own.shape)
    if part.data:
        return arranged(step(wide, own, order=as_stored(rank), word=WIDENED), order)
    return arranged(viewed(part, wide, as_stored(rank), WIDENED), order)


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


def checked(shape: Shape) -> Shape:
    """A shape that can be held."""
    if any(n < 1 for n in shape):
        raise ModelError(f"the output would be {shape}: the input is too small for this operator")
    if prod(shape) > LARGEST_FOLLOWED**3:
        raise ModelError(f"the output would be {shape}, larger than any tensor that can be held")
    return shape


class Written:
    """The nodes of a network under construction, and the tensors that they name."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """``sources``: the format's own names of a move and a reshape that no operation of the file asks for."""
        self.nodes: list[Node] = []
        self.held: dict[str, Tensor] = {}
        self._sources = sources
        self._names: set[str] = set()
        self._moved: dict[tuple[str, Order], str] = {}
        self._counted: set[str] = set()

    def node(self, made: Step, name: str, outputs: tuple[str, ...], source: str, kind: str) -> None:
        """A step as a node, behind the nodes of the steps that it reads."""
        inputs = tuple(self._read(part, name, source, kind) for part in made.inputs)
        parameters = sum(prod(found.shape) for found in made.weights if found.name not in self._counted)
        self._counted.update(found.name for found in made.weights if found.name)
        own = source if made.source is None else made.source
        self.nodes.append(Node(name, made.op, inputs, outputs, own, parameters, made.at_most, made.weights))

    def _read(self, part: Part, base: str, source: str, kind: str) -> str:
        """The name of a tensor that a node reads; a tensor in another order of axes is made once."""
        if isinstance(part, Tensor):
            return self.held.setdefault(part.name, part).name
        if part.word not in (*MOVES, WIDENED):
            return self._made(part, self.fresh(f"{base}.{part.word}"), source, kind)
        own, whole = self._sources.get(part.op.word, source), part.inputs[0]
        if not isinstance(whole, Tensor) or part.word == WIDENED:
            return self._made(part, self.fresh(f"{base}.{part.word}"), own, kind)
        key = (whole.name, part.order)
        if key not in self._moved:
            self._moved[key] = self._made(part, self.fresh(f"{short(whole.name)}.{part.word}"), own, whole.kind)
        return self._moved[key]

    def _made(self, part: Step, name: str, source: str, kind: str) -> str:
        self.held[name] = Tensor(name, checked(part.shape), part.order, kind, True)
        self.node(part, name, (name,), source, kind)
        return name

    def fresh(self, name: str) -> str:
        """A name that no other node has."""
        while name in self._names:
            name += "'"
        self._names.add(name)
        return name


def short(name: str) -> str:
    """What comes first in the name of a tensor that stands for several fused into one.

    >>> short("block/Relu6;block/BatchNorm;block/Conv2D")
    'block/Relu6'
    """
    return name.partition(";")[0] or name
