"""The walk over a TFLite graph: constants folded, every operation translated, every shape computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.accidents import ACCIDENTS
from striate.formats.steps import Array, Order, Step, Tensor, Written, as_stored, checked, short
from striate.formats.tflite import arrange, combine, spatial
from striate.formats.tflite.call import OPERATORS, Call
from striate.formats.tflite.folding import fold
from striate.formats.tflite.schema import DTYPES, UNSIZED, Graph, Operation, Stored
from striate.formats.unknown import Unknown
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
STORED_AS = {"DEQUANTIZE": "dequantize", "DENSIFY": "densify", "CAST": "cast"}
"""Operators that only say how a constant is kept."""


class Walk:
    """The state of one walk: tensors by their numbers in the file, the nodes found so far."""

    def __init__(self, graph: Graph, shapes: Mapping[int, Shape], fixed: Mapping[int, Array], unknown: Unknown) -> None:
        self._graph, self._unknown = graph, unknown
        self._own_shapes = all(graph.tensors[k].shape == shape for k, shape in shapes.items())
        self.tensors: dict[int, Tensor] = {}
        self.written = Written({"transpose": "TRANSPOSE", "reshape": "RESHAPE"})
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
        self.tensors[k] = self.written.held[tensor.name] = tensor

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
            source, name = operation.op.rpartition(":")[2], self.written.fresh(short(stored[0].name))
            self.written.node(made, name, tuple(tensor.name for tensor in stored), source, stored[0].kind)


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
