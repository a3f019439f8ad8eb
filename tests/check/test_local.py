"""Fields without global paths: what they claim is read, and nothing else once reductions are taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.small_graphs import Graph
from torch import Tensor, nn

from striate.check import check

float32: Any = "float32"


class Gated(nn.Module):
    """A 3x3 convolution times a sigmoid of its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y * y.mean((2, 3), keepdim=True).sigmoid()


class Attending(nn.Module):
    """Every place beside a weighted sum of all places: nothing local parts from it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.spread = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(72, 72)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        spread: Tensor = self.spread(y.reshape(1, 1, 72))
        return y + spread.reshape(y.shape)


@pytest.mark.parametrize(("made", "outside"), [(Gated, 63), (Attending, 0)])
def test_a_module_proves_the_outside_where_reductions_alone_are_global(made: type[nn.Module], outside: int) -> None:
    report = check(made(), (1, 1, 9, 8), ["output"], [(4, 4)], local=True)
    (unit,) = report.units
    assert report.ok
    assert report.complete is (outside == 63)
    assert report.extents == ()
    assert (unit.claimed, unit.confirmed, unit.outside, unit.others) == (9, 9, outside, 63)
    assert ("and what it reads of the 63 others is not shown" in str(unit)) is not report.complete
    whole = check(made(), (1, 1, 9, 8), ["output"], [(4, 4)])
    assert (whole.complete, whole.units[0].claimed) == (True, 72)


def gate(graph: Graph, x: str) -> str:
    return str(graph("Mul", x, graph("Sigmoid", graph("GlobalAveragePool", x))))


def normalised(graph: Graph, x: str) -> str:
    return str(graph("InstanceNormalization", x, graph.constant([1.0], float32), graph.constant([0.0], float32)))


def attended(graph: Graph, x: str) -> str:
    """Every place a mean of all places, weighed by a softmax: nothing local parts from it."""
    rows = graph("Reshape", x, graph.constant([1, 1, 72]))
    spread = graph("MatMul", rows, graph.weights(72, 72))
    return str(graph("Add", x, graph("Reshape", spread, graph.constant([1, 1, 9, 8]))))


@pytest.mark.parametrize(("made", "outside"), [(gate, 63), (normalised, 63), (attended, 0)])
def test_a_file_proves_the_outside_where_reductions_alone_are_global(made: Any, outside: int, tmp_path: Path) -> None:
    graph = Graph(1, 1, 9, 8)
    layer = made(graph, graph.conv("image", 1, 1, 3, pads=[1, 1, 1, 1]))
    report = check(graph.save(tmp_path, layer), layers=[layer], units=[(4, 4)], local=True)
    (unit,) = report.units
    assert report.ok
    assert (unit.claimed, unit.confirmed, unit.outside, unit.others) == (9, 9, outside, 63)
    assert report.without
