"""Weights as a node takes them: with them torch computes what LiteRT does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.litert import Runtime
from support.tflite_cases import case

from striate.errors import InputError, UnsupportedError
from striate.formats.given import Given
from striate.formats.tflite import read_file
from striate.formats.tflite.weights import weight_values
from striate.formats.unknown import Unknown
from striate.network import Weight
from striate.network.operators import Conv, ConvTranspose

NAMES = ["conv, valid, relu6", "conv, groups", "depthwise, multiplier", "half weights", "transposed, valid", "conv 3d"]


@pytest.mark.parametrize("name", NAMES)
def test_torch_with_them_gives_what_litert_gives(name: str) -> None:
    content = case(name)
    reading = read_file(content, "m", None, Unknown.REFUSE, Given())
    network = reading.network
    node = next(node for node in network.nodes if isinstance(node.op, Conv | ConvTranspose))
    op: Any = node.op
    held: list[Any] = [torch.from_numpy(weight_values(content, weight)) for weight in node.weights]
    assert [tuple(value.shape) for value in held] == [weight.shape for weight in node.weights]
    image = np.random.default_rng(0).uniform(size=network.shapes["x"]).astype(np.float32)
    place, order = reading.places[network.outputs[0]]
    (expected,) = Runtime(content).run(image, [place])
    x = torch.from_numpy(image).movedim(-1, 1)
    x = torch.nn.functional.pad(x, [n for pair in reversed(op.padding) for n in pair])
    if isinstance(op, ConvTranspose):
        found = torch.nn.functional.conv_transpose2d(x, held[0], stride=op.stride)
    else:
        slide: Any = torch.nn.functional.conv2d if x.ndim == 4 else torch.nn.functional.conv3d
        found = slide(x, *held, stride=op.stride, groups=op.groups)
    np.testing.assert_allclose(found.numpy(), expected.transpose(order), rtol=1e-5)


def test_what_is_not_there_or_no_float_is_refused() -> None:
    content = case("8-bit")
    network = read_file(content, "m", None, Unknown.REFUSE, Given()).network
    node = next(node for node in network.nodes if isinstance(node.op, Conv))
    with pytest.raises(UnsupportedError, match="is kept as INT8; floats are read"):
        weight_values(content, node.weights[0])
    with pytest.raises(InputError, match="holds no weight 'none'"):
        weight_values(content, Weight("weight", "none", (1,)))
