"""The walk over a TFLite graph: constants folded, every operation translated, every shape computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.accidents import ACCIDENTS
from striate.formats.tflite import arrange, combine, spatial
from striate.formats.tflite.call import (
    OPERATORS,
    Array,
    Call,
    Order,
    Part,
    Step,
    Tensor,
    as_stored,
    checked,
)
from striate.formats.tflite.folding import fold
from striate.formats.tflite.schema import DTYPES, UNSIZED, Graph, Operation, Stored
from striate.formats.unknown import Unknown
from striate.network import Node
from striate.network.operators import Constant, Elementwise, Everything, Function
from striate.network.relation import Shape

FAMILIES = (arrange, combine, spatial)
REFUSED = {
    "IF": "a branch chosen by data",
    "WHILE": "a loop",
    "CALL": "a call of another graph",
    "CALL_ONCE": "a call of another graph",
}
KEPT = 1 << 16
"""Elements of the largest constant whose value is kept."""
PACKED = ("INT4", "BFLOAT16")
"""Types whose elements NumPy has no type for."""
MOVES = ("channels_first", "channels_last")
"""Words of the steps that bring a tensor's axes into another order."""
STORED_AS = {"DEQUANTIZE": "dequantize", "DENSIFY": "densify", "CAST": "cast"}
"""Operators that only say how a constant is kept."""


