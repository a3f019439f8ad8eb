"""The functions' contract: layouts, types, ``out``, padding modes, 1-D, errors."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from support.sure import sure

from striate.conv import ArrayTypeError, Conv2d, ShapeError, conv1d, conv2d
from striate.conv.arguments import PaddingMode
from striate.conv.arrays import Array, pad_border, unpad_border
from striate.errors import InputError, StriateError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 7, 6)).astype(np.float32)
W = RNG.standard_normal((6, 4, 3, 3)).astype(np.float32)
B = RNG.standard_normal(6).astype(np.float32)


def test_the_result_keeps_the_layout() -> None:
    plain = conv2d(X, W, B, padding=1)
    assert plain.flags.c_contiguous
    for order, back in (((0, 2, 3, 1), (0, 3, 1, 2)), ((3, 2, 0, 1), (2, 3, 1, 0)), ((1, 0, 2, 3), (1, 0, 2, 3))):
        moved = conv2d(X.transpose(order).copy().transpose(back), W, B, padding=1)
        np.testing.assert_array_equal(moved, plain)
        assert moved.transpose(order).flags.c_contiguous
    image = conv2d(X[0].transpose(1, 2, 0).copy().transpose(2, 0, 1), W, B, padding=1)
    assert image.transpose(1, 2, 0).flags.c_contiguous
    np.testing.assert_array_equal(image, conv2d(X[:1], W, B, padding=1)[0])


def test_any_strides_and_places_read_the_same() -> None:
    plain = conv2d(X, W, B)
    np.testing.assert_array_equal(conv2d(X[:, :, ::-1, ::-1][:, :, ::-1, ::-1], W, B), plain)
    np.testing.assert_array_equal(conv2d(np.asfortranarray(X), np.asfortranarray(W), B), plain)
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    odd = buffer[1:].view(np.float32).reshape(X.shape)
    odd[...] = X
    np.testing.assert_array_equal(conv2d(odd, W, B), plain)
    locked = X.copy()
    locked.flags.writeable = False
    np.testing.assert_array_equal(conv2d(locked, W, B), plain)
    rows = np.broadcast_to(X[:, :, :1], X.shape)
    np.testing.assert_array_equal(conv2d(rows, W, B), conv2d(rows.copy(), W, B))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_summed_in_float32(algorithm: str, dtype: Any) -> None:
    x, w = np.ones((1, 64, 9, 9), dtype), np.full((8, 64, 3, 3), 0.01, dtype)
    bias = np.full(8, 0.5, dtype)
    try:
        result = conv2d(x, w, bias, algorithm=algorithm)
    except InputError as refusal:
        pytest.skip(str(refusal))
    assert result.dtype == dtype
    exact = np.float32(576) * w[0, 0, 0, 0].astype(np.float32) + np.float32(0.5)
    spacing = float(np.spacing(exact.astype(dtype)))
    assert np.abs(result.astype(np.float64) - float(exact)).max() <= 0.51 * spacing


def test_out_is_filled_and_returned() -> None:
    plain = conv2d(X, W, B, padding=1)
    for out in (np.empty_like(plain), np.empty((2, 7, 6, 6), np.float32).transpose(0, 3, 1, 2)):
        assert conv2d(X, W, B, padding=1, out=out) is out
        np.testing.assert_array_equal(out, plain)
    image = np.empty_like(plain[0])
    alone = conv2d(X[:1], W, B, padding=1)[0]
    np.testing.assert_array_equal(conv2d(X[0], W, B, padding=1, out=image), alone)


def test_out_may_overlap_the_input() -> None:
    square = RNG.standard_normal((4, 4, 3, 3)).astype(np.float32)
    expected = conv2d(X, square, padding=1)
    own = X.copy()
    assert conv2d(own, square, padding=1, out=own) is own
    np.testing.assert_array_equal(own, expected)
    shifted = np.zeros(X.size + 3, np.float32)
    shifted[: X.size] = X.ravel()
    source, target = shifted[: X.size].reshape(X.shape), shifted[3:].reshape(X.shape)
    np.testing.assert_array_equal(conv2d(source, square, padding=1, out=target), expected)


def test_inputs_are_left_alone() -> None:
    before = X.copy(), W.copy(), B.copy()
    conv2d(X, W, B, padding=2, padding_mode="reflect", activation="relu")
    for array, copy in zip((X, W, B), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [2, (3, 1), (0, 2)])
def test_padding_modes_are_torchs(mode: PaddingMode, padding: int | tuple[int, int]) -> None:
    layer = torch.nn.Conv2d(4, 6, 3, stride=2, padding=padding, padding_mode=mode)
    with torch.no_grad():
        expected = layer(torch.from_numpy(X)).numpy()
    weight, bias = layer.weight.detach().numpy(), sure(layer.bias).detach().numpy()
    np.testing.assert_allclose(conv2d(X, weight, bias, 2, padding, padding_mode=mode), expected, atol=1e-5)


def test_unpad_border_is_the_transpose_of_pad_border() -> None:
    for mode in ("reflect", "replicate", "circular"):
        x, pads = RNG.standard_normal((2, 3, 5, 6)), (2, 1, 0, 4)
        padded = pad_border(x, pads, mode)
        y = RNG.standard_normal(padded.shape)
        assert float((padded * y).sum()) == pytest.approx(float((x * unpad_border(y, pads, mode)).sum()))


def test_nothing_in_nothing_out() -> None:
    assert conv2d(X[:0], W, B).shape == (0, 6, 5, 4)
    assert conv2d(X, W[:0]).shape == (2, 0, 5, 4)
    np.testing.assert_array_equal(conv2d(X[:, :0], W[:, :0], B, activation="relu")[0, :, 0, 0], np.maximum(B, 0))


def test_lists_and_numpy_integers_are_numbers() -> None:
    plain = conv2d(X, W, B, (1, 2), ((1, 2), (0, 1)), (1, 1))
    np.testing.assert_array_equal(conv2d(X, W, B, [1, 2], [[1, 2], [0, 1]], [1, 1]), plain)
    np.testing.assert_array_equal(conv2d(X, W, B, (np.int64(1), np.int32(2)), ((1, 2), (0, 1)), np.int64(1)), plain)


def test_measured_computes_the_same() -> None:
    np.testing.assert_allclose(conv2d(X, W, B, algorithm="measured"), conv2d(X, W, B), atol=1e-4)


def test_conv1d_takes_every_padding() -> None:
    x, w = X[:, :, 0], W[:, :, 0]
    tensors = torch.from_numpy(x), torch.from_numpy(w), torch.from_numpy(B)
    expected = torch.nn.functional.conv1d(*tensors, stride=2, padding=2, dilation=1).numpy()
    for padding in (2, (2,), ((2, 2),), [[2, 2]]):
        np.testing.assert_allclose(conv1d(x, w, B, 2, padding), expected, atol=1e-5)
    assert conv1d(x, w, B, padding=((0, 3),)).shape == (2, 6, 7)
    assert conv1d(x, w, B, 4, "same_upper").shape == (2, 6, 2)
    layer = torch.nn.Conv1d(4, 6, 3, padding=2, padding_mode="circular")
    parameters = layer.weight.detach().numpy(), sure(layer.bias).detach().numpy()
    circular = conv1d(x, *parameters, padding=2, padding_mode="circular")
    np.testing.assert_allclose(circular, layer(torch.from_numpy(x)).detach().numpy(), atol=1e-5)


ERRORS = [
    ({"weight": W[:, :3]}, ShapeError, "(6, 3, 3, 3), expected input of shape (2, 4, 7, 6) to have 3 channels, got 4"),
    ({"x": X[0, 0]}, ShapeError, "expected 3D (C, H, W) or 4D (N, C, H, W) input, got 2D of shape (7, 6)"),
    ({"bias": B[:5]}, ShapeError, "expected bias of shape (6,), one per output channel, got (5,)"),
    ({"x": X.astype(np.float64)}, ArrayTypeError, "input type (float64) and weight type (float32) should be the same"),
    (
        {"x": X.astype(int), "weight": W.astype(int), "bias": None},
        ArrayTypeError,
        "computes with float32, float64, float16",
    ),
    ({"x": X.tolist()}, ArrayTypeError, "input must be a NumPy array, got list"),
    ({"x": X.astype(">f4"), "weight": W.astype(">f4"), "bias": None}, ArrayTypeError, "native byte order"),
    ({"stride": 0}, InputError, "non-positive stride is not supported, got stride=0"),
    ({"stride": (1, 2, 3)}, InputError, "stride must be an integer or a pair of integers, got (1, 2, 3)"),
    ({"stride": 1.5}, InputError, "stride must be an integer or a pair of integers, got 1.5"),
    ({"padding": -1}, InputError, "negative padding is not supported"),
    ({"padding": "some"}, InputError, "padding must be one of"),
    ({"padding": (1, 2, 3, 4)}, InputError, "four pads are written ((top, bottom), (left, right))"),
    ({"padding": "same", "stride": 2}, InputError, "use 'same_upper' for TensorFlow's rule"),
    (
        {"dilation": 4},
        ShapeError,
        "kernel size can't be greater than actual input size: along the height the kernel spans",
    ),
    ({"groups": 3}, ShapeError, "groups=3"),
    ({"padding_mode": "mirror"}, InputError, "padding_mode must be one of"),
    ({"padding": 7, "padding_mode": "reflect"}, ShapeError, "can take at most 6 pixels along a height of 7"),
    ({"activation": "gelu"}, InputError, "activation must be None or one of"),
    ({"algorithm": "fastest"}, InputError, "algorithm must be one of"),
    ({"accuracy": "high"}, InputError, "accuracy must be one of"),
    ({"out": np.empty((2, 6, 5, 5), np.float32)}, ShapeError, "expected out of shape (2, 6, 5, 4), got (2, 6, 5, 5)"),
    ({"out": np.empty((2, 6, 5, 4))}, ArrayTypeError, "expected out of type float32, got float64"),
    ({"out": np.broadcast_to(np.float32(0), (2, 6, 5, 4))}, InputError, "out is read-only"),
]


@pytest.mark.parametrize(("arguments", "kind", "words"), ERRORS, ids=[words[:30] for _, _, words in ERRORS])
def test_errors_say_what_was_expected_and_what_came(arguments: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=re.escape(words)) as caught:
        conv2d(**({"x": X, "weight": W, "bias": B} | arguments))
    assert isinstance(caught.value, StriateError)
    assert isinstance(caught.value, (ValueError, TypeError))
    assert str(caught.value).startswith("conv2d: ")
    assert "\n" not in str(caught.value)


def test_without_the_compiled_module_the_plain_algorithms_work() -> None:
    program = """
