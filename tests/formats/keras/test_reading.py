"""What a network that was read from a .keras file says beside its fields: names, layout, weights, sizes, identity."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import run
from support.keras_models import F, L, array, dependence, keras, lit, saved
from support.oracle import dependence as claimed_by
from support.sure import sure

import striate
from striate.errors import InputError
from striate.fields import Fields
from striate.formats.given import Given
from striate.formats.keras import read_file
from striate.formats.keras.config import parsed
from striate.formats.keras.file import KerasModel
from striate.formats.keras.weights import weight_values
from striate.formats.model import Model
from striate.formats.unknown import Unknown
from striate.network import Weight
from striate.network.operators import Conv, Elementwise, Function, Transpose


def block() -> Any:
    x = L.Input((9, 9, 2), name="image")
    first = L.Conv2D(4, 3, strides=2, padding="same", activation="relu6", name="stem")(x)
    second = L.DepthwiseConv2D(3, padding="same", name="apart")(first)
    return keras.Model(x, L.Add(name="sum")([first, second]), name="block")


BLOCK = saved(block())


def test_a_layer_has_its_channels_first_and_an_input_the_axes_of_the_file() -> None:
    network = striate.load(BLOCK)
    assert network.shapes["image"] == (1, 9, 9, 2)
    assert network.shapes["stem"] == network.shapes["sum"] == (1, 4, 5, 5)
    assert network.fields().layout == "NHWC"


def test_an_activation_is_a_node_of_its_own_under_the_layers_name() -> None:
    nodes = striate.load(BLOCK).nodes
    assert [(node.name, node.source) for node in nodes] == [
        ("image.channels_first", "Permute"),
        ("stem.conv", "Conv2D"),
        ("stem", "relu6"),
        ("apart", "DepthwiseConv2D"),
        ("sum", "Add"),
    ]
    assert nodes[2].op == Elementwise(function=Function.of("clip", min=0.0, max=6.0))


def test_a_node_says_where_the_file_keeps_its_weights() -> None:
    node = striate.load(BLOCK).nodes[1]
    assert node.weights == (
        Weight("weight", "layers/conv2d/vars/0", (4, 2, 3, 3), (Transpose((3, 2, 0, 1)),)),
        Weight("bias", "layers/conv2d/vars/1", (4,)),
    )


def everything() -> Any:
    """A layer of each kind that has weights, models in models and a layer that is used twice."""
    x = L.Input((8, 8, 4), name="x")
    shared = L.SeparableConv2D(4, 3, padding="same")
    inner = keras.Sequential([L.Input((8, 8, 4)), L.BatchNormalization(), L.Conv2D(4, 3, padding="same")])
    deep = keras.Model(x, inner(L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)[..., :4]))
    y = L.LayerNormalization()(deep(shared(shared(x))))
    y = L.GroupNormalization(2)(L.Conv2DTranspose(4, 2)(L.PReLU(shared_axes=[1, 2])(y)))
    tokens = L.Reshape((81, 4))(y)
    tokens = L.MultiHeadAttention(2, 3)(tokens, tokens)
    tokens = L.Bidirectional(L.GRU(3, return_sequences=True))(L.RMSNormalization()(tokens))
    tokens = L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")(L.TimeDistributed(L.Dense(4))(tokens))
    return keras.Model(x, L.Dense(3, activation="softmax")(L.LSTM(4)(tokens)))


def test_weights_are_those_of_keras() -> None:
    """Every variable of Keras is a node's weight, and read as it is there."""
    model = lit(everything())
    content = saved(model)
    network = striate.load(content).network
    weights = {weight.name: weight for node in network.nodes for weight in node.weights}
    assert sum(node.parameters for node in network.nodes) == model.count_params()
    found = sorted(float(np.sum(weight_values(content, weight))) for weight in weights.values())
    held = sorted(float(np.sum(array(variable))) for variable in model.weights if variable.dtype == "float32")
    np.testing.assert_allclose(found, held, rtol=1e-4)


