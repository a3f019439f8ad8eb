"""A drawing of blocks: each in a rank below all that it reads and in a lane of its own, links downwards, skips as arcs.

A block stands one rank below the deepest that it reads, in the lane of that one where it is free. A link runs down the
lane of its source, or of its target, where no box stands between them; one that finds both barred is a skip, and runs
as an arc beside the boxes that it passes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from striate.serve.blocks import Blocks, Link

WIDTH, HEIGHT, ACROSS, DOWN = 132, 34, 24, 26
TRACK, MOST_TRACKS, ASIDE = 11, 12, 36
ALL_TRACKS = (1 << MOST_TRACKS) - 1
"""Each track is a bit."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a block stands: its left upper corner; each is ``WIDTH`` by ``HEIGHT``."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Route:
    """How a link runs: the points between which it bends, falling; ``skip`` where it is an arc."""

    link: Link
    points: tuple[Point, ...]
    skip: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A place for each block and a route for each link, in the order of the blocks and links given."""

    size: tuple[float, float]
    places: tuple[Placed, ...]
    routes: tuple[Route, ...]


class _Lanes:
    """Which ranks of each lane are taken, and of each rank the lane ``right`` of all its boxes."""

    def __init__(self, ranks: int) -> None:
        self._taken: list[list[int]] = []
        self._right = [0] * ranks
        self._nearest = [(_Nearest(-1), _Nearest(1)) for _ in range(ranks)]

    def take(self, rank: int, wished: int) -> int:
        """The free lane nearest to the one wished for, the left one of two."""
        left, right = (side.find(wished) for side in self._nearest[rank])
        lane = left if left >= 0 and wished - left <= right - wished else right
        for side in self._nearest[rank]:
            side.take(lane)
        self._taken += [[] for _ in range(lane + 1 - len(self._taken))]
        insort(self._taken[lane], rank)
        self._right[rank] = max(self._right[rank], lane + 1)
        return lane

    def free(self, lane: int, start: int, stop: int) -> bool:
        """Whether no box stands in a lane from one rank to before another."""
        ranks = self._taken[lane]
        return start >= stop or bisect_left(ranks, start) == bisect_left(ranks, stop)

    def right(self, start: int, stop: int) -> int:
        """The lane right of all boxes in some ranks."""
        return max(self._right[start:stop])


class _Nearest:
    """The nearest number that is not taken, from another one on in steps; ways found before are kept short."""

    def __init__(self, step: int) -> None:
        self._step, self._next = step, dict[int, int]()

    def take(self, number: int) -> None:
        self._next[number] = number + self._step

    def find(self, number: int) -> int:
        passed = []
        while number in self._next:
            passed.append(number)
            number = self._next[number]
        self._next.update(dict.fromkeys(passed, number))
        return number


def layout(found: Blocks) -> Layout:
    """Where to draw blocks and their links.

    >>> from striate.serve.blocks import Block
    >>> x, y = (Block(name, "", (name,), ()) for name in "xy")
    >>> drawn = layout(Blocks((x, y), (Link(0, 1, "x"),)))
    >>> [(place.x, place.y) for place in drawn.places], drawn.routes[0].skip
    ([(12.0, 12.0), (12.0, 72.0)], False)
    """
    ranks = _ranks(found)
    lanes, taken = _lanes(found, ranks)
    places = tuple(Placed(_left(lane), _top(rank)) for lane, rank in zip(lanes, ranks, strict=True))
    routes = _routes(found.links, ranks, lanes, taken)
    right = max([place.x + WIDTH for place in places] + [x for route in routes for x, _ in route.points], default=0.0)
    bottom = max((place.y + HEIGHT for place in places), default=0.0)
    return Layout((right + ACROSS / 2, bottom + ACROSS / 2), places, routes)


def _ranks(found: Blocks) -> list[int]:
    """How many blocks the longest way to each leads through; links lead from earlier blocks to later ones."""
    ranks = [0] * len(found.blocks)
    for link in sorted(found.links, key=lambda link: link.target):
        ranks[link.target] = max(ranks[link.target], ranks[link.source] + 1)
    return ranks


def _lanes(found: Blocks, ranks: Sequence[int]) -> tuple[list[int], _Lanes]:
    """The lane of each block, and what is taken by them."""
    before: list[list[int]] = [[] for _ in found.blocks]
    for link in found.links:
        before[link.target].append(link.source)
    lanes, taken = [0] * len(found.blocks), _Lanes(max(ranks, default=0) + 1)
    for k in range(len(found.blocks)):
        deepest = max(before[k], key=lambda j: (ranks[j], -lanes[j]), default=None)
        lanes[k] = taken.take(ranks[k], 0 if deepest is None else lanes[deepest])
    return lanes, taken


def _routes(links: Sequence[Link], ranks: Sequence[int], lanes: Sequence[int], taken: _Lanes) -> tuple[Route, ...]:
    tracks = _tracks(links, ranks, lanes, taken)
    return tuple(_route(link, ranks, lanes, taken, tracks.get(link)) for link in links)


def _route(link: Link, ranks: Sequence[int], lanes: Sequence[int], taken: _Lanes, track: float | None) -> Route:
    (first, last), (here, there) = ((of[link.source], of[link.target]) for of in (ranks, lanes))
    start, stop = (_left(here) + WIDTH / 2, _top(first) + HEIGHT), (_left(there) + WIDTH / 2, _top(last))
    if track is not None:
        right = _left(taken.right(first, last + 1)) - ACROSS + track
        ends = (start[0] + ASIDE, start[1]), (stop[0] + ASIDE, stop[1])
        return Route(link, (ends[0], (right, start[1] + DOWN), (right, stop[1] - DOWN), ends[1]), True)
    if taken.free(here, first + 1, last):
        return Route(link, (start, (start[0], stop[1] - DOWN), stop), False)
    return Route(link, (start, (stop[0], start[1] + DOWN), stop), False)


def _tracks(
    links: Sequence[Link], ranks: Sequence[int], lanes: Sequence[int], taken: _Lanes
) -> dict[Link, float]:
    """How far right of the boxes each skip runs: short ones inside of those around them.

    Where as many run side by side as there are tracks, those that come last share them in turn.
    """
    skips = [link for link in links if _barred(link, ranks, lanes, taken)]
    skips.sort(key=lambda link: (ranks[link.target] - ranks[link.source], ranks[link.source]))
    beside = np.zeros(max(ranks, default=0), np.uint16)
    turns = cycle(range(MOST_TRACKS))
    found: dict[Link, float] = {}
    for link in skips:
        here = beside[ranks[link.source] : ranks[link.target]]
        free = ~int(np.bitwise_or.reduce(here)) & ALL_TRACKS
        track = (free & -free).bit_length() - 1 if free else next(turns)
        here |= np.uint16(1 << track)
        found[link] = TRACK * (1 + track)
    return found


def _barred(link: Link, ranks: Sequence[int], lanes: Sequence[int], taken: _Lanes) -> bool:
    between = ranks[link.source] + 1, ranks[link.target]
    return not any(taken.free(of, *between) for of in (lanes[link.source], lanes[link.target]))


def _left(lane: int) -> float:
    return ACROSS / 2 + lane * (WIDTH + ACROSS)


def _top(rank: int) -> float:
    return ACROSS / 2 + rank * (HEIGHT + DOWN)
