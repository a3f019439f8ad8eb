"""Reads and writes at constant places are exact, at places from data an upper bound that says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_cases import claimed, perturbed
from support.onnx_models import model_of, read

from striate.errors import StriateError

node = helper.make_node


ROWS = np.array([0, 2, 4, 6])[:, None] + np.arange(3)
COLUMNS = np.minimum(np.array([0, 2, 4, 7, 9])[:, None] + np.arange(4), 11)
WINDOWS = np.stack(np.broadcast_arrays(ROWS[:, :, None, None], COLUMNS), axis=-1)
HALF = node("Slice", ["x", "starts", "ends"], ["u"])


def parts(stop: Sequence[int]) -> dict[str, object]:
    """Where ``HALF`` cuts its updates."""
    return {"starts": np.zeros(len(stop), np.int64), "ends": np.array(stop)}


CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, object], tuple[int, ...]]] = {
    "adaptive windows": (
        [node("Transpose", ["x"], ["t"], perm=[2, 3, 0, 1]), node("GatherND", ["t", "i"], ["y"])],
        {"i": WINDOWS},
        (1, 1, 9, 12),
    ),
    "any elements": (
        [node("GatherND", ["x", "i"], ["y"])],
        {"i": np.array([[[0, -1, 2], [1, 1, 0]], [[0, 2, 2], [0, 2, 2]]])},
        (2, 3, 4),
    ),
    "batches": (
        [node("GatherND", ["x", "i"], ["y"], batch_dims=1)],
        {"i": np.array([[[2, 0], [0, -1]], [[1, 1], [1, 1]]])},
        (2, 3, 4),
    ),
    "rows of slices": ([node("GatherND", ["x", "i"], ["y"])], {"i": np.array([[2], [0], [-2]])}, (3, 2, 4)),
    "elements": (
        [node("GatherElements", ["x", "i"], ["y"], axis=1)],
        {"i": np.array([[[0, -1, 1], [2, 2, 0]]])},
        (1, 3, 4),
    ),
    "lines": (
        [node("GatherElements", ["x", "i"], ["y"], axis=2)],
        {"i": np.broadcast_to(np.array([3, 1, -3, 1, 0]), (2, 3, 5))},
        (2, 3, 4),
    ),
    "flipped": ([node("Gather", ["x", "i"], ["y"], axis=2)], {"i": np.array([[3, 2], [1, 0]])}, (1, 2, 4)),
    "one": ([node("Gather", ["x", "i"], ["y"], axis=-1)], {"i": np.array(-2)}, (1, 2, 4)),
    "computed": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "last"], ["n"]),
            node("Range", ["zero", "n", "two"], ["even"]),
            node("Sub", ["n", "one"], ["m"]),
            node("Sub", ["m", "even"], ["i"]),
            node("Gather", ["x", "i"], ["y"], axis=2),
        ],
        {"last": np.array(2), "zero": np.array(0), "one": np.array(1), "two": np.array(2)},
        (1, 2, 7),
    ),
    "overwritten": (
        [HALF, node("ScatterND", ["x", "i", "u"], ["y"])],
        {"i": np.array([[0, 2, 1], [1, 0, -1], [0, 0, 0]]), **parts([1, 1, 3]), "flat": np.array([3])},
        (2, 3, 4),
    ),
    "a shift": (
        [
            node("Transpose", ["x"], ["t"], perm=[2, 1, 0, 3]),
            node("Slice", ["t", "starts", "ends"], ["u"]),
            node("ScatterND", ["t", "i", "u"], ["w"]),
            node("Transpose", ["w"], ["y"], perm=[2, 1, 0, 3]),
        ],
        {"i": np.arange(1, 5)[:, None], **parts([4])},
        (1, 2, 5, 3),
    ),
    "written anywhere": (
        [HALF, node("ScatterElements", ["x", "i", "u"], ["y"], axis=2)],
        {"i": np.array([[[3, 0, 1], [1, -1, 0]]]), **parts([1, 2, 3])},
        (1, 3, 4),
    ),
    "written lines": (
        [HALF, node("ScatterElements", ["x", "i", "u"], ["y"], axis=1)],
        {"i": np.broadcast_to(np.array([2, 0])[:, None], (1, 2, 4)), **parts([1, 2])},
        (1, 3, 4),
    ),
    "added": (
        [HALF, node("ScatterElements", ["x", "i", "u"], ["y"], axis=2, reduction="add")],
        {"i": np.array([[[3, 3, 1], [1, -1, 3]]]), **parts([1, 2, 3])},
        (1, 3, 4),
    ),
    "added to rows": (
        [HALF, node("ScatterND", ["x", "i", "u"], ["y"], reduction="add")],
        {"i": np.array([[2], [0]]), **parts([2])},
        (3, 2, 2),
    ),
    "into a constant": (
        [node("ScatterND", ["c", "i", "x"], ["y"])],
        {"c": np.ones((5, 2), np.float32), "i": np.array([[4], [1], [0]])},
        (3, 2),
    ),
    "of a table": (
        [
            node("Cast", ["x"], ["n"], to=7),
            node("Clip", ["n", "low", "high"], ["i"]),
            node("Gather", ["c", "i"], ["y"], axis=1),
        ],
        {"c": np.arange(200 * 6, dtype=np.float32).reshape(2, 200, 3), "low": np.array(0), "high": np.array(199)},
        (2, 3),
    ),
    "one-hot": (
        [node("Cast", ["x"], ["i"], to=7), node("OneHot", ["i", "depth", "values"], ["y"], axis=1)],
        {"depth": np.array(120), "values": np.array([0.0, 1.0], np.float32)},
        (2, 2),
    ),
    "reversed": (
        [node("ReverseSequence", ["x", "n"], ["y"], time_axis=0, batch_axis=1)],
        {"n": np.array([1, 4, 3])},
        (4, 3, 2),
    ),
}
COARSE = ("one-hot",)


@pytest.mark.parametrize("name", CASES)
def test_constant_places_are_exact(tmp_path: Path, name: str) -> None:
    nodes, constants, shape = CASES[name]
    if name == "overwritten":
        nodes = [HALF, node("Reshape", ["u", "flat"], ["v"]), node("ScatterND", ["x", "i", "v"], ["y"])]
    model = model_of(nodes, constants, shape)
    network = read(tmp_path, model)
    found, moved = perturbed(model)
    told = claimed(network)[0]
    assert network.shapes["y"] == found
    assert not (moved & ~told).any()
    assert name in COARSE or (moved == told).all()
    assert not any(n.at_most for n in network.nodes)


def test_an_adaptive_pool_of_the_new_exporter_claims_no_false_pixel(tmp_path: Path) -> None:
    """Windows picked by GatherND: each of 20 units reads its own and nothing of the 304 others of 360."""
    nodes, constants, shape = CASES["adaptive windows"]
    network = read(tmp_path, model_of([*nodes[:1], node("GatherND", ["t", "i"], ["w"]),
                                       node("ReduceMean", ["w", "axes"], ["y"], keepdims=0)],
                                      {**constants, "axes": np.array([1, 3])}, shape))  # fmt: skip
    (told,) = claimed(network)
    assert told.sum(1).tolist() == [3 * len(set(columns)) for _ in range(4) for columns in COLUMNS.tolist()]


DATA = [node("Cast", ["x"], ["n"], to=7), node("Clip", ["n", "low", "high"], ["i"])]
UNKNOWN: dict[str, tuple[list[onnx.NodeProto], tuple[int, ...]]] = {
    "Gather": ([*DATA, node("Gather", ["x", "i"], ["y"], axis=0)], (2, 2)),
    "GatherElements": ([*DATA, node("GatherElements", ["x", "i"], ["y"], axis=1)], (2, 2)),
    "GatherND": ([*DATA, node("GatherND", ["x", "i"], ["y"])], (2, 2)),
    "ScatterND": ([*DATA, node("ScatterND", ["x", "i", "c"], ["y"])], (2, 2)),
    "ScatterElements": ([*DATA, node("ScatterElements", ["x", "i", "x"], ["y"])], (2, 2)),
    "GridSample": (
        [node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]), node("GridSample", ["x", "t"], ["y"])],
        (1, 2, 3, 3),
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_places_from_data_are_an_upper_bound(tmp_path: Path, name: str) -> None:
    nodes, shape = UNKNOWN[name]
    constants = {"low": np.array(0), "high": np.array(1), "c": np.ones(2, np.float32)}
    model = model_of(nodes, constants, shape)
    network = read(tmp_path, model)
    assert [n.at_most for n in network.nodes if n.source == name] == [True]
    _, moved = perturbed(model)
    assert not (moved & ~claimed(network)[0]).any()


@pytest.mark.parametrize(
    ("made", "constants", "message"),
    [
        (
            node("Gather", ["x", "i"], ["y"], axis=1),
            {"i": np.array([0, 3])},
            "index 3 lies outside axis 1, which has 3",
        ),
        (node("GatherND", ["x", "i"], ["y"]), {"i": np.zeros((2, 0), np.int64)}, "should end in 1 to 3 places"),
        (node("GatherND", ["x", "i"], ["y"]), {"i": np.array([[0, -4]])}, "index -4 lies outside axis 1"),
        (node("GatherND", ["x", "i"], ["y"], batch_dims=1), {"i": np.zeros((5, 1), np.int64)}, "batch axes"),
        (node("GatherND", ["x", "i"], ["y"], batch_dims=-1), {"i": np.zeros((5, 1), np.int64)}, "batch axes"),
        (node("GatherElements", ["x", "i"], ["y"]), {"i": np.zeros((2, 3), np.int64)}, "should have 3 axes"),
        (node("ScatterND", ["x", "i", "x"], ["y"]), {"i": np.zeros((3, 1), np.int64)}, "need updates of shape"),
        (node("ScatterElements", ["x", "i", "x"], ["y"]), {"i": np.zeros((2, 3, 4), np.int64) + 7}, "index 7"),
        (node("ReverseSequence", ["x", "i"], ["y"]), {"i": np.array([9, 1, 1])}, "sequence lengths"),
        (node("ReverseSequence", ["x", "i"], ["y"], time_axis=2), {"i": np.array([1, 1, 1])}, "must be 0 and 1"),
    ],
)
def test_places_that_do_not_fit(
    tmp_path: Path, made: onnx.NodeProto, constants: dict[str, object], message: str
) -> None:
    with pytest.raises(StriateError, match=message) as caught:
        read(tmp_path, model_of([made], constants, (2, 3, 4)))
    assert len(str(caught.value).splitlines()) == 1
