"""Damaged, hostile and unfitting files: always one StriateError of one line, in bounded time and memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.odd import wrongly
from support.onnx_cases import operator_cases, with_constants

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.onnx import read_onnx
from striate.formats.onnx.call import OPERATORS, Call, Translation
from striate.network.relation import Along

SOUND = Path(onnx.__file__).parent / "backend/test/data/light/light_squeezenet.onnx"


def model_of(*nodes: onnx.NodeProto, shape: Sequence[Any] = (1, 3, 8, 8), opset: int = 17) -> onnx.ModelProto:
    """A model from ``x`` to ``y``."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def written(folder: Path, content: bytes | onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def refusal(path: Path, shape: Any = None) -> str:
    """The one line a file is refused with; a file that is read after all gives an empty one."""
    start = time.perf_counter()
    try:
        network = read_onnx(path, shape)
        text = "" if network.results else "read"
    except StriateError as error:
        text = str(error)
        assert text
        assert len(text.splitlines()) == 1
    assert time.perf_counter() - start < 20
    return text


def tag(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def test_truncated_at_many_lengths(tmp_path: Path) -> None:
    content = SOUND.read_bytes()
    lengths = [*range(12), *range(12, len(content), 397), len(content) - 1]
    refused = [refusal(written(tmp_path, content[:length])) for length in lengths]
    assert sum(bool(text) for text in refused) >= len(lengths) - 2


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few bytes flipped, cut out, doubled or overwritten by large numbers."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                del found[at : at + rng.randrange(1, 40)]
            case 2:
                found[at:at] = found[at : at + rng.randrange(1, 40)]
            case _:
                found[at : at + 5] = b"\xff\xff\xff\xff\x7f"
    return bytes(found)


def fuzz(folder: Path, contents: list[tuple[bytes, object]], count: int, seed: int) -> None:
    rng = random.Random(seed)
    (folder / "w.bin").write_bytes(bytes(24))
    for _ in range(count):
        content, shape = rng.choice(contents)
        refusal(written(folder, mutated(content, rng)), shape)


def calling() -> onnx.ModelProto:
    """Functions in functions, with attributes handed on and a default."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    pool = helper.make_node("MaxPool", ["a"], ["b"], "pool", kernel_shape=[2, 2])
    pool.attribute.append(onnx.AttributeProto(name="strides", ref_attr_name="pace", type=onnx.AttributeProto.INTS))
    pace = helper.make_attribute("pace", [2, 2])
    inner = helper.make_function("local", "Inner", ["a"], ["b"], [pool], opsets, attribute_protos=[pace])
    nodes = [helper.make_node("Inner", ["a"], ["t"], domain="local"), helper.make_node("Relu", ["t"], ["b"])]
    outer = helper.make_function("local", "Outer", ["a"], ["b"], nodes, opsets)
    model = model_of(*(helper.make_node("Outer", [a], [b], domain="local") for a, b in pairwise("xsy")))
    model.opset_import.append(opsets[1])
    model.functions.extend((inner, outer))
    return model


def sources() -> list[tuple[bytes, object]]:
    found: list[tuple[bytes, object]] = [(SOUND.read_bytes(), None), (calling().SerializeToString(), None)]
    found.append((outside("w.bin", offset="0", length="24").SerializeToString(), None))
    recogniser = find_spec("rapidocr_onnxruntime")
    if recogniser and recogniser.origin:
        folder = Path(recogniser.origin).parent / "models"
        found.append(((folder / "ch_ppocr_mobile_v2.0_cls_infer.onnx").read_bytes(), (1, 3, 48, 192)))
    return found


def test_mutations(tmp_path: Path) -> None:
    fuzz(tmp_path, sources(), 150, seed=1)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_thousands_of_mutations(tmp_path: Path) -> None:
    fuzz(tmp_path, sources(), 4000, seed=2)


def test_lengths_of_two_gigabytes(tmp_path: Path) -> None:
    huge = varint((1 << 31) - 1)
    for content in (b"\x3a" + huge, tag(7, b"\x2a" + huge), tag(7, tag(5, b"\x4a" + huge)), b"\x3a" + varint(1 << 62)):
        assert "truncated or damaged" in refusal(written(tmp_path, content))


def test_weights_are_not_read(tmp_path: Path) -> None:
    """A sound file with a gigabyte of weights (a hole on the disk) is read in little memory."""
    count = 1 << 28
    model = model_of(helper.make_node("Gemm", ["x", "w"], ["y"]), shape=(1, 1 << 14))
    head = TensorProto(name="w", data_type=1, dims=[1 << 14, count >> 14]).SerializeToString()
    tensor_size = len(head) + 1 + len(varint(4 * count)) + 4 * count
    graph = model.graph.SerializeToString() + b"\x2a" + varint(tensor_size) + head + b"\x4a" + varint(4 * count)
    model.ClearField("graph")
    path = written(tmp_path, model.SerializeToString() + b"\x3a" + varint(len(graph) + 4 * count) + graph)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size + 4 * count)
    tracemalloc.start()
    network = read_onnx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert network.nodes[0].parameters == count
    assert peak < 4 << 20


def test_a_tensor_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    model = model_of(helper.make_node("Add", ["x", "w"], ["y"]))
    model.graph.initializer.append(TensorProto(name="w", data_type=1, dims=[1 << 28], raw_data=b"\0" * 8192))
    assert "needs 1073741824 bytes, holds 8192" in refusal(written(tmp_path, model))


def test_deep_nesting(tmp_path: Path) -> None:
    content = b""
    for _ in range(3000):
        content = tag(1, tag(5, tag(6, content)))
    assert refusal(written(tmp_path, tag(7, content)))


def test_not_a_model(tmp_path: Path) -> None:
    assert "empty" in refusal(written(tmp_path, b""))
    assert refusal(written(tmp_path, b"hello world, this is a text file\n"))
    assert refusal(written(tmp_path, bytes(range(256)) * 100))
    assert "cannot be opened" in refusal(tmp_path / "absent.onnx")
    assert "is a folder" in refusal(tmp_path)


def test_cycles(tmp_path: Path) -> None:
    model = model_of(helper.make_node("Add", ["x", "b"], ["a"], "one"), helper.make_node("Relu", ["a"], ["b"], "two"))
    assert "the graph is cyclic: node one (Add)" in refusal(written(tmp_path, model))


def test_recursive_and_exploding_functions(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]

    def function(name: str, called: str, times: int) -> onnx.FunctionProto:
        names = ["x", *(f"t{k}" for k in range(times - 1)), "y"]
        nodes = [helper.make_node(called, [a], [b], domain="local") for a, b in pairwise(names)]
        return helper.make_function("local", name, ["x"], ["y"], nodes, opset)

    model = model_of(helper.make_node("f0", ["x"], ["y"], domain="local"))
    model.opset_import.append(opset[1])
    model.functions.append(function("f0", "f0", 1))
    assert "calls itself" in refusal(written(tmp_path, model))
    del model.functions[:]
    model.functions.extend(function(f"f{k}", f"f{k + 1}", 2) for k in range(40))
    assert "local functions expand to" in refusal(written(tmp_path, model))


HOSTILE = {
    "kernel": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1 << 40, 1]),
    "pads": helper.make_node("Pad", ["x"], ["y"], pads=[0, 0, 1 << 40, 0, 0, 0, 0, 0], mode="reflect"),
    "stride 0": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[0, 1]),
    "too small": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[9, 9]),
    "axis": helper.make_node("Concat", ["x", "x"], ["y"], axis=9),
    "perm": helper.make_node("Transpose", ["x"], ["y"], perm=[0, 1, 2, 2]),
    "missing": helper.make_node("Conv", ["x"], ["y"]),
    "absent": helper.make_node("Relu", ["z"], ["y"]),
    "wrong type": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape="abc"),
    "no input": helper.make_node("Relu", [], ["y"]),
    "no output": helper.make_node("Relu", ["x"], []),
    "block": helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=0),
    "groups": helper.make_node("GroupNormalization", ["x", "x", "x"], ["y"], num_groups=0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_nodes(tmp_path: Path, name: str) -> None:
    opset = 10 if name == "pads" else 21
    text = refusal(written(tmp_path, model_of(HOSTILE[name], opset=opset)))
    assert text.startswith("model.onnx: ")
    assert f"({HOSTILE[name].op_type})" in text or name == "no output"


RULES = {
    "3 channels do not divide by blocksize 2 squared = 4": helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=2),
    "8 rows and 8 columns do not both divide by": helper.make_node("SpaceToDepth", ["x"], ["y"], blocksize=3),
    "reads 2 times 1 = 2 channels": helper.make_node("Conv", ["x", "two"], ["y"]),
    "kernel_shape (5, 5) contradicts": helper.make_node("Conv", ["x", "two"], ["y"], kernel_shape=[5, 5], group=1),
    "reads 4 channels in 1 groups, the input has 3": helper.make_node("ConvTranspose", ["x", "two"], ["y"]),
    "should have 2 entries": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2]),
}


@pytest.mark.parametrize("line", RULES)
def test_a_refusal_states_the_rule_with_its_numbers(tmp_path: Path, line: str) -> None:
    model = model_of(RULES[line])
    model.graph.initializer.append(helper.make_tensor("two", TensorProto.FLOAT, [4, 2, 3, 3], [0.0] * 72))
    assert line in refusal(written(tmp_path, model))


def test_constants_that_would_fill_memory(tmp_path: Path) -> None:
    big = helper.make_tensor("s", TensorProto.INT64, [3], [1 << 30, 1 << 30, 1 << 30])
    for op in ("ConstantOfShape", "Expand"):
        inputs = ["s"] if op == "ConstantOfShape" else ["one", "s"]
        model = model_of(helper.make_node(op, inputs, ["c"]), helper.make_node("Add", ["x", "c"], ["y"]))
        model.graph.initializer.extend([big, helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])])
        assert refusal(written(tmp_path, model))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, r"dimension 2 \(height\) is dynamic"),
        ((1, 4, 8, 8), r"shape \(1, 4, 8, 8\) was given, the model declares \(1, 3, height, \?\)"),
        ((1, 3, 8), "the model declares"),
        ((1, 3, 0, 8), "below 1"),
        ((1, 3, -2, 8), "below 1"),
        ((1, 3, 8.5, 8), "give integers"),
        ("1x3x8x8", "give integers"),
        ({"y": (1, 3, 8, 8)}, "did you mean 'x'"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path: Path, shape: object, message: str) -> None:
    model = model_of(helper.make_node("Relu", ["x"], ["y"]), shape=(1, 3, "height", None))
    with pytest.raises(InputError, match=message):
        wrongly(read_onnx)(written(tmp_path, model), shape)


def outside(location: str, **entries: str) -> onnx.ModelProto:
    """A gather whose indices, (3,) integers, are kept in another file."""
    model = model_of(helper.make_node("Gather", ["x", "i"], ["y"], axis=3))
    tensor = TensorProto(name="i", data_type=TensorProto.INT64, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    model.graph.initializer.append(tensor)
    return model


def test_external_data_beside_the_model_only(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(24))
    assert refusal(written(tmp_path, outside("w.bin"))) == ""
    for location in ("/etc/hostname", "../w.bin", "absent.bin", "C:\\w.bin", "..\\w.bin", ""):
        assert "beside the model" in refusal(written(tmp_path, outside(location)))


def test_constants_in_external_data_are_read(tmp_path: Path) -> None:
    """The new exporter of torch keeps index tables outside the model; read, they are exact."""
    (tmp_path / "w.bin").write_bytes(bytes(8) + np.array([7, 0, 2]).tobytes())
    network = read_onnx(written(tmp_path, outside("w.bin", offset="8", length="24")))
    assert network.shapes["y"] == (1, 3, 8, 3)
    (step,) = network.results[0].outputs[0].reads[0][0]
    assert isinstance(step, Along)
    assert [step.map.reads(k) for k in range(3)] == [(7,), (0,), (2,)]
    assert not network.nodes[0].at_most


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": "1"}, "needs 24 bytes, the model gives 24 from byte 1 of 'w.bin', which holds 24"),
        ({"length": "23"}, "needs 24 bytes, the model gives 23"),
        ({"offset": "-8"}, "from byte -8"),
        ({"length": "-1"}, "the model gives -1"),
        ({"offset": "many"}, "no number"),
        ({"length": "9" * 5000}, "no number|the model gives"),
    ],
)
def test_external_data_that_is_not_there(tmp_path: Path, entries: dict[str, str], message: str) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(24))
    with pytest.raises(ModelError, match=message):
        read_onnx(written(tmp_path, outside("w.bin", **entries)))


def test_refusals_name_node_and_operator(tmp_path: Path) -> None:
    loop = helper.make_node("Loop", ["", "", "x"], ["y"], "again", body=helper.make_graph([], "b", [], []))
    with pytest.raises(UnsupportedError, match=r"model.onnx: node again \(Loop\): a loop is not read"):
        read_onnx(written(tmp_path, model_of(loop)))
    custom = model_of(helper.make_node("Odd", ["x"], ["y"], "mine", domain="corp"))
    with pytest.raises(UnsupportedError, match=r"node mine \(Odd\).*unknown=\"whole\""):
        read_onnx(written(tmp_path, custom))
    with pytest.raises(UnsupportedError, match="declares no shape"):
        read_onnx(written(tmp_path, custom), unknown="whole")


def test_an_unknown_element_type(tmp_path: Path) -> None:
    model = model_of(helper.make_node("Relu", ["x"], ["y"]))
    model.graph.input[0].type.tensor_type.elem_type = 99
    assert "unknown element type 99" in refusal(written(tmp_path, model))


def test_opsets_outside_the_range(tmp_path: Path) -> None:
    for opset in (6, 99):
        with pytest.raises(ModelError, match=f"opset {opset}; opsets 7 to"):
            read_onnx(written(tmp_path, model_of(helper.make_node("Relu", ["x"], ["y"]), opset=opset)))


def test_mutated_operators(tmp_path: Path) -> None:
    """Every kind of operator, damaged: what is wrong is said, and a fault of the reader's own would be seen."""
    fuzz(tmp_path, operators(every=12), 150, seed=3)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_thousands_of_mutated_operators(tmp_path: Path) -> None:
    fuzz(tmp_path, operators(), 20000, seed=4)


def operators(every: int = 1) -> list[tuple[bytes, object]]:
    chosen = list(operator_cases().values())[::every]
    return [(with_constants(case).SerializeToString(), None) for case in chosen]


@pytest.mark.parametrize("bug", [TypeError, AttributeError, KeyError, AssertionError, NotImplementedError])
def test_a_bug_of_the_readers_own_is_no_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: type[Exception]
) -> None:
    def translator(call: Call) -> Translation:
        raise bug("ours")

    path = written(tmp_path, model_of(helper.make_node("Relu", ["x"], ["y"])))
    monkeypatch.setitem(OPERATORS, "Relu", translator)
    with pytest.raises(bug, match="ours"):
        read_onnx(path)


