"""Random layers with attributes of random types beside torch's own: equal, or refused with one line of striate's."""

from __future__ import annotations

import copy
import warnings
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from striate.errors import StriateError
from striate.torch import Conv2d

SENSIBLE: dict[str, tuple[Any, ...]] = {
    "stride": (1, 2, (1, 2), [2, 1], (2,)),
    "padding": (0, 1, (1, 0), [2, 1], "same", "valid", (1,)),
    "dilation": (1, 2, (2, 1), [1, 2]),
    "groups": (1, 2),
    "padding_mode": ("zeros", "reflect", "replicate", "circular"),
}
JUNK: tuple[Any, ...] = (
    *(None, 1.5, "2", (1, 2, 3), (), -1, 0, 10**12, [None, 1]), ((1, 1), (1, 1)), np.float32(1), {}, "full", 3, b"1",
)


def layers(random: Random, wrong: float) -> tuple[nn.Conv2d, Conv2d, dict[str, Any]]:
    groups = random.choice([1, 2])
    kernel = (random.randint(1, 3), random.randint(1, 3))
    mode = random.choice(SENSIBLE["padding_mode"])
    arguments = {"padding": random.choice([0, 1]), "groups": groups, "padding_mode": mode}
    theirs = nn.Conv2d(2 * groups, 2 * groups, kernel, bias=random.random() < 0.7, **arguments).double()
    late: dict[str, Any] = {}
    for name, values in SENSIBLE.items():
        if random.random() < 0.4:
            late[name] = random.choice(values)
        if random.random() < wrong:
            late[name] = random.choice(JUNK)
    ours: Any = copy.deepcopy(theirs)
    ours.__class__ = Conv2d
    for module in (theirs, ours):
        for name, value in late.items():
            setattr(module, name, value)
    return theirs, ours, late


def image(random: Random, channels: int, wrong: float) -> Any:
    shape = [random.choice([0, 1, 2]), channels, random.randint(3, 6), random.randint(3, 6)]
    if random.random() < wrong:
        shape[random.randrange(4)] = random.choice([0, 1, 5])
    x = torch.randn(shape if random.random() < 0.8 else shape[1:], dtype=torch.float64)
    kind = random.randrange(8)
    if kind == 0 and x.dim() == 4:
        return x.to(memory_format=torch.channels_last)
    if kind == 1:
        return x.repeat(*[1] * (x.dim() - 1), 2)[..., ::2]
    if kind == 2 and random.random() < wrong:
        return x.to(random.choice([torch.float32, torch.float16, torch.int64, torch.complex64, torch.bool]))
    return x


def run(module: nn.Module, x: torch.Tensor, asked: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if asked == "values":
                with torch.no_grad():
                    return module(x)
            if asked == "fake":
                return module.to("meta")(x.to("meta")).shape
            out = module(x.requires_grad_())
            out.sin().sum().backward()
            return out, x.grad, *(parameter.grad for parameter in module.parameters())
        except Exception as error:
            return error


@pytest.mark.parametrize(
    "count", [400, pytest.param(10_000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(1800)])]
)
@pytest.mark.parametrize("wrong", [0, 0.15])
def test_layers_are_torchs_or_refuse_by_name(count: int, wrong: float) -> None:
    equal = 0
    for seed in range(count):
        random = Random(seed)
        torch.manual_seed(seed)
        theirs, ours, late = layers(random, wrong)
        x = image(random, theirs.in_channels, wrong)
        asked = random.choice(["values", "gradients"]) if x.is_floating_point() else "values"
        expected, result = run(theirs, x.detach().clone(), asked), run(ours, x.detach().clone(), asked)
        told = f"seed {seed}: {late} {tuple(x.shape)} {x.dtype} {asked}: {result!r}; torch: {expected!r}"
        if isinstance(result, StriateError):
            assert "\n" not in str(result), told
            # torch takes an empty picture where padding makes up for it; what it refuses, so does striate.
            assert isinstance(expected, Exception) or wrong, told
        elif isinstance(result, Exception):
            # Whatever is left to torch is refused by torch, in its own words.
            assert type(result) is type(expected), told
        elif not isinstance(expected, Exception):
            torch.testing.assert_close(result, expected, msg=told)
            equal += 1
    assert equal > count / 3
