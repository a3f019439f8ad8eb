"""The twin of a file takes nothing from the reader: functions, branches, masks and shapes are its own work."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper
from support.onnx_cases import perturbed
from support.small_graphs import Graph
from support.zeroed_graphs import ZEROED, small, zeroed

from striate.check import check, extents
from striate.check.onnx_file import skimmed, structure
from striate.check.onnx_twin import OnnxTwin
from striate.errors import ModelError, UnsupportedError
from striate.fields.unit import unit_sizes
from striate.network.relation import Shape

node = helper.make_node


def saved(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    constants: dict[str, Any] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
    opset: int = 18,
) -> Path:
    """A model from input ``x`` to output ``y``."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    weights = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "g", [x], [helper.make_empty_tensor_value_info("y")], weights)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)
    path = folder / "m.onnx"
    onnx.save(model, str(path))
    return path


def reads(path: Path, shapes: dict[str, tuple[int, ...]], axes: tuple[int, ...]) -> dict[tuple[int, ...], set[Any]]:
    """What each unit of ``y`` reads in the twin, every pixel lit alone."""
    twin = OnnxTwin(path, "x", shapes)
    (shape,) = twin.build(["y"]).values()
    units = list(np.ndindex(unit_sizes(shape)))
    twin.watch([("y", at) for at in units])
    found: dict[tuple[int, ...], set[Any]] = {at: set() for at in units}
    for pixel in np.ndindex(*(shapes["x"][axis] for axis in axes)):
        image = np.zeros([shapes["x"][axis] for axis in axes], np.bool_)
        image[pixel] = True
        for at, read in zip(units, twin.responds(image, axes), strict=True):
            if read:
                found[at].add(pixel)
    return found


def with_reference(op: str, *names: str) -> onnx.NodeProto:
    """A node whose attributes are those of the function around it."""
    made = node(op, ["a"], ["b"])
    for name in names:
        made.attribute.append(AttributeProto(name=name, ref_attr_name=name, type=AttributeProto.INTS))
    return made


def nested(depth: int) -> list[onnx.FunctionProto]:
    """Functions that hand on to one another; ``strides`` is a default of the innermost alone."""
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    strides = helper.make_attribute("strides", [2, 2])
    pool = with_reference("AveragePool", "kernel_shape", "strides")
    found = [helper.make_function("local", "F0", ["a"], ["b"], [pool], imports, ["kernel_shape"], [strides])]
    for k in range(1, depth):
        call = node(f"F{k - 1}", ["a"], ["b"], domain="local")
        call.attribute.append(
            AttributeProto(name="kernel_shape", ref_attr_name="kernel_shape", type=AttributeProto.INTS)
        )
        found.append(helper.make_function("local", f"F{k}", ["a"], ["b"], [call], imports, ["kernel_shape"]))
    return found


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_defaults_of_functions_at_any_depth(depth: int, tmp_path: Path) -> None:
    call = node(f"F{depth - 1}", ["x"], ["y"], domain="local", kernel_shape=[2, 2])
    path = saved(tmp_path, [call], (1, 1, 5, 6), functions=nested(depth))
    found = reads(path, {"x": (1, 1, 5, 6), "y": (1, 1, 2, 3)}, (2, 3))
    assert found[1, 2] == {(2, 4), (2, 5), (3, 4), (3, 5)}
    assert check(path).complete


