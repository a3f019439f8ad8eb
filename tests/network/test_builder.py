"""Networks built node by node: derived shapes, and what is refused."""

from __future__ import annotations

import pytest
from support.odd import wrongly

from striate.errors import InputError
from striate.network.builder import Builder
from striate.network.operators import Concat, Conv, Elementwise, Pool, Split


def test_shapes_follow_the_operators() -> None:
    b = Builder("net", x=(2, 4, 9, 7))
    parts = b.add(Split(1, (1, 3)), "x", name="parts")
    conv = b.add(Conv((3, 2), (2, 1), out_channels=5), f"{parts}.1", source="Conv", parameters=95)
    joined = b.add(Concat(1), b.add(Pool((3, 2), (2, 1)), parts), conv, name="joined")
    network = b.network(joined, conv)
    assert (network.shapes["parts.1"], network.shapes[conv], network.shapes[joined]) == (
        (2, 3, 9, 7),
        (2, 5, 4, 6),
        (2, 6, 4, 6),
    )
    assert (network.inputs, network.outputs) == (("x",), ("joined", "conv1"))
    assert [node.parameters for node in network.nodes] == [0, 95, 0, 0]
    network.validate()


def test_constants_are_tensors_that_no_node_writes() -> None:
    b = Builder("net", x=(1, 4, 5))
    table = b.constant("table", (4, 5))
    assert b.add(Elementwise(), "x", table) == "elementwise0"
    assert b.network().nodes[0].inputs == ("x", "table")


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    b = Builder("net", image=(1, 3, 8, 8))
    with pytest.raises(InputError, match="reads 'imgae', which net lacks; did you mean 'image'"):
        b.add(Elementwise(), "imgae")
    with pytest.raises(InputError, match="net has a tensor 'image' already"):
        b.add(Elementwise(), "image", name="image")
    with pytest.raises(InputError, match="needs an input of 3 axes"):
        b.add(Conv((3,), out_channels=1), "image")
    with pytest.raises(InputError, match="net has no node yet"):
        b.network()
    with pytest.raises(InputError, match="op must be an Operator"):
        wrongly(b.add)("conv", "image")
