"""Local functions: attributes, defaults, scopes and names, against onnxruntime running the unedited file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, inliner
from support.onnx_cases import claimed, perturbed

from striate.errors import ModelError, StriateError
from striate.formats.onnx import functions, read_onnx
from striate.network import Network

node = helper.make_node
KINDS = AttributeProto
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]


def referring(made: onnx.NodeProto, **names: tuple[str, Any]) -> onnx.NodeProto:
    """A node some of whose attributes are taken from the function's: own name = (function's name, type)."""
    for own, (outer, kind) in names.items():
        made.attribute.append(AttributeProto(name=own, ref_attr_name=outer, type=kind))
    return made


def function(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[str] = ("a",),
    outputs: Sequence[str] = ("b",),
    attributes: Sequence[str] = (),
    defaults: Sequence[AttributeProto] = (),
    opsets: Sequence[onnx.OperatorSetIdProto] = OPSETS,
    overload: str = "",
) -> onnx.FunctionProto:
    return helper.make_function(
        "local", name, inputs, outputs, nodes, opsets, attributes, list(defaults), overload=overload
    )


def call(
    name: str, inputs: Sequence[str], outputs: Sequence[str], label: str = "", **given: Any
) -> onnx.NodeProto:
    return node(name, inputs, outputs, label, domain="local", **given)


def model_of(
    nodes: Sequence[onnx.NodeProto], made: Sequence[onnx.FunctionProto], shape: Sequence[int]
) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    graph = helper.make_graph(list(nodes), "g", [x], [helper.make_empty_tensor_value_info("y")])
    return helper.make_model(graph, opset_imports=OPSETS, functions=list(made), ir_version=10)


def read(folder: Path, model: onnx.ModelProto) -> Network:
    (folder / "f.onnx").write_bytes(model.SerializeToString())
    return read_onnx(folder / "f.onnx")


def pooled(attributes: Sequence[str] = (), defaults: Sequence[AttributeProto] = ()) -> onnx.FunctionProto:
    """A pool of 3x3 with the strides of the call."""
    inside = node("MaxPool", ["a"], ["b"], "pool", kernel_shape=[3, 3])
    return function(
        "Pooled", [referring(inside, strides=("strides", KINDS.INTS))], attributes=attributes, defaults=defaults
    )


TWO = helper.make_attribute("strides", [2, 2])
SMALL, WIDE = (1, 1, 5, 6), (1, 1, 8, 8)


def branch(op: str, name: str, **names: tuple[str, Any]) -> onnx.GraphProto:
    """A branch that reads ``a`` of the function around it."""
    inside = referring(node(op, ["a"], ["t"], f"{name}_node"), **names)
    if op == "MaxPool":
        inside.attribute.append(helper.make_attribute("kernel_shape", [2, 2]))
    return helper.make_graph(
        [inside, node("Relu", ["t"], ["z"])], name, [], [helper.make_empty_tensor_value_info("z")]
    )


def chosen() -> onnx.FunctionProto:
    """An If whose branches take attributes of the function, its condition constant."""
    nodes = [
        node("Size", ["a"], ["n"]),
        node("Constant", [], ["most"], value_int=1000),
        node("Less", ["n", "most"], ["c"]),
        node(
            "If", ["c"], ["b"], "if",
            then_branch=branch("MaxPool", "then", strides=("strides", KINDS.INTS)), else_branch=branch("Abs", "else"),
        ),
    ]  # fmt: skip
    return function("Chosen", nodes, defaults=[TWO])


def nested() -> list[onnx.FunctionProto]:
    """Three deep: the outermost forwards its attribute, the innermost has a default of its own."""
    inner = pooled(defaults=[helper.make_attribute("strides", [1, 2])])
    forwarding = referring(call("Pooled", ["a"], ["t"], "inner"), strides=("pace", KINDS.INTS))
    middle = function("Middle", [forwarding, call("Pooled", ["t"], ["b"], "again")], attributes=["pace"])
    named = referring(call("Middle", ["a"], ["b"], "middle"), pace=("strides", KINDS.INTS))
    return [inner, middle, function("Outer", [named], defaults=[TWO])]


def padded() -> onnx.FunctionProto:
    """An optional second input: a filter that counts where it is given."""
    nodes = [
        node("Constant", [], ["pads"], value_ints=[0, 0, 1, 0, 0, 0, 0, 2]),
        node("Pad", ["a", "pads", "v"], ["p"]),
        node("Neg", ["p"], ["b"]),
    ]
    return function("Padded", nodes, inputs=["a", "v"])


def clashing() -> onnx.FunctionProto:
    """A body whose tensors have the names of the caller's and of its own subgraphs'."""
    nodes = [
        node("Transpose", ["a"], ["x"], "t", perm=[0, 1, 3, 2]),
        node("AveragePool", ["x"], ["y"], "y", kernel_shape=[2, 1]),
        node("Neg", ["y"], ["b"], "x"),
    ]
    return function("Clash", nodes)


CASES: dict[str, tuple[list[onnx.NodeProto], list[onnx.FunctionProto], tuple[int, ...]]] = {
    "default": ([call("Pooled", ["x"], ["y"])], [pooled(defaults=[TWO])], SMALL),
    "given": ([call("Pooled", ["x"], ["y"], strides=[1, 3])], [pooled(defaults=[TWO])], SMALL),
    "absent": ([call("Pooled", ["x"], ["y"])], [pooled(attributes=["strides"])], SMALL),
    "required": ([call("Pooled", ["x"], ["y"], strides=[3, 1])], [pooled(attributes=["strides"])], SMALL),
    "dilation": (
        [call("Dilated", ["x"], ["y"])],
        [
            function(
                "Dilated",
                [referring(node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2]), dilations=("gaps", KINDS.INTS))],
                defaults=[helper.make_attribute("gaps", [3, 2])],
            )
        ],
        SMALL,
    ),
    "axis": (
        [call("Along", ["x"], ["y"])],
        [
            function(
                "Along",
                [referring(node("ArgMax", ["a"], ["i"], keepdims=0), axis=("axis", KINDS.INT)),
                 node("Cast", ["i"], ["b"], to=1)],
                defaults=[helper.make_attribute("axis", 2)],
            )
        ],
        SMALL,
    ),
    "permutation": (
        [call("Turned", ["x"], ["y"])],
        [
            function(
                "Turned",
                [referring(node("Transpose", ["a"], ["b"]), perm=("order", KINDS.INTS))],
                defaults=[helper.make_attribute("order", [2, 0, 3, 1])],
            )
        ],
        SMALL,
    ),
    "constant": (
        [call("Taken", ["x"], ["y"])],
        [
            function(
                "Taken",
                [referring(node("Constant", [], ["i"]), value_ints=("places", KINDS.INTS)),
                 node("Gather", ["a", "i"], ["b"], axis=3)],
                defaults=[helper.make_attribute("places", [5, 0, -2])],
            )
        ],
        SMALL,
    ),
    "subgraph": ([call("Chosen", ["x"], ["y"])], [chosen()], SMALL),
    "subgraph given": ([call("Chosen", ["x"], ["y"], strides=[1, 4])], [chosen()], SMALL),
    "nested": ([call("Outer", ["x"], ["y"])], nested(), WIDE),
    "nested given": ([call("Outer", ["x"], ["y"], strides=[2, 1])], nested(), WIDE),
    "optional input": ([call("Padded", ["x"], ["t"]), call("Padded", ["t", ""], ["y"])], [padded()], SMALL),
    "clashing names": (
        [call("Clash", ["x"], ["b"], "x"), call("Clash", ["b"], ["y"]), node("Neg", ["y"], ["y__1"])],
        [clashing()],
        SMALL,
    ),
    "overloads": (
        [node("Pick", ["x"], ["t"], domain="local"), node("Pick", ["t"], ["y"], domain="local", overload="tall")],
        [
            function("Pick", [node("MaxPool", ["a"], ["b"], kernel_shape=[1, 2])]),
            function("Pick", [node("MaxPool", ["a"], ["b"], kernel_shape=[3, 1])], overload="tall"),
        ],
        SMALL,
    ),
    "unused output": (
        [call("Both", ["x"], ["", "y"])],
        [
            function(
                "Both",
                [node("Abs", ["a"], ["b"]), node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2])],
                outputs=["b", "c"],
            )
        ],
        SMALL,
    ),
    "passed on": ([call("Same", ["x"], ["t"]), node("Neg", ["t"], ["y"])],
                  [function("Same", [node("Abs", ["a"], ["b"])], outputs=["a"])], SMALL),
}  # fmt: skip
REFUSED_BY_ONNXRUNTIME = ("passed on",)


@pytest.mark.parametrize("name", CASES)
def test_a_call_reads_what_the_runtime_reads(tmp_path: Path, name: str) -> None:
    nodes, made, shape = CASES[name]
    model = model_of(nodes, made, shape)
    network = read(tmp_path, model)
    network.validate()
    if name in REFUSED_BY_ONNXRUNTIME:
        with pytest.raises(Exception, match="ONNXRuntimeError"):
            perturbed(model)
        assert network.shapes["y"] == shape
        return
    found, moved = perturbed(model)
    assert network.shapes["y"] == found
    assert not (moved & ~claimed(network)[0]).any()
    assert (moved == claimed(network)[0]).all()


def test_the_default_of_the_report(tmp_path: Path) -> None:
    nodes, made, shape = CASES["default"]
    assert read(tmp_path, model_of(nodes, made, shape)).shapes["y"] == (1, 1, 2, 2)


@pytest.mark.parametrize("name", ["default", "subgraph given", "nested", "clashing names", "unused output"])
def test_names_are_those_of_the_inliner(tmp_path: Path, name: str) -> None:
    """Whoever expands the file with onnx's own tool finds every tensor and node under the name given here."""
    nodes, made, shape = CASES[name]
    model = model_of(nodes, made, shape)
    theirs = inliner.inline_local_functions(model).graph
    ours = functions.expanded(model).graph
    assert [(n.name, n.input, n.output) for n in ours.node] == [(n.name, n.input, n.output) for n in theirs.node]


