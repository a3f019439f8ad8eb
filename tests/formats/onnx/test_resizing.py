"""Resize and Upsample: every unit reads the pixels that onnxruntime reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_cases import claimed
from support.onnx_running import agrees, model, moved, read, session

from striate.errors import ModelError
from striate.geometry import Coordinates, Rounding
from striate.network import Network
from striate.network.relation import Along

OUTSIDE = -1.0
# The largest change that rounding makes where a weight is zero.
RESIDUE = {"nearest": 0.0, "linear": 0.002, "cubic": 0.0001}


def node(op: str, opset: int, k: int, scales: Sequence[float] | None, sizes: Sequence[int] | None,
         roi: Sequence[float] = (), **attributes: Any) -> tuple[onnx.NodeProto, list[onnx.TensorProto]]:  # fmt: skip
    """The node that makes ``y{k}`` of ``x``, in the words of its opset, and its constants."""
    if op == "Upsample" and opset < 9:
        return helper.make_node(op, ["x"], [f"y{k}"], scales=[float(s) for s in scales or ()], **attributes), []
    constants = [helper.make_tensor(f"s{k}", 1, [len(scales or ())], scales or ())]
    inputs = ["x", f"s{k}"]
    if opset >= 11:
        constants.append(helper.make_tensor(f"r{k}", 1, [len(roi)], roi))
        inputs = ["x", f"r{k}", f"s{k}"]
        if sizes is not None:
            constants.append(helper.make_tensor(f"z{k}", 7, [len(sizes)], sizes))
            inputs.append(f"z{k}")
    return helper.make_node(op, inputs, [f"y{k}"], **attributes), constants


def joined(
    made: Sequence[tuple[onnx.NodeProto, list[onnx.TensorProto]]], shape: Sequence[int], opset: int
) -> onnx.ModelProto:
    """The model of some nodes and their constants."""
    return model([n for n, _ in made], [constant for _, constants in made for constant in constants], shape, opset)


def picked(network: Network, output: str, axis: int, n: int) -> list[int]:
    """The pixel each unit of one axis is said to read; -1 for none."""
    place = next(k for k, made in enumerate(network.nodes) if output in made.outputs)
    steps = network.results[place].outputs[0].reads[0][0]
    maps = [step.map for step in steps if isinstance(step, Along) and step.axis == axis]
    if not maps:
        return list(range(n))
    reads = [maps[0].reads(i) for i in range(maps[0].out_size)]
    assert all(len(read) <= 1 for read in reads)
    return [read[0] if read else int(OUTSIDE) for read in reads]


def check_lines(
    n: int, made: Sequence[tuple[onnx.NodeProto, list[onnx.TensorProto]]], opset: int, folder: Path
) -> None:
    """Many resizes of one axis of ``n`` pixels in one model: every unit names the pixel whose number it holds."""
    wanted = joined(made, [1, 1, n, 2], opset)
    x = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None], (1, 1, n, 2))
    network = read(wanted, folder)
    for k, y in enumerate(session(wanted).run(None, {"x": x})):
        told = picked(network, f"y{k}", 2, n)
        assert told == y[0, 0, :, 0].astype(int).tolist(), f"{n} pixels: {made[k]}"


def words(coordinates: str, rounding: str) -> dict[str, Any]:
    return {"coordinate_transformation_mode": coordinates, "nearest_mode": rounding, "extrapolation_value": OUTSIDE}


def lines(n: int, counts: Sequence[int], steps: Sequence[int], folder: Path, coordinates: str, rounding: str) -> None:
    """Sizes, and scales in steps of 0.05, by one pair of words."""
    chosen, roi = words(coordinates, rounding), (0, 0, 0.25, 0, 1, 1, 0.75, 1) if "crop" in coordinates else ()
    made = [node("Resize", 18, k, None, [1, 1, count, 2], roi, **chosen) for k, count in enumerate(counts)]
    scales = [step * 0.05 for step in steps if int(np.float32(step * 0.05) * np.float32(n))]
    made += [
        node("Resize", 18, k, [1, 1, scale, 1], None, roi, **chosen) for k, scale in enumerate(scales, start=len(made))
    ]
    check_lines(n, made, 18, folder)


@pytest.mark.parametrize("coordinates", Coordinates)
def test_nearest_pixels(coordinates: str, tmp_path: Path) -> None:
    for rounding in Rounding:
        for n in (1, 10, 28, 299):
            lines(n, range(1 + n % 7, 301, 53), range(1 + n % 5, 101, 19), tmp_path, coordinates, rounding)


EXPORTED = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("coordinates", Coordinates)
def test_all_nearest_pixels(coordinates: str, rounding: str, tmp_path: Path) -> None:
    """Every size up to 300 and every scale for the words that exporters write, every tenth input size for the rest."""
    for n in range(1, 301, 1 if (coordinates, rounding) in EXPORTED else 10):
        lines(n, range(1, 301), range(1, 101), tmp_path, coordinates, rounding)


def test_before_opset_11_an_axis_that_shrinks_rounds_up(tmp_path: Path) -> None:
    for n in (3, 7, 10, 50):
        scales = [step * 0.05 for step in range(1, 80, 3) if int(np.float32(step * 0.05) * np.float32(n))]
        check_lines(n, [node("Resize", 10, k, [1, 1, s, 1], None) for k, s in enumerate(scales)], 10, tmp_path)
        grown = [s for s in scales if s >= 1]
        for opset in (7, 9):
            made = [node("Upsample", opset, k, [1, 1, s, 1], None, mode="nearest") for k, s in enumerate(grown)]
            check_lines(n, made, opset, tmp_path)


def random_resize(random: Random) -> tuple[list[int], int, dict[str, Any]]:
    """A shape, an opset and the arguments of ``node``."""
    op, opset = random.choice([("Resize", 10), ("Resize", 11), ("Resize", 13), ("Resize", 19), ("Upsample", 9)])
    mode = random.choice(["nearest", "nearest", "linear", "cubic"] if opset > 10 else ["nearest", "linear"])
    rank = random.choice([1, 2, 3, 4, 5]) if mode == "nearest" else 4
    shape = [random.randint(1, 5) for _ in range(rank)]
    fixed = 0 if mode == "nearest" else 2
    shape[:fixed] = [1] * fixed
    axes = list(range(rank))
    arguments: dict[str, Any] = {"op": op, "mode": mode}
    if opset >= 11:
        coordinates = random.choice(list(Coordinates))
        arguments |= words(coordinates, random.choice(list(Rounding))) | {"extrapolation_value": 0.0}
    if opset >= 18 and random.random() < 0.4:
        axes = sorted(random.sample(axes, random.randint(1, rank))) if mode == "nearest" else [2, 3]
        arguments["axes"] = axes
    if opset >= 18 and mode != "nearest":
        arguments["antialias"] = random.randint(0, 1)
    if opset >= 11 and (mode == "cubic" or arguments.get("antialias")):
        arguments["exclude_outside"] = random.randint(0, 1)
    if opset >= 11 and coordinates is Coordinates.TF_CROP_AND_RESIZE:
        arguments["roi"] = [random.choice([0, 0.25]) for _ in axes] + [random.choice([1, 0.75]) for _ in axes]
    if opset >= 11 and random.random() < 0.5:
        wanted = [random.randint(1, 9) if axis >= fixed else 1 for axis in axes]
        arguments |= {"scales": None, "sizes": wanted}
        if opset >= 18 and mode == "nearest":
            arguments["keep_aspect_ratio_policy"] = random.choice(["stretch", "not_larger", "not_smaller"])
    else:
        least = 1 if op == "Upsample" else 0.2
        scales = [max(random.choice([1, 1.05, 2, random.randint(4, 50) * 0.05]), least) for _ in axes]
        arguments |= {"scales": [1 if axis < fixed else s for axis, s in zip(axes, scales, strict=True)], "sizes": None}
    return shape, opset, arguments


def check_random(seed: int, folder: Path) -> bool:
    shape, opset, arguments = random_resize(Random(seed))
    made, constants = node(opset=opset, k=0, **arguments)
    text = f"seed {seed}: {shape} {arguments}"
    return agrees(model([made], constants, shape, opset), folder, text, RESIDUE[arguments["mode"]])


def test_random_resizes(tmp_path: Path) -> None:
    assert sum(check_random(seed, tmp_path) for seed in range(220)) > 100


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_many_random_resizes(tmp_path: Path) -> None:
    assert sum(check_random(seed, tmp_path) for seed in range(220, 8_000)) > 4_000


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"coordinate_transformation_mode": "cubist"}, "cubist.*known: half_pixel"),
        ({"nearest_mode": "far"}, "far.*known: round_prefer_floor"),
        ({"mode": "lanczos"}, "lanczos.*known: nearest"),
        ({"keep_aspect_ratio_policy": "square", "sizes": [1, 1, 4, 4]}, "square.*known: stretch"),
        ({"coordinate_transformation_mode": "tf_crop_and_resize", "roi": [0, 1]}, "2 entries for 4 axes"),
        ({"scales": [1, 1, -2, 1]}, "should be 4 numbers above 0"),
        ({"sizes": [1, 1, 4]}, "should be 4 numbers of at least 0"),
    ],
)
def test_words_and_numbers_that_no_resize_has(attributes: dict[str, Any], message: str, tmp_path: Path) -> None:
    given = {"scales": None if "sizes" in attributes else [1, 1, 2, 2], "sizes": None} | attributes
    with pytest.raises(ModelError, match=message):
        read(joined([node("Resize", 19, 0, **given)], [1, 1, 4, 4], 19), tmp_path)


def test_the_oracle_notices_a_wrong_pixel(tmp_path: Path) -> None:
    wanted = joined([node("Resize", 19, 0, None, [1, 1, 7, 2], **words("half_pixel", "floor"))], [1, 1, 5, 2], 19)
    other = joined([node("Resize", 19, 0, None, [1, 1, 7, 2], **words("half_pixel", "ceil"))], [1, 1, 5, 2], 19)
    (told,) = claimed(read(wanted, tmp_path))
    assert (told != moved(session(other), np.ones((1, 1, 5, 2), np.float32), 0.0)).any()
