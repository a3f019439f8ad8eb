"""What a check proved: one entry per unit, and the report that holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first pixel, in raster order, of those found where claim and runtime differ.

    ``kind`` is ``"read but not claimed"``, ``"claimed but not read"`` or ``"shape"``; ``pixel`` holds one
    index per spatial axis of the input, and is empty for a shape.
    """

    kind: str
    pixel: tuple[int, ...]
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.kind == "shape" else f"pixel {self.pixel} is {self.kind}"


@dataclass(frozen=True, slots=True)
class UnitCheck:
    """One unit of one layer: what striate claims it reads, and what its runtime made it read.

    ``claimed`` counts the pixels of the exact cover, ``confirmed`` those of them that the runtime was seen
    to read one by one, ``outside`` the pixels beyond the claim, all of which were shown not to be read.
    ``hull`` tells whether a pixel on every side of the claim's hull is among the confirmed ones.
    """

    layer: str
    at: tuple[int, ...]
    claimed: int
    confirmed: int
    outside: int
    hull: bool
    first: Disagreement | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing the runtime did contradicts the claim."""
        return self.first is None

    @property
    def complete(self) -> bool:
        """Whether the claim is proved pixel by pixel, inside and outside."""
        return self.ok and self.confirmed == self.claimed

    def __str__(self) -> str:
        where = f"{self.layer} {self.at}"
        if self.first is not None:
            return f"DISAGREES: {where}: {self.first} ({self.claimed} pixels claimed)"
        others = f"none of the {self.outside} others" if self.outside else "no others exist"
        if self.complete:
            return f"proved: {where} reads all {self.claimed} pixels claimed, {others}"
        hull = ", one on every side of the hull" if self.hull else ""
        sample = f"{self.confirmed} of the {self.claimed} pixels claimed, lit one by one{hull}"
        return f"proved: {where} reads {sample}; {others}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of ``check``: ``runtime`` names what ran the twin, ``passes`` how often.

    ``seed`` chose the random units and pixels.
    """

    model: str
    runtime: str
    passes: int
    seed: int
    units: tuple[UnitCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether no unit disagrees."""
        return all(unit.ok for unit in self.units)

    @property
    def complete(self) -> bool:
        """Whether every claimed pixel of every unit was confirmed one by one."""
        return all(unit.complete for unit in self.units)

    @property
    def first(self) -> UnitCheck | None:
        """The first unit that disagrees."""
        return next((unit for unit in self.units if not unit.ok), None)

    def lines(self) -> tuple[str, ...]:
        """The report as text, one line per unit and a summary."""
        layers = len({unit.layer for unit in self.units})
        bad = sum(not unit.ok for unit in self.units)
        verdict = f"{bad} of {len(self.units)} units disagree" if bad else f"all {len(self.units)} units agree"
        exact = sum(unit.complete for unit in self.units)
        summary = (
            f"{self.model}: {verdict} in {layers} layers, {exact} of them proved pixel by pixel "
            f"({self.runtime}, {self.passes} passes, seed {self.seed})"
        )
        return (*(str(unit) for unit in self.units), summary)

    def __str__(self) -> str:
        return "\n".join(self.lines())
