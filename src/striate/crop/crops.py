"""Many crops of one network: those that are alike but for their place are worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from striate.crop.crop import Crop, asked_of, crop
from striate.crop.part import put
from striate.crop.walk import Boxes, Kept, Plan, planned
from striate.geometry import Box, Interval
from striate.network import Network, Node
from striate.network.operators import (
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Elementwise,
    Mix,
    Pad,
    Pool,
    Resize,
    Slice,
    Split,
)
from striate.network.relation import Shape
from striate.values import instance

MOST_HELD = 256
STEPS = sorted(2**a * 3**b * 5**c for a in range(8) for b in range(2) for c in range(2))
Shifts = Mapping[str, tuple[int, ...]]
"""By how much the box of every tensor is moved along each of its axes."""


class Moved(Mapping[str, Box]):
    """Boxes of tensors, each moved by some times its shift when it is asked for."""

    def __init__(self, boxes: Boxes, moves: tuple[tuple[int, Shifts], ...]) -> None:
        self._boxes, self._moves = boxes, moves

    def __getitem__(self, name: str) -> Box:
        rows = ([times * shift for shift in shifts[name]] for times, shifts in self._moves)
        return self._boxes[name].shift(list(map(sum, zip(*rows, strict=True))))

    def __iter__(self) -> Iterator[str]:
        return iter(self._boxes)

    def __len__(self) -> int:
        return len(self._boxes)


@dataclass(frozen=True, slots=True)
class Lane:
    """Crops along one axis that are alike: from ``first`` on, every ``units``, ``count`` of them."""

    first: int
    units: int
    count: int
    shifts: Shifts


class Crops:
    """The crops of one network, remembered.

    Where all operators of the network slide (convolutions, pools, resizes, arithmetic without masks), crops of one
    layer that differ by a multiple of the layer's period and touch no border are alike: they share their network, and
    each costs microseconds. Others, and those of several layers at once, are worked out when they are first asked for;
    the 256 used last are held.

    >>> from striate.network.builder import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("one", x=(1, 1, 1000, 1000))
    >>> y = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=2), "x", name="conv")
    >>> crops = Crops(b.network())
    >>> a, b = (crops.crop({"conv": Box(f"0:1,0:2,{y}:{y + 10},500:510")}) for y in (100, 700))
    >>> a.network is b.network, b.feeds
    (True, {'x': Box('0:1,0:1,699:711,499:511')})
    """

    def __init__(self, network: Network, *, grow: bool = False) -> None:
        self.network = instance("Crops: network", network, Network)
        self._grow = grow
        self._crops: dict[tuple[tuple[str, Box], ...], Crop] = {}
        self._lanes: dict[tuple[str, int, int, int, tuple[Interval, ...]], Lane | None] = {}
        self._periods: dict[tuple[str, int], int | None] = {}

    def crop(self, wanted: Mapping[str, Box]) -> Crop:
        """The crop of some boxes, as ``striate.crop.crop`` gives it."""
        asked = asked_of(self.network, wanted)
        if len(asked) > 1 or not self._slides:
            return self._worked_out(asked)
        ((tensor, box),) = asked.items()
        home, moves = box, []
        for axis, side in enumerate(box):
            lane = self._lane(tensor, box, axis) if axis > 1 else None
            if lane is not None:
                times = (side.start - lane.first) // lane.units
                if 0 < times < lane.count:
                    home = put(home, axis, side.shift(-times * lane.units))
                    moves.append((times, lane.shifts))
        found = self._worked_out({tensor: home})
        if not moves:
            return found
        return Crop(found.network, Moved(found.boxes, tuple(moves)), asked, self.network, found)

    def _worked_out(self, asked: Boxes) -> Crop:
        key = tuple(asked.items())
        found = self._crops.pop(key, None) or crop(self.network, asked, grow=self._grow)
        self._crops[key] = found
        if len(self._crops) > MOST_HELD:
            del self._crops[next(iter(self._crops))]
        return found

    @cached_property
    def _slides(self) -> bool:
        return all(_slides(node, self.network.shapes[node.inputs[0]]) for node in self.network.nodes if node.inputs)

    def _lane(self, tensor: str, box: Box, axis: int) -> Lane | None:
        """The crops that are alike to one along an axis, as far as they have its size and its phase."""
        n, side = self.network.shapes[tensor][axis], box[axis]
        units = self._period(tensor, axis) if side.size < n else None
        if units is None:
            return None
        key = tensor, axis, side.size, side.start % units, box[:2]
        if key not in self._lanes:
            self._lanes[key] = self._found(tensor, box, axis, units)
        return self._lanes[key]

    def _found(self, tensor: str, box: Box, axis: int, units: int) -> Lane | None:
        """The longest run of alike crops around the middle of an axis."""
        n, side = self.network.shapes[tensor][axis], box[axis]
        phase, last = side.start % units, (n - side.size - side.start % units) // units
        middle = last // 2

        def plan(k: int) -> Plan:
            return self._plan(tensor, put(box, axis, Interval(phase + k * units, phase + k * units + side.size)))

        held, after = plan(middle), plan(middle + 1) if middle < last else None
        shifts = None if after is None else self._shifts(held, after)
        if shifts is None:
            return None

        def alike(k: int) -> bool:
            moved = self._shifts(held, plan(k))
            return moved == {name: tuple((k - middle) * shift for shift in row) for name, row in shifts.items()}

        first = _edge(middle, 0, alike)
        return Lane(phase + first * units, units, _edge(middle + 1, last, alike) - first + 1, shifts)

    def _period(self, tensor: str, axis: int) -> int | None:
        """After how many units of a tensor its crops look the same again, in the middle of it; None for never."""
        key = tensor, axis
        if key not in self._periods:
            shape = self.network.shapes[tensor]
            unit = Box([Interval(m // 2, m // 2 + 1) for m in shape])
            held = self._plan(tensor, unit)
            steps = (step for step in STEPS if 2 * step < shape[axis] - unit[axis].start)
            self._periods[key] = next((step for step in steps if self._repeats(tensor, unit, axis, step, held)), None)
        return self._periods[key]

    def _repeats(self, tensor: str, unit: Box, axis: int, step: int, held: Plan) -> bool:
        shifts = self._shifts(held, self._plan(tensor, put(unit, axis, unit[axis].shift(step))))
        if shifts is None:
            return False
        twice = self._shifts(held, self._plan(tensor, put(unit, axis, unit[axis].shift(2 * step))))
        return twice == {name: tuple(2 * shift for shift in row) for name, row in shifts.items()}

    def _plan(self, tensor: str, box: Box) -> Plan:
        return planned(self.network, {tensor: box}, grow=self._grow)

    def _shifts(self, a: Plan, b: Plan) -> Shifts | None:
        """By how much the boxes of one plan are moved in another; None where the plans are not alike.

        Ends of boxes are floors of linear functions of the place, or the outermost of several: functions whose
        distance from a line goes one way, or bends one way. What is alike at two places and between is so at all
        places between.
        """
        if a.boxes.keys() != b.boxes.keys() or any(a.boxes[name].shape != b.boxes[name].shape for name in a.boxes):
            return None
        pairs = ((name, box, b.boxes[name]) for name, box in a.boxes.items())
        shifts = {name: tuple(v.start - u.start for u, v in zip(p, q, strict=True)) for name, p, q in pairs}
        fixed = all(not any(shifts[name]) for name in self._constants if name in shifts)
        same = fixed and all(_alike(node, a, b) and _even(node, shifts) for node in self.network.nodes)
        return shifts if same else None

    @cached_property
    def _constants(self) -> frozenset[str]:
        made = {name for node in self.network.nodes if not isinstance(node.op, Constant) for name in node.outputs}
        return frozenset(self.network.shapes) - made - set(self.network.inputs)


def _slides(node: Node, shape: Shape) -> bool:
    """Whether a node whose first input has a shape does the same at every place that is far from borders.

    What it does along one axis must not hang on the place along another, channels aside.
    """
    match node.op:
        case Conv() | ConvTranspose() | Pool() | Pad() | Constant():
            return True
        case Concat() | Split():
            return node.op.axis == 1
        case Resize():
            return node.op.at is None and all(resized.periodic for resized in node.op.maps(shape).values())
        case Slice():
            return set(node.op.steps) <= {1}
        case Elementwise():
            return all(mask is None for mask in node.op.keep)
        case Mix():
            return node.op.keep is None
    return False


def _alike(node: Node, a: Plan, b: Plan) -> bool:
    """Whether a node is made by the same operators in both plans, on parts that lie alike in what is held."""
    first, second = a.nodes.get(node.name), b.nodes.get(node.name)
    if first is None or second is None or isinstance(first, Kept) or isinstance(second, Kept):
        return first == second
    if first.keys() != second.keys():
        return False
    for k, part in first.items():
        other = second[k]
        held = [(part.made, other.made, node.outputs[k]), *zip(part.reads, other.reads, node.inputs, strict=True)]
        if part.steps != other.steps:
            return False
        for p, q, name in held:
            if p is None or q is None:
                if p is not q:
                    return False
            elif p.within(a.boxes[name]) != q.within(b.boxes[name]):
                return False
    return True


def _even(node: Node, shifts: Shifts) -> bool:
    """Whether no weight of a node has values of its own along an axis that moves."""
    if not isinstance(node.op, Elementwise) or node.outputs[0] not in shifts:
        return True
    moved = shifts[node.outputs[0]]
    rows = (zip(reversed(weight.shape), reversed(moved), strict=False) for weight in node.weights)
    return not any(n > 1 and shift for row in rows for n, shift in row)


def _edge(inside: int, end: int, holds: Callable[[int], bool]) -> int:
    """The place next to ``end`` where something holds that holds inside and, beyond one place, no more."""
    if holds(end):
        return end
    while abs(end - inside) > 1:
        middle = (inside + end) // 2
        inside, end = (middle, end) if holds(middle) else (inside, middle)
    return inside
