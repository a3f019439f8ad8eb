"""Local functions expanded into the graphs that call them: attributes bound, defaults given, names kept apart.

Source: ``FunctionProto`` in ``onnx.proto``. Tensors of a body get the suffix of its call (``t`` becomes ``t__1``
at the first), as onnx's own inliner names them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from striate.errors import ModelError

if TYPE_CHECKING:
    import onnx

Key = tuple[str, str, str]
Attributes = Mapping[str, "onnx.AttributeProto"]

MOST_NODES = 1_000_000
MOST_BYTES = 1 << 28
DEEPEST = 64


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without local functions: every call stands as the nodes of the function's body.

    A function that imports an operator set in another version than the model is read by the model's, as
    onnxruntime reads it. Raises ModelError for functions that call themselves, expand to too many nodes or are
    defined twice.
    """
    import onnx

    if not model.functions:
        return model
    table = _table(model)
    _check_size(model.graph, table)
    found = onnx.ModelProto()
    found.CopyFrom(model)
    found.ClearField("functions")
    known = {_domain(entry.domain) for entry in found.opset_import}
    imported = {_domain(entry.domain): entry for function in model.functions for entry in function.opset_import}
    found.opset_import.extend(entry for domain, entry in imported.items() if domain not in known)
    _Expansion(table, _names(found.graph)).graph(found.graph)
    return found


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs a node holds as attributes."""
    for attribute in node.attribute:
        yield from _graphs(attribute)


def _graphs(attribute: onnx.AttributeProto) -> Iterator[onnx.GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def readable(*texts: str | bytes) -> None:
    """Refuse names that protobuf could not decode."""
    for text in texts:
        if not isinstance(text, str):
            raise ModelError(f"truncated or damaged: {text!r} is no UTF-8 text")


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _table(model: onnx.ModelProto) -> dict[Key, onnx.FunctionProto]:
    found: dict[Key, onnx.FunctionProto] = {}
    for function in model.functions:
        key = _domain(function.domain), function.name, function.overload
        if key in found:
            raise ModelError(f"local function {function.name!r} is defined twice")
        found[key] = function
    return found


def _called(node: onnx.NodeProto) -> Key:
    return _domain(node.domain), node.op_type, node.overload


def _calls(nodes: Iterable[onnx.NodeProto]) -> Iterator[Key]:
    for node in nodes:
        yield _called(node)
        for graph in subgraphs(node):
            yield from _calls(graph.node)


def _check_size(graph: onnx.GraphProto, table: Mapping[Key, onnx.FunctionProto]) -> None:
    """Refuse functions that call themselves or expand without bound."""
    calls = {key: Counter(_calls(function.node)) for key, function in table.items()}
    sizes: dict[Key, int] = {}
    for key in calls:
        _expanded_size(key, calls, sizes, ())
    total = sum(sizes.get(key, 1) for key in _calls(graph.node))
    if total > MOST_NODES:
        raise ModelError(f"local functions expand to {total} nodes; at most {MOST_NODES} are read")


def _expanded_size(key: Key, calls: Mapping[Key, Counter[Key]], sizes: dict[Key, int], path: tuple[Key, ...]) -> int:
    """How many nodes a call becomes."""
    if key not in calls:
        return 1
    if key in path or len(path) > DEEPEST:
        raise ModelError(f"local function {key[1]!r} calls itself or nests too deep")
    if key not in sizes:
        inner = calls[key].items()
        sizes[key] = 1 + sum(count * _expanded_size(called, calls, sizes, (*path, key)) for called, count in inner)
    return sizes[key]


class _Names:
    """Names of tensors and nodes, each given once."""

    def __init__(self, taken: set[str]) -> None:
        self._taken, self._count = taken, 0

    def fresh(self, suggested: str) -> str:
        """The name suggested, or the first free one after it."""
        name = suggested
        while name in self._taken:
            name = f"{suggested}_{self._count}"
            self._count += 1
        self._taken.add(name)
        return name


def _names(graph: onnx.GraphProto) -> _Names:
    taken: set[str] = set()
    waiting = deque([graph])
    while waiting:
        here = waiting.popleft()
        taken.update(entry.name for entry in (*here.input, *here.initializer, *here.output))
        taken.update(entry.values.name for entry in here.sparse_initializer)
        for node in here.node:
            taken.update((node.name, *node.input, *node.output))
            waiting.extend(subgraphs(node))
    return _Names(taken)


class _Scope:
    """The names of a body or of a graph inside one, and what they are called where the body is put."""

    def __init__(self, names: _Names, suffix: str, outer: _Scope | None = None) -> None:
        self.names, self.suffix, self.outer = names, suffix, outer
        self.known: dict[str, str] = {}

    def find(self, name: str) -> str:
        """What a name that is read stands for; one that nothing here writes stays as it is."""
        if name in self.known:
            return self.known[name]
        return self.outer.find(name) if self.outer is not None else name

    def define(self, name: str) -> str:
        """The new name of a tensor that is written here."""
        if name and name not in self.known:
            self.known[name] = self.unique(name)
        return self.known.get(name, "")

    def unique(self, name: str) -> str:
        """A name of the call's own."""
        return self.names.fresh(name + self.suffix)


