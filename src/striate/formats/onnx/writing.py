"""A part of an ONNX model as an ordinary static model: the file's own nodes and weights, edited.

What a node computes stays as the file has it, with its name, doc string and opset. What the part changes is written
out: pads per side, divisors by them, slices as ``Slice`` nodes, moves as the plain nodes that move so, resizes by the
scales or as places and weights, constants cut along the axes that they share with the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from onnx import helper, numpy_helper

from striate.errors import StriateError, UnsupportedError
from striate.formats.accidents import named_errors
from striate.formats.given import Given
from striate.formats.onnx import walked
from striate.formats.onnx.draft import Draft, attribute
from striate.formats.onnx.editing import COPIES, cut_of, edited, sliced
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.onnx.functions import subgraphs
from striate.formats.onnx.loading import load_model, load_whole
from striate.formats.onnx.resizes import PartOfResize
from striate.formats.onnx.walk import Walk
from striate.formats.shapes import Shapes
from striate.formats.unknown import Unknown
from striate.geometry import Box, Interval
from striate.network import Network, Node
from striate.network.network import sized
from striate.network.operators import (
    Concat,
    Constant,
    Elementwise,
    Expand,
    Gather,
    Index,
    Reshape,
    Resize,
    Slice,
    Transpose,
)

MOVES = (Slice, Reshape, Transpose, Expand, Gather, Concat)
LARGEST_FILE = 1 << 31


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


def written_part(file: Opened, whole: Network, part: Network, boxes: Mapping[str, Box]) -> bytes:
    """The model of ``part``, a crop of ``whole``, which was read from the same source with the same settings.

    ``boxes`` says which box of each of the whole's tensors the part holds; those of inputs and outputs stand in the
    model's metadata under ``striate.box.NAME``, the shapes of the wholes under ``striate.whole.NAME``. Raises
    UnsupportedError, naming the node, for what has no form in ONNX.
    """
    with named_errors(file.name):
        writing = Writing(file, whole, part, boxes)
        for node in part.nodes:
            writing.located(node)
        return writing.content(file.model)


class Writing:
    """The state of writing one part."""

    def __init__(self, file: Opened, whole: Network, part: Network, boxes: Mapping[str, Box]) -> None:
        walk = file.walk
        self._walk, self._whole, self._part, self._boxes = walk, whole, part, boxes
        self._stored = file.stored
        self._draft = Draft(walk.opsets[""], (*walk.tensors, *part.shapes), (n.name for n in part.nodes))
        self._makers = {name: node for node in whole.nodes for name in node.outputs}
        self._readers = {name: node for node in part.nodes for name in node.inputs}
        self._writers = {name: node for node in part.nodes for name in node.outputs}
        self._cuts: dict[tuple[str, Box], str] = {}

    def located(self, node: Node) -> None:
        """One node of the part; an error gets the node's name and operator."""
        try:
            self._write(node)
        except StriateError as error:
            if str(error).startswith("node "):
                raise
            raise type(error)(f"node {node.name} ({node.source or node.op.word}): {error}") from error

    def _write(self, node: Node) -> None:
        inputs = [self._data(name) for name in node.inputs]
        shapes = [self._part.shapes[name] for name in node.inputs]
        final = self._final(node)
        owner = self._makers.get(final)
        output = node.outputs[0]
        if isinstance(node.op, Constant):
            self._draft.emit("Identity", [self._constant(output, self._boxes[output])], output, node.name)
        elif owner is None or not node.source:
            self._draft.moved(node, inputs, output, shapes)
        elif _spreads(owner, self._walk.writers[final]):
            if output == final:
                self._spread(node, owner, final)
        elif isinstance(node.op, Resize) and isinstance(owner.op, Resize):
            self._resize(node, owner.op, final)
        elif isinstance(node.op, MOVES) or not self._is_own(node, owner, final):
            self._check_moves(node, owner, final)
            self._draft.moved(node, inputs, output, shapes)
        else:
            self._own(node, owner, final)

    def _is_own(self, node: Node, owner: Node, final: str) -> bool:
        """Whether this is the step of a node's part that does the node's own work."""
        copies = isinstance(owner.op, Elementwise) and self._walk.writers[final].op_type in COPIES
        return type(node.op) is type(owner.op) and not copies

    def _check_moves(self, node: Node, owner: Node, final: str) -> None:
        """Refuse to write a node that does more than to move elements as if it did not."""
        if self._walk.writers[final].domain not in ("", "ai.onnx") and not isinstance(owner.op, Elementwise):
            raise UnsupportedError("a part of it is not written")

    def _final(self, node: Node) -> str:
        """The tensor of the whole that a node of the part leads to, alone or with slices behind it."""
        output = node.outputs[0]
        while output not in self._makers and output in self._readers:
            output = self._readers[output].outputs[0]
        return output

    def _made(self, node: Node, final: str) -> Box:
        """The box that a node makes of the tensor it leads to."""
        box, tensor = list(self._boxes[final]), node.outputs[0]
        while tensor != final:
            reader = self._readers[tensor]
            if isinstance(reader.op, Slice):
                sizes = self._part.shapes[tensor]
                for axis, start in zip(reader.op.axes, reader.op.starts, strict=True):
                    first = box[axis].start - start
                    box[axis] = Interval(first, first + sizes[axis])
            tensor = reader.outputs[0]
        return Box(box)

    def _own(self, node: Node, owner: Node, final: str) -> None:
        """The file's node on a part."""
        proto = onnx.NodeProto()
        proto.CopyFrom(self._walk.writers[final])
        made, shape = self._made(node, final), self._whole.shapes[final]
        fed = self._fed(node)
        x = self._part.shapes[node.inputs[0]]
        inputs = []
        for position, name in enumerate(self._walk.writers[final].input):
            tensor = self._walk.tensors.get(name)
            if tensor is None:
                inputs.append("")
            elif tensor.data or name in owner.inputs:
                inputs.append(next(fed[name], None) or next(fed[""], "") if name in fed else next(fed[""], ""))
            else:
                inputs.append(self._constant(name, cut_of(proto, position, tensor.shape, owner.op, made, shape)))
        while inputs and not inputs[-1]:
            inputs.pop()
        del proto.input[:]
        proto.input.extend(inputs)
        outputs = dict(zip([final], node.outputs, strict=False)) if final not in node.outputs else {
            name: name for name in node.outputs}  # fmt: skip
        names = [outputs.get(name, "") for name in proto.output]
        del proto.output[:]
        proto.output.extend(names)
        proto.name = node.name
        edited(self._draft, proto, owner.op, node.op, x, made, shape)
        self._draft.nodes.append(proto)

    def _fed(self, node: Node) -> dict[str, Iterator[str]]:
        """The tensors that a node reads by those of the whole that they are parts of; "" for other steps' results."""
        found: dict[str, list[str]] = {"": []}
        for name in node.inputs:
            found.setdefault(self._origin(name), []).append(self._data(name))
        return {name: iter(parts) for name, parts in found.items()}

    def _origin(self, name: str) -> str:
        writer = self._writers.get(name)
        if name in self._whole.shapes:
            return name
        return writer.inputs[0] if writer is not None and not writer.source else ""

    def _data(self, name: str) -> str:
        """A tensor of the part: as it is, or a constant's part."""
        if name in self._writers or name in self._part.inputs:
            return name
        return self._constant(name, self._boxes[name])

    def _spread(self, node: Node, owner: Node, final: str) -> None:
        """Rows of a constant table for the indices that the part has; further axes are cut behind."""
        first = node
        while (
            first.inputs[0] in self._writers
            and self._writers[first.inputs[0]].source == node.source
            and (self._final(self._writers[first.inputs[0]]) == final)
        ):
            first = self._writers[first.inputs[0]]
        proto = onnx.NodeProto()
        proto.CopyFrom(self._walk.writers[final])
        ids, box, shape = self._part.shapes[first.inputs[0]], self._boxes[final], self._whole.shapes[final]
        axis = int(attribute(proto, "axis", -1 if proto.op_type == "OneHot" else 0))
        new = len(shape) - len(ids)
        axis %= len(shape) if proto.op_type == "OneHot" else new + 1
        own = range(axis, axis + len(ids)) if proto.op_type == "Gather" else [k for k in range(len(shape)) if k != axis]
        rest = [k for k in range(len(shape)) if k not in own and box[k].size != shape[k]]
        for position, name in enumerate(self._walk.writers[final].input):
            data = self._walk.tensors[name].data
            proto.input[position] = (
                self._data(first.inputs[0]) if data else self._constant(name, Box.whole(self._walk.tensors[name].shape))
            )
        proto.name = node.name
        proto.output[0] = self._draft.fresh(f"{final}/rows") if rest else final
        self._draft.nodes.append(proto)
        if rest:
            starts, counts = ([getattr(box[k], word) for k in rest] for word in ("start", "size"))
            cut = Slice(tuple(rest), tuple(starts), tuple(counts), (1,) * len(rest))
            self._draft.cut(cut, proto.output[0], final)

    def _resize(self, node: Node, whole: Resize, final: str) -> None:
        """A resize, by the file's own scales or unit by unit."""
        assert isinstance(node.op, Resize)
        shape, held = self._whole.shapes[self._makers[final].inputs[0]], self._part.shapes[node.inputs[0]]
        found = PartOfResize(whole, node.op, shape, held, self._made(node, final))
        proto = onnx.NodeProto()
        proto.CopyFrom(self._walk.writers[final])
        proto.name, proto.input[0], proto.output[0] = node.name, self._data(node.inputs[0]), node.outputs[0]
        found.write(self._draft, proto, self._walk.tensors[final].kind)

    def _constant(self, name: str, box: Box) -> str:
        """A part of a constant, under the constant's own name where it is the first that is written of it."""
        key = (name, box)
        if key not in self._cuts:
            first = all(other != name for other, _ in self._cuts)
            self._cuts[key] = self._made_constant(name, box, name if first else self._draft.fresh(f"{name}/part"))
        return self._cuts[key]

    def _made_constant(self, name: str, box: Box, written: str) -> str:
        tensor = self._walk.tensors[name]
        if name in self._stored:
            self._draft.constants[written] = sliced(self._stored[name], box, written)
        elif tensor.value is not None and (not tensor.learned or box != Box.whole(tensor.shape)):
            array = np.ascontiguousarray(tensor.value[box.slices]).reshape(box.shape)
            self._draft.constants[written] = numpy_helper.from_array(array, written)
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
        inputs = [self._constant(t.name, Box.whole(t.shape)) if t is not None else "" for t in tensors]
        shape = self._walk.tensors[name].shape
        del proto.input[:]
        proto.input.extend(inputs)
        whole = box == Box.whole(shape)
        proto.output[0] = written if whole else self._draft.fresh(f"{name}/all")
        self._draft.nodes.append(proto)
        if not whole:
            axes = tuple(range(len(shape)))
            cut = Slice(axes, box.origin, box.shape, (1,) * len(axes))
            self._draft.cut(cut, proto.output[0], written)

    def content(self, model: onnx.ModelProto) -> bytes:
        """The model, serialised."""
        graph, part = model.graph, self._part
        made = onnx.GraphProto(name=graph.name, doc_string=graph.doc_string)
        known = {info.name: info for info in (*graph.input, *graph.output, *graph.value_info)}
        made.input.extend(self._info(name, known) for name in part.inputs)
        made.output.extend(self._info(name, known) for name in part.outputs)
        made.node.extend(self._draft.nodes)
        made.initializer.extend(self._draft.constants.values())
        ends = {*part.inputs, *part.outputs}
        inside = [name for name in part.shapes if name in self._writers and name in self._makers and name not in ends]
        made.value_info.extend(self._info(name, known) for name in inside)
        found = onnx.ModelProto()
        found.CopyFrom(onnx.ModelProto(
            ir_version=model.ir_version, producer_name=model.producer_name, producer_version=model.producer_version,
            domain=model.domain, model_version=model.model_version, doc_string=model.doc_string, graph=made,
            opset_import=model.opset_import, metadata_props=model.metadata_props,
        ))  # fmt: skip
        told = {item.key: item.value for item in model.metadata_props}
        for name in (*part.inputs, *part.outputs):
            told[f"striate.box.{name}"] = ",".join(f"{side.start}:{side.stop}" for side in self._boxes[name])
            told[f"striate.whole.{name}"] = sized(self._whole.shapes[name])
        helper.set_model_props(found, told)
        size = found.ByteSize()
        if size >= LARGEST_FILE:
            raise UnsupportedError(f"the part holds {size:,} bytes, an ONNX file at most {LARGEST_FILE - 1:,}")
        content: bytes = found.SerializeToString()
        return content

    def _info(self, name: str, known: Mapping[str, onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
        kind = self._walk.tensors[name].kind
        doc = known[name].doc_string if name in known else ""
        return helper.make_tensor_value_info(name, kind, self._part.shapes[name], doc)


def _spreads(owner: Node, proto: onnx.NodeProto) -> bool:
    """Whether a node looks up indices that are data: read as a move of them, it writes what a constant holds there."""
    return isinstance(owner.op, Index) and (
        proto.op_type == "OneHot" or (proto.op_type == "Gather" and owner.inputs[0] == proto.input[1])
    )


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