import sys, warnings
sys.modules["striate.conv._native"] = None
import numpy as np
from striate.conv import Conv2d, EngineError, compiled_algorithms, conv2d, conv_transpose2d
image, kernel = np.ones((1, 4, 4)), np.ones((1, 1, 3, 3))
assert compiled_algorithms() == ()
for algorithm in ("reference", "matrix"):
    assert (conv2d(image, kernel, algorithm=algorithm) == 9).all()
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for algorithm in ("auto", "measured", "auto"):
        assert (conv2d(image, kernel, algorithm=algorithm) == 9).all()
    assert Conv2d(1, 2, 3)(image.astype(np.float32)).shape == (2, 2, 2)
    assert (conv_transpose2d(image[:, :1, :1], kernel) == 1).all()
assert len(said) == 1, said
print(said[0].message)
try:
    conv2d(image, kernel, algorithm="direct")
except EngineError as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "many times slower" in done.stdout
    assert "pip install --force-reinstall" in done.stdout
    assert "pip install ." in done.stdout
    assert "algorithm='reference'" in done.stdout


def test_weights_called_with_again_are_packed_once_and_anew_when_they_change() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 32, 12, 12), np.float32), rng.standard_normal((48, 32, 3, 3), np.float32)
    first = conv2d(x, weight)
    for _ in range(3):
        np.testing.assert_array_equal(conv2d(x, weight), first)
    weight *= 2
    np.testing.assert_array_equal(conv2d(x, weight), 2 * first)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_results_come_back_to_the_same_memory_once_freed(dtype: type) -> None:
    layer = Conv2d(1, 2, 1, bias=False, dtype=dtype, rng=0)
    images: list[Array] = [np.full((1, 2048, 2048), value, dtype) for value in (1, 2)]
    held = [layer(image) for image in images]
    assert not np.shares_memory(held[0], held[1])
    assert np.all(held[1] == 2 * held[0])
    place = held.pop().ctypes.data
    again = layer(images[1])
    assert again.ctypes.data == place
    assert again.flags.writeable
    np.testing.assert_array_equal(again, 2 * held[0])


