"""What the reader makes of a graph: names, order, bindings, constants, functions, branches, quantised operators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_models import runtime_shapes

from striate.errors import InputError
from striate.formats.model import Model
from striate.formats.onnx import read_onnx
from striate.network import Network
from striate.network.relation import Along

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
node = helper.make_node


def read(
    folder: Path,
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, object] | None = None,
    *,
    shape: tuple[int | str | None, ...] = (1, 3, 8, 8),
    given: Any = None,
    opset: int = 17,
    kind: int = FLOAT,
    unknown: str = "refuse",
    values: tuple[onnx.ValueInfoProto, ...] = (),
) -> Network:
    """The network of a graph from ``x`` to ``y``."""
    x, y = helper.make_tensor_value_info("x", kind, shape), helper.make_empty_tensor_value_info("y")
    weights = [numpy_helper.from_array(np.asarray(v), name) for name, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", [x], [y], weights, value_info=list(values))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    (folder / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
    network = read_onnx(folder / "m.onnx", given, unknown=unknown)
    network.validate()
    return network


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def test_nodes_in_any_order(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["b"], ["y"], "last"),
        node("Neg", ["a"], ["b"], "middle"),
        node("Abs", ["x"], ["a"], "first"),
    ]
    assert [n.name for n in read(tmp_path, nodes).nodes] == ["first", "middle", "last"]


def test_names_are_unique(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"], "same"),
        node("Relu", ["a"], ["b"], "same"),
        node("Relu", ["b"], ["c"]),
        node("Relu", ["c"], ["y"], "Relu_2"),
    ]
    assert [n.name for n in read(tmp_path, nodes).nodes] == ["same", "Relu_1", "Relu_2_", "Relu_2"]


def test_a_weight_is_no_input_of_the_data_path(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], "conv"),
        node("BatchNormalization", ["c", "s", "s2", "m", "v"], ["n"], "norm"),
        node("MatMul", ["n", "d"], ["y"], "dense"),
    ]
    four = np.zeros(4, np.float32)
    constants = {"w": zeros(4, 3, 3, 3), "b": four, "s": four, "s2": four, "m": four, "v": four, "d": zeros(6, 5)}
    network = read(tmp_path, nodes, constants)
    assert [n.inputs for n in network.nodes] == [("x",), ("c",), ("n",)]
    assert [n.parameters for n in network.nodes] == [4 * 27 + 4, 8, 30]
    assert network.shapes["y"] == (1, 4, 6, 5)


def test_a_weight_made_by_data_stays(tmp_path: Path) -> None:
    nodes = [
        node("GlobalAveragePool", ["x"], ["g"]),
        node("Reshape", ["g", "s"], ["k"]),
        node("Conv", ["x", "k"], ["y"], "conv"),
    ]
    network = read(tmp_path, nodes, {"s": np.array([1, 3, 1, 1])})
    assert network.nodes[-1].inputs == ("x", "k")


def test_shape_arithmetic_is_folded(tmp_path: Path) -> None:
    nodes = [
        node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["x"], ["s"]),
        node("Slice", ["s", "two", "four"], ["hw"]),
        node("Shape", ["p"], ["ps"]),
        node("Gather", ["ps", "nc"], ["front"]),
        node("Concat", ["front", "hw"], ["size"], axis=0),
        node("Resize", ["p", "", "", "size"], ["y"], "up", mode="nearest", coordinate_transformation_mode="asymmetric"),
    ]
    constants = {"two": np.array([2]), "four": np.array([4]), "nc": np.array([0, 1])}
    network = read(tmp_path, nodes, constants, shape=("N", 3, "H", "W"), given=(2, 3, 10, 14))
    assert [n.op.word for n in network.nodes] == ["pool", "resize"]
    assert network.shapes["y"] == (2, 3, 10, 14)
    assert Model(tmp_path / "m.onnx", (2, 3, 10, 14)).at((1, 3, 20, 6)).network.shapes["y"] == (1, 3, 20, 6)


def test_a_single_shape_is_meant_for_the_input_of_highest_rank(tmp_path: Path) -> None:
    inputs = [
        helper.make_tensor_value_info("scale", FLOAT, ["N", 1]),
        helper.make_tensor_value_info("x", FLOAT, ["N", 3, "H", "W"]),
    ]
    nodes = [node("Unsqueeze", ["scale", "ax"], ["u"]), node("Mul", ["x", "u"], ["y"], "mul")]
    graph = helper.make_graph(
        nodes,
        "g",
        inputs,
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.array([2, 3]), "ax")],
    )
    path = tmp_path / "two.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    network = read_onnx(path, (2, 3, 4, 5))
    assert network.inputs == ("scale", "x")
    assert network.shapes["scale"] == (2, 1)
    with pytest.raises(InputError, match=r"input 'x' .*dimension 0 \(N\)|dimension 2 \(H\)"):
        read_onnx(path, {"scale": (2, 1)})


def test_local_functions_are_inlined(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 17)]
    inner = helper.make_function(
        "local", "twice", ["a"], ["c"], [node("Relu", ["a"], ["b"]), node("Abs", ["b"], ["c"])], opset
    )
    x, y = helper.make_tensor_value_info("x", FLOAT, [1, 3, 4, 4]), helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node("twice", ["x"], ["y"], "call", domain="local")], "g", [x], [y])
    opset.append(helper.make_opsetid("local", 1))
    model = helper.make_model(graph, opset_imports=opset, functions=[inner])
    (tmp_path / "f.onnx").write_bytes(model.SerializeToString())
    assert [n.source for n in read_onnx(tmp_path / "f.onnx").nodes] == ["Relu", "Abs"]


@pytest.mark.parametrize(("rank", "taken"), [(4, "Abs"), (3, "Neg")])
def test_a_constant_condition_takes_its_branch(tmp_path: Path, rank: int, taken: str) -> None:
    def branch(op: str) -> onnx.GraphProto:
        return helper.make_graph([node(op, ["x"], [op], op)], op, [], [helper.make_empty_tensor_value_info(op)])

    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Size", ["s"], ["r"]),
        node("Equal", ["r", "four"], ["c"]),
        node("If", ["c"], ["y"], "if", then_branch=branch("Abs"), else_branch=branch("Neg")),
    ]
    network = read(tmp_path, nodes, {"four": np.array(4)}, shape=(1, 3, 8, 8)[:rank])
    assert [n.source for n in network.nodes] == [taken, "If"]


def test_an_unknown_operator_sees_everything_where_asked(tmp_path: Path) -> None:
    values = (helper.make_tensor_value_info("o", FLOAT, [1, 2, 4, 4]),)
    nodes = [node("Odd", ["x"], ["o"], "odd", domain="corp"), node("Relu", ["o"], ["y"])]
    network = read(tmp_path, nodes, unknown="whole", values=values)
    assert [(n.op.word, n.source) for n in network.nodes] == [("whole", "Odd"), ("elementwise", "Relu")]


def test_an_output_no_data_reaches(tmp_path: Path) -> None:
    network = read(tmp_path, [node("Shape", ["x"], ["y"])])
    assert [(n.op.word, n.name) for n in network.nodes] == [("constant", "y")]
    assert (network.shapes["y"], network.item_bytes["y"]) == ((4,), 8)


def test_quantised_operators(tmp_path: Path) -> None:
    scale, zero, w = np.float32(0.1), np.uint8(3), np.ones((4, 3, 3, 3), np.uint8)
    q = ["s", "z"]
    domain = {"domain": "com.microsoft"}
    nodes = [
        node("QuantizeLinear", ["x", *q], ["a"], "quantize"),
        node("QLinearConv", ["a", *q, "w", *q, *q], ["b"], "conv", pads=[1, 1, 1, 1]),
        node("QLinearAdd", ["b", *q, "b", *q, *q], ["c"], "add", **domain),
        node("QLinearSigmoid", ["c", *q, *q], ["d"], "sigmoid", **domain),
        node("QLinearConcat", [*q, "d", *q, "b", *q], ["e"], "join", axis=1, **domain),
        node("QLinearGlobalAveragePool", ["e", *q, *q], ["f"], "mean", **domain),
        node("DequantizeLinear", ["f", *q], ["y"], "dequantize"),
    ]
    network = read(tmp_path, nodes, {"s": scale, "z": zero, "w": w})
    written = [name for n in network.nodes for name in n.outputs]
    shapes = runtime_shapes(tmp_path / "m.onnx", {"x": (1, 3, 8, 8)}, written)
    assert {name: network.shapes[name] for name in written} == shapes
    assert [network.item_bytes[name] for name in written] == [1, 1, 1, 1, 1, 1, 4]
    assert [n.op.word for n in network.nodes] == [
        "elementwise", "conv", "elementwise", "elementwise", "concat", "reduce", "elementwise",
    ]  # fmt: skip


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_recurrence(tmp_path: Path, op: str, direction: str) -> None:
    gates, ways = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 2 if direction == "bidirectional" else 1
    constants = {"w": zeros(ways, gates * 5, 3), "r": zeros(ways, gates * 5, 5)}
    nodes = [node(op, ["x", "w", "r"], ["y", "h"], "rnn", hidden_size=5, direction=direction)]
    network = read(tmp_path, nodes, constants, shape=(7, 2, 3))
    found = runtime_shapes(tmp_path / "m.onnx", {"x": (7, 2, 3)}, ["y", "h"])
    assert {name: network.shapes[name] for name in ("y", "h")} == found


CHAIN = [
    ("Upsample", 7, node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0]), {}),
    ("Upsample", 9, node("Upsample", ["x", "s"], ["y"]), {"s": np.array([1, 1, 2, 3], np.float32)}),
    ("Resize", 10, node("Resize", ["x", "s"], ["y"]), {"s": np.array([1, 1, 0.5, 0.25], np.float32)}),
    ("Slice", 9, node("Slice", ["x"], ["y"], starts=[1], ends=[-1], axes=[2]), {}),
    ("Pad", 10, node("Pad", ["x"], ["y"], pads=[0, 0, 1, 2, 0, 0, 3, -1]), {}),
    ("Squeeze", 11, node("Squeeze", ["x"], ["y"], axes=[0]), {}),
    ("Unsqueeze", 11, node("Unsqueeze", ["x"], ["y"], axes=[0, 3]), {}),
    ("Split", 11, node("Split", ["x"], ["y", "z"], axis=2, split=[3, 5]), {}),
    ("ReduceSum", 11, node("ReduceSum", ["x"], ["y"], axes=[2], keepdims=0), {}),
    ("Clip", 7, node("Clip", ["x"], ["y"], min=0.0, max=1.0), {}),
    ("Softmax", 11, node("Softmax", ["x"], ["y"], axis=2), {}),
    ("TopK", 7, node("TopK", ["x"], ["y", "z"], axis=1, k=2), {}),
    ("Dropout", 7, node("Dropout", ["x"], ["y"], ratio=0.5), {}),
]


@pytest.mark.parametrize(("op", "opset", "single", "constants"), CHAIN, ids=[f"{c[0]}-{c[1]}" for c in CHAIN])
def test_older_forms(tmp_path: Path, op: str, opset: int, single: onnx.NodeProto, constants: dict[str, object]) -> None:
    network = read(tmp_path, [single], constants, opset=opset)
    found = runtime_shapes(tmp_path / "m.onnx", {"x": (1, 3, 8, 8)}, ["y"])
    assert network.shapes["y"] == found["y"]


@pytest.mark.parametrize("scale", [0.6, 0.3, 0.5, 1.5, 2.0])
def test_nearest_pixels_of_resize_at_opset_10(tmp_path: Path, scale: float) -> None:
    """The opset leaves the rounding open; what counts is what onnxruntime reads."""
    scales = np.array([1, 1, 1, scale], np.float32)
    network = read(tmp_path, [node("Resize", ["x", "s"], ["y"])], {"s": scales}, shape=(1, 1, 1, 10), opset=10)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    (picked,) = session.run(None, {"x": np.arange(10, dtype=np.float32).reshape(1, 1, 1, 10)})
    (step,) = network.results[0].outputs[0].reads[0][0]
    assert isinstance(step, Along)
    assert [step.map.reads(k) for k in range(picked.size)] == [(int(v),) for v in picked.reshape(-1)]
