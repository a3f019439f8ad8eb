"""Nearest resizing by torch: every unit of every kernel reads the pixel that torch copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from striate.formats.torch import read_torch

MODES = ("nearest", "nearest-exact")
Resize = Callable[[Tensor], Tensor]


class Several(nn.Module):
    """Functions of one tensor, each an output."""

    def __init__(self, functions: Sequence[Resize]) -> None:
        super().__init__()
        self.functions = functions

    def forward(self, x: Tensor) -> list[Tensor]:
        return [function(x) for function in self.functions]


def resizer(mode: str, size: tuple[int, ...] | None, scale: tuple[float, ...] | None, again: bool | None) -> Resize:
    return lambda x: functional.interpolate(x, size, scale, mode, recompute_scale_factor=again)


def ramp(shape: tuple[int, ...], axis: int, dtype: torch.dtype) -> Tensor:
    """Every element its own index along one axis."""
    line = torch.arange(shape[axis]).to(dtype)
    return line.reshape([-1 if k == axis else 1 for k in range(len(shape))]).expand(shape).contiguous()


def claimed(relation: Sequence[Any], axis: int, n: int) -> list[int]:
    """The pixel each unit of one axis is said to read."""
    maps = [step.map for step in relation if step.axis == axis]
    if not maps:
        return list(range(n))
    (m,) = maps
    reads = [m.reads(i) for i in range(m.out_size)]
    assert all(len(read) == 1 for read in reads)
    return [read[0] for read in reads]


def check(functions: Sequence[Resize], shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> None:
    network = read_torch(Several(functions).to(dtype), shape, dtype=dtype)
    resizes = [result for node, result in zip(network.nodes, network.results, strict=True) if node.op.word == "resize"]
    assert len(resizes) == len(functions)
    for axis in range(2, len(shape)):
        x = ramp(shape, axis, dtype)
        for k, (function, result) in enumerate(zip(functions, resizes, strict=True)):
            line = function(x)[0, 0].movedim(axis - 2, 0)
            copied = line.reshape(line.shape[0], -1)[:, 0].int().tolist()
            told = claimed(result.outputs[0].reads[0][0], axis, shape[axis])
            assert told == copied, f"resize {k} of {shape}, axis {axis}, {dtype}"


@pytest.mark.parametrize(
    ("mode", "n", "size", "scale", "unit", "pixel"),
    [
        ("nearest", 10, None, 5 / 3, 5, 2),
        ("nearest", 50, None, 2.3, 69, None),
        ("nearest-exact", 12, 37, None, 18, 5),
    ],
)
def test_pixels_that_exact_fractions_miss(mode: str, n: int, size: int | None, scale: float | None, unit: int,
                                          pixel: int | None) -> None:  # fmt: skip
    function = resizer(mode, None if size is None else (size,), None if scale is None else (scale,), None)
    copied = function(ramp((1, 1, n), 2, torch.float32))[0, 0].int().tolist()
    network = read_torch(Several([function]), (1, 1, n))
    (result,) = network.results
    told = claimed(result.outputs[0].reads[0][0], 2, n)
    assert told == copied
    assert pixel is None or told[unit] == copied[unit]


def laid_out(function: Callable[[Tensor], Tensor], layout: torch.memory_format) -> Callable[[Tensor], Tensor]:
    return lambda x: function((x * 1).contiguous(memory_format=layout))


def random_resize(random: Random, spatial: Sequence[int]) -> Resize | None:
    mode, again = random.choice(MODES), random.choice([None, True, False])
    if random.random() < 0.5:
        return resizer(mode, tuple(random.randint(1, 200 if n > 9 else 12) for n in spatial), None, None)
    scale = tuple(random.choice([1.0, 1.05, 2.0, 5 / 3, random.randint(4, 80) * 0.05]) for _ in spatial)
    if min(int(n * s) for n, s in zip(spatial, scale, strict=True)) < 1:
        return None
    return resizer(mode, None, scale, again)


def check_random(seed: int) -> None:
    random = Random(seed)
    rank = random.choice([1, 2, 2, 3])
    spatial = [random.randint(1, 150), *(random.randint(1, 7) for _ in range(rank - 1))]
    if rank == 2 and random.random() < 0.3:
        spatial[1] = random.randint(8, 140)
    random.shuffle(spatial)
    functions = [f for f in (random_resize(random, spatial) for _ in range(4)) if f is not None]
    if rank > 1 and random.random() < 0.5:
        layout = torch.channels_last if rank == 2 else torch.channels_last_3d
        functions = [laid_out(f, layout) for f in functions]
    dtype = random.choice([torch.float32, torch.float64, torch.float16, torch.bfloat16])
    check(functions, (random.choice([1, 2]), random.choice([1, 2, 4, 5]), *spatial), dtype)


def test_every_kernel_type_and_layout() -> None:
    for seed in range(120):
        check_random(seed)


def by_size(n: int, counts: Sequence[int], mode: str) -> None:
    check([resizer(mode, (count,), None, None) for count in counts], (1, 1, n))
    check([resizer(mode, (count, 3), None, None) for count in counts], (1, 4, n, 3))


def by_scale(n: int, steps: Sequence[int], mode: str) -> None:
    scales = [step * 0.05 for step in steps if int(n * (step * 0.05)) > 0]
    check([resizer(mode, None, (scale,), None) for scale in scales], (1, 1, n))
    check([resizer(mode, None, (scale, 1.0), None) for scale in scales], (1, 4, n, 3))


@pytest.mark.parametrize("mode", MODES)
def test_sizes_and_scales(mode: str) -> None:
    for n in (1, 4, 10, 12, 50, 106, 299):
        by_size(n, range(1 + n % 7, 301, 23), mode)
        by_scale(n, range(1 + n % 5, 101, 9), mode)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", range(1, 301, 50))
def test_all_sizes_and_scales(mode: str, first: int) -> None:
    for n in range(first, first + 50):
        by_size(n, range(1, 301), mode)
        by_scale(n, range(1, 101), mode)


def test_the_oracle_notices_a_wrong_pixel() -> None:
    (right,) = read_torch(Several([resizer("nearest", (7,), None, None)]), (1, 1, 5)).results
    (wrong,) = read_torch(Several([resizer("nearest-exact", (7,), None, None)]), (1, 1, 5)).results
    assert claimed(right.outputs[0].reads[0][0], 2, 5) != claimed(wrong.outputs[0].reads[0][0], 2, 5)
