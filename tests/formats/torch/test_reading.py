"""Names, aliases, inputs, outputs, parameters, refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.torch_functions import Function
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import InputError, UnsupportedError
from striate.formats.model import Model
from striate.formats.torch import read_torch


class Block(nn.Module):
    """conv -> relu -> (+ x) -> relu, the same relu twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.relu(self.conv(x)) + x)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(Block(), nn.Identity(), Block())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x)
        return {"out": self.head(x.mean((2, 3))), "aux": F.relu(x)}


def test_nodes_are_named_by_their_module() -> None:
    network = read_torch(Heads(), (1, 4, 8, 8))
    assert [node.name for node in network.nodes] == [
        *("body.0.conv", "body.0.relu_1", "body.0.add", "body.0.relu"),
        *("body.2.conv", "body.2.relu_1", "body.2.add", "body.2.relu"),
        *("mean", "head", "relu"),
    ]


def test_every_submodule_and_output_is_a_layer() -> None:
    module = Heads()
    network = read_torch(module, (1, 4, 8, 8))
    for path, _ in module.named_modules():
        assert not path or network.tensor(path)
    assert network.tensor("body.0") == network.tensor("body.1") == "body.0.relu"
    assert (network.tensor("out"), network.tensor("aux")) == ("head", "relu") == network.outputs
    assert network.item_bytes["head"] == 4


