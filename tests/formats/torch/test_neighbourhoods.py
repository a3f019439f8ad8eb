"""Pools, convolutions, pads, folds and smooth resizes by torch: every unit reads the pixels that move it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.oracle import dependence
from support.torch_functions import Function
from torch import Tensor, nn
from torch.nn import functional

from striate.formats.torch import read_torch

Case = tuple[Callable[[Tensor], Tensor], tuple[int, ...]]
SHIFTS = (100.0, -3.0)
RESIDUE = 1e-8


def sizes(random: Random, count: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(random.randint(low, high) for _ in range(count))


def image(random: Random, rank: int, largest: int) -> tuple[int, ...]:
    return (1, 1, *sizes(random, rank, 1, largest if rank < 3 else 3))


def pool(random: Random) -> Case:
    rank, ceil = random.choice([1, 1, 2, 2, 3]), random.random() < 0.5
    kernel = sizes(random, rank, 1, 4)
    stride = sizes(random, rank, 1, 4) if random.random() < 0.7 else kernel
    padding = tuple(random.randint(0, k // 2) for k in kernel)
    dilation = sizes(random, rank, 1, 2)
    kinds = {
        "max": lambda x: getattr(functional, f"max_pool{rank}d")(x, kernel, stride, padding, dilation, ceil),
        "avg": lambda x: getattr(functional, f"avg_pool{rank}d")(x, kernel, stride, padding, ceil),
        "lp": lambda x: getattr(functional, f"lp_pool{rank}d")(x, 2.0, kernel, stride, ceil),
    }
    kind = random.choice(["max", "avg"] if rank == 1 else ["max", "avg", "lp"])
    return kinds[kind], image(random, rank, 7)


def adaptive(random: Random) -> Case:
    rank, kind = random.choice([1, 2, 3]), random.choice(["max", "avg"])
    size = sizes(random, rank, 1, 7)
    return lambda x: getattr(functional, f"adaptive_{kind}_pool{rank}d")(x, size), image(random, rank, 7)


def convolution(random: Random) -> Case:
    rank, channels = random.choice([1, 2]), random.choice([1, 2])
    groups, kernel = random.choice([1, channels]), sizes(random, rank, 1, 3)
    padding = random.choice([sizes(random, rank, 0, 3), "same"])
    stride = 1 if padding == "same" else sizes(random, rank, 1, 3)
    mode = random.choice(["zeros", "reflect", "replicate", "circular"])
    kind: Any = nn.Conv1d if rank == 1 else nn.Conv2d
    layer = kind(channels, 2 * groups, kernel, stride, padding, sizes(random, rank, 1, 2), groups, padding_mode=mode)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    return layer, (1, channels, *sizes(random, rank, 1, 6))


def transposed(random: Random) -> Case:
    rank, channels = random.choice([1, 2]), random.choice([1, 2])
    groups, stride, dilation = random.choice([1, channels]), sizes(random, rank, 1, 3), sizes(random, rank, 1, 2)
    extra = tuple(random.randint(0, max(pair) - 1) for pair in zip(stride, dilation, strict=True))
    kind: Any = nn.ConvTranspose1d if rank == 1 else nn.ConvTranspose2d
    kernel, padding = sizes(random, rank, 1, 4), sizes(random, rank, 0, 2)
    layer = kind(channels, 2 * groups, kernel, stride, padding, extra, groups, True, dilation)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    return layer, (1, channels, *sizes(random, rank, 1, 4))


def columns(random: Random) -> Case:
    kernel, dilation, padding, stride = (sizes(random, 2, low, high) for low, high in ((1, 3), (1, 2), (0, 2), (1, 3)))
    if random.random() < 0.5:
        return lambda x: functional.unfold(x, kernel, dilation, padding, stride), image(random, 2, 5)
    size, count = sizes(random, 2, 1, 6), 1
    for k in range(2):
        count *= max((size[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1, 1)
    return (
        lambda x: functional.fold(x, size, kernel, dilation, padding, stride), (1, kernel[0] * kernel[1], count)
    )  # fmt: skip


def pad(random: Random) -> Case:
    rank, mode = random.choice([1, 2]), random.choice(["constant", "reflect", "replicate", "circular"])
    pads, shape = sizes(random, 2 * rank, -2, 4), (1, 1, *sizes(random, rank, 5, 6))
    return lambda x: functional.pad(x, pads, mode=mode), shape


def smooth(random: Random) -> Case:
    rank = random.choice([1, 2, 2, 3])
    mode = random.choice({1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[rank])
    shape = (1, 1, *sizes(random, rank, 1, 6 if rank < 3 else 2))
    options = {"align_corners": random.random() < 0.5, "antialias": rank == 2 and random.random() < 0.5}
    if random.random() < 0.5:
        size = sizes(random, rank, 1, 10 if rank < 3 else 4)
        return lambda x: functional.interpolate(x, size, mode=mode, **options), shape
    scale = [random.choice([1.0, 1.05, 2.0, 3.0, random.randint(4, 50) * 0.05]) for _ in range(rank)]
    scale = [max(s, 1 / n) for s, n in zip(scale, shape[2:], strict=True)]
    again = random.choice([None, True, False])
    return lambda x: functional.interpolate(x, None, scale, mode, recompute_scale_factor=again, **options), shape


def area(random: Random) -> Case:
    size = sizes(random, 2, 1, 7)
    return lambda x: functional.interpolate(x, size, mode="area"), image(random, 2, 7)


def moved(function: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which output element (rows) moves with which input element (columns)."""
    x = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    with torch.no_grad():
        before = function(x)
        found = np.zeros((before.numel(), x.numel()), bool)
        for shift in SHIFTS:
            for column in range(x.numel()):
                other = x.clone()
                other.view(-1)[column] += shift
                found[:, column] |= ((function(other) - before).abs() > RESIDUE).reshape(-1).numpy()
    return found


