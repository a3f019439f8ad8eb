"""What a box of an output needs of its inputs: the hull of every element read, without going through the elements.

A box is carried back through the steps of a relation as a union of blocks: sets of places, one for each axis, all of
whose combinations are read. A merge cuts a set of places into rows, and rows with equal places inside make one block,
so that three blocks stand for any run of merged elements. Places with gaps are kept as long as a later step can tell
them apart from their hull.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from striate.errors import InputError
from striate.geometry import AxisMap, Border, Box, Interval, Prefix, TapMap, Whole
from striate.network.operators import Result
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Reads, Relation, Shape, Split, Step

Places = Interval | tuple[int, ...]
Block = tuple[Places, ...]

NOWHERE = Interval(0, 0)


def needs(relation: Relation, box: Box, shape: Shape) -> Box:
    """The smallest box that holds every element of an input of ``shape`` that ``box`` of the output reads.

    Empty where nothing is read. InputError where ``box`` holds elements that the output does not have.

    >>> from striate.network.relation import reshape
    >>> needs(reshape((4, 6), (3, 8)), Box("1:2,0:3"), (4, 6))
    Box('1:2,2:5')
    >>> needs(reshape((4, 6), (3, 8)), Box("1:2,0:5"), (4, 6))
    Box('1:3,0:6')
    """
    shapes = [shape]
    for step in relation:
        shapes.append(step.shape(shapes[-1]))
    if not Box.whole(shapes[-1]).contains(box):
        raise InputError(f"box {box} lies outside an output of shape {shapes[-1]}")
    blocks: list[Block] = [] if box.empty else [tuple(box)]
    for k in reversed(range(len(relation))):
        blocks = [old for new in blocks for old in _before(relation[k], new, shapes[k], relation[:k])]
    nothing = Box([NOWHERE] * len(shape))
    return reduce(Box.hull, (Box([_hull(places) for places in block]) for block in blocks), nothing)


def needs_of_all(reads: Reads, box: Box, shape: Shape) -> Box:
    """As ``needs``, for an input that is read through several relations at once.

    >>> needs_of_all((), Box("0:1"), (4,))
    Box('0:0')
    """
    nothing = Box([NOWHERE] * len(shape))
    return reduce(Box.hull, (needs(relation, box, shape) for relation in reads), nothing)


def needs_of_node(result: Result, boxes: Sequence[Box | None], shapes: Sequence[Shape]) -> tuple[Box, ...]:
    """For each input of a node the smallest box that holds what ``boxes`` of its outputs read of it.

    ``result`` is what the node's rule says, ``boxes`` hold one for each output, None where it is not asked for,
    ``shapes`` are those of the inputs.

    >>> from striate.network.operators import Concat
    >>> shapes = (1, 3, 9, 9), (1, 3, 9, 9)
    >>> joined = Concat(1).result(shapes)
    >>> needs_of_node(joined, [Box("0:1,2:4,5:7,0:9")], shapes)
    (Box('0:1,2:3,5:7,0:9'), Box('0:1,0:1,5:7,0:9'))
    """
    found = [Box([NOWHERE] * len(shape)) for shape in shapes]
    for output, box in zip(result.outputs, boxes, strict=True):
        if box is not None:
            parts = (needs_of_all(reads, box, shape) for reads, shape in zip(output.reads, shapes, strict=True))
            found = [old.hull(new) for old, new in zip(found, parts, strict=True)]
    return tuple(found)


def _before(step: Step, block: Block, shape: Shape, earlier: Relation) -> list[Block]:
    """The blocks of a tensor of ``shape`` that a block after ``step`` reads, none of them empty."""
    match step:
        case Along(axis, axis_map):
            found = _along(axis_map, block[axis], exact=_told_apart(earlier, axis))
            return [(*block[:axis], found, *block[axis + 1 :])] if _count(found) else []
        case Permute(order):
            return [tuple(block[order.index(axis)] for axis in range(len(order)))]
        case Split(axis):
            exact = _told_apart(earlier, axis)
            found = _joined(step, block[axis], block[axis + 1], shape[axis], exact=exact)
            return [(*block[:axis], found, *block[axis + 2 :])] if _count(found) else []
        case Merge(axis):
            return [(*block[:axis], *rows, *block[axis + 1 :]) for rows in _rows(block[axis], shape[axis + 1])]
        case Insert(axis):
            return [(*block[:axis], *block[axis + 1 :])]
        case Drop(axis):
            return [(*block[:axis], Interval(0, 1), *block[axis:])]


def _told_apart(earlier: Relation, axis: int) -> bool:
    """Whether some earlier step makes a difference between places along ``axis`` and their hull."""
    for step in reversed(earlier):
        match step:
            case Along(at, axis_map):
                if at == axis and not isinstance(axis_map, Whole):
                    return True
            case Permute(order):
                axis = order[axis]
            case Split(at):
                if at <= axis <= at + 1:
                    return True
                axis -= axis > at
            case Merge(at):
                if at == axis:
                    return True
                axis += axis > at
            case Insert(at):
                if at == axis:
                    return False
                axis -= axis > at
            case Drop(at):
                axis += axis >= at
    return False


def _along(m: AxisMap, units: Places, *, exact: bool) -> Places:
    """The places that ``units`` read, their hull where no gap counts."""
    if isinstance(m, Whole | Prefix) or (isinstance(units, Interval) and (not exact or _gapless(m))):
        return m.needs(_hull(units))
    return _places(place for i in _each(units) for place in m.reads(i))


def _gapless(m: AxisMap) -> bool:
    """Whether any interval of units surely reads every place between two that it reads."""
    if not isinstance(m, TapMap):
        return True
    if m.out_step != 1 or m.border is Border.CIRCULAR:
        return False
    (taps,) = m.taps
    return bool(taps) and max(taps) - min(taps) < len(set(taps)) and abs(m.in_step) <= len(set(taps))


def _joined(split: Split, outer: Places, inner: Places, n: int, *, exact: bool) -> Places:
    """The places of an axis of ``n`` that two axes split from it read."""
    (many, step), (few, tap) = sorted(
        [(outer, split.stride), (inner, split.dilation)], key=lambda side: _count(side[0]), reverse=True
    )
    taps = tuple(place * tap + split.offset for place in _each(few))
    if step == 1 and isinstance(many, Interval) and isinstance(few, Interval) and 0 <= tap <= many.size:
        return Interval(taps[0] + many.start, taps[-1] + many.stop).clip(Interval(0, n))
    return _along(TapMap(n, _hull(many).stop, step, (taps,)), many, exact=exact)


def _rows(places: Places, n: int) -> list[tuple[Places, Places]]:
    """Places of two axes merged into one, the second of ``n``, as combinations of places of both."""
    if isinstance(places, Interval):
        (first, start), (last, stop) = divmod(places.start, n), divmod(places.stop - 1, n)
        if first == last:
            return [(Interval(first, first + 1), Interval(start, stop + 1))]
        head = [(Interval(first, first + 1), Interval(start, n))] if start else []
        tail = [(Interval(last, last + 1), Interval(0, stop + 1))] if stop + 1 < n else []
        body = Interval(first + bool(head), last + 1 - bool(tail))
        return [*head, *([] if body.empty else [(body, Interval(0, n))]), *tail]
    found: dict[int, list[int]] = {}
    for place in places:
        found.setdefault(place // n, []).append(place % n)
    alike: dict[tuple[int, ...], list[int]] = {}
    for row, inside in found.items():
        alike.setdefault(tuple(inside), []).append(row)
    return [(_places(rows), _places(inside)) for inside, rows in alike.items()]


def _places(found: Iterable[int]) -> Places:
    """Places in order, an interval where there is no gap among them."""
    places = tuple(sorted(set(found)))
    return places if places and places[-1] - places[0] >= len(places) else Interval.of(places)


def _hull(places: Places) -> Interval:
    return places if isinstance(places, Interval) else Interval(places[0], places[-1] + 1)


def _count(places: Places) -> int:
    return places.size if isinstance(places, Interval) else len(places)


def _each(places: Places) -> Iterable[int]:
    return range(places.start, places.stop) if isinstance(places, Interval) else places
