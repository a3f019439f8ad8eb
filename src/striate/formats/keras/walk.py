"""The walk over a Keras model: every call of a layer translated in an order in which it has what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from heapq import heappop, heappush
from typing import Any

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.accidents import ACCIDENTS
from striate.formats.keras import activations, arrange, attention, combine, moving, operations, recurrent, spatial
from striate.formats.keras.call import LAYERS, OPERATIONS, Call, Made
from striate.formats.keras.config import INPUT, CallOf, Graph, Layer, Reference
from striate.formats.keras.weights import folders
from striate.formats.steps import Step, Tensor, Written, as_stored, checked, step
from striate.formats.unknown import Unknown
from striate.network.operators import Everything
from striate.network.relation import Shape

FAMILIES = (activations, arrange, attention, combine, moving, operations, recurrent, spatial)
WAY = "in Keras export the model, model.export('model.onnx', 'onnx'); unknown=\"whole\" counts it as seeing everything"
MOST_CALLS = 1 << 13
"""Calls of layers in all, those of models in models counted each time."""
KINDS = {
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4,
    "uint32": 4, "int64": 8, "uint64": 8, "bool": 1, "complex64": 8, "complex128": 16, "string": 0,
}  # fmt: skip
"""Bytes of an element of each type."""


class Walk:
    """The state of one walk: the nodes found so far, and what each call of a layer makes."""

    def __init__(self, inputs: Sequence[Tensor], own_shapes: bool, unknown: Unknown) -> None:
        self._inputs, self._own_shapes, self._unknown = inputs, own_shapes, unknown
        self._calls = 0
        self.written = Written({"transpose": "Permute", "reshape": "Reshape"})
        for tensor in inputs:
            self.written.held[self.written.fresh(tensor.name)] = tensor

    def run(self, graph: Graph) -> list[Tensor]:
        """Walk the whole model; its outputs."""
        return self._model(graph, self._inputs, "", "layers")

    def _model(self, graph: Graph, inputs: Sequence[Tensor], prefix: str, place: str) -> list[Tensor]:
        """What a model makes of its inputs; its layers' names behind a prefix, their weights behind a place."""
        at = folders(graph, place)
        if graph.sequential:
            return self._sequence(graph, inputs, prefix, at)
        if len(graph.inputs) != len(inputs):
            raise ModelError(f"{graph.name} takes {len(graph.inputs)} inputs, got {len(inputs)}")
        made = {(end.layer, end.call): [tensor] for end, tensor in zip(graph.inputs, inputs, strict=True)}
        declared = {} if prefix or not self._own_shapes else _declared(graph)
        for layer, k in ordered(graph, set(made)):
            call = layer.calls[k]
            read = {end: _found(made, end) for end in call.references()}
            name = f"{prefix}{layer.name}:{k}" if k else f"{prefix}{layer.name}"
            made[layer.name, k] = self._call(layer, call, read, name, at[layer.name], declared.get((layer.name, k), ()))
        return [_found(made, end) for end in graph.outputs]

    def _sequence(
        self, graph: Graph, inputs: Sequence[Tensor], prefix: str, at: Mapping[str, str]
    ) -> list[Tensor]:  # fmt: skip
        """Layers that follow each other."""
        made = list(inputs)
        for layer in graph.layers:
            if layer.kind != INPUT:
                if len(made) != 1:
                    raise ModelError(f"{prefix}{layer.name} takes one input, got {len(made)}")
                end = Reference("", 0, 0)
                made = self._call(layer, CallOf((end,), {}), {end: made[0]}, f"{prefix}{layer.name}", at[layer.name])
        return made

    def _call(
        self, layer: Layer, call: CallOf, read: Mapping[Reference, Tensor], name: str, place: str,
        declared: Sequence[Shape] = (),
    ) -> list[Tensor]:  # fmt: skip
        """The tensors that one call of a layer makes."""
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise ModelError(f"more than {MOST_CALLS:,} calls of layers")
        inputs = tuple(read[end] for end in call.references())
        if layer.nested is not None:
            return self._model(layer.nested, inputs, f"{name}/", f"{place}/layers")
        try:
            found = Call(layer, _filled(call.args, read), _filled(dict(call.kwargs), read), inputs, place)
            return self._write(layer, self._translation(found, declared), name)
        except StriateError as error:
            kind = ModelError if self._own_shapes and type(error) is InputError else type(error)
            raise kind(f"layer {name} ({layer.kind}): {error}") from error
        except ACCIDENTS as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"layer {name} ({layer.kind}): settings and inputs do not fit: {what}") from error

    def _translation(self, call: Call, declared: Sequence[Shape]) -> Made:
        layer, table = call.layer, OPERATIONS if call.layer.operation else LAYERS
        if not call.inputs:
            raise ModelError("reads no tensor")
        try:
            if not layer.own:
                raise UnsupportedError("a layer of its author's own Python code has no rule")
            if layer.kind not in table:
                raise UnsupportedError("this layer has no rule")
            return table[layer.kind](call)
        except UnsupportedError as error:
            if self._unknown is Unknown.REFUSE:
                raise UnsupportedError(f"{error}: {WAY}") from error
        if not declared:
            raise UnsupportedError("what it makes is known at the model's own size alone, where another layer reads it")
        return tuple(
            step(Everything((shape,)), *call.inputs, order=as_stored(len(shape)), at_most=True) for shape in declared
        )

    def _write(self, layer: Layer, made: Made, name: str) -> list[Tensor]:
        """Enter what a layer makes and the nodes that lead to it."""
        found = []
        for k, one in enumerate(made if isinstance(made, tuple) else (made,)):
            own = self.written.fresh(f"{name}.{k}" if k else name)
            kind = _kind(layer, one)
            tensor = Tensor(own, checked(one.shape), one.order, kind, True)
            self.written.held[own] = tensor
            self.written.node(one, own, (own,), layer.kind, kind)
            found.append(tensor)
        return found


