"""Everything kept from one call to the next: what it may take in memory, and that no thread ever meets it stale."""

from __future__ import annotations

import gc
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
from support.odd import wrongly
from support.sure import sure
from support.threads import at_once

from striate.conv import (
    Conv2d,
    cache_bytes,
    conv2d,
    conv_transpose2d,
    get_cache_limit,
    get_threads,
    plan,
    set_cache_limit,
    set_threads,
)
from striate.conv.arguments import Arguments
from striate.conv.arrays import Array
from striate.conv.budget import Budget, Kept
from striate.conv.calls import find_call
from striate.conv.native import Packed, Plan, compile_plan
from striate.conv.packing import PackedWeights, SeenWeights, same_bits
from striate.errors import InputError

FLOAT = np.dtype(np.float32)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture(autouse=True)
def _own_limit() -> Iterator[None]:
    yield
    set_cache_limit(None)


@pytest.fixture
def often() -> Iterator[None]:
    """Threads change over at every chance."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


SIZES = ((1, 4, 5, 6), (1, 4, 8, 8), (2, 4, 7, 5), (4, 9, 9))


def layer_of(weight: Array) -> Conv2d:
    k, c, *kernel = weight.shape
    made = Conv2d(c, k, kernel, bias=False, dtype=weight.dtype, algorithm="direct")
    made.weight = weight
    return made


def all_equal_to(value: float, results: Sequence[Array]) -> bool:
    return all(float(r.flat[0]) == value and bool((r == value).all()) for r in results)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("rounds", [40, pytest.param(600, marks=pytest.mark.exhaustive)])
def test_a_layers_answers_come_from_the_weights_assigned_last(rounds: int) -> None:
    made = Conv2d(4, 6, 3, bias=False, rng=0, algorithm="direct")
    inputs = [np.ones(size, np.float32) for size in SIZES]
    stale = 0
    for turn in range(1, rounds):
        made.weight = np.full((6, 4, 3, 3), turn, np.float32)
        results = at_once(8, lambda i: made(inputs[i % len(inputs)]))
        stale += not all_equal_to(36 * turn, results)
        stale += not all_equal_to(36 * turn, [made(x) for x in inputs])
    assert stale == 0


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("rounds", [40, pytest.param(600, marks=pytest.mark.exhaustive)])
def test_a_functions_answers_come_from_the_weights_as_they_are(rounds: int) -> None:
    weight = np.ones((32, 16, 3, 3), np.float32)
    x = np.ones((1, 16, 8, 8), np.float32)
    stale = 0
    for turn in range(1, rounds):
        weight[...] = turn
        results = at_once(8, lambda i: conv2d(x[:, :, : 8 - i % 3], weight, algorithm="direct"))
        stale += not all_equal_to(144 * turn, results)
        stale += not all_equal_to(144 * turn, [conv2d(x, weight, algorithm="direct")])
    assert stale == 0


@pytest.mark.usefixtures("often")
def test_weight_and_bias_assigned_from_two_threads_both_hold() -> None:
    made = Conv2d(2, 3, 1, rng=0)
    x = np.ones((1, 2, 4, 4), np.float32)

    def assign(i: int, turn: int) -> None:
        if i:
            made.weight = np.full((3, 2, 1, 1), turn, np.float32)
        else:
            made.bias = np.full(3, 100 * turn, np.float32)

    for turn in range(1, 200):
        at_once(2, partial(assign, turn=turn))
        assert (made(x) == 102 * turn).all()


@pytest.mark.usefixtures("often")
def test_calls_while_weights_change_are_of_one_state_or_the_other() -> None:
    made = Conv2d(4, 6, 3, rng=0, algorithm="direct")
    x = np.ones((1, 4, 6, 6), np.float32)
    made.load_state_dict({"weight": np.zeros((6, 4, 3, 3), np.float32), "bias": np.zeros(6, np.float32)})
    stop = threading.Event()

    def change() -> None:
        for turn in range(300):
            state = {"weight": np.full((6, 4, 3, 3), turn, np.float32), "bias": np.full(6, turn, np.float32)}
            made.load_state_dict(state)
        stop.set()

    def call() -> int:
        seen = -1.0
        while not stop.is_set():
            result = made(x)
            value = float(result[0, 0, 0, 0]) / 37
            assert value >= seen
            assert (result == 37 * value).all()
            seen = value
        return 0

    at_once(5, lambda i: call() if i else change())


@pytest.mark.usefixtures("often")
def test_threads_settings_and_limits_may_change_under_calls() -> None:
    made, before = layer_of(np.ones((8, 8, 3, 3), np.float32)), get_threads()
    weight, x = np.ones((64, 8, 3, 3), np.float32), np.ones((1, 8, 9, 9), np.float32)

    def work(i: int) -> None:
        for turn in range(60):
            if i == 0:
                set_threads(1 + turn % 3)
            elif i == 1:
                set_cache_limit((None, 0, 30_000)[turn % 3])
            elif i % 2:
                assert (made(x[..., : 9 - turn % 4]) == 72).all()
            else:
                assert (conv2d(x, weight, algorithm="direct") == 72).all()
                assert conv_transpose2d(x, made.weight, algorithm="direct")[0, 0, 4, 4] == 72

    try:
        at_once(8, work)
        set_threads(2)
        assert sure(find_call(x.shape, weight.shape, FLOAT, Arguments()).plan).threads <= 2
    finally:
        set_threads(0)
    assert get_threads() == before


def test_a_call_found_under_old_settings_is_not_kept_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    made, x = layer_of(np.ones((8, 8, 3, 3), np.float32)), np.ones((1, 8, 30, 30), np.float32)

    def interrupted(*arguments: Any) -> Plan:
        made = compile_plan(*arguments)
        monkeypatch.setattr(plan, "compile_plan", compile_plan)
        set_threads(1)
        return made

    monkeypatch.setattr(plan, "compile_plan", interrupted)
    try:
        set_threads(3)
        made(x)
        made(x)
        bound: Any = made._weights.ready[x.shape].run
        assert bound.__self__.threads == 1
        assert sure(find_call(x.shape, made.weight.shape, FLOAT, Arguments()).plan).threads == 1
    finally:
        set_threads(0)


@pytest.mark.skipif(not FREE_THREADED, reason="this Python has a global lock")
def test_the_free_threaded_build_runs_these_tests_without_its_lock() -> None:
    command = [sys.executable, "-c", "import striate.conv, sys; print(sys._is_gil_enabled())"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_what_was_used_longest_ago_is_dropped_first() -> None:
    budget = Budget(100)
    kept: list[Any] = [Kept() for _ in range(4)]
    for one in kept[:3]:
        budget.keep(one, "value", 30)
    kept[0].used = budget.now
    budget.keep(kept[3], "value", 40)
    assert [one.value is not None for one in kept] == [True, False, True, True]
    assert budget.bytes == 100
    budget.keep(kept[1], "too large", 101)
    assert kept[1].value is None
    budget.limit = 45
    assert [one.value is not None for one in kept] == [False, False, False, True]
    budget.keep(kept[3], "again", 45)
    assert budget.bytes == 45
    del one, kept
    gc.collect()
    assert budget.bytes == 0
    assert not budget._known


def test_forms_are_shared_by_the_sizes_of_a_layout() -> None:
    gc.collect()
    before = cache_bytes()
    made = Conv2d(64, 64, 1, bias=False)
    made.weight = np.ones((64, 64, 1, 1), np.float32)
    layouts, sizes = set(), range(4, 44)
    for size in sizes:
        x = np.ones((1, 64, size, size), np.float32)
        assert (made(x) == 64).all()
        layouts.add(find_call(x.shape, made.weight.shape, FLOAT, Arguments()).layout)
    forms = made._weights.packed._forms
    assert set(forms) == layouts
    assert len(layouts) < len(sizes)
    assert cache_bytes() - before == sum(sure(kept.value).bytes for kept in forms.values())
    del made, forms
    gc.collect()
    assert cache_bytes() == before


def test_another_sizes_packed_weights_give_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((24, 16, 3, 3)).astype(np.float32)
    by_layout: dict[str, Packed] = {}
    shared = 0
    for algorithm in ("direct", "gemm", "winograd", "winograd1d", "fft"):
        for size in (8, 9, 13, 20, 33, 56):
            call = find_call((1, 16, size, size + 3), weight.shape, FLOAT, Arguments.parse(1, 1), algorithm)
            assert call.layout.startswith(f"{algorithm} float32 24 16 3 3 1:")
            x = rng.standard_normal(call.problem.input_shape).astype(np.float32)
            shared += call.layout in by_layout
            packed = by_layout.setdefault(call.layout, sure(call.plan).pack(weight))
            mine = call.run(x, weight, None, "none", None)
            np.testing.assert_array_equal(call.run(x, weight, None, "none", None, packed), mine)
    assert shared > 0
    call = find_call((1, 16, 9, 9), (24, 16, 2, 2), FLOAT, Arguments(), "direct")
    x, out = np.ones((1, 16, 9, 9), np.float32), np.empty((1, 24, 8, 8), np.float32)
    with pytest.raises(ValueError, match="packed weights have another layout: got 'fft float32"):
        sure(call.plan).run(x, packed, None, "none", out)


def test_everything_keeps_to_one_limit() -> None:
    gc.collect()
    weights = [np.full((48, 32, 3, 3), i, np.float32) for i in range(20)]
    layers = [layer_of(weight) for weight in weights]
    x = np.ones((1, 32, 12, 12), np.float32)
    limit = 2_000_000
    set_cache_limit(limit)
    assert get_cache_limit() == limit
    for _ in range(3):
        for i, (weight, made) in enumerate(zip(weights, layers, strict=True)):
            assert (conv2d(x, weight, algorithm="direct") == 288 * i).all()
            assert (made(x) == 288 * i).all()
            assert cache_bytes() <= limit
    assert cache_bytes() > limit / 2
    assert layers[-1]._weights.ready[x.shape].kept.value is not None
    assert layers[0]._weights.ready[x.shape].kept.value is None
    set_cache_limit(0)
    assert cache_bytes() == 0
    assert (layers[3](x) == 864).all()
    assert (conv2d(x, weights[3], algorithm="direct") == 864).all()
    assert cache_bytes() == 0


def test_a_functions_weights_are_packed_from_the_second_call_and_go_with_their_array() -> None:
    gc.collect()
    before = cache_bytes()
    call, seen = find_call((1, 32, 12, 12), (48, 32, 3, 3), FLOAT, Arguments()), SeenWeights()
    weights = [np.full((48, 32, 3, 3), i, np.float32) for i in range(20)]
    assert [seen.packed(call, weight) for weight in weights] == [None] * 20
    packed = [seen.packed(call, weight) for weight in weights]
    assert all(packed)
    assert seen.packed(call, weights[-1]) is packed[-1]
    weights[0][47, 31, 2, 2] = 5
    assert seen.packed(call, weights[0]) is not packed[0]
    packed.clear()
    weights.clear()
    gc.collect()
    assert cache_bytes() == before
    assert not seen._entries


def test_the_limit_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_cache_limit() == 2**30
    monkeypatch.setenv("STRIATE_CACHE_BYTES", "4096")
    assert get_cache_limit() == 4096
    set_cache_limit(5)
    assert get_cache_limit() == 5
    set_cache_limit(None)
    monkeypatch.setenv("STRIATE_CACHE_BYTES", "1 GiB")
    with pytest.raises(InputError, match="STRIATE_CACHE_BYTES must be a number of bytes, such as 1073741824, got '1 G"):
        get_cache_limit()
    for wrong in (-1, 1.5, "1"):
        with pytest.raises(InputError, match=r"set_cache_limit: limit must be (at least 0|an integer), got"):
            wrongly(set_cache_limit)(wrong)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "F", "sliced"])
def test_a_bit_that_differs_is_seen_anywhere(dtype: type[np.floating], layout: Literal["C", "F", "sliced"]) -> None:
    a: Array = (np.arange(3 * 256 * 1024) % 2000).reshape(3, 256, 1024).astype(dtype)
    a = a[:, ::2] if layout == "sliced" else np.array(a, order=layout)
    b = a.copy(order="K")
    assert same_bits(a, b)
    for at in ((0, 0, 0), (1, 77, 500), (2, -1, -1)):
        value = b[at]
        b[at] = np.nextafter(value, dtype(np.inf))
        assert not same_bits(a, b)
        b[at] = value
    assert same_bits(a, b)


def test_packed_weights_are_made_once_for_a_layout() -> None:
    weight = np.ones((8, 8, 3, 3), np.float32)
    forms = PackedWeights()
    calls = [find_call((1, 8, size, size), weight.shape, FLOAT, Arguments(), "direct") for size in (9, 30)]
    first, second = (forms.packed(call, weight) for call in calls)
    assert (first is second) == (calls[0].layout == calls[1].layout)
    assert forms.packed(find_call((1, 8, 9, 9), weight.shape, FLOAT, Arguments(), "reference"), weight) is None
