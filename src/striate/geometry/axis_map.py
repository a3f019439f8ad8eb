"""Axis maps: which input indices each output index of one axis reads.

Every map has ``in_size``, ``out_size``, ``reads(i)``, the exact real indices of unit ``i``, and
``needs(units)``, the hull of what an interval of units reads: monotone, and empty where they read nothing.
``TapMap`` holds every map whose units read a few fixed taps: windows, transposed windows,
resizes, slices, flips, pads, crops, adaptive pooling, fixed gathers. ``Whole``, ``Groups`` and
``Prefix`` read unbroken ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import gcd

from striate.errors import InputError
from striate.geometry.interval import Interval
from striate.geometry.window import Window
from striate.values import instance


class Border(Enum):
    """What stands outside the input: nothing (zeros), or real pixels read a second time."""

    ZERO = "zero"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"
    REPLICATE = "replicate"
    CIRCULAR = "circular"

    def resolve(self, index: int, n: int) -> int | None:
        """The real index that stands at ``index`` of an axis of ``n``, or None for a zero.

        >>> Border.REFLECT.resolve(-2, 5), Border.CIRCULAR.resolve(-2, 5), Border.ZERO.resolve(-2, 5)
        (2, 3, None)
        """
        if 0 <= index < n:
            return index
        match self:
            case Border.ZERO:
                return None
            case Border.REPLICATE:
                return min(max(index, 0), n - 1)
            case Border.CIRCULAR:
                return index % n
            case Border.REFLECT:
                if n == 1:
                    return 0
                folded = index % (2 * n - 2)
                return min(folded, 2 * n - 2 - folded)
            case Border.SYMMETRIC:
                folded = index % (2 * n)
                return min(folded, 2 * n - 1 - folded)


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` reads: output ``out_start + m*out_step`` reads input ``in_start + m*in_step``."""

    out_start: int
    out_step: int
    in_start: int
    in_step: int
    count: int


def strided(start: int, step: int, count: int) -> slice:
    """``count`` places from ``start``, any ``step``; one place for a step of zero.

    >>> list(range(9))[strided(4, -2, 3)]
    [4, 2, 0]
    """
    if step == 0 or count == 1:
        return slice(start, start + 1)
    stop = start + count * step
    return slice(start, stop if stop >= 0 else None, step)


