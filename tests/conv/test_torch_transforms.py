"""Derivatives of every kind, attributes set late, and fake tensors: an accelerated convolution beside torch's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import striate.torch
from striate.conv.arguments import PaddingMode
from striate.torch.operators import _input_grad_by_torch, _weight_grad_by_torch, by_torch

# torch warns of its own, at its first tangent and where it pads by "same" unevenly.
pytestmark = pytest.mark.filterwarnings("ignore:.*(torch.jit.script|padding='same')")

# Padding that differs from side to side comes from an even kernel under "same".
Pair = tuple[nn.Conv2d, nn.Conv2d]

CASES: dict[str, dict[str, Any]] = {
    "plain": {"kernel_size": 3},
    "all": {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2},
    "same": {"kernel_size": (2, 4), "padding": "same"},
    "circular": {"kernel_size": 3, "padding": 1, "padding_mode": "circular", "bias": False},
}


@pytest.fixture(params=CASES)
def pair(request: pytest.FixtureRequest) -> Pair:
    """torch's layer and striate's, with the same parameters."""
    torch.manual_seed(0)
    theirs = nn.Conv2d(2, 4, **CASES[request.param]).double()
    ours = striate.torch.Conv2d(2, 4, **CASES[request.param]).double()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def image(*batch: int) -> Tensor:
    return torch.randn(*batch, 2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def energy(layer: nn.Module) -> Callable[..., Tensor]:
    """A number that is no linear function of the input and of the parameters."""

    def of(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        out: Tensor = functional_call(layer, parameters, (x,))
        return out.sin().sum()

    return of


def parameters(layer: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in layer.named_parameters()}


TRANSFORMS: dict[str, Callable[[nn.Module], object]] = {
    "grad": lambda m: grad(energy(m), argnums=(0, 1))(parameters(m), image(2)),
    "vjp": lambda m: vjp(m, image(2))[1](torch.ones_like(m(image(2)))),
    "jvp": lambda m: jvp(m, (image(2),), (image(2).cos(),)),
    "jvp of parameters": lambda m: jvp(
        lambda p: functional_call(m, p, (image(1),)), (parameters(m),), (parameters(m),)
    ),
    "jacrev": lambda m: jacrev(m)(image()),
    "jacfwd": lambda m: jacfwd(m)(image()),
    "jacfwd of parameters": lambda m: jacfwd(energy(m))(parameters(m), image(1)),
    "hessian": lambda m: hessian(lambda x: energy(m)(parameters(m), x))(image()),
    "hessian of parameters": lambda m: hessian(energy(m))(parameters(m), image()),
    "reverse over forward": lambda m: jacrev(jacfwd(lambda x: energy(m)(parameters(m), x)))(image()),
    "vmap": lambda m: vmap(m)(image(3, 2)),
    "vmap along another axis": lambda m: vmap(m, in_dims=2, out_dims=1)(image(2).movedim(0, 2)),
    "vmap over parameters": lambda m: vmap(energy(m), in_dims=(0, None))(
        {name: torch.stack([value, 2 * value]) for name, value in parameters(m).items()}, image(2)
    ),
    "vmap twice": lambda m: vmap(vmap(m))(image(2, 3, 1)),
    "per-sample gradients": lambda m: vmap(grad(energy(m)), in_dims=(None, 0))(parameters(m), image(3)),
    "functional_call": lambda m: functional_call(m, parameters(m), (image(2),)),
    "vectorised jacobian": lambda m: torch.autograd.functional.jacobian(m, image(1), vectorize=True),
    "vectorised hessian": lambda m: torch.autograd.functional.hessian(
        lambda x: m(x).sin().sum(), image(1), vectorize=True
    ),
    "forward jacobian": lambda m: torch.autograd.functional.jacobian(
        m, image(1), vectorize=True, strategy="forward-mode"
    ),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_gives_what_torch_gives(pair: Pair, transform: str) -> None:
    theirs, ours = (TRANSFORMS[transform](module) for module in pair)
    torch.testing.assert_close(ours, theirs)
    assert any(value.abs().sum() > 0 for value in torch.utils._pytree.tree_leaves(ours))


def test_per_sample_gradients_are_those_of_each_sample_alone(pair: Pair) -> None:
    _, ours = pair
    together = vmap(grad(energy(ours)), in_dims=(None, 0))(parameters(ours), image(3))
    for i in range(3):
        ours.zero_grad()
        ours(image(3)[i]).sin().sum().backward()
        for name, parameter in ours.named_parameters():
            torch.testing.assert_close(together[name][i], parameter.grad)


def dual(module: nn.Module, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    with forward_ad.dual_level():
        primal, out = forward_ad.unpack_dual(module(forward_ad.make_dual(x, tangent)))
        return primal.clone(), out.clone()


def test_forward_mode(pair: Pair) -> None:
    for wanted in (False, True):
        x = image(2).requires_grad_(wanted)
        theirs, ours = (dual(module, x, image(2).cos()) for module in pair)
        torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(dual(pair[1], image(2), image(2).cos()), theirs)


def test_forward_mode_over_a_backward_pass_done_by_striate(pair: Pair) -> None:
    def run(module: nn.Module) -> Tensor:
        x = image(2).requires_grad_()
        out = module(x)
        with forward_ad.dual_level():
            outer = forward_ad.make_dual(torch.ones_like(out), out.detach().cos())
            (back,) = torch.autograd.grad(out, x, outer)
            tangent: Tensor = forward_ad.unpack_dual(back).tangent.clone()
            return tangent

    theirs, ours = map(run, pair)
    torch.testing.assert_close(ours, theirs)


def test_gradcheck_in_both_modes(pair: Pair) -> None:
    _, ours = pair
    x = image(1).requires_grad_()
    weight = ours.weight.detach().clone().requires_grad_()
    bias = [] if ours.bias is None else [ours.bias.detach().clone().requires_grad_()]

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        out: Tensor = ours._conv_forward(x, weight, bias)
        return out

    more = {"check_forward_ad": True, "check_batched_grad": True, "check_batched_forward_grad": True}
    assert torch.autograd.gradcheck(run, (x, weight, *bias), fast_mode=True, **more)
    assert torch.autograd.gradgradcheck(run, (x, weight, *bias), fast_mode=True, check_fwd_over_rev=True)


@pytest.mark.exhaustive
def test_gradcheck_of_every_entry(pair: Pair) -> None:
    _, ours = pair
    assert torch.autograd.gradcheck(ours, image(1).requires_grad_(), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(ours, image(1).requires_grad_(), check_fwd_over_rev=True)


STEPS = ([2, 1], [1, 0, 2, 1], [1, 2], 2)


@pytest.mark.parametrize("batch", [(2,), ()])
def test_what_answers_under_a_transform_is_what_the_operators_compute(batch: tuple[int, ...]) -> None:
    ops = torch.ops.striate
    x, weight, bias = image(*batch), torch.randn(4, 1, 3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    out = ops.conv2d(x, weight, bias, *STEPS)
    torch.testing.assert_close(by_torch(x, weight, bias, *STEPS), out)
    outer = torch.randn_like(out)
    expected = ops.conv2d_input_grad(outer, weight, x.shape, *STEPS)
    torch.testing.assert_close(_input_grad_by_torch(outer, weight, x.shape, *STEPS), expected)
    expected = ops.conv2d_weight_grad(outer, x, weight.shape, *STEPS)
    torch.testing.assert_close(_weight_grad_by_torch(outer, x, weight.shape, *STEPS), expected)


@pytest.mark.filterwarnings("ignore")
def test_an_exported_layer_can_be_transformed() -> None:
    theirs = nn.Conv2d(2, 3, 3, padding=1).double()
    ours = striate.torch.Conv2d(2, 3, 3, padding=1).double()
    ours.load_state_dict(theirs.state_dict())
    exported = torch.export.export(ours, (image(2),)).module()
    x = image(2)
    torch.testing.assert_close(jvp(exported, (x,), (x.cos(),)), jvp(theirs, (x,), (x.cos(),)))
    torch.testing.assert_close(grad(lambda x: exported(x).sin().sum())(x), grad(lambda x: theirs(x).sin().sum())(x))


LATE = {
    "padding": (2, 2),
    "padding as a number": 1,
    "padding by name": "same",
    "stride": 2,
    "stride pair": (1, 2),
    "stride list": [2],
    "dilation": 2,
    "groups": 1,
    "padding_mode": "reflect",
}


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize("asked", ["values", "gradients"])
def test_attributes_set_after_construction_are_read_at_each_call(name: str, mode: PaddingMode, asked: str) -> None:
    attribute = name.split()[0]
    theirs = nn.Conv2d(4, 4, 3, padding=1, padding_mode=mode)
    ours = copy.deepcopy(theirs)
    early, late = copy.deepcopy(theirs), ours
    x = torch.randn(1, 4, 9, 8)
    setattr(early, attribute, LATE[name])
    striate.torch.accelerate(early)
    striate.torch.accelerate(late)
    late(x)
    for module in (theirs, late):
        setattr(module, attribute, LATE[name])
    with torch.no_grad() if asked == "values" else torch.enable_grad():
        expected = theirs(x)
        for module in (early, late):
            torch.testing.assert_close(module(x), expected, rtol=1e-4, atol=1e-5)


def test_a_dilated_network_made_by_surgery() -> None:
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)).eval()
    ours = copy.deepcopy(theirs)
    striate.torch.accelerate(ours)
    for model in (theirs, ours):
        for layer, name, value in ((0, "stride", (1, 1)), (2, "dilation", (2, 2)), (2, "padding", (2, 2))):
            setattr(model[layer], name, value)
    x = torch.randn(1, 3, 12, 12)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("grad_mode", [False, True])
@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("stride", 1.5, "Conv2d: stride must be an integer or a pair of integers, got 1.5"),
        ("stride", (1, 2, 3), r"Conv2d: stride must be an integer or a pair of integers, got \(1, 2, 3\)"),
        ("dilation", 0, "Conv2d: dilation should be greater than zero"),
        ("padding", -1, "Conv2d: negative padding is not supported"),
        ("padding", "full", "Conv2d: padding must be one of"),
        ("groups", 3, "Conv2d: given groups=3"),
        ("groups", "2", "Conv2d: groups must be an integer, got '2'"),
    ],
)
def test_a_wrong_attribute_is_named(grad_mode: bool, attribute: str, value: object, words: str) -> None:
    layer = striate.torch.Conv2d(4, 4, 3)
    setattr(layer, attribute, value)
    with pytest.raises(ValueError, match=f"(?i){words}"), torch.set_grad_enabled(grad_mode):
        layer(torch.randn(1, 4, 9, 8))


FAKE = [
    ((1, 3, 8, 8), (8, 4, 3, 3), (8,), {}, "4 channels, got 3"),
    ((1, 4, 8, 8), (8, 4, 3, 3), (7,), {}, r"expected bias of shape \(8,\)"),
    ((1, 4, 2, 8), (8, 4, 3, 3), None, {}, "pad by 1 more"),
    ((1, 4, 8, 8), (8, 4, 0, 3), None, {}, "kernel sizes must be at least 1"),
    ((1, 4, 8, 8), (8, 4, 3), None, {}, "weight should have at least four dimensions"),
    ((4, 4), (8, 4, 3, 3), None, {}, "got 2D of shape"),
    ((1, 4, 8, 8), (8, 2, 3, 3), None, {"groups": 3}, "groups=3"),
    ((1, 4, 8, 8), (8, 4, 3, 3), None, {"stride": [0, 1]}, "non-positive stride"),
    ((1, 4, 8, 8), (8, 4, 3, 3), None, {"padding": [0, -1, 0, 0]}, "negative padding"),
    ((1, 4, 8, 8), (8, 4, 3, 3), None, {"groups": 0}, "non-positive groups"),
]


@pytest.mark.parametrize(("x", "weight", "bias", "steps", "words"), FAKE, ids=[words for *_, words in FAKE])
def test_fake_tensors_are_refused_as_real_ones_are(
    x: Any, weight: Any, bias: Any, steps: dict[str, Any], words: str
) -> None:
    steps = {"stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1} | steps
    refusals = []
    for device in ("cpu", "meta"):
        tensors = [None if shape is None else torch.ones(shape, device=device) for shape in (x, weight, bias)]
        with pytest.raises(ValueError, match=words) as caught:
            torch.ops.striate.conv2d(*tensors, *steps.values())
        refusals.append((type(caught.value), str(caught.value)))
    assert refusals[0] == refusals[1]
    assert refusals[0][1].startswith("conv2d: ")


def test_fake_types_and_gradients_are_checked_too() -> None:
    ops, steps = torch.ops.striate, ([1, 1], [0, 0, 0, 0], [1, 1], 1)
    for device in ("cpu", "meta"):
        x, weight = torch.ones(1, 4, 8, 8, device=device), torch.ones(8, 4, 3, 3, device=device)
        with pytest.raises(TypeError, match=r"input type \(float32\) and weight type \(float64\) should be the same"):
            ops.conv2d(x, weight.double(), None, *steps)
        with pytest.raises(ValueError, match="expected grad of the output's shape"):
            ops.conv2d_input_grad(x, weight, [1, 4, 8, 8], *steps)
        with pytest.raises(ValueError, match="expected grad of the output's shape"):
            ops.conv2d_weight_grad(x, x, [8, 4, 3, 3], *steps)


class Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = striate.torch.Conv2d(3, 8, 3), striate.torch.Conv2d(4, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x))
        return out


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strict", [False, True])
def test_export_refuses_what_a_call_refuses(strict: bool) -> None:
    model = Wrong()
    x = torch.randn(1, 3, 9, 9)
    with pytest.raises(ValueError, match="4 channels, got 8"):
        model(x)
    with pytest.raises(Exception, match="4 channels, got 8"):
        torch.export.export(model, (x,), strict=strict)
    with pytest.raises(Exception, match="pad by 1 more"):
        torch.export.export(striate.torch.Conv2d(3, 2, 3), (torch.randn(1, 3, 2, 9),), strict=strict)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("late", [{}, {"stride": 2}, {"padding": "same"}, {"padding": 2, "dilation": (2, 1)}])
def test_compiled_layers_read_their_attributes(late: dict[str, object]) -> None:
    theirs, ours = nn.Conv2d(4, 8, 3), striate.torch.Conv2d(4, 8, 3)
    ours.load_state_dict(theirs.state_dict())
    for module in (theirs, ours):
        for name, value in late.items():
            setattr(module, name, value)
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
    x = torch.randn(2, 4, 9, 8)
    torch.testing.assert_close(compiled(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_channels_last_is_torchs() -> None:
    theirs, ours = nn.Conv2d(4, 8, 3, padding=1), striate.torch.Conv2d(4, 8, 3, padding=1)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 4, 9, 8).to(memory_format=torch.channels_last)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
        assert ours(x).stride() == theirs(x).stride()


def test_tensors_that_are_read_through_a_flag_or_a_subclass() -> None:
    theirs, ours = nn.Conv2d(2, 3, 3), striate.torch.Conv2d(2, 3, 3)
    ours.load_state_dict(theirs.state_dict())
    negated = torch.randn(1, 2, 6, 6, dtype=torch.complex64).conj().imag
    assert negated.is_neg()

    class Own(torch.Tensor):
        pass

    sparse = torch.eye(6).expand(1, 2, 6, 6)
    with torch.no_grad():
        for x in (negated, torch.randn(1, 2, 6, 6).as_subclass(Own), sparse, torch.randn(1, 2, 6, 12)[..., ::2]):
            torch.testing.assert_close(ours(x).as_subclass(Tensor), theirs(x).as_subclass(Tensor), rtol=1e-4, atol=1e-5)
    traced = torch.fx.symbolic_trace(nn.Sequential(ours))
    torch.testing.assert_close(traced(torch.ones(1, 2, 6, 6)), theirs(torch.ones(1, 2, 6, 6)), rtol=1e-4, atol=1e-5)
    assert np.isfinite(ours(torch.zeros(1, 2, 6, 6)).detach().numpy()).all()