def ordered(graph: Graph, given: Set[tuple[str, int]]) -> Iterator[tuple[Layer, int]]:
    """The calls of a model's layers, each behind those whose tensors it reads, else in the file's order.

    Raises ModelError where calls read each other in a circle, or what no layer makes.
    """
    calls = [(layer, k) for layer in graph.layers for k in range(len(layer.calls)) if (layer.name, k) not in given]
    numbers = {(layer.name, k): number for number, (layer, k) in enumerate(calls)}
    readers: dict[int, list[int]] = {}
    waiting = []
    for number, (layer, k) in enumerate(calls):
        before = {(end.layer, end.call) for end in layer.calls[k].references()} - given
        for name, other in before:
            if (name, other) not in numbers:
                raise ModelError(f"layer {layer.name} reads call {other} of {name!r}, which is not there")
            readers.setdefault(numbers[name, other], []).append(number)
        waiting.append(len(before))
    ready = [number for number, count in enumerate(waiting) if not count]
    done = 0
    while ready:
        number = heappop(ready)
        done += 1
        yield calls[number]
        for reader in readers.get(number, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, reader)
    if done < len(calls):
        stuck = next(layer.name for (layer, _), count in zip(calls, waiting, strict=True) if count)
        raise ModelError(f"layer {stuck} reads what is made of its own output")


def _found(made: Mapping[tuple[str, int], list[Tensor]], end: Reference) -> Tensor:
    """A tensor that a layer made."""
    tensors = made.get((end.layer, end.call), [])
    if end.output >= len(tensors):
        raise ModelError(f"output {end.output} of call {end.call} of {end.layer!r} is read, which is not there")
    return tensors[end.output]


def _filled(found: Any, read: Mapping[Reference, Tensor]) -> Any:
    """Arguments with tensors in place of their references."""
    match found:
        case Reference():
            return read[found]
        case tuple():
            return tuple(_filled(part, read) for part in found)
        case list():
            return [_filled(part, read) for part in found]
        case dict():
            return {key: _filled(part, read) for key, part in found.items()}
    return found


def _declared(graph: Graph) -> dict[tuple[str, int], tuple[Shape, ...]]:
    """The shapes that the file states of what each call makes, where its readers state them; a batch is one."""
    found: dict[tuple[str, int], dict[int, Shape]] = {}
    for layer in graph.layers:
        for end in (end for call in layer.calls for end in call.references()):
            sizes = end.declared or ()
            if sizes and None not in sizes[1:]:
                found.setdefault((end.layer, end.call), {})[end.output] = tuple(n or 1 for n in sizes)
    return {key: tuple(rows[k] for k in range(len(rows)) if k in rows) for key, rows in found.items()}


def _kind(layer: Layer, made: Step) -> str:
    """The element type of what a layer makes: that of its policy, or that of what it reads."""
    policy = layer.settings.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config")
        policy = inner.get("name") if isinstance(inner, dict) else None
    word = policy.rpartition("_from_")[2].removeprefix("mixed_") if isinstance(policy, str) else ""
    if word in KINDS:
        return word
    part: Any = made
    while isinstance(part, Step):
        part = part.inputs[0]
    return str(part.kind)
