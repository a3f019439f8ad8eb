"""Sweeps over input sizes, comparisons of two networks, and totals, each against figures worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from support.odd import wrongly
from support.oracle import Builder
from support.published_graphs import VALID, Graph

import striate
from striate.errors import InputError
from striate.fields import Fields, compare, costs, sweep


def strided(tmp_path: Path, pad: object, size: int = 8) -> striate.LoadedModel:
    graph = Graph(size, size)
    graph.conv(graph.conv("image", "first", 3, 2, pad), "second", 3, 2, pad)
    path = graph.save(tmp_path / f"{size}-{pad}.onnx")
    return striate.load(path)


# TensorFlow's SAME, 3x3 stride 2: an even size pads (0, 1), an odd one (1, 1); the centre of unit 0 is pixel 1 or 0.
def test_same_padding_shifts_the_centre_with_the_size(tmp_path: Path) -> None:
    found = dynamic(tmp_path).sweep("first", [8, 9, 10])
    assert [point.axes[0].start for point in found.points] == [0, -1, 0]
    assert [point.shift[0] for point in found.points] == [0, Fraction(-1), 0]
    assert found.still == ((8, 8), (10, 10))


def dynamic(tmp_path: Path) -> striate.LoadedModel:
    """Two strided SAME convolutions of an image of any size, read at 8x8."""
    graph = Graph("H", "W")
    graph.conv(graph.conv("image", "first", 3, 2), "second", 3, 2)
    return striate.load(graph.save(tmp_path / "dynamic.onnx"), (1, 3, 8, 8))


def test_deeper_layers_shift_further(tmp_path: Path) -> None:
    found = dynamic(tmp_path).sweep("second", [16, 17])
    assert [point.axes[0].start for point in found.points] == [0, -3]


def test_a_sweep_needs_sizes_and_a_model_to_read_again(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one size"):
        dynamic(tmp_path).sweep("first", [])
    b = Builder(1, 1, 8)
    b("conv", "image", out_channels=1, kernel=(3,), name="a")
    with pytest.raises(InputError, match="built by hand"):
        wrongly(sweep)(b.network(), "a", [8])


# PyTorch's padding=1 against SAME on an even size: equal shapes, pixels one apart.
def test_a_comparison_finds_equal_shapes_that_see_other_pixels(tmp_path: Path) -> None:
    symmetric, same = strided(tmp_path, (1, 1, 1, 1)), strided(tmp_path, "SAME_UPPER")
    found = symmetric.compare(same)
    assert found.paired == (("first", "first"), ("second", "second"))
    assert {(d.left, d.axis, d.kind, d.values) for d in found.differences} == {
        (layer, axis, "shift", values)
        for layer, values in (("first", ("-1", "0")), ("second", ("-3", "0")))
        for axis in ("height", "width")
    }
    assert symmetric.compare(symmetric).same


def test_a_comparison_pairs_by_order_where_no_name_is_shared() -> None:
    left, right = Builder(1, 1, 8), Builder(1, 1, 8)
    left("conv", "image", out_channels=1, kernel=(3,), name="a")
    right("conv", right("conv", "image", out_channels=1, kernel=(3,), name="b"), out_channels=1, kernel=(3,), name="c")
    found = compare(Fields(left.network()), Fields(right.network()))
    assert (found.paired, found.only_right) == ((("a", "b"),), ("c",))
    assert not found.same


# image 4x8 bytes (8 floats) -> a: 8 floats -> b: 8 floats; sum reads image and b, so three tensors live at b and at sum
def test_peak_memory_counts_tensors_until_their_last_reader() -> None:
    b = Builder(1, 1, 8)
    x = b("conv", "image", out_channels=1, kernel=(3,), padding=((1, 1),), name="a")
    x = b("elementwise", x, name="b")
    b("elementwise", "image", x, name="sum")
    found = costs(b.network())
    assert (found.peak_activation_bytes, found.peak_at) == (3 * 8 * 4, "b")
    assert found.macs == 8 * 3


def test_valid_padding_never_shifts(tmp_path: Path) -> None:
    graph = Graph("H", "W")
    graph.conv("image", "a", 3, 2, VALID)
    found = striate.load(graph.save(tmp_path / "valid.onnx"), (1, 3, 8, 8)).sweep("a", [(8, 9), (11, 12)])
    assert found.still == ((8, 9), (11, 12))
