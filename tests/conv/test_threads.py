"""How many threads: the environment, the CPUs a process may use, torch; and that they change no bit of a gradient."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import striate.torch
from striate.conv import _native, conv2d_input_grad, conv2d_weight_grad, get_threads, set_threads
from striate.conv.calls import Call
from striate.torch import operators, weights


def threads_with(code: str = "", **environment: str) -> str:
    """What a new process says of its threads."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = f"import os\n{code}\nfrom striate.conv import get_threads\nprint(get_threads())"
    done = subprocess.run(
        [sys.executable, "-c", run], env={**clean, **environment}, capture_output=True, text=True, check=False
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_the_environment_sets_the_threads_that_0_goes_back_to() -> None:
    code = "from striate.conv import set_threads\nset_threads(2)\nset_threads(0)"
    assert threads_with(code, STRIATE_NUM_THREADS="5", OMP_NUM_THREADS="3") == "5"
    assert threads_with(OMP_NUM_THREADS="4,2") == "4"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs an affinity mask")
def test_else_the_cpus_a_process_may_use_do() -> None:
    first = min(os.sched_getaffinity(0))
    assert threads_with(f"os.sched_setaffinity(0, {{{first}}})") == "1"


@pytest.mark.parametrize("wrong", ["0", "two"])
def test_a_wrong_number_is_told_of(wrong: str) -> None:
    assert threads_with(STRIATE_NUM_THREADS=wrong).endswith(
        f"STRIATE_NUM_THREADS must be a number of threads of at least 1, got {wrong!r}; or unset it"
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_inside_torch_torchs_number_counts(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), []
    plain, kernel_of = Call.run, weights.kernel_of

    def packed(weight: Any, call: Any) -> Any:
        seen.append(call.plan.threads)
        return kernel_of(weight, call)

    def run(self: Any, *arguments: Any, **more: Any) -> Any:
        seen.append(self.plan.threads)
        return plain(self, *arguments, **more)

    def told(gradient: Any) -> Any:
        def run(*arguments: Any) -> Any:
            seen.append(arguments[-1])
            return gradient(*arguments)

        return run

    monkeypatch.setattr(operators, "kernel_of", packed)
    monkeypatch.setattr(Call, "run", run)
    for name in ("input_gradient", "weight_gradient"):  # the former or a Call, whichever is faster here
        monkeypatch.setattr(_native, name, told(getattr(_native, name)))
    torch.set_num_threads(threads)
    try:
        layer = striate.torch.Conv2d(3, 8, 3)
        layer(torch.ones(1, 3, 64, 64, requires_grad=True)).sum().backward()
    finally:
        torch.set_num_threads(before)
    assert seen == [threads] * 3


def test_threads_change_no_bit_of_a_gradient() -> None:
    rng = np.random.default_rng(0)
    before = get_threads()
    try:
        for n, c, k, size, kernel, groups in [(3, 8, 40, 20, 3, 1), (2, 6, 6, 33, 5, 6), (5, 30, 20, 5, 3, 2)]:
            x = rng.standard_normal((n, c, size, size)).astype(np.float32)
            weight = rng.standard_normal((k, c // groups, kernel, kernel)).astype(np.float32)
            grad = rng.standard_normal((n, k, size, size)).astype(np.float32)
            results = []
            for threads in (1, 2, 5):
                set_threads(threads)
                results.append(
                    (
                        conv2d_weight_grad(x, weight.shape, grad, 1, kernel // 2, 1, groups),
                        conv2d_input_grad(x.shape, weight, grad, 1, kernel // 2, 1, groups),
                    )
                )
            for other in results[1:]:
                for mine, first in zip(other, results[0], strict=True):
                    np.testing.assert_array_equal(mine, first)
    finally:
        set_threads(before)
