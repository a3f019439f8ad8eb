"""A drawn network: every block has a place of its own, links run downwards, and skips pass beside the boxes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from types import FrameType

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from striate.formats.model import Model
from striate.network import Builder, Network
from striate.network.operators import Elementwise
from striate.network.stages import with_stages
from striate.serve.blocks import Blocks, blocks, opened_at_first
from striate.serve.layout import HEIGHT, WIDTH, Layout, layout

DENOISER = Path(str(files("striate").joinpath("data/denoiser.onnx")))
STEPS = 60
"""For each node and each tensor that is read: 1,200 nodes stay below 50 ms where a step takes a quarter of a
microsecond."""


@st.composite
def networks(draw: st.DrawFn, most: int = 14) -> Network:
    """Networks whose nodes read one or two tensors written before and stand in stages three deep."""
    b, tensors = Builder("drawn", x=(1, 4)), ["x"]
    for k in range(draw(st.integers(1, most))):
        reads = draw(st.lists(st.sampled_from(tensors[-6:]), min_size=1, max_size=2))
        folders = draw(st.lists(st.sampled_from("abc"), max_size=3))
        tensors.append(b.add(Elementwise(), *reads, name="/".join([*folders, f"n{k}"])))
    return with_stages(b.network())


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Blocks, Layout]:
    """The blocks of a network with some stages opened, and their drawing."""
    network = draw(networks())
    opened = draw(st.lists(st.sampled_from(sorted(network.parts) or ["none"])))
    found = blocks(network, opened)
    return found, layout(found)


def overlapping(made: Layout) -> list[tuple[int, int]]:
    return [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(made.places), 2)
        if abs(a.x - b.x) < WIDTH and abs(a.y - b.y) < HEIGHT
    ]


def upwards(made: Layout) -> list[int]:
    """The routes that do not fall from the box of their source to that of their target."""
    found = []
    for k, route in enumerate(made.routes):
        heights = [y for _, y in route.points]
        above, below = made.places[route.link.source], made.places[route.link.target]
        if heights != sorted(heights) or not above.y + HEIGHT <= below.y:
            found.append(k)
    return found


def through(made: Layout) -> list[tuple[int, int]]:
    """Routes, each with a box that it runs through, told by points along it."""
    found = []
    for k, route in enumerate(made.routes):
        for (x0, y0), (x1, y1) in zip(route.points, route.points[1:], strict=False):
            along = [(x0 + (x1 - x0) * t / 40, y0 + (y1 - y0) * t / 40) for t in range(1, 40)]
            for j, box in enumerate(made.places):
                if any(box.x < x < box.x + WIDTH and box.y < y < box.y + HEIGHT for x, y in along):
                    found.append((k, j))
    return found


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_boxes_stand_apart_and_links_run_down(case: tuple[Blocks, Layout]) -> None:
    found, made = case
    assert len(made.places) == len(found.blocks)
    assert [route.link for route in made.routes] == list(found.links)
    assert overlapping(made) == []
    assert upwards(made) == []
    assert through(made) == []
    width, height = made.size
    assert all(0 <= place.x <= width - WIDTH and 0 <= place.y <= height - HEIGHT for place in made.places)
    assert all(0 <= x <= width and 0 <= y <= height for route in made.routes for x, y in route.points)


@settings(max_examples=40, deadline=None)
@given(networks(), st.data())
def test_every_node_stands_in_one_block(network: Network, data: st.DataObject) -> None:
    opened = data.draw(st.lists(st.sampled_from(sorted(network.parts) or ["none"])))
    found = blocks(network, opened)
    assert [name for block in found.blocks for name in block.nodes] == [node.name for node in network.nodes]
    assert all(link.source < link.target for link in found.links)
    assert found == blocks(network, reversed(opened))
    assert layout(found) == layout(blocks(network, opened))
    assert all(block.folder not in opened and set(block.within) <= set(opened) for block in found.blocks)
    wanted = {(read, node.name) for node in network.nodes for read in node.inputs}
    holds = {name: k for k, block in enumerate(found.blocks) for name in block.nodes}
    holds |= {name: k for k, name in enumerate(network.inputs)}
    between = {(holds[read], holds[name]) for read, name in wanted if holds[read] != holds[name]}
    assert {(link.source, link.target) for link in found.links} == between


def test_what_a_wrong_drawing_looks_like() -> None:
    b = Builder("three", x=(1, 4))
    b.add(Elementwise(), "x", b.add(Elementwise(), "x", name="y"), name="z")
    made = layout(blocks(b.network()))
    heap = Layout(made.size, (made.places[0],) * 3, made.routes)
    assert overlapping(heap)
    assert len(upwards(heap)) == 3
    straight = [replace(route, points=((79.0, 12.0), (79.0, 180.0))) for route in made.routes]
    assert through(Layout(made.size, made.places, tuple(straight)))


def test_a_skip_is_an_arc() -> None:
    b = Builder("skip", x=(1, 4))
    first = b.add(Elementwise(), "x", name="first")
    b.add(Elementwise(), first, b.add(Elementwise(), first, name="second"), name="sum")
    skips = [route.link for route in layout(blocks(b.network())).routes if route.skip]
    assert [(link.source, link.target, link.tensor) for link in skips] == [(1, 3, "first")]


def test_stages_are_opened_as_far_as_boxes_allow() -> None:
    network = Model(DENOISER, (1, 3, 64, 64)).network
    assert len(blocks(network, opened_at_first(network)).blocks) == 1 + len(network.nodes)
    few = blocks(network, opened_at_first(network, most=20)).blocks
    assert 15 < len(few) <= 21
    assert any(block.folder for block in few)


def residual(count: int) -> Network:
    """Blocks of three nodes, the third of which reads what the first does."""
    b, name = Builder("deep", x=(1, 4)), "x"
    for k in range(count // 3):
        left = b.add(Elementwise(), name, name=f"s{k // 40}/b{k // 4}/left{k}")
        right = b.add(Elementwise(), left, name=f"s{k // 40}/b{k // 4}/right{k}")
        name = b.add(Elementwise(), name, right, name=f"s{k // 40}/b{k // 4}/sum{k}")
    return with_stages(b.network())


def nested(count: int) -> Network:
    """A way down and a way up, whose nodes read those across, each skip around the one before."""
    b, names = Builder("nested", x=(1, 4)), ["x"]
    for k in range(count):
        across = () if 2 * k < count else (names[count - k],)
        names.append(b.add(Elementwise(), names[-1], *across, name=f"s{k // 50}/n{k}"))
    return with_stages(b.network())


def shared(count: int) -> Network:
    """A chain whose nodes all read the input, as they do a mask."""
    b, name = Builder("shared", x=(1, 4), mask=(1, 4)), "x"
    for k in range(count):
        name = b.add(Elementwise(), name, "mask", name=f"n{k}")
    return with_stages(b.network())


def wide(count: int) -> Network:
    """Nodes side by side."""
    b = Builder("wide", x=(1, 4))
    for k in range(count):
        b.add(Elementwise(), "x", name=f"n{k}")
    return with_stages(b.network())


@pytest.mark.parametrize("most", [40, 10_000])
@pytest.mark.parametrize("made", [residual, nested, shared, wide])
def test_twelve_hundred_nodes_take_a_few_steps_each(made: Callable[[int], Network], most: int) -> None:
    network = made(1200)
    links = sum(len(node.inputs) for node in network.nodes)
    assert steps(lambda: layout(blocks(network, opened_at_first(network, most)))) < STEPS * (1200 + links)


def test_steps_that_grow_with_the_square_are_found() -> None:
    assert steps(lambda: [max(k, j) for k in range(600) for j in range(600)]) > STEPS * 4 * 1200


def steps(act: Callable[[], object]) -> int:
    """How many functions are called, those of Python and those built in: a count that no other work changes."""
    found = 0

    def count(frame: FrameType, event: str, what: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return found
