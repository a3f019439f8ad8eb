"""A drawing of blocks: each in a rank below all that it reads and in a lane of its own, links downwards, skips as arcs.

A block stands one rank below the deepest that it reads, in the lane of that one where it is free. A link runs down the
lane of its source, or of its target, where no box stands between them; one that finds both barred is a skip, and runs
as an arc beside the boxes that it passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from striate.serve.blocks import Blocks, Link

WIDTH, HEIGHT, ACROSS, DOWN = 132, 34, 24, 26
TRACK, MOST_TRACKS, ASIDE = 11, 12, 36

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
    """Which ranks of each lane are taken."""

    def __init__(self) -> None:
        self._taken: list[set[int]] = []

    def take(self, rank: int, wished: int) -> int:
        """The free lane nearest to the one wished for, the left one of two."""
        if self.free(wished, rank, rank + 1):
            lane = wished
        else:
            sides = (lane for far in count(1) for lane in (wished - far, wished + far) if lane >= 0)
            lane = next(lane for lane in sides if self.free(lane, rank, rank + 1))
        while len(self._taken) <= lane:
            self._taken.append(set())
        self._taken[lane].add(rank)
        return lane

    def free(self, lane: int, start: int, stop: int) -> bool:
        """Whether no box stands in a lane from one rank to before another."""
        return lane >= len(self._taken) or self._taken[lane].isdisjoint(range(start, stop))

    def right(self, start: int, stop: int) -> int:
        """The lane right of all boxes in some ranks."""
        ranks = range(start, stop)
        return max((k + 1 for k, taken in enumerate(self._taken) if not taken.isdisjoint(ranks)), default=0)


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
    lanes, taken = [0] * len(found.blocks), _Lanes()
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
    """How far right of the boxes each skip runs: short ones inside of those around them."""
    skips = [link for link in links if _barred(link, ranks, lanes, taken)]
    skips.sort(key=lambda link: (ranks[link.target] - ranks[link.source], ranks[link.source]))
    columns: list[list[tuple[int, int]]] = []
    found: dict[Link, float] = {}
    for link in skips:
        span = ranks[link.source], ranks[link.target]
        column = next(_clear(columns, span))
        found[link] = TRACK * (1 + column % MOST_TRACKS)
    return found


def _clear(columns: list[list[tuple[int, int]]], span: tuple[int, int]) -> Iterator[int]:
    """The first column in which no other skip runs beside this one; it is taken there."""
    for k in count():
        if k == len(columns):
            columns.append([])
        if all(stop <= span[0] or span[1] <= start for start, stop in columns[k]):
            columns[k].append(span)
            yield k


def _barred(link: Link, ranks: Sequence[int], lanes: Sequence[int], taken: _Lanes) -> bool:
    between = ranks[link.source] + 1, ranks[link.target]
    return not any(taken.free(of, *between) for of in (lanes[link.source], lanes[link.target]))


def _left(lane: int) -> float:
    return ACROSS / 2 + lane * (WIDTH + ACROSS)


def _top(rank: int) -> float:
    return ACROSS / 2 + rank * (HEIGHT + DOWN)