class Walk:
    """The state of one walk: tensors by their numbers in the file, the nodes found so far."""

    def __init__(self, graph: Graph, shapes: Mapping[int, Shape], fixed: Mapping[int, Array], unknown: Unknown) -> None:
        self._graph, self._unknown = graph, unknown
        self._own_shapes = all(graph.tensors[k].shape == shape for k, shape in shapes.items())
        self.tensors: dict[int, Tensor] = {}
        self.held: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self._names: set[str] = set()
        self._moved: dict[tuple[str, Order], str] = {}
        self._counted: set[str] = set()
        written = {k for operation in graph.operations for k in operation.outputs}
        for k, stored in enumerate(graph.tensors):
            if k in shapes:
                shape, value = checked(shapes[k]), fixed.get(k)
                self._enter(k, Tensor(stored.name, shape, as_stored(len(shape)), stored.kind, value is None, value))
            elif k not in written:
                self._enter(k, _constant(stored))

    def run(self) -> None:
        """Walk the operations in the file's order."""
        for operation in self._graph.operations:
            try:
                self._operation(operation)
            except StriateError as error:
                kind = ModelError if self._own_shapes and type(error) is InputError else type(error)
                raise kind(f"{self._where(operation)}: {error}") from error
            except ACCIDENTS as error:
                what = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ModelError(f"{self._where(operation)}: options and inputs do not fit: {what}") from error

    def _where(self, operation: Operation) -> str:
        names = [short(self._graph.tensors[k].name) for k in operation.outputs[:1]]
        return f"node {names[0] if names else '?'} ({operation.op.partition(':')[0]})"

    def _enter(self, k: int, tensor: Tensor) -> None:
        if k in self.tensors:
            raise ModelError(f"tensor {tensor.name!r} is written twice")
        self.tensors[k] = self.held[tensor.name] = tensor

    def _operation(self, operation: Operation) -> None:
        if not operation.outputs:
            raise ModelError("has no output")
        for k in operation.inputs:
            if k >= 0 and k not in self.tensors:
                raise ModelError(f"reads {self._graph.tensors[k].name!r}, which nothing before it writes")
        stored = [self._graph.tensors[k] for k in operation.outputs]
        inputs = tuple(self.tensors[k] if k >= 0 else None for k in operation.inputs)
        call = Call(operation, inputs, tuple(tensor.shape for tensor in stored))
        value = fold(call)
        if value is not None or not any(tensor is not None and tensor.data for tensor in inputs):
            for k, tensor in zip(operation.outputs, stored, strict=True):
                self._enter(k, _computed(call, tensor, value))
        else:
            self._write(operation, self._translation(call))

    def _translation(self, call: Call) -> Step:
        if call.op in REFUSED:
            raise UnsupportedError(f"{REFUSED[call.op]} is not read")
        if call.op in OPERATORS:
            try:
                return OPERATORS[call.op](call)
            except UnsupportedError:
                if self._unknown is Unknown.REFUSE:
                    raise
        return self._everything(call)

    def _everything(self, call: Call) -> Step:
        """An operation without a rule, as its file declares it."""
        custom = call.op.partition(":")[2]
        what = f"the custom operator {custom}" if custom else "this operator"
        if self._unknown is Unknown.REFUSE:
            raise UnsupportedError(f'no rule for {what}; unknown="whole" counts it as seeing everything')
        if not self._own_shapes:
            raise UnsupportedError(f"what {what} makes is known at the file's own input size alone: give no other")
        op, parts = Everything(call.declared), call.alive(*range(len(call.inputs)))
        return Step(op, parts, as_stored(len(call.declared[0])), call.declared, "everything", at_most=True)

    def _write(self, operation: Operation, made: Step) -> None:
        """Enter the outputs of an operation and the nodes that lead to them."""
        stored = [self._graph.tensors[k] for k in operation.outputs]
        if len(made.shapes) < len(stored):
            raise UnsupportedError(f"output {len(made.shapes)} of this operator is not read")
        data = not isinstance(made.op, Constant)
        for k, tensor, shape in zip(operation.outputs, stored, made.shapes, strict=False):
            self._enter(k, Tensor(tensor.name, checked(shape), _order(made, shape), tensor.kind, data))
        if data:
            source, name = operation.op.rpartition(":")[2], self._fresh(short(stored[0].name))
            self._node(made, name, tuple(tensor.name for tensor in stored), source, stored[0].kind)

    def _node(self, made: Step, name: str, outputs: tuple[str, ...], source: str, kind: str) -> None:
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
        whole = part.inputs[0]
        if not isinstance(whole, Tensor) or part.word not in MOVES:
            return self._made(part, self._fresh(f"{base}.{part.word}"), source, kind)
        key = (whole.name, part.order)
        if key not in self._moved:
            name = self._fresh(f"{short(whole.name)}.{part.word}")
            self._moved[key] = self._made(part, name, source, whole.kind)
        return self._moved[key]

    def _made(self, part: Step, name: str, source: str, kind: str) -> str:
        self.held[name] = Tensor(name, checked(part.shape), part.order, kind, True)
        self._node(part, name, (name,), source, kind)
        return name

    def _fresh(self, name: str) -> str:
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


def _order(made: Step, shape: Shape) -> Order:
    return made.order if len(made.order) == len(shape) else as_stored(len(shape))


def _constant(stored: Stored) -> Tensor:
    """A tensor that no operation writes: its value where it is a small plain one."""
    name, shape, kind = stored.name, stored.shape, stored.kind
    value = None
    if kind not in (*UNSIZED, *PACKED) and not stored.sparse and prod(shape) <= KEPT:
        data = b"" if stored.data is None else stored.data
        value = np.frombuffer(data, DTYPES[kind]).reshape(shape).copy() if len(data) or 0 in shape else None
    return Tensor(name, shape, as_stored(len(shape)), kind, False, value, name)


def _computed(call: Call, stored: Stored, value: Array | None) -> Tensor:
    """What operations make of constants: a value of shape arithmetic, or a weight."""
    shape = stored.shape if value is None else value.shape
    found = Tensor(stored.name, shape, as_stored(len(shape)), stored.kind, False, value)
    source = call.inputs[0] if call.inputs else None
    if call.op not in STORED_AS or source is None:
        return found
    view = Elementwise(function=Function.of(STORED_AS[call.op]))
    return replace(found, held=source.held, views=(*source.views, view))
