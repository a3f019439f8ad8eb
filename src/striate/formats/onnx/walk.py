"""The walk over an ONNX graph: constants folded, every node translated, every shape computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.onnx import arrange, combine, masks, places, quantised, resizing, roles, spatial
from striate.formats.onnx.call import OPERATORS, Call, Tensor, Translation
from striate.formats.onnx.computing import described
from striate.formats.onnx.elements import NOT_LEARNED, Element
from striate.formats.onnx.folding import fold, shape_value
from striate.formats.onnx.functions import readable, subgraphs
from striate.formats.unknown import Unknown
from striate.network import Node
from striate.network.operators import Constant, Elementwise, Everything
from striate.network.relation import Shape

if TYPE_CHECKING:
    import onnx

FAMILIES = (arrange, combine, masks, places, quantised, resizing, spatial)
REFUSED = {
    "If": "a branch chosen by data",
    "Loop": "a loop",
    "Scan": "a scan",
    "SequenceMap": "a sequence",
}
CONTAINERS = ("Sequence", "Optional", "SplitToSequence", "ConcatFromSequence", "ZipMap", "DictVectorizer")
LARGEST_SIZE = 1 << 31
MOST_FOLDED = 1 << 28
ACCIDENTS = (IndexError, MemoryError, OverflowError, RecursionError, ValueError, ZeroDivisionError)
"""What numbers and shapes of a damaged file can do to arithmetic that is right for a sound one."""


class Walk:
    """The state of one walk: tensors by name, the nodes found so far, the file's node that writes each tensor."""

    def __init__(self, opsets: Mapping[str, int], unknown: Unknown) -> None:
        self.opsets, self.unknown = opsets, unknown
        self.tensors: dict[str, Tensor] = {}
        self.scalars: tuple[str, ...] = ()
        self.nodes: list[Node] = []
        self.writers: dict[str, onnx.NodeProto] = {}
        self._declared: dict[str, tuple[Shape | None, int]] = {}
        self._names: set[str] = set()
        self._seen: set[str] = set()
        self._counted: set[str] = set()
        self._stored: set[str] = set()
        self._folded = 0

    def graph(self, graph: onnx.GraphProto) -> None:
        """Walk one graph, or the branch of an If, in the scope of what is known."""
        for tensor in graph.initializer:
            self._enter(_constant(tensor))
            self._stored.add(tensor.name)
        for sparse in graph.sparse_initializer:
            shape = tuple(sparse.dims)
            self._enter(Tensor(sparse.values.name, shape, sparse.values.data_type, False, learned=True))
        readable(*(entry.name for entry in (*graph.initializer, *graph.output, *graph.node)))
        for info in (*graph.value_info, *graph.output):
            self._declared.setdefault(info.name, _declared(info))
        self._names |= {node.name for node in graph.node}
        for index, node in enumerate(_ordered(graph.node, self.tensors)):
            name = node.name if node.name and node.name not in self._seen else self._fresh(node.op_type, index)
            self._seen.add(name)
            self._located(name, node)

    def _fresh(self, op: str, index: int) -> str:
        """A name for a node that has none of its own."""
        name = f"{op}_{index}"
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def _enter(self, tensor: Tensor) -> None:
        if tensor.name in self.tensors:
            raise ModelError(f"tensor {tensor.name!r} is written twice")
        self.tensors[tensor.name] = tensor

    def _located(self, name: str, node: onnx.NodeProto) -> None:
        """One node; an error gets the node's name and operator."""
        try:
            self._node(name, node)
        except StriateError as error:
            raise type(error)(f"node {name} ({node.op_type}): {error}") from error
        except ACCIDENTS as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"node {name} ({node.op_type}): attributes and inputs do not fit: {what}") from error

    def _node(self, name: str, node: onnx.NodeProto) -> None:
        readable(node.op_type, node.domain, *node.input, *node.output, *(item.name for item in node.attribute))
        self.writers.update(dict.fromkeys(node.output, node))
        domain = "" if node.domain == "ai.onnx" else node.domain
        if not domain and node.op_type == "Constant":
            self._enter(_constant_node(node))
            self._stored.add(node.output[0])
            return
        inputs = tuple(self._read(tensor) for tensor in node.input)
        key = f"{domain}:{node.op_type}" if domain else node.op_type
        opset = self.opsets.get(domain, 1)
        _check_types(node, domain, opset)
        call = Call(key, inputs, tuple(node.output), _attributes(node), opset)
        if not any(call.outputs):
            raise ModelError("has no output")
        value = shape_value(call)
        value = fold(call) if value is None and self._folded < MOST_FOLDED else value
        if value is not None:
            self._enter_value(call, value)
        elif key == "If" and call.constant(0):
            self._branch(name, call)
        else:
            self._translate(name, call, self._translation(call))

    def _read(self, name: str) -> Tensor | None:
        if not name:
            return None
        if name not in self.tensors:
            raise ModelError(f"reads {name!r}, which nothing writes")
        return self.tensors[name]

    def _enter_value(self, call: Call, value: np.ndarray[Any, Any]) -> None:
        from onnx import helper

        self._folded += value.nbytes
        kind = int(helper.np_dtype_to_tensor_dtype(value.dtype))
        learned = kind not in NOT_LEARNED and self._learned(call)
        self._enter(Tensor(call.outputs[0], value.shape, kind, False, value, learned))

    def _learned(self, call: Call) -> bool:
        """Whether a constant result holds weights: made from weights, or filled in a shape the file states."""
        if call.op == "ConstantOfShape":
            value = call.get("value")
            return call.tensor(0).name in self._stored and (value is None or value.data_type not in NOT_LEARNED)
        return any(t is not None and t.learned for t in call.inputs)

    def _branch(self, name: str, call: Call) -> None:
        """The branch of an If whose condition is a constant."""
        taken = call.need("then_branch" if bool(call.value(0).reshape(-1)[0]) else "else_branch")
        self.graph(taken)
        for k, (outer, inner) in enumerate(zip(call.outputs, taken.output, strict=True)):
            found = self._read(inner.name)
            if found is None:
                raise ModelError("a branch has a nameless output")
            if found.data:
                read = Call("If", (found,), (outer,), {}, call.opset)
                self._translate(name if len(call.outputs) == 1 else f"{name}.{k}", read, Translation(Elementwise()))
            else:
                self._enter(Tensor(outer, found.shape, found.kind, False, found.value, found.learned))

    def _translation(self, call: Call) -> Translation:
        """The node in the common form, or the refusal."""
        if call.op in REFUSED or call.op.startswith(CONTAINERS):
            what = REFUSED.get(call.op, "a sequence, optional or map")
            raise UnsupportedError(f"{what} is not read{self._instead(call.op)}")
        if call.op in OPERATORS:
            try:
                return OPERATORS[call.op](call)
            except UnsupportedError:
                if self.unknown is Unknown.REFUSE:
                    raise
        return self._unknown(call)

    def _instead(self, op: str) -> str:
        """What to give so that a branch is chosen; empty where no input of one number could choose it."""
        scalars = [name for name in self.scalars if name in self.tensors]
        if op != "If" or not scalars:
            return ""
        return f"; if {scalars[0]!r} chooses it, give its value, such as values={{'{scalars[0]}': 1}}"

    def _unknown(self, call: Call) -> Translation:
        if self.unknown is Unknown.REFUSE:
            raise UnsupportedError('there is no rule for this operator; unknown="whole" counts it as seeing everything')
        found = [self._declared.get(name, (None, 0)) for name in call.outputs]
        shapes = tuple(shape for shape, _ in found if shape is not None)
        if len(shapes) < len(found):
            raise UnsupportedError("there is no rule for this operator and the model declares no shape of its output")
        inputs = tuple(k for k in range(len(call.inputs)) if call.has(k))
        kinds = tuple(kind for _, kind in found)
        return Translation(Everything(shapes), inputs, kinds, at_most=True)

    def _translate(self, name: str, call: Call, made: Translation) -> None:
        """Enter the outputs of a node, and the node itself where data reaches it."""
        rest = [k for k in range(len(call.inputs)) if k not in made.inputs and call.has(k) and call.tensor(k).data]
        kept = [call.tensor(k) for k in (*made.inputs, *rest)]
        op = described(made.op, call)
        result = op.result(tuple(t.shape for t in kept))
        data = not isinstance(made.op, Constant) and any(t.data for t in kept)
        learned = not data and self._learned(call)
        places = range(len(call.outputs)) if made.outputs is None else made.outputs
        shapes = [output.shape for output in result.outputs][: len(places)]
        if data:
            for shape in shapes:
                _not_empty(shape, kept)
        written: list[str] = []
        for k, (place, shape) in enumerate(zip(places, (*shapes, *made.constants), strict=False)):
            output = call.outputs[place] or f"{name}:{place}"
            kind = made.kinds[k] if k < len(made.kinds) else kept[0].kind if kept else Element.FLOAT
            weights = learned and kind not in NOT_LEARNED
            made_of_data = data and k < len(shapes)
            known = masks.carried(call, shape, kept, result.outputs[k].reads) if made_of_data else ()
            self._enter(Tensor(output, shape, kind, made_of_data, None, weights, *known))
            written += [output] if k < len(shapes) else []
        if len(shapes) + len(made.constants) < len(places):
            raise UnsupportedError(f"output {len(shapes)} of this operator is not read")
        if data:
            names = tuple(t.name for t in kept)
            source = call.op.rpartition(":")[2]
            count = self._parameters(call)
            self.nodes.append(
                Node(name, op, names, tuple(written), source, count, made.at_most, roles.weights(call))
            )

    def _parameters(self, call: Call) -> int:
        """The learned values a node holds; a weight shared by several nodes counts at the first."""
        skipped = roles.SETTINGS.get(call.op, ())
        count = 0
        for k, tensor in enumerate(call.inputs):
            if tensor is None or not tensor.learned or tensor.name in self._counted:
                continue
            if roles.role(call.op, k) not in skipped:
                self._counted.add(tensor.name)
                count += tensor.size
        return count