UNREADABLE = b"\xff\xfe"


@pytest.mark.parametrize("where", ["node", "input", "output", "attribute", "location", "function's node"])
def test_names_that_are_no_text(tmp_path: Path, where: str) -> None:
    """Protobuf hands over as bytes what it cannot decode."""
    model = calling() if "function" in where else outside("w.bin") if where == "location" else model_of(
        helper.make_node("Flatten", ["x"], ["y"], "zzzz", axis=1))  # fmt: skip
    old = {"node": "zzzz", "input": "x", "output": "y", "attribute": "axis", "location": "w.bin"}
    name = old.get(where, "pool").encode()
    content = model.SerializeToString()
    mark = bytes([len(name)]) + name
    assert mark in content
    text = refusal(written(tmp_path, content.replace(mark, bytes([len(name)]) + (UNREADABLE * len(name))[: len(name)])))
    assert "UTF-8" in text or "truncated or damaged" in text


FITTING = {
    "values of too many axes": helper.make_node("Slice", ["x"], ["y"], starts=[0] * 5, ends=[1] * 5),
    "step 0": helper.make_node("Slice", ["x", "a", "b", "b", "c"], ["y"]),
    "no operand": helper.make_node("Max", [], ["y"]),
    "no input": helper.make_node("Clip", [], ["y"]),
    "sizes for other axes": helper.make_node("CenterCropPad", ["x", "b"], ["y"], axes=[1, 2]),
    "an image of three axes": helper.make_node("RoiAlign", ["b", "x", "b"], ["y"]),
    "a signal of four axes": helper.make_node("STFT", ["x", "one", "", "one"], ["y"]),
    "a constant reduced along no axis": helper.make_node("ReduceMax", ["b"], ["y"], axes=[7]),
    "a huge image": helper.make_node("Resize", ["x", "", "", "d"], ["y"], mode="linear"),
}


