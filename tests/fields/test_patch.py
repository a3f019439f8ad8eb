"""Patches against autograd: covers, exact path counts, weights, in both directions, on random networks."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.oracle import Builder
from support.pairs import OPERATORS, Pair, random_pair

from striate.fields.patch import Patch, Semiring, added
from striate.fields.walk import pull, push, trace
from striate.geometry import Interval

DEFAULT, FULL = 200, 6_000


def spread_out(patch: Patch) -> NDArray[np.generic]:
    """The patch as an array over its whole tensor."""
    whole = np.zeros(patch.shape, patch.values.dtype)
    whole[tuple(slice(i.start, i.stop) for i in patch.box)] = patch.written_out()
    return whole


def some_units(pair: Pair, random: Random, count: int = 4) -> list[tuple[int, ...]]:
    return [tuple(random.randrange(n) for n in pair.value.shape) for _ in range(count)]


def check(pair: Pair, seed: int) -> None:
    network, random = pair.network(), Random(seed)
    pixel = tuple(random.randrange(n) for n in pair.shape)
    ahead = {
        semiring: spread_out(push(network, "image", Patch.at(pair.shape, pixel, semiring), pair.tensor))
        for semiring in (Semiring.COVER, Semiring.COUNT)
    }
    for unit in some_units(pair, random):
        truth = pair.paths(unit).numpy()
        found = {
            semiring: spread_out(pull(network, pair.tensor, Patch.at(tuple(pair.value.shape), unit, semiring), "image"))
            for semiring in Semiring
        }
        values: list[NDArray[Any]] = list(found.values())
        cover, counts, weights = values
        np.testing.assert_array_equal(cover, truth != 0, f"cover of {unit}, seed {seed}")
        np.testing.assert_array_equal(counts > 0, cover, f"counts of {unit}, seed {seed}")
        assert all(type(count) is int for count in counts.flat)
        np.testing.assert_allclose(weights, counts.astype(float), rtol=1e-12)
        if pair.counts:
            np.testing.assert_array_equal(counts, truth, f"counts of {unit}, seed {seed}")
        assert bool(ahead[Semiring.COVER][unit]) == bool(cover[pixel]), f"duality of {unit} and {pixel}, seed {seed}"
        assert ahead[Semiring.COUNT][unit] == counts[pixel], f"duality of {unit} and {pixel}, seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_random_networks_equal_autograd(block: int) -> None:
    for seed in range(block, DEFAULT, 10):
        check(random_pair(seed), seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("block", range(20))
def test_many_random_networks_equal_autograd(block: int) -> None:
    for seed in range(DEFAULT + block, FULL, 20):
        check(random_pair(seed), seed)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_alone_equals_autograd(name: str) -> None:
    used = 0
    for seed in range(30):
        torch.manual_seed(seed)
        pair = Pair(Random(seed))
        try:
            OPERATORS[name](pair)
        except RuntimeError:
            continue
        used += bool(pair.builder.nodes)
        check(pair, seed)
    assert used >= 3


def test_the_oracle_can_fail() -> None:
    b = Builder(1, 1, 5, 5)
    b("conv", "image", out_channels=1, kernel=(3, 3), padding=((0, 2), (1, 1)))
    pair = Pair(Random(0))
    pair.shape, pair.builder = (1, 1, 5, 5), b
    pair.image = torch.rand(pair.shape, dtype=torch.float64).requires_grad_(True)
    pair.put(torch.nn.functional.conv2d(pair.image, torch.ones(1, 1, 3, 3, dtype=torch.float64), padding=1), "conv0")
    with pytest.raises(AssertionError, match="cover of"):
        check(pair, 0)


@pytest.mark.parametrize("seed", range(40))
def test_a_patch_of_many_units_is_the_sum_of_its_units(seed: int) -> None:
    pair = random_pair(seed)
    network, random, shape = pair.network(), Random(seed), tuple(pair.value.shape)
    index = tuple(None if random.random() < 0.5 else random.randrange(n) for n in shape)
    truth: NDArray[Any] = np.zeros((), object)
    for unit in np.ndindex(*shape):
        if all(i is None or i == u for i, u in zip(index, unit, strict=True)):
            truth = truth + spread_out(pull(network, pair.tensor, Patch.at(shape, unit, Semiring.COUNT), "image"))
    together = pull(network, pair.tensor, Patch.at(shape, index, Semiring.COUNT), "image")
    np.testing.assert_array_equal(spread_out(together), truth)
    cover = pull(network, pair.tensor, Patch.at(shape, index, Semiring.COVER), "image")
    np.testing.assert_array_equal(spread_out(cover), np.asarray(truth) > 0)


@pytest.mark.parametrize("semiring", list(Semiring))
def test_unite_adds_boxes_that_stand_apart(semiring: Semiring) -> None:
    # . a . . b .
    a, b = (Patch.at((6,), (at,), semiring) for at in (1, 4))
    both = added(a, b)
    assert both.box == (Interval(1, 5),)
    assert both.values.tolist() == [1, 0, 0, 1]
    assert added(both, Patch.at((6,), (None,), Semiring(semiring))).values.size in (1, 6)


def test_floating_weights_outlive_the_range_of_a_double() -> None:
    b = Builder(1, 64, 9)
    x = "image"
    for _ in range(200):
        x = b("conv", x, out_channels=64, kernel=(3,), padding=((1, 1),))
    weights = pull(b.network(), x, Patch.at((1, 64, 9), (0, 0, 4), Semiring.WEIGHT), "image")
    counts = pull(b.network(), x, Patch.at((1, 64, 9), (0, 0, 4), Semiring.COUNT), "image")
    assert weights.exponent > 1024
    assert np.isfinite(weights.values).all()
    exact = counts.values[0, 0].astype(object)
    ratio = [float(count * 10**15 // exact.max()) / 1e15 for count in exact]
    np.testing.assert_allclose(weights.values[0, 0] / weights.values.max(), ratio, rtol=1e-12)


def test_a_small_field_in_a_huge_image_stays_small() -> None:
    b = Builder(1, 512, 100_000, 100_000)
    x = "image"
    for _ in range(3):
        x = b("conv", x, out_channels=512, kernel=(3, 3), padding=((1, 1),) * 2)
    found = trace(b.network(), x, Patch.at(b.shapes[x], (0, None, 50_000, 70_000), Semiring.COVER), "image")
    assert [patch.values.shape for patch in found.values()] == [(1, 1, n, n) for n in (1, 3, 5, 7)]
    assert found["image"].box[2:] == (Interval(49_997, 50_004), Interval(69_997, 70_004))


def test_a_tensor_off_the_way_gets_nothing() -> None:
    b = Builder(1, 1, 4)
    b("conv", "image", out_channels=1, kernel=(3,), name="used")
    b("constant", "image", shape=(1, 1, 2), name="fixed")
    network = b.network()
    assert pull(network, "fixed", Patch.at((1, 1, 2), (0, 0, 0), Semiring.COVER), "image").empty
    assert push(network, "image", Patch.at((1, 1, 4), (0, 0, 0), Semiring.COVER), "fixed").empty
