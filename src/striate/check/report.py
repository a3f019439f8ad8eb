"""What a check proved: one entry per unit and per layer's extent, and the report that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
DisagreementKind = Literal[
    "read but not claimed", "claimed but not read", "moves it but is not claimed", "shape", "extent", "stated"
]
Method = Literal["backward", "one by one"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first pixel, in raster order, of those found where claim and runtime differ.

    ``kind`` is ``"read but not claimed"``, ``"claimed but not read"`` (by the twin), ``"moves it but is not
    claimed"`` (in the untouched model), ``"shape"``, ``"extent"`` (of a unit along one axis; ``pixel`` is then the
    unit) or ``"stated"`` (a layer's printed field against its unit's region). ``pixel`` holds one index per spatial
    axis of the input, and is empty for a shape.
    """

    kind: DisagreementKind
    pixel: tuple[int, ...]
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else f"pixel {self.pixel} {_verb(self.kind)}"


def _verb(kind: DisagreementKind) -> str:
    return kind if kind.startswith("moves") else f"is {kind}"


@dataclass(frozen=True, slots=True)
class Noise:
    """What noise did to a unit of the untouched model.

    ``still`` counts the pixels, of ``others`` not claimed, that were noise in runs in which not a bit of the unit
    changed. Of the ``sides`` of its hull (one line each),
    ``sides_moved`` moved the unit when they were replaced; one that did not shows nothing, as behind a dead
    activation. ``moved_by`` is a pixel outside the claim that changed the unit.
    """

    still: int
    others: int
    sides_moved: int
    sides: int
    moved_by: tuple[int, ...] | None = None

    def __str__(self) -> str:
        share = "the others" if self.still == self.others else f"{self.still} of the {self.others} others"
        outside = f"unmoved by noise on {share}, " if self.still else "others not tried, "
        return f"{outside if self.others else ''}moved by {self.sides_moved} of {self.sides} sides"


@dataclass(frozen=True, eq=False, slots=True)
class Pixels:
    """The pixels that a unit is said to read, and those of them that are proved, over the input's spatial axes."""

    claimed: Mask
    proved: Mask


