"""Small ONNX graphs made and read, and the shapes that the runtime gives a file's tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from striate.formats.onnx import read_onnx
from striate.network import Network

TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def model_of(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, object], shape: Sequence[int], opset: int = 18
) -> onnx.ModelProto:
    """Nodes that read the float ``x`` and end in ``y``, with constants by name."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "g", [x], [helper.make_empty_tensor_value_info("y")], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def read(folder: Path, model: onnx.ModelProto) -> Network:
    """The validated network of a model written to a folder."""
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    network = read_onnx(folder / "m.onnx")
    network.validate()
    return network


def runtime_shapes(path: Path, shapes: dict[str, tuple[int, ...]], wanted: list[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of some tensors when the model runs on a random input."""
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    given = session.get_inputs()
    feeds: dict[str, Any]
    feeds = {i.name: rng.random(shapes[i.name]).astype(TYPES[i.type]) for i in given if i.name in shapes}
    found = session.run(wanted, feeds)
    return {name: tuple(map(int, np.shape(value))) for name, value in zip(wanted, found, strict=True)}
