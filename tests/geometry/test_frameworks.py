"""Windows and padding conventions against torch, keras and onnxruntime: an identity goes in, tap counts come out."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from striate.errors import InputError
from striate.geometry import (
    Border,
    Convention,
    Interval,
    TapMap,
    Window,
    adaptive_map,
    resolve_padding,
    transposed_map,
    window_map,
)


def check(m: TapMap, counts: NDArray[Any], text: object) -> None:
    """Row ``p`` of ``counts`` holds how often each unit reads pixel ``p``."""
    assert m.out_size == counts.shape[1], text
    for i in range(m.out_size):
        claimed = np.bincount(np.array(m.reads(i), dtype=np.int64), minlength=m.in_size)
        np.testing.assert_array_equal(claimed, np.round(counts[:, i]).astype(int), f"unit {i} of {text}")


def identity(n: int) -> torch.Tensor:
    return torch.eye(n, dtype=torch.float64)[:, None]


def ones(size: int) -> torch.Tensor:
    return torch.ones(1, 1, size, dtype=torch.float64)


def test_conv1d() -> None:
    for seed in range(300):
        r = Random(seed)
        n, size, stride, dilation, pad = r.randint(4, 16), *(r.randint(1, m) for m in (4, 4, 3)), r.randint(0, 5)
        window = Window(size, stride, dilation, pad, pad)
        if n + 2 * pad < window.extent:
            assert window.output_size(n) == 0
            continue
        counts = functional.conv1d(identity(n), ones(size), None, stride, pad, dilation)[:, 0].numpy()
        check(window_map(window, n), counts, window)


@pytest.mark.parametrize("border", [Border.REFLECT, Border.REPLICATE, Border.CIRCULAR])
def test_conv1d_padding_modes(border: Border) -> None:
    for seed in range(60):
        r = Random(seed)
        n, size, stride, dilation, pad = r.randint(4, 9), *(r.randint(1, m) for m in (3, 3, 2)), r.randint(0, 3)
        layer = torch.nn.Conv1d(1, 1, size, stride, pad, dilation, bias=False, padding_mode=border.value).double()  # type: ignore[arg-type]
        layer.weight.data.fill_(1)
        with torch.no_grad():
            counts = layer(identity(n))[:, 0].numpy()
        check(window_map(Window(size, stride, dilation, pad, pad), n, border), counts, (border, n, pad))


def test_conv_transpose1d() -> None:
    for seed in range(200):
        r = Random(seed)
        size, stride, dilation, n = (r.randint(1, m) for m in (4, 4, 3, 7))
        pad, more = r.randint(0, 2), r.randint(0, max(stride, dilation) - 1)
        window = Window(size, stride, dilation, pad, pad)
        if (n - 1) * stride - 2 * pad + window.extent + more < 1:
            continue
        counts = functional.conv_transpose1d(identity(n), ones(size), None, stride, pad, more, 1, dilation)
        check(transposed_map(window, n, more), counts[:, 0].numpy(), (window, more))


@pytest.mark.parametrize("ceil", [False, True])
def test_pool_sizes_and_reads(ceil: bool) -> None:
    for seed in range(300):
        r = Random(seed)
        n, size, stride = r.randint(4, 16), r.randint(1, 5), r.randint(1, 5)
        pad, dilation = r.randint(0, size // 2), r.randint(1, 2)
        window = Window(size, stride, dilation, pad, pad, ceil)
        if n + 2 * pad < window.extent:
            continue
        rows = functional.max_pool1d(identity(n), size, stride, pad, dilation, ceil)[:, 0]
        counts = np.where(rows.numpy() > 0, 1, 0)
        check(window_map(window, n), counts, window)


def test_adaptive_pools() -> None:
    for n in range(1, 25):
        for count in range(1, 25):
            weights = functional.adaptive_avg_pool1d(identity(n), count)[:, 0].numpy()
            check(adaptive_map(n, count), (weights > 0).astype(int), (n, count))


@pytest.mark.filterwarnings("ignore:Using padding=.same")
def test_torch_same() -> None:
    for n in range(4, 12):
        for size in range(1, 5):
            for dilation in (1, 2, 3):
                pads = resolve_padding(Convention.TORCH_SAME, n, size, 1, dilation)
                counts = functional.conv1d(identity(n), ones(size), None, 1, "same", dilation)[:, 0].numpy()
                check(window_map(Window(size, 1, dilation, *pads), n), counts, (n, size, dilation))
    with pytest.raises(InputError, match="stride 2"):
        resolve_padding(Convention.TORCH_SAME, 8, 3, 2)


@pytest.mark.filterwarnings("ignore")
def test_keras_same_and_valid() -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    for convention, word in ((Convention.SAME_UPPER, "same"), (Convention.VALID, "valid")):
        for n in (5, 8, 11):
            for size in (1, 2, 3, 5):
                for stride in (1, 2, 3):
                    image = np.eye(n, dtype=np.float32)[:, :, None]
                    kernel = np.ones((size, 1, 1), np.float32)
                    found = keras.ops.conv(image, kernel, strides=stride, padding=word)
                    counts = keras.ops.convert_to_numpy(found)[:, :, 0]
                    window = Window(size, stride, 1, *resolve_padding(convention, n, size, stride))
                    check(window_map(window, n), counts, (word, n, window))


@pytest.mark.parametrize("convention", [Convention.SAME_UPPER, Convention.SAME_LOWER, Convention.VALID])
def test_onnx_auto_pad(convention: Convention) -> None:
    runtime = pytest.importorskip("onnxruntime")
    for seed in range(40):
        r = Random(seed)
        n, size, stride = r.randint(5, 12), r.randint(1, 5), r.randint(1, 4)
        node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], auto_pad=convention.name, strides=[stride])
        make = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            [node], "conv", [make("x", 1, [n, 1, n]), make("w", 1, [1, 1, size])], [make("y", 1, [n, 1, None])]
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
        session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        feed = {"x": np.eye(n, dtype=np.float32)[:, None], "w": np.ones((1, 1, size), np.float32)}
        window = Window(size, stride, 1, *resolve_padding(convention, n, size, stride))
        check(window_map(window, n), session.run(None, feed)[0][:, 0], (convention, n, window))


def test_the_check_notices_one_tap_too_many() -> None:
    counts = functional.conv1d(identity(8), ones(3), None, 1, 1)[:, 0].numpy()
    check(window_map(Window(3, 1, 1, 1, 1), 8), counts, "right")
    for wrong in (Window(3, 1, 1, 2, 0), Window(3, 1, 1, 1, 0), Window(2, 1, 1, 1, 0)):
        with pytest.raises(AssertionError):
            check(window_map(wrong, 8), counts, wrong)


def test_intervals_keep_their_place() -> None:
    empty, some = Interval(3, 3), Interval(-2, 5)
    assert empty.empty
    assert (empty.hull(some), some.hull(empty)) == (some, some)
    assert some.clip(Interval(0, 3)) == Interval(0, 3)
    assert Interval(7, 9).clip(Interval(0, 3)) == Interval(3, 3)
    assert some.shift(2) == Interval(0, 7)
    assert Interval.UNBOUNDED.hull(some).unbounded
    assert Interval.UNBOUNDED.clip(some) == some
    assert 10**9 in Interval.UNBOUNDED
    with pytest.raises(InputError, match="no size"):
        _ = Interval.UNBOUNDED.size
    with pytest.raises(InputError, match="before start"):
        Interval(2, 1)
