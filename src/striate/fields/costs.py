"""What a network costs: parameters, multiply-accumulates, and the peak of its activation memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from striate.network import Network


@dataclass(frozen=True, slots=True)
class Costs:
    """Totals of a network.

    ``macs`` counts multiply-accumulates of convolutions and products; bias, pooling, normalisation and
    activations are left out. ``peak_activation_bytes`` is the largest sum of tensors alive at once when nodes
    run in order, each tensor living from the node that writes it to the last that reads it, inputs included,
    weights left out; ``peak_at`` names the node running then.
    """

    parameters: int
    macs: int
    peak_activation_bytes: int
    peak_at: str


def costs(network: Network) -> Costs:
    """The totals of a network in its execution order."""
    last_use = {name: len(network.nodes) for name in network.outputs}
    for position, node in enumerate(network.nodes):
        for name in node.inputs:
            last_use[name] = max(last_use.get(name, 0), position)
    alive = {name: _bytes(network, name) for name in network.inputs}
    peak, peak_at = sum(alive.values()), "input"
    for position, node in enumerate(network.nodes):
        alive.update({name: _bytes(network, name) for name in node.outputs})
        total = sum(alive.values())
        if total > peak:
            peak, peak_at = total, node.name
        for name in (*node.inputs, *node.outputs):
            if last_use.get(name, position) <= position:
                alive.pop(name, None)
    return Costs(
        parameters=sum(node.parameters for node in network.nodes),
        macs=sum(result.macs for result in network.results),
        peak_activation_bytes=peak,
        peak_at=peak_at,
    )


def _bytes(network: Network, tensor: str) -> int:
    return prod(network.shapes[tensor]) * network.item_bytes.get(tensor, 4)
