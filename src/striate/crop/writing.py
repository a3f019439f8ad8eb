"""A plan written out as a network: every part a few nodes, the last of them with the name of the whole's node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from striate.crop.part import Part, trim
from striate.crop.walk import Kept, Plan
from striate.geometry import Box, Interval
from striate.network import Network, Node
from striate.network.node import Weight
from striate.network.operators import Elementwise, Mix
from striate.network.relation import Shape


def written(network: Network, outputs: tuple[str, ...], plan: Plan) -> Network:
    """The network of a plan, nodes in the order of the whole's."""
    writer = Writer(plan, network.shapes)
    for node in network.nodes:
        made = plan.nodes.get(node.name, {})
        if isinstance(made, Kept):
            writer.keep(node)
        else:
            for k, part in made.items():
                writer.write(node, k, part)
    shapes, names = writer.shapes, {node.name for node in writer.nodes}
    parts = {path: tuple(name for name in inside if name in names) for path, inside in network.parts.items()}
    return Network(
        name=network.name,
        inputs=tuple(name for name in network.inputs if name in shapes),
        outputs=outputs,
        nodes=tuple(writer.nodes),
        shapes=shapes,
        item_bytes={name: size for name, size in network.item_bytes.items() if name in shapes},
        aliases={name: tensor for name, tensor in network.aliases.items() if tensor in shapes},
        parts={path: inside for path, inside in parts.items() if inside},
    )


class Writer:
    """The nodes of a crop, one after the other."""

    def __init__(self, plan: Plan, whole: Mapping[str, Shape]) -> None:
        self.boxes = plan.boxes
        self._whole = whole
        self.shapes: dict[str, Shape] = {name: box.shape for name, box in plan.boxes.items()}
        self.nodes: list[Node] = []
        self._parts: dict[tuple[str, Box], str] = {}

    def keep(self, node: Node) -> None:
        """A node as it is; what it reads is held as a whole."""
        self.nodes.append(node)

    def write(self, node: Node, k: int, part: Part) -> None:
        """The nodes that make output ``k``; parameters count with the one that does the whole node's work."""
        tensor = node.outputs[k]
        rows = [(name, box) for name, box in zip(node.inputs, part.reads, strict=True) if box is not None]
        steps = (*part.steps, *trim(part.made, self.boxes[tensor]))
        if part.steps:
            inputs = tuple(self.cut(name, box) for name, box in rows)
        else:
            ((name, box),) = rows
            inputs, steps = (name,), (*trim(self.boxes[name], box), *steps)
        steps = steps or (Elementwise(),)
        own = next((i for i, step in enumerate(steps) if type(step) is type(node.op)), len(steps) - 1)
        for i, step in enumerate(steps):
            last = i + 1 == len(steps)
            output = tensor if last else self._unused(f"{node.name}/{step.word}")
            name = node.name if last and k == 0 else output
            weights = cut_weights(node, part.made, self._whole[tensor]) if i == own else ()
            parameters = node.parameters if i == own else 0
            self._add(Node(name, step, inputs, (output,), node.source, parameters, node.at_most, weights))
            inputs = (output,)

    def cut(self, name: str, box: Box) -> str:
        """The tensor that holds just ``box`` of another one."""
        steps = trim(self.boxes[name], box)
        if not steps:
            return name
        if (name, box) not in self._parts:
            part = name
            for step in steps:
                cut = self._unused(f"{name}/{step.word}")
                self._add(Node(cut, step, (part,), (cut,)))
                part = cut
            self._parts[name, box] = part
        return self._parts[name, box]

    def _add(self, node: Node) -> None:
        if node.outputs[0] not in self.shapes:
            found = node.op.result(tuple(self.shapes[tensor] for tensor in node.inputs))
            self.shapes[node.outputs[0]] = found.outputs[0].shape
        self.nodes.append(node)

    def _unused(self, name: str) -> str:
        return next(tried for k in count() if (tried := f"{name}{k or ''}") not in self.shapes)


def cut_weights(node: Node, made: Box, shape: Shape) -> tuple[Weight, ...]:
    """The weights of a node whose output of some shape is made over a box: those with a value for each place are cut.

    Values of elements and normalisations are broadcast to the output from its last axis on, or stand for the channels
    of axis 1; other operators make all that their weights speak of.
    """
    if not isinstance(node.op, Elementwise | Mix):
        return node.weights
    trailing = node.op.function.name in ("layer_norm", "rms_norm")
    return tuple(
        _cut_weight(weight, made, shape, channels=not (trailing or weight.role.startswith("operand")))
        for weight in node.weights
    )


def _cut_weight(weight: Weight, made: Box, shape: Shape, *, channels: bool) -> Weight:
    rank = len(weight.shape)
    first = 1 if channels and rank == 1 and len(shape) > 1 else len(shape) - rank
    if first < 0:
        return weight
    sides = made[first : first + rank]
    rows = tuple(zip(weight.shape, shape[first : first + rank], sides, strict=True))
    if not any(n == m and side.size < n for n, m, side in rows):
        return weight
    held = Box([side if n == m else Interval(0, n) for n, m, side in rows])
    return replace(weight, shape=held.shape, views=(*weight.views, *trim(Box.whole(weight.shape), held)))