def test_a_convolutions_weight_is_turned_as_the_network_takes_it() -> None:
    model = lit(block())
    content = saved(model)
    nodes = [node for node in striate.load(content).nodes if isinstance(node.op, Conv)]
    for node, layer in zip(nodes, ("stem", "apart"), strict=True):
        values = weight_values(content, node.weights[0])
        kernel = array(model.get_layer(layer).kernel)
        if layer == "apart":
            np.testing.assert_array_equal(values[:, 0], kernel[..., 0].transpose(2, 0, 1))
        else:
            np.testing.assert_array_equal(values, kernel.transpose(3, 2, 0, 1))
    with pytest.raises(InputError, match="holds no weight 'layers/none' of its own"):
        weight_values(content, Weight("weight", "layers/none", (1,)))


def test_another_size_is_what_keras_makes_of_it() -> None:
    x = L.Input((None, None, 2), name="x")
    model = keras.Model(x, L.MaxPooling2D(2)(L.Conv2D(3, 3, strides=2, padding="same")(x)))
    content = saved(model)
    with pytest.raises(InputError, match=r"of shape \(1, \?, \?, 2\): dimension 1 \(unnamed\) is dynamic"):
        striate.load(content)
    for shape in ((1, 9, 9, 2), (3, 12, 7, 2)):
        network = striate.load(content, shape)
        batch, rows, columns, channels = model.compute_output_shape(shape)
        assert network.shapes[network.network.outputs[0]] == (batch, channels, rows, columns)


def test_the_pads_of_same_depend_on_the_size() -> None:
    fields = [Fields(Model(BLOCK, (1, n, n, 2)))["stem"].axes["height"] for n in (8, 9)]
    assert [sure(axis.span).start for axis in fields] == [0, -1]


def test_a_file_is_told_by_its_name_or_by_what_is_in_it(tmp_path: Path) -> None:
    for name in ("block.keras", "block.bin"):
        path = tmp_path / name
        path.write_bytes(BLOCK)
        assert isinstance(Model(path).source, KerasModel)
        assert Model(path).kind == "keras"
        assert striate.load(path).name == "block"
    assert Model(path).identity == Model(BLOCK).identity
    assert "stem" in run("fields", tmp_path / "block.keras").stdout


def test_several_inputs_and_outputs() -> None:
    x, y = L.Input((8, 8, 1), name="b"), L.Input((8, 8, 1), name="a")
    mixed = L.Concatenate(name="both")([x, L.Conv2D(2, 3, padding="same")(y)])
    network = striate.load(saved(keras.Model([x, y], {"q": mixed, "p": L.ReLU(name="end")(y)}))).network
    assert network.inputs == ("b", "a")
    assert network.outputs == ("end", "both")
    again = striate.load(saved(keras.Model({"b": x, "a": y}, mixed)))
    assert set(again.network.inputs) == {"a", "b"}


def test_a_model_that_ends_in_a_model() -> None:
    """Its calls are counted from one where the outputs are named, from zero where a layer reads it."""
    a = L.Input((8, 8, 2), name="a")
    inner = keras.Model(a, [L.Conv2D(2, 3, padding="same", name="c")(a), L.ReLU(name="r")(a)], name="inner")
    x = L.Input((8, 8, 2), name="x")
    first, second = inner(x)
    again, _ = inner(L.Add()([first, second]))
    network = striate.load(saved(keras.Model(x, [again, first]))).network
    assert network.outputs == ("inner:1/c", "inner/c")
    assert network.parts["inner"] == ("inner/c", "inner/r", "inner/r.channels_first")
    last = L.Input((8, 8, 2), name="last")
    sequence = keras.Sequential([L.Input((8, 8, 2)), L.ReLU(name="s")], name="sequence")
    assert striate.load(saved(keras.Model(last, sequence(last)))).network.outputs == ("sequence/s",)


def test_a_sequential_without_an_input() -> None:
    model = keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    model.build((None, 6, 6, 1))
    network = striate.load(saved(model)).network
    assert network.shapes[network.inputs[0]] == (1, 6, 6, 1)


