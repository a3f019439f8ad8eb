"""Patches: values on a box of a tensor.

The dtype of the values says what is added up as a patch is carried through a network (``Semiring``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry import Box, Interval
from striate.network.relation import Shape

Values = NDArray[Any]

LARGEST_EXPONENT = 256


class Semiring(Enum):
    """What is added up: whether a path leads there, how many do (exact), how many do (floating)."""

    COVER = np.dtype(np.bool_)
    COUNT = np.dtype(np.object_)
    WEIGHT = np.dtype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """``values`` on the box of a tensor of ``shape`` that starts at ``origin``; zero outside it.

    Along an axis marked ``uniform`` the value is the same from end to end and ``values`` has length 1
    there. The true values are ``values * 2**exponent``; only floating ones use the exponent.

    >>> Patch.at((1, 8, 5), (0, None, 2), Semiring.COVER).box
    Box('0:1,0:8,2:3')
    """

    values: Values
    origin: tuple[int, ...]
    shape: Shape
    uniform: tuple[bool, ...]
    exponent: int = 0

    @staticmethod
    def at(shape: Shape, index: tuple[int | None, ...], semiring: Semiring) -> Patch:
        """One at a single element; where ``index`` is None, one along the whole axis."""
        values = np.ones((1,) * len(shape), dtype=semiring.value)
        origin = tuple(i or 0 for i in index)
        return Patch(values, origin, shape, tuple(i is None for i in index))

    @staticmethod
    def nothing(shape: Shape, dtype: np.dtype[Any]) -> Patch:
        """Zero everywhere."""
        rank = len(shape)
        return Patch(np.zeros((0,) * rank, dtype), (0,) * rank, shape, (False,) * rank)

    @property
    def empty(self) -> bool:
        """Whether the box holds no element."""
        return self.values.size == 0

    @property
    def box(self) -> Box:
        """The box, whole along uniform axes."""
        sides = zip(self.origin, self.values.shape, self.shape, self.uniform, strict=True)
        return Box([Interval(0, n) if whole else Interval(start, start + size) for start, size, n, whole in sides])

    def sum(self, kept: tuple[int, ...]) -> Patch:
        """The sum over all axes but ``kept``, which stand in the order of the tensor.

        Along a uniform axis every one of its elements counts.
        """
        gone = tuple(axis for axis in range(len(self.shape)) if axis not in kept)
        times = 1
        for axis in gone:
            times *= self.shape[axis] if self.uniform[axis] else 1
        values = np.asarray(adder(self.values).reduce(self.values, axis=gone), dtype=self.values.dtype)
        return reordered(self, kept, times_paths(values, times))

    def tight(self) -> Patch:
        """The same patch on the smallest box that holds every value but zeros."""
        patch = self
        for axis in range(len(self.shape)):
            patch = trim(patch, axis)
        return patch

    def written_out(self) -> Values:
        """The values on the box, uniform axes at their full length."""
        return np.broadcast_to(self.values, self.box.shape)


def added(a: Patch, b: Patch) -> Patch:
    """The sum (for covers the union) of two patches of one tensor."""
    if a.empty or b.empty:
        return b if a.empty else a
    if a.values.dtype == np.bool_:
        for one, other in ((a, b), (b, a)):
            if _holds(one, other) and one.values.all():
                return one
    exponent = max(a.exponent, b.exponent)
    uniform = tuple(x and y for x, y in zip(a.uniform, b.uniform, strict=True))
    hull = a.box.hull(b.box)
    size = tuple(1 if flag else n for flag, n in zip(uniform, hull.shape, strict=True))
    values = np.zeros(size, a.values.dtype)
    for patch in (a, b):
        inside = zip(patch.box.within(hull).slices, uniform, strict=True)
        place = tuple(slice(None) if flag else part for part, flag in inside)
        adder(values)(values[place], _scaled(patch, exponent), out=values[place])
    return Patch(values, hull.origin, a.shape, uniform, exponent)


def adder(values: Values) -> np.ufunc:
    """The addition of the semiring."""
    return np.logical_or if values.dtype == np.bool_ else np.add


def times_paths(values: Values, factor: Any) -> Values:
    """``values`` times a number or an array of path counts."""
    if values.dtype == np.bool_:
        return values & np.asarray(factor, dtype=np.bool_)
    return np.asarray(values * factor, dtype=values.dtype)


def _scaled(patch: Patch, exponent: int) -> Values:
    return patch.values if patch.exponent == exponent else np.ldexp(patch.values, patch.exponent - exponent)


def settled(patch: Patch) -> Patch:
    """The same patch in its plainest form: moderate floating values, covered axes marked uniform."""
    if patch.empty:
        return patch
    if patch.values.dtype == np.bool_:
        return _marked(patch) if patch.values.all() else patch
    if patch.values.dtype != np.float64:
        return patch
    excess = int(np.frexp(patch.values.max())[1])
    if abs(excess) < LARGEST_EXPONENT:
        return patch
    return replace(patch, values=np.ldexp(patch.values, -excess), exponent=patch.exponent + excess)


def _marked(patch: Patch) -> Patch:
    """A cover without holes, every axis that it covers from end to end marked uniform."""
    full = tuple(size == n for size, n in zip(patch.values.shape, patch.shape, strict=True))
    values = patch.values[tuple(slice(0, 1) if flag else slice(None) for flag in full)]
    return replace(patch, values=values, uniform=tuple(x or y for x, y in zip(full, patch.uniform, strict=True)))


def _holds(outer: Patch, inner: Patch) -> bool:
    """Whether the box of one patch lies inside that of another."""
    return outer.box.contains(inner.box)


def trim(patch: Patch, axis: int) -> Patch:
    """The same patch without the zeros at both ends of an axis."""
    others = tuple(k for k in range(len(patch.shape)) if k != axis)
    kept = filled((patch.values != 0).any(axis=others))
    if kept is None:
        return Patch.nothing(patch.shape, patch.values.dtype)
    if patch.uniform[axis] or kept.stop - kept.start == patch.values.shape[axis]:
        return patch
    return with_axis(patch, axis, patch.values[on_axis(axis, kept)], patch.origin[axis] + kept.start, patch.shape[axis])


def filled(values: Values) -> slice | None:
    """From the first to the last of a row of values that is not zero; None where all are.

    >>> filled(np.array([0, 3, 0, 1, 0]))
    slice(1, 4, None)
    """
    used = values != 0
    first = int(used.argmax()) if used.size else 0
    return slice(first, used.size - int(used[::-1].argmax())) if used[first : first + 1].any() else None


def on_axis(axis: int, part: slice) -> tuple[slice, ...]:
    """The index that cuts one axis."""
    return (*(slice(None),) * axis, part)


def with_axis(patch: Patch, axis: int, values: Values, start: int, n: int, *, uniform: bool = False) -> Patch:
    """The patch with one axis of its box exchanged."""

    def put(parts: tuple[Any, ...], part: Any) -> tuple[Any, ...]:
        return (*parts[:axis], part, *parts[axis + 1 :])

    origin, shape = put(patch.origin, start), put(patch.shape, n)
    return Patch(values, origin, shape, put(patch.uniform, uniform), patch.exponent)


def reordered(patch: Patch, places: tuple[int, ...], values: Values) -> Patch:
    """``values`` whose axes are those of ``patch`` at ``places``."""
    origin, shape = (tuple(part[k] for k in places) for part in (patch.origin, patch.shape))
    return Patch(values, origin, shape, tuple(patch.uniform[k] for k in places), patch.exponent)


def with_new_axis(patch: Patch, axis: int, n: int = 1) -> Patch:
    """A new axis before ``axis``, the patch the same along all of it."""

    def put(parts: tuple[Any, ...], part: Any) -> tuple[Any, ...]:
        return (*parts[:axis], part, *parts[axis:])

    values = np.expand_dims(patch.values, axis)
    origin, shape = put(patch.origin, 0), put(patch.shape, n)
    return Patch(values, origin, shape, put(patch.uniform, True), patch.exponent)
