"""Integers, zeros and signs: what strict algorithms keep, and where strict is the default."""

from __future__ import annotations

import numpy as np
import pytest
from support.sure import sure
from support.trials import PROBLEMS

from striate.conv import conv2d, plan, reference, set_cache
from striate.conv.arguments import Arguments
from striate.conv.arrays import Array
from striate.conv.calls import find_call
from striate.conv.native import compile_plan, deciding_threads
from striate.conv.plan import find_plan
from striate.conv.problem import Problem


def whole_numbers(problem: Problem, seed: int = 0) -> tuple[Array, Array]:
    """Arrays of integers whose products, summed in any order, stay below 2^24."""
    rng = np.random.default_rng(seed)
    terms = problem.c // problem.groups * problem.kh * problem.kw
    most = int((2**24 / terms) ** 0.5)
    x = rng.integers(-most, most + 1, problem.input_shape).astype(np.float32)
    return x, rng.integers(-most, most + 1, problem.weight_shape).astype(np.float32)


def strict_algorithms(problem: Problem) -> list[str]:
    names = [name for name, _ in compile_plan(problem, "float32", "auto", strict=True).candidates]
    return [name for name in names if compile_plan(problem, "float32", name).strict]


@pytest.mark.parametrize("numbers", [1, 2, 3])
def test_strict_algorithms_are_exact_for_integers_below_2_to_24(problem: Problem, numbers: int) -> None:
    x, weight = whole_numbers(problem, numbers)
    sides = problem.padding[:2], problem.padding[2:]
    steps = problem.stride, sides, problem.dilation, problem.groups
    expected = reference.conv2d(
        x.astype(float), weight.astype(float), None, problem.stride, problem.padding, problem.dilation, problem.groups
    )
    assert np.abs(expected).max() < 2**24
    algorithms = strict_algorithms(problem)
    assert "direct" in algorithms
    for algorithm in algorithms:
        np.testing.assert_array_equal(conv2d(x, weight, None, *steps, algorithm=algorithm), expected, err_msg=algorithm)
    np.testing.assert_array_equal(conv2d(x, weight, None, *steps, accuracy="strict"), expected)


def test_a_way_with_a_transform_does_not_keep_them() -> None:
    mask = (np.random.default_rng(0).random((1, 1, 64, 64)) < 0.5).astype(np.float32)
    box = np.ones((1, 1, 15, 15), np.float32)
    assert (conv2d(mask, box, padding=7, algorithm="fft") % 1 != 0).any()


@pytest.mark.parametrize("channels", [1, 3, 32])
@pytest.mark.parametrize("size", [3, 5, 7, 9, 11, 13, 15, 21, 31])
def test_filtering_rounds_only_where_that_is_worth_more_than_twofold(size: int, channels: int) -> None:
    around = (size // 2,) * 4
    problem = Problem(1, channels, 256, 256, channels, size, size, padding=around, groups=channels)
    chosen, strict = (compile_plan(problem, "float32", "auto", only, deciding_threads()) for only in (False, True))
    fast = dict(chosen.candidates)
    if chosen.algorithm != strict.algorithm:
        assert 2 * fast[chosen.algorithm] <= fast[strict.algorithm]
    else:
        assert 2 * min(fast.values()) >= fast[strict.algorithm]


def test_a_box_count_of_a_mask_is_whole_by_default() -> None:
    mask = (np.random.default_rng(0).random((1, 1, 512, 512)) < 0.5).astype(np.float32)
    for size in (3, 5, 7, 9):
        box = np.ones((1, 1, size, size), np.float32)
        # By default where no other algorithm is twice as fast, which the processor decides.
        strict = sure(find_call(mask.shape, box.shape, mask.dtype, Arguments.parse(1, size // 2)).plan).strict
        counts = conv2d(mask, box, padding=size // 2, accuracy="normal" if strict else "strict")
        assert (counts % 1 == 0).all()
        assert counts.min() >= 0


@pytest.mark.parametrize(("us", "strict"), [(1.9, True), (2.1, False)])
def test_measured_filtering_rounds_only_where_that_is_worth_more_than_twofold(
    us: float, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "measure", lambda *problem: [("fft", 1.0), ("direct", us)])
    set_cache(False)
    try:
        assert find_plan(PROBLEMS["depthwise 17x17"], "float32", "measured", "normal").strict is strict
    finally:
        set_cache(None)
