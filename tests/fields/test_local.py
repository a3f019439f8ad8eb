"""Fields without global paths, against brute force on the same network with what is global replaced by constants."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch
from support.oracle import Builder, Sets, dependence
from torch import nn

import striate
from striate.fields import Fields, effective_field, reach, region
from striate.fields.unit import unit_sizes
from striate.geometry import Interval


def convolved(b: Builder, x: str, random: Random) -> str:
    kernel, stride = random.randint(1, 3), random.choice([1, 1, 1, 2])
    pads = ((random.randint(1, 2), random.randint(0, 2)), (1, 1))
    dilation = (random.randint(1, 2), 1)
    return b("conv", x, out_channels=2, kernel=(kernel, 3), stride=(stride, 1), padding=pads, dilation=dilation)


def squeezed(b: Builder, x: str, random: Random) -> str:
    """A gate from the mean over all pixels."""
    return b("conv", b("reduce", x, axes=(2, 3)), out_channels=2, kernel=(1, 1))


def along_rows(b: Builder, x: str, random: Random) -> str:
    """A gate from the mean of each row, which sees three rows."""
    return b("conv", b("reduce", x, axes=(3,)), out_channels=2, kernel=(3, 1), padding=((1, 1), (0, 0)))


def flattened(b: Builder, x: str, random: Random) -> str:
    """A gate from a dense layer over everything."""
    flat = b("reshape", x, shape=(1, int(np.prod(b.shapes[x]))))
    return b("reshape", b("linear", flat, out_features=2), shape=(1, 2, 1, 1))


GATES: tuple[Callable[[Builder, str, Random], str], ...] = (squeezed, along_rows, flattened)


def build(seed: int, *, constant: bool) -> tuple[Builder, str]:
    """Convolutions with gates; where ``constant``, each gate is a tensor that nothing writes."""
    random = Random(seed)
    b = Builder(1, 2, 9, 8)
    x = convolved(b, "image", random)
    for k in range(3):
        made = random.choice(GATES)(b, x, random)
        gate = b.constant(f"constant{k}", b.shapes[made]) if constant else made
        x = b("elementwise", x, gate)
        x = convolved(b, x, random)
    return b, x


def seen(sets: Sets, unit: tuple[int, ...], shape: tuple[int, ...]) -> Sets:
    """The pixels behind a unit, all channels together."""
    found = sets[:, :, unit[0], unit[1]].reshape(-1, *shape)
    return np.asarray(found.any(axis=(0, 1, 2)))


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(k, marks=pytest.mark.exhaustive) for k in range(2, 6))])
def test_a_local_field_is_that_of_the_network_whose_gates_are_constant(seed: int) -> None:
    (gated, last), (plain, same) = build(seed, constant=False), build(seed, constant=True)
    fields, sets = Fields(gated.network(), layout="NCHW"), dependence(plain.network())[same]
    other = Fields(plain.network(), layout="NCHW")
    assert fields.local.left_out(last)
    assert any(axis.status == "whole" for axis in fields[last].axes.values())
    for unit in np.ndindex(unit_sizes(gated.shapes[last])):
        found, expected = region(fields.local, last, unit), region(other, same, unit)
        np.testing.assert_array_equal(found.mask, seen(sets, unit, (1, 2, 9, 8)))
        assert (found.hull, found.unclipped) == (expected.hull, expected.unclipped)
        assert (found.counts() == expected.counts()).all()
        assert found.path().get("image") == expected.path().get("image")
    for pixel in ((0, 0), (4, 5), (8, 7)):
        np.testing.assert_array_equal(reach(fields.local, pixel, last).mask, reach(other, pixel, same).mask)


def test_the_oracle_can_fail() -> None:
    (gated, last), (plain, same) = build(0, constant=False), build(0, constant=True)
    sets, unit = dependence(plain.network())[same], (1, 1)
    assert (region(Fields(gated.network(), layout="NCHW"), last, unit).mask != seen(sets, unit, (1, 2, 9, 8))).any()


class Attention(nn.Module):
    """One head over the pixels of a convolution; the query alone comes through a convolution of its own."""

    def __init__(self, constant: bool) -> None:
        super().__init__()
        self.constant = constant
        self.query, self.first = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(1, 2, (1, 3), padding=(0, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.first(x)
        held = torch.ones_like(made) if self.constant else made
        query, key = self.query(made).flatten(2), held.flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        return (weights @ key.transpose(1, 2)).transpose(1, 2).reshape(made.shape)


def test_the_query_of_an_attention_is_its_local_field() -> None:
    """A token reads all the others through keys and values; its own query stays where it is."""
    model = striate.load(Attention(False).eval(), (1, 1, 5, 6))
    other = striate.load(Attention(True).eval(), (1, 1, 5, 6))
    layer, plain = (network.nodes[-1].name for network in (model, other))
    fields = model.fields()
    assert fields[layer].axes["height"].status == "whole"
    for unit in np.ndindex(5, 6):
        assert region(fields, layer, unit).mask.all()
        np.testing.assert_array_equal(region(fields.local, layer, unit).mask, other.region(plain, unit).mask)
        np.testing.assert_array_equal(reach(fields.local, unit, layer).mask, other.reach(unit, plain).mask)
    assert region(fields.local, layer, (2, 2)).hull == (Interval(1, 4), Interval(0, 5))


def test_a_way_without_global_paths_has_no_gate_on_it() -> None:
    b = Builder(1, 1, 9, 9)
    conv = b("conv", "image", out_channels=1, kernel=(3, 3), name="conv")
    gate = b("conv", b("reduce", conv, axes=(2, 3), name="mean"), out_channels=1, kernel=(1, 1), name="gate")
    b("elementwise", conv, gate, name="gated")
    fields = Fields(b.network())
    assert set(region(fields, "gated", (1, 1)).path()) == {"gated", "gate", "mean", "conv", "image"}
    assert list(region(fields.local, "gated", (1, 1)).path()) == ["gated", "conv", "image"]


def test_local_fields_of_a_network_without_global_paths_are_its_fields() -> None:
    b = Builder(1, 1, 9, 9)
    b("conv", "image", out_channels=1, kernel=(3, 3), name="conv")
    fields = Fields(b.network())
    assert region(fields.local, "conv", (1, 2)).hull == region(fields, "conv", (1, 2)).hull
    assert fields.local.left_out("conv") == () == fields.left_out("conv")
    assert fields.local.local is fields.local


def test_behind_a_dense_layer_nothing_is_local() -> None:
    b = Builder(1, 1, 6, 6)
    b("linear", b("reshape", "image", shape=(1, 36)), out_features=4, name="classes")
    found = region(Fields(b.network()).local, "classes", (1,))
    assert (found.hull, found.cover.size, found.counts().size) == ((Interval(0, 0),) * 2, 0, 0)


def test_an_effective_field_without_global_paths_ends() -> None:
    gated, last = build(3, constant=False)
    plain, same = build(3, constant=True)
    found, expected = (
        effective_field(fields, name)
        for fields, name in ((Fields(gated.network()).local, last), (Fields(plain.network()), same))
    )
    assert (found.box, found.half_size) == (expected.box, expected.half_size)
    np.testing.assert_allclose(found.weights, expected.weights)
