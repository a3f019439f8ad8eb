"""One recorded operator call, and the two tables of handlers that translate aten operators to canonical ones.

To add an operator, write one function in the file of its family under ``aten/``: ``@handles("name", ...)`` for one
that makes new elements (it ends in ``call.emit``), ``@views("name", ...)`` for one that returns views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor

from striate.errors import UnsupportedError
from striate.formats.torch.computing import described
from striate.formats.torch.graph import Graph
from striate.formats.torch.values import Value, View
from striate.network import Weight
from striate.network.operators import Elementwise, Everything, Expand, Operator, broadcast_shape
from striate.network.relation import Shape

ROLES = {
    ("", "running_mean"): "mean",
    ("", "running_var"): "variance",
    ("", "self"): "operand 0",
    ("", "other"): "operand 1",
    ("addmm", "self"): "bias",
    ("addmm", "mat2"): "weight",
    ("mm", "mat2"): "weight",
    ("_prelu_kernel", "weight"): "slope",
    **{
        (norm, name): role
        for norm in ("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "batch_norm",
                     "_native_batch_norm_legit", "native_layer_norm", "native_group_norm", "_fused_rms_norm")
        for name, role in (("weight", "scale"), ("bias", "shift"))
    },
}  # fmt: skip
"""What an argument is for, where its name does not say it as the common form does."""


class Call:
    """The arguments by name (``call["stride"]``) and the outputs, as values, of one operator call.

    ``at_most`` is set by a handler whose claim is an upper bound, before it emits.
    """

    __slots__ = ("arguments", "at_most", "graph", "known", "label", "op", "outputs", "value_of")

    def __init__(
        self,
        op: str,
        label: str,
        arguments: dict[str, Any],
        outputs: list[Value],
        graph: Graph,
        value_of: Callable[[Tensor], Value],
        known: Callable[[Tensor], Tensor | None],
    ) -> None:
        self.op, self.label, self.arguments, self.outputs = op, label, arguments, outputs
        self.graph, self.value_of, self.known = graph, value_of, known
        self.at_most = False

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument that not every overload has."""
        return self.arguments.get(name, default)

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.outputs[0].shape

    def value(self, name: str) -> Value:
        """The value of a tensor argument."""
        return self.value_of(self.arguments[name])

    def tensors(self) -> list[Value]:
        """Every tensor among the arguments, in order, lists opened."""
        found = []
        for argument in self.arguments.values():
            if isinstance(argument, Tensor):
                found.append(self.value_of(argument))
            elif isinstance(argument, list | tuple):
                found += [self.value_of(item) for item in argument if isinstance(item, Tensor)]
        return found

    def integers(self, tensor: Tensor) -> Tensor:
        """The elements of a constant tensor; data there is an error."""
        found = self.known(tensor)
        if found is None:
            why = "are not known (a module on the meta device?)" if self.value_of(tensor).constant else "depend on data"
            raise UnsupportedError(f"its indices {why}")
        return found

    def add(self, op: Operator, inputs: Sequence[int], out: Shape) -> int:
        """A node on the way to the output."""
        return self.graph.step(self.outputs[0], op, inputs, out)

    def emit(self, op: Operator, inputs: Iterable[Value | int], weights: Iterable[Value | None] = ()) -> None:
        """The node that makes the first output: ``weights`` are inputs where data makes them, else parameters."""
        self._emit(op, inputs, weights, self.outputs[:1])

    def emit_all(self, op: Operator, inputs: Iterable[Value | int], weights: Iterable[Value | None] = ()) -> None:
        """One node that makes every output."""
        self._emit(op, inputs, weights, self.outputs)

    def emit_rest(self, op: Operator | None, inputs: Iterable[Value | int]) -> None:
        """Nodes for the outputs after the first, which go where nobody reads them (indices, statistics).

        Without an operator each reads everything.
        """
        numbers = [i if isinstance(i, int) else self.graph.number(i) for i in inputs]
        for output in self.outputs[1:]:
            if all(output.shape):
                made = Everything((output.shape,)) if op is None else op
                output.source = self.graph.step(output, made, numbers, output.shape)

    def _emit(
        self,
        op: Operator,
        inputs: Iterable[Value | int],
        weights: Iterable[Value | None],
        outputs: Sequence[Value],
    ) -> None:
        graph, numbers, constants = self.graph, [], []
        for item in inputs:
            numbers.append(item if isinstance(item, int) else graph.number(item))
            if isinstance(item, Value) and item.constant:
                constants.append(item)
        for weight in weights:
            if weight is not None:
                number = graph.read(weight)
                if number is None:
                    constants.append(weight)
                else:
                    numbers.append(number)
        made = graph.node(
            described(op, self.op, self.arguments), numbers, (o.shape for o in outputs), outputs[0].item_bytes,
            self.label, parameters=graph.count(constants), at_most=self.at_most, weights=self._weights(),
        )
        for output, number in zip(outputs, made, strict=True):
            output.source = number

    def _weights(self) -> tuple[Weight, ...]:
        """The constants among the arguments, by the names the module has for them."""
        found = []
        for name, argument in self.arguments.items():
            several = isinstance(argument, list | tuple)
            for k, item in enumerate(argument if several else (argument,)):
                value = self.value_of(item) if isinstance(item, Tensor) else None
                if value is not None and value.constant:
                    role = ROLES.get((self.op, name), ROLES.get(("", name), name))
                    path, views = value.stored
                    found.append(Weight(f"{role} {k}" if several else role, path, value.shape, views))
        return tuple(found)

    def elementwise(self, values: Sequence[Value]) -> None:
        """The first output as an elementwise function of some values, constants counted and dropped."""
        data = [value for value in values if not value.constant]
        numbers = [self.graph.number(value) for value in data]
        self.elementwise_of(numbers, [value.shape for value in data], [value for value in values if value.constant])

    def elementwise_of(self, numbers: list[int], shapes: Sequence[Shape], constants: Sequence[Value]) -> None:
        """The first output as an elementwise function of numbered tensors of some shapes."""
        if broadcast_shape(tuple(shapes)) != self.shape:
            numbers = [self.add(Expand(self.shape), numbers[:1], self.shape), *numbers[1:]]
        self.emit(Elementwise(), numbers, constants)


Handler = Callable[[Call], None]
ViewHandler = Callable[[Call], list[View]]
HANDLERS: dict[str, Handler] = {}
VIEWS: dict[str, ViewHandler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function in the table of operators that make new elements."""

    def enter(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, function))
        return function

    return enter


def views(*names: str) -> Callable[[ViewHandler], ViewHandler]:
    """Enter a function in the table of operators whose outputs, one View each, share the input's memory."""

    def enter(function: ViewHandler) -> ViewHandler:
        VIEWS.update(dict.fromkeys(names, function))
        return function

    return enter


def axis_of(axis: int, rank: int) -> int:
    """An axis that may count from the end."""
    return axis % rank if rank else 0


def each(values: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One number per axis, where the model may state one for all."""
    found = (values,) if isinstance(values, int) else tuple(values)
    return found * rank if len(found) == 1 else found
