"""onnx's own operator cases: shapes, and dependence measured by moving every input element."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.onnx_cases import LARGEST_CASE, claimed, measured, operator_cases, saved, with_constants

from striate.errors import InputError, StriateError, UnsupportedError
from striate.formats.onnx import OPERATORS, read_onnx

LINEAR = (
    "Add AveragePool BatchNormalization Col2Im Compress Concat Conv ConvTranspose CumSum DepthToSpace Einsum Expand "
    "Flatten Gather GatherElements GatherND Gemm GlobalAveragePool Identity LRN MatMul Pad ReduceMean ReduceSum "
    "Reshape Resize ReverseSequence ScatterElements ScatterND Slice SpaceToDepth Split Squeeze Sub Tile Transpose "
    "Unsqueeze Upsample"
)
EXACT = LINEAR.split()
EMPTY = ("empty_set", "zero_size", "allowzero_reordered", "slice_start_out_of_bounds")
DISPUTED = {
    "test_resize_downsample_scales_linear_align_corners": "the reference divides by an unrounded size, runtimes do not",
    "test_resize_downsample_scales_cubic_align_corners": "the reference divides by an unrounded size, runtimes do not",
}


def test_shapes_of_every_case(tmp_path: Path) -> None:
    """Every case is read to its own shapes, or refused; nothing else may happen."""
    told: Counter[str] = Counter()
    empty: list[str] = []
    for name, case in operator_cases().items():
        op = case.model.graph.node[0].op_type
        try:
            network = read_onnx(saved(with_constants(case), tmp_path))
        except UnsupportedError:
            told["refused"] += 1
            continue
        except InputError:
            empty.append(name)
            continue
        network.validate()
        shapes = [network.shapes[output] for output in network.outputs]
        assert shapes == [np.shape(y) for y in case.data_sets[0][1]], f"{name} ({op})"
        told["read"] += 1
    assert [name for name in empty if not any(word in name for word in EMPTY)] == []
    assert told["read"] >= 800
    assert told["refused"] <= 180


def small_cases(largest: int) -> list[str]:
    """Names of cases of at most ``largest`` input elements, each of which will be moved."""
    found = []
    for name, case in operator_cases().items():
        given = case.data_sets[0][0]
        op = case.model.graph.node[0].op_type
        if np.size(given[0]) <= largest and op in OPERATORS and op not in ("Bernoulli", "Scatter"):
            found.append(name)
    return found


def compare(name: str, folder: Path) -> None:
    """Every measured dependence is claimed; for the linear operators nothing else is."""
    case = operator_cases()[name]
    model = with_constants(case)
    try:
        network = read_onnx(saved(model, folder))
    except StriateError:
        return
    seen = measured(model, np.asarray(case.data_sets[0][0][0]))
    for found, told in zip(seen, claimed(network), strict=True):
        if name in DISPUTED:
            continue
        if not told.size:
            assert not found.any(), name
            continue
        assert not (found & ~told).any(), f"{name}: reads what is not claimed"
        if case.model.graph.node[0].op_type in EXACT:
            assert (found == told).all(), f"{name}: claims what is not read"


def test_dependence_of_the_linear_operators(tmp_path: Path) -> None:
    for name in small_cases(64):
        if operator_cases()[name].model.graph.node[0].op_type in EXACT and name != "test_convtranspose_3d":
            compare(name, tmp_path)


@pytest.mark.exhaustive
def test_dependence_of_every_operator(tmp_path: Path) -> None:
    for name in small_cases(LARGEST_CASE):
        compare(name, tmp_path)


def test_the_oracle_can_fail(tmp_path: Path) -> None:
    """A convolution read with one column less is caught."""
    case = operator_cases()["test_basic_conv_with_padding"]
    model = with_constants(case)
    (told,) = claimed(read_onnx(saved(model, tmp_path)))
    (seen,) = measured(model, case.data_sets[0][0][0])
    assert (seen == told).all()
    assert (seen != np.roll(told, 1, axis=1)).any()
