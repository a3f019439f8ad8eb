"""ONNX models in onnxruntime: layers by name, feeds that are checked, sessions that are shared and bounded."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from striate.errors import InputError, UnsupportedError
from striate.formats.model import Model
from striate.run import Array, Runner
from striate.run.onnx import OnnxRunner
from striate.run.recent import Recent

DENOISER = Path(str(files("striate").joinpath("data/denoiser.onnx")))
SHAPE = (1, 3, 12, 16)


def small(functions: bool = False) -> onnx.ModelProto:
    """y = relu(x + w) * s, the sum within a local function where asked."""
    node = helper.make_node
    add = node("Add", ["x", "w"], ["a"], "adds")
    if functions:
        add = node("Plus", ["x", "w"], ["a"], "adds", domain="local")
    nodes = [add, node("Relu", ["a"], ["b"], "clips"), node("Mul", ["b", "s"], ["y"], "scales")]
    body = helper.make_function(
        "local", "Plus", ["p", "q"], ["r"],
        [node("Add", ["p", "q"], ["t"], "inside"), node("Identity", ["t"], ["r"])], [helper.make_opsetid("", 17)],
    )  # fmt: skip
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [2, 2]), ("s", []))]
    graph = helper.make_graph(
        nodes, "g", ends, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2])],
        [numpy_helper.from_array(np.array([[1.0, -5.0]], np.float32), "w")],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=[body] if functions else [])


X = np.array([[1.0, 2.0], [3.0, 8.0]], np.float32)
TWICE = {"x": X, "s": np.array(2, np.float32)}


def test_the_outputs_are_those_of_the_model() -> None:
    runner: Runner = OnnxRunner(Model(small()))
    assert runner.name == "onnxruntime"
    found = runner.run(TWICE)
    np.testing.assert_array_equal(found["y"], [[4, 0], [8, 6]])


def test_any_layer_comes_out_by_the_name_it_is_asked_for() -> None:
    runner = OnnxRunner(Model(small()))
    found = runner.run(TWICE, ["adds", "a", "y", "x"])
    assert list(found) == ["adds", "a", "y", "x"]
    for name in ("adds", "a"):
        np.testing.assert_array_equal(found[name], [[2, -3], [4, 3]])
    np.testing.assert_array_equal(found["x"], X)


def test_layers_inside_a_local_function() -> None:
    model = Model(small(functions=True))
    (inside,) = (node.outputs[0] for node in model.network.nodes if "inside" in node.name)
    found = OnnxRunner(model).run(TWICE, [inside])
    np.testing.assert_array_equal(found[inside], [[2, -3], [4, 3]])


def test_inputs_that_stay_at_a_value() -> None:
    found = OnnxRunner(Model(small(), values={"s": 3})).run({"x": X})
    np.testing.assert_array_equal(found["y"], [[6, 0], [12, 9]])


def test_weights_in_a_file_beside_the_model(tmp_path: Path) -> None:
    onnx.save(small(), tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    assert (tmp_path / "w.bin").stat().st_size
    runner = OnnxRunner(Model(tmp_path / "m.onnx"))
    for layers in ([], ["a"]):
        found = runner.run(TWICE, [*layers, "y"])
        np.testing.assert_array_equal(found["y"], [[4, 0], [8, 6]])


def test_the_shipped_model_runs_alike_whole_and_by_layers() -> None:
    runner = OnnxRunner(Model(DENOISER, SHAPE), threads=1)
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    whole = runner.run({"image": image})
    layer = runner.network.nodes[0].name
    again = runner.run({"image": image}, [layer, "denoised"])
    assert again[layer].shape == runner.network.shapes[runner.network.tensor(layer)]
    np.testing.assert_allclose(again["denoised"], whole["denoised"], rtol=1e-5, atol=1e-6)


def test_sessions_are_made_once_and_the_oldest_goes() -> None:
    sessions: Recent[None] = Recent(2)
    made: list[str] = []
    for key in "abacab":
        sessions.get(key, partial(made.append, key))
    assert made == ["a", "b", "c", "b"]
    assert len(sessions) == 2


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({"x": X}, "no array is fed for input 's'; the inputs are x 2x2, s scalar"),
        ({"x": X[0]}, "input 'x' takes 2x2, is fed 2"),
        ({"z": X}, "no input 'z'; did you mean 'x'?"),
        ({"x": X.astype(complex), "s": np.ones((), np.float32)}, "input 'x' takes float32, is fed complex128"),
        (X, "feeds must map"),
    ],
)
def test_feeds_that_do_not_fit(feeds: dict[str, Array], said: str) -> None:
    with pytest.raises(InputError) as caught:
        OnnxRunner(Model(small())).run(feeds)
    assert said in str(caught.value)


def test_what_onnxruntime_refuses_is_one_line() -> None:
    model = small()
    model.graph.value_info.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, [2, 2]))
    model.graph.node[1].op_type, model.graph.node[1].domain = "Swirl", "com.example"
    with pytest.raises(UnsupportedError, match=r"onnxruntime does not take the model: .*Swirl"):
        OnnxRunner(Model(model, unknown="whole")).run(TWICE)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(InputError, match="did you mean 'clips'"):
        OnnxRunner(Model(small())).run(TWICE, ["clip"])


def test_a_module_is_not_run_here() -> None:
    import torch

    with pytest.raises(InputError, match="is a torch module; onnxruntime runs ONNX models"):
        OnnxRunner(Model(torch.nn.ReLU(), (1, 2)))
