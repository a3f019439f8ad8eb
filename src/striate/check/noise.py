"""The pass that shares nothing with a claim: the untouched model, run on noise.

Everything outside a claimed cover is replaced by noise, and not a bit of the unit may change. Then the outermost
lines of the cover are replaced, and the unit should move: one that stays, behind a dead activation or a weight of
zero, shows nothing either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.check.report import Noise

Mask = NDArray[np.bool_]
Image = NDArray[np.generic]
Values = Callable[[Image], Sequence[Image]]

BASES = 2


class UnusableError(Exception):
    """The untouched model cannot be run, or its answers differ from run to run."""


@dataclass(frozen=True, slots=True)
class Images:
    """What the source is fed: ``axes`` are the axes of ``shape`` that a pixel has an index for."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    dtype: np.dtype[np.generic]
    seed: int

    def base(self, turn: int) -> Image:
        """An image in [0, 1), then one of either sign; zeros and ones where the input holds integers."""
        random = np.random.default_rng((self.seed, turn))
        if self.dtype.kind != "f":
            return self._integers(random)
        drawn = random.random(self.shape) if turn % BASES == 0 else random.normal(size=self.shape)
        return np.asarray(drawn.astype(self.dtype))

    def changed(self, base: Image, pixels: Mask, turn: int) -> Image:
        """``base`` with noise of its own size, then of ten times that, at ``pixels``; integers are turned over."""
        random = np.random.default_rng((self.seed, turn, 1))
        if self.dtype.kind != "f":
            noise = np.asarray((1 - base.astype(np.int64)).astype(self.dtype))
        else:
            noise = np.asarray((random.normal(size=self.shape) * 10 ** (turn % BASES)).astype(self.dtype))
        place = [n if axis in self.axes else 1 for axis, n in enumerate(self.shape)]
        return np.where(pixels.reshape(place), noise, base)

    def _integers(self, random: np.random.Generator) -> Image:
        return np.asarray(random.integers(0, 2, size=self.shape).astype(self.dtype))


class NoisePass:
    """Runs of one model under noise; ``values`` gives the values of each unit for an image."""

    def __init__(self, masks: Sequence[Mask], values: Values, images: Images, most_runs: int) -> None:
        self._masks, self._values, self._images, self._most = masks, values, images, most_runs
        self.runs = 0
        self._still = [0] * len(masks)
        self._moved_by: list[tuple[int, ...] | None] = [None] * len(masks)
        self._sides = [_sides(mask) for mask in masks]
        self._sides_of = [len(sides) for sides in self._sides]
        self._sides_moved = [0] * len(masks)

    def go(self, first: Sequence[int]) -> list[Noise]:
        """All that fits in the number of runs, units in ``first`` before the others."""
        self._bases = [self._images.base(turn) for turn in range(BASES)]
        self._quiet = [self._run(base) for base in self._bases]
        if any(self._run(base) != quiet for base, quiet in zip(self._bases, self._quiet, strict=True)):
            raise UnusableError("two runs on the same input differ")
        order = [*first, *(k for k in range(len(self._masks)) if k not in set(first))]
        self._outside(order, 0)
        self._edges(order, 0)
        self._edges(order, 1)
        self._outside(order, 1)
        return [self._noise(k) for k in range(len(self._masks))]

    def _noise(self, k: int) -> Noise:
        beyond = not self._masks[k].all()
        return Noise(self._still[k], beyond, self._sides_moved[k], self._sides_of[k], self._moved_by[k])

    def _run(self, image: Image) -> list[bytes]:
        self.runs += 1
        return [_bits(value) for value in self._values(image)]

    def _outside(self, order: Sequence[int], turn: int) -> None:
        """Noise on all that a unit is said not to read; units of one claim share a run."""
        groups: dict[bytes, list[int]] = {}
        for k in order:
            if not self._masks[k].all():
                groups.setdefault(np.packbits(self._masks[k]).tobytes(), []).append(k)
        for group in groups.values():
            if self.runs >= self._most:
                return
            pixels = ~self._masks[group[0]]
            found = self._run(self._images.changed(self._bases[turn], pixels, turn))
            for k in group:
                if found[k] == self._quiet[turn][k]:
                    self._still[k] += 1
                elif self._moved_by[k] is None:
                    self._moved_by[k] = self._locate(k, pixels, turn)

    def _locate(self, k: int, pixels: Mask, turn: int) -> tuple[int, ...]:
        """A pixel that moves unit ``k``, by halving the set that does."""
        if self._run(self._bases[turn])[k] != self._quiet[turn][k]:
            raise UnusableError("two runs on the same input differ")
        flat = np.flatnonzero(pixels)
        while len(flat) > 1:
            half = len(flat) // 2
            flat = next((part for part in (flat[:half], flat[half:]) if self._moves(k, part, turn)), flat[:1])
        return tuple(int(i) for i in np.unravel_index(int(flat[0]), pixels.shape))

    def _moves(self, k: int, flat: NDArray[np.int64], turn: int) -> bool:
        pixels = np.zeros(self._masks[k].shape, dtype=np.bool_)
        pixels.reshape(-1)[flat] = True
        return self._run(self._images.changed(self._bases[turn], pixels, turn))[k] != self._quiet[turn][k]

    def _edges(self, order: Sequence[int], turn: int) -> None:
        """Noise on one side of a hull at a time, on those of several units where none reads another's."""
        waiting = [(k, side) for k in order for side in self._sides[k]]
        for k in order:
            self._sides[k] = []
        while waiting and self.runs < self._most:
            served: list[tuple[int, Mask]] = []
            changed, claimed = np.zeros_like(self._masks[0]), np.zeros_like(self._masks[0])
            rest = []
            for k, side in waiting:
                mask = self._masks[k]
                if any(k == other for other, _ in served) or (side & claimed).any() or (changed & mask).any():
                    rest.append((k, side))
                    continue
                served.append((k, side))
                changed |= side
                claimed |= mask
            found = self._run(self._images.changed(self._bases[turn], changed, turn))
            for k, side in served:
                if found[k] != self._quiet[turn][k]:
                    self._sides_moved[k] += 1
                else:
                    self._sides[k].append(side)
            waiting = rest


def _bits(value: Image) -> bytes:
    """What distinguishes values; the sign of a zero does not."""
    plain = np.where(value == 0, np.zeros((), value.dtype), value) if value.dtype.kind == "f" else value
    return np.ascontiguousarray(plain).tobytes()


def _sides(mask: Mask) -> list[Mask]:
    """The part of a mask on each side of its hull."""
    found = []
    for axis in range(mask.ndim):
        lines = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        for line in sorted({int(lines[0]), int(lines[-1])}) if len(lines) else ():
            index = np.arange(mask.shape[axis]).reshape([-1 if k == axis else 1 for k in range(mask.ndim)])
            found.append(np.asarray(mask & (index == line)))
    return found
