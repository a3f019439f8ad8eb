"""The constants of an ONNX file, and parts of them: what a part of a model is written from beside its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import onnx
from onnx import numpy_helper

from striate.errors import UnsupportedError
from striate.formats.accidents import named_errors
from striate.formats.given import Given
from striate.formats.onnx import walked
from striate.formats.onnx.draft import Draft, attribute
from striate.formats.onnx.editing import sliced, taken
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.onnx.functions import subgraphs
from striate.formats.onnx.loading import load_model, load_whole
from striate.formats.onnx.walk import Walk
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.geometry import Box, Runs
from striate.network.operators import Slice


@dataclass(frozen=True, eq=False)
class Opened:
    """A file with every weight, and what was found of each of its tensors: all that a part is written from."""

    name: str
    model: onnx.ModelProto
    walk: Walk

    @cached_property
    def stored(self) -> Mapping[str, onnx.TensorProto]:
        """The constants that the file holds, by name."""
        return {tensor.name: tensor for graph in _graphs(self.model.graph) for tensor in _stored(graph)}


def opened(source: OnnxFile | OnnxBytes, shapes: Shapes, unknown: Unknown, given: Given) -> Opened:
    """A source read with some settings, so that parts of it can be written."""
    held = source.path if isinstance(source, OnnxFile) else source.content
    with named_errors(source.name):
        walk, _ = walked(load_model(held, given.values), shapes, unknown)
        return Opened(source.name, load_whole(held, given.values), walk)


class Constants:
    """The constants of a file as a draft of a part of it holds them."""

    def __init__(self, file: Opened, draft: Draft) -> None:
        self._walk, self._stored, self._draft = file.walk, file.stored, draft
        self._cuts: dict[tuple[str, Box], str] = {}

    def part(self, name: str, box: Box) -> str:
        """A part of a constant, under the constant's own name where it is the first that is written of it."""
        key = (name, box)
        if key not in self._cuts:
            first = all(other != name for other, _ in self._cuts)
            self._cuts[key] = self._made(name, box, name if first else self._draft.fresh(f"{name}/part"))
        return self._cuts[key]

    def all_of(self, name: str) -> str:
        """A constant as a whole."""
        return self.part(name, Box.whole(self._walk.tensors[name].shape))

    def _made(self, name: str, box: Box, written: str) -> str:
        tensor = self._walk.tensors[name]
        if name in self._stored:
            self._draft.constants[written] = sliced(self._stored[name], box, written)
        elif tensor.value is not None and (not tensor.learned or box != Box.whole(tensor.shape)):
            self._draft.constants[written] = numpy_helper.from_array(taken(tensor.value, box), written)
        else:
            self._computed(name, box, written)
        return written

    def _computed(self, name: str, box: Box, written: str) -> None:
        """A constant that nodes of the file compute from other constants."""
        proto = onnx.NodeProto()
        proto.CopyFrom(self._walk.writers[name])
        tensors = [self._walk.tensors.get(read) for read in proto.input]
        if (
            len(proto.output) > 1
            or any(True for _ in subgraphs(proto))
            or any(t is not None and t.data for t in tensors)
        ):
            raise UnsupportedError(f"constant {name!r}, which {proto.op_type} makes, is not written")
        inputs = [self.all_of(t.name) if t is not None else "" for t in tensors]
        shape = self._walk.tensors[name].shape
        del proto.input[:]
        proto.input.extend(inputs)
        whole = box == Box.whole(shape)
        made = proto.output[0] = written if whole else self._draft.fresh(f"{name}/all")
        self._draft.nodes.append(proto)
        for axis, side in enumerate(box):
            if isinstance(side, Runs):
                indices = self._draft.integers(f"{name}/indices", side.indices)
                made = self._draft.emit("Gather", [made, indices], self._draft.fresh(f"{name}/runs"), axis=axis)
        if not whole:
            starts = [0 if isinstance(side, Runs) else side.start for side in box]
            cut = Slice(tuple(range(len(shape))), tuple(starts), box.shape, (1,) * len(shape))
            self._draft.cut(cut, made, written)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those that its nodes hold."""
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _graphs(inner)


def _stored(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """The constants of a graph, under the names of the tensors they stand for."""
    yield from graph.initializer
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            given = attribute(node, "value")
            if given is not None:
                named = onnx.TensorProto()
                named.CopyFrom(given)
                named.name = node.output[0]
                yield named
