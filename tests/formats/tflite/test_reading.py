"""What a network that was read from a TFLite file says beside its fields: names, layout, weights, sizes, identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite
from support.litert import Runtime
from support.sure import sure
from support.tflite_cases import SAME, case, conv, depthwise, positive
from support.tflite_models import Sketch

import striate
from striate.errors import InputError
from striate.fields import Fields
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxFile
from striate.formats.tflite.file import TfliteModel
from striate.network import Weight
from striate.network.operators import Conv, Elementwise, Function, Transpose

RELU6 = tflite.ActivationFunctionType.RELU6


def block() -> tuple[bytes, int]:
    """A strided convolution with its activation, a depthwise one, and a residual, as MobileNets have."""
    sketch = Sketch()
    x = sketch.input(1, 9, 9, 2, name="image")
    weights = sketch.constant(positive(4, 3, 3, 2), "stem/Conv2D"), sketch.constant(positive(4), "stem/bias")
    first = sketch.add(
        "CONV_2D", x, *weights, name="stem/Relu6;stem/BatchNorm;stem/Conv2D1", options="Conv2DOptions", StrideH=2,
        StrideW=2, Padding=SAME, FusedActivationFunction=RELU6,
    )  # fmt: skip
    second = depthwise(sketch, first, 4)
    end = sketch.add("ADD", first, second, name="sum", options="AddOptions")
    return sketch.file(end), end


BLOCK, SUM = block()


def test_a_layer_has_its_channels_first_and_an_input_the_axes_of_the_file() -> None:
    network = striate.load(BLOCK)
    assert network.shapes["image"] == (1, 9, 9, 2)
    assert network.shapes[network.tensor("stem/Relu6")] == network.shapes["sum"] == (1, 4, 5, 5)
    assert network.fields().layout == "NHWC"


def test_a_fused_activation_is_a_node_of_its_own_under_the_tensors_first_name() -> None:
    nodes = striate.load(BLOCK).nodes
    assert [(node.name, node.source) for node in nodes] == [
        ("image.channels_first", "TRANSPOSE"),
        ("stem/Relu6.conv", "CONV_2D"),
        ("stem/Relu6", "RELU6"),
        ("t6", "DEPTHWISE_CONV_2D"),
        ("sum", "ADD"),
    ]
    assert nodes[2].op == Elementwise(function=Function.of("clip", min=0.0, max=6.0))
    assert nodes[2].outputs == ("stem/Relu6;stem/BatchNorm;stem/Conv2D1",)


def test_a_node_says_where_the_file_keeps_its_weights() -> None:
    node = striate.load(BLOCK).nodes[1]
    assert node.weights == (
        Weight("weight", "stem/Conv2D", (4, 2, 3, 3), (Transpose((0, 3, 1, 2)),)),
        Weight("bias", "stem/bias", (4,)),
    )
    assert node.parameters == 4 * 2 * 3 * 3 + 4


def test_half_weights_are_named_as_they_are_stored() -> None:
    network = striate.load(case("half weights"))
    (weight, bias) = next(node for node in network.nodes if isinstance(node.op, Conv)).weights
    dequantised = Elementwise(function=Function.of("dequantize"))
    assert weight == Weight("weight", "w", (3, 2, 3, 3), (dequantised, Transpose((0, 3, 1, 2))))
    assert bias.shape == (3,)


def test_another_size_is_what_litert_makes_of_it() -> None:
    model = Model(BLOCK)
    for shape in ((1, 9, 9, 2), (1, 12, 7, 2), (3, 8, 8, 2)):
        network = model.at(shape).network
        assert network.inputs == ("image",)
        (value,) = Runtime(BLOCK, shape).run(np.ones(shape, np.float32), [SUM])
        batch, rows, columns, channels = value.shape
        assert network.shapes["sum"] == (batch, channels, rows, columns)


def test_the_pads_of_same_depend_on_the_size() -> None:
    fields = [Fields(Model(BLOCK, (1, n, n, 2)))["stem/Relu6"].axes["height"] for n in (8, 9)]
    assert [sure(axis.span).start for axis in fields] == [0, -1]


def test_a_network_is_told_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "block.bin"
    path.write_bytes(BLOCK)
    assert isinstance(Model(path).source, TfliteModel)
    assert Model(path).kind == "tflite"
    assert Model(path).identity == Model(BLOCK).identity != Model(BLOCK + b"\0").identity
    assert isinstance(Model(tmp_path / "none.onnx").source, OnnxFile)
    assert striate.load(path).name == "block"


def test_an_input_may_stay_at_a_value() -> None:
    sketch = Sketch()
    x, gain = sketch.input(1, 4, 4, 2), sketch.input(1, name="gain")
    content = sketch.file(sketch.add("MUL", x, gain, options="MulOptions"))
    assert striate.load(content).inputs == ("x", "gain")
    assert striate.load(content, values={"gain": 2}).inputs == ("x",)
    with pytest.raises(InputError, match="it must hold one number"):
        striate.load(content, values={"x": 2})
    with pytest.raises(InputError, match="no input 'gian'; did you mean 'gain'"):
        striate.load(content, values={"gian": 2})


def test_tensors_of_one_name_or_of_none_get_names_of_their_own() -> None:
    sketch = Sketch()
    x = sketch.input(1, 4, 4, 1)
    sketch.tensors.append(sketch.tensors[0])
    y = sketch.add("RELU", x, name="x")
    end = conv(sketch, sketch.add("TANH", y, name="x"), 1, 1)
    network = striate.load(sketch.file(end))
    assert network.inputs == ("x",)
    assert len(set(network.layers.values())) == len({name for node in network.nodes for name in node.outputs}) + 1


def test_a_constant_output_is_a_constant() -> None:
    sketch = Sketch()
    x = sketch.input(1, 4, 4, 1)
    shape = sketch.add("SHAPE", x, kind="int32", options="ShapeOptions")
    network = striate.load(sketch.file(sketch.add("RELU", x), shape))
    assert network.shapes[network.outputs[1]] == (4,)
    assert network.fields()["t1"].axes["height"].facts == ("none",)
