"""What a network and each of its layers cost: parameters, multiply-accumulates, activation memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from striate.network import Network, Node
from striate.network.operators import Result


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


@dataclass(frozen=True, slots=True)
class LayerCosts:
    """What a layer's name speaks for: one node, or all the nodes that ran inside a submodule, added up.

    ``op`` is the node's own word for its operator, or ``stage of 24 nodes``; ``activation_bytes`` is the size of a
    node's output, for a stage of all its nodes' outputs together (not the peak); ``nodes`` counts them: 0 for an
    input of the network, and for a submodule that hands its input on.
    """

    op: str
    nodes: int
    parameters: int
    macs: int
    activation_bytes: int


class CostTable:
    """The costs of every layer name of a network, worked out as they are asked for."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __getitem__(self, layer: str) -> LayerCosts:
        """The costs of a layer; raises InputError for an unknown name."""
        tensor = self._network.tensor(layer)
        parts = self._network.parts.get(layer) if layer not in self._by_name else None
        if parts is not None and len(parts) != 1:
            return self._stage(parts)
        if parts is None and tensor not in self._writers:
            return LayerCosts("input", 0, 0, 0, _bytes(self._network, tensor))
        node, result = self._by_name[parts[0]] if parts else self._writers[tensor]
        return LayerCosts(node.source or node.op.word, 1, node.parameters, result.macs, _bytes(self._network, tensor))

    def _stage(self, names: tuple[str, ...]) -> LayerCosts:
        parts = [self._by_name[name] for name in names]
        return LayerCosts(
            op=f"stage of {len(parts)} nodes",
            nodes=len(parts),
            parameters=sum(node.parameters for node, _ in parts),
            macs=sum(result.macs for _, result in parts),
            activation_bytes=sum(_bytes(self._network, name) for node, _ in parts for name in node.outputs if name),
        )

    @cached_property
    def _by_name(self) -> dict[str, tuple[Node, Result]]:
        pairs = zip(self._network.nodes, self._network.results, strict=True)
        return {node.name: (node, result) for node, result in pairs}

    @cached_property
    def _writers(self) -> dict[str, tuple[Node, Result]]:
        return {name: (node, result) for node, result in self._by_name.values() for name in node.outputs}


def _bytes(network: Network, tensor: str) -> int:
    return prod(network.shapes[tensor]) * network.item_bytes.get(tensor, 4)