@dataclass(frozen=True, slots=True)
class TapMap:
    """Output ``i`` reads ``t + (i // out_step) * in_step`` for each ``t`` in ``taps[i % out_step]``.

    ``out_step == len(taps)``. Indices outside the input are resolved by ``border``. ``periodic``
    says that the rule holds beyond the axis (a window's does, a part of a concatenation's does not).
    """

    in_size: int
    out_size: int
    in_step: int
    taps: tuple[tuple[int, ...], ...]
    border: Border = Border.ZERO
    periodic: bool = True

    @property
    def out_step(self) -> int:
        """Output units after which the pattern of taps repeats."""
        return len(self.taps)

    def virtual(self, i: int) -> tuple[int, ...]:
        """The taps of ``i`` as if the input had no end, for any integer ``i``."""
        shift = (i // self.out_step) * self.in_step
        return tuple(t + shift for t in self.taps[i % self.out_step])

    def reads(self, i: int) -> tuple[int, ...]:
        """The real indices unit ``i`` reads, a pixel read twice standing twice."""
        found = (self.border.resolve(t, self.in_size) for t in self.virtual(i))
        return tuple(index for index in found if index is not None)

    def needs(self, units: Interval) -> Interval:
        """The hull of what ``units`` read; takes as long as one period of taps, or ``units`` where they are fewer.

        A map of both ends of an axis onto each other takes as long as what lies beyond its ends.

        >>> window_map(Window(3, stride=2, pad_before=1, pad_after=1), 9).needs(Interval(0, 2))
        Interval(0, 4)
        """
        units = _among(units, self.out_size)
        low, high = self.in_size, -1
        for i in range(units.start, min(units.stop, units.start + self.out_step)):
            taps = self.taps[i % self.out_step]
            if taps:
                turn, last = i // self.out_step, i + (units.stop - 1 - i) // self.out_step * self.out_step
                ends = turn * self.in_step, last // self.out_step * self.in_step
                least, most = min(taps) + min(ends), max(taps) + max(ends)
                if least < 0 or most >= self.in_size:
                    count = last // self.out_step - turn + 1
                    least, most = _resolved_ends(self, [tap + ends[0] for tap in taps], count)
                low, high = min(low, least), max(high, most)
        return Interval(low, high + 1) if low <= high else Interval(0, 0)

    def runs(self) -> tuple[Run, ...]:
        """All reads of all units, as strided runs."""
        return _runs(self)


@lru_cache(maxsize=4096)
def _runs(m: TapMap) -> tuple[Run, ...]:
    if 1 < m.out_size <= m.out_step:
        return tuple(_stretches(m))
    found: list[Run] = []
    for phase, taps in enumerate(m.taps):
        units = len(range(phase, m.out_size, m.out_step))
        for tap in taps:
            inside = _inside(tap, m.in_step, m.in_size, units)
            if inside:
                start, read = phase + inside.start * m.out_step, tap + inside.start * m.in_step
                found.append(Run(start, m.out_step, read, m.in_step, len(inside)))
            if m.border is not Border.ZERO:
                for k in (*range(inside.start), *range(inside.stop, units)):
                    real = m.border.resolve(tap + k * m.in_step, m.in_size)
                    if real is not None:
                        found.append(Run(phase + k * m.out_step, 1, real, 1, 1))
    return tuple(found)


def _stretches(m: TapMap) -> Iterator[Run]:
    """The reads of a map that never repeats: neighbours whose reads move on evenly make one run."""
    for ordinal in range(max(map(len, m.taps))):
        first = last = step = count = 0
        for i in range(m.out_size):
            taps = m.taps[i]
            read = m.border.resolve(taps[ordinal], m.in_size) if ordinal < len(taps) else None
            if read is not None and count and read - last == (step if count > 1 else read - last):
                step, last, count = read - last, read, count + 1
                continue
            if count:
                yield Run(i - count, 1, first, step, count)
            first, last, step, count = (0, 0, 0, 0) if read is None else (read, read, 0, 1)
        if count:
            yield Run(m.out_size - count, 1, first, step, count)


def _among(units: Interval, count: int) -> Interval:
    """``units`` where they are units of a map; InputError where some are none."""
    if not (instance("needs: units", units, Interval).start >= 0 and units.stop <= count) and not units.empty:
        raise InputError(f"{units} holds units that a map of {count} does not have; they lie in Interval(0, {count})")
    return units


def _resolved_ends(m: TapMap, taps: list[int], count: int) -> tuple[int, int]:
    """The least and the greatest real index of ``count`` turns of some taps; crossed over where there is none."""
    low, high, n = m.in_size, -1, m.in_size
    for tap in taps:
        inside = _inside(tap, m.in_step, n, count)
        beyond: list[int] = []
        if m.border is not Border.ZERO:
            for part in (range(inside.start), range(inside.stop, count)):
                beyond += [*part[:1], *part[-1:]] if m.border is Border.REPLICATE else part[: 2 * n]
        for k in (*inside[:1], *inside[-1:], *beyond):
            real = m.border.resolve(tap + k * m.in_step, n)
            if real is not None:
                low, high = min(low, real), max(high, real)
    return low, high


def _inside(tap: int, step: int, n: int, units: int) -> range:
    """The ``k`` below ``units`` with ``0 <= tap + k*step < n``; empty ranges start at zero."""
    if step == 0:
        return range(units) if 0 <= tap < n else range(0)
    if step < 0:
        tap, step = n - 1 - tap, -step
    first = max(-(tap // step), 0)
    last = min((n - 1 - tap) // step, units - 1)
    return range(first, last + 1) if first <= last else range(0)


@dataclass(frozen=True, slots=True)
class Whole:
    """Every output unit reads every input index: global pooling, attention, a dense layer."""

    in_size: int
    out_size: int = 1

    def reads(self, i: int) -> tuple[int, ...]:
        """All indices."""
        return tuple(range(self.in_size))

    def needs(self, units: Interval) -> Interval:
        """All indices, where there are units."""
        return Interval(0, 0) if _among(units, self.out_size).empty else Interval(0, self.in_size)


@dataclass(frozen=True, slots=True)
class Groups:
    """Output unit ``o`` reads the block of inputs that its group owns (grouped convolution)."""

    in_size: int
    out_size: int
    groups: int

    def __post_init__(self) -> None:
        if self.groups < 1 or self.in_size % self.groups or self.out_size % self.groups:
            raise InputError(
                f"{self.groups} groups must divide {self.in_size} inputs and {self.out_size} outputs"
            )

    def reads(self, i: int) -> tuple[int, ...]:
        """The indices of the block."""
        block = self.in_size // self.groups
        first = i // (self.out_size // self.groups) * block
        return tuple(range(first, first + block))

    def needs(self, units: Interval) -> Interval:
        """The blocks of all groups that ``units`` belong to."""
        if _among(units, self.out_size).empty:
            return Interval(0, 0)
        block, share = self.in_size // self.groups, self.out_size // self.groups
        return Interval(units.start // share * block, ((units.stop - 1) // share + 1) * block)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Output ``i`` reads all inputs up to and with ``i`` (a scan, a forward RNN), or from ``i`` on."""

    in_size: int
    reverse: bool = False

    @property
    def out_size(self) -> int:
        """As many outputs as inputs."""
        return self.in_size

    def reads(self, i: int) -> tuple[int, ...]:
        """The indices scanned before unit ``i`` is written."""
        return tuple(range(i, self.in_size) if self.reverse else range(i + 1))

    def needs(self, units: Interval) -> Interval:
        """The indices scanned before the last of ``units`` is written."""
        if _among(units, self.out_size).empty:
            return Interval(0, 0)
        return Interval(units.start, self.in_size) if self.reverse else Interval(0, units.stop)


AxisMap = TapMap | Whole | Groups | Prefix


def window_map(window: Window, n: int, border: Border = Border.ZERO, out_size: int | None = None) -> TapMap:
    """The map of a sliding window over ``n`` pixels.

    >>> window_map(Window(3, stride=2, pad_before=1, pad_after=1), 4).reads(0)
    (0, 1)
    """
    count = window.output_size(n) if out_size is None else out_size
    return TapMap(n, count, window.stride, (window.reads(0),), border)


def transposed_map(window: Window, n: int, output_padding: int = 0) -> TapMap:
    """The map of a transposed convolution: output ``i`` reads ``j`` where ``window`` at ``j`` reads ``i``.

    Output size ``(n-1)*stride - pad_before - pad_after + extent + output_padding``; source:
    ``torch.nn.ConvTranspose2d``.

    >>> transposed_map(Window(3, stride=2, pad_before=1, pad_after=1), 2, output_padding=1).out_size
    4
    """
    size = (n - 1) * window.stride - window.pad_before - window.pad_after + window.extent + output_padding
    phases: list[list[int]] = [[] for _ in range(window.stride)]
    for k in range(window.size):
        offset = k * window.dilation - window.pad_before
        phases[offset % window.stride].append(-(offset // window.stride))
    taps = tuple(tuple(sorted(taps)) for taps in phases)
    return TapMap(n, max(size, 0), 1, taps)


def slice_map(n: int, start: int, count: int, step: int = 1) -> TapMap:
    """The map of ``x[start::step]`` with ``count`` units; a negative step flips.

    >>> slice_map(5, 4, 5, -1).reads(0)
    (4,)
    """
    return TapMap(n, count, step, ((start,),))


def pad_map(n: int, before: int, after: int, border: Border = Border.ZERO) -> TapMap:
    """The map of a pad (negative: crop) on both sides."""
    return TapMap(n, max(n + before + after, 0), 1, ((-before,),), border)


def part_map(n: int, offset: int, total: int) -> TapMap:
    """The map of one part of a concatenation: ``n`` inputs standing at ``offset`` of ``total`` outputs."""
    return TapMap(n, total, 1, ((-offset,),), periodic=False)


def expand_map(count: int) -> TapMap:
    """The map of one index seen by ``count`` outputs (broadcasting)."""
    return TapMap(1, count, 0, ((0,),))


def gather_map(n: int, indices: tuple[int, ...]) -> TapMap:
    """The map of a fixed gather; negative indices count from the end.

    >>> gather_map(4, (3, -4)).reads(1)
    (0,)
    """
    for index in indices:
        if not -n <= index < n:
            raise InputError(f"gather index {index} lies outside an axis of {n}")
    return TapMap(n, len(indices), 0, tuple((i % n,) for i in indices), periodic=False)


def mask_map(keep: tuple[bool, ...]) -> TapMap:
    """The map that reads index ``i`` where ``keep[i]``, and nothing elsewhere.

    >>> mask_map((True, False)).reads(1)
    ()
    """
    return TapMap(len(keep), len(keep), 0, tuple((i,) if kept else () for i, kept in enumerate(keep)), periodic=False)


def adaptive_map(n: int, count: int) -> TapMap:
    """The map of adaptive pooling: unit ``i`` reads ``floor(i*n/count) .. ceil((i+1)*n/count)``.

    Source: ``torch.nn.AdaptiveAvgPool2d``.
    """
    divisor = gcd(n, count)
    phases, step = count // divisor, n // divisor
    taps = tuple(tuple(range(i * n // count, -(-(i + 1) * n // count))) for i in range(phases))
    return TapMap(n, count, step, taps)
