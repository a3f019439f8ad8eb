"""Crops of written networks: what they hold at borders and inside, what they share, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.odd import wrongly

from striate.crop import crop
from striate.errors import InputError, UnsupportedError
from striate.fields import Fields, region
from striate.geometry import Box, Interval
from striate.network import Builder, Network
from striate.network.operators import (
    Attention,
    Concat,
    Conv,
    ConvTranspose,
    Elementwise,
    Linear,
    MatMul,
    Mix,
    Pool,
    Reduce,
    Reshape,
    Resize,
    Sample,
    Transpose,
)

SAME = ((1, 1), (1, 1))


def unet(n: int, depth: int = 3, base: int = 4, rank: int = 2) -> Network:
    """Two convolutions of 3 a level, pooled by 2, brought back by transposed convolutions and joined."""
    b = Builder("unet", x=(1, 1, *[n] * rank))
    kernel, pads, two = (3,) * rank, ((1, 1),) * rank, (2,) * rank

    def twice(tensor: str, channels: int, name: str) -> str:
        for half in "ab":
            tensor = b.add(Conv(kernel, padding=pads, out_channels=channels), tensor, name=name + half)
        return tensor

    level, skips = "x", []
    for k in range(depth):
        skips.append(twice(level, base << k, f"down{k}"))
        level = b.add(Pool(two, two), skips[-1], name=f"pool{k}")
    level = twice(level, base << depth, "bottom")
    for k in reversed(range(depth)):
        up = b.add(ConvTranspose(two, two, out_channels=base << k), level, name=f"up{k}")
        level = twice(b.add(Concat(1), skips[k], up, name=f"join{k}"), base << k, f"out{k}")
    return b.network()


def gated(n: int) -> Network:
    """A convolution times the mean of all of it."""
    b = Builder("gated", x=(1, 2, n, n))
    y = b.add(Conv((3, 3), padding=SAME, out_channels=4), "x", name="conv")
    gate = b.add(Reduce((2, 3)), y, name="squeeze", source="GlobalAveragePool")
    b.add(Elementwise(), y, gate, name="gate")
    return b.network()


# 0 . . . 8: a window of 3 by 2 with a pad of 1 on both sides
@pytest.mark.parametrize(
    ("units", "feed", "pads"),
    [
        ("0:2", "0:4", (1, 0)),
        ("1:3", "1:6", (0, 0)),
        ("3:5", "5:9", (0, 1)),
        ("0:5", "0:9", (1, 1)),
        ("2:3", "3:6", (0, 0)),
    ],
)
def test_padding_stays_where_the_border_is(units: str, feed: str, pads: tuple[int, int]) -> None:
    b = Builder("one", x=(1, 1, 9, 9))
    b.add(Conv((3, 3), (2, 2), padding=SAME, out_channels=1), "x", name="conv")
    found = crop(b.network(), {"conv": Box(f"0:1,0:1,{units},1:3")})
    (node,) = found.network.nodes
    assert isinstance(node.op, Conv)
    assert (str(found.feeds["x"]), node.op.padding) == (f"0:1,0:1,{feed},1:6", (pads, (0, 0)))


def test_a_crop_asks_fields_like_the_whole() -> None:
    whole = unet(40)
    found = crop(whole, {"out0b": Box("0:1,0:4,16:20,24:29")})
    y, x = (side.start for side in found.feeds["x"][2:])
    at = region(Fields(whole), "out0b", (18, 26))
    ours = region(Fields(found.network), "out0b", (2, 2))
    assert ours.hull == at.hull.shift((-y, -x))
    np.testing.assert_array_equal(ours.counts(), at.counts())
    assert {node.name for node in whole.nodes} <= {node.name for node in found.network.nodes}


def test_tiles_of_an_image_share_their_keys() -> None:
    whole = unet(1024)
    keys = {
        crop(whole, {"out0b": Box(f"0:1,0:4,{y}:{y + 128},{x}:{x + 128}")}).key
        for y in range(0, 1024, 128)
        for x in range(0, 1024, 128)
    }
    assert len(keys) == 9


@pytest.mark.parametrize(
    ("rank", "depth", "n", "tile", "overhead", "halo"),
    [
        (2, 4, 16384, 512, 1.28, 94),
        (2, 4, 16384, 1024, 1.13, 94),
        (3, 3, 1024, 128, 2.09, 46),
        (3, 3, 1024, 256, 1.43, 46),
    ],
)
def test_costs_say_what_the_halo_adds(rank: int, depth: int, n: int, tile: int, overhead: float, halo: int) -> None:
    whole = unet(n, depth, 32, rank)
    found = crop(whole, {"out0b": Box([*Box.whole((1, 32)), *[Interval(n // 2, n // 2 + tile)] * rank])})
    assert round(found.costs.overhead, 2) == overhead
    assert found.feeds["x"].shape[2:] == (tile + 2 * halo,) * rank


def test_costs_of_all_of_it_are_its_own() -> None:
    assert crop(unet(32), {"out0b": Box.whole((1, 4, 32, 32))}).costs.overhead == 1
    assert crop(unet(32), {"x": Box("0:1,0:1,0:2,0:2")}).costs.overhead == 1


def test_several_boxes_at_once() -> None:
    whole = unet(40)
    found = crop(whole, {"down0b": Box("0:1,0:4,0:2,0:2"), "pool2": Box("0:1,0:4,4:5,4:5")})
    assert found.boxes["down0b"].contains(Box("0:1,0:4,0:2,0:2"))
    assert found.network.outputs == ("down0b", "pool2")
    assert "up0" not in found.network.layers


def test_a_global_gate_is_refused_with_its_name() -> None:
    with pytest.raises(UnsupportedError, match=r"squeeze \(GlobalAveragePool\) reads all of axis 2 of conv"):
        crop(gated(32), {"gate": Box("0:1,0:4,3:5,3:5")})
    assert crop(gated(32), {"gate": Box.whole((1, 4, 32, 32))}).feeds["x"] == Box.whole((1, 2, 32, 32))
    assert crop(gated(32), {"squeeze": Box("0:1,1:2,0:1,0:1")}).feeds["x"] == Box.whole((1, 2, 32, 32))
    assert crop(gated(32), {"conv": Box("0:1,0:4,3:5,3:5")}).feeds["x"] == Box("0:1,0:2,2:6,2:6")


def test_a_gate_behind_a_gate_is_refused_too() -> None:
    b = Builder("gated", x=(1, 2, 64, 64))
    tensor = "x"
    for k in range(4):
        y = b.add(Conv((3, 3), padding=SAME, out_channels=2), tensor, name=f"conv{k}")
        tensor = b.add(Elementwise(), y, b.add(Reduce((2, 3)), y, name=f"squeeze{k}"), name=f"gate{k}")
    with pytest.raises(UnsupportedError, match=r"squeeze3 .* reads all of axis 2 of conv3"):
        crop(b.network(), {"gate3": Box("0:1,0:2,3:5,3:5")})


def test_normalising_over_space_is_refused_and_over_channels_is_not() -> None:
    b = Builder("norm", x=(1, 4, 16, 16))
    b.add(Mix((1,)), "x", name="channels")
    b.add(Mix((2, 3)), "channels", name="space", source="InstanceNorm")
    assert crop(b.network(), {"channels": Box("0:1,2:3,3:5,3:5")}).feeds["x"] == Box("0:1,0:4,3:5,3:5")
    with pytest.raises(UnsupportedError, match=r"space \(InstanceNorm\) reads all of axis 2 of channels"):
        crop(b.network(), {"space": Box("0:1,0:4,3:5,3:5")})


def test_a_layer_over_all_tokens_is_refused_and_one_over_features_is_not() -> None:
    b = Builder("mixer", x=(1, 64, 8))
    features = b.add(Linear(8), "x", name="features")
    tokens = b.add(Linear(64, axis=1), features, name="tokens")
    b.add(Elementwise(), features, tokens, name="sum")
    assert crop(b.network(), {"features": Box("0:1,3:5,2:4")}).feeds["x"] == Box("0:1,3:5,0:8")
    with pytest.raises(UnsupportedError, match=r"tokens \(linear\) reads all of axis 1 of features"):
        crop(b.network(), {"sum": Box("0:1,3:5,0:8")})


def test_tokens_weighed_by_all_others_are_refused_at_the_values() -> None:
    b = Builder("attention", x=(1, 64, 8))
    q, k, v = (b.add(Linear(8), "x", name=name) for name in "qkv")
    scores = b.add(Mix((2,)), b.add(MatMul(), q, b.add(Transpose((0, 2, 1)), k), name="scores"), name="softmax")
    b.add(Elementwise(), "x", b.add(MatMul(), scores, v, name="values"), name="sum")
    with pytest.raises(UnsupportedError, match=r"values \(matmul\) reads all of axis 2 of softmax"):
        crop(b.network(), {"sum": Box("0:1,3:5,0:8")})


# 8 x 8 pixels in windows of 4 x 4: windows first, then the pixels of each
def test_attention_inside_windows_grows_to_the_windows_alone() -> None:
    b = Builder("windows", x=(1, 8, 8, 2))
    parts = b.add(Transpose((0, 1, 3, 2, 4, 5)), b.add(Reshape((1, 2, 4, 2, 4, 2)), "x"))
    tokens = b.add(Reshape((4, 16, 2)), parts)
    mixed = b.add(Attention(), tokens, tokens, tokens)
    back = b.add(Transpose((0, 1, 3, 2, 4, 5)), b.add(Reshape((1, 2, 2, 4, 4, 2)), mixed))
    b.add(Elementwise(), "x", b.add(Reshape((1, 8, 8, 2)), back), name="sum")
    assert crop(b.network(), {"sum": Box("0:1,1:3,5:6,0:2")}).feeds["x"] == Box("0:1,0:4,4:8,0:2")


def test_what_depends_on_data_is_refused_with_its_name() -> None:
    b = Builder("sampled", x=(1, 4, 16, 16))
    b.add(Sample(((1, 4, 8, 8),)), "x", name="warp", source="GridSample")
    with pytest.raises(UnsupportedError, match=r"warp \(GridSample\) cannot be cropped to 0:1,0:4,0:2,0:2"):
        crop(b.network(), {"warp": Box("0:1,0:4,0:2,0:2")})
    assert crop(b.network(), {"warp": Box.whole((1, 4, 8, 8))}).feeds["x"] == Box.whole((1, 4, 16, 16))


def test_units_that_read_nothing() -> None:
    b = Builder("holes", x=(1, 1, 4, 4))
    b.add(ConvTranspose((1, 1), (3, 3), out_channels=1), "x", name="up")
    b.add(Resize((2, 3), (20, 20)), "up", name="wide")
    found = crop(b.network(), {"up": Box("0:1,0:1,1:3,4:6")})
    found.network.validate()
    assert found.network.shapes["up"] == (1, 1, 2, 2)
    assert not region(Fields(found.network, layout="NCHW"), "up", (0, 0)).cover.any()


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ("0:1,0:4,30:41,0:1", r"box 0:1,0:4,30:41,0:1 of out0b lies outside; boxes lie in 0:1,0:4,0:40,0:40"),
        ("0:1,0:4,3:3,0:1", r"holds no element; boxes lie in 0:1,0:4,0:40,0:40"),
        ("3:4,0:1", r"out0b has shape \(1, 4, 40, 40\), box 3:4,0:1 has 2 axes, not 4"),
    ],
)
def test_boxes_that_are_not_there_are_refused(box: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        crop(unet(40), {"out0b": Box(box)})


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'out0b'"):
        crop(unet(40), {"out0bb": Box("0:1")})
    with pytest.raises(InputError, match="no box of any layer"):
        crop(unet(40), {})


def test_two_names_of_one_tensor_ask_for_both_boxes() -> None:
    whole = unet(40)
    named = replace(whole, aliases={"again": "down0b"})
    found = crop(named, {"down0b": Box("0:1,0:4,0:2,0:2"), "again": Box("0:1,0:4,4:5,1:3")})
    assert found.boxes["down0b"] == Box("0:1,0:4,0:5,0:3")


def test_arguments_of_other_kinds_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="wanted must map layers to boxes, got 3"):
        wrongly(crop)(unet(40), 3)
    with pytest.raises(InputError, match="network must be a Network, got None"):
        wrongly(crop)(None, {})
    with pytest.raises(InputError, match="the box of out0b must be a Box, got 'all'"):
        wrongly(crop)(unet(40), {"out0b": "all"})
