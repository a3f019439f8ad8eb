"""Claims against onnxruntime: small graphs pixel by pixel, real models by sample."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest
from models import GRAPHS, Graph

from striate.check import check
from striate.errors import InputError, UnsupportedError


@pytest.mark.parametrize("name", GRAPHS)
def test_small_graphs_are_proved_pixel_by_pixel(name: str, tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17)
    report = check(graph.save(tmp_path, GRAPHS[name](graph)), passes=4000)
    assert report.complete, report
    assert all(line.startswith("proved: ") for line in report.lines()[:-1])


@pytest.mark.parametrize("opset", [11, 13, 18, 21])
def test_every_opset_has_a_twin(opset: int, tmp_path: Path) -> None:
    graph = Graph(1, 3, 16, 16, opset=opset)
    x = GRAPHS["squeeze"](graph)
    x = graph("Resize", x, graph.constant([], float).replace("", ""), graph.constant([1, 1, 2, 2], "f4"), mode="linear")
    x = graph("Softmax", graph("MaxPool", x, kernel_shape=[2, 2]), axis=1)
    assert check(graph.save(tmp_path, x), passes=300).ok
