"""onnx's own operator cases as models whose first input is data and whose other inputs are constants."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

from striate.network import Network
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Split, Step
from support.sure import sure

LARGEST_CASE = 400
NUMERIC = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.UINT8, onnx.TensorProto.INT8)


@lru_cache(maxsize=1)
def single_nodes() -> tuple[Any, ...]:
    """Every case with one node."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return tuple(case for case in found if len(sure(case.model).graph.node) == 1)


@lru_cache(maxsize=1)
def operator_cases() -> dict[str, Any]:
    """Every case with one node and a first input that holds numbers, by name."""
    return {case.name: case for case in single_nodes() if _numeric(case)}


def _numeric(case: Any) -> bool:
    graph = case.model.graph
    if not graph.input or not graph.node[0].input or graph.node[0].input[0] != graph.input[0].name:
        return False
    tensor = graph.input[0].type.tensor_type
    return tensor.elem_type in NUMERIC and all(
        isinstance(v, np.ndarray | np.generic) for values in case.data_sets[0] for v in values
    )


def with_constants(case: Any) -> onnx.ModelProto:
    """The case's model, all inputs but the first made initialisers."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    given = list(case.data_sets[0][0])
    for info, value in zip(list(graph.input)[1:], given[1:], strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), info.name))
    del graph.input[1:]
    shape = np.shape(given[0])
    graph.input[0].CopyFrom(
        helper.make_tensor_value_info(graph.input[0].name, graph.input[0].type.tensor_type.elem_type, shape)
    )
    return model


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    """The model in a file."""
    path = folder / "case.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def measured(model: onnx.ModelProto, x: NDArray[np.generic]) -> list[NDArray[np.bool_]]:
    """For each output, which of its elements (rows) change with which element of ``x`` (columns)."""
    run = ReferenceEvaluator(model)
    name = model.graph.input[0].name
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [np.array(y) for y in run.run(None, {name: x})]
        changed = [np.zeros((y.size, x.size), bool) for y in before]
        for column in range(x.size):
            for value in _probes(x.reshape(-1)[column], x.dtype):
                moved = x.copy()
                moved.reshape(-1)[column] = value
                for table, y, z in zip(changed, before, run.run(None, {name: moved}), strict=True):
                    table[:, column] |= ~_same(y, np.asarray(z)).reshape(-1)
    return changed


def _probes(value: np.generic, dtype: np.dtype[np.generic]) -> list[float]:
    if dtype.kind in "iu":
        return [int(value) ^ 1, int(value) ^ 64]
    return [float(value) + 0.7, float(value) * -3 - 2, 1e3, -1e3]


def _same(y: NDArray[np.generic], z: NDArray[np.generic]) -> NDArray[np.bool_]:
    if y.shape != z.shape:
        return np.zeros(y.shape, bool)
    if y.dtype.kind != "f":
        return np.asarray(y == z)
    return np.asarray(np.isclose(y, z, rtol=1e-6, atol=1e-3, equal_nan=True) | (y == z))


def claimed(network: Network) -> list[NDArray[np.bool_]]:
    """As ``measured``, from the relations of the network, enumerated unit by unit."""
    source = network.inputs[0]
    n = int(np.prod(network.shapes[source]))
    tables = {source: np.eye(n, dtype=bool).reshape(*network.shapes[source], n)}
    for node, result in zip(network.nodes, network.results, strict=True):
        for name, output in zip(node.outputs, result.outputs, strict=False):
            table = np.zeros((*output.shape, n), bool)
            for read, relations in zip(node.inputs, output.reads, strict=True):
                for relation in relations:
                    if read in tables:
                        table |= through(relation, tables[read])
            tables[name] = table
    return [tables[name].reshape(-1, n) if name in tables else np.zeros((0, n), bool) for name in network.outputs]


def through(relation: Relation, table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The dependence of the outputs, from that of the inputs."""
    for step in relation:
        table = _step(step, table)
    return table


def _step(step: Step, table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    shape = table.shape
    if isinstance(step, Along):
        rows = np.moveaxis(table, step.axis, 0)
        found = np.zeros((step.map.out_size, *rows.shape[1:]), bool)
        for i in range(step.map.out_size):
            for tap in step.map.reads(i):
                found[i] |= rows[tap]
        return np.moveaxis(found, 0, step.axis)
    if isinstance(step, Permute):
        return table.transpose(*step.order, len(step.order))
    if isinstance(step, Split):
        rows = np.moveaxis(table, step.axis, 0)
        found = np.zeros((step.outer, step.inner, *rows.shape[1:]), bool)
        for a in range(step.outer):
            for b in range(step.inner):
                at = a * step.stride + b * step.dilation + step.offset
                if 0 <= at < len(rows):
                    found[a, b] = rows[at]
        return np.moveaxis(found, (0, 1), (step.axis, step.axis + 1))
    if isinstance(step, Merge):
        return table.reshape(*shape[: step.axis], -1, *shape[step.axis + 2 :])
    if isinstance(step, Insert):
        return np.expand_dims(table, step.axis)
    assert isinstance(step, Drop)
    return np.squeeze(table, step.axis)


def perturbed(model: onnx.ModelProto, seed: int = 0) -> tuple[tuple[int, ...], NDArray[np.bool_]]:
    """The shape of output ``y`` in onnxruntime, and which of its elements move with which element of input ``x``."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    x = (np.random.default_rng(seed).permutation(int(np.prod(shape))).astype(np.float32).reshape(shape) + 1) / 8
    (before,) = run.run(["y"], {"x": x})
    moved = np.zeros((before.size, x.size), bool)
    for column in range(x.size):
        for value in (-50.0, 100.0):
            other = x.copy()
            other.reshape(-1)[column] = value
            (after,) = run.run(["y"], {"x": other})
            moved[:, column] |= ((after != before) & ~(np.isnan(after) & np.isnan(before))).reshape(-1)
    return before.shape, moved