def agrees(make: Callable[[Random], Case], seed: int) -> bool:
    """Whether torch runs the case; where it does, shape and dependence must be those that striate claims."""
    function, shape = make(Random(seed))
    module = function.double() if isinstance(function, nn.Module) else Function(function)
    try:
        made = module(torch.ones(shape, dtype=torch.float64))
    except RuntimeError:
        return False
    network = read_torch(module, shape, dtype=torch.float64)
    text = f"{make.__name__} {seed}"
    assert network.shapes[network.outputs[0]] == tuple(made.shape), text
    told = dependence(network)[network.outputs[0]].reshape(made.numel(), -1)
    seen = moved(module, shape)
    assert not (seen & ~told).any(), f"{text}: reads what is not claimed"
    assert not (told & ~seen).any(), f"{text}: claims what is not read"
    return True


MAKERS = (pool, adaptive, convolution, transposed, columns, pad, smooth, area)


@pytest.mark.filterwarnings("ignore:Using padding=.same")
@pytest.mark.parametrize("make", MAKERS)
def test_random_neighbourhoods(make: Callable[[Random], Case]) -> None:
    assert sum(agrees(make, seed) for seed in range(40)) > 20


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore:Using padding=.same")
@pytest.mark.parametrize("make", MAKERS)
def test_many_random_neighbourhoods(make: Callable[[Random], Case]) -> None:
    assert sum(agrees(make, seed) for seed in range(40, 3_000)) > 1_500


def test_a_pool_larger_than_its_image_rounds_up() -> None:
    network = read_torch(Function(lambda x: functional.avg_pool1d(x, 4, 3, ceil_mode=True)), (1, 1, 2))
    assert network.shapes[network.outputs[0]] == (1, 1, 1)
    network = read_torch(Function(lambda x: functional.max_pool1d(x, 3, 2, ceil_mode=True)), (1, 1, 6))
    assert network.shapes[network.outputs[0]] == (1, 1, 3)


@pytest.mark.parametrize("last", [False, True])
def test_a_filtered_image_that_becomes_one_pixel_wide(last: bool) -> None:
    def narrow(x: Tensor) -> Tensor:
        y = (x * 1).contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
        return functional.interpolate(y, (3, 1), mode="bilinear", antialias=True)

    shape = (1, 2, 6, 4)
    network = read_torch(Function(narrow), shape, dtype=torch.float64)
    told = dependence(network)[network.outputs[0]].reshape(6, -1)
    assert (told == moved(narrow, shape)).all()
    assert (told[0] == told[2]).all() == (not last)


def test_one_number_of_a_list_stands_for_all_axes() -> None:
    kernel = torch.ones(1, 1, 3, 3)
    network = read_torch(Function(lambda x: functional.conv2d(x, kernel, None, [1], [4], [2])), (1, 1, 8, 8))
    same = read_torch(Function(lambda x: functional.conv2d(x, kernel, None, 1, 4, 2)), (1, 1, 8, 8))
    assert network.shapes == same.shapes
    assert (dependence(network)[network.outputs[0]] == dependence(same)[same.outputs[0]]).all()
