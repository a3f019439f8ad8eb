"""Kinds of modules a user holds: each read right, as the gradients of the module say, or refused in a true line."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from support.odd import wrongly
from torch import Tensor, nn
from torch.nn import functional as F

from striate import InputError, Model, StriateError, UnsupportedError, load
from striate.check import check
from striate.fields import Fields, Unit, region

SHAPE = (1, 3, 12, 14)


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.Conv2d(4, 2, 3, stride=2))


class Does(nn.Module):
    """A convolution, and a function of it and the input."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c, self.function = nn.Conv2d(3, 3, 3, padding=1), function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.c(x), x)


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, xs: list[Tensor]) -> Tensor:
        return self.c(xs[0]) + self.c(xs[1])


class Keyed(Listed):
    def forward(self, batch: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
        return self.c(batch["image"]) * batch["gain"]


class Recorded(Listed):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        with torch.profiler.record_function("convolve"):
            return self.c(x)


@dataclass
class Answer:
    last: Tensor
    hidden: tuple[Tensor, ...]


class Output(OrderedDict[str, Any]):
    """As the outputs of transformers are: entries as attributes, some of them None."""


class Pretrained(nn.Module):
    """A signature as transformers have it."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 3, 3)

    def forward(self, pixel_values: Tensor | None = None, labels: Tensor | None = None, return_dict: Any = None) -> Any:
        assert pixel_values is not None
        return Output(logits=self.c(pixel_values), loss=None, hidden_states=(pixel_values,))


def exported(**options: Any) -> torch.export.ExportedProgram:
    return torch.export.export(plain().eval(), (torch.zeros(SHAPE),), **options)


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module: nn.Module = torch.jit.script(plain())
        return module


KINDS: dict[str, Callable[[], Any]] = {
    "train mode": lambda: plain().train(),
    "half": lambda: plain().half(),
    "bfloat16": lambda: plain().bfloat16(),
    "data parallel": lambda: nn.DataParallel(plain()),
    "compiled": lambda: torch.compile(plain()),
    "scripted": scripted,
    "traced by fx": lambda: torch.fx.symbolic_trace(plain()),
    "exported": exported,
    "exported module": lambda: exported().module(),
    "exported with open sizes": lambda: exported(dynamic_shapes=({2: torch.export.Dim("h", min=6, max=64)},)).module(),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_in_another_dress_has_the_same_fields(kind: str) -> None:
    expected, found = load(plain(), SHAPE), load(KINDS[kind](), SHAPE)
    for at in ((0, 0), (2, 3), (4, 5)):
        pair = [model.region(model.outputs[0], at) for model in (expected, found)]
        assert pair[0].hull == pair[1].hull
        assert pair[0].cover.sum() == pair[1].cover.sum() == read_by_gradient(plain(), at)


def read_by_gradient(module: nn.Module, at: tuple[int, ...]) -> int:
    x = torch.rand(SHAPE, requires_grad=True)
    module.eval()(x)[(0, slice(None), *at)].sum().backward()
    assert x.grad is not None
    return int((x.grad != 0).any(1).sum())


def test_an_exported_program_knows_its_shapes() -> None:
    assert load(exported()).shapes["input"] == SHAPE
    assert load(exported().module()).shapes["input"] == SHAPE


@pytest.mark.parametrize(
    ("module", "shapes", "inputs"),
    [
        (Listed, {"xs": [(1, 3, 8, 8), (1, 3, 8, 8)]}, ("xs.0", "xs.1")),
        (Listed, {"xs.0": (1, 3, 8, 8), "xs.1": (1, 3, 8, 8)}, ("xs.0", "xs.1")),
        (Listed, {"xs": [torch.zeros(1, 3, 8, 8)] * 2}, ("xs.0", "xs.1")),
        (Keyed, {"batch.image": (1, 3, 8, 8), "batch.gain": ()}, ("batch.image", "batch.gain")),
        (Recorded, torch.zeros(1, 3, 8, 8), ("x",)),
        (Recorded, np.zeros((1, 3, 8, 8), np.float32), ("x",)),
        (lambda: Does(lambda y, x: {"a": y, "b": x}), SHAPE, ("x",)),
        (lambda: Does(lambda y, x: Answer(y, (x, y))), SHAPE, ("x",)),
        (Pretrained, {"pixel_values": SHAPE}, ("pixel_values",)),
        (Pretrained, SHAPE, ("pixel_values",)),
    ],
)
def test_arguments_and_results_of_any_form_are_read(module: Callable[[], nn.Module], shapes: Any, inputs: Any) -> None:
    model = Model(module(), shapes)
    assert model.network.inputs == inputs
    assert Fields(model)[model.network.outputs[0]].axes["height"].size == 3
    assert check(model, units=[(2, 3)]).ok


def test_a_type_and_a_value_are_part_of_the_model() -> None:
    embedding = nn.Sequential(nn.Embedding(9, 4))
    one, other = Model(embedding, (1, 5), dtype="int64"), Model(embedding, torch.zeros(1, 5, dtype=torch.int64))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Model(embedding, (1, 5))
    assert one.at((1, 7)).network.shapes["0.embedding"] == (1, 7, 4)
    with pytest.raises(InputError, match="dtype must be one of"):
        Model(embedding, (1, 5), dtype="int65")
    with pytest.raises(InputError, match="the value of 'k' must be a number"):
        wrongly(Model)(embedding, (1, 5), values={"k": "two"})


TARGET = torch.zeros(1, 12, 14, dtype=torch.long)
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "smooth l1": F.smooth_l1_loss,
    "huber": F.huber_loss,
    "logits": F.binary_cross_entropy_with_logits,
    "probabilities": lambda y, x: F.binary_cross_entropy(y.sigmoid(), x),
    "kl": lambda y, x: F.kl_div(y.log_softmax(1), x),
    "classes": lambda y, x: F.cross_entropy(y, TARGET),
    "each": lambda y, x: F.mse_loss(y, x, reduction="none"),
    "each class": lambda y, x: F.nll_loss(y.log_softmax(1), TARGET, reduction="none"),
}


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_reads_what_its_gradient_says(name: str) -> None:
    module = Does(LOSSES[name])
    model = load(module, SHAPE)
    x = torch.rand(SHAPE, requires_grad=True)
    value = module(x)
    (value[..., 4, 5] if value.dim() else value).sum().backward()
    assert x.grad is not None
    assert model.shapes[model.outputs[0]] == tuple(value.shape)
    if value.dim():
        unit = Unit(model.outputs[0], (4, 5))
        assert model.region(unit).cover.sum() == int((x.grad != 0).any(1).sum())


class Spectrum(nn.Module):
    def __init__(self, back: bool = False, window: bool = True, **options: Any) -> None:
        super().__init__()
        self.w: Tensor | None
        self.register_buffer("w", torch.hann_window(options.get("win_length", 16)) if window else None)
        self.back, self.options = back, options

    def forward(self, x: Tensor) -> Tensor:
        found = torch.stft(x, 16, 4, window=self.w, return_complex=True, **self.options)
        return torch.istft(found, 16, 4, window=self.w, length=x.shape[-1]) if self.back else found.abs()


@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize(
    ("back", "options"),
    [
        (False, {}),
        (False, {"window": False}),
        (False, {"center": False}),
        (False, {"win_length": 10}),
        (False, {"onesided": False, "center": False}),
        (False, {"pad_mode": "constant"}),
        (True, {}),
    ],
)
def test_a_frame_reads_its_window(back: bool, options: Any) -> None:
    module = Spectrum(back, **options).double()
    model = load(module, (1, 64))
    name = model.outputs[0]
    frames = model.shapes[name][-1]
    assert tuple(module(torch.rand(1, 64, dtype=torch.float64)).shape) == model.shapes[name]
    for frame in range(0, frames, 3):
        x = torch.rand(1, 64, dtype=torch.float64, requires_grad=True)
        weights = torch.rand(model.shapes[name][:-1], dtype=torch.float64)
        # Frames put together again give the signal: only what passes through each frame alone shows that they overlap.
        value = _unequal(module, x) if back else module(x)
        (value[..., frame] * weights).sum().backward()
        assert x.grad is not None
        read = {int(k) for k in (x.grad[0].abs() > 1e-12).nonzero()}
        seen = model.region(Unit(name, (frame,)))
        claimed = {seen.hull[0].start + int(k) for k in np.flatnonzero(seen.cover)}
        assert claimed == read, (frame, claimed ^ read)


def _unequal(module: Any, x: Tensor) -> Tensor:
    """The way there and back with another weight on every frame and bin between."""
    found = torch.stft(x, 16, 4, window=module.w, return_complex=True)
    weighed = found * torch.rand(found.shape, dtype=torch.float64)
    return torch.istft(weighed, 16, 4, window=module.w, length=x.shape[-1])


LIBRARY = torch.library.Library("striate_tests", "FRAGMENT")
LIBRARY.define("shapeless(Tensor x) -> Tensor")
LIBRARY.impl("shapeless", lambda x: x * 2, "CPU")


class Inside(nn.Module):
    """A module whose submodule ``body.inner`` does it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"inner": Does(function)})

    def forward(self, x: Tensor) -> Any:
        return self.body["inner"](x)


