"""The common form of a network: nodes in execution order over named tensors with concrete shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Protocol

from striate.errors import InputError, ModelError
from striate.frozen import FrozenDict
from striate.names import did_you_mean
from striate.network.document import parsed, written
from striate.network.node import Node
from striate.network.operators import Result
from striate.network.relation import Shape, shape_after
from striate.values import instance, text


@dataclass(frozen=True)
class Network:
    """A network bound to concrete input shapes: data alone, without the model it was read from.

    ``shapes`` and ``item_bytes`` speak of every tensor; ``aliases`` maps further layer names (a
    submodule's path, an output's name) to tensors; ``parts`` maps a submodule's path to the names of the nodes that
    ran inside it, in order.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    item_bytes: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("shapes", "item_bytes", "aliases", "parts"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def to_json(self) -> str:
        """The network as one JSON object, which ``network.schema.json`` describes.

        >>> from striate.network.operators import Transpose
        >>> node = Node("turn", Transpose((1, 0)), ("x",), ("y",))
        >>> network = Network("turned", ("x",), ("y",), (node,), {"x": (2, 3), "y": (3, 2)})
        >>> Network.from_json(network.to_json()) == network
        True
        """
        return json.dumps(written(self))

    @classmethod
    def from_json(cls, text: str) -> Network:
        """The network that ``to_json`` wrote; ModelError, which says where, for anything else."""
        network = cls(**parsed(text))
        try:
            network.validate()
        except InputError as error:
            raise ModelError(f"{network.name}: {error}") from error
        return network

    def __repr__(self) -> str:
        first, last = (_some([f"{name} {sized(self.shapes[name])}" for name in n]) for n in (self.inputs, self.outputs))
        return f"<{type(self).__name__} {self.name}: {len(self.nodes)} nodes, {first} -> {last}>"

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """What each node's operator says: shapes, relations, costs; in node order."""
        return tuple(self._apply(node) for node in self.nodes)

    def _apply(self, node: Node) -> Result:
        result = node.op.result(tuple(self.shapes[name] for name in node.inputs))
        for name, output in zip(node.outputs, result.outputs, strict=False):
            if output.shape != self.shapes[name]:
                raise ModelError(
                    f"{node.name} ({node.source}): {node.op.word} gives shape {output.shape}, "
                    f"the model says {self.shapes[name]}"
                )
        return result

    @cached_property
    def layers(self) -> Mapping[str, str]:
        """Every layer name and the tensor it stands for, nodes first, in execution order."""
        named = {node.name: node.outputs[0] for node in self.nodes}
        named.update({name: name for name in self.inputs})
        for name, tensor in self.aliases.items():
            named.setdefault(name, tensor)
        for node in self.nodes:
            for output in node.outputs:
                named.setdefault(output, output)
        return named

    def tensor(self, layer: str) -> str:
        """The tensor a layer name stands for; an unknown name is an error that suggests the nearest."""
        if text("layer", layer) in self.layers:
            return self.layers[layer]
        raise InputError(f"no layer {layer!r} in {self.name}{did_you_mean(layer, self.layers)}")

    def validate(self) -> None:
        """Raise ModelError where a relation does not lead to the shape of its output."""
        for node, result in zip(self.nodes, self.results, strict=True):
            for output in result.outputs:
                for name, reads in zip(node.inputs, output.reads, strict=True):
                    for relation in reads:
                        if shape_after(relation, self.shapes[name]) != output.shape:
                            raise ModelError(f"{node.name}: relation from {name} misses {output.shape}")


class HasNetwork(Protocol):
    """Whatever holds a network, as a model does."""

    @property
    def network(self) -> Network:
        """The network."""


def network_of(held: Network | HasNetwork) -> Network:
    """A network, or the one that a model holds; InputError for anything else."""
    return instance("network", getattr(held, "network", held), Network)


def sized(shape: Shape) -> str:
    """A shape in a word.

    >>> sized((1, 3, 224, 224)), sized(())
    ('1x3x224x224', 'scalar')
    """
    return "x".join(map(str, shape)) or "scalar"


def _some(texts: list[str]) -> str:
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
