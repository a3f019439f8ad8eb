"""The graph under construction: numbered tensors, records, views and writes through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from striate.errors import UnsupportedError
from striate.formats.torch.values import Record, Value
from striate.network import Weight
from striate.network.operators import Concat, Gather, Operator, Pad, Places, Reshape, Select, Slice, Transpose
from striate.network.relation import Shape


class Graph:
    """Tensors are numbers into ``shapes`` and ``item_bytes``; ``records`` are in execution order.

    ``sizes`` maps the key of a learned tensor to its element count; a count is given to the first node that
    uses the tensor. ``constants`` are the values of tensors that no node writes.
    """

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.item_bytes: list[int] = []
        self.records: list[Record] = []
        self.sizes: dict[int, int] = {}
        self.constants: dict[int, Value] = {}
        self.call = 0

    def tensor(self, shape: Shape, item_bytes: int) -> int:
        """The number of a new tensor: a network input, a node's output or a constant."""
        self.shapes.append(shape)
        self.item_bytes.append(item_bytes)
        return len(self.shapes) - 1

    def node(
        self,
        op: Operator,
        inputs: Sequence[int],
        shapes: Iterable[Shape],
        item_bytes: int,
        label: str,
        *,
        parameters: int = 0,
        spare: bool = False,
        at_most: bool = False,
        call: int | None = None,
        weights: tuple[Weight, ...] = (),
    ) -> tuple[int, ...]:
        """Record a node and number its outputs."""
        outputs = tuple(self.tensor(shape, item_bytes) for shape in shapes)
        call = self.call if call is None else call
        self.records.append(Record(op, tuple(inputs), outputs, label, call, parameters, spare, at_most, weights))
        return outputs

    def count(self, constants: Iterable[Value]) -> int:
        """The learned elements behind some constants that no earlier node has counted."""
        return sum(self.sizes.pop(key, 0) for value in constants for key in value.parameters)

    def read(self, value: Value) -> int | None:
        """The number of a value as it is now, None for a constant; a view is taken when first read."""
        if value.parent is None:
            return value.source
        if value.seen != value.root.version:
            above = self.read(value.parent)
            value.seen = value.root.version
            view = value.view
            if above is None:
                value.source = None
            elif view.unseen:
                raise UnsupportedError(
                    f"it reads a tensor of shape {value.shape} on the memory of another that depends on the input; "
                    "which of its elements these are cannot be seen here"
                )
            elif view.op is None:
                value.source = above
            else:
                (value.source,) = self.node(
                    view.op, (above,), (value.shape,), value.item_bytes, value.label, spare=True, call=value.call
                )
        return value.source

    def number(self, value: Value) -> int:
        """As ``read``, a constant becoming a tensor that no node writes."""
        number = self.read(value)
        if number is None:
            number = self.tensor(value.shape, value.item_bytes)
            self.constants[number] = value
        return number

    def write(self, value: Value, number: int | None) -> None:
        """Let ``value`` have new elements, and so everything it is a view of."""
        root, target, new = value.root, value, number
        while value.parent is not None:
            new = self._place(value, value.parent, new)
            value = value.parent
        root.source = new
        root.version += 1
        target.source, target.seen = number, root.version

    def _place(self, value: Value, parent: Value, number: int | None) -> int | None:
        """The parent's elements after ``value``, a view of it, has become ``number``."""
        old, view = self.read(parent), value.view
        if number is None and old is None:
            return None
        if not view.unseen and (view.op is None or isinstance(view.op, Reshape | Transpose)):
            return self._inverse(view.op, parent, number)
        if number is None:
            number = self.tensor(value.shape, value.item_bytes)
        match view.op:
            case Slice((axis,), (start,), (count,), (step,)):
                return self.replace(parent, number, axis, range(start, start + count * step, step))
            case Select(axis, index):
                shape = (*parent.shape[:axis], 1, *parent.shape[axis + 1 :])
                number = self.step(parent, Reshape(shape), (number,), shape)
                return self.replace(parent, number, axis, range(index, index + 1))
        raise UnsupportedError(f"a write through the view {value.label!r} is not supported")

    def _inverse(self, op: Reshape | Transpose | None, parent: Value, number: int | None) -> int | None:
        if number is None or op is None:
            return number
        if isinstance(op, Reshape):
            return self.step(parent, Reshape(parent.shape), (number,), parent.shape)
        back = tuple(sorted(range(len(op.order)), key=op.order.__getitem__))
        return self.step(parent, Transpose(back), (number,), parent.shape)

    def step(self, like: Value, op: Operator, inputs: Sequence[int], out: Shape) -> int:
        """A node that only carries elements on; it goes where nobody reads it."""
        return self.node(op, inputs, (out,), like.item_bytes, op.word, spare=True)[0]

    def replace(self, parent: Value, number: int, axis: int, places: Sequence[int]) -> int:
        """``parent`` with the indices ``places`` of an axis exchanged for the elements of ``number``."""
        n, shape, old = parent.shape[axis], parent.shape, self.read(parent)
        if list(places) == list(range(n)):
            return number
        start, stop = places[0], places[-1] + 1
        if list(places) == list(range(start, stop)):
            if old is None:
                pads = tuple((start, n - stop) if k == axis else (0, 0) for k in range(len(shape)))
                return self.step(parent, Pad(pads), (number,), shape)
            parts = [
                self.cut(parent, old, axis, 0, start),
                (number,),
                self.cut(parent, old, axis, stop, n - stop),
            ]
            return self.step(parent, Concat(axis), [p for part in parts for p in part], shape)
        old = self.number(parent)
        both = (*shape[:axis], n + len(places), *shape[axis + 1 :])
        joined = self.step(parent, Concat(axis), (old, number), both)
        indices = list(range(n))
        for k, place in enumerate(places):
            indices[place] = n + k
        return self.step(parent, Gather(axis, Places.of(indices)), (joined,), shape)

    def cut(self, like: Value, number: int, axis: int, start: int, count: int) -> tuple[int, ...]:
        """A slice of a tensor, nothing where it is empty."""
        if not count:
            return ()
        before = self.shapes[number]
        shape = (*before[:axis], count, *before[axis + 1 :])
        return (self.step(like, Slice((axis,), (start,), (count,), (1,)), (number,), shape),)
