"""Arguments of every type: one answer whatever was called before, or one line that says what is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypedDict

import numpy as np
import pytest
from support.odd import wrongly

from striate.conv import (
    ArrayTypeError,
    Conv2d,
    ShapeError,
    conv1d,
    conv2d,
    conv2d_input_grad,
    conv2d_weight_grad,
    conv_matrix,
    conv_transpose2d,
    explain,
    plan_conv,
    reference,
    set_cache,
    set_threads,
)
from striate.conv.arguments import Arguments, PaddingArg, PairArg
from striate.conv.arrays import Array
from striate.conv.settings import find_anew
from striate.errors import InputError, StriateError
from striate.values import shown

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 9, 8)).astype(np.float32)
W = RNG.standard_normal((4, 4, 3, 3)).astype(np.float32)
B = RNG.standard_normal(4).astype(np.float32)

# Ways to write one number, and ways to write none.
SAME_AS_TWO: list[PairArg] = [
    2, (2, 2), [2, 2], np.int64(2), np.uint8(2), np.array(2), np.array([2, 2]), (np.int32(2), 2), [2], (2,),
]  # fmt: skip
NO_INTEGERS = [2.0, (2.0, 2), "2", None, np.float32(2), np.array([2.0, 2.0]), {2: 2}, (2, None), b"22", [[2], [2]], 1j]
HUGE = [10**30, 2**31, (2, 2**40)]


class Steps(TypedDict, total=False):
    stride: PairArg
    padding: PairArg
    dilation: PairArg


@pytest.mark.parametrize(
    "argument",
    [lambda value: Steps(stride=value), lambda value: Steps(padding=value), lambda value: Steps(dilation=value)],
    ids=["stride", "padding", "dilation"],
)
def test_every_spelling_of_a_number_is_that_number(argument: Callable[[PairArg], Steps]) -> None:
    expected = conv2d(X, W, B, **argument(2))
    for value in SAME_AS_TWO:
        np.testing.assert_array_equal(conv2d(X, W, B, **argument(value)), expected)
        np.testing.assert_array_equal(Conv2d(4, 4, 3, rng=0, **argument(value))(X).shape, expected.shape)
    line = conv1d(X[:, :, 0], W[:, :, 0], B, **argument(2))
    along_a_line: list[PairArg] = [2, np.int64(2), (2,), [2], np.array([2]), np.array(2), (np.uint8(2),)]
    for value in along_a_line:
        np.testing.assert_array_equal(conv1d(X[:, :, 0], W[:, :, 0], B, **argument(value)), line)


CALLS: dict[str, Callable[..., object]] = {
    "conv2d": lambda **a: conv2d(X, W, B, **a),
    "Conv2d": lambda **a: Conv2d(4, 4, 3, **a),
    "conv1d": lambda **a: conv1d(X[:, :, 0], W[:, :, 0], B, **a),
    "conv_transpose2d": lambda **a: conv_transpose2d(X, W, B, **a),
    "conv_matrix": lambda **a: conv_matrix(W, (9, 8), **a),
    "explain": lambda **a: explain(X, W, B, at=(0, 0, 0), **a),
    "plan_conv": lambda **a: plan_conv(X.shape, W.shape, **a),
    "conv2d_input_grad": lambda **a: conv2d_input_grad(X.shape, W, X, **a),
    "conv2d_weight_grad": lambda **a: conv2d_weight_grad(X, W.shape, X, **a),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("argument", ["stride", "padding", "dilation", "groups"])
def test_what_is_no_integer_is_refused_whatever_was_called_before(name: str, argument: str) -> None:
    for value in [*NO_INTEGERS, *HUGE]:
        for before in (False, True):
            find_anew()
            if before:
                conv2d(X, W, B, 2, 2, 2)
                conv2d(X, W, B, (2, 2), (2, 2), (2, 2))
            with pytest.raises(InputError, match=f"^{name}: .*{argument.replace('padding', 'padd')}") as caught:
                CALLS[name](**{argument: value})
            assert "\n" not in str(caught.value)


NAMES = ["padding_mode", "algorithm", "activation", "accuracy"]
NO_NAMES = [3, 1.5, ["zeros"], np.array(["zeros", "auto"]), b"zeros", {}, "", "Zeros"]


@pytest.mark.parametrize("argument", NAMES)
@pytest.mark.parametrize("name", ["conv2d", "Conv2d", "conv1d"])
def test_names_of_any_type_are_refused_by_name(name: str, argument: str) -> None:
    for value in NO_NAMES:
        with pytest.raises(InputError, match=f"^{name}: {argument} must be"):
            CALLS[name](**{argument: value})


def test_one_value_for_what_is_one_thing() -> None:
    one: list[PaddingArg] = [
        1, (1, 1), [1], np.array([1, 1]), ((1, 1), (1, 1)), np.ones((2, 2), int), [[1, 1], (1, 1)],
    ]  # fmt: skip
    spellings = {Arguments.parse(1, padding, 2, 2) for padding in one}
    assert spellings == {Arguments((1, 1), (1, 1, 1, 1), (2, 2), 2)}
    assert all(type(n) is int for a in spellings for n in (*a.stride, *a.padding, *a.dilation, a.groups))
    assert type(Arguments.parse(True).stride[0]) is int


def test_missing_axes_are_told_with_what_to_write() -> None:
    image, kernel = X[0, 0], W[0, 0]
    with pytest.raises(ShapeError, match=r"got 2 in \(3, 3\); with one channel, pass weight\[None, None\]"):
        conv2d(image, kernel)
    with pytest.raises(ShapeError, match=r"got 2D of shape \(9, 8\); with one channel, pass x\[None\]"):
        conv2d(image, kernel[None, None])
    assert conv2d(image[None], kernel[None, None]).shape == (1, 7, 6)
    with pytest.raises(ShapeError, match=r"got 1D of shape \(8,\); with one channel, pass x\[None\]"):
        conv1d(image[0], kernel[None, None, 0])


def test_packed_records_and_bytes_at_odd_places_are_read_alike_each_time() -> None:
    kind = np.dtype([("flag", np.uint8), ("value", np.float32)])
    records = np.zeros(X.shape, kind)
    records["value"] = X
    kernels = np.zeros(W.shape, kind)
    kernels["value"] = W
    offsets = np.zeros(B.shape, kind)
    offsets["value"] = B
    expected = conv2d(X, W, B)
    assert records["value"].strides[-1] == 5
    given = list(itertools.product((X, records["value"]), (W, kernels["value"]), (B, offsets["value"])))
    for x, weight, bias in given:
        find_anew()
        for _ in range(3):
            np.testing.assert_array_equal(conv2d(x, weight, bias), expected)
    out = np.zeros(expected.shape, kind)["value"]
    np.testing.assert_array_equal(conv2d(records["value"], W, B, out=out), expected)
    large = np.zeros((32, 32, 3, 3), kind)["value"]
    large[...] = 1
    x = np.ones((1, 32, 5, 5), np.float32)
    for value in (1, 1, 2, 2):
        large[...] = value
        assert (conv2d(x, large, algorithm="direct") == 288 * value).all()
    layer = Conv2d(4, 4, 3)
    layer.weight, layer.bias = kernels["value"], offsets["value"]
    np.testing.assert_array_equal(layer(records["value"]), expected)


# The memory of `out` may be that of anything the call reads.
def shared(kind: str) -> tuple[Array, Array, Array, Array]:
    """x, weight, bias and out, where out lies over one of the three."""
    room = np.zeros(4096, np.float32)
    x, weight, bias = (a.copy() for a in (X, W, B))
    shape = (2, 4, 9, 8)
    out = room[: np.prod(shape)].reshape(shape)
    read = {"x": x, "weight": weight, "bias": bias}
    source = read[kind]
    place = room[7 : 7 + source.size].reshape(source.shape)
    place[...] = source
    read[kind] = place
    return read["x"], read["weight"], read["bias"], out


@pytest.mark.parametrize("kind", ["x", "weight", "bias"])
@pytest.mark.parametrize("algorithm", ["auto", "direct", "reference", "matrix"])
def test_out_may_lie_over_anything_that_is_read(kind: str, algorithm: str) -> None:
    expected = reference.conv2d(X, W, B, padding=(1, 1, 1, 1))
    for _ in range(3):
        x, weight, bias, out = shared(kind)
        assert conv2d(x, weight, bias, padding=1, out=out, algorithm=algorithm) is out
        np.testing.assert_allclose(out, expected, atol=1e-4)
    if kind == "x":
        layer = Conv2d(4, 4, 3, padding=1)
        layer.weight, layer.bias = W, B
        x, _, _, out = shared("x")
        np.testing.assert_allclose(layer(x, out=out), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["x", "weight", "bias"])
def test_a_transposed_convolution_too(kind: str) -> None:
    expected = conv_transpose2d(X, W, B, padding=1)
    x, weight, bias, out = shared(kind)
    np.testing.assert_array_equal(conv_transpose2d(x, weight, bias, padding=1, out=out), expected)


def test_an_out_that_overlaps_itself_is_refused() -> None:
    out = np.lib.stride_tricks.as_strided(np.zeros(400, np.float32), (2, 4, 7, 6), (0, 168, 24, 4))
    with pytest.raises(InputError, match=r"out holds several results in one place: its strides are \(0, 168, 24, 4\)"):
        conv2d(X, W, out=out)


def test_a_mask_is_refused_unless_it_hides_nothing() -> None:
    clear = {name: np.ma.array(a) for name, a in (("x", X), ("weight", W), ("bias", B))}
    expected = conv2d(X, W, B)
    for _ in range(3):
        result = conv2d(clear["x"], clear["weight"], clear["bias"])
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, expected)
    out = np.ma.array(np.zeros_like(expected))
    np.testing.assert_array_equal(conv2d(X, W, B, out=out).data, expected)
    layer = Conv2d(4, 4, 3)
    for name, words in (("x", "input"), ("weight", "weight"), ("bias", "bias")):
        hidden = np.ma.array(clear[name])
        hidden[(0,) * hidden.ndim] = np.ma.masked
        text = rf"{words} is a masked array that hides 1 of {hidden.size:,} values, .* pass \.filled\(value\)"
        with pytest.raises(InputError, match=f"conv2d: {text}"):
            wrongly(conv2d)(**clear | {name: hidden})
        if name != "x":
            with pytest.raises(InputError, match=f"Conv2d: {text}"):
                setattr(layer, name, hidden)
    with pytest.raises(InputError, match="Conv2d: input is a masked array"):
        layer(np.ma.masked_less(X, 0))


@pytest.mark.parametrize("what", [[1], "words", None, 3.0, {"a": 1}, np.float32(2)])
def test_what_is_no_array_is_named(what: Any) -> None:
    for name, call in (
        ("conv2d", lambda: conv2d(what, W)),
        ("conv2d", lambda: conv2d(X, what)),
        ("conv1d", lambda: conv1d(what, what)),
        ("conv_transpose2d", lambda: conv_transpose2d(X, what)),
        ("conv_matrix", lambda: conv_matrix(what, (4, 4))),
        ("explain", lambda: explain(X, what, at=(0, 0, 0))),
        ("Conv2d", lambda: Conv2d(4, 4, 3)(what)),
        ("Conv2d", lambda: setattr(Conv2d(4, 4, 3), "weight", what)),
    ):
        with pytest.raises(ArrayTypeError, match=f"^{name}: .*must be a NumPy array, got {type(what).__name__}"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: wrongly(Conv2d)("4", 4, 3),
        lambda: wrongly(Conv2d)(4.0, 4, 3),
        lambda: wrongly(Conv2d)(4, None, 3),
        lambda: wrongly(Conv2d)(4, 4, "3"),
        lambda: Conv2d(4, 4, (3, 3, 3)),
        lambda: Conv2d(4, 4, 3, dtype="nonsense"),
        lambda: Conv2d(4, 4, 3, dtype=int),
        lambda: wrongly(Conv2d)(4, 4, 3, rng="seed"),
        lambda: wrongly(Conv2d(4, 4, 3).load_state_dict)([1]),
        lambda: wrongly(Conv2d(4, 4, 3, bias=False).load_state_dict)({"weight": [1]}),
        lambda: Conv2d(4, 4, 3, bias=False).load_state_dict({"weight": np.full((4, 4, 3, 3), "a")}),
        lambda: wrongly(plan_conv)(3, W.shape),
        lambda: wrongly(plan_conv)((1, 4, 8.0, 8), W.shape),
        lambda: plan_conv((1, 4, -8, 8), W.shape),
        lambda: plan_conv((1, 4, 2**31, 8), W.shape),
        lambda: wrongly(plan_conv)(X.shape, "weight"),
        lambda: plan_conv(X.shape, W.shape, dtype="nonsense"),
        lambda: wrongly(plan_conv)(X.shape, W.shape, algorithm=["auto"]),
        lambda: wrongly(conv_transpose2d)(X, W, algorithm=["auto"]),
        lambda: wrongly(conv2d_input_grad)(X.shape, W, X[:, :, 2:, 2:], algorithm=["auto"]),
        lambda: wrongly(explain)(X, W, at=3),
        lambda: explain(X, W, at=(0, 0)),
        lambda: wrongly(explain)(X, W, at=(0, 0.5, 0)),
        lambda: explain(X, W, at=(0, 0, -1)),
        lambda: wrongly(explain)(X, W, at=(0, 0, 0), image="0"),
        lambda: wrongly(conv_matrix)(W, "size"),
        lambda: conv_matrix(W, (0, 4)),
        lambda: conv_matrix(W[0], (4, 4)),
        lambda: wrongly(set_threads)("2"),
        lambda: set_threads(-1),
        lambda: wrongly(set_threads)(1.0),
        lambda: wrongly(set_cache)(3),
    ],
)
def test_everything_else_that_is_wrong_gives_one_line_of_striates(call: Callable[[], object]) -> None:
    with pytest.raises(StriateError) as caught:
        call()
    assert isinstance(caught.value, (ValueError, TypeError))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_large_values_are_shown_short() -> None:
    with pytest.raises(InputError) as caught:
        conv2d(X, W, stride=np.zeros((100, 100), int))
    assert len(str(caught.value)) < 200
    assert shown(np.zeros((30, 30))) == "an array of shape (30, 30) and type float64"


def test_a_numpy_integer_index_of_an_explanation() -> None:
    part = explain(X, W, B, at=np.array([1, 2, 3]), image=np.int64(1))
    assert part.value == pytest.approx(float(conv2d(X, W, B)[1, 1, 2, 3]), rel=1e-5)
