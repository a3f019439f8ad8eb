"""Random calls with arguments of random types: right by the oracle, or one line of striate's own, each time alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from striate import conv
from striate.conv import reference
from striate.conv.arguments import Arguments
from striate.conv.arrays import compute_dtype
from striate.conv.settings import find_anew
from striate.errors import StriateError

JUNK: tuple[Callable[[Random], Any], ...] = (
    lambda r: r.choice([0, 1, 2, 3, -1, 7, 10**30, 2**31, -(2**63)]),
    lambda r: r.choice([0.0, 1.0, 1.5, float("nan"), float("inf"), 1e300, 2 + 0j]),
    lambda r: np.dtype(r.choice(["i1", "u2", "i8", "f4", "f8", "?"])).type(r.choice([0, 1, 2])),
    lambda r: np.array(r.choice([1, 2.0, [1, 2], [1.0, 2.0], [[1, 0], [0, 1]], [], ["same"], [None], [[[1]]]])),
    lambda r: r.choice([None, True, False, ..., NotImplemented, object(), int, len]),
    lambda r: r.choice(["", "same", "valid", "same_upper", "zeros", "reflect", "relu", "auto", "1", "ä" * 99]),
    lambda r: r.choice([b"", b"same", bytearray(2), memoryview(b"ab"), range(1, 3), {1, 2}, {1: 2}, iter([1, 2])]),
    lambda r: r.choice([(), (1,), (1, 2), [2, 1], (1, 2, 3), (1, 1, 1, 1), ((1, 0), (0, 1)), [[1, 1], [2, 2]]]),
    lambda r: r.choice([((1,), (1,)), ((1, 2), 3), (None, 1), ("1", "2"), [[]], [1.0, 1.0], (10**20, 1), (-1, 0)]),
    lambda r: [1] * 10_000,
)
SENSIBLE: dict[str, tuple[Any, ...]] = {
    "stride": (1, 2, (1, 2), [2, 1], np.int64(2), np.array([1, 2]), (3,)),
    "padding": (0, 1, (1, 0), ((0, 1), (2, 0)), "valid", "same_upper", "same_lower", "same", np.eye(2, dtype=int)),
    "dilation": (1, 2, (2, 1), np.uint8(2), [1, 2]),
    "groups": (1, 2, np.int32(2)),
    "padding_mode": ("zeros", "reflect", "replicate", "circular"),
    "algorithm": ("auto", "direct", "reference", "matrix", "gemm", "winograd", np.str_("auto")),
    "activation": (None, "relu", "relu6"),
    "accuracy": ("normal", "strict"),
}
DTYPES = (np.float32, np.float64, np.float16, ml_dtypes.bfloat16)


def array(random: Random, shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of small whole numbers, which every algorithm adds up exactly, in some layout and of some class."""
    values = np.array([random.randint(-3, 3) for _ in range(int(np.prod(shape)))]).reshape(shape).astype(dtype)
    layout = random.randrange(9)
    if layout == 0:
        return np.asfortranarray(values)
    if layout == 1:
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if layout == 2:
        return values[..., ::-1].copy()[..., ::-1]
    if layout == 3:
        return np.ma.array(values)
    if layout == 4:
        records = np.zeros(shape, [("flag", "u1"), ("value", dtype)])
        records["value"] = values
        return records["value"]
    return values


def junk(random: Random) -> Any:
    return random.choice(JUNK)(random)


def junk_array(random: Random, shape: tuple[int, ...]) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: junk(random),
        lambda: np.zeros(shape, random.choice(["i4", "c8", ">f4", "U3", "O", "M8[s]", "?"])),
        lambda: np.zeros(shape[: random.randrange(len(shape) + 1)], np.float32),
        lambda: np.zeros((*shape, 2), np.float32),
        lambda: np.zeros((0, *shape[1:]), np.float32),
        lambda: np.zeros((*shape[:-1], 0), np.float32),
        lambda: np.ma.masked_all(shape, np.float32),
        lambda: np.zeros(shape, np.float32).tolist(),
        lambda: np.float32(1),
        lambda: np.zeros(shape, [("a", "f4")]),
    ]
    return random.choice(kinds)()


