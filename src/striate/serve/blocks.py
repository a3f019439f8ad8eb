"""A network in boxes: runs of nodes of one stage folded together, as far as stages are not opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import groupby

from striate.network import Network

MOST_BOXES = 40


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes that stand in one box; a run of one folder's nodes in execution order, so that no way leads back into it.

    ``layer`` is the name to ask questions of, that of the node whose output leaves the block; ``folder`` is the stage
    that the box stands for, empty for a node or an input by itself, ``within`` the opened ones around it from outside.
    """

    layer: str
    folder: str
    nodes: tuple[str, ...]
    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A tensor that a block reads of another one; blocks by number."""

    source: int
    target: int
    tensor: str


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a network, inputs first and then in execution order, and what each reads of those before."""

    blocks: tuple[Block, ...]
    links: tuple[Link, ...]


def blocks(network: Network, opened: Iterable[str] = ()) -> Blocks:
    """The network's boxes where the stages ``opened`` are opened and all others are closed.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Elementwise
    >>> b = Builder("two", x=(1, 4))
    >>> last = b.add(Elementwise(), b.add(Elementwise(), "x", name="a/one"), name="a/two")
    >>> from striate.network.stages import with_stages
    >>> [block.layer for block in blocks(with_stages(b.network())).blocks]
    ['x', 'a/two']
    """
    folders, opened = _folders(network), frozenset(opened)
    inputs = [Block(name, "", (), ()) for name in network.inputs]
    found = [*inputs, *_runs(network, folders, opened)]
    return Blocks(tuple(found), tuple(dict.fromkeys(_links(network, found))))


def opened_at_first(network: Network, most: int = MOST_BOXES) -> frozenset[str]:
    """The stages to open so that at most ``most`` boxes tell the network: the fullest first, from the outside in."""
    chains = list(_folders(network).values())
    opened: set[str] = set()
    closed: dict[str, list[range]] = {}
    fullest: list[tuple[int, int, str]] = []

    def close(runs: Iterable[tuple[str, range]]) -> None:
        for folder, run in runs:
            closed.setdefault(folder, []).append(run)
            if folder and len(run) > 1:
                heappush(fullest, (-len(run), run.start, folder))

    runs = _parted(chains, range(len(chains)), 0)
    boxes = len(runs)
    close(runs)
    while fullest:
        _, start, folder = heappop(fullest)
        outer, depth = closed.pop(folder, []), chains[start].index(folder) + 1
        inner = [run for whole in outer for run in _parted(chains, whole, depth)]
        if outer and boxes - len(outer) + len(inner) <= most:
            boxes += len(inner) - len(outer)
            opened.add(folder)
            close(inner)
    return frozenset(opened)


def _parted(chains: Sequence[Sequence[str]], nodes: range, depth: int) -> list[tuple[str, range]]:
    """Runs of nodes that stand in one stage at a depth of their chains; a node that stands in none is alone."""
    found: list[tuple[str, range]] = []
    for position in nodes:
        folder = chains[position][depth] if depth < len(chains[position]) else ""
        if folder and found and found[-1][0] == folder:
            found[-1] = folder, range(found[-1][1].start, position + 1)
        else:
            found.append((folder, range(position, position + 1)))
    return found


def _folders(network: Network) -> Mapping[str, tuple[str, ...]]:
    """The stages of several nodes that each node stands in, the outermost first."""
    stages = sorted((path for path, nodes in network.parts.items() if len(nodes) > 1), key=len)
    found: dict[str, list[str]] = {node.name: [] for node in network.nodes}
    for path in stages:
        for name in network.parts[path]:
            chain = found[name]
            if not chain or path.startswith(chain[-1]):
                chain.append(path)
    return {name: tuple(chain) for name, chain in found.items()}


def _runs(network: Network, folders: Mapping[str, Sequence[str]], opened: frozenset[str]) -> Iterator[Block]:
    def closed(position: int) -> tuple[str, int]:
        name = network.nodes[position].name
        folder = next((path for path in folders[name] if path not in opened), "")
        return folder, 0 if folder else position

    for (folder, _), run in groupby(range(len(network.nodes)), closed):
        names = tuple(network.nodes[position].name for position in run)
        chain = folders[names[0]]
        within = tuple(chain[: chain.index(folder)] if folder else chain)
        whole = folder and len(names) == len(network.parts[folder])
        yield Block(_speaker(network, folder) if whole else names[-1], folder if len(names) > 1 else "", names, within)


def _speaker(network: Network, folder: str) -> str:
    """The node that writes the tensor which a stage stands for; the stage's own name where none does."""
    tensor = network.tensor(folder)
    return next((node.name for node in network.nodes if tensor in node.outputs[:1]), folder)


def _links(network: Network, found: Sequence[Block]) -> Iterator[Link]:
    holds = {name: k for k, block in enumerate(found) for name in block.nodes}
    writes = {name: k for k, name in enumerate(network.inputs)}
    for node in network.nodes:
        target = holds[node.name]
        for tensor in node.inputs:
            if writes.get(tensor, target) != target:
                yield Link(writes[tensor], target, tensor)
        writes.update(dict.fromkeys(node.outputs, target))