def _not_empty(shape: Shape, kept: Sequence[Tensor]) -> None:
    if any(n < 1 for n in shape):
        read = ", ".join(str(t.shape) for t in kept)
        raise InputError(f"the output would be {shape}: the input {read} is too small for this operator")
    if any(n > LARGEST_SIZE for n in shape) or prod(shape) > LARGEST_SIZE**2:
        raise ModelError(f"the output would be {shape}, larger than any tensor that can be held")


def _declared(info: onnx.ValueInfoProto) -> tuple[Shape | None, int]:
    """A shape where every dimension is a number."""
    tensor = info.type.tensor_type
    dims = tuple(int(dim.dim_value) if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim)
    known = info.type.HasField("tensor_type") and tensor.HasField("shape") and all(n > 0 for n in dims)
    return (dims if known else None), int(tensor.elem_type) or 1


def _check_types(node: onnx.NodeProto, domain: str, opset: int) -> None:
    """Refuse attributes of another type than the operator's definition gives them."""
    from onnx import AttributeProto, defs

    try:
        known = defs.get_schema(node.op_type, opset, domain).attributes
    except defs.SchemaError:
        return
    for item in node.attribute:
        found = AttributeProto.AttributeType.Name(item.type)
        wanted = repr(known[item.name].type).rpartition(".")[2] if item.name in known else found
        if wanted != found:
            raise ModelError(f"attribute {item.name!r} should be {wanted.lower()}, is {found.lower()}")


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _constant(tensor: onnx.TensorProto, name: str | None = None) -> Tensor:
    """An initialiser: its value where it was small enough to keep."""
    from onnx import numpy_helper

    shape, name = tuple(tensor.dims), tensor.name if name is None else name
    if any(n < 0 or n > LARGEST_SIZE for n in shape):
        raise ModelError(f"tensor {name!r} has shape {shape}")
    fields = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
    held = any(len(getattr(tensor, field)) for field in fields)
    try:
        value = numpy_helper.to_array(tensor) if held or 0 in shape else None
    except (ValueError, TypeError, KeyError) as error:
        what = str(error).splitlines()[0]
        raise ModelError(f"tensor {name!r} of shape {shape} cannot be read: {what}") from error
    learned = tensor.data_type not in NOT_LEARNED
    return Tensor(name, shape, tensor.data_type, False, value, learned)


