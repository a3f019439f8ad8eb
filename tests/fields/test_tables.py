"""Field tables against brute force: every unit's true hull, and the unclipped rule far from borders."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle import Builder, dependence
from support.sure import sure

from striate.fields import Fields, region
from striate.geometry import Border, Interval
from striate.network import Network


@st.composite
def layer(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """One operator that keeps (1, C, L) and does not shrink the axis to nothing."""
    kind = draw(st.sampled_from(["conv", "conv", "pool", "transposed", "resize", "shuffle", "slice", "flip", "pad",
                                 "tokens", "skip", "halves", "gate"]))
    return kind, {
        "kernel": draw(st.integers(1, 3)),
        "stride": draw(st.integers(1, 3)),
        "dilation": draw(st.integers(1, 2)),
        "pads": (draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        "mode": draw(st.sampled_from(["nearest", "linear", "cubic"])),
        "border": draw(st.sampled_from(list(Border))),
        "factor": draw(st.sampled_from([2, 3])),
    }


def append(b: Builder, x: str, kind: str, a: dict[str, Any]) -> str:
    channels, n = b.shapes[x][1:]
    bare = ((0, 0),)
    window: dict[str, Any]
    window = {"kernel": (a["kernel"],), "stride": (a["stride"],), "dilation": (a["dilation"],), "padding": (a["pads"],)}
    room = n + sum(a["pads"]) - a["dilation"] * (a["kernel"] - 1)
    match kind:
        case "conv" if room > 0:
            return b("conv", x, out_channels=2, **window)
        case "pool" if n >= 5:
            return b("pool", x, ceil=a["kernel"] > 1 and a["pads"][0] == 0, **(window | {"padding": bare}))
        case "transposed" if n < 12:
            return b("conv_transpose", x, out_channels=2, **(window | {"padding": bare}))
        case "resize" if n < 12:
            size = (n * a["factor"] // 2 or 1,)
            return b("resize", x, axes=(2,), size=size, mode=a["mode"], coordinates="half_pixel")
        case "shuffle" if n < 12:
            wide = b("conv", x, out_channels=4, kernel=(1,))
            return b("depth_to_space", wide, block=2)
        case "slice" if n > 4:
            count = len(range(1, n, a["stride"]))
            return b("slice", x, axes=(2,), starts=(1,), counts=(count,), steps=(a["stride"],))
        case "flip":
            return b("slice", x, axes=(2,), starts=(n - 1,), counts=(n,), steps=(-1,))
        case "pad" if n > 3:
            return b("pad", x, pads=((0, 0), (0, 0), a["pads"]), border=a["border"])
        case "tokens" if n % 2 == 0 and n > 2:
            blocks = b("reshape", x, shape=(1, channels, n // 2, 2))
            mixed = b("mix", blocks, axes=(3,))
            return b("reshape", mixed, shape=(1, channels, n))
        case "skip":
            y = b("conv", x, out_channels=channels, kernel=(3,), padding=((1, 1),))
            return b("elementwise", x, y)
        case "halves":
            y = b("conv", x, out_channels=1, kernel=(3,), padding=((1, 1),))
            both = b("concat", x, y, axis=1)
            total = b.shapes[both][1]
            return b("slice", both, axes=(1,), starts=(total - 1,), counts=(1,), steps=(1,))
        case "gate":
            return b("elementwise", x, b("reduce", x, axes=(2,)))
    return x


def build(size: int, layers: list[tuple[str, dict[str, object]]]) -> Network | None:
    b = Builder(1, 2, size)
    x = "image"
    for kind, attributes in layers:
        x = append(b, x, kind, attributes)
        if min(b.shapes[x]) == 0:
            return None
    return b.network() if b.nodes else None


@settings(max_examples=150, deadline=None)
@given(st.integers(5, 9), st.lists(layer(), min_size=1, max_size=5))
def test_clipped_tables_are_the_true_hulls(size: int, layers: list[tuple[str, dict[str, object]]]) -> None:
    network = build(size, layers)
    if network is None:
        return
    fields, truth = Fields(network), dependence(network)
    shape = network.shapes["image"]
    for tensor, (table,) in fields.clipped.items():
        for index in np.ndindex(*network.shapes[tensor]):
            seen = np.flatnonzero(truth[tensor][index].reshape(shape).any((0, 1)))
            assert table.interval(index) == Interval.of(seen), (tensor, index)


# Operators that crop, or read their border twice: behind them a unit can miss pixels inside the image.
OWN_BORDERS = ("pad", "slice", "resize", "conv_transpose", "pool")


@settings(max_examples=150, deadline=None)
@given(st.integers(6, 9), st.lists(layer(), min_size=1, max_size=4))
def test_unclipped_rule_holds_wherever_a_unit_touches_no_border(
    size: int, layers: list[tuple[str, dict[str, object]]]
) -> None:
    network = build(size, layers)
    if network is None:
        return
    if any(node.op.word in OWN_BORDERS for node in network.nodes):
        return
    fields = Fields(network)
    for name in fields:
        axis = fields[name].axes["length"]
        if axis.stride is None or len(fields[name].shape) != 3:
            continue
        for unit in range(network.shapes[network.tensor(name)][-1]):
            claimed, true = axis.unit(unit), fields.hull(name, (unit,))[0]
            if claimed.start >= 0 and claimed.stop <= size:
                assert true == claimed, (name, unit)


def test_brute_force_disagrees_with_a_wrong_table() -> None:
    b = Builder(1, 1, 8)
    b("conv", "image", out_channels=1, kernel=(3,), padding=((1, 1),), name="a")
    wrong = Builder(1, 1, 8)
    wrong("conv", "image", out_channels=1, kernel=(3,), padding=((2, 0),), name="a")
    truth = dependence(b.network())["a"][0, 0, 4]
    assert Fields(wrong.network()).hull("a", (4,))[0] != Interval.of(np.flatnonzero(truth))


def test_two_units_between_two_that_see_nothing_make_no_rule() -> None:
    """By their rule the last unit would see pixels 4 and 5; it stands beyond the last pair."""
    b = Builder(1, 2, 6)
    x = b("reshape", "image", shape=(1, 2, 3, 2))
    x = b("reshape", b("mix", x, axes=(3,)), shape=(1, 2, 6))
    x = b("conv", x, out_channels=2, kernel=(1,), padding=((2, 1),))
    x = b("conv", x, out_channels=2, kernel=(1,), stride=(3,), padding=((1, 0),))
    fields = Fields(b.network())
    seen = [Interval(0, 0), Interval(0, 2), Interval(2, 4), Interval(0, 0)]
    assert [fields.hull(x, (u,))[0] for u in range(4)] == seen
    assert fields[x].axes["length"].status == "irregular"


# . . 0 1 2 3 . -> conv3 -> conv3 s2 -> nearest x2: two units share each field.
def test_phases_of_a_nearest_upsampling() -> None:
    b = Builder(1, 1, 16)
    x = b("conv", "image", out_channels=1, kernel=(3,), stride=(2,), padding=((1, 1),))
    up = b("resize", x, axes=(2,), size=(16,), mode="nearest", coordinates="asymmetric", nearest=("floor",))
    axis = Fields(b.network())[up].axes["length"]
    assert (axis.status, axis.size, axis.stride) == ("periodic", 3, 1)
    assert axis.phases == (Interval(-1, 2), Interval(-1, 2))
    assert axis.unit(5) == Interval(3, 6)


def test_a_channel_half_keeps_its_own_field() -> None:
    b = Builder(1, 2, 16)
    y = b("conv", "image", out_channels=2, kernel=(5,), padding=((2, 2),))
    b("split", b("concat", "image", y, axis=1), axis=1, sizes=(2, 2), name="parts")
    fields = Fields(b.network())
    assert [fields[name].axes["length"].size for name in ("parts", "parts.1")] == [1, 5]


def test_misaligned_branches_are_named_with_their_offset() -> None:
    b = Builder(1, 1, 16)
    y = b("conv", "image", out_channels=1, kernel=(3,), padding=((0, 2),), name="late")
    b("elementwise", "image", y, name="sum")
    fields = Fields(b.network())
    assert fields["sum"].axes["length"].facts == ("exact", "misaligned")
    assert fields.misalignments[0].branches == (("image", Fraction(0)), ("late", Fraction(1)))


def test_an_even_kernel_shifts_by_half_a_pixel() -> None:
    b = Builder(1, 1, 16)
    y = b("conv", "image", out_channels=1, kernel=(2,), padding=((0, 1),), name="even")
    b("elementwise", "image", y, name="sum")
    assert Fields(b.network()).misalignments[0].branches[1] == ("even", Fraction(1, 2))


def test_a_global_gate_leaves_the_local_field() -> None:
    b = Builder(1, 1, 16)
    y = b("conv", "image", out_channels=1, kernel=(3,), padding=((1, 1),))
    gate = b("elementwise", y, b("reduce", y, axes=(2,), name="squeeze"), name="gate")
    field = Fields(b.network())[gate]
    assert field.axes["length"].status == "whole"
    assert field.axes["length"].size is None
    local = sure(field.axes["length"].local)
    assert (local.size, local.start) == (3, -1)
    assert field.global_via == ("squeeze",)


@pytest.mark.parametrize(("layers", "size"), [(1, 3), (2, 5), (3, 7)])
def test_the_seed_numbers(layers: int, size: int) -> None:
    b = Builder(1, 1, size)
    x = "image"
    for _ in range(layers):
        x = b("conv", x, out_channels=1, kernel=(3,))
    assert Fields(b.network())[x].axes["length"].size == size


def test_a_local_span_keeps_its_phases_behind_a_global_gate() -> None:
    b = Builder(1, 1, 16)
    x = b("conv", "image", out_channels=1, kernel=(3,), stride=(2,), padding=((1, 1),))
    up = b("resize", x, axes=(2,), size=(16,), mode="nearest", coordinates="asymmetric", nearest=("floor",))
    gate = b("elementwise", up, b("reduce", "image", axes=(2,)))
    axis = Fields(b.network())[gate].axes["length"]
    assert (axis.facts, axis.size, axis.phases) == (("whole", "periodic"), None, ())
    assert axis.local is not None
    assert (axis.local.status, axis.local.unit(5)) == ("periodic", Interval(3, 6))
    assert axis.unit(5) is Interval.UNBOUNDED


# image -> blurry (reads at most 5) -> conv3; the branch beside it stays a plain claim
def test_an_upper_bound_is_told_of_all_that_reads_it() -> None:
    b = Builder(1, 1, 16)
    b("conv", "image", out_channels=1, kernel=(5,), padding=((2, 2),), name="blurry")
    b("conv", "blurry", out_channels=1, kernel=(3,), padding=((1, 1),), name="after")
    b("conv", "image", out_channels=1, kernel=(3,), padding=((1, 1),), name="beside")
    b("elementwise", "after", "beside", name="sum")
    b("elementwise", "sum", b("reduce", "blurry", axes=(2,), name="mean"), name="gate")
    network = b.network()
    nodes = tuple(replace(node, at_most=node.name == "blurry") for node in network.nodes)
    fields = Fields(replace(network, nodes=nodes))
    facts = {name: fields[name].axes["length"].facts for name in fields}
    assert facts == {
        "blurry": ("exact", "at most"),
        "after": ("exact", "at most"),
        "beside": ("exact",),
        "sum": ("exact", "at most"),
        "mean": ("whole", "at most"),
        "gate": ("whole", "at most"),
    }
    assert fields["gate"].at_most_via == ("blurry",)
    assert fields["beside"].at_most_via == ()


# The mean of all beside the units themselves: the first sees everything, the others one pixel each.
def test_a_layer_whose_units_are_not_all_global_is_irregular() -> None:
    b = Builder(1, 2, 6)
    b("concat", b("reduce", "image", axes=(2,), name="mean"), "image", axis=2, name="tokens")
    b("mix", "tokens", axes=(2,), name="attention")
    fields = Fields(b.network())
    axis = fields["tokens"].axes["length"]
    assert (axis.facts, axis.size, axis.stride, axis.local) == (("irregular",), 6, None, None)
    assert fields["tokens"].global_via == ("mean",)
    assert [region(fields, "tokens", (u,)).unclipped for u in (0, 1)] == [(Interval.UNBOUNDED,), (Interval(0, 1),)]
    assert fields["attention"].axes["length"].facts == ("whole",)


# Of 0 1 2 and their mean, windows of one unit, two apart, read 0 and 2.
def test_windows_that_pass_a_global_unit_by_are_not_global() -> None:
    b = Builder(1, 2, 3)
    tokens = b("concat", "image", b("reduce", "image", axes=(2,)), axis=2)
    b("sliding", tokens, axis=2, size=1, step=2, name="windows")
    field = Fields(b.network())["windows"]
    assert (field.axes["length"].facts, field.axes["length"].stride, field.global_via) == (("exact",), 2, ())


def test_a_padded_global_layer_is_whole() -> None:
    b = Builder(1, 2, 6, 6)
    gate = b("elementwise", "image", b("reduce", "image", axes=(2, 3)))
    b("pad", gate, pads=((0, 0), (0, 0), (1, 2), (2, 0)), name="padded")
    fields = Fields(b.network())
    axes = fields["padded"].axes
    assert [(axis.facts, sure(axis.local).start) for axis in axes.values()] == [(("whole",), -1), (("whole",), -2)]
    assert region(fields, "padded", (0, 3)).unclipped == (Interval.UNBOUNDED,) * 2
    assert not region(fields, "padded", (0, 3)).cover.any()


# The height of 4 pixels stands along the channels; two of them see all, two their own pixel.
def test_a_layer_whose_channels_alone_are_global_in_part_is_irregular() -> None:
    b = Builder(1, 1, 4, 1)
    x = b("reshape", "image", shape=(1, 4, 1, 1))
    parts = b("split", x, axis=1, sizes=(2, 2))
    b("concat", b("mix", x, axes=(1,), name="mix"), f"{parts}.1", axis=1, name="both")
    fields = Fields(b.network(), layout="NCHW")
    assert fields["both"].axes["height"].facts == ("irregular",)


# Two units beside every pixel, which read nothing, stand between those that see everything.
def test_units_that_see_nothing_between_global_ones_make_no_whole_layer() -> None:
    b = Builder(1, 2, 6)
    b("conv_transpose", b("mix", "image", axes=(2,)), out_channels=2, kernel=(1,), stride=(3,), name="apart")
    fields = Fields(b.network())
    assert fields["apart"].axes["length"].facts == ("irregular",)
    assert region(fields, "apart", (1,)).unclipped == (Interval(0, 0),)
