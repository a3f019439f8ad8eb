"""Real graphs: the shape of every tensor equals what onnxruntime computes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support.onnx_models import runtime_shapes

from striate.errors import UnsupportedError
from striate.formats.onnx import read_onnx

LIGHT = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("light_*.onnx"))


def installed(package: str, place: str) -> Path:
    """A file inside an installed package, which is not imported; the test is skipped without it."""
    found = find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(found.origin).parent / place


def agrees(path: Path, input_shape: Any) -> None:
    """Read the file, validate the relations, and compare every tensor's shape."""
    network = read_onnx(path, input_shape)
    network.validate()
    listed = {name for node in onnx.load(path).graph.node for name in node.output}
    written = [name for node in network.nodes for name in node.outputs if name in listed]
    inputs = {name: network.shapes[name] for name in network.inputs}
    assert runtime_shapes(path, inputs, written) == {name: network.shapes[name] for name in written}


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_classic_graphs(path: Path) -> None:
    agrees(path, None)


@pytest.mark.parametrize(
    ("file", "shape"),
    [
        ("ch_PP-OCRv4_det_infer.onnx", (1, 3, 160, 224)),
        ("ch_PP-OCRv4_rec_infer.onnx", (2, 3, 48, 320)),
        ("ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    ],
)
def test_rapidocr(file: str, shape: tuple[int, ...]) -> None:
    agrees(installed("rapidocr_onnxruntime", f"models/{file}"), shape)


def test_basic_pitch() -> None:
    agrees(installed("basic_pitch", "saved_models/icassp_2022/nmp.onnx"), (2, 43844, 1))


def test_silero() -> None:
    shapes = {"input": (1, 576), "state": (2, 1, 128), "sr": ()}
    agrees(installed("silero_vad", "data/silero_vad_16k_op15.onnx"), shapes)


def test_a_branch_chosen_by_data_is_refused() -> None:
    shapes = {"input": (1, 576), "state": (2, 1, 128), "sr": ()}
    with pytest.raises(UnsupportedError, match=r"silero_vad.onnx: node .* \(If\): a branch chosen by data"):
        read_onnx(installed("silero_vad", "data/silero_vad.onnx"), shapes)


def test_parameters_of_the_detector() -> None:
    """Counted by hand: every float initialiser or Constant, statistics, bounds and scales left out."""
    path = installed("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx")
    network = read_onnx(path, (1, 3, 32, 32))
    model = onnx.load(path)
    stored = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    read = [(node, k, name) for node in model.graph.node for k, name in enumerate(node.input) if name in stored]
    settings = {("BatchNormalization", 3), ("BatchNormalization", 4), ("Clip", 1), ("Clip", 2), ("Resize", 2)}
    used = {name for node, k, name in read if (node.op_type, k) not in settings}
    learned = [stored[name] for name in used if stored[name].data_type == onnx.TensorProto.FLOAT]
    assert sum(node.parameters for node in network.nodes) == sum(int(np.prod(t.dims)) for t in learned)
