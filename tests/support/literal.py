"""Brute force: padded lists of literal positions, windows slid over them one place at a time.

Nothing here computes a size or a position by formula: lists are built, cut, walked and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random

from striate.geometry import (
    Border,
    CaffeCeil,
    Convention,
    TapMap,
    Window,
    adaptive_map,
    expand_map,
    gather_map,
    pad_map,
    part_map,
    resolve_padding,
    slice_map,
    transposed_map,
    window_map,
)

Places = list[int | None]
Reads = list[list[int]]


@dataclass(frozen=True)
class Case:
    """One axis: the map under test, and what each unit reads by enumeration (a double read stands twice)."""

    text: str
    claimed: TapMap
    literal: Reads


def beyond(n: int, border: Border) -> Iterator[int | None]:
    """What stands right of the last of ``n`` places, walking away from it."""
    places = list(range(n))
    match border:
        case Border.ZERO:
            return cycle([None])
        case Border.REPLICATE:
            return cycle([places[-1]])
        case Border.CIRCULAR:
            return cycle(places)
        case Border.SYMMETRIC:
            return cycle([*reversed(places), *places])
        case Border.REFLECT:
            back, forth = list(reversed(places))[1:], places[1:]
            return cycle([*back, *forth] if n > 1 else [0])


def padded(n: int, before: int, after: int, border: Border = Border.ZERO) -> Places:
    """``n`` literal places with more on both sides; negative numbers cut places off."""
    left = list(islice(beyond(n, border), max(before, 0)))
    if border is Border.CIRCULAR:
        left = list(islice(cycle(reversed(range(n))), max(before, 0)))
    elif border is not Border.ZERO:
        left = [n - 1 - place for place in left if place is not None]
    line: Places = [*reversed(left), *range(n), *islice(beyond(n, border), max(after, 0))]
    for _ in range(-before):
        line = line[1:]
    for _ in range(-after):
        line = line[:-1]
    return line


def slid(line: Places, size: int, stride: int, dilation: int, last_start: int | None = None) -> Reads:
    """A comb of ``size`` teeth moved over a line while it fits.

    With ``last_start`` (ceil mode) one more window, that starts before that, may hang over the end by fewer teeth
    than a step.
    """
    comb = [False] * (dilation * size)
    comb[::dilation] = [True] * size
    while not comb[-1]:
        comb.pop()
    found: Reads = []
    start = 0
    while line[start:] and len(line[start : start + len(comb)]) == len(comb):
        found.append([p for p, tooth in zip(line[start:], comb, strict=False) if tooth and p is not None])
        start += stride
    if last_start is not None and len(comb[len(line[start:]) :]) < stride and start < last_start:
        found.append([p for p, tooth in zip(line[start:], comb, strict=False) if tooth and p is not None])
    return found


def scattered(n: int, w: Window, output_padding: int) -> Reads:
    """A transposed window: every input is written through the comb onto a canvas, the canvas is cut."""
    canvas: list[list[int]] = []
    for j in range(n):
        for k in range(w.size):
            place = sum([w.stride] * j) + sum([w.dilation] * k)
            while len(canvas) <= place:
                canvas.append([])
            canvas[place].append(j)
    canvas += [[] for _ in range(output_padding)]
    for _ in range(w.pad_before):
        canvas = canvas[1:]
    for _ in range(w.pad_after):
        canvas = canvas[:-1]
    return canvas


def pads_of(convention: Convention, n: int, size: int, stride: int, dilation: int) -> tuple[int, int]:
    """The fewest pads, dealt out one by one, with which enough windows fit."""
    wanted = n if convention is Convention.TORCH_SAME else len(range(0, n, stride))
    before = after = 0
    while convention is not Convention.VALID:
        if len(slid(padded(n, before, after), size, stride, dilation)) >= wanted:
            break
        more_after = before == after if convention is not Convention.SAME_LOWER else before > after
        before, after = (before, after + 1) if more_after else (before + 1, after)
    return before, after


def caffe_after(pad: int, n: int, size: int, stride: int, dilation: int) -> int:
    """Caffe's pad after: windows until the padded line is covered, less one that starts in the right padding."""
    extent = len(range(0, dilation * (size - 1) + 1))
    starts = [0]
    while starts[-1] + extent < n + pad + pad:
        starts.append(starts[-1] + stride)
    if pad and starts[-1] >= n + pad and len(starts) > 1:
        starts.pop()
    return starts[-1] + extent - n - pad