def packed(y: Tensor, x: Tensor) -> Tensor:
    return nn.utils.rnn.pack_padded_sequence(y[0], torch.tensor([14, 14, 14]), batch_first=True).data


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (lambda y, x: torch.ops.striate_tests.shapeless(y), ("has no meta kernel", "torch.library.register_fake")),
        (lambda y, x: y[y > 0], ("depends on the elements of a mask", "the part of the model before it")),
        (lambda y, x: y.nonzero(), ("depends on the elements", "the part of the model before it")),
        (lambda y, x: torch.linalg.eigvals(y[..., :12]), ("no rule for operator", 'unknown="whole"')),
        (lambda y, x: y * float(y.mean()), ("control flow depends on data", "give its value")),
        (lambda y, x: torch.from_numpy(y.numpy()), ("leaves torch by Tensor.numpy", "the part of the model before it")),
        (lambda y, x: y[0, 0].to_sparse(), ("sparse tensors", "the part of the model before it")),
        (packed, ("packed sequences", "the padded tensor itself")),
        (lambda y, x: torch.stft(y[0, 0], 99, center=False, return_complex=True), ("at least 99 samples",)),
    ],
)
def test_a_refusal_names_the_submodule_and_what_to_try(function: Callable[..., Any], lines: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedError) as refused:
        load(Inside(function), SHAPE)
    text = str(refused.value)
    assert text.startswith("body.inner")
    assert all(line in text for line in lines), text
    assert "depends on data" not in text or "control flow" in text