@pytest.mark.parametrize("shape", [(5, 30, 32), (32, 112, 112), (16, 24, 24)])
def test_where_the_input_starts_in_memory_changes_no_bit(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(1)
    size = math.prod(shape)
    weight = random.standard_normal((7, shape[0], 1, 1), dtype=np.float32)
    memory = random.standard_normal(size + 16, dtype=np.float32)
    values = memory[:size].copy()
    wanted = conv2d(values.reshape(shape), weight)
    np.testing.assert_allclose(wanted, np.tensordot(weight[..., 0, 0], values.reshape(shape), 1), atol=1e-4)
    for start in range(16):
        memory[start : start + size] = values
        np.testing.assert_array_equal(conv2d(memory[start : start + size].reshape(shape), weight), wanted)


@pytest.mark.parametrize("width", [512, 1024, 4096])
def test_large_results_start_with_a_cache_line_and_are_their_own(width: int) -> None:
    x, weight = np.ones((1, 256, width), np.float32), np.full((1, 1, 1, 1), 2, np.float32)
    first, second = conv2d(x, weight), conv2d(x + 1, weight)
    assert [first.ctypes.data % 64, second.ctypes.data % 64] == [0, 0]
    np.testing.assert_array_equal(first, np.full_like(first, 2))
    np.testing.assert_array_equal(second, np.full_like(second, 4))
