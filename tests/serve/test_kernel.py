"""What the page shows of a convolution is what torch computes, number by number; the code that it copies does too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from striate.errors import StriateError
from striate.serve.convolving import convolve
from striate.serve.given import Given
from striate.serve.matrix import MOST_ENTRIES, matrix
from striate.serve.shared import sharing
from striate.serve.sizes import sizes

SEEDS = range(200)


def drawn(seed: int) -> dict[str, Any]:
    """A convolution at random, most of which fit."""
    rng = np.random.default_rng(seed)
    transposed, groups = bool(rng.random() < 0.3), int(rng.choice([1, 1, 2]))
    channels, filters = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    kernel = rng.integers(1, 4, 2)
    outer, inner = (channels, filters // groups) if transposed else (filters, channels // groups)
    stride = rng.integers(1, 4, 2)
    return {
        "x": rng.integers(-5, 6, (channels, *rng.integers(3, 8, 2))).tolist(),
        "weight": rng.normal(size=(outer, inner, *kernel)).tolist(),
        "bias": rng.normal(size=filters).tolist() if rng.random() < 0.5 else None,
        "stride": stride.tolist(),
        "padding": rng.integers(0, 3, 2).tolist(),
        "dilation": rng.integers(1, 3, 2).tolist(),
        "groups": groups,
        "padding_mode": "zeros" if transposed else str(rng.choice(["zeros", "reflect", "replicate", "circular"])),
        "transposed": transposed,
        "output_padding": rng.integers(0, stride).tolist() if transposed else [0, 0],
        "channel": int(rng.integers(filters)),
    }


def by_torch(given: Given) -> np.ndarray[Any, Any] | None:
    """What torch makes of it; None where torch refuses."""
    channels = len(given["x"])
    filters = len(given["weight"][0]) * given["groups"] if given["transposed"] else len(given["weight"])
    kind: Any = torch.nn.ConvTranspose2d if given["transposed"] else torch.nn.Conv2d
    more: dict[str, Any] = {"output_padding": given["output_padding"]} if given["transposed"] else {}
    layer = kind(
        channels, filters, np.shape(given["weight"])[2:], given["stride"], given["padding"],
        dilation=given["dilation"], groups=given["groups"], padding_mode=given["padding_mode"], dtype=torch.float64,
        bias=given["bias"] is not None, **more,
    )  # fmt: skip
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(given["weight"], dtype=torch.float64))
        if given["bias"] is not None:
            layer.bias.copy_(torch.tensor(given["bias"], dtype=torch.float64))
        try:
            result: np.ndarray[Any, Any] = layer(torch.tensor(given["x"], dtype=torch.float64)).numpy()
            return result
        except RuntimeError:
            return None


@pytest.mark.parametrize("first", range(0, len(SEEDS), 50))
def test_numbers_products_matrix_and_code_are_torch_s(first: int) -> None:
    agreed = 0
    for seed in SEEDS[first : first + 50]:
        given = drawn(seed)
        expected = by_torch(given)
        if expected is None or not expected.size:
            with pytest.raises(StriateError):
                assert np.array(convolve(given)["output"]).size
            continue
        shown, channel = convolve(given), given["channel"]
        np.testing.assert_allclose(shown["output"], expected, atol=1e-9)
        sums = np.array(shown["products"]).sum(axis=(3, 4))
        np.testing.assert_allclose(shown["sums"], sums, atol=1e-12)
        np.testing.assert_allclose(sums.sum(2) + shown["bias"], expected[channel], atol=1e-9)
        bias = np.zeros(len(expected)) if given["bias"] is None else np.array(given["bias"])
        codes = [(lines, expected) for lines in shown["code"].values()]
        if expected.size * np.size(given["x"]) <= MOST_ENTRIES:
            table = matrix(given)
            units = np.array(table["units"]).reshape(expected.shape) + bias[:, None, None]
            np.testing.assert_allclose(units, expected, atol=1e-9)
            codes += [(lines, expected - bias[:, None, None]) for lines in table["code"].values()]
        for lines, wanted in codes:
            names: dict[str, Any] = {}
            exec("\n".join(lines), names)
            np.testing.assert_allclose(np.asarray(names["y"]), wanted, atol=1e-9)
        agreed += 1
    assert agreed > 30


def test_a_tap_says_the_place_and_the_pixel_that_it_reads() -> None:
    for seed in SEEDS[:40]:
        given = drawn(seed)
        if by_torch(given) is None:
            continue
        shown, x = convolve(given), np.array(given["x"], float)
        if not np.size(shown["output"]):
            continue
        for y, rows in enumerate(shown["row_pixels"]):
            for left, columns in enumerate(shown["column_pixels"]):
                products = np.array(shown["products"][y][left])
                read = np.array([[[0 if r is None or c is None else plane[r][c] for c in columns] for r in rows]
                                 for plane in x[shown["channels"]]])  # fmt: skip
                assert products.shape == read.shape
                assert (products[read == 0] == 0).all()


def test_bounds_are_where_torch_begins_to_refuse() -> None:
    for seed in range(30):
        given = drawn(seed)
        expected = by_torch(given)
        if expected is None or not expected.size:
            continue
        for name, (least, most) in convolve(given)["bounds"].items():
            argument, axis = name[:-1], int(name[-1])
            if argument == "output_padding" and not given["transposed"]:
                continue
            for value, fits in ((least, True), (most, True), (most + 1, False)):
                pair = list(given[argument])
                pair[axis] = value
                found = by_torch({**given, argument: pair})
                if fits or most < 8:
                    assert (found is not None and bool(found.size)) == fits, (seed, name, value)


def test_the_seed_s_matrix_has_four_rows_of_nine_weights() -> None:
    given = {**drawn(0), "x": [np.arange(16).reshape(4, 4).tolist()]}
    given["weight"] = [[np.arange(1, 10).reshape(3, 3).tolist()]]
    given |= {"bias": None, "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1, "channel": 0}
    given |= {"padding_mode": "zeros", "transposed": False, "output_padding": [0, 0]}
    shown = matrix(given)
    assert np.shape(shown["matrix"]) == (4, 16)
    assert [sum(tap >= 0 for tap in row) for row in shown["tap"]] == [9] * 4
    assert shown["tap"][0] == [0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, -1, -1, -1, -1]
    assert np.array(shown["unrolled"]) @ np.arange(1, 10) == pytest.approx(shown["units"])
    ways = {way["way"]: way for way in sharing(given)["ways"]}
    assert [ways[name]["parameters"] for name in ("convolution", "local", "dense")] == [9, 36, 64]
    assert [ways[name]["multiply_adds"] for name in ("convolution", "local", "dense")] == [36, 36, 64]
    assert [np.all(ways[name]["follows"]) for name in ("convolution", "local", "dense")] == [True, False, False]


def test_a_convolution_follows_the_picture_inside_its_padding_and_the_copied_lines_give_all_three() -> None:
    for seed in range(25):
        given = {**drawn(seed), "transposed": False, "output_padding": [0, 0], "padding": [1, 1]}
        given |= {"groups": 1, "weight": np.random.default_rng(seed).normal(size=(2, len(given["x"]), 3, 2)).tolist()}
        given |= {"bias": None, "channel": 0}
        shown = sharing(given)
        for way in shown["ways"]:
            inner = [same for row in way["follows"] for same in row if same is not None]
            assert all(inner) == (way["way"] == "convolution") or not inner
        for lines in shown["code"].values():
            names: dict[str, Any] = {}
            exec("\n".join(lines), names)
            for way, name in zip(shown["ways"], ("y", "local", "dense"), strict=True):
                np.testing.assert_allclose(np.asarray(names[name])[0], way["map"], atol=1e-9)


def test_sizes_are_those_of_the_frameworks() -> None:
    numbers = {"n": [4, 5], "kernel": [3, 3], "stride": [2, 2], "dilation": [1, 1], "padding": [0, 1]}
    rows, columns = sizes(numbers)
    assert [answer["output"] for answer in rows] == [1, 2, 1, 2, 2]
    assert rows[3]["pads"] == [0, 1]
    assert columns[0]["output"] == 3


@pytest.mark.parametrize(
    "changed",
    [
        *({"x": x} for x in ([], [[[1]] * 40], [[["a"]]], [[[1, 2], [3]]], [[[float("nan")]]], None, [[[10**400]]])),
        *({"stride": stride} for stride in ([0, 1], [1], "1", [1.5, 1])),
        *({"groups": groups} for groups in (0, 5, True)),
        *({"channel": channel} for channel in (9, -1)),
        {"weight": [[1]]},
        {"bias": [1, 2, 3]},
        {"padding": [9, 9]},
        {"padding_mode": "same"},
        {"transposed": 1},
        {"dilation": [8, 8]},
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(changed: dict[str, Any]) -> None:
    for question in (convolve, matrix, sharing):
        given = {**drawn(3), "transposed": False, "output_padding": [0, 0], **changed}
        if question is not convolve and "channel" in changed:
            continue
        with pytest.raises(StriateError) as caught:
            question(given)
        assert "\n" not in str(caught.value)