def test_a_default_that_a_reader_drops_is_found_by_the_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reader and twin both lose the stride, as one inliner for both would make them."""
    path = saved(
        tmp_path, [node("F0", ["x"], ["y"], domain="local", kernel_shape=[2, 2])], (1, 1, 5, 6), None, nested(1)
    )
    true = skimmed

    def without_default(where: Path) -> onnx.ModelProto:
        model = true(where)
        del model.functions[0].attribute_proto[:]
        return model

    monkeypatch.setattr("striate.check.onnx_twin.skimmed", without_default)
    with pytest.raises(ModelError, match=r"'y' has shape \(1, 1, 4, 5\) in the twin, \(1, 1, 2, 3\) in the model"):
        check(path)


def test_branches_of_shapes_are_taken(tmp_path: Path) -> None:
    """An If inside an If, the inner one chosen by the size of what the outer one made."""
    inner_yes = helper.make_graph([node("Neg", ["a"], ["p"])], "p", [], [helper.make_empty_tensor_value_info("p")])
    pooled = node("AveragePool", ["a"], ["q"], kernel_shape=[1, 3])
    inner_no = helper.make_graph([pooled], "q", [], [helper.make_empty_tensor_value_info("q")])
    outer = [
        node("MaxPool", ["x"], ["a"], kernel_shape=[2, 1]),
        node("Shape", ["a"], ["sizes"]),
        node("Gather", ["sizes", "two"], ["height"]),
        node("Equal", ["height", "five"], ["same"]),
        node("If", ["same"], ["b"], then_branch=inner_yes, else_branch=inner_no),
    ]
    yes = helper.make_graph(outer, "yes", [], [helper.make_empty_tensor_value_info("b")])
    no = helper.make_graph([node("Identity", ["x"], ["c"])], "no", [], [helper.make_empty_tensor_value_info("c")])
    nodes = [
        node("Shape", ["x"], ["all"]),
        node("Size", ["all"], ["rank"]),
        node("Equal", ["rank", "four"], ["image"]),
        node("If", ["image"], ["y"], then_branch=yes, else_branch=no),
    ]
    path = saved(tmp_path, nodes, (1, 1, 4, 5), {"two": 2, "five": 5, "four": 4})
    shapes: dict[str, Shape] = {"x": (1, 1, 4, 5), "a": (1, 1, 3, 5), **dict.fromkeys("qby", (1, 1, 3, 3))}
    assert reads(path, shapes, (2, 3))[1, 2] == {(y, x) for y in (1, 2) for x in (2, 3, 4)}


def test_a_branch_that_the_image_chooses_is_refused(tmp_path: Path) -> None:
    yes, no = (
        helper.make_graph([node(op, ["x"], [op])], op, [], [helper.make_empty_tensor_value_info(op)])
        for op in ("Neg", "Abs")
    )
    nodes = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Less", ["m", "one"], ["c"]),
        node("If", ["c"], ["y"], then_branch=yes, else_branch=no),
    ]
    path = saved(tmp_path, nodes, (1, 4), {"one": np.float32(1)})
    with pytest.raises(UnsupportedError, match="its branch depends on the image"):
        OnnxTwin(path, "x", {"x": (1, 4), "m": (), "c": (), "y": (1, 4)})


HALVES = np.array([[1, 0, 1, 0]], np.float32)
EVEN: list[set[int]] = [{0}, set(), {2}, set()]
BAND = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) < 2
LOW = np.where(BAND, 0, -1e9).astype(np.float32)
MASKS: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], list[set[int]]]] = {
    "chosen": ([node("Where", ["c", "x", "v"], ["y"])], {"c": HALVES > 0, "v": np.float32(1)}, EVEN),
    "product": ([node("Mul", ["x", "c"], ["y"])], {"c": HALVES}, EVEN),
    "zero": ([node("Mul", ["x", "c"], ["y"])], {"c": np.float32(0)}, [set()] * 4),
    "weights": ([node("Mul", ["x", "c"], ["y"])], {"c": HALVES * [[1, 1, 2, 1]]}, [{0}, {1}, {2}, {3}]),
    "zero weights": ([node("Mul", ["x", "c"], ["y"])], {"c": HALVES * 0}, [{0}, {1}, {2}, {3}]),
    "computed": (
        [node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"]), node("Mul", ["x", "c"], ["y"])],
        {},
        [set()] * 4,
    ),
    "infinite": ([node("Add", ["x", "c"], ["y"])], {"c": np.where(HALVES > 0, 0, -np.inf).astype(np.float32)},
                 EVEN),
    "softmax": (
        [node("Add", ["x", "c"], ["m"]), node("Softmax", ["m"], ["y"])],
        {"c": np.where(HALVES > 0, 0, -1e9).astype(np.float32)},
        [{0, 2}, set(), {0, 2}, set()],
    ),
    "weighed": (
        [
            node("Mul", ["zero", "x"], ["z"]),
            node("Unsqueeze", ["z", "first"], ["w"]),
            node("Add", ["w", "c"], ["m"]),
            node("Softmax", ["m"], ["p"]),
            node("Reshape", ["x", "column"], ["v"]),
            node("MatMul", ["p", "v"], ["o"]),
            node("Reshape", ["o", "row"], ["y"]),
        ],
        {"zero": np.float32(0), "first": np.array([1]), "c": LOW[None], "column": np.array([1, 4, 1]),
         "row": np.array([1, 4])},
        [{0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MASKS)
def test_constant_masks_hide_and_weights_do_not(name: str, tmp_path: Path) -> None:
    nodes, constants, expected = MASKS[name]
    constants = {key: np.asarray(value, np.float32) if key == "c" and name.endswith("weights") else value
                 for key, value in constants.items()}  # fmt: skip
    path = saved(tmp_path, nodes, (1, 4), constants)
    shapes = {made: value.shape for made, value in everything(path).items()}
    found = reads(path, {"x": (1, 4), **shapes}, (1,))
    assert [{pixel for (pixel,) in found[(k,)]} for k in range(4)] == expected


@pytest.mark.parametrize("name", ZEROED)
def test_known_zeros_of_data_hide_from_the_twin_what_they_meet(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(zeroed(name), str(path))
    shapes = {made: value.shape for made, value in everything(path).items()}
    found = reads(path, {"x": (1, 2, 3, 4), **shapes}, (2, 3))
    shape, moved = perturbed(small(onnx.load(str(path))))
    expected = np.asarray(moved.reshape(*shape, 1, 2, 3, 4).any((0, 1, 4, 5)))
    for at, pixels in found.items():
        assert pixels == {tuple(map(int, place)) for place in np.argwhere(expected[at])}, at


def everything(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of a model, as onnxruntime computes it on noise."""
    model = onnx.load(str(path))
    names = [name for made in model.graph.node for name in made.output]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).random(session.get_inputs()[0].shape).astype(np.float32)
    return dict(zip(names, session.run(names, {"x": image}), strict=True))


