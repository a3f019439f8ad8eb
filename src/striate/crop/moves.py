"""Operators that only move elements, cropped step by step.

Backwards every step says which box it needs to make one that holds what is wanted; forwards slices wait until a step
touches their axis, so that most of them meet in one at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from striate.crop.part import Part, put, some, trim
from striate.geometry import AxisMap, Box, Interval, Runs, solid
from striate.network.operators import Expand, Gather, Operator, Pad, Places, Reshape, Slice, Transpose
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Shape, Split, Step


@dataclass(frozen=True, slots=True)
class Stage:
    """A step on a tensor of ``shape`` that makes ``made`` of ``needed``."""

    step: Step
    shape: Shape
    needed: Box
    made: Box


def moved(relation: Relation, shape: Shape, box: Box, whole: Operator | None = None) -> Part:
    """A relation whose elements read one element or a zero, cropped to ``box``.

    ``whole`` does the same as the relation for a tensor of these channels and any size; it is taken where the crop has
    all channels and needs no slices within.
    """
    stages, before = _back(relation, shape, box, runs=whole is None)
    steps, made = _forth(stages, before)
    rearranged = all(isinstance(step, Reshape | Transpose) for step in steps)
    if whole is not None and rearranged and before[1] == Interval(0, shape[1]) and all(map(_complete, stages)):
        steps = [whole]
    return Part((before,), tuple(steps), made)


def _complete(stage: Stage) -> bool:
    """Whether a step leaves every row of an axis that it splits or merges as long as it was."""
    match stage.step:
        case Split(axis, _, inner):
            return stage.made[axis + 1].size == inner
        case Merge(axis):
            return stage.needed[axis + 1].size == stage.shape[axis + 1]
        case _:
            return True


def _back(relation: Relation, shape: Shape, box: Box, *, runs: bool) -> tuple[list[Stage], Box]:
    """Every step with the box it needs and the box it makes, in order, and the box that the first one needs."""
    shapes = [shape]
    for step in relation:
        shapes.append(step.shape(shapes[-1]))
    stages: list[Stage] = []
    for step, before in zip(reversed(relation), reversed(shapes[:-1]), strict=True):
        needed, made = _needed(step, box, before, runs=runs)
        stages.append(Stage(step, before, needed, made))
        box = needed
    return stages[::-1], box


def _needed(step: Step, box: Box, shape: Shape, *, runs: bool) -> tuple[Box, Box]:
    """What a step needs of a tensor of ``shape``, and what it makes: ``box``, or a box around it to cut from."""
    match step:
        case Along(axis, axis_map):
            box = put(box, axis, solid(box[axis]))
            return put(box, axis, some(axis_map.needs(box[axis]))), box
        case Permute(order):
            return Box([box[order.index(axis)] for axis in range(len(order))]), box
        case Split(axis):
            return _needed_by_split(step, box, shape[axis], runs=runs)
        case Merge(axis):
            n, side = shape[axis + 1], box[axis]
            first, last = side.start // n, (side.stop - 1) // n
            rows = _rows(side, n) if isinstance(side, Runs) else None
            if rows is not None:
                parts, made = list(rows), box
            elif first == last:
                parts, made = [Interval(first, first + 1), side.shift(-first * n)], box
            else:
                parts = [Interval(first, last + 1), Interval(0, n)]
                made = put(box, axis, Interval(first * n, (last + 1) * n))
            return Box([*box[:axis], *parts, *box[axis + 1 :]]), made
        case Insert(axis):
            return Box([*box[:axis], *box[axis + 1 :]]), box
        case Drop(axis):
            return Box([*box[:axis], Interval(0, 1), *box[axis:]]), box


def _rows(side: Runs, n: int) -> tuple[Interval, Interval] | None:
    """Runs of an axis that numbers two, the inner of ``n`` places, along each of them."""
    outer = side.over(n)
    return side.box(n) if outer is None else (outer, Interval(0, n))


def _needed_by_split(split: Split, box: Box, n: int, *, runs: bool) -> tuple[Box, Box]:
    axis, outer, inner = split.axis, box[split.axis], box[split.axis + 1]
    if _tiles(split, n) and outer.size == 1:
        return Box([*box[:axis], inner.shift(outer.start * split.inner), *box[axis + 2 :]]), box
    inner = solid(inner)
    if _tiles(split, n) and isinstance(outer, Runs) and inner.size == split.inner:
        return Box([*box[:axis], outer.times(split.inner), *box[axis + 2 :]]), put(box, axis + 1, inner)
    outer = solid(outer)
    if _tiles(split, n):
        if not runs:
            inner = Interval(0, split.inner)
        side = Runs.of_rows(outer, inner, split.inner)
    else:
        span = _span(split, outer, inner)
        start = min(max(span.start, 0), n - 1)
        side = Interval(start, min(max(span.stop, start + 1), n))
    return Box([*box[:axis], side, *box[axis + 2 :]]), Box([*box[:axis], outer, inner, *box[axis + 2 :]])


def _tiles(split: Split, n: int) -> bool:
    """Whether a split is a reshape of all of an axis."""
    return (split.stride, split.dilation, split.offset) == (split.inner, 1, 0) and split.outer * split.inner == n


def _span(split: Split, outer: Interval, inner: Interval) -> Interval:
    start = outer.start * split.stride + inner.start * split.dilation + split.offset
    stop = (outer.stop - 1) * split.stride + (inner.stop - 1) * split.dilation + split.offset + 1
    return Interval(start, stop)


def _forth(stages: list[Stage], have: Box) -> tuple[list[Operator], Box]:
    """The operators that go through the stages from ``have``, and the box that they make."""
    steps: list[Operator] = []
    shapes = [have.shape]
    for stage in stages:
        touched = _touched(stage.step)
        ready = Box([stage.needed[k] if k in touched else side for k, side in enumerate(have)])
        after = _after(stage.step, ready, stage.made)
        for step in (*trim(have, ready), *_applied(stage, ready, after)):
            if isinstance(step, Reshape) and steps and isinstance(steps[-1], Reshape):
                steps.pop()
                shapes.pop()
            if not isinstance(step, Reshape) or step.shape != shapes[-1]:
                steps.append(step)
                shapes.append(step.result((shapes[-1],)).outputs[0].shape)
        have = after
    return steps, have


def _touched(step: Step) -> range:
    """The axes before a step that it does more with than naming them anew."""
    match step:
        case Along(axis) | Split(axis):
            return range(axis, axis + 1)
        case Merge(axis):
            return range(axis, axis + 2)
        case _:
            return range(0)


def _after(step: Step, have: Box, made: Box) -> Box:
    match step:
        case Along(axis) | Merge(axis):
            return Box([*have[:axis], made[axis], *have[axis + 1 + isinstance(step, Merge) :]])
        case Split(axis):
            return Box([*have[:axis], made[axis], made[axis + 1], *have[axis + 1 :]])
        case Permute(order):
            return Box([have[axis] for axis in order])
        case Insert(axis):
            return Box([*have[:axis], Interval(0, 1), *have[axis:]])
        case Drop(axis):
            return Box([*have[:axis], *have[axis + 1 :]])


def _applied(stage: Stage, have: Box, after: Box) -> Iterator[Operator]:
    match stage.step:
        case Along(axis, axis_map):
            yield from _picked(axis, axis_map, have, after[axis])
        case Permute(order):
            yield Transpose(order)
        case Split(axis) if not _tiles(stage.step, stage.shape[axis]):
            yield from _windows(stage.step, have, after)
        case _:
            yield Reshape(after.shape)


def _picked(axis: int, m: AxisMap, have: Box, units: Interval) -> Iterator[Operator]:
    """One axis read at some places of what is held of it."""
    places = [place - have[axis].start for i in range(units.start, units.stop) for place in m.reads(i)]
    steps = {b - a for a, b in pairwise(places)} or {1}
    if steps == {0} and have[axis].size == 1:
        yield Expand(put(have, axis, units).shape)
    elif len(steps) == 1 and steps != {0}:
        (step,) = steps
        if (places[0], len(places), step) != (0, have[axis].size, 1):
            yield Slice((axis,), (places[0],), (len(places),), (step,))
    else:
        yield Gather(axis, Places.of(places))


def _windows(split: Split, have: Box, made: Box) -> Iterator[Operator]:
    """Windows of an axis, zeros where they reach beyond what there is."""
    axis, held = split.axis, have[split.axis]
    outer, inner = made[axis], made[axis + 1]
    span = _span(split, outer, inner)
    before, after = max(held.start - span.start, 0), max(span.stop - held.stop, 0)
    if before or after:
        yield Pad(tuple((before, after) if k == axis else (0, 0) for k in range(len(have))))
    rows = np.arange(outer.start, outer.stop)[:, None] * split.stride
    places = rows + np.arange(inner.start, inner.stop) * split.dilation + split.offset
    yield Gather(axis, Places.of(places - held.start + before))
