"""Patches through networks: carried back to an input, or on from it."""

from __future__ import annotations

from collections.abc import Iterator

from striate.fields.patch import Patch, added, settled
from striate.fields.steps import pull_back, push_on
from striate.network import Network


def trace(network: Network, tensor: str, patch: Patch, source: str) -> dict[str, Patch]:
    """A patch on ``tensor`` carried back to ``source``: the patch of every tensor on the way.

    Tensors stand from the last to the first; those that the patch does not reach are left out.
    """
    return dict(_back(network, tensor, patch, source))


def pull(network: Network, tensor: str, patch: Patch, source: str) -> Patch:
    """What the input ``source`` gets from a patch on ``tensor``: which inputs feed these outputs."""
    for name, found in _back(network, tensor, patch, source):
        if name == source:
            return found
    return Patch.nothing(network.shapes[source], patch.values.dtype)


def _back(network: Network, tensor: str, patch: Patch, source: str) -> Iterator[tuple[str, Patch]]:
    """Each tensor between ``tensor`` and ``source`` once all that reads it has been seen, and its patch."""
    live = _descendants(network, source)
    found = {tensor: patch} if tensor in live else {}
    for node, result in zip(reversed(network.nodes), reversed(network.results), strict=True):
        for name, output in zip(node.outputs, result.outputs, strict=False):
            if name not in found:
                continue
            here = settled(found.pop(name))
            yield name, here
            for before, reads in zip(node.inputs, output.reads, strict=True):
                for relation in reads if before in live else ():
                    part = pull_back(relation, here, network.shapes[before])
                    if not part.empty:
                        found[before] = added(found[before], part) if before in found else part
    for name, left in found.items():
        yield name, settled(left)


def push(network: Network, source: str, patch: Patch, target: str) -> Patch:
    """What the tensor ``target`` gets from a patch on ``source``: which outputs these inputs can change."""
    needed = _ancestors(network, target)
    found = {source: patch} if source in needed else {}
    for node, result in zip(network.nodes, network.results, strict=True):
        for name, output in zip(node.outputs, result.outputs, strict=False):
            for before, reads in zip(node.inputs, output.reads, strict=True):
                for relation in reads if name in needed and before in found else ():
                    part = push_on(relation, found[before])
                    if not part.empty:
                        found[name] = added(found[name], part) if name in found else part
            if name in found:
                found[name] = settled(found[name])
    return found.get(target, Patch.nothing(network.shapes[target], patch.values.dtype))


def _descendants(network: Network, source: str) -> set[str]:
    """The tensors that depend on ``source``, itself included."""
    live = {source}
    for node in network.nodes:
        if not live.isdisjoint(node.inputs):
            live.update(node.outputs)
    return live


def _ancestors(network: Network, target: str) -> set[str]:
    """The tensors ``target`` depends on, itself included."""
    needed = {target}
    for node in reversed(network.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
    return needed
