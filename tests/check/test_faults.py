"""Faults planted between a model and its claims: whatever changes what a unit is said to read, check must find."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.faults import faulty
from support.random_graphs import draw
from support.small_graphs import GRAPHS, Graph

from striate.check import check
from striate.errors import StriateError
from striate.fields import Fields, region
from striate.fields.unit import unit_sizes
from striate.formats.model import Model
from striate.network import Network

SEEDS, EVERY = 25, 2000


@dataclass
class Tally:
    planted: Counter[str]
    missed: list[str]


def differs(true: Network, false: Network, layers: list[str]) -> str:
    """A layer that the fault says otherwise of, at some unit; empty where none."""
    right, wrong = Fields(true), Fields(false)
    for layer in layers:
        shape = true.shapes[true.tensor(layer)]
        for at in np.ndindex(unit_sizes(shape)):
            if not np.array_equal(region(right, layer, at).mask, region(wrong, layer, at).mask):
                return layer
    return ""


def believed(path: Path, false: Network) -> Model:
    """The model of a file whose reader was wrong."""
    model = Model(path)
    vars(model)["network"] = false
    return model


def plant(path: Path, label: str, tally: Tally) -> None:
    true = Model(path).network
    for name, false in faulty(true):
        try:
            false.validate()
            layer = differs(true, false, list(true.outputs))
        except StriateError:
            continue
        if not layer:
            continue
        tally.planted[name] += 1
        if check(believed(path, false), layers=[layer]).ok:
            tally.missed.append(f"{label}: {name}")


def found(seeds: range, folder: Path) -> Tally:
    tally = Tally(Counter(), [])
    for seed in seeds:
        drawn = draw(seed)
        path = folder / "random.onnx"
        path.write_bytes(drawn.model.SerializeToString())
        if not any(node.at_most for node in Model(path).network.nodes):
            plant(path, f"graph {seed} of {', '.join(drawn.kinds)}", tally)
    return tally


def test_faults_in_random_graphs(tmp_path: Path) -> None:
    tally = found(range(SEEDS), tmp_path)
    assert tally.missed == []
    assert sum(tally.planted.values()) > SEEDS // 4


@pytest.mark.exhaustive
def test_faults_in_many_random_graphs(tmp_path: Path) -> None:
    tally = found(range(SEEDS, EVERY), tmp_path)
    assert tally.missed == []
    assert len(tally.planted) > 10


@pytest.mark.parametrize("name", ["holes", "branches", "arranged", "nearest_resize", "normalised"])
def test_faults_in_small_graphs(name: str, tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17) if name == "arranged" else Graph(1, 3, 12, 10)
    path = graph.save(tmp_path, GRAPHS[name](graph))
    tally = Tally(Counter(), [])
    plant(path, name, tally)
    assert tally.planted
    assert tally.missed == []
