"""Views between layers: what is undone again changes no field, and no view makes a rule its units do not follow."""

from __future__ import annotations

from math import prod
from random import Random
from typing import Any

import numpy as np
import pytest
from support.oracle import Builder, dependence

from striate.fields import Fields, region
from striate.fields.fields import AxisField, Field
from striate.fields.views import cut
from striate.geometry import Interval
from striate.network.relation import Shape


class Views:
    """Random views of a (N, C, H, W) tensor, each undone in turn; ``places`` follows every element."""

    def __init__(self, b: Builder, x: str, random: Random) -> None:
        self.b, self.x, self.random = b, x, random
        self.home = b.shapes[x]
        self.places = np.arange(prod(self.home)).reshape(self.home)
        self.back: list[tuple[str, object]] = []

    def step(self) -> None:
        shape, kind = self.b.shapes[self.x], self.random.choice(["permute", "merge", "split", "squeeze", "free"])
        if kind == "permute":
            order = list(range(len(shape)))
            self.random.shuffle(order)
            self._permute(tuple(order))
        elif kind == "merge" and len(shape) > 2:
            k = self.random.randrange(len(shape) - 1)
            self._reshape((*shape[:k], shape[k] * shape[k + 1], *shape[k + 2 :]))
        elif kind == "split":
            k = self.random.randrange(len(shape))
            inner = self.random.choice([d for d in range(1, shape[k] + 1) if shape[k] % d == 0])
            self._reshape((*shape[:k], shape[k] // inner, inner, *shape[k + 1 :]))
        elif kind == "squeeze":
            self._reshape(tuple(n for n in shape if n > 1) or (1,))
        elif kind == "free":
            k = self.random.randrange(max(len(shape) - 2, 1))
            block = prod(shape[k : k + 2])
            outer = self.random.choice([d for d in range(1, block + 1) if block % d == 0])
            self._reshape((*shape[:k], outer, block // outer, *shape[k + 2 :]))

    def dense(self) -> None:
        """A dense layer over the channels where they have an axis of their own, else an activation."""
        for axis, n in enumerate(self.places.shape):
            rows = np.moveaxis(self.places, axis, 0).reshape(n, -1)
            if n == self.home[1] > 1 and (rows - rows[:1] == prod(self.home[2:]) * np.arange(n)[:, None]).all():
                self.x = self.b("linear", self.x, out_features=n, axis=axis)
                return
        self.x = self.b("elementwise", self.x)

    def undo(self) -> str:
        while self.back:
            kind, how = self.back.pop()
            x = self.x
            self.x = self.b("transpose", x, order=how) if kind == "permute" else self.b("reshape", x, shape=how)
        return self.x

    def _permute(self, order: tuple[int, ...]) -> None:
        self.x, self.places = self.b("transpose", self.x, order=order), self.places.transpose(order)
        self.back.append(("permute", tuple(np.argsort(order).tolist())))

    def _reshape(self, shape: Shape) -> None:
        self.back.append(("reshape", self.b.shapes[self.x]))
        self.x, self.places = self.b("reshape", self.x, shape=shape), self.places.reshape(shape)


def build(seed: int) -> tuple[Builder, Builder, list[tuple[str, str]]]:
    """A network with views, the same without, and the pairs of their layers in (N, C, H, W) order."""
    random = Random(seed)
    batch, channels = random.choice([1, 1, 2, 3]), random.choice([1, 2, 5])
    size = (random.choice([8, 9, 12]), random.choice([4, 8, 9]))
    left, right = Builder(batch, channels, *size), Builder(batch, channels, *size)
    x, y, pairs = "image", "image", []
    for _ in range(random.randint(1, 3)):
        window: dict[str, Any]
        window = {"kernel": (random.choice([1, 2, 3]), random.choice([1, 3])), "stride": (random.choice([1, 1, 2]), 1)}
        window["padding"] = ((random.randint(0, 1), 1), (1, 1))
        x, y = (b("conv", name, out_channels=channels, **window) for b, name in ((left, x), (right, y)))
        pairs.append((x, y))
        views = Views(left, x, random)
        for _ in range(random.randint(1, 4)):
            views.step()
            if random.random() < 0.4:
                views.dense()
        views.dense()
        x, y = views.undo(), right("conv", y, out_channels=channels, kernel=(1, 1))
        if random.random() < 0.3:
            x, y = left("elementwise", x, pairs[-1][0]), right("elementwise", y, pairs[-1][1])
        pairs.append((x, y))
    return left, right, pairs


def told(field: Field) -> list[AxisField]:
    """What is said of each axis; an axis of one unit that was squeezed out says no more than where that unit looks."""
    found = []
    for axis in field.axes.values():
        if axis.along is not None and field.shape[axis.along] == 1:
            seen = axis.unit(0)
            axis = AxisField(axis.axis, "exact", seen.size, None, seen.start, (seen,), misaligned=axis.misaligned)
        found.append(axis)
    return found


def counted(field: Field, axis: AxisField, at: tuple[int, ...]) -> int:
    """The number by which the rule along one axis counts the unit at an index."""
    grid = field.layer_axes.grid
    if axis.along is None or grid is None or axis.along != grid.axis:
        return 0 if axis.along is None else at[axis.along]
    place = grid.place(at[grid.axis])
    assert place is not None
    return place[grid.names.index(axis.axis)]


def check(seed: int, units: int = 12) -> int:
    """Compare every layer, and some of its units; the number of axes that have a rule."""
    left, right, pairs = build(seed)
    fields, plain, random = Fields(left.network()), Fields(right.network()), Random(seed)
    for x, y in pairs:
        assert told(fields[x]) == told(plain[y]), (seed, x)
    image = left.shapes["image"][2:]
    strided = any(2 in getattr(node.op, "stride", ()) for node in left.nodes)
    ruled = 0
    for name in fields:
        shape, axes = fields[name].shape, tuple(fields[name].axes.values())
        assert {axis.status for axis in axes} <= {"exact", "periodic", "irregular"}, (seed, name)
        ruled += sum(axis.status != "irregular" for axis in axes)
        for _ in range(units):
            at = tuple(random.randrange(n) for n in shape)
            found = region(fields, name, tuple(at[axis] for axis in fields.layer_axes(name).units))
            assert found.unclipped is not None
            for axis, n, seen, hull in zip(axes, image, found.unclipped, found.hull, strict=True):
                assert seen.size <= (axis.size or 0)
                if axis.status != "irregular":
                    rule = axis.unit(counted(fields[name], axis, at))
                    assert rule == seen, (seed, name, at)
                    plain_rule = axis.status == "exact" and not strided and found.cover.size
                    assert not plain_rule or rule.clip(Interval(0, n)) == hull, (seed, name, at)
    return ruled


@pytest.mark.parametrize("seed", range(30))
def test_views_change_no_field_and_make_no_false_rule(seed: int) -> None:
    check(seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("start", range(0, 1000, 50))
def test_many_views_change_no_field_and_make_no_false_rule(start: int) -> None:
    assert sum(check(seed) for seed in range(start, start + 50)) > 100


# (3, 6) -> 18 -> (3, 2, 3), the first two exchanged: one axis runs over a digit of the width, beside two of 18 // 3.
def test_a_digit_that_two_axes_name_is_parted_once() -> None:
    b = Builder(1, 1, 3, 6)
    x = b("reshape", "image", shape=(1, 6, 1, 3))
    x = b("channel_shuffle", x, groups=2)
    b("elementwise", x, b("reduce", x, axes=(2, 3), name="rows"), name="sum")
    fields, truth = Fields(b.network()), dependence(b.network())
    for name in ("rows", "sum"):
        for channel in range(6):
            seen = truth[name][0, channel, 0, 0].reshape(3, 6)
            assert fields.hull(name, (channel,)) == tuple(Interval.of(np.flatnonzero(seen.any(k))) for k in (1, 0))
            assert region(fields, name, (channel,)).hull == fields.hull(name, (0, channel, 0, 0))


def test_a_wrong_view_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.fields.moves.cut", lambda digits, inner: cut(digits[::-1], inner))
    with pytest.raises((AssertionError, IndexError, ValueError)):
        sum(check(seed) for seed in range(10))
