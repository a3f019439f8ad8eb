"""A part of an ONNX model as an ordinary static model: the file's own nodes and weights, edited.

What a node computes stays as the file has it, with its name, doc string and opset. What the part changes is written
out: pads per side, divisors by them, slices as ``Slice`` nodes, moves as the plain nodes that move so, resizes by the
scales or as places and weights, constants cut along the axes that they share with the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate, pairwise

import onnx
from onnx import helper

from striate.errors import StriateError, UnsupportedError
from striate.formats.accidents import named_errors
from striate.formats.onnx.draft import Draft, attribute
from striate.formats.onnx.editing import COPIES, Place, cut_of, edited
from striate.formats.onnx.opened import Constants, Opened
from striate.formats.onnx.resizes import PartOfResize
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
        self._draft = Draft(walk.opsets[""], (*walk.tensors, *part.shapes), (n.name for n in part.nodes))
        self._makers = {name: node for node in whole.nodes for name in node.outputs}
        self._readers = {name: node for node in part.nodes for name in node.inputs}
        self._writers = {name: node for node in part.nodes for name in node.outputs}
        self._constants = Constants(file, self._draft)

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
            self._draft.emit("Identity", [self._constants.part(output, self._boxes[output])], output, node.name)
        elif owner is None or not node.source:
            self._draft.moved(node, inputs, output, shapes)
        elif _spreads(owner, self._walk.writers[final]):
            if output == final:
                self._spread(node, owner, final)
        elif isinstance(owner.op, Concat) and self._walk.writers[final].op_type == "QLinearConcat":
            self._requantised(node, inputs, owner.op, final)
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
        reads = tuple(self._part.shapes[name] for name in node.inputs)
        tensors = [self._walk.tensors.get(name) for name in proto.input]
        kinds = tuple(0 if tensor is None else tensor.kind for tensor in tensors)
        inputs = []
        for position, (name, tensor) in enumerate(zip(proto.input, tensors, strict=True)):
            if tensor is None:
                inputs.append("")
            elif tensor.data or name in owner.inputs:
                inputs.append(next(fed[name], None) or next(fed[""], "") if name in fed else next(fed[""], ""))
            else:
                inputs.append(self._constants.part(name, cut_of(proto, position, tensor.shape, owner.op, made, shape)))
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
        cut = edited(self._draft, proto, owner.op, node.op, Place(reads, kinds, made, shape))
        self._draft.nodes.append(proto)
        if cut is not None:
            output, proto.output[0] = proto.output[0], self._draft.fresh(f"{proto.output[0]}/more")
            self._draft.cut(cut, proto.output[0], output)

    def _requantised(self, node: Node, inputs: list[str], whole: Concat, final: str) -> None:
        """Those inputs of a quantised concatenation that the part has, one among them, each by its own scale."""
        output, shapes = node.outputs[0], [self._part.shapes[name] for name in node.inputs]
        if not isinstance(node.op, Concat) and node.inputs[0] not in self._whole.shapes:
            self._draft.moved(node, inputs, output, shapes)
            return
        proto = onnx.NodeProto()
        proto.CopyFrom(self._walk.writers[final])
        side, names = self._made(node, final)[whole.axis], list(proto.input)
        ends = list(accumulate((self._walk.tensors[name].shape[whole.axis] for name in names[2::3]), initial=0))
        read = [k for k, (start, stop) in enumerate(pairwise(ends)) if start < side.stop and side.start < stop]
        if not isinstance(node.op, Concat):
            inputs = [self._draft.fresh(f"{output}/part")]
            self._draft.moved(replace(node, name=inputs[0]), [self._data(node.inputs[0])], inputs[0], shapes)
        del proto.input[:]
        scales = [names[:2], *(names[3 + 3 * k : 5 + 3 * k] for k in read)]
        own, *each = [[self._constants.all_of(n) for n in pair] for pair in scales]
        proto.input.extend([*own, *(name for x, pair in zip(inputs, each, strict=True) for name in (x, *pair))])
        proto.name, proto.output[0] = node.name, output
        self._draft.nodes.append(proto)

    def _fed(self, node: Node) -> dict[str, Iterator[str]]:
        """The tensors that a node reads by those of the whole that they are parts of; "" for other steps' results."""
        found: dict[str, list[str]] = {"": []}
        for name in node.inputs:
            found.setdefault(self._origin(name), []).append(self._data(name))
        return {name: iter(parts) for name, parts in found.items()}

    def _origin(self, name: str) -> str:
        """The tensor of the whole that a tensor is cut from; "" for one that a node's own steps make."""
        while name not in self._whole.shapes:
            writer = self._writers.get(name)
            if writer is None or writer.source:
                return ""
            name = writer.inputs[0]
        return name

    def _data(self, name: str) -> str:
        """A tensor of the part: as it is, or a constant's part."""
        if name in self._writers or name in self._part.inputs:
            return name
        return self._constants.part(name, self._boxes[name])

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
            proto.input[position] = self._data(first.inputs[0]) if data else self._constants.all_of(name)
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

    def content(self, model: onnx.ModelProto) -> bytes:
        """The model, serialised."""
        graph, part = model.graph, self._part
        made = onnx.GraphProto(name=graph.name, doc_string=graph.doc_string)
        known = {info.name: info for info in (*graph.input, *graph.output, *graph.value_info)}
        made.input.extend(self._info(name, known) for name in part.inputs)
        made.output.extend(self._info(name, known) for name in part.outputs)
        made.node.extend(self._draft.nodes)
        read = {name for node in self._draft.nodes for name in node.input}
        made.initializer.extend(held for name, held in self._draft.constants.items() if name in read)
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
