"""LiteRT behind a file: layers in the network's order of axes, of the whole graph or of what leads to them."""

from __future__ import annotations

import numpy as np
import pytest
from support.litert import Runtime
from support.tflite_cases import CASES, conv, positive
from support.tflite_models import Sketch

from striate.errors import InputError
from striate.formats.given import Given
from striate.formats.tflite import read_file
from striate.formats.tflite.litert import LiteRtRunner, cut
from striate.formats.tflite.schema import load_graph
from striate.formats.unknown import Unknown


def headed() -> bytes:
    """Two convolutions and a head that takes 6x5 pixels alone."""
    sketch = Sketch()
    first = conv(sketch, sketch.input(1, 6, 5, 2, name="image"), 3, 2, StrideH=2, StrideW=2)
    second = conv(sketch, first, 4, 3)
    flat = sketch.add("RESHAPE", second, sketch.constant(np.array([1, 36])), name="flat")
    return sketch.file(sketch.add("FULLY_CONNECTED", flat, sketch.constant(positive(2, 36)), -1, name="head",
                                  options="FullyConnectedOptions"))  # fmt: skip


def runner(content: bytes) -> LiteRtRunner:
    return LiteRtRunner(content, read_file(content, "m", None, Unknown.REFUSE, Given()))


IMAGE = np.random.default_rng(0).uniform(size=(1, 6, 5, 2)).astype(np.float32)


def test_layers_are_those_of_the_file_with_their_channels_first() -> None:
    content = headed()
    made = runner(content).run({"image": IMAGE}, ["t3", "t6", "head"])
    assert {name: value.shape for name, value in made.items()} == {
        "t3": (1, 3, 3, 3),
        "t6": (1, 4, 3, 3),
        "head": (1, 2),
    }
    own = Runtime(content).run(IMAGE, [3, 6])
    np.testing.assert_allclose(made["t3"], own[0].transpose(0, 3, 1, 2), rtol=1e-5)
    np.testing.assert_allclose(made["t6"], own[1].transpose(0, 3, 1, 2), rtol=1e-5)
    assert list(runner(content).run({"image": IMAGE})) == ["head"]


def test_what_leads_to_a_layer_runs_at_sizes_that_the_head_does_not_take() -> None:
    own = runner(headed())
    crop = IMAGE[:, :4, :4]
    for batch in (1, 3):
        (value,) = own.run({"image": np.repeat(crop, batch, 0)}, ["t6"]).values()
        assert value.shape == (batch, 4, 2, 2)
    with pytest.raises(InputError, match="LiteRT fails on inputs of shape"):
        own.run({"image": crop}, ["head"])
    assert own.run({"image": IMAGE}, ["head"])["head"].shape == (1, 2)


def test_a_graph_cut_short_is_a_whole_file() -> None:
    content = headed()
    graph = load_graph(cut(content, load_graph(content), (6, 3)))
    assert [operation.op for operation in graph.operations] == ["CONV_2D", "CONV_2D"]
    assert graph.outputs == (6, 3)
    assert cut(content, load_graph(content), (0,)) == content


@pytest.mark.parametrize(
    ("feeds", "layers", "said"),
    [
        ({}, ["t6"], "no array is fed for input 'image'"),
        ({"imag": IMAGE}, ["t6"], "no input 'imag'; did you mean 'image'"),
        ({"image": IMAGE}, ["image.channels_first"], "is made inside an operation of the file"),
        ({"image": IMAGE}, ["t66"], "no layer 't66'"),
        ({"image": IMAGE[0]}, ["t6"], "LiteRT fails on inputs of shape"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(feeds: dict[str, np.ndarray], layers: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        runner(headed()).run(feeds, layers)
    assert len(str(caught.value).splitlines()) == 1


def test_an_input_that_stays_at_a_value_is_not_fed() -> None:
    sketch = Sketch()
    x, gain = sketch.input(1, 4, 4, 2), sketch.input(1, name="gain")
    content = sketch.file(sketch.add("MUL", x, gain, options="MulOptions"))
    reading = read_file(content, "m", None, Unknown.REFUSE, Given.of(None, {"gain": 3}))
    (value,) = LiteRtRunner(content, reading).run({"x": np.ones((1, 4, 4, 2))}).values()
    assert (value == 3).all()


def test_few_interpreters_are_kept() -> None:
    own = runner(headed())
    for n in range(4, 14):
        own.run({"image": np.zeros((1, n, n, 2), np.float32)}, ["t3"])
    assert len(own._begun) == 4


def test_every_operator_runs_there() -> None:
    for name in ("gate", "attention", "8-bit", "bilinear, corners"):
        sketch = Sketch()
        content = sketch.file(CASES[name](sketch))
        shape = read_file(content, "m", None, Unknown.REFUSE, Given()).network.shapes
        (value,) = runner(content).run({"x": np.ones(shape["x"], np.float32)}).values()
        assert np.isfinite(value).all()