class _Expansion:
    """The calls of one model replaced, in the order they are met."""

    def __init__(self, table: Mapping[Key, onnx.FunctionProto], names: _Names) -> None:
        self._table, self._names = table, names
        self._count, self._bytes = 0, 0

    def graph(self, graph: onnx.GraphProto) -> None:
        """Replace the calls in a graph and in the graphs inside it."""
        import onnx

        nodes = onnx.GraphProto(node=self._nodes(graph.node))
        graph.ClearField("node")
        graph.node.MergeFrom(nodes.node)

    def _nodes(self, nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
        for node in nodes:
            function = self._table.get(_called(node))
            if function is not None:
                self._count += 1
                yield from self._nodes(self._body(node, function, f"__{self._count}"))
                continue
            for graph in subgraphs(node):
                self.graph(graph)
            yield node

    def _body(self, call: onnx.NodeProto, function: onnx.FunctionProto, suffix: str) -> list[onnx.NodeProto]:
        """The nodes of a function as one call has them."""
        where = f"a call of local function {function.name!r}"
        if len(call.input) > len(function.input) or len(call.output) > len(function.output):
            raise ModelError(
                f"{where} has {len(call.input)} inputs and {len(call.output)} outputs; "
                f"the function has {len(function.input)} and {len(function.output)}"
            )
        scope = _Scope(self._names, suffix)
        rest = [""] * (len(function.input) - len(call.input))
        scope.known.update(zip(function.input, (*call.input, *rest), strict=True))
        passed = self._outputs(call, function, scope)
        defaults = {item.name: item for item in function.attribute_proto}
        attributes = {**defaults, **{item.name: item for item in call.attribute}}
        return [*(self._weighed(_copied(node, scope, attributes)) for node in function.node), *passed]

    def _weighed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        self._bytes += node.ByteSize()
        if self._bytes > MOST_BYTES:
            raise ModelError(f"local functions expand to more than {MOST_BYTES} bytes")
        return node

    def _outputs(
        self, call: onnx.NodeProto, function: onnx.FunctionProto, scope: _Scope
    ) -> list[onnx.NodeProto]:
        """Bind the outputs; those that only pass a tensor on become nodes of their own."""
        from onnx import helper

        passed = []
        for formal, actual in zip(function.output, (*call.output, *[""] * len(function.output)), strict=False):
            if formal in scope.known:
                if actual:
                    passed.append(helper.make_node("Identity", [scope.known[formal]], [actual]))
            else:
                scope.known[formal] = actual or scope.unique(formal)
        return passed


def _copied(node: onnx.NodeProto, scope: _Scope, attributes: Attributes) -> onnx.NodeProto:
    """A node of a body with its names and attributes bound."""
    import onnx

    readable(node.name, *node.input, *node.output, *(item.name for item in node.attribute))
    found = onnx.NodeProto()
    found.CopyFrom(node)
    if node.name:
        found.name = scope.unique(node.name)
    found.input[:] = [scope.find(name) for name in node.input]
    found.output[:] = [scope.define(name) for name in node.output]
    found.ClearField("attribute")
    for item in node.attribute:
        bound = attributes.get(item.ref_attr_name) if item.ref_attr_name else item
        if bound is None:
            continue
        entry = found.attribute.add()
        entry.CopyFrom(bound)
        entry.name = item.name
        if bound is item:
            for graph in _graphs(entry):
                _rename(graph, scope, attributes)
    return found


def _rename(graph: onnx.GraphProto, outer: _Scope, attributes: Attributes) -> None:
    """A graph inside a body, its names and attributes bound in place."""
    import onnx

    scope = _Scope(outer.names, outer.suffix, outer)
    for entry in (*graph.input, *graph.initializer):
        entry.name = scope.define(entry.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = scope.define(sparse.values.name)
    written = {name for node in graph.node for name in node.output}
    for info in graph.output:
        info.name = scope.define(info.name) if info.name in written else scope.find(info.name)
    nodes = onnx.GraphProto(node=[_copied(node, scope, attributes) for node in graph.node])
    graph.ClearField("node")
    graph.node.MergeFrom(nodes.node)
    for info in graph.value_info:
        info.name = scope.find(info.name)
