"""Stages of a network whose node names are paths, such as ``/layer4/layer4.0/conv1/Conv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from striate.network.network import Network

DEEPEST = 64


def with_stages(network: Network) -> Network:
    """The network with every folder of its node names as a layer: the stage of all nodes beneath it.

    A stage's tensor is the last one written in it that is read outside, or that the network returns. Names that
    mean something already keep their meaning.

    >>> from striate.network import Node
    >>> from striate.network.operators import Elementwise
    >>> nodes = (Node("a/conv", Elementwise(), ("x",), ("y",)), Node("a/relu", Elementwise(), ("y",), ("z",)))
    >>> named = with_stages(Network("n", ("x",), ("z",), nodes, dict.fromkeys("xyz", (1, 4))))
    >>> named.parts, named.tensor("a")
    ({'a': ('a/conv', 'a/relu')}, 'z')
    """
    found = {path: names for path, names in _folders(network).items() if path not in network.layers}
    readers, outputs = _readers(network), {node.name: node.outputs for node in network.nodes}
    return replace(
        network,
        aliases={**network.aliases, **{path: _tensor(names, outputs, readers) for path, names in found.items()}},
        parts={**network.parts, **found},
    )


def _folders(network: Network) -> Mapping[str, tuple[str, ...]]:
    """Every folder with the nodes beneath it, in order."""
    found: dict[str, list[str]] = {}
    for node in network.nodes:
        parts = node.name.split("/")
        for depth in range(1, min(len(parts), DEEPEST)):
            found.setdefault("/".join(parts[:depth]), []).append(node.name)
    return {path: tuple(names) for path, names in found.items() if path}


def _readers(network: Network) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {name: {""} for name in network.outputs}
    for node in network.nodes:
        for name in node.inputs:
            found.setdefault(name, set()).add(node.name)
    return found


def _tensor(names: tuple[str, ...], outputs: Mapping[str, tuple[str, ...]], readers: Mapping[str, set[str]]) -> str:
    inside = set(names)
    written = [name for part in names for name in outputs[part] if name]
    return next((name for name in reversed(written) if not readers.get(name, inside) <= inside), written[-1])
