"""What a layer's map does when the picture moves: by the layer's stride, it moves by one unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore.running import following, runner_of
from striate.fields import Fields, borders
from striate.fields.spans import AxisField
from striate.formats.model import Model
from striate.geometry import Interval
from striate.network import Node
from striate.progress import Progress, Ticker
from striate.run import Runner
from striate.run.runner import checked_feeds

Array = NDArray[Any]
TOLERANCE = 1e-5


class Unmeasured(Enum):
    """Why nothing was measured."""

    UNASKED = "not asked for"
    INPUTS = "the network has several inputs"
    EVERYTHING = "a global operator lets every unit see everything"
    IRREGULAR = "its units follow no common rule"
    SMALL = "no unit sees its whole field in both pictures"


@dataclass(frozen=True, slots=True)
class Shift:
    """A picture moved by ``pixels`` along each spatial axis, and the map of ``seen_at`` moved by ``units``.

    ``compared`` units along each axis, those that see no border in either picture, differ by at most ``difference``,
    where the largest value is ``largest``. ``unmoved`` is by how much they differ where the map is left in place.
    ``seen_at`` is the layer, or the first behind it that the runtime shows.
    """

    pixels: tuple[int, ...]
    units: tuple[int, ...]
    seen_at: str
    compared: tuple[int, ...]
    difference: float
    largest: float
    unmoved: float

    @property
    def bitwise(self) -> bool:
        """Whether all values agree to the last bit."""
        return self.difference == 0

    @property
    def holds(self) -> bool:
        """Whether all values agree to 1e-5 of the largest."""
        return self.difference <= TOLERANCE * self.largest


@dataclass(frozen=True, slots=True)
class _Move:
    """How far the picture and the map of a layer move, and which units are compared, by the map's axes."""

    pixels: tuple[int, ...]
    units: tuple[int, ...]
    inside: tuple[tuple[int, Interval], ...]


def shifts(
    model: Model, fields: Fields, nodes: Sequence[Node], picture: Array | None = None, progress: Progress | None = None
) -> dict[str, Shift | Unmeasured]:
    """What came of moving the picture for the map of each node, by its name; where nothing was measured, why.

    Nodes whose maps move with the same step of the picture are measured in the same two runs.
    """
    network = model.network
    if len(network.inputs) != 1:
        return dict.fromkeys((node.name for node in nodes), Unmeasured.INPUTS)
    image = _noise(fields) if picture is None else picture
    checked_feeds(network, {fields.source: image})
    moves = {node.name: _move(fields, node.name) for node in nodes}
    found: dict[str, Shift | Unmeasured] = {name: move for name, move in moves.items() if isinstance(move, Unmeasured)}
    measured = [(node, move) for node in nodes if isinstance(move := moves[node.name], _Move)]
    runner, ticker = runner_of(model), Ticker(progress, len(measured))
    for pixels, group in groupby(sorted(measured, key=lambda pair: pair[1].pixels), lambda pair: pair[1].pixels):
        several = list(group)
        moved = np.roll(image, pixels, tuple(fields.spatial.values()))
        alike = [node for node, _ in several]
        before, after = (_maps(model, runner, alike, {fields.source: shown}) for shown in (image, moved))
        for node, move in several:
            found[node.name] = _compared(move, before[node.name][0], before[node.name][1], after[node.name][1])
            ticker.step()
    return found


def _noise(fields: Fields) -> Array:
    return np.random.default_rng(0).random(fields.network.shapes[fields.source])


def _move(fields: Fields, layer: str) -> _Move | Unmeasured:
    """How a layer's map is to move; a reason where it is not."""
    axes: list[AxisField] = list(fields[layer].axes.values())
    if any(axis.status == "whole" for axis in axes):
        return Unmeasured.EVERYTHING
    if not all(axis.phases and axis.stride and axis.along is not None for axis in axes):
        return Unmeasured.IRREGULAR
    units = tuple(len(axis.phases) for axis in axes)
    pixels = tuple(int(n * (axis.stride or 0)) for n, axis in zip(units, axes, strict=True))
    whole = zip(borders(fields, layer).interior, units, strict=True)
    kept = [Interval(side.start, max(side.stop - n, side.start)) for side, n in whole]
    if any(side.empty for side in kept):
        return Unmeasured.SMALL
    return _Move(pixels, units, tuple((axis.along or 0, side) for axis, side in zip(axes, kept, strict=True)))


def _maps(
    model: Model, runner: Runner, nodes: Iterable[Node], feeds: Mapping[str, Array]
) -> dict[str, tuple[str, Array]]:
    """The map of each node, or of the first layer behind it that the runtime shows, with that layer's name."""
    chains = {node.name: [(node.outputs[0], node.name), *_behind(model, node)] for node in nodes}
    refusals = []
    for k in range(max(map(len, chains.values()))):
        chosen = {name: chain[min(k, len(chain) - 1)] for name, chain in chains.items()}
        try:
            values = runner.run(feeds, list(dict.fromkeys(tensor for tensor, _ in chosen.values())))
        except InputError as refusal:
            refusals.append(refusal)
        else:
            return {name: (shown, values[tensor]) for name, (tensor, shown) in chosen.items()}
    raise refusals[0]


def _behind(model: Model, node: Node) -> list[tuple[str, str]]:
    return [(tensor, name) for tensor, name, _ in following(model.network, node)]


def _compared(move: _Move, seen_at: str, before: Array, after: Array) -> Shift:
    still, moved = ([slice(None)] * before.ndim for _ in range(2))
    for (axis, side), n in zip(move.inside, move.units, strict=True):
        still[axis] = slice(side.start, side.stop)
        moved[axis] = slice(side.start + n, side.stop + n)
    first, second, unmoved = before[tuple(still)], after[tuple(moved)], after[tuple(still)]
    sizes = tuple(side.size for _, side in move.inside)
    return Shift(
        move.pixels, move.units, seen_at, sizes, _apart(first, second), float(np.abs(first).max()),
        _apart(first, unmoved),
    )  # fmt: skip


def _apart(one: Array, other: Array) -> float:
    return float(np.abs(one.astype(np.float64) - other).max())
