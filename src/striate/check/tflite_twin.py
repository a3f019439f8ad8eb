"""The twin of a TFLite model: the file's graph with other weights and other arithmetic, run by LiteRT.

Weights of sums become one, their results 0 or 1, all other constants zero, products and differences sums, and what
answers to darkness (a logistic function, an exponential) a rectifier. Every value is then at least zero, and a unit is
above zero exactly when one of the pixels it reads is lit. Windows, pads, slices and resizes stay as the file has them,
and so does all that computes shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.check.tflite_backward import TfliteBackward
from striate.check.tflite_rules import Twinning, carrying, translate
from striate.errors import UnsupportedError
from striate.fields.unit import unit_sizes
from striate.formats.tflite import Reading
from striate.formats.tflite.litert import LiteRtRunner
from striate.formats.tflite.schema import load_graph

Target = tuple[str, tuple[int, ...]]
Shape = tuple[int, ...]

class TfliteTwin:
    """The twin of a model; ``tensors`` are the names it knows, all of them ``visible``, ``outputs`` the model's."""

    def __init__(self, content: bytes, reading: Reading, source: str) -> None:
        self._source, self._network = source, reading.network
        self.tensors = self.visible = set(reading.places)
        self.outputs = list(reading.network.outputs)
        self.passes = 0
        self._watching: list[Target] = []
        self._lines: list[str] = []
        self._reading, self._twin = reading, _twin(content, reading)
        self._backward: TfliteBackward | None = None
        self._run = LiteRtRunner(self._twin.file(), reading)
        self.runtime = self._run.name

    def build(self, tensors: Sequence[str]) -> dict[str, Shape]:
        """The runtime's own shape of some tensors."""
        found = self._values(np.zeros(self._network.shapes[self._source], np.float32), tensors)
        for name, value in zip(tensors, found, strict=True):
            if value.any():
                raise UnsupportedError(f"check has no twin for this file: {name!r} is not dark where its input is")
        return {name: value.shape for name, value in zip(tensors, found, strict=True)}

    def watch(self, targets: Sequence[Target]) -> None:
        """Choose the units that ``responds`` speaks of from now on, each inside the shape of its tensor."""
        self._watching = list(targets)

    def watch_lines(self, tensors: Sequence[str]) -> None:
        """Choose the tensors all of whose units ``lines`` speaks of from now on."""
        self._lines = list(tensors)

    def responds(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.bool_]:
        """Which targets are above 0 when the source is 1 at ``pixels`` (over its spatial ``axes``) and 0 elsewhere."""
        names = list(dict.fromkeys(tensor for tensor, _ in self._watching))
        values = dict(zip(names, self._values(self._lit(pixels, axes), names), strict=True))
        return np.array([bool(units_of(values[tensor], at).any()) for tensor, at in self._watching])

    def lines(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> list[NDArray[np.bool_]]:
        """As ``responds``, for every unit of the tensors chosen: one array over their units each."""
        found = self._values(self._lit(pixels, axes), self._lines)
        return [(v != 0).any(axis=tuple(range(v.ndim - len(unit_sizes(v.shape))))) for v in found]

    def reads(self, tensor: str, at: Sequence[int], axes: Sequence[int], *, local: bool = False) -> NDArray[np.bool_]:
        """The source's pixels (over its spatial ``axes``) that one unit reads, of one pass backwards.

        ``local`` leaves out what passes through an operation that reduces an axis between batch and channels.
        Raises UnsupportedError where an operation on the way is not followed backwards.
        """
        self._backward = self._backward or self._turned()
        self.passes += 1
        unit = np.zeros(self._network.shapes[tensor], dtype=np.bool_)
        unit[(slice(None),) * (unit.ndim - len(at)) + tuple(at)] = True
        k, order = self._reading.places[tensor]
        _, own = self._reading.places[self._source]
        found = self._backward.reads(k, unit.transpose(np.argsort(order)), local=local).transpose(own)
        return np.asarray(found.any(axis=tuple(k for k in range(found.ndim) if k not in axes)))

    def close(self) -> None:
        """Give back the twin's memory; it answers no more."""
        self._backward = None
        del self._run, self._twin

    def _turned(self) -> TfliteBackward:
        shapes, places = self._network.shapes, self._reading.places
        dark = {places[name][0]: np.zeros(shapes[name], np.float32) for name in self._network.inputs}
        feeds = {k: dark[k] if k in dark else self._reading.fixed[k] for k in self._twin.graph.inputs}
        return TfliteBackward(self._twin.writing, places[self._source][0], feeds)

    def _lit(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.float32]:
        shape = self._network.shapes[self._source]
        place = [n if axis in axes else 1 for axis, n in enumerate(shape)]
        return np.broadcast_to(pixels.reshape(place), shape).astype(np.float32)

    def _values(self, image: NDArray[np.float32], tensors: Sequence[str]) -> list[NDArray[np.float32]]:
        self.passes += 1
        dark = {name: np.zeros(self._network.shapes[name], np.float32) for name in self._network.inputs}
        made = self._run.run({**dark, self._source: image}, tensors)
        return [made[name] for name in tensors]


def units_of(values: NDArray[Any], at: Sequence[int]) -> NDArray[Any]:
    """All batches and channels of a unit; one index for every trailing axis."""
    index: list[slice | int] = [slice(None)] * (values.ndim - len(at)) + list(at)
    return np.asarray(values[tuple(index)])


def _twin(content: bytes, reading: Reading) -> Twinning:
    """The graph of a model's twin, its tensors under the same numbers."""
    graph = load_graph(content)
    shapes = {k: _filed(reading.network.shapes[name], order) for name, (k, order) in reading.places.items()}
    work = Twinning(graph, carrying(graph, [k for k in graph.inputs if k not in reading.fixed]), shapes)
    for operation in graph.operations:
        translate(work, operation)
    return work


def _filed(shape: Shape, order: Sequence[int]) -> Shape:
    """A tensor's shape in the file's order of axes."""
    return tuple(shape[order.index(axis)] for axis in range(len(order)))