@dataclass(frozen=True, slots=True)
class UnitCheck:
    """One unit of one layer: what striate claims it reads, and what its runtime made it read.

    ``claimed`` counts the pixels of the exact cover, ``confirmed`` those of them that reach the unit in the twin,
    ``others`` the pixels beyond the claim, ``outside`` those of them that were shown not to be read: all, but none of
    a claim without global paths where the twin cannot be parted from them.
    ``method`` says how the pixels were confirmed: ``"backward"``, by a pass back from the unit that tells every pixel
    it reads, or ``"one by one"``, each lit alone. ``hull`` tells whether a pixel on every side of the claim's hull is
    among the confirmed ones, ``at_most`` whether the claim is an upper bound. ``noise`` is what the untouched model
    said, None where it could not be asked. ``seconds`` is what proving every pixel took, or would take; ``pixels``
    is what was claimed and proved, None where shapes differ.
    """

    layer: str
    at: tuple[int, ...]
    claimed: int
    confirmed: int
    outside: int
    hull: bool
    first: Disagreement | None = None
    at_most: bool = False
    noise: Noise | None = None
    method: Method = "one by one"
    seconds: float = field(default=0.0, compare=False)
    pixels: Pixels | None = field(default=None, compare=False, repr=False)
    others: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing the runtime did contradicts the claim."""
        return self.first is None

    @property
    def complete(self) -> bool:
        """Whether the claim is proved pixel by pixel, inside and outside."""
        return self.ok and self.confirmed == self.claimed and self.outside == self.others

    @property
    def left(self) -> int:
        """How many claimed pixels were not tried; none of an upper bound whose every pixel was."""
        tried = self.at_most and self.method == "backward"
        return 0 if tried or not self.ok else self.claimed - self.confirmed

    def __str__(self) -> str:
        where = f"{self.layer} {self.at}"
        if self.first is not None:
            return f"DISAGREES: {where}: {self.first} ({self.claimed} pixels claimed)"
        noise = f"; the model itself: {self.noise}" if self.noise is not None else ""
        return f"{'agrees' if self.left else 'proved'}: {where} reads {self._inside()}{noise}"

    def _inside(self) -> str:
        others = f"none of the {self.others} others" if self.others else "no others exist"
        if self.outside < self.others:
            others = f"and what it reads of the {self.others} others is not shown"
        if self.complete:
            return f"all {self.claimed} pixels claimed, {others}"
        if not self.left:
            return f"{self.confirmed} of at most the {self.claimed} pixels claimed, {others}"
        bound = "at most " if self.at_most else ""
        return f"nothing but {bound}the {self.claimed} pixels claimed: all {self.confirmed} that were lit reach it"


@dataclass(frozen=True, slots=True)
class Extent:
    """Where all units of a layer begin and end along one axis of the input, against the twin.

    ``facts`` are those of the field stated for the layer, which interior units were held to. ``agreeing`` of the
    layer's ``units`` read both ends of their claimed hull and nothing outside it; ``how`` says by what that was
    seen, and of the others nothing that contradicts the claim. ``at_most`` says that the claim is an upper bound,
    whose ends may go unread.
    """

    layer: str
    axis: str
    facts: tuple[str, ...]
    agreeing: int
    units: int
    how: str
    first: Disagreement | None = None
    at_most: bool = False

    @property
    def ok(self) -> bool:
        """Whether no unit disagrees."""
        return self.first is None

    def __str__(self) -> str:
        if self.first is not None:
            return f"DISAGREES: {self.layer}: {self.first.detail}"
        told = f"along {self.axis} ({', '.join(self.facts)}; {self.how})"
        ends = "read no further than claimed" if self.at_most else "begin and end as claimed"
        if self.agreeing == self.units:
            return f"proved: {self.layer}: all {self.units} units {ends} {told}"
        seen = f"{self.agreeing} of {self.units} units were seen to {ends}, and none otherwise,"
        return f"agrees: {self.layer}: {seen} {told}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of ``check``: ``runtime`` names what ran the twin, ``passes`` how often.

    ``source``, ``shape`` and ``layout`` are those of the input; ``without`` names the operators whose global paths
    the claims leave out, None where they speak of all paths. ``extents`` speak of all units of the layers checked,
    ``units`` of some, pixel by pixel, of ``units_in_all``; to prove all of these pixel by pixel takes about
    ``seconds``. ``runs`` counts the runs of the untouched model; ``unusable`` says why there were none. ``seed``
    chose the random units and pixels.
    """

    model: str
    runtime: str
    passes: int
    seed: int
    units: tuple[UnitCheck, ...]
    extents: tuple[Extent, ...] = ()
    runs: int = 0
    unusable: str = ""
    source: str = ""
    shape: tuple[int, ...] = ()
    layout: str = ""
    without: tuple[str, ...] | None = None
    units_in_all: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def ok(self) -> bool:
        """Whether no unit disagrees."""
        return all(unit.ok for unit in self.units) and all(extent.ok for extent in self.extents)

    @property
    def complete(self) -> bool:
        """Whether every claimed pixel of every unit was confirmed, and every extent agrees."""
        return self.ok and all(unit.complete for unit in self.units)

    @property
    def first(self) -> UnitCheck | None:
        """The first unit that disagrees."""
        return next((unit for unit in self.units if not unit.ok), None)

    def lines(self) -> tuple[str, ...]:
        """The report as text: one line per unit, per extent, for the untouched model and for all together."""
        return (*map(str, self.units), *map(str, self.extents), self._untouched(), self._summary())

    def _untouched(self) -> str:
        if self.unusable:
            return f"the model itself could not be tried with noise: {self.unusable}"
        asked = [unit.noise for unit in self.units if unit.noise is not None]
        beyond = [noise for noise in asked if noise.others]
        moved, sides = sum(noise.sides_moved for noise in asked), sum(noise.sides for noise in asked)
        tried = sum(noise.still > 0 for noise in beyond)
        still = f"{tried} of {len(beyond)} units stay to the bit when {_what_changes(beyond)}"
        still = still if beyond else "every unit is said to read all pixels"
        return (
            f"the model itself, {self.runs} runs on noise: {still}; "
            f"{moved} of {sides} sides move their unit, not shown of the others"
        )

    def _summary(self) -> str:
        layers = len({unit.layer for unit in self.units})
        bad = sum(not unit.ok for unit in self.units)
        worse = sum(not extent.ok for extent in self.extents)
        verdict = f"{bad} of {len(self.units)} units disagree" if bad else f"all {len(self.units)} units agree"
        verdict += f" and {worse} of {len(self.extents)} extents disagree" if worse else ""
        exact = sum(unit.complete for unit in self.units)
        return (
            f"{self.model}: {verdict} in {layers} layers, {exact} of them proved pixel by pixel "
            f"({self.runtime}, {self.passes} passes of the twin, seed {self.seed})"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _what_changes(asked: Sequence[Noise]) -> str:
    """All that some units are not said to read, or how much of it, in the mean of those that stayed."""
    shares = [noise.still / noise.others for noise in asked if noise.still]
    if min(shares, default=1.0) == 1:
        return "all they are not said to read changes"
    return f"{int(100 * sum(shares) / len(shares))}% of what they are not said to read changes"


def with_noise(report: CheckReport, noise: Mapping[int, Noise], runs: int) -> CheckReport:
    """The report with what the untouched model said of some units."""
    units = list(report.units)
    for k, said in noise.items():
        first = units[k].first
        if first is None and said.moved_by is not None:
            first = Disagreement("moves it but is not claimed", said.moved_by)
        units[k] = replace(units[k], noise=said, first=first)
    return replace(report, units=tuple(units), runs=runs)
