"""How a check goes, whatever runs the model: choose units, ask the twin about them, then the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.check.choose import (
    affordable,
    affordable_runs,
    choose_units,
    evenly,
    in_full,
    off_grid,
    upper_bounds,
    wrong_shapes,
)
from striate.check.claim import Claim
from striate.check.extents import ExtentPass
from striate.check.noise import Images, NoisePass, UnusableError
from striate.check.report import CheckReport, Disagreement, Extent, UnitCheck, with_noise
from striate.errors import InputError
from striate.fields import Fields, Unit, region
from striate.fields.unit import At
from striate.network import Network
from striate.network.relation import Shape
from striate.progress import Progress, Ticker

Tick = Callable[[], None]

# Units asked about at a time where all are, and passes enough for any of them.
TOGETHER, UNLIMITED = 32, 2**62


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants checked; None leaves the choice to the check."""

    layers: Sequence[str] | None = None
    units: Sequence[At] | None = None
    seed: int = 0
    progress: Progress | None = None
    passes: int | None = None
    everything: bool = False


class Session(Protocol):
    """The untouched model in its runtime."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements that the input takes."""

    def sees(self, layer: str) -> bool:
        """Whether the runtime shows the values of a layer."""

    def values(self, image: NDArray[Any], units: Sequence[Unit]) -> Sequence[NDArray[Any]]:
        """One run's values of some units of layers that it sees; raises UnusableError where it fails."""


class Runtime(Protocol):
    """What runs a model and its twin; one class for each kind of model."""

    @property
    def name(self) -> str:
        """The runtime and its version."""

    @property
    def backward(self) -> bool:
        """Whether a pass of the twin goes back from a unit, rather than forward from pixels."""

    @property
    def passes(self) -> int:
        """How often the twin has run."""

    def layers(self) -> Sequence[str]:
        """The layers to choose from, in order."""

    def refusal(self, layer: str) -> str:
        """Why a layer cannot be checked; empty where it can."""

    def build(self, layers: Sequence[str]) -> Mapping[str, Shape]:
        """Make the twin of some layers; the runtime's own shape of each."""

    def steps(self, layers: int, limit: int) -> int:
        """How often ``tick`` is called for the extents of so many layers and what is asked of claims, at most."""

    def units(self, claims: Sequence[Claim], limit: int, seed: int, tick: Tick) -> Sequence[UnitCheck]:
        """What at most ``limit`` passes of the twin say of each claim."""

    def extents(self, claimed: ExtentPass, layers: Sequence[str], limit: int, tick: Tick) -> Sequence[Extent]:
        """What the twin says of the extents of all units of some layers."""

    def close(self) -> None:
        """Give back the twin's memory."""

    def sessions(self) -> Sequence[Callable[[], Session]]:
        """Ways to run the model itself, from the fastest to the one whose word counts.

        Beginning one raises UnusableError where the model cannot be run, ModelError where the twin is not its twin.
        """


def prove(name: str, runtime: Runtime, fields: Fields, asked: Asked) -> CheckReport:
    """The report of one check of the model called ``name``."""
    network = fields.network
    chosen = choose_units(fields, _layers(runtime, fields, asked.layers), asked.units, asked.seed)
    checked = list(dict.fromkeys(unit.layer for unit in chosen))
    wrong = wrong_shapes({layer: network.shapes[network.tensor(layer)] for layer in checked}, runtime.build(checked))
    right = [layer for layer in checked if layer not in wrong]
    rest = _others(fields, right, chosen) if asked.everything and asked.units is None else []
    limit = _limit(runtime, network, asked)
    few = min(limit, affordable(network))
    ticker = Ticker(asked.progress, len(chosen) + len(rest) + runtime.steps(len(right), few))
    work = _Work(runtime, fields, limit, asked.seed, ticker.step)
    claims = {k: work.claim(unit) for k, unit in enumerate(chosen) if unit.layer not in wrong}
    proofs: dict[int, UnitCheck] = {}
    extents: Sequence[Extent] = ()
    if claims:
        proofs = dict(zip(claims, work.proofs([*claims.values()]), strict=True))
        if not fields.is_local:
            bounds = [network.tensor(layer) in work.bounded for layer in right]
            extents = runtime.extents(ExtentPass(fields, right, bounds), right, few, ticker.step)
    more = work.proofs_of(rest)
    runtime.close()
    ticker.finish()
    units = [proofs[k] if k in proofs else _misshapen(unit, wrong[unit.layer]) for k, unit in enumerate(chosen)]
    report = CheckReport(
        model=name,
        runtime=runtime.name,
        passes=runtime.passes,
        seed=asked.seed,
        units=tuple(units),
        extents=tuple(extents),
        source=fields.source,
        shape=network.shapes[fields.source],
        layout=fields.layout,
        without=_without(fields, checked),
        units_in_all=sum(prod(fields.layer_axes(layer).sizes) for layer in checked),
        seconds=_seconds(fields, units),
    )
    report = _untouched(report, runtime, fields, claims)
    return replace(report, units=(*report.units, *more))


