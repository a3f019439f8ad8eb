"""Region and reach against autograd, at borders, with holes, with channels; and how fast they answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import perf_counter

import numpy as np
import pytest
from support.oracle import Builder
from support.pairs import random_pair

from striate.errors import InputError
from striate.fields import Fields
from striate.fields.queries import reach, region
from striate.fields.unit import LayerAxes, Unit
from striate.geometry import Interval
from striate.network import Network


def random_place(random: Random, axes: LayerAxes) -> tuple[tuple[int, ...], int | None]:
    """A place in a layer and perhaps a channel."""
    at = tuple(random.randrange(n) for n in axes.sizes)
    channels = () if axes.channel is None else (random.randrange(axes.shape[axes.channel]),)
    return at, random.choice([None, *channels])


@pytest.mark.parametrize("seed", range(60))
def test_region_equals_autograd_over_all_channels(seed: int) -> None:
    pair = random_pair(seed)
    fields, random = Fields(pair.network(), layout="NCHW"), Random(seed)
    at, channel = random_place(random, fields.layer_axes(pair.tensor))
    truth = pair.paths(fields.index(Unit(pair.tensor, at, channel))).numpy()[0]
    found = region(fields, pair.tensor, at, channel)
    np.testing.assert_array_equal(found.mask, (truth != 0).any(0))
    np.testing.assert_array_equal(found.channels, (truth != 0).any((1, 2)))
    assert list(found.hull) == [Interval.of(np.flatnonzero((truth != 0).any((0, axis))).tolist()) for axis in (2, 1)]
    assert found.hull == fields.hull(pair.tensor, at, channel)
    if pair.counts:
        box = tuple(slice(i.start, i.stop) for i in found.hull)
        np.testing.assert_array_equal(found.counts(), truth.sum(0)[box])
        if found.cover.size:
            np.testing.assert_allclose(found.weights(), truth.sum(0)[box] / truth.sum(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_a_hull_followed_back_alone_is_that_of_the_table_of_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = random_pair(seed)
    fields, random = Fields(pair.network(), layout="NCHW"), Random(seed)
    units = [(name, *random_place(random, fields.layer_axes(name))) for name in fields for _ in range(3)]
    tables = [fields.hull(*unit) for unit in units]
    monkeypatch.setattr("striate.fields.fields.LONG", 0)
    assert [fields.hull(*unit) for unit in units] == tables


@pytest.mark.parametrize("seed", range(40))
def test_a_unit_is_in_reach_exactly_when_the_pixel_is_in_its_region(seed: int) -> None:
    pair = random_pair(seed)
    fields, random = Fields(pair.network(), layout="NCHW"), Random(seed)
    pixel = tuple(random.randrange(n) for n in pair.shape[2:])
    found = reach(fields, pixel, pair.tensor)
    assert found.mask.shape == fields.layer_axes(pair.tensor).sizes
    for unit in np.ndindex(*found.mask.shape):
        assert found.mask[unit] == region(fields, pair.tensor, unit).mask[pixel]
    for channel, touched in enumerate(found.channels):
        channels = [region(fields, pair.tensor, unit, channel).mask[pixel] for unit in np.ndindex(*found.mask.shape)]
        assert touched == any(channels)


# 0 . 2 . 4 -> dilated 3 -> unit 0 of a valid convolution; strided 1x1 skips every other pixel.
def test_holes_are_holes() -> None:
    b = Builder(1, 1, 9)
    b("conv", "image", out_channels=1, kernel=(3,), dilation=(2,), name="dilated")
    b("conv", "dilated", out_channels=1, kernel=(1,), stride=(2,), name="strided")
    found = region(Fields(b.network()), "strided", (1,))
    assert found.hull == (Interval(2, 7),)
    assert found.cover.tolist() == [True, False, True, False, True]
    assert found.mask.sum() == 3


def test_groups_read_their_own_channels() -> None:
    b = Builder(1, 8, 9, 9)
    b("conv", "image", out_channels=4, kernel=(3, 3), groups=4, name="grouped")
    fields = Fields(b.network())
    assert region(fields, "grouped", (2, 2), channel=1).channels.tolist() == [False] * 2 + [True] * 2 + [False] * 4
    assert region(fields, "grouped", (2, 2)).channels.all()
    assert reach(fields, (4, 4), "grouped", channel=5).channels.tolist() == [False, False, True, False]


def test_clipped_and_unclipped_hulls_at_a_corner() -> None:
    b = Builder(1, 1, 16, 12)
    x = b("conv", "image", out_channels=1, kernel=(7, 5), stride=(2, 2), padding=((3, 3), (2, 2)))
    b("conv", x, out_channels=1, kernel=(3, 3), padding=((1, 1),) * 2, name="second")
    found = region(Fields(b.network()), "second", (0, 5))
    assert found.hull == (Interval(0, 6), Interval(6, 12))
    assert found.unclipped == (Interval(-5, 6), Interval(6, 15))


def test_behind_a_global_operator_the_unclipped_field_has_no_end() -> None:
    b = Builder(1, 1, 6, 6)
    b("elementwise", "image", b("reduce", "image", axes=(2,)), name="gate")
    found = region(Fields(b.network()), "gate", (2, 3))
    assert found.unclipped is not None
    assert found.unclipped[0] is Interval.UNBOUNDED
    assert found.hull == (Interval(0, 6), Interval(3, 4))


def test_a_layer_off_the_way_reads_nothing() -> None:
    b = Builder(1, 1, 6)
    b("conv", "image", out_channels=1, kernel=(3,), name="used")
    b("constant", "image", shape=(1, 1, 2), name="fixed")
    fields = Fields(b.network())
    found = region(fields, "fixed", (1,))
    assert (found.hull, found.cover.size, found.mask.any(), found.unclipped) == ((Interval(0, 0),), 0, False, None)
    assert found.weights().size == found.counts().size == 0
    assert not reach(fields, (0,), "fixed").mask.any()


def test_a_dense_layer_takes_one_index() -> None:
    b = Builder(2, 3, 4, 4)
    b("linear", b("reshape", "image", shape=(2, 48)), out_features=10, name="classes")
    fields = Fields(b.network())
    found = region(fields, "classes", (7,))
    assert found.mask.all()
    assert found.channels.all()
    assert reach(fields, (0, 0), "classes").mask.tolist() == [True] * 10


def test_the_way_back_names_every_tensor() -> None:
    b = Builder(1, 1, 7, 7)
    x = "image"
    for k in (1, 2, 3):
        x = b("conv", x, out_channels=1, kernel=(3, 3), name=f"layer{k}")
    way = region(Fields(b.network()), "layer3", (0, 0)).path()
    assert list(way) == ["layer3", "layer2", "layer1", "image"]
    assert [box[2].size for box in way.values()] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda f: region(f, "conv", (7, 0)), r"\[0, 6\)"),
        (lambda f: region(f, "conv", (0,)), "needs 2 indices, got 1"),
        (lambda f: region(f, "conv", (0, -1)), r"\[0, 6\)"),
        (lambda f: region(f, "conv", (0, 0), channel=4), "channel 4"),
        (lambda f: region(f, "cnov", (0, 0)), "did you mean 'conv'"),
        (lambda f: reach(f, (8, 0), "conv"), r"height index 8 must be in \[0, 8\)"),
        (lambda f: reach(f, (0, 0, 0), "conv"), "needs 2 indices, got 3"),
        (lambda f: reach(f, (0, 0), "conv", channel=3), r"\[0, 3\)"),
    ],
)
def test_what_lies_outside_is_refused_with_the_valid_range(ask: Callable[[Fields], object], words: str) -> None:
    b = Builder(1, 3, 8, 8)
    b("conv", "image", out_channels=4, kernel=(3, 3), name="conv")
    with pytest.raises(InputError, match=words):
        ask(Fields(b.network()))


def resnet18() -> Network:
    b = Builder(1, 3, 224, 224)

    def conv(x: str, channels: int, size: int, stride: int) -> str:
        pads = ((size // 2, size // 2),) * 2
        x = b("conv", x, out_channels=channels, kernel=(size, size), stride=(stride, stride), padding=pads)
        return b("elementwise", x)

    x = b("pool", conv("image", 64, 7, 2), kernel=(3, 3), stride=(2, 2), padding=((1, 1),) * 2)
    for stage, channels in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = conv(conv(x, channels, 3, stride), channels, 3, 1)
            x = conv(x, channels, 1, stride) if stride > 1 else x
            x = b("elementwise", x, y, name=f"layer{stage + 1}.{block}")
    return b.network()


def test_an_exact_cover_at_resnet18_size_takes_milliseconds() -> None:
    fields = Fields(resnet18())
    assert region(fields, "layer4.1", (3, 3)).unclipped == (Interval(-121, 314),) * 2
    best = min(seconds_of(lambda: region(fields, "layer4.1", (3, 3))) for _ in range(20))
    assert best < 0.005, f"{best * 1000:.1f} ms"


def seconds_of(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


# Kernel 1, stride 3: rows 1 and 2 of every three read nothing, though their columns do.
def test_a_unit_that_reads_nothing_has_empty_intervals() -> None:
    b = Builder(1, 1, 2, 4)
    x = b("conv_transpose", "image", out_channels=1, kernel=(1, 1), stride=(3, 1))
    fields = Fields(b.network())
    nothing = region(fields, x, (1, 2))
    assert not nothing.cover.any()
    assert nothing.hull == nothing.unclipped == fields.hull(x, (1, 2)) == (Interval(0, 0),) * 2
    assert region(fields, x, (3, 2)).unclipped == fields.hull(x, (3, 2)) == (Interval(1, 2), Interval(2, 3))