@pytest.mark.parametrize("name", FITTING)
def test_what_does_not_fit_is_told_before_it_goes_wrong(tmp_path: Path, name: str) -> None:
    opset = {"values of too many axes": 9, "sizes for other axes": 18}.get(name, 17)
    model = model_of(FITTING[name], opset=opset)
    constants = {"a": [0], "b": [4], "c": [0], "d": [1, 3, 1 << 30, 8]}
    model.graph.initializer.extend(helper.make_tensor(k, TensorProto.INT64, [len(v)], v) for k, v in constants.items())
    model.graph.initializer.append(helper.make_tensor("one", TensorProto.INT64, [], [1]))
    text = refusal(written(tmp_path, model))
    assert text
    assert "attributes and inputs do not fit" not in text


NUMBERS = (-(1 << 40), -9, -2, -1, 0, 1, 2, 3, 5, 100, 1 << 21, 1 << 40)


def altered(content: bytes, rng: random.Random) -> bytes:
    """The same operator with another number, an attribute, input or axis less, or one more."""
    model = onnx.load_from_string(content)
    node, shape = rng.choice(model.graph.node), rng.choice(model.graph.input).type.tensor_type.shape.dim
    match rng.randrange(5):
        case 0 if node.attribute:
            item = rng.choice(node.attribute)
            if item.ints and rng.random() < 0.6:
                item.ints[rng.randrange(len(item.ints))] = rng.choice(NUMBERS)
            elif item.type == onnx.AttributeProto.INTS:
                item.ints.append(rng.choice(NUMBERS))
            else:
                item.i = rng.choice(NUMBERS) if item.type == onnx.AttributeProto.INT else 0
        case 1 if node.attribute:
            del node.attribute[rng.randrange(len(node.attribute))]
        case 2 if node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice(["", *node.input])
        case 3 if node.input:
            del node.input[rng.randrange(len(node.input))]
        case _ if shape and rng.random() < 0.7:
            shape[rng.randrange(len(shape))].dim_value = rng.choice((1, 2, 3, 5, 7))
        case _:
            shape.add().dim_value = 2
    return model.SerializeToString()


def refused_by_rule(folder: Path, count: int, every: int, seed: int) -> None:
    rng, contents = random.Random(seed), operators(every)
    for _ in range(count):
        text = refusal(written(folder, altered(rng.choice(contents)[0], rng)))
        assert "attributes and inputs do not fit" not in text


def test_altered_operators_are_refused_by_a_rule(tmp_path: Path) -> None:
    refused_by_rule(tmp_path, 300, 12, seed=5)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_thousands_of_altered_operators_are_refused_by_a_rule(tmp_path: Path) -> None:
    refused_by_rule(tmp_path, 20000, 1, seed=6)


def test_attributes_of_another_type(tmp_path: Path) -> None:
    for value, found in ((1.5, "float"), ([1, 2], "ints"), ("two", "string")):
        model = model_of(helper.make_node("Flatten", ["x"], ["y"], axis=value))
        assert f"attribute 'axis' should be int, is {found}" in refusal(written(tmp_path, model))


def test_versions_no_operator_set_has(tmp_path: Path) -> None:
    model = model_of(helper.make_node("Odd", ["x"], ["y"], domain="corp"))
    model.opset_import.add(domain="corp", version=1 << 40)
    assert "domain 'corp' is imported in version 1099511627776" in refusal(written(tmp_path, model))
