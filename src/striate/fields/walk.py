"""Patches through networks: carried back to an input, or on from it.

Where some paths are not followed, patches are kept apart by the axes that decide: going back, those that a global step
read from end to end, which must not turn out to be places of the input; going on, those that are places of the input,
which no global step may read from end to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from functools import reduce

from striate.fields.patch import Patch, added, settled
from striate.fields.steps import axes_back, axes_on, pull_back, push_on
from striate.network import Network
from striate.network.relation import Relation

Unfollowed = Mapping[str, Set[tuple[str, Relation, int]]]
Axes = frozenset[int]

NONE: Axes = frozenset()
EVERY: Unfollowed = {}


def trace(
    network: Network, tensor: str, patch: Patch, source: str, places: Axes = NONE, unfollowed: Unfollowed = EVERY
) -> dict[str, Patch]:
    """A patch on ``tensor`` carried back to ``source``: the patch of every tensor on the way.

    Tensors stand from the last to the first; those that no path of the patch leads through are left out.
    """
    led = _led(network, source, places, unfollowed) if unfollowed else None
    found = _back(network, tensor, patch, source, places, unfollowed)
    return {name: part for name, part in found if not part.empty and (led is None or name in led)}


def pull(
    network: Network, tensor: str, patch: Patch, source: str, places: Axes = NONE, unfollowed: Unfollowed = EVERY
) -> Patch:
    """What the input ``source`` gets from a patch on ``tensor``: which inputs feed these outputs.

    A path is not followed through a step of ``unfollowed`` (node, input, relation, number of the step) that reads an
    axis which moves with one of the axes ``places`` of the source.
    """
    for name, found in _back(network, tensor, patch, source, places, unfollowed):
        if name == source:
            return found
    return Patch.nothing(network.shapes[source], patch.values.dtype)


def _back(
    network: Network, tensor: str, patch: Patch, source: str, places: Axes, unfollowed: Unfollowed
) -> Iterator[tuple[str, Patch]]:
    """Each tensor between ``tensor`` and ``source`` once all that reads it has been seen, and its patch."""
    live = _descendants(network, source)
    found: dict[str, dict[Axes, Patch]] = {tensor: {NONE: patch}} if tensor in live else {}
    for node, result in zip(reversed(network.nodes), reversed(network.results), strict=True):
        ends = unfollowed.get(node.name, ())
        for name, output in zip(node.outputs, result.outputs, strict=False):
            if name not in found:
                continue
            here = {axes: settled(part) for axes, part in found.pop(name).items()}
            yield name, here.get(NONE) or Patch.nothing(output.shape, patch.values.dtype)
            for before, reads in zip(node.inputs, output.reads, strict=True):
                shape = network.shapes[before]
                for relation in reads if before in live else ():
                    ended = _ended(ends, before, relation)
                    for axes, part in here.items():
                        read = axes_back(relation, axes, shape, ended) if axes or ended else NONE
                        _gather(found.setdefault(before, {}), read, pull_back(relation, part, shape))
                if before in found and not found[before]:
                    del found[before]
    for name, parts in found.items():
        kept = [part for axes, part in parts.items() if not axes & places]
        yield name, settled(reduce(added, kept)) if kept else Patch.nothing(network.shapes[name], patch.values.dtype)


def push(
    network: Network, source: str, patch: Patch, target: str, places: Axes = NONE, unfollowed: Unfollowed = EVERY
) -> Patch:
    """What the tensor ``target`` gets from a patch on ``source``: which outputs these inputs can change.

    Paths are followed as by ``pull``.
    """
    needed = _ancestors(network, target)
    first = places if unfollowed else NONE
    found: dict[str, dict[Axes, Patch]] = {source: {first: patch}} if source in needed else {}
    for node, result in zip(network.nodes, network.results, strict=True):
        ends = unfollowed.get(node.name, ())
        for name, output in zip(node.outputs, result.outputs, strict=False):
            parts: dict[Axes, Patch] = {}
            for before, reads in zip(node.inputs, output.reads, strict=True):
                for relation in reads if name in needed and before in found else ():
                    ended = _ended(ends, before, relation)
                    for axes, part in found[before].items():
                        moved = axes_on(relation, axes, part.shape, ended) if axes else NONE
                        if moved is not None:
                            _gather(parts, moved, push_on(relation, part))
            if parts:
                found[name] = {axes: settled(part) for axes, part in parts.items()}
    return reduce(added, found.get(target, {}).values(), Patch.nothing(network.shapes[target], patch.values.dtype))


def _led(network: Network, source: str, places: Axes, unfollowed: Unfollowed) -> Set[str]:
    """The tensors to which any path from ``source`` leads."""
    found: dict[str, set[Axes]] = {source: {places}}
    for node, result in zip(network.nodes, network.results, strict=True):
        ends = unfollowed.get(node.name, ())
        for name, output in zip(node.outputs, result.outputs, strict=False):
            for before, reads in zip(node.inputs, output.reads, strict=True):
                for relation in reads if before in found else ():
                    ended = _ended(ends, before, relation)
                    moved = {axes_on(relation, axes, network.shapes[before], ended) for axes in found[before]}
                    if moved - {None}:
                        found.setdefault(name, set()).update(axes for axes in moved if axes is not None)
    return found.keys()


def _ended(ends: Iterable[tuple[str, Relation, int]], before: str, relation: Relation) -> frozenset[int]:
    """The steps of a relation at which paths end."""
    return frozenset(step for one, other, step in ends if one == before and other == relation)


def _gather(parts: dict[Axes, Patch], axes: Axes, part: Patch) -> None:
    if not part.empty:
        parts[axes] = added(parts[axes], part) if axes in parts else part


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
