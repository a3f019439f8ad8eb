"""Every Conv and ConvTranspose case of ONNX's own node tests."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from onnx.helper import get_attribute_value

from striate.conv import conv2d, conv_transpose2d
from striate.conv.arrays import Array

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from onnx.backend.test.case import node as node_cases
    from onnx.backend.test.case.node import conv, convtranspose  # noqa: F401

CASES = {
    case.name: case
    for case in node_cases._NodeTestCases
    if case.model.graph.node[0].op_type in ("Conv", "ConvTranspose")
}
NAMES = {"NOTSET": None, "VALID": "valid", "SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower"}


def attributes(case: Any) -> Any:
    return {a.name: get_attribute_value(a) for a in case.model.graph.node[0].attribute}


def run_conv(x: Array, weight: Array, bias: Array | None, given: dict[str, Any]) -> Array:
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    padding = NAMES[given.get("auto_pad", b"NOTSET").decode()] or ((top, bottom), (left, right))
    steps = given.get("strides", [1, 1]), padding, given.get("dilations", [1, 1]), given.get("group", 1)
    return conv2d(x, weight, bias, *steps)


def run_transpose(x: Array, weight: Array, bias: Array | None, given: dict[str, Any]) -> Array:
    """Any rank: one axis as a flat image, three axes as a sum of images over the depth."""
    rank = x.ndim - 2
    stride, dilation = given.get("strides", [1] * rank), given.get("dilations", [1] * rank)
    extra, pads = list(given.get("output_padding", [0] * rank)), list(given.get("pads", [0] * 2 * rank))
    full = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(x.shape[2:], stride, dilation, weight.shape[2:], strict=True)
    ]
    name, shape = given.get("auto_pad", b"NOTSET").decode(), given.get("output_shape")
    if shape is None and name.startswith("SAME"):
        shape = [n * s for n, s in zip(x.shape[2:], stride, strict=True)]
    if shape is not None:
        total = [f + e - wanted for f, e, wanted in zip(full, extra, shape, strict=True)]
        extra = [e + max(-t, 0) for e, t in zip(extra, total, strict=True)]
        small = [max(t, 0) // 2 for t in total]
        large = [max(t, 0) - s for t, s in zip(total, small, strict=True)]
        pads = small + large if name == "SAME_UPPER" else large + small
    if rank == 1:
        flat = conv_transpose2d(
            x[:, :, None], weight[:, :, None], bias, (1, stride[0]), ((0, 0), (pads[0], pads[1])), (0, extra[0]),
            given.get("group", 1), (1, dilation[0]),
        )  # fmt: skip
        return flat[:, :, 0]
    if rank == 3:
        assert stride == dilation == [1, 1, 1]
        assert not any(pads)
        assert not any(extra)
        out = np.zeros((len(x), weight.shape[1], *full), x.dtype)
        for depth in range(x.shape[2]):
            for tap in range(weight.shape[2]):
                out[:, :, depth + tap] += conv_transpose2d(x[:, :, depth], weight[:, :, tap])
        return out
    sides = (pads[0], pads[2]), (pads[1], pads[3])
    return conv_transpose2d(x, weight, bias, stride, sides, extra, given.get("group", 1), dilation)


def test_all_cases_are_here() -> None:
    assert sum(name.startswith("test_convtranspose") for name in CASES) >= 10
    assert len(CASES) >= 16


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    run = run_conv if case.model.graph.node[0].op_type == "Conv" else run_transpose
    for inputs, outputs in case.data_sets:
        x, weight, bias = (*inputs, None)[:3]
        result = run(x, weight, bias, attributes(case))
        np.testing.assert_allclose(result, outputs[0], rtol=case.rtol, atol=1e-5)
        assert result.shape == outputs[0].shape
