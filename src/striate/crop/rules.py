"""One rule for every operator: what a box of its output takes, and the operators that make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from striate.crop.moves import moved
from striate.crop.narrow import Shapes, narrow, only_first, whole
from striate.crop.part import Part, put
from striate.crop.sliding import SLIDING
from striate.geometry import Box, Interval, places, solid
from striate.network.operators import (
    Attention,
    ChannelShuffle,
    Concat,
    Constant,
    DepthToSpace,
    Einsum,
    Elementwise,
    Expand,
    Gather,
    Index,
    Linear,
    Mask,
    Masked,
    MatMul,
    Mix,
    Operator,
    Recurrent,
    Reduce,
    RepeatInterleave,
    Reshape,
    Roll,
    Scan,
    Select,
    Slice,
    Sliding,
    SpaceToDepth,
    Split,
    Tile,
    Transform,
    Transpose,
    Unbind,
    Unfold,
)
from striate.network.relation import Shape

__all__ = ["kept_apart", "narrow"]

MOVES = (Transpose, Reshape, Expand, Slice, Select, Gather, Index, Tile, RepeatInterleave, Roll, Sliding, Unfold)
SHUFFLES = (DepthToSpace, SpaceToDepth, ChannelShuffle)


def kept_apart(op: Operator, shapes: Shapes, box: Box) -> Box:
    """A box of an operator's output, runs along those axes alone of which the operator makes every place by itself."""
    rank = len(box)
    match op:
        case Elementwise() if not op.parameters:
            together: set[int] = set()
        case Elementwise():
            together = {1}
        case Masked() | Constant():
            together = set()
        case Mix() if op.groups is None:
            together = {axis % rank for axis in op.axes}
        case Linear():
            together = {op.axis % rank}
        case MatMul():
            together = {rank - 1, rank - 2}
        case Attention() if all(shape[:-2] == shapes[0][:-2] for shape in shapes[1:3]):
            together = {rank - 1, rank - 2}
        case Concat() | Split() | Unbind():
            together = {op.axis} if not isinstance(op, Unbind) else set()
        case _ if isinstance(op, MOVES):
            together = set()
        case _:
            together = set(range(rank))
    return Box([solid(side) if axis in together else side for axis, side in enumerate(box)])


@narrow.register
def _elementwise(op: Elementwise, shapes: Shapes, output: int, box: Box) -> Part:
    kept = len(shapes) - op.parameters
    if op.parameters and len(box) > 1:
        n = max(s[len(s) - len(box) + 1] for s in shapes[:kept] if len(s) >= len(box) - 1)
        box = put(box, 1, Interval(0, n))
    alike = len(set(shapes[:kept])) == 1
    reads = [box if alike else _broadcast(shape, box) for shape in shapes[:kept]]
    if op.keep:
        keep = tuple(mask and cut(mask, box) for mask in op.keep)
        op = replace(op, keep=() if all(mask is None or mask.array.all() for mask in keep) else keep)
    return Part((*reads, *map(whole, shapes[kept:])), (op,), box)


def _broadcast(shape: Shape, box: Box) -> Box:
    """What a box takes of an operand that is broadcast to it."""
    sides = box[len(box) - len(shape) :]
    return Box([Interval(0, 1) if n == 1 else side for n, side in zip(shape, sides, strict=True)])


def cut(mask: Mask, box: Box) -> Mask:
    """A mask that is broadcast to a tensor, over a box of it."""
    sides = box[len(box) - len(mask.shape) :]
    held = [(0,) if n == 1 else places(side) for n, side in zip(mask.shape, sides, strict=True)]
    return Mask.of(mask.array[np.ix_(*held)])


@narrow.register
def _masked(op: Masked, shapes: Shapes, output: int, box: Box) -> Part:
    return Part((box,), (replace(op, keep=cut(op.keep, box)),), box)


@narrow.register
def _constant(op: Constant, shapes: Shapes, output: int, box: Box) -> Part:
    return Part((None,) * len(shapes), (Constant(box.shape),), box)


@narrow.register
def _concat(op: Concat, shapes: Shapes, output: int, box: Box) -> Part:
    reads: list[Box | None] = []
    offset, side = 0, box[op.axis]
    for shape in shapes:
        n = shape[op.axis]
        inside = side.shift(-offset).clip(Interval(0, n))
        reads.append(None if inside.empty else put(box, op.axis, inside))
        offset += n
    alone = sum(read is not None for read in reads) == 1
    return Part(tuple(reads), () if alone else (op,), box)


@narrow.register
def _split(op: Split, shapes: Shapes, output: int, box: Box) -> Part:
    side = box[op.axis].shift(sum(op.sizes[:output]))
    return Part((put(box, op.axis, side), *[None] * (len(shapes) - 1)), (), box)


@narrow.register
def _unbind(op: Unbind, shapes: Shapes, output: int, box: Box) -> Part:
    read = Box([*box[: op.axis], Interval(output, output + 1), *box[op.axis :]])
    return Part((read,), (Reshape(box.shape),), box)


def _moved(op: Operator, shapes: Shapes, output: int, box: Box) -> Part:
    (found,) = op.result(shapes).outputs
    part = moved(found.reads[0][0], shapes[0], box, op if isinstance(op, SHUFFLES) else None)
    return replace(part, reads=(*part.reads, *[None] * (len(shapes) - 1)))


