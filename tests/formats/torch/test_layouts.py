"""The layouts that are stated are those that torch works out."""

import random
from typing import Any

import torch
from torch import Tensor

from striate.formats.torch.layouts import aten, stated

META = torch.device("meta")


def told(result: Any) -> Any:
    if isinstance(result, Tensor):
        return tuple(result.shape), tuple(result.stride()), result.dtype
    return [told(item) for item in result]


def tensor(draw: random.Random, shape: list[int]) -> Tensor:
    found = torch.empty(shape, device=META, dtype=draw.choice([torch.float32] * 4 + [torch.float16]))
    if len(shape) == 4 and draw.random() < 0.2:
        return found.to(memory_format=torch.channels_last)
    return found.transpose(0, -1).contiguous().transpose(0, -1) if draw.random() < 0.1 else found


def test_stated_layouts_are_torchs() -> None:
    draw, seen = random.Random(0), 0
    for _ in range(600):
        shape = [draw.choice([1, 1, 2, 3, 4]) for _ in range(draw.randint(2, 5))]
        dim, parts = draw.randrange(-len(shape), len(shape)), []
        for _ in range(draw.randint(1, 3)):
            shape[dim] = draw.randint(1, 3)
            parts.append(tensor(draw, shape))
        x, scale = parts[-1], torch.empty(shape[1], device=META)
        weight = draw.choice([None, scale])
        for func, args in (
            (aten.cat.default, (parts, dim)),
            (aten.native_batch_norm.default, (x, weight, weight, scale, scale, False, 0.1, 1e-5)),
            (aten.native_batch_norm.default, (x, weight, weight, scale, scale, True, 0.1, 1e-5)),
            (aten._native_batch_norm_legit_no_training.default, (x, weight, weight, scale, scale, 0.1, 1e-5)),
        ):
            found = stated(func, args, {})
            if found is not None:
                seen += 1
                assert found == told(func(*args)), (func, [told(part) for part in parts])
    assert seen > 500


def test_what_does_not_fit_is_left_to_torch() -> None:
    one, other, longer = (torch.empty(shape, device=META) for shape in ((2, 3, 4), (2, 5), (2, 4, 4)))
    for parts, dim in (([one, other], 1), ([one, longer], 0), ([one], 3), ([], 0)):
        assert stated(aten.cat.default, (parts, dim), {}) is None
