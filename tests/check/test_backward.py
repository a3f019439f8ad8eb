"""The twin of a file followed backward: the very pixels that reach a unit when each of them is lit alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.random_graphs import LAYOUTS, draw
from support.small_graphs import GRAPHS, Graph

from striate.check import CheckReport, check, flow, onnx_relations
from striate.check.onnx_twin import OnnxTwin
from striate.errors import ModelError, UnsupportedError
from striate.fields import Fields, region
from striate.fields.unit import unit_sizes
from striate.formats.model import Model

Mask = NDArray[np.bool_]
At = tuple[int, ...]
DEFAULT, EVERY, SHARE = 40, 5040, 500


def twin_of(path: Path, fields: Fields, output: str) -> tuple[OnnxTwin, list[At]]:
    twin = OnnxTwin(path, fields.source, fields.network.shapes)
    (shape,) = twin.build([output]).values()
    return twin, list(np.ndindex(unit_sizes(shape)))


def lit(twin: OnnxTwin, output: str, units: list[At], shape: At, axes: At) -> dict[At, Mask]:
    """What each unit answers to, every pixel lit alone."""
    twin.watch([(output, at) for at in units])
    found = {at: np.zeros([shape[axis] for axis in axes], np.bool_) for at in units}
    for pixel in np.ndindex(*(shape[axis] for axis in axes)):
        image = np.zeros([shape[axis] for axis in axes], np.bool_)
        image[pixel] = True
        for at, read in zip(units, twin.responds(image, axes), strict=True):
            found[at][pixel] = read
    return found


def differing(path: Path, fields: Fields, output: str) -> list[At]:
    """The units of which the two directions speak differently."""
    axes = tuple(fields.spatial.values())
    twin, units = twin_of(path, fields, output)
    shape = fields.network.shapes[fields.source]
    backward = {at: twin.reads(output, at, axes) for at in units}
    forward = lit(twin, output, units, shape, axes)
    return [at for at in units if not np.array_equal(backward[at], forward[at])]


def disagreements(seeds: range, folder: Path) -> list[str]:
    found, path = [], folder / "random.onnx"
    for seed in seeds:
        drawn = draw(seed)
        path.write_bytes(drawn.model.SerializeToString())
        fields = Fields(Model(path), layout=LAYOUTS[len(drawn.source)])
        try:
            units = differing(path, fields, drawn.output)
        except (ModelError, UnsupportedError) as error:
            units = [] if "GatherSliceToSplitFusion" in str(error) or "no twin" in str(error) else [(-1,)]
        found += [f"graph {seed} of {', '.join(drawn.kinds)}: {units[:3]}"] if units else []
    return found


def test_random_graphs_both_ways(tmp_path: Path) -> None:
    assert disagreements(range(DEFAULT), tmp_path) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(DEFAULT, EVERY, SHARE))
def test_many_random_graphs_both_ways(first: int, tmp_path: Path) -> None:
    assert disagreements(range(first, first + SHARE), tmp_path) == []


@pytest.mark.parametrize("name", GRAPHS)
def test_small_graphs_both_ways(name: str, tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17) if name == "classified" else Graph(1, 3, 13, 11)
    output = GRAPHS[name](graph)
    path = graph.save(tmp_path, output)
    assert differing(path, Fields(Model(path)), output) == []


@pytest.mark.parametrize("opset", [8, 10, 11, 13, 18, 21])
def test_resizes_of_every_opset_both_ways(opset: int, tmp_path: Path) -> None:
    graph = Graph(1, 1, 7, 9, opset=opset)
    scales = graph.constant([1, 1, 2, 1.5], np.float32)
    inputs = {8: ["image"], 10: ["image", scales]}.get(opset, ["image", graph.constant([], np.float32), scales])
    stated: dict[str, Any] = {"scales": [1.0, 1.0, 2.0, 1.5]} if opset == 8 else {}
    op = "Upsample" if opset == 8 else "Resize"
    output = graph(op, *inputs, mode="linear", **stated)
    path = graph.save(tmp_path, output)
    assert differing(path, Fields(Model(path)), output) == []


def test_a_relation_told_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows one line off, and then a unit's forward answers differ from what is said of it backward."""
    true = onnx_relations._window_lines
    monkeypatch.setattr(
        onnx_relations,
        "_window_lines",
        lambda *known: {axis: np.roll(lines, 1, axis=0) for axis, lines in true(*known).items()},
    )
    graph = Graph(1, 3, 12, 10)
    output = GRAPHS["holes"](graph)
    path = graph.save(tmp_path, output)
    assert differing(path, Fields(Model(path)), output)


def spoilt(monkeypatch: pytest.MonkeyPatch, change: Callable[[Mask], Mask]) -> None:
    """Let the twin say something else backward than it answers forward."""
    true = OnnxTwin.reads
    monkeypatch.setattr(OnnxTwin, "reads", lambda *asked: change(true(*asked)))


def without_first(mask: Mask) -> Mask:
    found = mask.copy()
    found[tuple(np.argwhere(mask)[0])] = False
    return found


def with_first_other(mask: Mask) -> Mask:
    found = mask.copy()
    found[tuple(np.argwhere(~mask)[0])] = True
    return found


def holes(folder: Path, **asked: Any) -> CheckReport:
    graph = Graph(1, 3, 30, 30)
    return check(graph.save(folder, GRAPHS["holes"](graph)), layers=["conv2"], units=[(7, 7)], **asked)


@pytest.mark.parametrize("change", [without_first, with_first_other, np.zeros_like])
def test_what_is_said_backward_counts_for_nothing_where_forward_answers_otherwise(
    change: Callable[[Mask], Mask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is right: no disagreement; and nothing is proved by what was said wrong."""
    spoilt(monkeypatch, change)
    assert holes(tmp_path).complete
    (unit,) = holes(tmp_path, passes=2).units
    assert (unit.ok, unit.confirmed) == (True, 2)


@pytest.mark.parametrize("change", [without_first, with_first_other])
def test_a_wrong_claim_is_found_though_it_is_said_backward(
    change: Callable[[Mask], Mask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim and backward pass share one fault, which the passes forward do not."""
    true = region

    class Wrong:
        def __init__(self, *unit: Any) -> None:
            self.mask = change(true(*unit).mask)

    monkeypatch.setattr(flow, "region", Wrong)
    spoilt(monkeypatch, change)
    report = holes(tmp_path)
    assert report.first is not None
    assert report.first.first is not None
    kind = "read but not claimed" if change is without_first else "claimed but not read"
    assert report.first.first.kind == kind