def window_case(r: Random) -> Case:
    n, border = r.randint(1, 12), r.choice(list(Border))
    size, stride, dilation = r.randint(1, 5), r.randint(1, 4), r.randint(1, 3)
    before, after = r.randint(-2, 6), r.randint(-2, 6)
    before, after = max(before, -n + 1), max(after, -n + 1)
    window = Window(size, stride, dilation, before, after)
    ceil = border is Border.ZERO and before >= 0 and 0 <= after < window.extent and r.random() < 0.5
    window = replace(window, ceil=ceil)
    line = padded(n, before, after, border)
    literal = slid(line, size, stride, dilation, n + before if ceil else None)
    return Case(f"{window} over {n}, {border}", window_map(window, n, border), literal)


def convention_case(r: Random) -> Case:
    n, size, stride, dilation = r.randint(1, 14), r.randint(1, 5), r.randint(1, 4), r.randint(1, 3)
    convention = r.choice([*Convention, CaffeCeil(r.randint(0, 2))])
    if convention is Convention.TORCH_SAME:
        stride = 1
    before, after = resolve_padding(convention, n, size, stride, dilation)
    if isinstance(convention, CaffeCeil):
        pads = convention.pad, caffe_after(convention.pad, n, size, stride, dilation)
    else:
        pads = pads_of(convention, n, size, stride, dilation)
    literal = slid(padded(n, *pads), size, stride, dilation)
    window = Window(size, stride, dilation, before, after)
    return Case(f"{convention} {window} over {n}", window_map(window, n), literal)


def transposed_case(r: Random) -> Case:
    n, stride = r.randint(1, 8), r.randint(1, 4)
    window = Window(r.randint(1, 5), stride, r.randint(1, 3), r.randint(0, 3), r.randint(0, 3))
    more = r.randint(0, 3)
    return Case(f"transposed {window} +{more} over {n}", transposed_map(window, n, more), scattered(n, window, more))


def slice_case(r: Random) -> Case:
    n, step = r.randint(1, 14), r.choice([-3, -2, -1, 1, 2, 3, 4])
    start = r.randrange(n)
    literal = [[i] for i in list(range(n))[start::step]]
    return Case(f"[{start}::{step}] of {n}", slice_map(n, start, len(literal), step), literal)


def pad_case(r: Random) -> Case:
    n, border = r.randint(1, 9), r.choice(list(Border))
    before, after = (max(r.randint(-3, 12), -n + 1) for _ in range(2))
    literal = [[] if p is None else [p] for p in padded(n, before, after, border)]
    return Case(f"pad {before}, {after} of {n}, {border}", pad_map(n, before, after, border), literal)


def part_case(r: Random) -> Case:
    before, n, after = r.randint(0, 5), r.randint(1, 7), r.randint(0, 5)
    none: list[list[int]] = [[]]
    literal = none * before + [[i] for i in range(n)] + none * after
    return Case(f"{n} at {before} of {len(literal)}", part_map(n, before, len(literal)), literal)


def gather_case(r: Random) -> Case:
    places = list(range(r.randint(1, 9)))
    indices = tuple(r.randrange(-len(places), len(places)) for _ in range(r.randint(1, 12)))
    return Case(f"gather {indices}", gather_map(len(places), indices), [[places[i]] for i in indices])


def expand_case(r: Random) -> Case:
    literal = [[0] for _ in range(r.randint(1, 12))]
    return Case(f"expand to {len(literal)}", expand_map(len(literal)), literal)


def adaptive_case(r: Random) -> Case:
    """Every pixel is cut into ``count`` crumbs; unit ``i`` reads the pixels its share of crumbs comes from."""
    n, count = r.randint(1, 20), r.randint(1, 20)
    crumbs = [pixel for pixel in range(n) for _ in range(count)]
    literal = []
    for _ in range(count):
        literal.append(sorted(set(crumbs[:n])))
        crumbs = crumbs[n:]
    return Case(f"adaptive {n} to {count}", adaptive_map(n, count), literal)


MAKERS: tuple[Callable[[Random], Case], ...] = (
    window_case, convention_case, transposed_case, slice_case, pad_case, part_case, gather_case, expand_case,
    adaptive_case,
)
