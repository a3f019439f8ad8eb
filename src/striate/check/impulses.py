"""Which pixels a unit of a 0/1 twin reads, by passes forward, and by one backward where there is one.

One pass with ones everywhere outside a claim shows that no pixel there is read. A pass with a few single
ones shows, for every unit whose claim holds exactly one of them, that this very pixel is read. A pass backward
tells every pixel that a unit reads; it is believed as far as the passes forward bear it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.check.claim import Claim
from striate.check.report import Disagreement, Pixels, UnitCheck

Mask = NDArray[np.bool_]
Responds = Callable[[Mask], NDArray[np.bool_]]
Tick = Callable[[], None]


class Claims:
    """The claimed covers of some units, and what passes of the twin have said about each.

    ``claims`` tell of each whether it is an upper bound, of which pixels may go unread, and whether it speaks of some
    paths alone, so that other pixels may be read.
    """

    def __init__(self, claims: Sequence[Claim], responds: Responds, passes: int, seed: int) -> None:
        self._claims = claims
        masks = [claim.mask for claim in claims]
        self.shape = masks[0].shape
        self.flat = np.stack([mask.reshape(-1) for mask in masks])
        self.confirmed = np.zeros_like(self.flat)
        self._tested = np.zeros_like(self.flat)
        self._sound = np.ones(len(masks), dtype=np.bool_)
        self.first: list[Disagreement | None] = [None] * len(masks)
        self._responds = responds
        self._passes, self._random = passes, np.random.default_rng(seed)
        self._traced = [False] * len(masks)
        self._apart = [not claim.local for claim in claims]
        self._queues: list[list[int]] = []

    def report(self, k: int) -> UnitCheck:
        """What is known of unit ``k``."""
        claim, claimed, confirmed = self._claims[k], self.flat[k], self.confirmed[k]
        others = int((~claimed).sum())
        return UnitCheck(
            claim.unit.layer,
            claim.unit.at,
            int(claimed.sum()),
            int(confirmed.sum()),
            others if self._apart[k] else 0,
            self._whole_hull(k),
            self.first[k],
            claim.bound,
            method="backward" if self._traced[k] else "one by one",
            pixels=Pixels(claim.mask, confirmed.reshape(self.shape)),
            others=others,
        )

    def _whole_hull(self, k: int) -> bool:
        """Whether a confirmed pixel touches every side of unit ``k``'s hull."""
        box = self.flat[k].reshape(self.shape), self.confirmed[k].reshape(self.shape)
        return all(_reach(box[0], axis) == _reach(box[1], axis) for axis in range(len(self.shape)))

    def outside(self, tick: Tick) -> None:
        """Show for every unit that no pixel outside its claim is read, or find the first that is.

        Of a claim of some paths alone nothing of the kind can be shown.
        """
        answers: dict[bytes, NDArray[np.bool_]] = {}
        for k, claim in enumerate(self.flat):
            tick()
            if claim.all() or self._claims[k].local:
                continue
            key = np.packbits(claim).tobytes()
            if key not in answers:
                answers[key] = self._answer(~claim)
            if answers[key][k]:
                self.first[k] = Disagreement("read but not claimed", self._pixel(self._earliest(k)))
                self._sound[k] = False

    def trace(self, k: int, read: Mask) -> None:
        """Take what a pass backward says that unit ``k`` reads; of what it denies, the first pixel is lit.

        Where a pass forward says otherwise, the unit is left to passes forward.
        """
        seen = read.reshape(-1)
        absent = np.flatnonzero(self.flat[k] & ~seen)
        beyond = (seen & ~self.flat[k]).any() and not self._claims[k].local
        if not self._sound[k] or beyond:
            return
        if len(absent) and not self._claims[k].bound:
            image = np.zeros(self.flat.shape[1], dtype=np.bool_)
            image[absent[0]] = True
            if self._answer(image)[k]:
                return
            self._missing(k, int(absent[0]))
        self.confirmed[k] = seen & self.flat[k]
        self._traced[k] = True

    def part(self, k: int, read: Mask) -> None:
        """Take what a pass backward says that unit ``k`` reads by the paths that its claim speaks of."""
        self._apart[k] = self._traced[k] and np.array_equal(read, self._claims[k].mask)

    def inside(self, tick: Tick) -> int:
        """Confirm claimed pixels one by one, hull sides first; the number of passes, at most as many as were given.

        Of a unit that was traced backward, the sides of the hull alone.
        """
        self._queues = [self._waiting(k, mask.reshape(self.shape)) for k, mask in enumerate(self.flat)]
        for turn in range(self._passes):
            chosen = self._choose(turn)
            if not chosen:
                return turn
            image = np.zeros(self.flat.shape[1], dtype=np.bool_)
            image[chosen] = True
            read = self._answer(image)
            for k in np.flatnonzero(self.flat[:, chosen].sum(axis=1) == 1):
                pixel = next(p for p in chosen if self.flat[k, p])
                self.confirmed[k, pixel] = read[k] and self._sound[k]
                self._tested[k, pixel] = True
                if not read[k] and not self._claims[int(k)].bound:
                    self._missing(int(k), pixel)
            tick()
        return self._passes

    def _waiting(self, k: int, mask: Mask) -> list[int]:
        return _sides(mask) if self._traced[k] else _queue(mask, self._random)[-max(self._passes, 1) :].tolist()

    def _answer(self, flat: Mask) -> NDArray[np.bool_]:
        return self._responds(flat.reshape(self.shape))

    def _pixel(self, flat: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(flat, self.shape))

    def _earliest(self, k: int) -> int:
        """The first pixel outside claim ``k`` that is read, by halving."""
        pixels = np.flatnonzero(~self.flat[k])
        low, high = 0, len(pixels)
        while high - low > 1:
            middle = (low + high) // 2
            image = np.zeros(self.flat.shape[1], dtype=np.bool_)
            image[pixels[low:middle]] = True
            low, high = (low, middle) if self._answer(image)[k] else (middle, high)
        return int(pixels[low])

    def _missing(self, k: int, pixel: int) -> None:
        at, known = self._pixel(pixel), self.first[k]
        if known is None or at < known.pixel:
            self.first[k] = Disagreement("claimed but not read", at)

    def _choose(self, turn: int) -> list[int]:
        """Pixels for one pass: units take turns to add one that no unit served before them reads."""
        chosen: list[int] = []
        served: list[int] = []
        units = len(self._queues)
        for k in ((turn + step) % units for step in range(units)):
            queue = self._queues[k]
            while queue and self._tested[k, queue[-1]]:
                queue.pop()
            if not queue or any(self.flat[k, p] for p in chosen) or self.flat[served, queue[-1]].any():
                continue
            chosen.append(queue.pop())
            served.append(k)
        return chosen


