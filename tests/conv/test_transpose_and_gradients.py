"""Transposed convolutions and gradients: the oracle, finite differences, and autograd."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.odd import wrongly

from striate.conv import (
    conv2d,
    conv2d_bias_grad,
    conv2d_input_grad,
    conv2d_weight_grad,
    conv_transpose2d,
    reference,
    transpose,
)
from striate.conv.arguments import PaddingArg, PaddingMode, PairArg
from striate.conv.arrays import Array
from striate.conv.native import compile_plan, compiled_algorithms
from striate.conv.problem import Pair, Problem
from striate.conv.transpose import phases
from striate.errors import InputError, ShapeError
from striate.geometry import Window

Shape = tuple[int, ...]
Float = type[np.floating]

# stride, padding, dilation, groups, padding_mode
CASES = [
    (1, 0, 1, 1, "zeros"),
    ((2, 3), ((1, 2), (0, 3)), (2, 1), 2, "zeros"),
    (3, 1, 2, 4, "zeros"),
    (2, "same_upper", 1, 1, "zeros"),
    (1, "same", 2, 2, "zeros"),
    (2, (2, 1), 1, 2, "reflect"),
    (1, 2, 1, 1, "replicate"),
    ((1, 2), ((1, 0), (2, 3)), 1, 4, "circular"),
]


def arrays(groups: int, seed: int = 0) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((2, 4, 9, 8)), rng.standard_normal((8, 4 // groups, 3, 2)), rng.standard_normal(8)


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups", "mode"), CASES)
def test_gradients_by_finite_differences(
    stride: PairArg, padding: PaddingArg, dilation: PairArg, groups: int, mode: PaddingMode
) -> None:
    x, weight, bias = arrays(groups)
    steps = stride, padding, dilation, groups
    out = conv2d(x, weight, bias, *steps, padding_mode=mode)
    grad = np.random.default_rng(1).standard_normal(out.shape)

    def along(dx: Array | float = 0.0, dw: Array | float = 0.0, db: Array | float = 0.0) -> float:
        # The convolution is linear in each argument, so one central difference is exact.
        up = conv2d(x + dx, weight + dw, bias + db, *steps, padding_mode=mode)
        down = conv2d(x - dx, weight - dw, bias - db, *steps, padding_mode=mode)
        return float(((up - down) / 2 * grad).sum())

    analytic = (
        conv2d_input_grad(x.shape, weight, grad, *steps, padding_mode=mode),
        conv2d_weight_grad(x, weight.shape, grad, *steps, padding_mode=mode),
        conv2d_bias_grad(grad),
    )
    rng = np.random.default_rng(2)
    for name, gradient in zip(("dx", "dw", "db"), analytic, strict=True):
        for _ in range(3):
            direction = rng.standard_normal(gradient.shape)
            assert along(**{name: direction}) == pytest.approx(float((gradient * direction).sum()), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("stride", "dilation", "groups"), [(1, 1, 1), ((2, 3), (2, 1), 2), (3, 2, 4), (1, 3, 1)])
def test_gradients_are_autograds(stride: int | Pair, dilation: int | Pair, groups: int, dtype: Float) -> None:
    x, weight, bias = (a.astype(dtype) for a in arrays(groups, 3))
    image, kernels, offsets = (torch.from_numpy(a).requires_grad_() for a in (x, weight, bias))
    out = torch.nn.functional.conv2d(image, kernels, offsets, stride, (2, 1), dilation, groups)
    grad = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(0))
    expected = torch.autograd.grad(out, (image, kernels, offsets), grad)
    steps = stride, (2, 1), dilation, groups
    ours = (
        conv2d_input_grad(x.shape, weight, grad.numpy(), *steps),
        conv2d_weight_grad(x, weight.shape, grad.numpy(), *steps),
        conv2d_bias_grad(grad.numpy()),
    )
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=0, atol=2e-5 if dtype is np.float32 else 1e-12)
        assert mine.dtype == dtype


def test_gradients_of_one_image_and_of_halves() -> None:
    x, weight, _ = arrays(1)
    grad = np.ones((8, 7, 7))
    assert conv2d_input_grad(x[0].shape, weight, grad).shape == x[0].shape
    batch = conv2d_weight_grad(x[:1], weight.shape, grad[None])
    np.testing.assert_array_equal(conv2d_weight_grad(x[0], weight.shape, grad), batch)
    half = conv2d_weight_grad(x[0].astype(np.float16), weight.shape, grad.astype(np.float16))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half.astype(float), batch, rtol=5e-3, atol=5e-2)


def weight_grad_by_definition(x: Array, size: Shape, grad: Array, stride: int, padding: int, dilation: int) -> Array:
    k, cg = size[:2]
    groups = x.shape[1] // cg
    wide = np.pad(x.astype(float), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    result = np.zeros(size)
    for o, i, r, s in np.ndindex(*size):
        channel = wide[:, o // (k // groups) * cg + i]
        for y, z in np.ndindex(*grad.shape[2:]):
            result[o, i, r, s] += (
                grad[:, o, y, z] * channel[:, y * stride + r * dilation, z * stride + s * dilation]
            ).sum()
    return result


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (1, 2, 2), (2, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize("per_group", [(1, 1), (1, 2), (2, 1), (3, 2)])
@pytest.mark.parametrize("odd", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("last", [False, True])
def test_the_weight_gradient_reads_what_the_windows_read(
    stride: int, padding: int, dilation: int, per_group: Pair, odd: float, last: bool
) -> None:
    cg, kg = per_group
    x = np.random.default_rng(0).standard_normal((2, 4 * cg, 9, 8)).astype(np.float32)
    size = 4 * kg, cg, 3, 2
    shape = conv2d(x, np.ones(size, np.float32), None, stride, padding, dilation, 4).shape
    grad = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    if odd:
        x[1, 1, 0, 7] = x[0, 2, 4, 4] = odd
    given = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else x
    with np.errstate(invalid="ignore"):
        result = conv2d_weight_grad(given, size, grad, stride, padding, dilation, 4)
        expected = weight_grad_by_definition(x, size, grad, stride, padding, dilation)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=2e-5)


class Layer(NamedTuple):
    n: int
    c: int
    k: int
    size: Pair
    kernel: Pair
    stride: int | Pair = 1
    padding: int | Pair = 0
    dilation: int | Pair = 1
    groups: int = 1
    mode: PaddingMode = "zeros"

    @property
    def steps(self) -> tuple[int | Pair, int | Pair, int | Pair, int]:
        return self.stride, self.padding, self.dilation, self.groups

    def arrays(self, dtype: Float, seed: int = 0) -> tuple[Array, Array]:
        rng = np.random.default_rng(seed)
        shapes = (self.n, self.c, *self.size), (self.k, self.c // self.groups, *self.kernel)
        x, weight = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
        return x, weight


# Each another layout of pixels.
LAYERS = {
    "many small images": Layer(9, 6, 7, (5, 4), (3, 3), 1, 1, 1, 1),
    "images that fill no band": Layer(70, 2, 3, (7, 7), (3, 3), 1, 1, 1, 1),
    "rows in pieces": Layer(1, 2, 3, (2, 5000), (2, 3), 1, (0, 1), 1, 1),
    "a signal": Layer(2, 3, 5, (1, 2300), (1, 9), (1, 2), (0, 4), 1, 1),
    "pixels in place": Layer(3, 13, 29, (9, 7), (1, 1), 1, 0, 1, 1),
    "columns in place": Layer(2, 3, 13, (20, 60), (5, 1), 1, 0, (3, 1), 1),
    "filters past a block": Layer(1, 2, 300, (6, 6), (3, 3), 1, 1, 1, 1),
    "channels past a task": Layer(1, 150, 5, (20, 30), (3, 3), 1, 1, 1, 1),
    "strides that share rows": Layer(2, 4, 6, (23, 22), (7, 5), (4, 3), (3, 2), (2, 3), 2),
    "padding past the kernel": Layer(1, 3, 4, (4, 5), (2, 2), 2, 6, 3, 1),
    "depthwise": Layer(2, 18, 36, (19, 21), (5, 5), 2, 2, 1, 18),
    "one large kernel": Layer(1, 1, 1, (40, 50), (31, 27), 1, (15, 13), 1, 1),
    "reflected": Layer(2, 4, 6, (9, 8), (5, 5), 1, (4, 3), 1, 2, "reflect"),
    "replicated": Layer(1, 4, 6, (3, 8), (3, 3), 2, (5, 1), 1, 1, "replicate"),
    "circular": Layer(1, 2, 2, (6, 5), (3, 3), 1, (5, 4), 2, 1, "circular"),
}


def torch_gradients(x: Array, weight: Array, grad: Array, layer: Layer) -> list[Array]:
    """By autograd, in float64."""
    image, kernels = (torch.from_numpy(a.astype(np.float64)).requires_grad_() for a in (x, weight))
    rows, columns = (layer.padding, layer.padding) if isinstance(layer.padding, int) else layer.padding
    padded = image
    if layer.mode != "zeros":
        padded = torch.nn.functional.pad(image, (columns, columns, rows, rows), mode=layer.mode)
        rows = columns = 0
    out = torch.nn.functional.conv2d(padded, kernels, None, layer.stride, (rows, columns), layer.dilation, layer.groups)
    by_out = torch.from_numpy(grad.astype(np.float64))
    return [gradient.numpy() for gradient in torch.autograd.grad(out, (image, kernels), by_out)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_every_layout_are_autograds(name: str, dtype: Float) -> None:
    layer = LAYERS[name]
    x, weight = layer.arrays(dtype)
    shape = conv2d(x, weight, None, *layer.steps, padding_mode=layer.mode).shape
    grad = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    ours = (
        conv2d_input_grad(x.shape, weight, grad, *layer.steps, padding_mode=layer.mode),
        conv2d_weight_grad(x, weight.shape, grad, *layer.steps, padding_mode=layer.mode),
    )
    for mine, theirs in zip(ours, torch_gradients(x, weight, grad, layer), strict=True):
        scale = 1 + np.abs(theirs).max()
        assert np.abs(mine - theirs).max() <= scale * (1e-5 if dtype is np.float32 else 1e-13)


# Each packed from turned weights in another way.
TURNED = {
    "one block": Layer(2, 5, 7, (9, 8), (3, 3), 1, 1),
    "channels past a block": Layer(2, 70, 40, (7, 7), (3, 3), 1, 1),
    "groups": Layer(2, 34, 6, (8, 7), (3, 2), 1, 1, 2, 2),
    "phases": Layer(2, 6, 35, (14, 13), (5, 4), (2, 3), (2, 1)),
    "phases of groups": Layer(2, 9, 6, (15, 11), (3, 3), 2, 1, 1, 3),
    "depthwise": Layer(2, 18, 18, (9, 12), (3, 3), 1, 1, 1, 18),
    "pixels": Layer(2, 50, 33, (5, 6), (1, 1)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize("algorithm", [*compiled_algorithms(), "matrix", "reference"])
def test_every_algorithm_takes_turned_weights(algorithm: str, name: str, dtype: Float) -> None:
    layer = TURNED[name]
    x, weight = layer.arrays(dtype)
    shape = conv2d(x, weight, None, *layer.steps).shape
    grad = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    expected, _ = torch_gradients(x, weight, grad, layer)
    try:
        mine = conv2d_input_grad(x.shape, weight, grad, *layer.steps, algorithm=algorithm)
    except InputError as refusal:
        if "cannot compute this" not in str(refusal):
            raise
        return
    scale = 1 + np.sqrt(layer.k // layer.groups * layer.kernel[0] * layer.kernel[1])
    assert np.abs(mine - expected).max() <= scale * (1.5e-5 if dtype is np.float32 else 1e-13)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("algorithm", ["winograd", "winograd1d", "fft"])
def test_turned_weights_that_are_not_finite_reach_what_they_meet(algorithm: str, odd: float) -> None:
    layer, rng = Layer(2, 7, 6, (9, 8), (3, 3), padding=2), np.random.default_rng(0)
    x, weight = layer.arrays(np.float64)
    grad = rng.standard_normal((2, 6, 11, 10))
    weight[4, 2, 0, 1] = odd
    grad[0] = np.abs(grad[0])
    expected, _ = torch_gradients(x, weight, grad, layer)
    with np.errstate(invalid="ignore"):
        mine = conv2d_input_grad(x.shape, weight.astype(np.float32), grad.astype(np.float32), 1, 2, algorithm=algorithm)
    assert not np.isfinite(expected).all()
    np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("rows", [(-1, 1), (0, 0), (3, 1), (1, 2), (0, 2**62)])
def test_taps_outside_the_weight_are_refused(rows: Pair) -> None:
    plan = compile_plan(Problem(1, 2, 5, 5, 3, 2, 2, (1, 1), (0, 0, 0, 0), (1, 1), 1), "float32", "gemm")
    x, out = np.zeros((1, 2, 5, 5), np.float32), np.zeros((1, 3, 4, 4), np.float32)
    with pytest.raises(ValueError, match="inside the weight"):
        plan.run_turned(x, np.ones((2, 3, 3, 3), np.float32), rows, (0, 2), None, "none", out)
    with pytest.raises(ValueError, match=r"weight must have shape \(2, 3, 3, 3\)"):
        plan.run_turned(x, np.ones((3, 2, 3, 3), np.float32), (0, 1), (0, 1), None, "none", out)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "shape", [(2, 3, 4, 5), (3, 1, 1), (1, 2, 1, 9000), (40, 70, 7, 7), (0, 3, 2, 2), (2, 3, 0, 4)]
)
def test_the_bias_gradient_sums_all_but_the_filters(shape: Shape, dtype: Float) -> None:
    grad = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    axes = tuple(axis for axis in range(grad.ndim) if axis != grad.ndim - 3)
    expected = grad.sum(axis=axes, dtype=np.float64)
    terms = grad.size / shape[-3]
    bound = {2: 1e-3, 4: 2e-6, 8: 2e-14}[grad.itemsize] * (1 + np.sqrt(terms))
    for given_ in (grad, np.asfortranarray(grad), grad[..., ::-1]):
        result = conv2d_bias_grad(given_)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=0, atol=bound)
    if grad.size:
        grad[..., -1, -1] = np.inf
        assert np.isinf(conv2d_bias_grad(grad)).all()


@settings(deadline=None, max_examples=60, derandomize=True)
@given(data=st.data())
def test_gradients_of_random_layers_are_autograds(data: st.DataObject) -> None:
    def whole(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    groups = whole(1, 3)
    kernel, stride, dilation = ((whole(1, 4), whole(1, 4)) for _ in range(3))
    padding = whole(0, 4), whole(0, 4)
    height, width = (
        max(1, d * (k - 1) + 1 - 2 * p) + whole(0, 12) for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    n, c, k = whole(1, 3), groups * whole(1, 3), groups * whole(1, 9)
    layer = Layer(n, c, k, (height, width), kernel, stride, padding, dilation, groups)
    x, weight = layer.arrays(np.float64, whole(0, 9))
    grad = np.random.default_rng(1).standard_normal(conv2d(x, weight, None, *layer.steps).shape)
    by_x, by_weight = torch_gradients(x, weight, grad, layer)
    np.testing.assert_allclose(conv2d_input_grad(x.shape, weight, grad, *layer.steps), by_x, rtol=0, atol=1e-11)
    np.testing.assert_allclose(conv2d_weight_grad(x, weight.shape, grad, *layer.steps), by_weight, rtol=0, atol=1e-11)


def test_a_strict_weight_gradient_keeps_integers() -> None:
    rng = np.random.default_rng(0)
    x, grad = (rng.integers(-5, 6, (2, c, 28, 28)).astype(np.float32) for c in (64, 48))
    size = (48, 64, 3, 3)
    exact = conv2d_weight_grad(x.astype(np.float64), size, grad.astype(np.float64), 1, 1)
    np.testing.assert_array_equal(conv2d_weight_grad(x, size, grad, 1, 1, accuracy="strict"), exact)
    np.testing.assert_allclose(conv2d_weight_grad(x, size, grad, 1, 1), exact, rtol=0, atol=1e-5 * np.abs(exact).max())
    with pytest.raises(InputError, match="accuracy must be one of 'normal', 'strict'"):
        wrongly(conv2d_weight_grad)(x, size, grad, 1, 1, accuracy="exact")


@pytest.mark.parametrize("size", [(0, 2, 5, 5), (2, 0, 5, 5)])
def test_a_weight_gradient_of_nothing_is_zero(size: Shape) -> None:
    grad = conv2d(np.ones(size), np.ones((3, size[1], 3, 3)))
    np.testing.assert_array_equal(
        conv2d_weight_grad(np.ones(size), (3, size[1], 3, 3), grad), np.zeros((3, size[1], 3, 3))
    )


def test_a_gradient_of_the_wrong_shape_is_named() -> None:
    x, weight, _ = arrays(1)
    with pytest.raises(ShapeError, match=r"conv2d_weight_grad: expected grad .*\(2, 8, 7, 7\), got \(2, 8, 7, 6\)"):
        conv2d_weight_grad(x, weight.shape, np.ones((2, 8, 7, 6)))
    with pytest.raises(ShapeError, match="conv2d_input_grad: expected grad"):
        conv2d_input_grad(x.shape, weight, np.ones((1, 8, 7, 7)))


@settings(deadline=None, max_examples=150, derandomize=True)
@given(data=st.data())
def test_conv_transpose2d_is_the_oracle(data: st.DataObject) -> None:
    groups = data.draw(st.sampled_from([1, 2, 3]))
    stride, dilation, kernel, size = (data.draw(st.tuples(*[st.integers(1, high)] * 2)) for high in (4, 3, 4, 5))
    below, beside = (data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    extra = below, beside
    full = [
        (n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)
    ]
    pads = [data.draw(st.integers(0, min(3, n - 1))) for n in full for _ in range(2)]
    rows, columns = (pads[0], min(pads[1], full[0] - 1 - pads[0])), (pads[2], min(pads[3], full[1] - 1 - pads[2]))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((data.draw(st.integers(1, 2)), 2 * groups, *size))
    weight = rng.standard_normal((2 * groups, 3, *kernel))
    bias = rng.standard_normal(3 * groups) if data.draw(st.booleans()) else None
    result = conv_transpose2d(x, weight, bias, stride, (rows, columns), extra, groups, dilation)
    expected = reference.conv_transpose2d(x, weight, bias, stride, (*rows, *columns), extra, dilation, groups)
    np.testing.assert_allclose(result, expected, atol=1e-12)


@given(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 6), st.integers(1, 12)
)
def test_phases_read_what_windows_write(n: int, size: int, stride: int, dilation: int, before: int, out: int) -> None:
    """Every (input, tap, output) triple of the forward window appears in exactly one phase, and no other."""
    window = Window(size, stride, dilation, before)
    expected = {(i, t, y) for i in range(n) for t, y in enumerate(window.reads(i)) if 0 <= y < out}
    found = []
    for phase in phases(n, window, out):
        for u in range(phase.count):
            for place, tap in enumerate(reversed(phase.taps)):
                i = u + place * phase.dilation - phase.before
                if 0 <= i < n:
                    found.append((i, tap, phase.first + u * phase.step))
    assert len(found) == len(set(found))
    assert set(found) == expected


def _pair(numbers: NDArray[np.integer]) -> Pair:
    first, last = numbers.tolist()
    return first, last


@pytest.mark.parametrize("whole", [False, True])
def test_the_product_and_the_phases_are_the_oracle(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever this machine finds faster."""
    taken = 0

    def chosen(_: object, problem: Problem, shape: tuple[int, ...], *more: object) -> bool:
        nonlocal taken
        taken += 1
        return whole and problem.output_shape == shape

    monkeypatch.setattr(transpose, "_whole_is_faster", chosen)
    rng = np.random.default_rng(0)
    for _ in range(60):
        groups, stride, dilation, kernel = (rng.integers(1, high, 2) for high in (4, 4, 4, 5))
        extra = rng.integers(np.maximum(stride, dilation))
        size = rng.integers(4, 24, 2)
        x = rng.standard_normal((2, *size, 20 * groups[0])).astype(np.float32).transpose(0, 3, 1, 2)
        x = x if rng.integers(2) else x.copy()
        weight = rng.standard_normal((20 * groups[0], 3, *kernel)).astype(np.float32)
        bias = rng.standard_normal(3 * groups[0]).astype(np.float32)
        result = conv_transpose2d(x, weight, bias, stride, (1, 0), extra, groups[0], dilation, activation="relu6")
        steps = _pair(stride), (1, 1, 0, 0), _pair(extra), _pair(dilation), int(groups[0])
        expected = reference.conv_transpose2d(x, weight, bias, *steps)
        np.testing.assert_allclose(result, expected.clip(0, 6), rtol=0, atol=1e-4)
    assert taken == 60


def test_the_transpose_keeps_the_layout_and_fills_out() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 4)).astype(np.float32).transpose(0, 3, 1, 2)
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
    result = conv_transpose2d(x, weight, stride=2, activation="relu")
    assert result.transpose(0, 2, 3, 1).flags.c_contiguous
    assert result.min() == 0
    out = np.empty(result.shape, np.float32)
    assert conv_transpose2d(x, weight, stride=2, activation="relu", out=out) is out
    np.testing.assert_allclose(out, result)
    np.testing.assert_allclose(conv_transpose2d(x[0], weight, stride=2, activation="relu"), result[0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"output_padding": 2, "stride": 2}, "smaller than either stride or dilation"),
        ({"padding": 9}, "leaves nothing"),
        ({"padding": "same"}, "must be numbers"),
        ({"groups": 3}, "groups=3"),
        ({"stride": 0}, "non-positive stride"),
    ],
)
def test_transpose_errors(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=f"conv_transpose2d: .*{words}"):
        wrongly(conv_transpose2d)(np.ones((1, 4, 5, 5)), np.ones((4, 2, 3, 3)), **arguments)
