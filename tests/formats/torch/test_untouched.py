"""The module is left as it was: flags, buffers, hooks, gradients, attributes; also where reading fails."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from support.odd import wrongly
from support.sure import sure
from torch import Tensor, nn
from torch.utils._python_dispatch import _len_torch_dispatch_stack  # type: ignore[attr-defined]

from striate.errors import InputError, UnsupportedError
from striate.formats.torch import read_torch


class Remembers(nn.Module):
    """Writes attributes, containers and buffers in forward, as modules with caches do."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.cache: dict[str, Tensor] = {}
        self.sizes: list[int] = [1]

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        sure(self.norm.running_mean).mul_(0.5)
        self.cache["x"] = x
        self.sizes.append(x.shape[-1])
        self.mask = torch.ones(1)
        self.late = nn.ReLU()
        return self.drop(self.norm(self.conv(x)))


class Fails(Remembers):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if super().forward(x).sum() > 0 else x


def picture(module: nn.Module) -> dict[str, Any]:
    return {
        "state": {name: tensor.clone() for name, tensor in module.state_dict().items()},
        "objects": {name: id(tensor) for name, tensor in module.state_dict(keep_vars=True).items()},
        "training": [child.training for child in module.modules()],
        "names": [sorted(child.__dict__) for child in module.modules()],
        "hooks": [(len(c._forward_hooks), len(c._forward_pre_hooks), len(c._backward_hooks)) for c in module.modules()],
        "gradients": [None if p.grad is None else p.grad.clone() for p in module.parameters()],
        "needs": [p.requires_grad for p in module.parameters()],
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, tensor in before.pop("state").items():
        assert torch.equal(tensor, after["state"][name]), name
    for old, new in zip(before.pop("gradients"), after["gradients"], strict=True):
        assert (old is None and new is None) or torch.equal(old, new)
    assert before == {name: after[name] for name in before}


def prepared(module: nn.Module) -> nn.Module:
    module.train()
    module.get_submodule("norm").eval()
    module.get_submodule("conv").weight.requires_grad_(False)
    module.get_submodule("conv").bias.grad = torch.ones(4)
    module.get_submodule("conv").register_forward_hook(lambda *_: None)
    return module


@pytest.mark.parametrize("kind", [Remembers, Fails])
def test_nothing_is_left_behind(kind: type[Remembers]) -> None:
    module = prepared(kind())
    before, call, generator = picture(module), nn.Module.__call__, torch.get_rng_state()
    cache, sizes, getitem = module.cache, module.sizes, Tensor.__dict__.get("__getitem__")
    if kind is Fails:
        with pytest.raises(UnsupportedError, match="control flow depends on data"):
            read_torch(module, (1, 3, 8, 8))
    else:
        read_torch(module, (1, 3, 8, 8)).validate()
    assert_same(before, picture(module))
    assert module.cache is cache == {}
    assert module.sizes is sizes == [1]
    assert nn.Module.__call__ is call
    assert Tensor.__dict__.get("__getitem__") is getitem
    assert torch.tensor.__module__ != "striate.formats.torch.literals"
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.get_default_device() == torch.device("cpu")
    assert not _len_torch_dispatch_stack()


def test_the_comparison_notices_a_changed_buffer() -> None:
    module = prepared(Remembers())
    before = picture(module)
    module(torch.rand(2, 3, 8, 8))
    with pytest.raises(AssertionError):
        assert_same(before, picture(module))


def test_the_module_still_computes_the_same() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LSTM(6, 2)).eval()[:1]
    twin, x = copy.deepcopy(module), torch.rand(1, 3, 8, 8)
    read_torch(module, (1, 3, 8, 8))
    assert torch.equal(module(x), twin(x))


def test_wrong_shapes_are_one_clear_line() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(5, 2))
    with pytest.raises(InputError, match=r"^1: aten.*\n?") as caught:
        read_torch(module, (1, 3, 8, 8))
    assert "\n" not in str(caught.value)
    for shape in ((1, 4, 8, 8), (), (1, 3, 0, 8), (1, 3, 2, 2), ("a",)):
        with pytest.raises(InputError):
            wrongly(read_torch)(module, shape)