for _kind in (*MOVES, *SHUFFLES):
    narrow.register(_kind, _moved)
for _slid, _rule in SLIDING.items():
    narrow.register(_slid, _rule)


def _along(op: Operator, shapes: Shapes, box: Box, axes: Sequence[int], sizes: Sequence[int]) -> Part:
    """An operator that computes some axes as a whole, each from all of it, and keeps the others apart."""
    read = made = box
    for axis, size in zip(axes, sizes, strict=True):
        read, made = put(read, axis, Interval(0, shapes[0][axis])), put(made, axis, Interval(0, size))
    rest = map(whole, shapes[1:])
    return Part((read, *rest), (op,), made, tuple((0, axis) for axis in axes))


@narrow.register
def _mix(op: Mix, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "statistics")
    axes = sorted({axis % len(box) for axis in op.axes} | ({1} if op.groups is not None else set()))
    part = _along(op, shapes, box, axes, [shapes[0][axis] for axis in axes])
    keep = op.keep and cut(op.keep, part.made)
    return replace(part, steps=(replace(op, keep=keep, statistics=()),), near=box)


@narrow.register
def _transform(op: Transform, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "indices")
    return _along(replace(op, outputs=1), shapes, box, op.axes, op.sizes)


@narrow.register
def _linear(op: Linear, shapes: Shapes, output: int, box: Box) -> Part:
    return _along(op, shapes, box, [op.axis % len(box)], [op.out_features])


@narrow.register
def _reduce(op: Reduce, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "indices")
    x = shapes[0]
    axes = {axis % len(x) for axis in op.axes}
    sides = iter(box)
    read = []
    for axis, n in enumerate(x):
        if axis in axes:
            read.append(Interval(0, n))
            if op.keepdims:
                next(sides)
        else:
            read.append(next(sides))
    others = (None,) * (len(shapes) - 1)
    spread = tuple((0, axis) for axis in sorted(axes))
    return Part((Box(read), *others), (replace(op, outputs=1),), box, spread)


@narrow.register
def _scan(op: Scan, shapes: Shapes, output: int, box: Box) -> Part:
    n, side = shapes[0][op.axis], box[op.axis]
    before = Interval(side.start, n) if op.reverse else Interval(0, side.stop)
    return Part((put(box, op.axis, before),), (op,), put(box, op.axis, before))


@narrow.register
def _matmul(op: MatMul, shapes: Shapes, output: int, box: Box) -> Part:
    x, y = shapes[:2]
    sides = list(box)
    columns = [sides.pop()] if len(y) > 1 else []
    rows = [sides.pop()] if len(x) > 1 else []
    inner = Interval(0, x[-1])
    left = Box([*_broadcast(x[:-2], Box(sides)), *rows, inner])
    right = Box([*_broadcast(y[:-2], Box(sides)), inner, *columns])
    rest = (None,) * (len(shapes) - 2)
    if op.left is not None or op.right is not None:
        op = replace(op, left=op.left and cut(op.left, left), right=op.right and cut(op.right, right))
    return Part((left, right, *rest), (op,), box, ((0, len(x) - 1), (1, max(len(y) - 2, 0))))


@narrow.register
def _einsum(op: Einsum, shapes: Shapes, output: int, box: Box) -> Part:
    operands, letters = op.equation.split("->")
    terms = operands.split(",")
    rows = zip("".join(terms), (n for shape in shapes for n in shape), strict=True)
    sides = {letter: Interval(0, n) for letter, n in rows}
    sides.update(zip(letters, box, strict=True))
    reads = tuple(Box([sides[c] for c in term]) for term in terms)
    summed = tuple((k, axis) for k, term in enumerate(terms) for axis, c in enumerate(term) if c not in letters)
    keep = op.keep and cut(op.keep, Box([sides[op.rows], sides[op.columns]]))
    return Part(reads, (replace(op, keep=keep),), box, summed)


@narrow.register
def _recurrent(op: Recurrent, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "last states")
    n, (time, _), made = shapes[0][op.time], op.axes[0], whole(op.shapes[0])
    held, scanned = Interval(0, n), time is not None and not op.both_ways
    if time is not None and scanned:
        held = Interval(box[time].start, n) if op.reverse else Interval(0, box[time].stop)
        made = put(made, time, held)
    own = replace(op, shapes=(made.shape,), axes=op.axes[:1], macs=op.macs * held.size // n)
    spread = () if scanned else ((0, op.time),)
    return Part((put(whole(shapes[0]), op.time, held), *map(whole, shapes[1:])), (own,), made, spread)


@narrow.register
def _attention(op: Attention, shapes: Shapes, output: int, box: Box) -> Part:
    only_first(output, "statistics")
    q, k, v = shapes[:3]
    tokens, shared = len(q) - 2, any(shape[:-2] != q[:-2] for shape in (k, v))
    heads = [Interval(0, n) for n in q[:-2]] if shared else box[:-2]
    keys = [Box([*(whole(s[:-2]) if shared else heads), *whole(s[-2:])]) for s in (k, v)]
    keep = op.keep and cut(op.keep, Box([box[-2], Interval(0, k[-2])]))
    reads = (Box([*heads, box[-2], Interval(0, q[-1])]), *keys, *map(whole, shapes[3:]))
    made = Box([*heads, box[-2], Interval(0, v[-1])])
    return Part(reads, (replace(op, keep=keep, statistics=()),), made, ((1, tokens), (2, tokens)))
