"""Back from the boxes that are asked for: the box of every tensor that is needed, and how nodes make theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from striate.crop.part import Part, UncroppableError, filled, put
from striate.crop.rules import kept_apart, narrow
from striate.errors import UnsupportedError
from striate.geometry import Box, Interval, Runs
from striate.network import Network, Node
from striate.network.operators import Conv, ConvTranspose, Linear, Result

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


def planned(network: Network, asked: Boxes, *, grow: bool = False) -> Plan:
    """What the boxes of some tensors need; UnsupportedError where a node needs the whole for a part.

    A node that looks along an axis from end to end may: windows of tokens grow to windows, channels to all channels.
    It may not where the image grows to its ends for it alone, while the same is read nearby on another way, unless
    ``grow`` allows it.
    """
    plan = _walked(network, asked)
    whole = any(_ends(plan, name, network) for name in network.inputs)
    if whole and not grow and any(_spread(node, plan) for node in network.nodes):
        grown = _grown(network, plan, _walked(network, asked, narrow=True))
        if grown:
            _refuse_growth(network, plan, asked, grown)
    return plan


def _refuse_growth(network: Network, plan: Plan, asked: Boxes, grown: set[tuple[str, int]]) -> None:
    """Refuse the last node that takes axes of the image from end to end that are else not read so."""
    found = [
        (node, k, axis)
        for node in reversed(network.nodes)
        for k, axis in _spread(node, plan)
        if grown & _taken(network, node.inputs[k], _reads(plan.nodes[node.name], k), axis)
    ]
    without = frozenset(node.name for node, _, _ in found)
    if found and _grown(network, plan, _walked(network, asked, without=without)):
        node, k, axis = found[0]
        names = sorted({name for name, _ in grown})
        takes = ", ".join(f"{plan.boxes[name]} of {name} {network.shapes[name]}" for name in names)
        raise UnsupportedError(
            f"crop: {_named(node)} reads all of axis {axis} of {node.inputs[k]}, so that this crop would take {takes}; "
            "allow it (grow=True, --grow), cut the network there (striate.crop.stages), or ask for tensors before it"
        )


def _grown(network: Network, plan: Plan, near: Plan) -> set[tuple[str, int]]:
    """The inputs and axes that one plan reads from end to end and another reads too, but not so."""
    return {
        (name, axis)
        for name in network.inputs
        if name in near.boxes
        for axis in _ends(plan, name, network) - _ends(near, name, network)
    }


def _ends(plan: Plan, name: str, network: Network) -> set[int]:
    """The axes of an image or a row of tokens that a plan reads from end to end."""
    if name not in plan.boxes:
        return set()
    shape, box = network.shapes[name], plan.boxes[name]
    return {axis for axis in image_axes(network, name) if shape[axis] > 1 and box[axis] == Interval(0, shape[axis])}


def image_axes(network: Network, name: str) -> set[int]:
    """All axes of an input but the batch, and the channels where a layer that reads it says which they are."""
    rank = len(network.shapes[name])
    axes = set(range(2 if rank > 3 else 1, rank))
    for node in network.nodes:
        if name in node.inputs[:1] and isinstance(node.op, Conv | ConvTranspose | Linear):
            axes.discard(node.op.axis % rank if isinstance(node.op, Linear) else 1)
    return axes


def _taken(network: Network, tensor: str, box: Box, axis: int) -> set[tuple[str, int]]:
    """The inputs and axes that are read from end to end if this tensor is along one axis, and none before it."""
    point = Box([Interval(side.start, side.start + 1) for side in box])
    wide = _walked(network, {tensor: put(point, axis, Interval(0, network.shapes[tensor][axis]))}, narrow=True)
    slim = _walked(network, {tensor: point}, narrow=True)
    ends = {name: _ends(wide, name, network) - _ends(slim, name, network) for name in network.inputs}
    return {(name, end) for name, axes in ends.items() for end in axes}


def _walked(network: Network, asked: Boxes, *, narrow: bool = False, without: frozenset[str] = frozenset()) -> Plan:
    """The plan, with ``narrow`` as if no operator looked along an axis from end to end.

    Nodes named in ``without`` read nothing that they would read from end to end but what stands at their own place.
    """
    boxes = dict(asked)
    nodes: dict[str, Made] = {}
    for node, result in zip(reversed(network.nodes), reversed(network.results), strict=True):
        outputs = {k: boxes[name] for k, name in enumerate(node.outputs) if name in boxes}
        if not outputs:
            continue
        if any(isinstance(side, Runs) for box in outputs.values() for side in box):
            shapes = tuple(network.shapes[name] for name in node.inputs)
            outputs = {k: kept_apart(node.op, shapes, box) for k, box in outputs.items()}
            boxes.update({node.outputs[k]: box for k, box in outputs.items()})
        made = nodes[node.name] = _made(node, result, outputs, network)
        if isinstance(made, Kept):
            every = zip(node.outputs, result.outputs, strict=False)
            boxes.update({name: Box.whole(output.shape) for name, output in every})
        for row in _rows(made, narrow=narrow, without=node.name in without):
            for name, box in zip(node.inputs, row, strict=True):
                if box is not None:
                    boxes[name] = boxes[name].hull(box) if name in boxes else box
    written = {name for node in network.nodes for name in node.outputs}
    return Plan({name: box if name in written else filled(box) for name, box in boxes.items()}, nodes)


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


def _rows(made: Made, *, narrow: bool, without: bool) -> Iterator[list[Box | None]]:
    """What is read of a node's inputs, once for each output."""
    if isinstance(made, Kept):
        yield [None if narrow or without else box for box in made.reads]
        return
    for part in made.values():
        row = list(part.reads)
        for k, axis in part.spread:
            read, near = row[k], part.near if k == 0 else None
            if without or (narrow and near is not None):
                row[k] = near
            elif narrow and read is not None:
                row[k] = put(read, axis, Interval(0, 1))
        yield row


def _spread(node: Node, plan: Plan) -> list[tuple[int, int]]:
    """The inputs and axes of more than one element that a node reads from end to end."""
    made = plan.nodes.get(node.name, {})
    if isinstance(made, Kept):
        return [(k, axis) for k, box in enumerate(made.reads) for axis, side in enumerate(box) if side.size > 1]
    rows = ((k, axis, part.reads[k]) for part in made.values() for k, axis in part.spread)
    return [(k, axis) for k, axis, read in rows if read is not None and read[axis].size > 1]


def _reads(made: Made, k: int) -> Box:
    """A box of a node's input ``k`` that it reads."""
    rows = [made.reads] if isinstance(made, Kept) else [part.reads for part in made.values()]
    return next(box for row in rows if (box := row[k]) is not None)


def _named(node: Node) -> str:
    return f"{node.name} ({node.source or node.op.word})"