def test_a_loop_inside_a_function_is_bound_too() -> None:
    """The body of a Loop takes the function's attributes and tensors; what the loop counts is its own."""
    infos = [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", 9, [])]
    carried = [helper.make_empty_tensor_value_info("v"), helper.make_empty_tensor_value_info("w")]
    inside = [
        referring(node("Softmax", ["v"], ["s"], "soft"), axis=("axis", KINDS.INT)),
        node("Add", ["s", "a"], ["w"]),
        node("Identity", ["go"], ["on"]),
    ]
    body = helper.make_graph(inside, "body", [*infos, carried[0]], [helper.make_tensor_value_info("on", 9, []),
                                                                   carried[1]])  # fmt: skip
    made = function("Repeated", [node("Loop", ["n", "", "a"], ["b"], "loop", body=body)], inputs=["a", "n"],
                    attributes=["axis"])  # fmt: skip
    steps = node("Constant", [], ["three"], value_int=3)
    model = model_of([steps, call("Repeated", ["x", "three"], ["y"], axis=2)], [made], SMALL)
    assert functions.expanded(model).graph.node == inliner.inline_local_functions(model).graph.node


def test_a_branch_not_taken_keeps_its_function(tmp_path: Path) -> None:
    """Calls inside the branches of an If are expanded too, and only the branch taken is read."""
    then = helper.make_graph(
        [call("Pooled", ["x"], ["z"], "inside")], "then", [], [helper.make_empty_tensor_value_info("z")]
    )
    other = helper.make_graph(
        [call("Loops", ["x"], ["z"])], "else", [], [helper.make_empty_tensor_value_info("z")]
    )
    nodes = [
        node("Size", ["x"], ["n"]),
        node("Constant", [], ["most"], value_int=1000),
        node("Less", ["n", "most"], ["c"]),
        node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    unread = function("Loops", [node("NonZero", ["a"], ["b"])])
    model = model_of(nodes, [pooled(defaults=[TWO]), unread], SMALL)
    network = read(tmp_path, model)
    assert network.shapes["y"] == (1, 1, 2, 2)
    assert [n.name for n in network.nodes] == ["pool__2", "If_3"]


@pytest.mark.parametrize("op", ["Softmax", "Hardmax"])
def test_a_function_of_another_opset_is_read_by_the_models(tmp_path: Path, op: str) -> None:
    """Before opset 13 a Softmax mixes all axes from the second on; onnxruntime takes the model's, one axis."""
    older = function("F", [node(op, ["a"], ["b"])], opsets=[helper.make_opsetid("", 11)])
    model = model_of([call("F", ["x"], ["y"])], [older], (1, 1, 3, 4))
    _, moved = perturbed(model)
    (told,) = claimed(read(tmp_path, model))
    assert not (moved & ~told).any()
    assert told.sum() == 3 * 4 * 4


HOSTILE: dict[str, tuple[list[onnx.NodeProto], list[onnx.FunctionProto], str]] = {
    "inputs": ([call("F", ["x", "x"], ["y"])], [function("F", [node("Neg", ["a"], ["b"])])], "has 2 inputs"),
    "outputs": ([call("F", ["x"], ["y", "z"])], [function("F", [node("Neg", ["a"], ["b"])])], "2 outputs"),
    "twice": (
        [call("F", ["x"], ["y"])], [function("F", [node(op, ["a"], ["b"])]) for op in ("Neg", "Abs")], "defined twice",
    ),
    "unwritten": ([call("F", ["x"], ["y"])], [function("F", [node("Neg", ["a"], ["c"])])], "written by no node"),
    "unbound name": (
        [node("Abs", ["x"], ["concealed"]), call("F", ["x"], ["y"])],
        [function("F", [node("Add", ["a", "stranger"], ["b"])])],
        "which nothing writes",
    ),
    "wrong type": (
        [call("Pooled", ["x"], ["y"], strides="abc")], [pooled(defaults=[TWO])], "'strides' should be ints, is string",
    ),
    "reference outside": (
        [referring(node("Flatten", ["x"], ["y"]), axis=("axis", KINDS.INT))], [pooled(defaults=[TWO])], "Flatten",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_calls_that_do_not_fit(tmp_path: Path, name: str) -> None:
    nodes, made, message = HOSTILE[name]
    with pytest.raises(StriateError, match=message) as caught:
        read(tmp_path, model_of(nodes, made, SMALL))
    assert len(str(caught.value).splitlines()) == 1


def test_bodies_that_would_fill_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "MOST_BYTES", 10_000)
    big = helper.make_attribute("w", helper.make_tensor("w", TensorProto.FLOAT, [500], [1.0] * 500))
    inside = [
        referring(node("Constant", [], [f"c{k}"]), value=("w", KINDS.TENSOR)) for k in range(8)
    ]
    model = model_of([call("F", ["x"], ["y"])], [function("F", [*inside, node("Neg", ["a"], ["b"])], defaults=[big])],
                     SMALL)  # fmt: skip
    with pytest.raises(ModelError, match="expand to more than 10000 bytes"):
        read(tmp_path, model)