def _constant_node(node: onnx.NodeProto) -> Tensor:
    """A Constant in any of its forms."""
    name, given = node.output[0], _attributes(node)
    if "value" in given:
        return _constant(given["value"], name)
    if "sparse_value" in given:
        sparse = given["sparse_value"]
        return Tensor(name, tuple(sparse.dims), sparse.values.data_type, False, learned=True)
    for key, kind, dtype in (("value_float", Element.FLOAT, "float32"), ("value_int", Element.INT64, "int64")):
        found = given.get(key, given.get(f"{key}s"))
        if found is not None:
            return Tensor(name, np.shape(found), kind, False, np.array(found, dtype=dtype))
    if "value_string" in given or "value_strings" in given:
        return Tensor(name, np.shape(given.get("value_strings", ())), Element.STRING, False)
    raise ModelError("a Constant without a value")


def _reads(node: onnx.NodeProto) -> set[str]:
    """The tensors a node reads, those its subgraphs take from outside included."""
    found = {name for name in node.input if name}
    for graph in subgraphs(node):
        own = {tensor.name for tensor in graph.initializer} | {info.name for info in graph.input}
        inner: set[str] = set()
        for child in graph.node:
            inner |= _reads(child)
            own |= set(child.output)
        found |= inner | {info.name for info in graph.output}
        found -= own
    return found


def _ordered(nodes: Sequence[onnx.NodeProto], known: Mapping[str, Tensor]) -> list[onnx.NodeProto]:
    """The nodes in execution order, the file's own where it is one; a cycle is a ModelError."""
    writers = {name: k for k, node in enumerate(nodes) for name in node.output if name}
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for k, node in enumerate(nodes):
        sources = {writers[name] for name in _reads(node) if name in writers and name not in known}
        waiting.append(len(sources))
        for source in sources:
            readers.setdefault(source, []).append(k)
    ready = [k for k, count in enumerate(waiting) if not count]
    heapify(ready)
    order: list[int] = []
    while ready:
        k = heappop(ready)
        order.append(k)
        for reader in readers.get(k, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = next(k for k, count in enumerate(waiting) if count)
        node = nodes[stuck]
        raise ModelError(f"the graph is cyclic: node {node.name or node.op_type} ({node.op_type}) waits for itself")
    return [nodes[k] for k in order]