@pytest.mark.parametrize(
    ("module", "shape", "line"),
    [
        (nn.Conv2d(3, 4, 3), (1, 4, 8, 8), "takes 3 channels in each group and axis 1 of (1, 4, 8, 8) has 4: give 3"),
        (nn.Sequential(nn.Conv2d(3, 4, 9)), (1, 3, 8, 8), "kernel of 9x9 does not fit into 8x8"),
        (nn.Linear(5, 2), (1, 6), "takes 5 features and is given 6"),
        (nn.Embedding(5, 2), (1, 6), "token ids need dtype='int64'"),
        (Does(lambda y, x: y + x[..., 1:]), SHAPE, "do not broadcast"),
        (Does(lambda y, x: torch.cat([y, x[..., 1:, 1:]], 1)), SHAPE, "divides by the network's stride"),
        (Listed(), ((1, 3, 8, 8), (1, 3, 8, 8)), "if xs is a list of tensors"),
    ],
)
def test_tensors_that_do_not_fit_are_told_the_rule(module: nn.Module, shape: Any, line: str) -> None:
    with pytest.raises(StriateError) as refused:
        load(module, shape)
    assert line in str(refused.value), str(refused.value)


def small() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], "conv")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w_"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


@pytest.mark.parametrize("form", [onnx.ModelProto.SerializeToString, lambda model: model])
def test_a_model_in_memory_is_read_and_proved(form: Callable[[onnx.ModelProto], Any]) -> None:
    model = Model(form(small()), (1, 3, 8, 8))
    assert region(Fields(model), "conv", (0, 0)).cover.sum() == 9
    assert model.kind == "onnx"
    assert check(model).ok
    with pytest.raises(StriateError, match="model: truncated or damaged"):
        load(small().SerializeToString()[:40])


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (plain().state_dict(), "weights alone say nothing of the layers"),
        (nn.Conv2d, "give the model itself, not its class"),
        (3, "a model is the path or bytes of an ONNX, TFLite or .keras file"),
    ],
)
def test_what_is_no_model_is_told_what_to_give(thing: Any, line: str) -> None:
    with pytest.raises(InputError, match=line):
        load(thing)
