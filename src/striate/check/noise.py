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
Values = Callable[[Image, Sequence[int]], Sequence[Image]]

BASES = 2
# The share of runs kept for the outermost lines of covers where not all noise outside them can be afforded.
SIDES_SHARE = 4


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
    """Runs of one model under noise; ``values`` gives, for an image, the values of the units whose places it is told.

    One run serves many units: noise lies outside the claims of all of them, and of what it then leaves untried of
    each, later runs try as much as they can.
    """

    def __init__(self, masks: Sequence[Mask], values: Values, images: Images, most_runs: int) -> None:
        self._masks, self._values, self._images, self._most = masks, values, images, most_runs
        self.runs = 0
        self._outsides = [_Bits.of(~mask) for mask in masks]
        self._untried = list(self._outsides)
        self._quiet: list[list[bytes]] = []
        self._bases: list[Image] = []
        self._moved_by: list[tuple[int, ...] | None] = [None] * len(masks)
        self._sides = [_sides(mask) for mask in masks]
        self._sides_of = [len(sides) for sides in self._sides]
        self._sides_moved = [0] * len(masks)

    def go(self) -> list[Noise]:
        """What noise does to each unit, as far as fits in the number of runs."""
        self._begin(0)
        self._outside(0, self._most - self._most // SIDES_SHARE)
        self._edges(0)
        if self.runs + BASES < self._most:
            self._begin(1)
            self._edges(1)
            self._outside(1, self._most)
        return [self._noise(k) for k in range(len(self._masks))]

    def _begin(self, turn: int) -> None:
        self._bases.append(self._images.base(turn))
        every = range(len(self._masks))
        self._quiet.append(self._run(self._bases[turn], every))
        if self._run(self._bases[turn], every) != self._quiet[turn]:
            raise UnusableError("two runs on the same input differ")

    def _noise(self, k: int) -> Noise:
        others = len(self._outsides[k])
        still = others - len(self._untried[k]) if self._moved_by[k] is None else 0
        return Noise(still, others, self._sides_moved[k], self._sides_of[k], self._moved_by[k])

    def _run(self, image: Image, units: Sequence[int]) -> list[bytes]:
        self.runs += 1
        return [_bits(value) for value in self._values(image, units)]

    def _unlike(self, turn: int, pixels: Mask, units: Sequence[int]) -> list[bool]:
        """For some units, whether noise at some pixels changes them."""
        found = self._run(self._images.changed(self._bases[turn], pixels, turn), units)
        return [value != self._quiet[turn][k] for k, value in zip(units, found, strict=True)]

    def _outside(self, turn: int, most: int) -> None:
        """Noise on what units are said not to read, many units a run."""
        left = [outside if self._moved_by[k] is None else _Bits.none() for k, outside in enumerate(self._outsides)]
        while self.runs < most and (served := self._pack(left)):
            kept = np.logical_or.reduce([self._masks[k] for k in served])
            for k, moved in zip(served, self._unlike(turn, ~kept, served), strict=True):
                if moved:
                    left[k] = _Bits.none()
                    self._moved_by[k] = self._moved_by[k] or self._locate(k, ~kept, turn)
                else:
                    left[k] &= _Bits.of(kept)
                    self._untried[k] &= _Bits.of(kept)

    def _pack(self, left: Sequence[_Bits]) -> list[int]:
        """The unit of which most is left to try, and all those beside which more is tried in all than without."""
        shares = {k: len(rest) / len(self._outsides[k]) for k, rest in enumerate(left) if len(rest)}
        if not shares:
            return []
        served = [max(shares, key=lambda k: shares[k])]
        noise, most = self._outsides[served[0]], shares[served[0]]
        for k in sorted(shares.keys() - set(served), key=lambda k: -len(self._outsides[k])):
            less = noise & self._outsides[k]
            tried = sum(len(left[j] & less) / len(self._outsides[j]) for j in (*served, k))
            if tried > most:
                served, noise, most = [*served, k], less, tried
        return served

    def _locate(self, k: int, pixels: Mask, turn: int) -> tuple[int, ...]:
        """A pixel that moves unit ``k``, by halving the set that does."""
        if self._run(self._bases[turn], [k]) != [self._quiet[turn][k]]:
            raise UnusableError("two runs on the same input differ")
        flat = np.flatnonzero(pixels)
        while len(flat) > 1:
            half = len(flat) // 2
            flat = next((part for part in (flat[:half], flat[half:]) if self._moves(k, part, turn)), flat[:1])
        return tuple(int(i) for i in np.unravel_index(int(flat[0]), pixels.shape))

    def _moves(self, k: int, flat: NDArray[np.int64], turn: int) -> bool:
        pixels = np.zeros(self._masks[k].shape, dtype=np.bool_)
        pixels.reshape(-1)[flat] = True
        return self._unlike(turn, pixels, [k])[0]

    def _edges(self, turn: int) -> None:
        """Noise on one side of a hull at a time, on those of several units where none reads another's."""
        smallest_first = sorted(range(len(self._masks)), key=lambda k: -len(self._outsides[k]))
        waiting = [(k, side) for k in smallest_first for side in self._sides[k]]
        self._sides = [[] for _ in self._masks]
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
            for (k, side), moved in zip(served, self._unlike(turn, changed, [k for k, _ in served]), strict=True):
                if moved:
                    self._sides_moved[k] += 1
                else:
                    self._sides[k].append(side)
            waiting = rest


@dataclass(frozen=True, slots=True)
class _Bits:
    """A set of pixels, eight in a byte; ``len`` counts them."""

    packed: NDArray[np.uint8]

    @staticmethod
    def of(mask: Mask) -> _Bits:
        return _Bits(np.packbits(mask))

    @staticmethod
    def none() -> _Bits:
        return _Bits(np.zeros(1, np.uint8))

    def __and__(self, other: _Bits) -> _Bits:
        return _Bits(self.packed & other.packed)

    def __len__(self) -> int:
        return int(np.bitwise_count(self.packed).sum())


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
