"""Networks written node by node, every shape derived as its node is added."""

from __future__ import annotations

from striate.errors import InputError
from striate.names import did_you_mean
from striate.network.network import Network
from striate.network.node import Node
from striate.network.operators import Operator
from striate.network.relation import Shape
from striate.values import integers, shown


class Builder:
    """A network under construction.

    >>> from striate.network.operators import Conv, Elementwise
    >>> b = Builder("one", image=(1, 3, 8, 8))
    >>> y = b.add(Conv((3, 3), out_channels=4), "image", name="conv")
    >>> b.shapes[y], b.add(Elementwise(), y, y)
    ((1, 4, 6, 6), 'elementwise1')
    >>> b.network().outputs
    ('elementwise1',)
    """

    def __init__(self, name: str, /, **inputs: Shape) -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.inputs = tuple(inputs)
        self.shapes: dict[str, Shape] = {tensor: integers(tensor, shape) for tensor, shape in inputs.items()}

    def constant(self, name: str, shape: Shape) -> str:
        """Add a tensor that nodes read and none writes; its name."""
        self.shapes[self._unused(name)] = integers(name, shape)
        return name

    def add(
        self, op: Operator, *inputs: str, name: str = "", source: str = "", parameters: int = 0, at_most: bool = False
    ) -> str:
        """Add a node that reads some tensors; the name of its first output, which is its own.

        Further outputs are called ``name.1``, ``name.2`` and so on. InputError where an input is unknown or does not
        fit the operator, or the name is taken.
        """
        name = self._unused(name or f"{_operator(op).word}{len(self.nodes)}")
        for tensor in inputs:
            if tensor not in self.shapes:
                raise InputError(f"{name} reads {tensor!r}, which {self.name} lacks{did_you_mean(tensor, self.shapes)}")
        found = op.result(tuple(self.shapes[tensor] for tensor in inputs)).outputs
        outputs = tuple(name if k == 0 else self._unused(f"{name}.{k}") for k in range(len(found)))
        self.shapes.update({tensor: output.shape for tensor, output in zip(outputs, found, strict=True)})
        self.nodes.append(Node(name, op, inputs, outputs, source, parameters, at_most))
        return name

    def network(self, *outputs: str) -> Network:
        """The network; without ``outputs`` the last node's first one is returned."""
        if not outputs and not self.nodes:
            raise InputError(f"{self.name} has no node yet")
        network = Network(
            self.name, self.inputs, outputs or (self.nodes[-1].outputs[0],), tuple(self.nodes), dict(self.shapes)
        )
        network.validate()
        return network

    def _unused(self, name: str) -> str:
        if name in self.shapes:
            raise InputError(f"{self.name} has a tensor {name!r} already")
        return name


def _operator(op: object) -> Operator:
    if not isinstance(op, Operator):
        raise InputError(f"op must be an Operator, got {shown(op)}")
    return op
