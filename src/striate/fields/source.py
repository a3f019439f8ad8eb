"""Which input of a network its fields speak of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from striate.errors import InputError
from striate.network import Network
from striate.network.operators import Conv, ConvTranspose
from striate.values import text

BESIDE = frozenset(
    {
        *("state", "states", "hidden", "h", "h0", "c0", "hx", "cx", "hn", "cn", "prev", "previous", "past", "cache"),
        *("memory", "mask", "weight", "weights", "kernel", "bias", "sr", "length", "lengths", "scale"),
    }
)
"""Words in the names of inputs that stand beside a picture or a signal."""


def choose_source(network: Network, source: str | None = None) -> str:
    """The named input; else the first one that the network's first convolution slides over, else of highest rank.

    An input that is a state, a mask or a weight by its name, such as ``hidden``, comes after all others.
    Raises InputError for a name that is no input, and where there is none.

    >>> from striate.network import Node
    >>> conv = Node("conv", Conv((3,), out_channels=1), ("audio",), ("y",))
    >>> shapes = {"state": (2, 1, 1, 128), "audio": (1, 1, 16), "y": (1, 1, 14)}
    >>> choose_source(Network("vad", ("state", "audio"), ("y",), (conv,), shapes))
    'audio'
    """
    if not network.inputs:
        raise InputError(f"{network.name} has no input, so that nothing in it depends on a pixel")
    if source is None:
        return _chosen(network)
    if text("source", source) not in network.inputs:
        raise InputError(f"no input {source!r} in {network.name}; its inputs: {', '.join(network.inputs)}")
    return source


def _chosen(network: Network) -> str:
    convolved = list(_convolved(network))
    first = next((name for name in convolved if not _beside(name)), None)
    if first is not None:
        return first
    own = convolved or [name for name in network.inputs if not _beside(name)]
    return max(own or network.inputs, key=lambda name: len(network.shapes[name]))


def _convolved(network: Network) -> Iterator[str]:
    """The inputs that some convolution slides over, those of the first one in execution order first."""
    behind = {name: frozenset((name,)) for name in network.inputs}
    found: set[str] = set()
    for node in network.nodes:
        seen = [behind.get(name, frozenset()) for name in node.inputs]
        if isinstance(node.op, Conv | ConvTranspose) and seen:
            yield from (name for name in network.inputs if name in seen[0] - found)
            found |= seen[0]
        behind.update(dict.fromkeys(node.outputs, frozenset[str]().union(*seen)))


def _beside(name: str) -> bool:
    """Whether an input is by its name a state, a mask or a weight, beside what the network looks at."""
    return not BESIDE.isdisjoint(re.findall(r"[a-z]+\d*", name.rpartition(".")[2].lower()))
