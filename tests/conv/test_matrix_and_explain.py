"""The matrix, the explanation of one output, and the plan."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from striate.conv import ConvPlan, conv2d, conv_matrix, conv_transpose2d, explain, plan_conv
from striate.errors import ArrayTypeError, InputError

RNG = np.random.default_rng(0)
STEPS = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (1, 2), "padding": ((0, 2), (1, 0)), "dilation": (2, 1), "groups": 2},
    {"padding": 2, "padding_mode": "circular"},
    {"padding": (1, 2), "padding_mode": "reflect", "groups": 2},
    {"padding": "same_upper", "stride": 3},
]


def test_the_4_by_16_matrix() -> None:
    kernel = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    matrix = conv_matrix(kernel, 4)
    expected = np.zeros((4, 4, 4))
    for unit, (y, x) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        expected[unit, y : y + 3, x : x + 3] = kernel[0, 0]
    np.testing.assert_array_equal(matrix.toarray(), expected.reshape(4, 16))
    assert matrix.nnz == 36
    image = RNG.standard_normal((1, 4, 4))
    np.testing.assert_allclose((matrix @ image.ravel()).reshape(1, 2, 2), conv2d(image, kernel))


@pytest.mark.parametrize("steps", STEPS)
def test_the_matrix_multiplies_to_the_convolution(steps: Any) -> None:
    weight = RNG.standard_normal((6, 4 // steps.get("groups", 1), 3, 2))
    x = RNG.standard_normal((4, 7, 6))
    matrix = conv_matrix(weight, (7, 6), **steps)
    expected = conv2d(x, weight, algorithm="reference", **steps)
    assert matrix.shape == (expected.size, x.size)
    np.testing.assert_allclose((matrix @ x.ravel()).reshape(expected.shape), expected, atol=1e-12)


def test_its_transpose_is_the_transposed_convolution() -> None:
    weight = RNG.standard_normal((6, 2, 3, 2))
    matrix = conv_matrix(weight, (7, 7), stride=(2, 3), padding=(1, 0), groups=2)
    y = RNG.standard_normal((6, 4, 2))
    back = conv_transpose2d(y, weight, stride=(2, 3), padding=(1, 0), output_padding=(0, 2), groups=2)
    assert back.shape == (4, 7, 7)
    np.testing.assert_allclose((matrix.T @ y.ravel()).reshape(back.shape), back, atol=1e-12)


def test_a_zero_weight_stays_an_entry() -> None:
    assert conv_matrix(np.zeros((1, 1, 3, 3)), 4).nnz == 36
    image = np.zeros((1, 4, 4))
    image[0, 1, 1] = np.nan
    assert np.isnan(conv2d(image, np.zeros((1, 1, 3, 3)), algorithm="matrix")).all()


def test_matrix_errors_name_the_matrix() -> None:
    with pytest.raises(InputError, match="conv_matrix: kernel size can't be greater"):
        conv_matrix(np.ones((1, 1, 3, 3)), 2)
    with pytest.raises(InputError, match="conv_matrix: weight should have at least four dimensions"):
        conv_matrix(np.ones((3, 3)), 4)


@pytest.mark.parametrize("steps", STEPS)
def test_explain_adds_up_to_the_output(steps: Any) -> None:
    groups = steps.get("groups", 1)
    weight, bias = RNG.standard_normal((6, 4 // groups, 3, 2)), RNG.standard_normal(6)
    x = RNG.standard_normal((2, 4, 7, 6))
    out = conv2d(x, weight, bias, **steps)
    for k, y, left in [(0, 0, 0), (5, out.shape[2] - 1, out.shape[3] - 1), (3, 1, 1)]:
        part = explain(x, weight, bias, **steps, at=(k, y, left), image=1)
        assert part.value == pytest.approx(float(out[1, k, y, left]))
        assert part.channel_sums.sum() + part.bias == pytest.approx(part.value)
        np.testing.assert_array_equal(part.products, part.window * part.kernel)
        assert part.channels == (tuple(range(4)) if groups == 1 else ((0, 1), (2, 3))[k // 3])
        for i, row in enumerate(part.rows):
            for j, column in enumerate(part.columns):
                if 0 <= row < 7 and 0 <= column < 6:
                    np.testing.assert_array_equal(part.window[:, i, j], x[1, list(part.channels), row, column])


def test_explain_counts_parameters_and_prints() -> None:
    part = explain(np.ones((3, 8, 8)), np.ones((16, 3, 3, 3)), np.ones(16), padding=1, at=(15, 0, 0))
    assert part.parameters == 16 * 27 + 16
    assert part.dense_parameters == 16 * 64 * (3 * 64 + 1)
    assert part.local_parameters == 16 * 64 * (27 + 1)
    text = str(part)
    assert "output 15 at (0, 0) reads rows [-1, 0, 1] and columns [-1, 0, 1]" in text
    assert "value 13 = 4 + 4 + 4 + bias 1" in text
    assert "448 shared" in text
    with pytest.raises(InputError, match=r"explain: at=\(k, y, x\) must lie inside the output \(16, 8, 8\)"):
        explain(np.ones((3, 8, 8)), np.ones((16, 3, 3, 3)), padding=1, at=(16, 0, 0))
    with pytest.raises(InputError, match=r"image must be in \[0, 1\)"):
        explain(np.ones((3, 8, 8)), np.ones((16, 3, 3, 3)), at=(0, 0, 0), image=1)


def test_a_plan_is_data() -> None:
    plan = plan_conv((1, 16, 20, 20), (32, 16, 3, 3), stride=2, padding=((0, 1), (0, 1)), measured=True)
    assert plan.output_shape == (1, 32, 10, 10)
    assert plan.macs == 32 * 100 * 144
    names = [name for name, _ in plan.candidates]
    assert plan.algorithm in names
    assert [us for _, us in plan.candidates] == sorted(us for _, us in plan.candidates)
    assert {name for name, _ in plan.measured} <= set(names)
    assert plan.algorithm in dict(plan.measured)
    assert all(us > 0 for _, us in plan.measured)
    assert ConvPlan.from_json(plan.to_json()) == plan
    assert json.loads(plan.to_json())["algorithm"] == plan.algorithm
    for words in (f"algorithm  {plan.algorithm}", "workspace", "predicted", "measured"):
        assert words in str(plan)
    assert plan_conv((16, 20, 20), (32, 16, 3, 3), dtype=np.float16).output_shape == (32, 18, 18)
    with pytest.raises(InputError, match="not the JSON of a ConvPlan"):
        ConvPlan.from_json("[]")
    with pytest.raises(InputError, match=r"plan_conv: .*16 channels, got 15"):
        plan_conv((1, 15, 20, 20), (32, 16, 3, 3))


def test_a_window_that_lies_in_the_padding_alone_reads_zeros() -> None:
    part = explain(np.ones((1, 3, 3)), np.ones((1, 1, 1, 2)), np.ones(1), padding=2, at=(0, 0, 0))
    assert part.value == 1
    assert not part.window.any()
    assert (part.rows, part.columns) == ((-2,), (-2, -1))


def test_a_matrix_of_no_output_and_of_halves() -> None:
    assert conv_matrix(np.zeros((0, 1, 3, 3)), (5, 6)).shape == (0, 30)
    half = conv_matrix(np.full((1, 1, 2, 2), 0.1, np.float16), (3, 3))
    assert half.dtype == np.float32
    assert half.data[0] == np.float16(0.1)
    with pytest.raises(ArrayTypeError, match="conv_matrix: weight must hold numbers, got dtype"):
        conv_matrix(np.full((1, 1, 2, 2), "a"), (3, 3))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
def test_the_channels_with_the_largest_sums_are_shown_and_the_others_add_up(most: int) -> None:
    part = explain(RNG.standard_normal((4, 5, 5)), RNG.standard_normal((1, 4, 3, 3)), at=(0, 1, 1))
    lines = part.lines(most=most)
    heads = [line for line in lines if line.startswith("channel ")]
    largest = sorted(range(4), key=lambda i: -abs(part.channel_sums[i]))[:most]
    assert [int(line.split()[1].rstrip(":")) for line in heads] == (largest if most < 4 else [0, 1, 2, 3])
    others = [float(line.split()[-1]) for line in lines if line.startswith("and ")]
    told = sum(float(line.split()[-1]) for line in heads) + sum(others)
    assert len(others) == (most < 4)
    assert told == pytest.approx(part.value, abs=1e-4)


def test_wide_windows_stand_beneath_one_another() -> None:
    x, weight = RNG.standard_normal((1, 9, 9)), RNG.standard_normal((1, 1, 7, 7))
    lines = explain(x, weight, at=(0, 1, 1)).lines()
    rows = [[float(n) for n in line.partition("[")[2].rstrip("]").split()] for line in lines[2:23]]
    assert max(map(len, lines[2:23])) < 80
    np.testing.assert_allclose(rows[:7], x[0, 1:8, 1:8], rtol=1e-3)
    np.testing.assert_allclose(np.array(rows[:7]) * rows[7:14], rows[14:], rtol=2e-3)
