"""Spectra of frames and matrix products with a term: claimed as onnxruntime reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_cases import claimed, perturbed
from support.onnx_models import model_of, read

from striate.errors import ModelError

node = helper.make_node
FACTORS = np.arange(1, 13, dtype=np.float32)

CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, object], tuple[int, ...]]] = {
    "frames": (
        [node("STFT", ["x", "step", "", "length"], ["s"]), node("Mul", ["s", "turn"], ["t"]),
         node("ReduceSum", ["t", "last"], ["y"])],
        {"step": np.array(3), "length": np.array(4), "last": np.array([3]), "turn": np.array([1.0, 0.37], np.float32)},
        (2, 12, 1),
    ),
    "frames under a window": (
        [node("STFT", ["x", "step", "window"], ["s"]), node("Mul", ["s", "turn"], ["t"]),
         node("ReduceSum", ["t", "last"], ["y"])],
        {"step": np.array(2), "window": np.array([0, 0.5, 1, 0.5, 0], np.float32), "last": np.array([3]),
         "turn": np.array([1.0, 0.37], np.float32)},
        (1, 12, 1),
    ),
    **{
        f"a product and a term of shape {shape}": (
            [
                node("Reshape", ["x", "matrix"], ["a"]),
                node("Slice", ["x", "start", "stop"], ["part"]),
                node("Reshape", ["part", "term"], ["c"]),
                node("Gemm", ["a", "b", "c"], ["y"]),
            ],
            {"matrix": np.array([3, 4]), "b": FACTORS[:8].reshape(4, 2), "start": np.array([0]),
             "stop": np.array([int(np.prod(shape))]), "term": np.array(shape, np.int64)},
            (12,),
        )
        for shape in ((3, 2), (2,), (1, 2), (3, 1), (1,))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_claims_what_the_runtime_reads(tmp_path: Path, name: str) -> None:
    nodes, constants, shape = CASES[name]
    model = model_of(nodes, constants, shape)
    network = read(tmp_path, model)
    found, moved = perturbed(model)
    (told,) = claimed(network)
    assert network.shapes["y"] == found
    assert (moved == told).all()
    assert not any(n.at_most for n in network.nodes)


def test_frames_longer_than_the_signal(tmp_path: Path) -> None:
    model = model_of([node("STFT", ["x", "step", "", "length"], ["y"])], {"step": np.array(3), "length": np.array(40)},
                     (1, 12, 1))  # fmt: skip
    with pytest.raises(ModelError, match="frame_length 40 at most 12"):
        read(tmp_path, model)
