"""The input that fields speak of by default: the one that is convolved, not the state beside it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, cat, nn
from torch.nn import functional

import striate
from striate.errors import InputError
from striate.fields import Fields, sweep


class Recurrent(nn.Module):
    """Audio through a convolution, with a state of higher rank that meets it later, before another convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 5, stride=2, padding=1)
        self.last = nn.Conv1d(4, 1, 3)

    def forward(self, state: Tensor, audio: Tensor) -> Tensor:
        return self.last(self.conv(audio) + state[0, 0])


def silero() -> Path:
    found = find_spec("silero_vad")
    if found is None or found.origin is None:
        pytest.skip("needs silero-vad")
    return Path(found.origin).parent / "data" / "silero_vad_16k_op15.onnx"


def test_the_convolved_input_comes_before_the_one_of_highest_rank() -> None:
    network = striate.load(Recurrent(), {"state": (2, 1, 4, 7), "audio": (1, 1, 16)})
    assert network.inputs == ("state", "audio")
    fields = network.fields()
    assert fields.source == "audio"
    width = fields["last"].axes["length"]
    assert (width.size, width.stride, width.start) == (9, 2, -1)
    assert network.fields("state", "NCHW").source == "state"
    with pytest.raises(InputError, match="no input 'sound'"):
        network.fields("sound")


class Gated(nn.Module):
    """A picture and a state that are convolved as one, the state first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 2, 3, padding=1)

    def forward(self, hidden: Tensor, frame: Tensor) -> Tensor:
        return self.conv(cat([hidden, frame], 1))


class Kernel(nn.Module):
    """A picture convolved with a kernel that is an input too, and comes first."""

    def forward(self, k: Tensor, x: Tensor) -> Tensor:
        return functional.conv2d(x, k)


class Aside(Gated):
    """A state with a convolution of its own, run before that of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.other = nn.Conv2d(2, 2, 1), nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, state: Tensor, image: Tensor) -> Tensor:
        return self.own(state) + self.other(image)


class Masked(nn.Module):
    def forward(self, attention_mask: Tensor, embeddings: Tensor) -> Tensor:
        return embeddings + attention_mask[0]


@pytest.mark.parametrize(
    ("module", "shapes", "source"),
    [
        (Gated, {"hidden": (1, 2, 8, 8), "frame": (1, 3, 8, 8)}, "frame"),
        (Kernel, {"k": (4, 3, 3, 3), "x": (1, 3, 8, 8)}, "x"),
        (Aside, {"state": (1, 2, 8, 8), "image": (1, 3, 8, 8)}, "image"),
        (Masked, {"attention_mask": (1, 1, 6, 6), "embeddings": (1, 6, 6)}, "embeddings"),
    ],
)
def test_a_state_a_mask_and_a_weight_come_after_the_picture(
    module: type[nn.Module], shapes: dict[str, tuple[int, ...]], source: str
) -> None:
    network = striate.load(module(), shapes)
    assert network.inputs[0] != source
    assert network.fields().source == source


def test_without_a_convolution_the_highest_rank_counts() -> None:
    class Sum(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a + b.mean()

    network = striate.load(Sum(), {"a": (1, 5), "b": (1, 3, 8, 8)})
    assert Fields(network).source == "b"


def test_the_audio_of_a_voice_detector() -> None:
    fields = striate.load(silero(), {"input": (1, 576)}).fields()
    assert fields.source == "input"
    assert fields["/model/encoder/3/activation/Relu"].axes["length"].size is not None


def test_a_sweep_changes_the_size_of_its_source() -> None:
    network = striate.load(silero(), {"input": (1, 576)})
    layer = "/model/encoder/0/activation/Relu"
    assert [point.size for point in network.sweep(layer, (576, 640)).points] == [(576,), (640,)]
    pair = striate.load(Pair(), {"a": (1, 1, 9, 9), "b": (1, 1, 8, 8)})
    assert pair.fields("b").source == "b"
    points = sweep(pair, "conv", (10, 11), source="b").points
    assert [[axis.size for axis in point.axes] for point in points] == [[5, 5], [5, 5]]


class Pair(nn.Module):
    """Two inputs of one rank, each with its own layer; only b may have another size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.conv = nn.Linear(9, 1), nn.Conv2d(1, 1, 5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.conv(b) + self.first(a).sum()


def test_a_network_without_inputs_is_refused(tmp_path: Path) -> None:
    made = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(np.ones((1, 3), np.float32)))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))
    path = tmp_path / "still.onnx"
    onnx.save(helper.make_model(helper.make_graph([made], "still", [], [output])), path)
    with pytest.raises(InputError, match="has no input"):
        striate.load(path).fields()


def test_one_number_for_all_of_a_signal() -> None:
    class Energy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ x

    network = striate.load(Energy(), (7,))
    (last,) = list(network.fields())[-1:]
    assert network.fields()[last].axes["length"].status == "whole"
    assert network.region(last, ()).hull[0] == striate.Interval(0, 7)