def test_large_weights_stay_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.check.onnx_file.KEPT_BYTES", 100)
    graph = Graph(1, 3, 9, 9)
    weights = graph("Transpose", graph.weights(7, 7, 5, 3), perm=[3, 2, 0, 1])
    small = graph.weights(5, 3, 1, 1)
    path = graph.save(tmp_path, graph("Conv", graph("Conv", "image", small), weights))
    large, kept = sorted(tensor.ByteSize() for tensor in structure(skimmed(path)).graph.initializer)
    assert large < 30 < 60 < kept
    assert check(path).complete


def test_weights_that_nodes_make_need_no_kernel_shape(tmp_path: Path) -> None:
    graph = Graph(1, 3, 9, 9)
    weights = graph("Transpose", graph.weights(3, 3, 3, 4), perm=[3, 2, 0, 1])
    path = graph.save(tmp_path, graph("Conv", "image", weights, dilations=[2, 2], pads=[2, 2, 2, 2]))
    assert check(path).complete


def test_a_model_with_branches_inside_branches() -> None:
    spec = find_spec("silero_vad")
    if spec is None or spec.origin is None:
        pytest.skip("needs silero-vad")
    path = Path(spec.origin).parent / "data" / "silero_vad_16k_op15.onnx"
    shapes = {"input": (1, 512), "state": (2, 1, 128), "sr": ()}
    layers = ["/model/encoder/0/activation/Relu", "/model/decoder/rnn/LSTM", "/model/decoder/decoder/3/Sigmoid"]
    report = check(path, shapes, layers=layers, source="input", passes=100)
    assert report.ok, report
    assert {unit.layer for unit in report.units} == set(layers)


def test_source_and_layout_are_the_users(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        node("Conv", ["t", "w"], ["c"]),
        node("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1]),
    ]
    path = saved(tmp_path, nodes, (1, 9, 8, 3), {"w": np.ones((4, 3, 3, 2), np.float32)})
    report = check(path, layers=["c"], units=[(2, 3)], layout="NHWC")
    assert report.complete, report
    assert report.units[0].claimed == 6
    assert [extent.axis for extent in report.extents] == ["height", "width"]


def test_the_extent_of_every_unit_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One unit of 20 whose hull is one line off, none of those that are compared pixel by pixel."""
    graph = Graph(1, 1, 22, 3)
    path = graph.save(tmp_path, graph.conv("image", 1, 1, 3))
    hulls = extents.claimed_hulls

    def one_off(*asked: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        low, high = (values.copy() for values in hulls(*asked))
        if asked[2] == 0:
            low[17] += 1
        return low, high

    monkeypatch.setattr(extents, "claimed_hulls", one_off)
    report = check(path, units=[(4, 0)])
    (wrong,) = [extent for extent in report.extents if not extent.ok]
    assert wrong.first is not None
    assert wrong.first.pixel == (17, 0)
    assert "unit (17, 0) reads line 17 of height, [18, 20) is claimed" in str(wrong)
    assert not report.ok


@pytest.mark.parametrize(
    ("unit", "end", "said"),
    [
        (0, 1, "does not read lines from 39 of height, [0, 40) is"),
        (1, 0, "does not read lines before 1 of height, [0,"),
    ],
)
def test_the_extent_of_wide_fields_is_compared(
    unit: int, end: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields of 39 lines where lines 12 apart are lit together: a line too many is told by what lies behind an end."""
    graph = Graph(1, 1, 40, 3)
    path = graph.save(tmp_path, str(graph("Conv", "image", graph.weights(1, 1, 39, 3))))
    right = check(path, passes=12)
    assert right.complete
    assert [(extent.agreeing, extent.units) for extent in right.extents] == [(2, 2), (2, 2)]
    assert "all lines before or behind an end" in str(right.extents[0])
    hulls = extents.claimed_hulls

    def wider(*asked: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = [values.copy() for values in hulls(*asked)]
        if asked[2] == 0:
            found[end][unit] += 1 if end else -1
        return found[0], found[1]

    monkeypatch.setattr(extents, "claimed_hulls", wider)
    (wrong,) = [extent for extent in check(path, passes=12).extents if not extent.ok]
    assert f"unit ({unit}, 0) {said}" in str(wrong)
