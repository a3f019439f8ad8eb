"""The stage of every tensor, and what global operators become behind the joins of their inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from striate.crop.extents import Axes, Extent, Reads, ends, ends_and_middle, probes, read
from striate.crop.joins import Join, Joined, normalised, statistic
from striate.crop.part import UncroppableError, put
from striate.crop.walk import image_axes
from striate.geometry import Box, Interval
from striate.network import Network, Node
from striate.network.operators import Einsum, Elementwise, MatMul, Mix
from striate.network.relation import Shape

NOWHERE = Extent((), ())


@dataclass(frozen=True, slots=True)
class Cut:
    """What a node becomes."""

    node: Node | None
    """The node as its stage has it; None where a join gives what it made."""
    joins: tuple[Join, ...] = ()
    """The joins it waits for."""


class Cuts:
    """Nodes taken in order, each put in the first stage that it can run in.

    Where a softmax reads an axis of the image that the second operand of a product alone gave it, as keys do, that
    operand is joined: the walk goes back to the product.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.shapes: dict[str, Shape] = dict(network.shapes)
        self.level: dict[str, int] = dict.fromkeys(network.inputs, 0)
        axes = {name: tuple(sorted(image_axes(network, name))) for name in network.inputs}
        self._extent = {name: Extent(found, found) for name, found in axes.items()}
        self._operands: dict[str, Axes] = {}
        self._cuts: list[Cut] = []
        self._fixed: dict[str, Node] = {}
        self._inside: dict[int, list[Node]] = {}
        self._place = {node.name: i for i, node in enumerate(network.nodes)}
        while len(self._cuts) < len(network.nodes):
            self._take(network.nodes[len(self._cuts)])

    @property
    def joins(self) -> Iterator[Join]:
        """All joins, in order."""
        return (join for cut in self._cuts for join in cut.joins)

    def of(self, level: int) -> Iterator[Node]:
        """The nodes of one stage, each behind those that it reads of what depends on no input."""
        seen: set[str] = set()
        for node in self._inside.get(level, []):
            yield from self._behind(node, seen)
            yield node

    def _behind(self, node: Node, seen: set[str]) -> Iterator[Node]:
        for name in node.inputs:
            fixed = self._fixed.get(name)
            if fixed is not None and fixed.name not in seen:
                seen.add(fixed.name)
                yield from self._behind(fixed, seen)
                yield fixed

    def _take(self, node: Node) -> None:
        """Put a node in its stage, or go back to the products whose operands are to be joined before it."""
        if not any(name in self.level for name in node.inputs):
            self._fixed.update(dict.fromkeys(node.outputs, node))
            self._cuts.append(Cut(None))
            return
        found = self._global(node)
        if isinstance(node.op, Mix) and 0 in found:
            products = self._products(node.inputs[0], found[0])
            if products:
                self._operands.update(products)
                self._back(min(self._place[name] for name in products))
                return
        if node.name in self._operands:
            found = {**found, 1: self._operands[node.name]}
        cut = self._cut(node, found)
        self._cuts.append(cut)
        if cut.node is not None:
            self._put(cut.node)

    def _put(self, node: Node) -> None:
        level = max(self.level[name] for name in node.inputs if name in self.level)
        self._inside.setdefault(level, []).append(node)
        shapes = tuple(self.shapes[name] for name in node.inputs)
        made = probes(node, shapes, [self.shapes[name] for name in node.outputs])
        for name, probe in zip(node.outputs, made, strict=True):
            self.level[name] = level
            self._extent[name] = NOWHERE if probe is None else probe.extent(self._extents(node))

    def _extents(self, node: Node) -> dict[int, Extent]:
        return {k: self._extent[name] for k, name in enumerate(node.inputs) if name in self._extent}

    def _back(self, place: int) -> None:
        """Forget what became of the nodes from a place on."""
        while len(self._cuts) > place:
            cut = self._cuts.pop()
            if cut.node is not None:
                self._inside[self.level[cut.node.outputs[0]]].pop()
            made = cut.node.outputs if cut.node is not None else ()
            for name in (*made, *(name for join in cut.joins for name in join.gives)):
                del self.level[name], self._extent[name]

    def _cut(self, node: Node, found: Mapping[int, Axes]) -> Cut:
        """What a node becomes that reads something from end to end, or nothing."""
        if not found:
            return Cut(node)
        tensor = node.inputs[0]
        shape, alone = self.shapes[tensor], set(found) == {0}
        reduced = statistic(node.op, shape) if alone else None
        if reduced is not None:
            axes, kind = reduced
            gives = {node.outputs[0]: self.shapes[node.outputs[0]]}
            return Cut(None, (self._join(Join(node.name, tensor, axes, None, kind, tuple(gives)), gives),))
        measured = normalised(node.op, shape) if alone else None
        if measured is not None and isinstance(node.op, Mix):
            axes, kind, names = measured
            gives = {f"{node.name}/{name}": tuple(1 if a in axes else n for a, n in enumerate(shape)) for name in names}
            join = self._join(Join(node.name, tensor, axes, node.op.groups, kind, tuple(gives)), gives)
            keep = (node.op.keep, None, None) if node.op.keep is not None else ()
            local = Elementwise(keep=keep, function=node.op.function)
            return Cut(replace(node, op=local, inputs=(tensor, *gives)), (join,))
        inputs, joins = list(node.inputs), []
        for k, axes in found.items():
            name = node.inputs[k]
            every = len(axes) == len(self._tiles(name))
            inputs[k] = f"{name}/whole" if every else f"{name}/whole along {', '.join(map(str, axes))}"
            if inputs[k] not in self.level:
                join = Join(node.name, name, axes, None, Joined.WHOLE, (inputs[k],))
                joins.append(self._join(join, {inputs[k]: self.shapes[name]}))
        return Cut(replace(node, inputs=tuple(inputs)), tuple(joins))

    def _join(self, join: Join, gives: Mapping[str, Shape]) -> Join:
        """The join; what it gives is there from the stage behind it on, and stretches along what it keeps."""
        kept = [axis for axis in range(len(self.shapes[join.tensor])) if axis not in join.axes]
        of = self._extent[join.tensor]
        for name, shape in gives.items():
            self.level[name] = self.level[join.tensor] + 1
            self.shapes[name] = shape
            places = {axis: axis if len(shape) > len(kept) else k for k, axis in enumerate(kept)}
            firm, loose = (tuple(places[a] for a in axes if a in places) for axes in (of.firm, of.loose))
            self._extent[name] = Extent(firm, loose)
        return join

    def _global(self, node: Node) -> dict[int, Axes]:
        """The inputs, and axes of each, that a node reads from end to end and that stretch over the image."""
        inputs = self._extents(node)
        if node.name in self._operands:
            inputs.pop(1)
        shapes = tuple(self.shapes[name] for name in node.inputs)
        made = list(probes(node, shapes, [self.shapes[name] for name in node.outputs])) if inputs else []
        found = {
            k: tuple(axis for axis in axes if self._stretches(node.inputs[k], axis))
            for k, axes in ends(node, made, inputs).items()
        }
        return {k: axes for k, axes in found.items() if axes}

    def _tiles(self, tensor: str) -> Axes:
        """The axes of a tensor that stretch over the image."""
        return tuple(axis for axis in self._extent[tensor].loose if self._stretches(tensor, axis))

    def _stretches(self, tensor: str, axis: int) -> bool:
        """Whether a box along a loose axis takes more than half of what the inputs of the stage are tiled along."""
        return axis in self._extent[tensor].firm or all(self._follows(*rows) for rows in self._read(tensor, axis))

    def _follows(self, slim: Mapping[str, Box], wide: Mapping[str, Box]) -> bool:
        made = {name for node in self._inside.get(self.level[next(iter(wide))], []) for name in node.outputs}
        return any(
            2 * box[axis].size > self.shapes[name][axis] and (name not in slim or box[axis] != slim[name][axis])
            for name, box in wide.items()
            if name not in made
            for axis in self._extent[name].firm
        )

    def _products(self, tensor: str, axes: Axes) -> dict[str, Axes]:
        """The products whose second operand alone stretches axes of a tensor: the axes of these operands."""
        products = [node for node in self._inside.get(self.level[tensor], []) if isinstance(node.op, MatMul | Einsum)]
        found: dict[str, Axes] = {}
        for axis in axes:
            for slim, wide in self._read(tensor, axis):
                for node in (node for node in products if node.outputs[0] in wide):
                    rows, columns = (slim.get(name) != wide.get(name) for name in node.inputs[:2])
                    if columns and not rows:
                        found[node.name] = self._tiles(node.inputs[1])
        return found

    def _read(self, tensor: str, axis: int) -> Iterator[tuple[Mapping[str, Box], Mapping[str, Box]]]:
        """What the first unit of a tensor and the middle one take within a stage, and widened along an axis."""
        shape = self.shapes[tensor]
        for place in ends_and_middle(shape)[:2]:
            unit = Box([Interval(u, u + 1) for u in place])
            yield self._taken(tensor, unit), self._taken(tensor, put(unit, axis, Interval(0, shape[axis])))

    def _taken(self, tensor: str, box: Box) -> Mapping[str, Box]:
        boxes = {tensor: box}
        for node in reversed(self._inside.get(self.level[tensor], [])):
            shapes = tuple(self.shapes[name] for name in node.inputs)
            for k, name in enumerate(node.outputs):
                if name in boxes:
                    for source, taken in zip(node.inputs, self._reads(node, shapes, k, boxes[name]), strict=True):
                        if taken is not None and source in self.level:
                            boxes[source] = boxes[source].hull(taken) if source in boxes else taken
        return boxes

    def _reads(self, node: Node, shapes: tuple[Shape, ...], k: int, box: Box) -> Reads:
        try:
            return read(node.op, shapes, k, box)
        except UncroppableError:
            return tuple(map(Box.whole, shapes))