class _Work:
    """The twin of one model, asked about units."""

    def __init__(self, runtime: Runtime, fields: Fields, limit: int, seed: int, tick: Tick) -> None:
        self._runtime, self._fields, self._limit, self._seed, self._tick = runtime, fields, limit, seed, tick
        self.bounded = upper_bounds(fields)

    def claim(self, unit: Unit) -> Claim:
        """What one unit is said to read."""
        tensor, local = self._fields.network.tensor(unit.layer), self._fields.is_local
        named = off_grid(unit, self._fields.layer_axes(unit.layer))
        return Claim(unit, region(self._fields, named).mask, tensor in self.bounded, local)

    def proofs(self, claims: Sequence[Claim]) -> Sequence[UnitCheck]:
        """What the twin says of some claims."""
        return self._runtime.units(claims, self._limit, self._seed, self._tick)

    def proofs_of(self, units: Sequence[Unit]) -> list[UnitCheck]:
        """What it says of many units, some at a time; their pixels are counted, and not kept."""
        found: list[UnitCheck] = []
        for start in range(0, len(units), TOGETHER):
            claims = [self.claim(unit) for unit in units[start : start + TOGETHER]]
            found += (replace(unit, pixels=None) for unit in self.proofs(claims))
        return found


def _limit(runtime: Runtime, network: Network, asked: Asked) -> int:
    if asked.passes is not None:
        return asked.passes
    return UNLIMITED if asked.everything else affordable(network, backward=runtime.backward)


def _others(fields: Fields, layers: Sequence[str], chosen: Sequence[Unit]) -> list[Unit]:
    """All units of some layers but those chosen already."""
    known = set(chosen)
    axes = {layer: fields.layer_axes(layer) for layer in layers}
    units = (in_full(Unit(layer, at), told) for layer, told in axes.items() for at in np.ndindex(told.sizes))
    return [unit for unit in units if unit not in known]


def _seconds(fields: Fields, units: Sequence[UnitCheck]) -> float:
    """What all units of the layers would take, if each took as long as those of its layer did."""
    took: dict[str, list[float]] = {}
    for unit in units:
        took.setdefault(unit.layer, []).append(unit.seconds)
    return sum(prod(fields.layer_axes(layer).sizes) * sum(each) / len(each) for layer, each in took.items())


def _without(fields: Fields, layers: Sequence[str]) -> tuple[str, ...] | None:
    if not fields.is_local:
        return None
    return tuple(dict.fromkeys(name for layer in layers for name in fields.left_out(layer)))


def _layers(runtime: Runtime, fields: Fields, layers: Sequence[str] | None) -> list[str]:
    if layers is None:
        return evenly(runtime.layers())
    for layer in layers:
        fields.network.tensor(layer)
        refusal = runtime.refusal(layer)
        if refusal:
            raise InputError(refusal)
    return list(layers)


def _misshapen(unit: Unit, first: Disagreement) -> UnitCheck:
    return UnitCheck(unit.layer, unit.at, 0, 0, 0, False, first)


def _untouched(report: CheckReport, runtime: Runtime, fields: Fields, claims: Mapping[int, Claim]) -> CheckReport:
    """The report with what noise did to the model itself; what one session leaves in doubt, the next decides."""
    told = report
    if fields.is_local:
        return replace(report, unusable="the claims leave global paths out, and the model itself takes them")
    for begin in runtime.sessions():
        try:
            session = begin()
            seen = {k: claim for k, claim in claims.items() if session.sees(claim.unit.layer)}
            if not seen:
                return replace(report, unusable=_unseen(claims))
            work = _noise(session, [*seen.values()], fields, report.seed)
            noise = work.go()
        except UnusableError as error:
            told = replace(report, unusable=str(error))
            continue
        told = with_noise(report, dict(zip(seen, noise, strict=True)), work.runs)
        if all(said.moved_by is None for said in noise):
            break
    return told


def _unseen(claims: Mapping[int, Claim]) -> str:
    if not claims:
        return "the claim's shapes are wrong"
    return "the layers lie inside branches or local functions, which the runtime does not show"


def _noise(session: Session, claims: Sequence[Claim], fields: Fields, seed: int) -> NoisePass:
    def values(image: NDArray[Any], asked: Sequence[int]) -> Sequence[NDArray[Any]]:
        return session.values(image, [claims[k].unit for k in asked])

    shape = fields.network.shapes[fields.source]
    images = Images(shape, tuple(fields.spatial.values()), session.dtype, seed)
    return NoisePass([claim.mask for claim in claims], values, images, affordable_runs(fields.network))