def test_a_config_as_keras_2_wrote_it() -> None:
    """Calls as lists of names, models counted from one, an input's batch_input_shape."""

    def entry(kind: str, name: str, nodes: Any, **settings: Any) -> Any:
        return {"class_name": kind, "name": name, "config": {"name": name, **settings}, "inbound_nodes": nodes}

    inner = {
        "name": "inner", "input_layers": [["a", 0, 0]], "output_layers": [["c", 0, 0]],
        "layers": [
            entry("InputLayer", "a", [], batch_input_shape=[None, 4, 4, 1]),
            entry("Conv2D", "c", [[["a", 0, 0, {}]]], filters=1, kernel_size=[3, 3], padding="same"),
        ],
    }  # fmt: skip
    layers = [
        entry("InputLayer", "x", [], batch_input_shape=[None, 4, 4, 1]),
        {"class_name": "Functional", "name": "inner", "config": inner, "inbound_nodes": [[["x", 0, 0, {}]]]},
        entry("Add", "sum", [[["inner", 1, 0, {}], ["x", 0, 0, {}]]]),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    graph = parsed(json.loads(json.dumps({"class_name": "Functional", "config": config})))
    assert [end.call for end in graph.layers[2].calls[0].references()] == [0, 0]


def test_half_precision_takes_half_the_bytes() -> None:
    x = L.Input((8, 8, 1), name="x")
    model = keras.Model(x, L.Conv2D(1, 3, dtype="mixed_float16", name="c")(x))
    network = striate.load(saved(model)).network
    assert (network.item_bytes["x"], network.item_bytes["c"]) == (4, 2)


def grown(seed: int) -> Any:
    """A random Functional model: layers of any kind on any of what was made before, merged where shapes allow."""
    draw = random.Random(seed)
    x = L.Input((draw.choice([6, 7]), 6, 2), name="x")
    made = [x]
    for _ in range(draw.randint(3, 7)):
        y = draw.choice(made[-2:])
        kernel, stride = draw.choice([1, 2, 3]), draw.choice([1, 2])
        layer = draw.choice(
            [
                L.Conv2D(2, kernel, strides=stride, padding="same", activation="relu"),
                L.DepthwiseConv2D(3, padding="same"),
                L.BatchNormalization(),
                L.AveragePooling2D(2, 1, padding="same"),
                L.ZeroPadding2D(((1, 0), (0, 1))),
                L.UpSampling2D(2) if min(y.shape[1:3]) < 4 else L.Conv2D(2, 2),
                L.Permute((2, 1, 3)),
                L.Conv2DTranspose(2, 3, padding="same"),
            ]
        )
        made.append(layer(y))
        partners = [part for part in made[:-1] if part.shape == made[-1].shape]
        if partners and draw.random() < 0.6:
            made.append(draw.choice([L.Add, L.Average, L.Concatenate])()([made[-1], draw.choice(partners)]))
    return keras.Model(x, made[-1])


@pytest.mark.parametrize("seed", range(4))
def test_random_models(seed: int) -> None:
    compared(seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(4, 104))
def test_many_random_models(seed: int) -> None:
    compared(seed)


def compared(seed: int) -> None:
    model = lit(grown(seed))
    reading = read_file(saved(model), "m.keras", None, Unknown.REFUSE, Given())
    reading.network.validate()
    (output,) = reading.network.outputs
    measured = np.any([dependence(model, model.outputs[0], k) for k in range(2)], axis=0)
    measured = measured.transpose(*reading.orders[output], -1)
    np.testing.assert_array_equal(claimed_by(reading.network)[output], measured)


def test_functions_between_layers_have_names_of_their_own() -> None:
    x = L.Input((4, 4, 2), name="x")
    network = striate.load(saved(keras.Model(x, F.relu(x * 2.0) + x))).network
    assert [node.source for node in network.nodes] == ["Multiply", "relu", "Add"]
