"""Along which axes a node's output stretches over what its inputs do, and of which it takes all for one unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from striate.crop.part import UncroppableError, filled, put
from striate.crop.rules import narrow
from striate.geometry import Box, Interval
from striate.network import Node
from striate.network.operators import Conv, ConvTranspose, Operator, Pad, Resize
from striate.network.relation import Shape

Axes = tuple[int, ...]
Reads = tuple[Box | None, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """The axes of a tensor that stretch over the image, as far as a look at every node by itself can tell.

    Along ``firm`` ones a box of the whole length takes more than half of the image's; along ``loose`` ones it takes
    more than a unit does. An axis of an image cut into windows is loose.
    """

    firm: Axes
    loose: Axes


@dataclass(frozen=True, slots=True)
class Probe:
    """What one output of a node reads of its inputs: at three units, and at two of them widened along each axis."""

    shapes: tuple[Shape, ...]
    units: tuple[Reads, ...]
    wide: tuple[tuple[Reads, ...], ...]

    def covers(self, k: int, axis: int) -> bool:
        """Whether some unit takes all of an axis of input ``k``."""
        whole = Interval(0, self.shapes[k][axis])
        return any(box is not None and box[axis] == whole for box in (row[k] for row in self.units))

    def extent(self, inputs: Mapping[int, Extent]) -> Extent:
        """The axes of the output along which what it takes of the inputs grows."""
        firm, loose = [], []
        for axis in range(len(self.wide[0])):
            if any(2 * size > n for k, of in inputs.items() for size, n in self._grown(axis, k, of.firm)):
                firm.append(axis)
            if any(True for k, of in inputs.items() for _ in self._grown(axis, k, of.loose)):
                loose.append(axis)
        return Extent(tuple(firm), tuple(loose))

    def _grown(self, along: int, k: int, axes: Axes) -> Iterator[tuple[int, int]]:
        """How much of axes of an input is read along an axis where that is more than by one unit, of how many."""
        for unit, rows in zip(self.units, self.wide, strict=False):
            slim, wide = unit[k], rows[along][k]
            if wide is not None:
                grown = (axis for axis in axes if slim is None or wide[axis] != slim[axis])
                yield from ((wide[axis].size, self.shapes[k][axis]) for axis in grown)


def probes(node: Node, shapes: tuple[Shape, ...], outputs: Sequence[Shape]) -> Iterator[Probe | None]:
    """The probe of every output; None for one that comes only as a whole."""
    for k, shape in enumerate(outputs):
        units = [Box([Interval(u, u + 1) for u in unit]) for unit in ends_and_middle(shape)]
        wide = [[put(unit, axis, Interval(0, n)) for axis, n in enumerate(shape)] for unit in units[:2]]
        try:
            rows = [[read(node.op, shapes, k, box) for box in boxes] for boxes in (units, *wide)]
        except UncroppableError:
            yield None
        else:
            yield Probe(shapes, tuple(rows[0]), (tuple(rows[1]), tuple(rows[2])))


def read(op: Operator, shapes: tuple[Shape, ...], output: int, box: Box) -> Reads:
    """What a box of an operator's output takes of its inputs, gaps filled."""
    return tuple(taken and filled(taken) for taken in narrow(op, shapes, output, box).reads)


def ends_and_middle(shape: Shape) -> tuple[Shape, Shape, Shape]:
    """The places of the first unit of a tensor, of the middle one and of the last."""
    return (0,) * len(shape), tuple(n // 2 for n in shape), tuple(n - 1 for n in shape)


def ends(node: Node, found: Sequence[Probe | None], inputs: Mapping[int, Extent]) -> dict[int, Axes]:
    """The inputs, and loose axes of each, of which one unit takes all; each where an output comes only as a whole.

    A window is local, however much of a small image it covers.
    """
    if isinstance(node.op, Conv | ConvTranspose | Resize | Pad):
        return {}
    taken = {
        k: tuple(axis for axis in of.loose if any(probe is None or probe.covers(k, axis) for probe in found))
        for k, of in inputs.items()
    }
    return {k: axes for k, axes in taken.items() if axes}
