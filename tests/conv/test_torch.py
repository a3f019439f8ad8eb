"""striate inside torch: the module, the swap, autograd, fake tensors, compile and export."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from support.odd import wrongly
from support.sure import sure
from torch import nn

import striate.torch
from striate.conv import ArrayTypeError, conv2d, get_threads, set_threads
from striate.conv.arrays import Array
from striate.conv.packing import PackedWeights
from striate.conv.weights import tensor_array
from striate.torch import accelerate, operators, weights

M = TypeVar("M", bound=nn.Module)

# stride, padding, dilation, groups, padding_mode
CASES = [
    {},
    {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1), "groups": 2},
    {"padding": "same", "bias": False},
    {"padding": "valid", "groups": 4},
    {"padding": 2, "padding_mode": "reflect", "stride": 2},
    {"padding": "same", "padding_mode": "circular"},
]


def swapped(model: M) -> M:
    assert not accelerate(model).left
    return model


def pair(arguments: dict[str, Any], dtype: torch.dtype = torch.float64) -> tuple[nn.Conv2d, nn.Conv2d]:
    theirs = nn.Conv2d(4, 8, 3, **arguments).to(dtype)
    return theirs, swapped(copy.deepcopy(theirs))


@pytest.mark.parametrize("arguments", CASES)
def test_values_and_gradients_are_torchs(arguments: dict[str, Any]) -> None:
    theirs, ours = pair(arguments)
    for shape in ((2, 4, 9, 8), (4, 9, 8)):
        inputs = [torch.randn(shape, dtype=torch.float64).requires_grad_() for _ in range(2)]
        inputs[1].data.copy_(inputs[0].data)
        outputs = [module(x) for module, x in zip((theirs, ours), inputs, strict=True)]
        torch.testing.assert_close(outputs[1], outputs[0])
        for module, out in zip((theirs, ours), outputs, strict=True):
            module.zero_grad()
            (out**2).sum().backward()
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
        for mine, yours in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, yours.grad)


def operands() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = (1, 4, 4, 4), (2, 2, 3, 2), (2,)
    return tuple(torch.randn(s, dtype=torch.float64, generator=generator, requires_grad=True) for s in shapes)


STEPS = ([2, 1], [1, 0, 2, 1], [1, 2], 2)


def test_the_operator_is_differentiable_twice() -> None:
    def run(*tensors: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.striate.conv2d(*tensors, *STEPS)
        return out

    assert torch.autograd.gradcheck(run, operands())
    assert torch.autograd.gradgradcheck(run, operands())


def test_the_operators_pass_torchs_own_checks() -> None:
    x, weight, bias = operands()
    grad = torch.randn(torch.ops.striate.conv2d(x, weight, bias, *STEPS).shape, dtype=torch.float64, requires_grad=True)
    single = x[0].detach().requires_grad_()
    last = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    for tensors in ((x, weight, bias), (x, weight, None), (last, weight, bias), (single, weight, bias)):
        torch.library.opcheck(torch.ops.striate.conv2d.default, (*tensors, *STEPS))
    torch.library.opcheck(torch.ops.striate.conv2d_input_grad.default, (grad, weight, x.shape, *STEPS))
    torch.library.opcheck(torch.ops.striate.conv2d_weight_grad.default, (grad, x, weight.shape, *STEPS))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_types_and_memory_formats_are_kept(dtype: torch.dtype) -> None:
    theirs, ours = pair({"padding": 1}, dtype)
    for x in (torch.randn(2, 4, 6, 5), torch.randn(2, 4, 6, 5).to(memory_format=torch.channels_last)):
        with torch.no_grad():
            result, expected = ours(x.to(dtype)), theirs(x.to(dtype))
        assert result.dtype == dtype
        assert result.stride() == expected.stride()
        torch.testing.assert_close(result, expected, rtol=2e-2, atol=1e-5 if dtype == torch.float32 else 2e-2)


def test_accelerate_swaps_in_place_and_nothing_else() -> None:
    class Own(nn.Conv2d):
        pass

    shared = nn.Conv2d(4, 4, 3, padding=1)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), shared, nn.Sequential(shared, nn.ReLU()), Own(4, 2, 1), nn.Conv1d(2, 2, 1)
    )
    seen: list[object] = []
    shared.register_forward_hook(lambda module, given, result: seen.append(module))
    parameters = [id(p) for p in model.parameters()]
    x = torch.randn(1, 3, 8, 8)
    before = model[:4](x)
    report = accelerate(model)
    assert report.model is model
    assert report.swapped == ("0", "1")
    assert [left.name for left in report.left] == ["3", "4"]
    assert report.left[0].why == "Own is a subclass of torch.nn.Conv2d, which keeps its own ways"
    assert "4 is left to torch: striate computes torch.nn.Conv2d alone, this is a Conv1d" in str(report)
    assert not report.measured
    assert accelerate(model).swapped == report.swapped
    assert type(model[0]) is type(shared) is type(model.get_submodule("2.0")) is striate.torch.Conv2d
    assert type(model[3]) is Own
    assert type(model[4]) is nn.Conv1d
    assert [id(p) for p in model.parameters()] == parameters
    seen.clear()
    torch.testing.assert_close(model[:4](x), before, rtol=1e-4, atol=1e-5)
    assert seen == [shared, shared]
    with pytest.raises(ArrayTypeError, match=r"accelerate: expected a torch\.nn\.Module, got int"):
        wrongly(accelerate)(3)


def test_weights_may_change_by_any_means() -> None:
    theirs, ours = pair({"padding": 1}, torch.float32)
    x = torch.randn(1, 4, 6, 6)
    changes: list[Callable[[nn.Conv2d], object]] = [
        lambda m: m.weight.data.mul_(2),
        lambda m: m.weight.detach().numpy().fill(0.25),
        lambda m: m.load_state_dict({"weight": torch.ones(8, 4, 3, 3), "bias": torch.zeros(8)}),
        lambda m: setattr(m, "weight", nn.Parameter(torch.full((8, 4, 3, 3), 0.5))),
    ]
    with torch.inference_mode():
        for change in changes:
            torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
            for module in (theirs, ours):
                change(module)
            torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
    trained = swapped(nn.Conv2d(4, 2, 3))
    optimizer = torch.optim.SGD(trained.parameters(), 0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (trained(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def large_pair() -> tuple[nn.Conv2d, nn.Conv2d]:
    theirs = nn.Conv2d(48, 48, 3, padding=1)
    return theirs, swapped(copy.deepcopy(theirs))


def without_memory_in_between(module: nn.Conv2d) -> None:
    for values in (torch.empty(0), torch.full((48, 48, 3, 3), 0.25)):
        module.weight.data = values


CHANGES: dict[str, Callable[[nn.Conv2d], object]] = {
    "copy_": lambda m: m.weight.copy_(torch.ones_like(m.weight)),
    "one element": lambda m: m.weight[47, 46, 2, 1].fill_(3.0),
    "view": lambda m: m.weight.view(-1)[12345:12346].mul_(7),
    "detached": lambda m: m.weight.detach()[3, 5, 0, 0].fill_(3.0),
    "foreach": lambda m: torch._foreach_mul_([m.weight], 1.5),
    "state dict": lambda m: m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()}),
    "other memory": lambda m: setattr(m.weight, "data", m.weight.data + 1),
    "other memory, few values": lambda m: setattr(m.weight, "data", m.weight.data + torch.eye(48)[..., None, None]),
    "no memory in between": without_memory_in_between,
    "another parameter": lambda m: setattr(m, "weight", nn.Parameter(torch.full((48, 48, 3, 3), 0.5))),
    "another layout": lambda m: wrongly(m.to)(memory_format=torch.channels_last),
    "all of .data": lambda m: m.weight.data.mul_(2),
    "all of a NumPy view": lambda m: np.multiply(m.weight.detach().numpy(), 2, out=m.weight.detach().numpy()),
}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_large_weight_is_seen(change: str, inference: bool) -> None:
    theirs, ours = large_pair()
    x = torch.randn(1, 48, 6, 6)
    with torch.inference_mode() if inference else torch.no_grad():
        ours(x)
        for module in (theirs, ours):
            CHANGES[change](module)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("how", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str)
def test_an_optimizers_step_is_seen(make: type, how: dict[str, bool]) -> None:
    theirs, ours = large_pair()
    x = torch.randn(1, 48, 6, 6)
    for module in (theirs, ours):
        optimizer = make(module.parameters(), 0.1, **how)
        for _ in range(2):
            optimizer.zero_grad()
            module(x).square().mean().backward()
            optimizer.step()
    # Adam divides by small gradients, so the weights of both agree only roughly.
    with torch.no_grad():
        expected = torch.conv2d(x, ours.weight, ours.bias, padding=1)
        torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-3)


def test_repack_sees_what_torch_does_not() -> None:
    theirs, ours = large_pair()
    x = torch.randn(1, 48, 6, 6)
    with torch.no_grad():
        stale = ours(x)
        for module in (theirs, ours):
            module.weight.data[1, 1, 1, 1] = 50.0
        torch.testing.assert_close(ours(x), stale)
        striate.torch.repack(nn.Sequential(ours))
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-3)
    with pytest.raises(ArrayTypeError, match=r"repack: expected a torch\.nn\.Module, got int"):
        wrongly(striate.torch.repack)(3)


def test_a_weight_that_stays_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def noted() -> object:
        made.append(PackedWeights())
        return made[-1]

    monkeypatch.setattr(weights, "PackedWeights", noted)
    _, ours = large_pair()
    x = torch.randn(1, 48, 6, 6)
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode():
            ours(x)
    assert len(made) == 1


def test_weights_made_in_inference_mode() -> None:
    with torch.inference_mode():
        layer = striate.torch.Conv2d(48, 48, 3)
        x = torch.randn(1, 48, 6, 6)
        for _ in range(2):
            torch.testing.assert_close(layer(x), torch.conv2d(x, layer.weight, layer.bias), rtol=1e-4, atol=1e-3)
            layer.weight[1, 1, 1, 1] = 50


def test_output_is_written_where_torch_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    places: set[int] = set()

    def spy(tensor: torch.Tensor) -> Array:
        array = tensor_array(tensor)
        places.add(array.ctypes.data)
        assert array.ctypes.data == tensor.data_ptr()
        return array

    monkeypatch.setattr(operators, "tensor_array", spy)
    x = torch.randn(1, 4, 6, 6)
    layer = striate.torch.Conv2d(4, 2, 3)
    for mode in (torch.no_grad, torch.enable_grad):
        with mode():
            places.clear()
            result = layer(x)
            assert {x.data_ptr(), sure(layer.bias).data_ptr(), result.data_ptr()} <= places


def test_what_striate_does_not_compute_is_left_to_torch() -> None:
    theirs, ours = pair({}, torch.float32)
    x = torch.randn(1, 4, 6, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    assert ours.to("meta")(x.to("meta")).shape == (1, 8, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.to(torch.complex64)
    assert swapped(theirs)(x.to(torch.complex64)).dtype == torch.complex64


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_takes_it_whole(dynamic: bool) -> None:
    theirs, ours = (nn.Sequential(m, nn.ReLU(), nn.Flatten()) for m in pair({"padding": 1, "stride": 2}, torch.float32))
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    for size in (8, 11):
        x = torch.randn(2, 4, size, size)
        torch.testing.assert_close(compiled(x), theirs(x), rtol=1e-4, atol=1e-5)
        compiled(x).sum().backward()
        theirs(x).sum().backward()
    torch.testing.assert_close(ours[0].weight.grad, theirs[0].weight.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.exhaustive
def test_inductor_takes_it() -> None:
    theirs, ours = (nn.Sequential(m, nn.ReLU()) for m in pair({"padding": 1}, torch.float32))
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(torch.compile(ours)(x), theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_export_keeps_one_operator_and_any_size() -> None:
    theirs, ours = pair({"padding": 1, "stride": 2}, torch.float32)
    free = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    program = torch.export.export(ours, (torch.randn(2, 4, 8, 9),), dynamic_shapes=(free,))
    targets = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert targets.count("striate.conv2d.default") == 1
    x = torch.randn(3, 4, 13, 10)
    torch.testing.assert_close(program.module()(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_errors_reach_the_caller() -> None:
    layer = striate.torch.Conv2d(4, 8, 3)
    with pytest.raises(ValueError, match="4 channels, got 3"):
        layer(torch.randn(1, 3, 8, 8))
    with pytest.raises(TypeError, match="should be the same"):
        layer(torch.randn(1, 4, 8, 8, dtype=torch.float64))
    assert np.isfinite(layer(torch.zeros(1, 4, 8, 8)).detach().numpy()).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_denormals_are_flushed_on_every_thread_where_the_caller_flushes(threads: int) -> None:
    x = np.full((1, 16, 64, 64), 1e-41, np.float32)
    weight = np.ones((16, 16, 1, 1), np.float32)
    before = get_threads()
    set_threads(threads)
    try:
        assert (conv2d(x, weight) > 0).all()
        if not torch.set_flush_denormal(True):
            pytest.skip("this processor cannot flush")
        assert (conv2d(x, weight) == 0).all()
    finally:
        torch.set_flush_denormal(False)
        set_threads(before)
    assert (conv2d(x, weight) > 0).all()
