"""Every published end-point of the networks rebuilt in graphs.py: size, stride, padding."""

from __future__ import annotations

import csv
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from support.published_graphs import NETWORKS, VALID, Graph

import striate

HERE = Path(__file__).parent
WITH_ROWS = (
    "alexnet_v2",
    "vgg_a",
    "vgg_16",
    "mobilenet_v1",
    "resnet_v1_50",
    "resnet_v1_101",
    "inception_v2",
    "inception_v2-no-separable-conv",
    "inception_v3",
)


@cache
def rows(network: str) -> list[dict[str, str]]:
    with (HERE / "endpoints.csv").open() as table:
        return [row for row in csv.DictReader(table) if row["network"] == network]


def fields(directory: Path, network: str, resolution: int) -> striate.Fields:
    graph = Graph(resolution, resolution)
    NETWORKS[network](graph)
    return striate.load(graph.save(directory / "net.onnx")).fields()


@pytest.mark.parametrize("resolution", ["None", "224", "321"])
@pytest.mark.parametrize("network", WITH_ROWS)
def test_end_points_match_the_published_table(tmp_path: Path, network: str, resolution: str) -> None:
    found = fields(tmp_path, network, 256 if resolution == "None" else int(resolution))
    wanted = [row for row in rows(network) if row["resolution"] == resolution]
    assert wanted
    for row in wanted:
        for axis in found[row["end_point"]].axes.values():
            assert (axis.size, axis.stride) == (int(row["size"]), Fraction(row["stride"])), row
            assert axis.status == "exact", row
            if row["padding"] != "None":
                assert axis.start == -int(row["padding"]), row


@pytest.mark.parametrize(
    ("network", "size", "padding"),
    [
        ("alexnet_v2", 195, 64),
        ("vgg_16", 212, 90),
        ("mobilenet_v1", 315, 126),
        ("resnet_v1_50", 483, 239),
        ("inception_v2", 699, 318),
        ("resnet_v1_101", 1027, 511),
        ("inception_v3", 1311, 618),
        ("resnet_v1_152", 1507, 751),
        ("resnet_v1_200", 1763, 879),
    ],
)
def test_whole_networks_match_the_distill_article(tmp_path: Path, network: str, size: int, padding: int) -> None:
    found = fields(tmp_path, network, 224)
    last = list(found)[-1]
    for axis in found[last].axes.values():
        assert (axis.size, axis.stride, axis.start) == (size, 32, -padding)


# Micro-networks: one strided path beside one of two layers.
def shallow_and_deep(g: Graph, name: str, pad: str | None) -> str:
    a = g.conv("image", f"{name}/a", 1, 4, VALID)
    if pad is None:
        b = g.conv(g.pad("image", f"{name}/pad", 1, 0), f"{name}/b1", 3, 2, VALID)
    else:
        b = g.conv("image", f"{name}/b1", 3, 2, pad)
    return g.add(name, a, g.conv(b, f"{name}/b2", 1, 2, VALID))


def single(tmp_path: Path, graph: Graph) -> tuple[striate.Fields, striate.Field]:
    found = striate.load(graph.save(tmp_path / "net.onnx")).fields()
    return found, found[list(found)[-1]]


def test_micro_network_1(tmp_path: Path) -> None:
    g = Graph(8, 8)
    shallow_and_deep(g, "out", None)
    _, field = single(tmp_path, g)
    assert [(a.status, a.size, a.stride, a.start) for a in field.axes.values()] == [("exact", 3, 4, -1)] * 2


def test_micro_network_2_with_max_pools(tmp_path: Path) -> None:
    g = Graph(8, 8)
    a = g.conv("image", "a", 1, 4, VALID, channels=3)
    b = g.pool(g.pool(g.pad("image", "pad", 1, 0), "b1", 3, 2, VALID), "b2", 1, 2, VALID)
    g.add("out", a, b)
    _, field = single(tmp_path, g)
    assert [(a.status, a.size, a.stride, a.start) for a in field.axes.values()] == [("exact", 3, 4, -1)] * 2


def test_micro_network_3_is_misaligned(tmp_path: Path) -> None:
    g = Graph(8, 8)
    a = g.conv(g.pad("image", "pad", 2, 1), "a", 5, 2, VALID)
    b = g.conv(g.conv("image", "b1", 3, 1, VALID), "b2", 3, 1, VALID)
    g.add("out", a, b)
    found, field = single(tmp_path, g)
    assert {axis.facts for axis in field.axes.values()} == {("irregular", "misaligned")}
    assert {m.node for m in found.misalignments} == {"out"}


@pytest.mark.parametrize(("size", "facts", "shift"), [(9, ("exact",), None), (8, ("exact", "misaligned"), 1)])
def test_micro_network_4_depends_on_the_input_size(
    tmp_path: Path, size: int, facts: tuple[str, ...], shift: int | None
) -> None:
    g = Graph(size, size)
    shallow_and_deep(g, "out", "SAME_UPPER")
    found, field = single(tmp_path, g)
    assert {axis.facts for axis in field.axes.values()} == {facts}
    assert {axis.size for axis in field.axes.values()} == {3}
    if shift is None:
        assert {axis.start for axis in field.axes.values()} == {-1}
    else:
        assert [m.branches for m in found.misalignments] == [(("out/a", 0), ("out/b2", shift))] * 2


def test_micro_network_5_is_not_square(tmp_path: Path) -> None:
    g = Graph(32, 32)
    g.conv(g.conv("image", "a", (3, 5), 2, VALID), "b", (3, 1), 2, VALID)
    _, field = single(tmp_path, g)
    assert [(a.size, a.stride, a.start) for a in field.axes.values()] == [(7, 4, 0), (5, 4, 0)]


@pytest.mark.parametrize(("pad", "size"), [(None, 16), ("SAME_UPPER", 17)])
def test_micro_networks_8_and_9(tmp_path: Path, pad: str | None, size: int) -> None:
    g = Graph(size, size)
    x = shallow_and_deep(g, "first", pad)
    a = g.conv(x, "a", 1, 2, VALID)
    b = g.conv(x, "b", 3, 2, "SAME_UPPER") if pad else g.conv(g.pad(x, "pad", 1, 0), "b", 3, 2, VALID)
    g.add("out", a, b)
    _, field = single(tmp_path, g)
    assert [(a.status, a.size, a.stride, a.start) for a in field.axes.values()] == [("exact", 11, 8, -5)] * 2
