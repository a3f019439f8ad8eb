"""The control: every output channel keeps its weights and loses their order."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import ModelProto, helper, load_from_string, numpy_helper
from support.tflite_cases import conv
from support.tflite_models import Sketch
from torch import nn

from striate.errors import UnsupportedError
from striate.explore import kernels
from striate.explore.control import shuffled
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.schema import load_graph
from striate.formats.torch.module import TorchModule

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))


def same_but_moved(before: np.ndarray, after: np.ndarray) -> bool:
    flat = [weights.reshape(len(weights), -1) for weights in (before, after)]
    return bool((np.sort(flat[0]) == np.sort(flat[1])).all() and (flat[0] != flat[1]).any())


def test_a_module_keeps_its_weights_channel_by_channel_and_is_not_touched() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 5)
    module = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(3, 2, 3))
    first = layer.weight.detach().clone()
    control = shuffled(Model(module, (1, 2, 20, 20)))
    assert isinstance(control.source, TorchModule)
    assert torch.equal(layer.weight, first)
    copies = [part.weight.detach().numpy() for part in control.source.module.modules() if isinstance(part, nn.Conv2d)]
    assert same_but_moved(first.numpy(), copies[0])
    assert control.network.shapes["2"] == (1, 2, 14, 14)


def test_a_file_keeps_its_weights_channel_by_channel() -> None:
    model = Model(DENOISER, (1, 3, 32, 32))
    control, again, other = shuffled(model), shuffled(model), shuffled(model, 1)
    assert control.identity == again.identity != other.identity
    assert isinstance(control.source, OnnxBytes)
    held = [load_from_string(content) for content in (DENOISER.read_bytes(), control.source.content)]
    names = [node.input[1] for node in held[0].graph.node if node.op_type == "Conv"]
    before, after = ({t.name: numpy_helper.to_array(t) for t in proto.graph.initializer} for proto in held)
    kept = [name for name in names if name in before]
    assert len(kept) > 10
    assert all(same_but_moved(before[name], after[name]) for name in kept)
    assert all((before[name] == after[name]).all() for name in before.keys() - set(names))


def with_constant_nodes() -> ModelProto:
    """The denoiser with its weights as the values of nodes, as some exporters write them."""
    proto = load_from_string(DENOISER.read_bytes())
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in proto.graph.initializer]
    kept = list(proto.graph.node)
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.node.extend([*nodes, *kept])
    return proto


def test_weights_that_are_nodes_are_shuffled_and_read_as_others_are() -> None:
    content = with_constant_nodes().SerializeToString()
    plain, other = (shuffled(Model(source, (1, 3, 32, 32))) for source in (DENOISER, content))
    for layer in ("stem/conv", "enc1/conv"):
        weights = kernels(content, layer, (1, 3, 32, 32)).values
        np.testing.assert_array_equal(weights, kernels(DENOISER, layer, (1, 3, 32, 32)).values)
        left, right = (kernels(control, layer).values for control in (plain, other))
        assert same_but_moved(*(np.moveaxis(values, -1, 1) for values in (weights, right)))
        np.testing.assert_array_equal(left, right)


def test_a_tflite_file_keeps_its_weights_channel_by_channel() -> None:
    sketch = Sketch()
    first = conv(sketch, sketch.input(1, 9, 8, 2), 3, 2)
    half = sketch.constant(np.random.default_rng(1).random((1, 3, 3, 3)).astype(np.float16))
    depths = sketch.add("DEQUANTIZE", half), sketch.constant(np.ones(3))
    steps: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "DepthMultiplier": 1}
    last = sketch.add("DEPTHWISE_CONV_2D", first, *depths, options="DepthwiseConv2DOptions", **steps)
    content = sketch.file(last)
    control = shuffled(Model(content))
    assert isinstance(control.source, TfliteModel)
    assert control.identity == shuffled(Model(content)).identity != shuffled(Model(content), 1).identity
    assert isinstance(control.source.held, bytes)
    before, after = ({t.name: t for t in load_graph(held).tensors} for held in (content, control.source.held))
    kinds = {(3, 3, 3, 2): 0, (1, 3, 3, 3): 3}
    moved = 0
    for name, tensor in before.items():
        if tensor.data is not None:
            old, new = (np.frombuffer(t.data or b"", t.dtype).reshape(t.shape) for t in (tensor, after[name]))
            if tensor.shape in kinds:
                moved += same_but_moved(*(np.moveaxis(values, kinds[tensor.shape], 0) for values in (old, new)))
            else:
                assert (old == new).all()
    assert moved == 2


def test_a_model_without_convolutions_has_no_control() -> None:
    with pytest.raises(UnsupportedError, match="no convolution whose weights can be shuffled"):
        shuffled(Model(nn.ReLU(), (1, 2, 4, 4)))
