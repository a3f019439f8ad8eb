"""Back from the boxes that are asked for: the box of every tensor that is needed, and how nodes make theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from striate.crop.part import Part, UncroppableError, put
from striate.crop.rules import narrow
from striate.errors import UnsupportedError
from striate.geometry import Box, Interval
from striate.network import Network, Node
from striate.network.operators import Result

Boxes = Mapping[str, Box]


@dataclass(frozen=True, slots=True)
class Kept:
    """A node that makes all its outputs as a whole, from all of its inputs."""

    reads: tuple[Box, ...]


Made = Kept | Mapping[int, Part]


@dataclass(frozen=True, slots=True)
class Plan:
    """The box of every tensor that is needed; for each node that is, by its name, how it makes its outputs."""

    boxes: Boxes
    nodes: Mapping[str, Made]


def planned(network: Network, asked: Boxes) -> Plan:
    """What the boxes of some tensors need; UnsupportedError where a node needs the whole for a part.

    A node that looks along an axis from end to end may: windows of tokens grow to windows, channels to all channels.
    It may not where the image's own axes grow to their ends for it alone.
    """
    plan = _walked(network, asked)
    grown = [name for name in network.inputs if name in plan.boxes and _full(plan.boxes[name], network, name)]
    if grown and any(_growths(node, plan) for node in network.nodes):
        near = _walked(network, asked, near=True).boxes
        for name in (name for name in grown if name in near):
            grows = _full(plan.boxes[name], network, name) - _full(near[name], network, name)
            _refuse_growth(network, plan, name, grows)
    return plan


def _full(box: Box, network: Network, name: str) -> set[int]:
    """The axes of an image or a row of tokens that a box covers from end to end: all but batch and channels."""
    shape = network.shapes[name]
    axes = range(2 if len(shape) > 3 else 1, len(shape))
    return {axis for axis in axes if shape[axis] > 1 and box[axis] == Interval(0, shape[axis])}


def _walked(network: Network, asked: Boxes, *, near: bool = False) -> Plan:
    """The plan, with ``near`` as if no operator looked along an axis from end to end."""
    boxes = dict(asked)
    nodes: dict[str, Made] = {}
    for node, result in zip(reversed(network.nodes), reversed(network.results), strict=True):
        outputs = {k: boxes[name] for k, name in enumerate(node.outputs) if name in boxes}
        if not outputs:
            continue
        made = nodes[node.name] = _made(node, result, outputs, network)
        if isinstance(made, Kept):
            every = zip(node.outputs, result.outputs, strict=False)
            boxes.update({name: Box.whole(output.shape) for name, output in every})
        for row in _rows(made, near=near):
            for name, box in zip(node.inputs, row, strict=True):
                if box is not None:
                    boxes[name] = boxes[name].hull(box) if name in boxes else box
    return Plan(boxes, nodes)


def _made(node: Node, result: Result, outputs: Mapping[int, Box], network: Network) -> Made:
    shapes = tuple(network.shapes[name] for name in node.inputs)
    try:
        return {k: narrow(node.op, shapes, k, box) for k, box in outputs.items()}
    except UncroppableError as reason:
        for k, box in outputs.items():
            whole = Box.whole(result.outputs[k].shape)
            if box != whole:
                raise UnsupportedError(
                    f"crop: {_named(node)} cannot be cropped to {box}: {reason}; ask for all of it, {whole}, or for "
                    "tensors before it"
                ) from None
        return Kept(tuple(map(Box.whole, shapes)))


def _rows(made: Made, *, near: bool) -> Iterator[tuple[Box | None, ...]]:
    """What is read of a node's inputs, once for each output."""
    if isinstance(made, Kept):
        yield tuple(None if near else box for box in made.reads)
        return
    for part in made.values():
        yield part.near if near and part.near is not None else part.reads


def _refuse_growth(network: Network, plan: Plan, name: str, axes: set[int]) -> None:
    """Refuse the last node for which alone some axes of an input are needed from end to end."""
    for node in reversed(network.nodes) if axes else ():
        for tensor, box, axis in _growths(node, plan):
            point = Box([Interval(side.start, side.start + 1) for side in box])
            wide = _walked(network, {tensor: put(point, axis, Interval(0, network.shapes[tensor][axis]))}).boxes
            slim = _walked(network, {tensor: point}).boxes
            anyway = _full(slim[name], network, name) if name in slim else set()
            if name in wide and axes & (_full(wide[name], network, name) - anyway):
                shape, held = network.shapes[name], plan.boxes[name]
                raise UnsupportedError(
                    f"crop: {_named(node)} reads all of axis {axis} of {tensor}, so that this crop would take "
                    f"{held} of {name} {shape}; cut the network there, or ask for tensors before it"
                )


def _growths(node: Node, plan: Plan) -> list[tuple[str, Box, int]]:
    """The tensors of which a node reads an axis from end to end that it else would not: name, box and axis."""
    made = plan.nodes.get(node.name, {})
    if isinstance(made, Kept):
        rows = zip(node.inputs, made.reads, strict=True)
        return [(tensor, box, axis) for tensor, box in rows for axis, side in enumerate(box) if side.size > 1]
    found = []
    for part in made.values():
        for k, axis in part.spread:
            read, near = part.reads[k], None if part.near is None else part.near[k]
            if read is not None and read[axis].size > 1 and (near is None or near[axis] != read[axis]):
                found.append((node.inputs[k], read, axis))
    return found


def _named(node: Node) -> str:
    return f"{node.name} ({node.source or node.op.word})"
