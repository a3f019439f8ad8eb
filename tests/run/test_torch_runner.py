"""A module's layers against what torch gives when each is called by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate import InputError, Model
from striate.run.torch import TorchRunner


class Twice(nn.Module):
    """One activation, in place, called twice; a functional one at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 3), nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.runs = 0

    def forward(self, x: Tensor) -> Any:
        self.runs += 1
        y = self.relu(self.first(x))
        z = self.relu(self.second(y))
        return F.avg_pool2d(z + 1, 2), y


def made() -> tuple[Twice, TorchRunner, np.ndarray]:
    torch.manual_seed(0)
    module = Twice().train()
    return module, TorchRunner(Model(module, (1, 2, 12, 14))), np.random.default_rng(0).random((1, 2, 12, 14))


def test_layers_are_what_torch_gives() -> None:
    module, runner, x = made()
    feed = torch.from_numpy(x).float()
    first = module.first(feed)
    second = module.second(F.relu(first))
    expected = {
        "first": first,
        "second": second,
        "relu": F.relu(second),
        "relu_1": F.relu(first),
        "output.0": F.avg_pool2d(F.relu(second) + 1, 2),
    }
    for _ in range(2):  # the second time a run ends at the last layer asked for
        found = runner.run({"x": x}, list(expected))
        assert {name: bool((found[name] == t.detach().numpy()).all()) for name, t in expected.items()} == dict.fromkeys(
            expected, True
        )
    assert (runner.run({"x": x}, ["relu"])["relu"] == found["relu"]).all()
    assert (runner.run({"x": x}, ["first"])["first"] == found["first"]).all()


def test_the_module_is_left_as_it_was() -> None:
    module, runner, x = made()
    runner.run({"x": x}, ["second"])
    assert module.training
    assert module.runs == 0


def test_a_run_ends_where_nothing_more_is_asked_for() -> None:
    module, runner, x = made()
    seen: list[str] = []
    module.second.register_forward_hook(lambda *_: seen.append("second"))
    runner.run({"x": x}, ["first"])
    runner.run({"x": x}, ["first"])
    assert seen == ["second"]


def test_what_cannot_be_run_is_one_line() -> None:
    _, runner, x = made()
    with pytest.raises(InputError, match="'add' is made between submodules, and torch shows what these give"):
        runner.run({"x": x}, ["add"])
    with pytest.raises(InputError, match="no layer 'frist'"):
        runner.run({"x": x}, ["frist"])
    with pytest.raises(InputError, match="input 'x' takes 1x2x12x14, is fed 1x2x2x2"):
        runner.run({"x": x[..., :2, :2]}, ["second"])


def test_a_module_that_fails_is_one_line() -> None:
    _, runner, x = made()
    runner._module.second = nn.Conv2d(9, 1, 1)
    with pytest.raises(InputError, match=r"the module fails on x of shape \(1, 2, 12, 14\): "):
        runner.run({"x": x}, ["relu"])


def test_without_layers_come_the_outputs() -> None:
    _, runner, x = made()
    found = runner.run({"x": x})
    assert list(found) == list(runner.network.outputs)
    assert (found["relu_1"] == runner.run({"x": x}, ["output.1"])["output.1"]).all()
