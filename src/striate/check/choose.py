"""What a check looks at: layers, units, and how much work it may spend on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from striate.check.report import Disagreement
from striate.errors import InputError
from striate.fields import Fields, Unit, costs
from striate.fields.unit import At, LayerAxes, unit_axes
from striate.network import Network
from striate.network.relation import Shape

DEFAULT_LAYERS = 12
RANDOM_UNITS = 2
# Forward passes of the twin: as many as touch about this many values in all, within bounds.
VALUES_TOUCHED, VALUES_OF_A_NODE, VALUES_OF_A_GRADIENT = 4e9, 2e4, 2e5
FEWEST_PASSES, MOST_PASSES = 64, 2048
# Runs of the model itself: about this many multiply-accumulates and values in all, within bounds.
WORK_SPENT, WORK_OF_A_VALUE, WORK_OF_A_NODE = 5e10, 50, 5e6
FEWEST_RUNS, MOST_RUNS = 8, 400


def evenly(names: Sequence[str], count: int = DEFAULT_LAYERS) -> list[str]:
    """Up to ``count`` names, evenly spread, the last among them."""
    if len(names) <= count:
        return list(names)
    return [names[(k + 1) * len(names) // count - 1] for k in range(count)]


def choose_units(
    fields: Fields, layers: Sequence[str], units: Sequence[At] | None, seed: int
) -> list[Unit]:
    """The units to check of each layer, without repeats."""
    random = np.random.default_rng(seed)
    chosen: list[Unit] = []
    for layer in layers:
        axes = fields.layer_axes(layer)
        places = _drawn(axes, random) if units is None else units
        chosen += [in_full(unit, axes) for unit in dict.fromkeys(Unit.of(layer, at) for at in places)]
    if not chosen:
        raise InputError(f"no layer of {fields.network.name} depends on its input: there is nothing to check")
    return chosen


def _drawn(axes: LayerAxes, random: np.random.Generator) -> list[tuple[int, ...]]:
    """The middle of a layer, its first corner and some units by chance."""
    known = [tuple(n // 2 for n in axes.sizes), tuple(0 for _ in axes.sizes)]
    return known + [tuple(int(random.integers(n)) for n in axes.sizes) for _ in range(RANDOM_UNITS)]


def in_full(unit: Unit, axes: LayerAxes) -> Unit:
    """The unit as twins name it: by the axes behind batch and channel, or by the middle one of all that stand there."""
    try:
        index = axes.index(unit)
    except InputError as error:
        raise InputError(f"{unit.layer}: {error}") from None
    if axes.units == tuple(unit_axes(axes.shape)):
        return unit
    named = (n // 2 if isinstance(i, slice) else i for i, n in zip(index, axes.shape, strict=True))
    return Unit(unit.layer, tuple(named))


def off_grid(unit: Unit, axes: LayerAxes) -> Unit:
    """A unit with an index for every axis, in a spelling that a grid with as many axes does not take for its own."""
    if axes.grid is None or not len(unit.at) == len(axes.shape) == len(axes.units) + len(axes.grid.sizes) - 1:
        return unit
    channel = None if axes.channel is None else unit.at[axes.channel]
    return Unit(unit.layer, tuple(unit.at[axis] for axis in axes.units), channel)


def affordable(network: Network, *, backward: bool = False) -> int:
    """How many passes of a twin, forward or ``backward``, a check spends unless told."""
    values = _values(network) + (VALUES_OF_A_GRADIENT if backward else VALUES_OF_A_NODE) * len(network.nodes)
    return int(min(max(VALUES_TOUCHED // values, FEWEST_PASSES), MOST_PASSES))


def affordable_runs(network: Network) -> int:
    """How many runs of the model itself a check spends."""
    work = costs(network).macs + WORK_OF_A_VALUE * _values(network) + WORK_OF_A_NODE * len(network.nodes)
    return int(min(max(WORK_SPENT // work, FEWEST_RUNS), MOST_RUNS))


def _values(network: Network) -> int:
    return max(sum(prod(network.shapes[name]) for node in network.nodes for name in node.outputs if name), 1)


def upper_bounds(fields: Fields) -> set[str]:
    """The tensors whose claim is an upper bound: a node above, or their own, may read less than it says."""
    found: set[str] = set()
    for node in fields.network.nodes:
        if node.at_most or found.intersection(node.inputs):
            found.update(node.outputs)
    return found


def wrong_shapes(claimed: Mapping[str, Shape], measured: Mapping[str, Shape]) -> dict[str, Disagreement]:
    """Where the runtime's shape is another than the claimed one."""
    return {
        name: Disagreement("shape", (), f"{claimed[name]} claimed, {shape} in the runtime")
        for name, shape in measured.items()
        if claimed[name] != shape
    }
