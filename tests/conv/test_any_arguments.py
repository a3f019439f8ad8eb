"""All arguments at once, drawn by hypothesis, every algorithm against the oracle, on every instruction set."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.trials import error_bound

from striate.conv import conv2d, instruction_sets, reference
from striate.conv.arguments import Arguments
from striate.conv.arrays import Array
from striate.conv.problem import Problem
from striate.errors import InputError

EXAMPLES = int(os.environ.get("STRIATE_TEST_EXAMPLES", "200"))
MODES = ("zeros", "reflect", "replicate", "circular")
BUDGET = 4000


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """One call: shapes that make a convolution, and every other argument."""
    kernel = draw(st.sampled_from([(3, 3), (1, 1), (1, 1), (5, 5), (2, 3), (3, 1), (1, 4), (7, 7), (13, 13), (17, 3)]))
    plain = draw(st.booleans())
    stride = (1, 1) if plain else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = (1, 1) if plain else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    most = max(1, min(24, int((BUDGET / (kernel[0] * kernel[1])) ** 0.5)))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 8]))
    c, k = (groups * draw(st.integers(1, most)) for _ in range(2))
    if groups == 8:
        c = k = draw(st.integers(1, 2 * most)) if draw(st.booleans()) else 8
        groups = c
    reach = [d * (size - 1) + 1 for d, size in zip(dilation, kernel, strict=True)]
    height, width = (draw(st.integers(r, r + 14)) for r in reach)
    sides = st.integers(0, 3)
    name = st.sampled_from(["valid", "same_upper", "same_lower", *(["same"] if stride == (1, 1) else [])])
    padding = draw(st.one_of(sides, st.tuples(sides, sides), st.tuples(*[st.tuples(sides, sides)] * 2), name))
    mode = draw(st.sampled_from(MODES)) if draw(st.integers(0, 3)) == 0 else "zeros"
    pads = Arguments.parse(stride, padding, dilation).pads((height, width), kernel)
    if mode != "zeros" and max(*pads) >= min(height, width):
        mode = "zeros"
    return {
        "n": draw(st.integers(1, 3)),
        "problem": Problem(1, c, height, width, k, *kernel, stride, pads, dilation, groups),
        "padding": padding,
        "mode": mode,
        "bias": draw(st.booleans()),
        "batched": draw(st.booleans()),
        "layout": draw(st.sampled_from(["contiguous", "channels_last", "sliced", "flipped"])),
        "activation": draw(st.sampled_from([None, "relu", "relu6"])),
        "dtype": draw(st.sampled_from([np.float32, np.float64])),
    }


def laid_out(x: Array, layout: str) -> Array:
    """``x`` with the same values in another place."""
    if layout == "channels_last":
        return x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    if layout == "sliced":
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1] + 1), np.nan, x.dtype)
        wide[..., 1::2] = x
        return wide[..., 1::2]
    return x[..., ::-1].copy()[..., ::-1] if layout == "flipped" else x


def agrees(algorithm: str, drawn: dict[str, Any]) -> bool:
    """Whether the algorithm took the call; fails where its result is not the oracle's."""
    p: Problem = drawn["problem"]
    p = replace(p, n=drawn["n"] if drawn["batched"] else 1)
    rng = np.random.default_rng(0)
    dtype = drawn["dtype"]
    x, weight = (rng.standard_normal(shape).astype(dtype) for shape in (p.input_shape, p.weight_shape))
    bias = rng.standard_normal(p.k).astype(dtype) if drawn["bias"] else None
    given_x = laid_out(x, str(drawn["layout"]))
    steps = p.stride, drawn["padding"], p.dilation, p.groups
    more = {"padding_mode": drawn["mode"], "activation": drawn["activation"], "algorithm": algorithm}
    try:
        result = conv2d(given_x if drawn["batched"] else given_x[0], weight, bias, *steps, **more)
    except InputError as refusal:
        if "cannot compute" not in str(refusal):
            raise
        return False
    plain = reference.conv2d(x, weight, bias, p.stride, p.padding, p.dilation, p.groups, str(drawn["mode"]))
    expected = np.clip(plain, None if drawn["activation"] is None else 0, 6 if drawn["activation"] == "relu6" else None)
    scale = max(float(np.sqrt(weight[0].size)), float(np.abs(plain).max()))
    assert result.dtype == dtype
    assert result.shape == (expected.shape if drawn["batched"] else expected.shape[1:])
    worst = float(np.abs(result - expected).max()) / scale
    assert worst <= error_bound(algorithm, np.dtype(dtype)), worst
    return True


def test_the_algorithm_agrees_with_the_oracle(algorithm: str) -> None:
    taken = 0

    @settings(
        deadline=None,
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=arguments())
    def run(drawn: dict[str, Any]) -> None:
        nonlocal taken
        taken += agrees(algorithm, drawn)

    run()
    assert taken > 0, f"{algorithm} took none of {EXAMPLES} calls"


def test_a_wrong_result_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = reference.conv2d
    drawn: dict[str, Any] = {"n": 1, "problem": Problem(1, 2, 6, 6, 2, 3, 3), "padding": 0, "mode": "zeros"}
    drawn |= {"bias": True, "batched": True, "layout": "sliced", "activation": None, "dtype": np.float32}
    assert agrees("auto", drawn)
    monkeypatch.setattr(reference, "conv2d", lambda x, weight, *more: right(x, weight[:, :, ::-1], *more))
    with pytest.raises(AssertionError):
        agrees("auto", drawn)


def _run(isa: str, examples: int, chosen: str) -> None:
    environment = os.environ | {"STRIATE_ISA": isa, "STRIATE_TEST_EXAMPLES": str(examples)}
    folder = os.path.dirname(__file__)
    files = [os.path.join(folder, name) for name in ("test_any_arguments.py", "test_algorithms.py")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-k",
        f"({chosen}) and not (instruction_set or reference or matrix)",
        *files,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    used = subprocess.run(
        [sys.executable, "-c", "from striate.conv.native import instruction_set; print(instruction_set())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert used.stdout.strip() == isa


@pytest.mark.parametrize("isa", instruction_sets()[1:])
def test_every_other_instruction_set_keeps_the_same_promises(isa: str) -> None:
    _run(isa, 30, "oracle or non_finite_pixel")


@pytest.mark.exhaustive
@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.timeout(1800)
def test_every_instruction_set_on_many_arguments(isa: str) -> None:
    _run(isa, 2000, "test")
