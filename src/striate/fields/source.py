"""Which input of a network its fields speak of."""

from __future__ import annotations

from striate.errors import InputError
from striate.network import Network
from striate.network.operators import Conv, ConvTranspose
from striate.values import text


def choose_source(network: Network, source: str | None = None) -> str:
    """The named input; else the first one behind the network's first convolution, else the first of highest rank.

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
        convolved = _behind_the_first_convolution(network)
        return next((name for name in network.inputs if name in convolved), _of_highest_rank(network))
    if text("source", source) not in network.inputs:
        raise InputError(f"no input {source!r} in {network.name}; its inputs: {', '.join(network.inputs)}")
    return source


def _of_highest_rank(network: Network) -> str:
    return max(network.inputs, key=lambda name: len(network.shapes[name]))


def _behind_the_first_convolution(network: Network) -> frozenset[str]:
    """The inputs that the first convolution in execution order depends on."""
    behind = {name: frozenset((name,)) for name in network.inputs}
    for node in network.nodes:
        seen = frozenset[str]().union(*(behind.get(name, frozenset()) for name in node.inputs))
        if isinstance(node.op, Conv | ConvTranspose) and seen:
            return seen
        behind.update(dict.fromkeys(node.outputs, seen))
    return frozenset()
