"""A unit of a TFLite twin followed backwards: all the pixels it reads, operation by operation to the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from striate.check.tflite_graph import Added, Writing
from striate.check.tflite_relations import REDUCING, Known, backwards, reduced
from striate.check.tflite_rules import SIZES
from striate.check.turned import Array, Back, Bools, Link, followed
from striate.errors import UnsupportedError
from striate.network.relation import Shape


class TfliteBackward:
    """The twin of a graph turned round, its shapes and integers as one dark run shows them.

    ``source`` is the number of the input that is lit, ``feeds`` the dark values of all inputs.
    """

    def __init__(self, twin: Writing, source: int, feeds: dict[int, Array]) -> None:
        self._source = source
        self._operations, self._data = _carrying(twin.operations, source)
        self._shapes, self._values = _seen(twin, self._operations, self._data, feeds)
        self._known: dict[tuple[Any, ...], Back] = {}
        self._turned: dict[int, Back] = {}

    def reads(self, k: int, unit: Bools, *, local: bool = False) -> Bools:
        """The elements of the source that some elements of a tensor read, in the file's order of axes.

        ``local`` leaves out what passes through an operation that reduces an axis between batch and channels.
        Raises UnsupportedError where an operation on the way is not followed backwards.
        """
        links = [Link(added.inputs, added.outputs) for added in self._operations]

        def back(place: int) -> Back | None:
            return None if local and self._gathers(place) else self._back(place)

        return followed(links, {k: unit}, self._source, self._shapes[self._source], back)

    def _gathers(self, place: int) -> bool:
        if self._operations[place].op not in REDUCING:
            return False
        known = self._about(place)
        shape = known.shapes[0]
        return any(0 < axis < len(shape) - 1 and shape[axis] > 1 for axis in reduced(known))

    def _back(self, place: int) -> Back:
        if place not in self._turned:
            known = self._about(place)
            key = known.key()
            if key not in self._known:
                self._known[key] = backwards(known, alone)
            self._turned[place] = self._known[key]
        return self._turned[place]

    def _about(self, place: int) -> Known:
        added = self._operations[place]
        return Known(
            added,
            tuple(k in self._data for k in added.inputs),
            tuple(self._shapes[k] if k >= 0 else () for k in added.inputs),
            tuple(self._shapes[k] for k in added.outputs),
            tuple(self._values.get(k) for k in added.inputs),
        )


def alone(added: Added, inputs: Sequence[Array], data: Sequence[bool]) -> list[Array]:
    """What LiteRT makes of one operation: those of its inputs that are data are fed, the others are constants."""
    writing = Writing()
    for value, carries in zip(inputs, data, strict=True):
        if carries:
            writing.tensor("fed", "FLOAT32", value.shape)
        else:
            writing.constant(value)
    outputs = [writing.tensor("made", "FLOAT32") for _ in added.outputs]
    writing.add(added.op, range(len(inputs)), outputs, added.options, added.version)
    fed = {k: value for k, value in enumerate(inputs) if data[k]}
    interpreter = _run(writing.file(list(fed), outputs), fed)
    return [interpreter.get_tensor(k) for k in outputs]


def _carrying(operations: Sequence[Added], source: int) -> tuple[list[Added], set[int]]:
    """The operations whose outputs depend on the values of the source, and the tensors that do."""
    data, found = {source}, []
    for added in operations:
        if added.op not in SIZES and data.intersection(added.inputs):
            data.update(added.outputs)
            found.append(added)
    return found, data


def _seen(
    twin: Writing, operations: Sequence[Added], data: set[int], feeds: dict[int, Array]
) -> tuple[dict[int, Shape], dict[int, Array]]:
    """The shapes of what some operations read and write, and the integers among what they read beside data."""
    touched = {k for added in operations for k in (*added.inputs, *added.outputs) if k >= 0}
    interpreter = _run(twin.file(list(feeds), sorted(touched)), feeds)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    told = {k for added in operations for k in added.inputs if k >= 0 and k not in data}
    integers = [k for k in told if np.issubdtype(details[k]["dtype"], np.integer)]
    shapes = {k: tuple(int(n) for n in details[k]["shape"]) for k in touched}
    return shapes, {k: interpreter.get_tensor(k).astype(np.int32) for k in integers}


def _run(content: bytes, feeds: dict[int, Array]) -> Interpreter:
    """An interpreter that has run."""
    try:
        interpreter = Interpreter(model_content=content)
        for k, value in feeds.items():
            interpreter.resize_tensor_input(k, list(value.shape))
        interpreter.allocate_tensors()
        for k, value in feeds.items():
            interpreter.set_tensor(k, value)
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise UnsupportedError(f"LiteRT does not run the twin backwards: {' '.join(str(error).split())}") from error
    return interpreter
