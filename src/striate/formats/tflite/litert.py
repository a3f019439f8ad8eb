"""LiteRT behind a TFLite file: the tensors of layers on some inputs, in the network's order of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError, UnsupportedError
from striate.formats.tflite import Reading
from striate.formats.tflite.bounds import OFFSET
from striate.formats.tflite.schema import Graph, load_graph
from striate.names import did_you_mean
from striate.network.relation import Shape

Array = NDArray[Any]

KEPT = 4
"""Interpreters that are kept, each for some sizes of the inputs and some part of the graph."""


class LiteRtRunner:
    """Runs of a TFLite model that ``reading`` was read from.

    Of the graph only the operations up to those that make the layers asked for are run, so that inputs may have any
    size that these take, as crops do of which a network's head would make nothing.
    """

    def __init__(self, content: bytes, reading: Reading, threads: int = 1) -> None:
        self._content, self._reading, self._threads = content, reading, threads
        self._begun: dict[tuple[tuple[int, ...], tuple[Shape, ...]], Any] = {}
        _runtime()
        self.name = f"LiteRT {version('ai-edge-litert')}"

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers by the names asked for, of inputs by theirs; none named: the outputs.

        Raises InputError for layers that the runtime does not show, inputs that are missing or unknown, and sizes that
        the model does not take.
        """
        network = self._reading.network
        names = {layer: network.tensor(layer) for layer in layers or network.outputs}
        places = {layer: self._place(layer, tensor) for layer, tensor in names.items()}
        images = self._images(feeds)
        wanted = tuple(dict.fromkeys(place for place, _ in places.values()))
        interpreter = self._interpreter(wanted, tuple(image.shape for image in images.values()))
        for k, image in images.items():
            interpreter.set_tensor(k, image)
        _asked(interpreter.invoke, images)
        return {layer: interpreter.get_tensor(k).transpose(order) for layer, (k, order) in places.items()}

    @cached_property
    def _graph(self) -> Graph:
        return load_graph(self._content)

    def _place(self, layer: str, tensor: str) -> tuple[int, tuple[int, ...]]:
        found = self._reading.places.get(tensor)
        if found is None:
            known = [name for name, held in self._reading.network.layers.items() if held in self._reading.places]
            raise InputError(
                f"{layer!r} is made inside an operation of the file, and LiteRT shows what these give"
                f"{did_you_mean(layer, known)}"
            )
        return found

    def _images(self, feeds: Mapping[str, Array]) -> dict[int, Array]:
        """What is fed, by the numbers of the inputs, in their types."""
        tensors, fixed = self._graph.tensors, self._reading.fixed
        inputs = {tensors[k].name: k for k in self._graph.inputs if k not in fixed}
        for name in feeds:
            if name not in inputs:
                raise InputError(f"no input {name!r}{did_you_mean(name, list(inputs))} Inputs: {', '.join(inputs)}")
        missing = [name for name in inputs if name not in feeds]
        if missing:
            raise InputError(f"no array is fed for input {missing[0]!r}")
        images = {k: np.asarray(feeds[name]).astype(tensors[k].dtype, copy=False) for name, k in inputs.items()}
        return {k: images[k] if k in images else fixed[k] for k in self._graph.inputs}

    def _interpreter(self, wanted: tuple[int, ...], shapes: tuple[Shape, ...]) -> Any:
        """One that is ready to run the operations up to those that make some tensors, at some sizes."""
        key = wanted, shapes
        if key not in self._begun:
            if len(self._begun) >= KEPT:
                del self._begun[next(iter(self._begun))]
            self._begun[key] = self._ready(wanted, shapes)
        return self._begun[key]

    def _ready(self, wanted: tuple[int, ...], shapes: tuple[Shape, ...]) -> Any:
        content = cut(self._content, self._graph, wanted)
        try:
            made = _runtime().Interpreter(model_content=content, num_threads=self._threads)
        except (ValueError, RuntimeError) as error:
            raise UnsupportedError(f"LiteRT does not take the file: {' '.join(str(error).split())}") from error
        sized = dict(zip(self._graph.inputs, shapes, strict=True))
        for k, shape in sized.items():
            made.resize_tensor_input(k, list(shape))
        _asked(made.allocate_tensors, sized)
        return made


def ending_at(content: bytes, reading: Reading, tensor: str) -> bytes:
    """A file's bytes, its graph ending where it makes a tensor of ``reading``; as they are where no operation does."""
    place = reading.places.get(tensor)
    return content if place is None else cut(content, load_graph(content), [place[0]])


def cut(content: bytes, graph: Graph, wanted: Sequence[int]) -> bytes:
    """A file's bytes, its graph ending behind the operations that make some tensors, which are its outputs."""
    writers = {k: at for at, operation in enumerate(graph.operations) for k in operation.outputs}
    made = [k for k in wanted if k in writers]
    operations, outputs = graph.lists
    if not made or not outputs:
        return content
    changed = bytearray(content + bytes(-len(content) % OFFSET.size))
    OFFSET.pack_into(changed, operations, 1 + max(writers[k] for k in made))
    OFFSET.pack_into(changed, outputs, len(changed) - outputs)
    return bytes(changed) + OFFSET.pack(len(made)) + np.array(made, "<i4").tobytes()


def _asked(work: Any, fed: Mapping[int, Any]) -> None:
    """Let the runtime do something; InputError with its own words where it fails."""
    try:
        work()
    except (ValueError, RuntimeError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        shapes = ", ".join(str(getattr(value, "shape", value)) for value in fed.values())
        raise InputError(f"LiteRT fails on inputs of shape {shapes}: {line}") from error


def _runtime() -> Any:
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise MissingDependencyError('running TFLite files needs LiteRT: pip install "striate[litert]"') from error
    return interpreter