def _queue(mask: Mask, random: np.random.Generator) -> NDArray[np.int64]:
    """Claimed pixels in the order to test them, the next one last: hull sides, edges of the cover, the rest."""
    padded = np.pad(mask, 1)
    inner = np.ones_like(mask)
    for axis in range(mask.ndim):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[(slice(1, -1),) * mask.ndim]
    middle, border = (random.permutation(np.flatnonzero(part)) for part in (mask & inner, mask & ~inner))
    share = len(border) // 2
    rest = random.permutation(np.concatenate([middle, border[share:]]))
    first = np.concatenate([rest, border[:share], _sides(mask)]).astype(np.int64)[::-1]
    _, places = np.unique(first, return_index=True)
    return first[np.sort(places)][::-1]


def _sides(mask: Mask) -> list[int]:
    """One pixel on each side of a mask's hull, as flat indices."""
    found: list[int] = []
    for axis in range(mask.ndim):
        for line in _reach(mask, axis):
            places = np.argwhere(mask.take(line, axis))
            place = [int(i) for i in places[len(places) // 2]]
            found.append(int(np.ravel_multi_index((*place[:axis], line, *place[axis:]), mask.shape)))
    return found


def _reach(mask: Mask, axis: int) -> tuple[int, ...]:
    """The first and the last line of an axis that holds a pixel; none of an empty mask."""
    others = tuple(k for k in range(mask.ndim) if k != axis)
    lines = np.flatnonzero(mask.any(axis=others))
    return (int(lines[0]), int(lines[-1])) if len(lines) else ()
