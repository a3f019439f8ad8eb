"""Packed parameters under many threads: every answer comes from the weights as they are."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from support.threads import at_once

import striate.torch
from striate.conv import cache_bytes, set_cache_limit
from striate.torch import weights


@pytest.fixture(autouse=True)
def _often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
    set_cache_limit(None)


SIZES = ((1, 4, 5, 6), (1, 4, 8, 8), (2, 4, 7, 5), (4, 9, 9))


@pytest.mark.parametrize("limit", [None, 0, 4000])
@pytest.mark.parametrize("rounds", [25, pytest.param(500, marks=pytest.mark.exhaustive)])
def test_answers_come_from_the_weights_as_they_are(rounds: int, limit: int | None) -> None:
    set_cache_limit(limit)
    layer = striate.torch.Conv2d(4, 6, 3, bias=False)
    inputs = [torch.ones(size) for size in SIZES]
    changes: list[Callable[[int], object]] = [
        lambda turn: layer.weight.fill_(turn),
        lambda turn: layer.load_state_dict({"weight": torch.full((6, 4, 3, 3), float(turn))}),
        lambda turn: setattr(layer, "weight", torch.nn.Parameter(torch.full((6, 4, 3, 3), float(turn)))),
        lambda turn: setattr(layer.weight, "data", torch.full((6, 4, 3, 3), float(turn))),
        lambda turn: layer.weight.data.fill_(turn),
    ]

    def answer(i: int) -> torch.Tensor:
        with torch.no_grad():
            result: torch.Tensor = layer(inputs[i % len(inputs)])
        return result

    for turn in range(1, rounds):
        with torch.no_grad():
            changes[turn % len(changes)](turn)
        for result in at_once(8, answer):
            torch.testing.assert_close(result, torch.full_like(result, 36 * turn), rtol=1e-5, atol=0)


def test_forms_go_with_their_parameter() -> None:
    gc.collect()
    before, known = cache_bytes(), len(weights._remembered)
    layer = striate.torch.Conv2d(8, 8, 3)
    with torch.no_grad():
        layer(torch.ones(1, 8, 9, 9))
    assert cache_bytes() > before
    assert len(weights._remembered) == known + 1
    del layer
    gc.collect()
    assert cache_bytes() == before
    assert len(weights._remembered) == known


def test_a_model_keeps_one_form_for_a_layout_and_all_within_the_limit() -> None:
    gc.collect()
    layers = [striate.torch.Conv2d(32, 32, 3, padding=1) for _ in range(6)]
    layers += [striate.torch.Conv2d(32, 32, 1) for _ in range(6)]
    model = torch.nn.Sequential(*layers)
    plain = sum(parameter.numel() * 4 for parameter in model.parameters())
    sizes = (28, 24, 32, 20, 36, 40, 41, 42, 43, 44, 45, 46, 47, 48)
    with torch.no_grad():
        for size in sizes:
            model(torch.ones(1, 32, size, size))
        forms = [len(weights._remembered[id(layer.weight)].packed._forms) for layer in layers]
        assert max(forms) <= len(sizes) // 2
        held = cache_bytes()
        for size in sizes:
            model(torch.ones(1, 32, size, size))
        assert cache_bytes() == held
        set_cache_limit(3 * plain)
        for size in (28, 36, 48):
            x = torch.ones(1, 32, size, size)
            expected = x
            for layer in layers:
                expected = torch.conv2d(expected, layer.weight, layer.bias, padding=layer.padding)
            torch.testing.assert_close(model(x), expected, rtol=1e-3, atol=1e-4)
            assert 0 < cache_bytes() <= 3 * plain
