"""Networks as JSON, both ways: what comes in is checked as it is read, each error with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from striate.errors import InputError, ModelError
from striate.names import did_you_mean
from striate.network.node import Node, Weight
from striate.network.operators import Operator
from striate.network.operators import document as operators
from striate.network.relation import Shape
from striate.values import integer, shown, text

if TYPE_CHECKING:
    from striate.network.network import Network

T = TypeVar("T")

SCHEMA = 1
LARGEST_SIZE = 1 << 31
LARGEST_COUNT = 1 << 62
NODE_DEFAULTS: Mapping[str, Any] = {"source": "", "parameters": 0, "at_most": False}
WEIGHTS: Mapping[str, Any] = {"weights": []}
NODE_KEYS = ("name", "op", "inputs", "outputs")
MAPPINGS = ("shapes", "item_bytes", "aliases", "parts")
KEYS = ("schema", "name", "inputs", "outputs", "nodes", *MAPPINGS)


def written(network: Network) -> dict[str, Any]:
    """A network as an object of JSON's own types; of nodes, what stands at its default is left out."""
    return {
        "schema": SCHEMA,
        "name": network.name,
        "inputs": list(network.inputs),
        "outputs": list(network.outputs),
        "nodes": [_written_node(node) for node in network.nodes],
        "shapes": {name: list(shape) for name, shape in network.shapes.items()},
        "item_bytes": dict(network.item_bytes),
        "aliases": dict(network.aliases),
        "parts": {name: list(nodes) for name, nodes in network.parts.items()},
    }


def _written_node(node: Node) -> dict[str, Any]:
    settings = {name: getattr(node, name) for name, value in NODE_DEFAULTS.items() if getattr(node, name) != value}
    wires = {"inputs": list(node.inputs), "outputs": list(node.outputs)}
    weights = {"weights": [_written_weight(weight) for weight in node.weights]} if node.weights else {}
    return {"name": node.name, "op": operators.to_json(node.op), **wires, **settings, **weights}


def _written_weight(weight: Weight) -> dict[str, Any]:
    views = {"views": [operators.to_json(view) for view in weight.views]} if weight.views else {}
    return {"role": weight.role, "name": weight.name, "shape": list(weight.shape), **views}


def parsed(document: object) -> dict[str, Any]:
    """The fields of the network that some JSON text describes; ModelError where it describes none."""
    try:
        entry = _parsed(_loaded(document))
        _wired(entry)
    except InputError as error:
        raise ModelError(f"not the JSON of a network: {error}") from error
    return entry


def _loaded(document: object) -> Any:
    try:
        return json.loads(text("a network's JSON", document))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(str(error) or type(error).__name__) from error


def _parsed(given: Any) -> dict[str, Any]:
    entry = _keyed("the document", given, KEYS)
    if entry["schema"] != SCHEMA:
        raise InputError(f"schema {shown(entry['schema'])}; this version reads schema {SCHEMA}")
    return {
        "name": text("name", entry["name"]),
        "inputs": _names("inputs", entry["inputs"]),
        "outputs": _names("outputs", entry["outputs"]),
        "nodes": tuple(_node(f"nodes[{k}]", node) for k, node in enumerate(_list("nodes", entry["nodes"]))),
        "shapes": _mapped("shapes", entry["shapes"], _shape),
        "item_bytes": _mapped("item_bytes", entry["item_bytes"], _count),
        "aliases": _mapped("aliases", entry["aliases"], text),
        "parts": _mapped("parts", entry["parts"], _names),
    }


def _node(where: str, given: Any) -> Node:
    entry = _keyed(where, given, NODE_KEYS, {**NODE_DEFAULTS, **WEIGHTS})
    if not isinstance(entry["at_most"], bool):
        raise InputError(f"{where}.at_most must be true or false, got {shown(entry['at_most'])}")
    return Node(
        name=text(f"{where}.name", entry["name"]),
        op=_operator(f"{where}.op", entry["op"]),
        inputs=_names(f"{where}.inputs", entry["inputs"]),
        outputs=_names(f"{where}.outputs", entry["outputs"]),
        source=text(f"{where}.source", entry["source"]),
        parameters=_count(f"{where}.parameters", entry["parameters"]),
        at_most=entry["at_most"],
        weights=tuple(_weight(f"{where}.weights", weight) for weight in _list(f"{where}.weights", entry["weights"])),
    )


def _weight(where: str, given: Any) -> Weight:
    entry = _keyed(where, given, ("role", "name", "shape"), {"views": []})
    return Weight(
        role=text(f"{where}.role", entry["role"]),
        name=text(f"{where}.name", entry["name"]),
        shape=_shape(f"{where}.shape", entry["shape"]),
        views=tuple(_operator(f"{where}.views", view) for view in _list(f"{where}.views", entry["views"])),
    )


def _operator(where: str, given: Any) -> Operator:
    try:
        return operators.from_json(given)
    except ModelError as error:
        raise InputError(f"{where}: {error}") from error


def _keyed(where: str, given: Any, needed: Iterable[str], defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An object with the keys needed and no others but those with defaults, which are filled in."""
    if not isinstance(given, dict):
        raise InputError(f"{where} must be an object, got {shown(given)}")
    known = {*needed, *(defaults or {})}
    for key in given:
        if key not in known:
            raise InputError(f"{where} has no key {key!r}{did_you_mean(key, sorted(known))}")
    for key in needed:
        if key not in given:
            raise InputError(f"{where} lacks the key {key!r}")
    return {**(defaults or {}), **given}


def _list(where: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise InputError(f"{where} must be a list, got {shown(given)}")
    return given


def _names(where: str, given: Any) -> tuple[str, ...]:
    return tuple(text(where, name) for name in _list(where, given))


def _count(where: str, given: Any, most: int = LARGEST_COUNT) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise InputError(f"{where} must be an integer, got {shown(given)}")
    return integer(where, given, 0, most)


def _shape(where: str, given: Any) -> Shape:
    return tuple(_count(where, n, LARGEST_SIZE) for n in _list(where, given))


def _mapped(where: str, given: Any, read: Callable[[str, Any], T]) -> dict[str, T]:
    if not isinstance(given, dict):
        raise InputError(f"{where} must be an object, got {shown(given)}")
    return {name: read(f"{where}[{name!r}]", value) for name, value in given.items()}


def _wired(entry: Mapping[str, Any]) -> None:
    """Raise InputError where a name stands for nothing, stands twice, or is read before it is written."""
    shapes, nodes = entry["shapes"], {node.name for node in entry["nodes"]}
    for name in (*entry["inputs"], *entry["outputs"], *entry["aliases"].values(), *entry["item_bytes"]):
        _stands("tensor", name, shapes)
    for names in entry["parts"].values():
        for name in names:
            _stands("node", name, nodes)
    if len(nodes) < len(entry["nodes"]):
        raise InputError("two nodes have the same name")
    writers = {name: k for k, node in enumerate(entry["nodes"]) for name in node.outputs}
    known = set(entry["inputs"])
    for k, node in enumerate(entry["nodes"]):
        if not node.outputs:
            raise InputError(f"node {node.name!r} has no output")
        for name in node.inputs:
            _stands("tensor", name, shapes)
            if writers.get(name, -1) >= k:
                raise InputError(f"node {node.name!r} reads {name!r} before it is written")
        for name in node.outputs:
            _stands("tensor", name, shapes)
            if name in known:
                raise InputError(f"tensor {name!r} is written twice")
            known.add(name)


def _stands(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise InputError(f"{what} {name!r} stands nowhere{did_you_mean(name, known)}")
