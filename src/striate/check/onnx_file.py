"""A model file as check reads it: without weights of size, local functions bound, constants as initialisers.

Nothing here is shared with striate's reader of ONNX files, whose faults a check must not inherit.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from striate.errors import ModelError

# Tensors of more bytes than this are weights, whose values no claim depends on.
KEPT_BYTES = 1 << 24
# Field numbers of onnx.proto: graph, node, attribute, tensor and the fields between them.
MODEL, GRAPH, NODE, ATTRIBUTE, TENSOR, FUNCTION = "model", "graph", "node", "attribute", "tensor", "function"
INSIDE: Mapping[str, Mapping[int, str]] = {
    MODEL: {7: GRAPH, 25: FUNCTION},
    FUNCTION: {7: NODE},
    GRAPH: {1: NODE, 5: TENSOR},
    NODE: {5: ATTRIBUTE},
    ATTRIBUTE: {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH},
    TENSOR: {},
}
PAYLOADS = (4, 5, 7, 9, 10, 11)
DEEPEST = 64

Key = tuple[str, str, str]


def structure(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model, changed in place: functions bound, Constant nodes as initialisers."""
    bodies = {(body.domain, body.name, body.overload): body for body in model.functions}
    nodes = _constants_apart(model.graph, _bound(model.graph.node, bodies, count(1), 0))
    _replace(model.graph, nodes)
    return model


def skimmed(path: Path) -> onnx.ModelProto:
    """The model as the file has it, without the values of large tensors."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            model: onnx.ModelProto = onnx.ModelProto.FromString(b"".join(_skim(view, MODEL)))
            return model
        finally:
            view.release()


def _skim(message: memoryview, kind: str) -> Iterator[bytes]:
    """A serialised message without the payloads of large tensors."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == 2:
            size, at = _varint(message, at)
            body, at = message[at : at + size], at + size
            inner = INSIDE[kind].get(field)
            if kind == TENSOR and field in PAYLOADS and size > KEPT_BYTES:
                continue
            if inner is not None:
                kept = b"".join(_skim(body, inner))
                yield bytes(message[start : start + _key_size(key)]) + _as_varint(len(kept)) + kept
                continue
        else:
            at = _varint(message, at)[1] if wire == 0 else at + {1: 8, 5: 4}[wire]
        yield bytes(message[start:at])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _as_varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def _key_size(key: int) -> int:
    return len(_as_varint(key))


def _bound(
    nodes: Iterable[onnx.NodeProto], bodies: Mapping[Key, onnx.FunctionProto], calls: Iterator[int], depth: int
) -> Iterator[onnx.NodeProto]:
    """The nodes with every call of a local function replaced by its body, attributes and defaults bound."""
    if depth > DEEPEST:
        raise ModelError("local functions call each other without end")
    for node in nodes:
        body = bodies.get((node.domain, node.op_type, node.overload))
        if body is not None:
            yield from _bound(_body(node, body, f"__{next(calls)}"), bodies, calls, depth + 1)
            continue
        for graph in graphs_of(node):
            _replace(graph, list(_bound(graph.node, bodies, calls, depth)))
        yield node


def _body(call: onnx.NodeProto, body: onnx.FunctionProto, suffix: str) -> list[onnx.NodeProto]:
    """A function's nodes for one call; a body sees its own names alone, so each gets the call's suffix."""
    names = dict.fromkeys(body.input, "") | dict(zip(body.input, call.input, strict=False))
    passed = []
    for formal, actual in zip(body.output, call.output, strict=False):
        if formal in names:
            passed.append(helper.make_node("Identity", [names[formal]], [actual]))
        elif actual:
            names[formal] = actual
    given = {item.name: item for item in (*body.attribute_proto, *call.attribute)}
    return [*(_copy(node, names, suffix, given) for node in body.node), *passed]