def drawn(random: Random, wrong: float) -> tuple[list[Any], dict[str, Any]]:
    """x, weight and bias, and some other arguments; each is junk with a chance of ``wrong``."""
    dtype, groups = random.choice(DTYPES), random.choice([1, 1, 2])
    n, c, k = random.choice([0, 1, 2]), groups * random.randint(1, 2), groups * random.randint(1, 2)
    size, kernel = (random.randint(3, 7), random.randint(3, 7)), (random.randint(1, 3), random.randint(1, 3))
    shapes = [(n, c, *size) if random.random() < 0.8 else (c, *size), (k, c // groups, *kernel), (k,)]
    arrays = [junk_array(random, s) if random.random() < wrong else array(random, s, dtype) for s in shapes]
    if random.random() < 0.3:
        arrays[2] = None
    more: dict[str, Any] = {"groups": groups}
    for name, values in SENSIBLE.items():
        if name != "groups" and random.random() < 0.4:
            more[name] = random.choice(values)
        if random.random() < wrong:
            more[name] = junk(random)
    return arrays, more


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives: its value, or its refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except StriateError as error:
            refusal = error
    text = str(refusal)
    assert "\n" not in text, text
    assert len(text) < 500, text
    assert isinstance(refusal, (ValueError, TypeError, ImportError))
    return type(refusal), text


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return type(a) is type(b) and (not isinstance(a, tuple) or a == b)


def expected(arrays: list[Any], more: dict[str, Any]) -> np.ndarray:
    """The definition's result, in float64, of a call that was not refused."""
    x, weight, bias = (None if a is None else np.asarray(a).astype(np.float64) for a in arrays)
    steps = {name: more[name] for name in ("stride", "padding", "dilation", "groups", "padding_mode") if name in more}
    arguments = Arguments.parse(**steps)
    assert x is not None and weight is not None  # noqa: PT018
    pads = arguments.pads(x.shape[-2:], weight.shape[2:])
    mode = arguments.padding_mode
    batch = x if x.ndim == 4 else x[None]
    out = reference.conv2d(batch, weight, bias, arguments.stride, pads, arguments.dilation, arguments.groups, mode)
    if more.get("activation") is not None:
        out = np.clip(out, 0, 6 if more["activation"] == "relu6" else None)
    return out if x.ndim == 4 else out[0]


def layer(arrays: list[Any], more: dict[str, Any]) -> Any:
    x, weight, bias = arrays
    k, c, *kernel = weight.shape
    made = conv.Conv2d(c * int(more["groups"]), k, kernel, bias=bias is not None, **more)
    made.weight = weight
    if bias is not None:
        made.bias = bias
    return made(x)


FEW = 500
COUNTS = [FEW, pytest.param(10_000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(1800)])]


@pytest.mark.parametrize("count", COUNTS)
def test_calls_that_make_sense_are_right(count: int) -> None:
    answered = 0
    for seed in range(count):
        random = Random(seed)
        arrays, more = drawn(random, wrong=0)
        run = layer if random.random() < 0.3 and all(arrays[1].shape) else lambda a, m: conv.conv2d(*a, **m)
        result = outcome(partial(run, arrays, more))
        if isinstance(result, tuple):
            continue
        answered += 1
        wanted = expected(arrays, more)
        assert result.dtype == arrays[0].dtype, (seed, more)
        tolerance = {2: 0.05, 4: 1e-4, 8: 1e-12}[result.dtype.itemsize] * max(1, np.abs(wanted).max(initial=0))
        np.testing.assert_allclose(result.astype(np.float64), wanted, rtol=0, atol=tolerance, err_msg=f"seed {seed}")
        assert compute_dtype(result.dtype).itemsize >= 4
    assert answered > count / 2


NAMES: dict[str, Callable[[list[Any], dict[str, Any]], object]] = {
    "conv2d": lambda a, m: conv.conv2d(*a, **m),
    "Conv2d": lambda a, m: conv.Conv2d(*a, **m),
    "conv1d": lambda a, m: conv.conv1d(*a, **m),
    "conv_transpose2d": lambda a, m: conv.conv_transpose2d(*a, **m),
    "conv_matrix": lambda a, m: conv.conv_matrix(*a[1:], **m),
    "explain": lambda a, m: conv.explain(*a, **m),
    "plan_conv": lambda a, m: conv.plan_conv(*a[:2], **m),
    "set_threads": lambda a, m: conv.set_threads(a[0]),
    "set_cache_limit": lambda a, m: conv.set_cache_limit(a[0]),
    "read_image": lambda a, m: conv.read_image(a[0]),
}
KEYWORDS = {
    "conv2d": set(SENSIBLE) | {"out"},
    "Conv2d": set(SENSIBLE) | {"bias", "dtype", "rng"},
    "conv1d": set(SENSIBLE),
    "conv_transpose2d": {"stride", "padding", "output_padding", "groups", "dilation", "algorithm", "activation", "out"},
    "conv_matrix": {"stride", "padding", "dilation", "groups", "padding_mode"},
    "explain": {"stride", "padding", "dilation", "groups", "padding_mode", "at", "image"},
    "plan_conv": {"stride", "padding", "dilation", "groups", "padding_mode", "dtype", "algorithm", "accuracy"},
}


def positional(name: str, random: Random, arrays: list[Any]) -> list[Any]:
    if name == "Conv2d":
        return [junk(random) if random.random() < 0.3 else random.choice([1, 2, (2, 3)]) for _ in range(3)]
    if name in ("set_threads", "set_cache_limit", "read_image"):
        return [junk(random)]
    if name == "plan_conv":
        return [junk(random) if random.random() < 0.5 else shape for shape in ((1, 2, 5, 6), (4, 2, 3, 3))]
    if name == "conv_matrix":
        return [None, arrays[1], junk(random) if random.random() < 0.5 else (5, 6)]
    if name == "conv1d":
        return [a[..., 0, :] if isinstance(a, np.ndarray) and a.ndim > 2 and a.shape[-2] else a for a in arrays]
    return arrays


@pytest.mark.parametrize("count", [2 * FEW, COUNTS[1]])
def test_calls_with_junk_give_one_line_or_an_answer_each_time_alike(count: int) -> None:
    refused = 0
    threads = conv.get_threads()
    for seed in range(count):
        random = Random(seed)
        name = random.choice(list(NAMES))
        arrays, more = drawn(random, wrong=0.15)
        given = positional(name, random, arrays)
        for extra in ("out", "at", "image", "output_padding", "bias", "dtype", "rng"):
            if random.random() < 0.3:
                more[extra] = junk(random) if random.random() < 0.6 else {"at": (0, 0, 0), "dtype": "f8"}.get(extra)
        more = {key: value for key, value in more.items() if key in KEYWORDS.get(name, ())}
        if any(hasattr(value, "__next__") for value in (*given, *more.values())):
            continue  # spent by the first call
        if name == "explain":
            more.setdefault("at", (0, 0, 0))

        call = partial(NAMES[name], given, more)
        try:
            first = outcome(call)
            again = outcome(call)
            find_anew()
            fresh = outcome(call)
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {name} {given} {more}") from error
        assert alike(first, again), (seed, name, more, first, again)
        assert alike(first, fresh), (seed, name, more, first, fresh)
        if isinstance(first, tuple):
            refused += 1
            assert first[1].startswith(f"{name}: "), first
    conv.set_threads(0)
    conv.set_cache_limit(None)
    assert conv.get_threads() == threads
    assert refused > count / 4
