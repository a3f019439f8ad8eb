"""Graphs of one input run by onnxruntime: which output element moves with which input element."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from striate.formats.onnx import read_onnx
from striate.network import Network
from support.onnx_cases import claimed

SHIFTS = (100.0, -3.0)


def model(
    nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], shape: Sequence[int], opset: int
) -> onnx.ModelProto:
    """Nodes that read ``x``; what each makes first is an output."""
    outputs = [helper.make_tensor_value_info(node.output[0], 1, None) for node in nodes]
    graph = helper.make_graph(nodes, "graph", [helper.make_tensor_value_info("x", 1, shape)], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def session(wanted: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session on one thread, silent."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(wanted.SerializeToString(), options, providers=["CPUExecutionProvider"])


def read(wanted: onnx.ModelProto, folder: Path) -> Network:
    """The model as striate reads it."""
    path = folder / "graph.onnx"
    path.write_bytes(wanted.SerializeToString())
    return read_onnx(path)


def moved(
    run: onnxruntime.InferenceSession, x: NDArray[np.float32], residue: float, shifts: Sequence[float] = SHIFTS
) -> NDArray[np.bool_]:
    """Which output element (rows) moves by more than ``residue`` with which input element (columns)."""
    before = run.run(None, {"x": x})[0].reshape(-1)
    found = np.zeros((before.size, x.size), bool)
    for shift in shifts:
        for column in range(x.size):
            other = x.copy()
            other.reshape(-1)[column] += shift
            found[:, column] |= np.abs(run.run(None, {"x": other})[0].reshape(-1) - before) > residue
    return found


def agrees(wanted: onnx.ModelProto, folder: Path, text: object, residue: float = 0.0) -> bool:
    """Whether onnxruntime runs the model; where it does, shape and dependence must be those that striate claims."""
    shape = [d.dim_value for d in wanted.graph.input[0].type.tensor_type.shape.dim]
    x = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(np.float32)
    try:
        run = session(wanted)
        made = run.run(None, {"x": x})[0]
    except Exception:
        return False
    if not made.size:
        return False
    network = read(wanted, folder)
    assert network.shapes[network.outputs[0]] == made.shape, text
    (told,) = claimed(network)
    seen = moved(run, x, residue)
    assert not (seen & ~told).any(), f"{text}: reads what is not claimed"
    bound = any(node.at_most for node in network.nodes)
    assert bound or not (told & ~seen).any(), f"{text}: claims what is not read"
    return True