class Stages(nn.Module):
    """A list of blocks, which is never called itself, and a layer that two paths share."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 4, 3, padding=1)
        self.stages = nn.ModuleList([Block(), nn.Sequential(Block(), self.stem)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x) * 2
        return x


def test_a_submodule_holds_the_nodes_that_ran_inside_it() -> None:
    network = read_torch(Stages(), (1, 4, 8, 8))
    first, second = network.parts["stages.0"], network.parts["stages.1.0"]
    assert first == ("stages.0.conv", "stages.0.relu_1", "stages.0.add", "stages.0.relu")
    assert second == tuple(name.replace("stages.0", "stages.1.0") for name in first)
    assert network.parts["stages.1"] == (*second, "stem")
    assert network.parts["stages"] == (*first, *second, "stem")
    assert network.parts["stem"] == network.parts["stages.1.1"] == ("stem_1", "stem")
    assert network.parts["stages.0.relu"] == ("stages.0.relu_1", "stages.0.relu")
    assert "" not in network.parts
    assert [n.name for n in network.nodes if n.name not in network.parts["stages"]] == ["stem_1", "mul", "mul_1"]


def test_parameters_are_counted_once() -> None:
    shared = nn.Conv2d(4, 4, 3, padding=1)
    network = read_torch(nn.Sequential(shared, shared), (1, 4, 8, 8))
    assert [node.parameters for node in network.nodes] == [148, 0]
    assert [node.name for node in network.nodes] == ["0_1", "0"]


def test_subgraphs_of_constants_give_no_nodes() -> None:
    weight = nn.Parameter(torch.rand(4, 4))
    network = read_torch(Function(lambda x: x @ weight.softmax(1).t() + weight[0].exp()), (2, 4))
    assert [node.op.word for node in network.nodes] == ["linear", "elementwise"]


def test_inputs_by_list_and_by_name() -> None:
    class Two(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, list[Tensor]]:
            return left + right, [right * 2]

    by_list = read_torch(Two(), [(1, 3), (2, 1)])
    by_name = read_torch(Two(), {"right": (2, 1), "left": (1, 3)})
    assert by_list.inputs == ("left", "right")
    assert by_name.inputs == ("right", "left")
    assert by_list.shapes["add"] == by_name.shapes["add"] == (2, 3)
    assert by_list.tensor("output.1.0") == "mul"


def test_a_model_is_read_at_another_shape() -> None:
    network = read_torch(Heads(), (1, 4, 8, 8))
    again = Model(Heads(), (1, 4, 8, 8)).at({network.inputs[0]: (1, 4, 9, 11)}).network
    assert again.shapes["aux" if "aux" in network.shapes else "relu"] == (1, 4, 9, 11)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x if x.sum() > 0 else -x, "control flow depends on data"),
        (lambda x: x * x.max().item(), "control flow depends on data"),
        (lambda x: x[x > 0], "elements of a mask"),
        (lambda x: x.nonzero(), "depends on the elements"),
        (lambda x: torch.linalg.svd(x)[0], "_linalg_svd"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(function: Callable[[Tensor], Tensor], text: str) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Function(function)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    with pytest.raises(UnsupportedError, match=r"^inner: aten") as caught:
        read_torch(Outer(), (3, 3))
    assert text in str(caught.value)


def test_an_unknown_operator_may_see_everything() -> None:
    network = read_torch(Function(lambda x: torch.linalg.svd(x)[0] + 1), (3, 3), unknown="whole")
    assert [node.op.word for node in network.nodes] == ["whole", "elementwise"]
    with pytest.raises(InputError, match="unknown"):
        read_torch(nn.ReLU(), (3,), unknown="guess")


def test_control_flow_on_shapes_and_constants_is_followed() -> None:
    steps = torch.tensor([1, 2])

    def forward(x: Tensor) -> Tensor:
        for step in steps.tolist():
            x = x[..., step:]
        return x if torch.arange(3, device=x.device).sum() == 3 and x.shape[0] == 1 else x.flatten()

    assert read_torch(Function(forward), (1, 8)).shapes["slice_1"] == (1, 5)


def test_modules_on_meta_need_no_weights() -> None:
    with torch.device("meta"):
        module = Heads()
    assert read_torch(module, (1, 4, 8, 8)).shapes["head"] == (1, 2)


def test_lazy_layers_are_refused() -> None:
    with pytest.raises(InputError, match="lazy"):
        read_torch(nn.LazyConv2d(3, 3), (1, 3, 8, 8))


@pytest.mark.parametrize(
    ("module", "shape", "ops"),
    [
        (nn.LSTM(4, 5, batch_first=True), (1, 7, 4), ["rnn"]),
        (nn.GRU(4, 5, num_layers=2, bidirectional=True), (7, 1, 4), ["rnn"]),
        (nn.RNN(4, 5), (7, 4), ["reshape", "rnn", "reshape", "reshape"]),
        (nn.MaxPool2d(2, return_indices=True), (1, 3, 8, 8), ["pool", "pool"]),
        (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (1, 3, 8, 8), ["pad", "conv"]),
        (nn.ConvTranspose3d(3, 4, 2, stride=2), (1, 3, 4, 4, 4), ["conv_transpose"]),
        (nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 3)), (1, 3, 8), ["conv"]),
        (nn.utils.spectral_norm(nn.Conv2d(3, 4, 3)), (1, 3, 8, 8), ["conv"]),
        (nn.BatchNorm2d(3, track_running_stats=False), (1, 3, 5, 5), ["mix"]),
        (nn.Sequential(nn.PReLU(), nn.Hardswish(), nn.Mish(), nn.Softplus()), (1, 3, 4), ["elementwise"] * 4),
    ],
)
@pytest.mark.filterwarnings("ignore:.*spectral_norm:FutureWarning")
def test_layers(module: nn.Module, shape: tuple[int, ...], ops: list[str]) -> None:
    network = read_torch(module, shape)
    network.validate()
    assert [node.op.word for node in network.nodes] == ops
    assert sum(node.parameters for node in network.nodes) == sum(p.numel() for p in module.parameters())


def test_sampling_depends_on_data() -> None:
    def forward(x: Tensor) -> Tensor:
        return F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False)

    network = read_torch(Function(forward), (1, 4, 5, 6))
    network.validate()
    assert network.nodes[-1].op.word == "sample"


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_scripted_modules_are_read() -> None:
    traced = torch.jit.trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.rand(1, 3, 5, 5))
    assert [node.op.word for node in read_torch(traced, (1, 3, 8, 8)).nodes] == ["conv", "elementwise"]
