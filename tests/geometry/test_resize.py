"""Resize maps against torch and the ONNX reference: the weights of a resized identity name every read."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from torch.nn import functional

from striate.errors import InputError
from striate.geometry import Coordinates, Interpolation, Rounding, TapMap, picked_map, resize_map, stated_ratio
from striate.network.operators import BY_WORD

NOISE = 1e-9
# The reference has dropped tf_half_pixel_for_nn, and departs from the specification where pytorch_half_pixel
# resizes to a single unit; onnxruntime stands in for it there.
REFERENCE_COORDINATES = tuple(word for word in Coordinates if word is not Coordinates.TF_HALF_PIXEL_FOR_NN)
NEAREST, LINEAR, CUBIC = Interpolation
CORNERS: dict[str, Any] = {"coordinates": Coordinates.ALIGN_CORNERS}
FILTERED = {"antialias": True, "exclude_outside": True}
TORCH_MODES: dict[str, dict[str, Any]] = {
    "nearest": {"mode": NEAREST, "coordinates": Coordinates.ASYMMETRIC, "nearest": Rounding.FLOOR},
    "nearest-exact": {"mode": NEAREST, "nearest": Rounding.ROUND_PREFER_CEIL},
    "bilinear": {"mode": LINEAR},
    "bilinear corners": {"mode": LINEAR, **CORNERS},
    "bilinear antialias": {"mode": LINEAR, **FILTERED},
    "bicubic": {"mode": CUBIC},
    "bicubic corners": {"mode": CUBIC, **CORNERS},
    "bicubic antialias": {"mode": CUBIC, **FILTERED},
}


def check(m: TapMap, weights: NDArray[np.floating], text: str) -> None:
    """Column ``i`` of ``weights`` holds what unit ``i`` takes of each pixel."""
    assert m.out_size == weights.shape[1], text
    for i in range(m.out_size):
        used = np.flatnonzero(np.abs(weights[:, i]) > NOISE).tolist()
        assert sorted(set(m.reads(i))) == used, f"unit {i} of {text}"


def torch_weights(mode: str, n: int, count: int | None, scale: float | None = None) -> NDArray[np.floating]:
    image = torch.eye(n, dtype=torch.float64).reshape(n, 1, n, 1).repeat(1, 1, 1, 2)
    word, *extra = mode.split()
    options: dict[str, Any] = {} if word.startswith("nearest") else {"align_corners": "corners" in extra}
    size = None if count is None else (count, 2)
    factor = None if scale is None else (scale, 1.0)
    found = functional.interpolate(image, size, factor, word, antialias="antialias" in extra, **options)
    return found[:, 0, :, 0].numpy()


@pytest.mark.parametrize("mode", TORCH_MODES)
def test_torch_interpolate_by_size(mode: str) -> None:
    for n in range(1, 13):
        for count in range(1, 15):
            check(resize_map(n, count, **TORCH_MODES[mode]), torch_weights(mode, n, count), f"{mode} {n} to {count}")


@pytest.mark.parametrize("mode", [mode for mode in TORCH_MODES if "corners" not in mode])
@pytest.mark.parametrize("scale", [Fraction(k, 4) for k in (1, 2, 3, 5, 6, 8, 12)])
def test_torch_interpolate_by_scale(mode: str, scale: Fraction) -> None:
    for n in range(4, 12):
        m = resize_map(n, floor(n * scale), scale=scale, **TORCH_MODES[mode])
        check(m, torch_weights(mode, n, None, float(scale)), f"{mode} {n} by {scale}")


def onnx_weights(n: int, count: int, roi: tuple[Fraction, Fraction], **attributes: Any) -> NDArray[np.floating]:
    """The reference implementation on every row of an identity, to a size."""
    node = onnx.helper.make_node("Resize", ["x", "roi", "", "sizes"], ["y"], axes=[1], **attributes)
    make = onnx.helper.make_tensor_value_info
    double, integer = onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64
    graph = onnx.helper.make_graph(
        [node], "resize", [make("x", double, [1, n]), make("roi", double, [2]), make("sizes", integer, [1])],
        [make("y", double, [1, count])],
    )
    run = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)])).run
    fixed = {"roi": np.array([float(bound) for bound in roi]), "sizes": np.array([count])}
    rows: list[Any] = [run(None, {"x": row.reshape(1, n), **fixed}) for row in np.eye(n)]
    return np.array([row[0][0] for row in rows])


def on_edge(m: dict[str, Any], n: int, count: int, roi: tuple[Fraction, Fraction]) -> bool:
    """Whether a unit of a nearest resize stands on a rounding edge that doubles cannot hold exactly."""
    if m["mode"] is not NEAREST:
        return False
    below, above = (
        [resize_map(n, count, **m, roi=(roi[0] + nudge, roi[1] + nudge), scale=Fraction(count, n) * (1 + nudge))
         for nudge in (-Fraction(1, 10**9), Fraction(1, 10**9))]
    )
    return any(below.reads(i) != above.reads(i) for i in range(count))


def onnx_case(seed: int) -> tuple[dict[str, Any], int, int, tuple[Fraction, Fraction]]:
    random = Random(seed)
    mode = random.choice(tuple(Interpolation))
    chosen: dict[str, Any] = {"mode": mode, "coordinates": random.choice(REFERENCE_COORDINATES)}
    if mode is NEAREST:
        chosen["nearest"] = random.choice(tuple(Rounding))
    if mode is CUBIC:
        chosen["exclude_outside"] = random.random() < 0.5
    roi = (Fraction(random.randint(-1, 1), 4), Fraction(random.randint(2, 5), 4))
    return chosen, random.randint(1, 7), random.randint(1, 9), roi


def check_onnx(seed: int) -> bool:
    chosen, n, count, roi = onnx_case(seed)
    if on_edge(chosen, n, count, roi) or (count == 1 and chosen["coordinates"] is Coordinates.PYTORCH_HALF_PIXEL):
        return False
    words = {"coordinate_transformation_mode": chosen["coordinates"], "mode": chosen["mode"]}
    if "nearest" in chosen:
        words["nearest_mode"] = chosen["nearest"]
    words["exclude_outside"] = int(bool(chosen.get("exclude_outside")))
    weights = onnx_weights(n, count, roi, **words)
    check(resize_map(n, count, **chosen, roi=roi), weights, f"seed {seed}: {chosen} {n} to {count}, roi {roi}")
    return True


def test_onnx_reference_agrees() -> None:
    assert sum(check_onnx(seed) for seed in range(150)) > 100


@pytest.mark.exhaustive
def test_onnx_reference_agrees_on_many() -> None:
    assert sum(check_onnx(seed) for seed in range(150, 4_000)) > 3_000


def runtime_weights(n: int, count: int, opset: int, **attributes: Any) -> NDArray[np.floating]:
    """What onnxruntime makes of every row of an identity, resized from (n, 2) to (count, 2)."""
    runtime = pytest.importorskip("onnxruntime")
    node = onnx.helper.make_node("Resize", ["x", "roi", "scales", "sizes"], ["y"], **attributes)
    make, initial = onnx.helper.make_tensor_value_info, onnx.helper.make_tensor
    graph = onnx.helper.make_graph(
        [node], "resize", [make("x", 1, [n, 1, n, 2])], [make("y", 1, [n, 1, count, 2])],
        [initial("roi", 1, [0], []), initial("scales", 1, [0], []), initial("sizes", 7, [4], [n, 1, count, 2])],
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=7)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.repeat(np.eye(n, dtype=np.float32).reshape(n, 1, n, 1), 2, axis=3)
    found: NDArray[np.floating] = session.run(None, {"x": image})[0][:, 0, :, 0]
    return found


def test_onnxruntime_half_pixel_for_nearest() -> None:
    for n in range(1, 10):
        for count in range(1, 10):
            m: dict[str, Any]
            m = {"mode": NEAREST, "coordinates": Coordinates.TF_HALF_PIXEL_FOR_NN, "nearest": Rounding.FLOOR}
            if not on_edge(m, n, count, (Fraction(0), Fraction(1))):
                weights = runtime_weights(n, count, 11, mode="nearest", nearest_mode="floor",
                                          coordinate_transformation_mode="tf_half_pixel_for_nn")
                check(resize_map(n, count, **m), weights, f"{n} to {count}")


def test_onnxruntime_pytorch_half_pixel_to_a_single_unit() -> None:
    for n in range(2, 9):
        for mode in (LINEAR, CUBIC):
            weights = runtime_weights(n, 1, 13, mode=mode, coordinate_transformation_mode="pytorch_half_pixel")
            check(resize_map(n, 1, mode, Coordinates.PYTORCH_HALF_PIXEL), weights, f"{mode} {n} to 1")


def test_the_oracle_notices_a_wrong_mode() -> None:
    with pytest.raises(AssertionError, match="unit 5"):
        check(resize_map(4, 8, LINEAR, **CORNERS), torch_weights("bilinear", 4, 9)[:, :8], "wrong")
    with pytest.raises(AssertionError):
        check(resize_map(5, 3, NEAREST), torch_weights("nearest", 5, 3), "wrong")


def test_a_scale_factor_stands_for_a_simple_ratio() -> None:
    for numerator in range(1, 400):
        for scale in (numerator * 0.05, numerator / 20, float(np.float32(numerator / 20))):
            assert stated_ratio(scale) == Fraction(numerator, 20)
    assert stated_ratio(float(np.float32(2**0.5))) == Fraction(float(np.float32(2**0.5)))
    with pytest.raises(InputError, match="above 0"):
        resize_map(4, 8, scale=Fraction(-2))


@pytest.mark.parametrize("word", ["mode", "coordinates", "nearest"])
def test_the_operator_refuses_a_word_it_does_not_know(word: str) -> None:
    with pytest.raises(InputError, match="'cubist'; known:"):
        BY_WORD["resize"](**{"axes": (2,), "size": (8,), word: ("cubist",) if word == "nearest" else "cubist"})


def picks_of(n: int, count: int, slope: float) -> tuple[int, ...]:
    return tuple(min(floor(i * slope), n - 1) for i in range(count))


def test_picks_keep_the_period_where_it_holds() -> None:
    # 0 0 0 1 1 2 2 2 3 3 | 4 ... : 10 inputs, 16 outputs, 3/5 of a pixel each
    ideal = resize_map(10, 16, NEAREST, Coordinates.ASYMMETRIC, scale=Fraction(5, 3), nearest=Rounding.FLOOR)
    assert picked_map(ideal, picks_of(10, 16, 0.6)) == ideal
    late = tuple(pick - (i % 5 == 2) for i, pick in enumerate(ideal.reads(i)[0] for i in range(16)))
    moved = picked_map(ideal, late)
    assert (moved.out_step, moved.in_step, moved.periodic) == (5, 3, True)
    assert tuple(moved.reads(i)[0] for i in range(16)) == late


def test_one_irregular_pick_makes_one_period_of_the_axis() -> None:
    ideal = resize_map(50, 115, NEAREST, Coordinates.ASYMMETRIC, scale=Fraction(23, 10), nearest=Rounding.FLOOR)
    picks = tuple(ideal.reads(i)[0] - (i == 69) for i in range(115))
    m = picked_map(ideal, picks)
    assert (m.out_step, m.in_step, m.periodic) == (115, 50, True)
    assert tuple(m.reads(i)[0] for i in range(115)) == picks
    assert m.virtual(115) == (50,)


def test_picks_of_a_crop_read_nothing_outside() -> None:
    ideal = resize_map(4, 3, NEAREST, Coordinates.TF_CROP_AND_RESIZE, roi=(Fraction(-1), Fraction(1)))
    m = picked_map(ideal, (None, 0, 3))
    assert [m.reads(i) for i in range(3)] == [(), (0,), (3,)]
    assert not m.periodic


def test_picks_of_a_long_axis_are_listed() -> None:
    ideal = resize_map(7_000, 9_000, NEAREST, Coordinates.ASYMMETRIC, nearest=Rounding.FLOOR)
    picks = tuple(ideal.reads(i)[0] - (i == 8_001) for i in range(9_000))
    m = picked_map(ideal, picks)
    assert tuple(m.reads(i)[0] for i in range(9_000)) == picks
    assert not m.periodic