def _copy(
    node: onnx.NodeProto, names: Mapping[str, str], suffix: str, given: Mapping[str, onnx.AttributeProto]
) -> onnx.NodeProto:
    def renamed(name: str) -> str:
        return names.get(name, name + suffix if name else "")

    found = onnx.NodeProto()
    found.CopyFrom(node)
    found.name = node.name + suffix if node.name else ""
    found.input[:] = map(renamed, node.input)
    found.output[:] = map(renamed, node.output)
    del found.attribute[:]
    for item in node.attribute:
        value = given.get(item.ref_attr_name) if item.ref_attr_name else item
        if value is None:
            continue
        entry = found.attribute.add()
        entry.CopyFrom(value)
        entry.name = item.name
        if value is item:
            for graph in _graphs(entry):
                _rename(graph, names, suffix, given)
    return found


def _rename(
    graph: onnx.GraphProto, names: Mapping[str, str], suffix: str, given: Mapping[str, onnx.AttributeProto]
) -> None:
    for entry in (*graph.input, *graph.output, *graph.initializer):
        entry.name = names.get(entry.name, entry.name + suffix)
    _replace(graph, [_copy(node, names, suffix, given) for node in graph.node])


def graphs_of(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs a node holds."""
    for attribute in node.attribute:
        yield from _graphs(attribute)


def _graphs(attribute: onnx.AttributeProto) -> Iterator[onnx.GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def branch(node: onnx.NodeProto, taken: bool) -> onnx.GraphProto:
    """The graph of an If that a condition chooses."""
    wanted = "then_branch" if taken else "else_branch"
    found: onnx.GraphProto = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
    return found


def put_in(graph: onnx.GraphProto, node: onnx.NodeProto, chosen: onnx.GraphProto) -> None:
    """Replace an If by the nodes of the branch it takes."""
    made = _constants_apart(graph, [*chosen.node])
    ends = zip(chosen.output, node.output, strict=True)
    made += [helper.make_node("Identity", [inner.name], [outer]) for inner, outer in ends]
    graph.initializer.extend(chosen.initializer)
    place = next(k for k, other in enumerate(graph.node) if other is node or other.output == node.output)
    _replace(graph, [*graph.node[:place], *made, *graph.node[place + 1 :]])


def _constants_apart(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes without those that state a tensor, which become initialisers of ``graph``."""
    kept = []
    for node in nodes:
        value = _stated(node) if node.op_type == "Constant" else None
        if value is None:
            kept.append(node)
        else:
            tensor = graph.initializer.add()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
    return kept


def _stated(node: onnx.NodeProto) -> onnx.TensorProto | None:
    for attribute in node.attribute:
        if attribute.name == "value":
            tensor: onnx.TensorProto = attribute.t
            return tensor
        if attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
            kind = np.int64 if "int" in attribute.name else np.float32
            made: onnx.TensorProto = numpy_helper.from_array(
                np.array(helper.get_attribute_value(attribute), dtype=kind)
            )
            return made
    return None


def _replace(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def needed(graph: onnx.GraphProto, tensors: set[str]) -> list[onnx.NodeProto]:
    """The nodes that lead to some tensors, in execution order."""
    wanted, kept = set(tensors), []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            for inner in graphs_of(node):
                wanted.update(_taken_from_outside(inner))
            wanted.difference_update(node.output)
            kept.append(node)
    return kept[::-1]


def _taken_from_outside(graph: onnx.GraphProto) -> set[str]:
    """Every name a graph mentions; those of its own stand for nothing outside."""
    found = {entry.name for entry in graph.output}
    for node in graph.node:
        found.update(node.input)
        for inner in graphs_of(node):
            found |= _taken_from_outside(inner)
    return found


def written(graph: onnx.GraphProto) -> set[str]:
    """The tensors of a graph: inputs, constants and what its nodes write."""
    found = {entry.name for entry in (*graph.input, *graph.initializer)}
    return found.union(*(node.output for node in graph.node))
