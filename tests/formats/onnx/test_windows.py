"""Convolutions, pools, scans and pads: shapes and reads of every unit, as onnxruntime has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_running import agrees, model, moved, read, session

from striate.errors import StriateError
from striate.network.relation import Along

Words = dict[str, Any]
Graph = tuple[list[onnx.NodeProto], list[onnx.TensorProto], list[int], int]
AUTOMATIC = (None, "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def sizes(random: Random, count: int, low: int, high: int) -> list[int]:
    return [random.randint(low, high) for _ in range(count)]


def integers(name: str, values: list[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, 7, [len(values)], values)


def window(random: Random, rank: int, kernel: list[int], largest_pad: int) -> Words:
    """Strides, dilations and pads, each of them sometimes left out."""
    words: Words = {}
    if random.random() < 0.8:
        words["strides"] = sizes(random, rank, 1, 4)
    if random.random() < 0.4:
        words["dilations"] = sizes(random, rank, 1, 3)
    auto = random.choice(AUTOMATIC)
    if auto:
        words["auto_pad"] = auto
    if auto in (None, "NOTSET") and random.random() < 0.6:
        words["pads"] = [random.randint(0, min(largest_pad, k - 1)) for k in kernel * 2]
    return words


def pool(random: Random) -> Graph:
    op, opset = random.choice(["MaxPool", "AveragePool", "LpPool"]), random.choice([8, 10, 12, 18, 22])
    rank = random.choice([1, 1, 2])
    kernel = sizes(random, rank, 1, 4)
    words = window(random, rank, kernel, 3) | {"kernel_shape": kernel}
    if opset < {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[op]:
        words.pop("dilations", None)
    if opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[op]:
        words["ceil_mode"] = random.randint(0, 1)
    if op == "AveragePool":
        words["count_include_pad"] = random.randint(0, 1)
    return [helper.make_node(op, ["x"], ["y"], **words)], [], [1, 1, *sizes(random, rank, 1, 10)], opset


def weights(shape: list[int]) -> onnx.TensorProto:
    values = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    return helper.make_tensor("w", 1, shape, values.reshape(-1).tolist())


def conv(random: Random) -> Graph:
    rank, channels = random.choice([1, 1, 2]), random.choice([1, 2])
    kernel, groups = sizes(random, rank, 1, 3), random.choice([1, channels])
    words = window(random, rank, [9] * rank, 3) | {"group": groups}
    shape = [1, channels, *sizes(random, rank, 1, 9)]
    node = helper.make_node("Conv", ["x", "w"], ["y"], **words)
    return [node], [weights([2 * groups, channels // groups, *kernel])], shape, random.choice([7, 11, 22])


def conv_transpose(random: Random) -> Graph:
    rank, channels = random.choice([1, 1, 2]), random.choice([1, 2])
    kernel, groups = sizes(random, rank, 1, 4), random.choice([1, channels])
    words = window(random, rank, [9] * rank, 2) | {"group": groups}
    if random.random() < 0.3:
        words["output_padding"] = sizes(random, rank, 0, 2)
    if random.random() < 0.3:
        words["output_shape"] = sizes(random, rank, 1, 20)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], **words)
    return [node], [weights([channels, 2, *kernel])], [1, channels, *sizes(random, rank, 1, 5)], random.choice([11, 22])


def scan(random: Random) -> Graph:
    rank = random.choice([1, 2, 3])
    words: dict[str, Any] = {name: random.randint(0, 1) for name in ("exclusive", "reverse")}
    axis = helper.make_tensor("axis", 7, [], [random.randint(-rank, rank - 1)])
    return [helper.make_node("CumSum", ["x", "axis"], ["y"], **words)], [axis], sizes(random, rank, 1, 5), 14


def pad(random: Random) -> Graph:
    rank = random.choice([1, 2])
    node = helper.make_node("Pad", ["x", "pads"], ["y"], mode=random.choice(["constant", "reflect", "edge", "wrap"]))
    return [node], [integers("pads", sizes(random, 2 * rank, -3, 4))], sizes(random, rank, 1, 6), 19


def crop(random: Random) -> Graph:
    rank = random.choice([1, 2, 3])
    axes = random.sample(range(rank), random.randint(1, rank))
    node = helper.make_node("CenterCropPad", ["x", "size"], ["y"], axes=[a - random.choice([0, rank]) for a in axes])
    return [node], [integers("size", sizes(random, len(axes), 1, 8))], sizes(random, rank, 1, 6), 18


def blocks(random: Random) -> Graph:
    block, n = random.choice([1, 2, 3]), sizes(random, 4, 1, 2)
    if random.random() < 0.5:
        shape = [n[0], n[1] * block * block, n[2], n[3]]
        node = helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=block, mode=random.choice(["DCR", "CRD"]))
    else:
        shape = [n[0], n[1], n[2] * block, n[3] * block]
        node = helper.make_node("SpaceToDepth", ["x"], ["y"], blocksize=block)
    return [node], [], shape, 13


def columns(random: Random) -> Graph:
    image, block, rank = sizes(random, 2, 2, 5), sizes(random, 2, 1, 2), 2
    words: dict[str, Any] = {"strides": sizes(random, 2, 1, 3), "dilations": sizes(random, 2, 1, 2)}
    words["pads"] = sizes(random, 4, 0, 2)
    count = 1
    for k in range(rank):
        room = image[k] + words["pads"][k] + words["pads"][2 + k] - words["dilations"][k] * (block[k] - 1) - 1
        count *= max(room // words["strides"][k] + 1, 1)
    node = helper.make_node("Col2Im", ["x", "image", "block"], ["y"], **words)
    return [node], [integers("image", image), integers("block", block)], [1, block[0] * block[1], count], 18


def neighbours(random: Random) -> Graph:
    node = helper.make_node("LRN", ["x"], ["y"], size=random.choice([1, 3, 5, 7]), alpha=0.5, bias=1.0)
    return [node], [], [1, random.randint(1, 6), 1, 2], 13


MAKERS = (pool, conv, conv_transpose, scan, pad, crop, blocks, columns, neighbours)
RESIDUE: dict[Callable[[Random], Graph], float] = {neighbours: 1e-3}


def check(make: Callable[[Random], Graph], seeds: range, folder: Path) -> int:
    return sum(
        agrees(model(*make(Random(seed))), folder, f"{make.__name__} {seed}", RESIDUE.get(make, 0.0)) for seed in seeds
    )


@pytest.mark.parametrize("make", MAKERS)
def test_random_windows(make: Callable[[Random], Graph], tmp_path: Path) -> None:
    assert check(make, range(160), tmp_path) > 50


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("make", MAKERS)
def test_many_random_windows(make: Callable[[Random], Graph], tmp_path: Path) -> None:
    assert check(make, range(160, 12_000), tmp_path) > 3_000


def length(folder: Path, op: str, n: int, kernel: int, **words: Any) -> int:
    """The output's length as striate reads it, which onnxruntime must share."""
    transposed = op == "ConvTranspose"
    constants = [weights([1, 1, kernel])] if transposed else []
    if not transposed:
        words["kernel_shape"] = [kernel]
    node = helper.make_node(op, ["x", "w"] if transposed else ["x"], ["y"], **words)
    wanted = model([node], constants, [1, 1, n], 22)
    assert agrees(wanted, folder, (op, words))
    return read(wanted, folder).shapes["y"][2]


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_valid_pools_round_up(op: str, tmp_path: Path) -> None:
    assert length(tmp_path, op, 6, 3, strides=[2], auto_pad="VALID", ceil_mode=1) == 3
    assert length(tmp_path, op, 6, 3, strides=[2], auto_pad="VALID") == 2
    assert length(tmp_path, op, 2, 4, strides=[3]) == 1


def test_transposed_same_below_the_stride(tmp_path: Path) -> None:
    for auto in ("SAME_UPPER", "SAME_LOWER"):
        assert length(tmp_path, "ConvTranspose", 4, 1, strides=[2], auto_pad=auto) == 7
        assert length(tmp_path, "ConvTranspose", 4, 3, strides=[2], auto_pad=auto) == 8


def test_an_exclusive_scan_leaves_its_own_element_out(tmp_path: Path) -> None:
    node = helper.make_node("CumSum", ["x", "axis"], ["y"], exclusive=1)
    wanted = model([node], [helper.make_tensor("axis", 7, [], [0])], [4], 14)
    assert agrees(wanted, tmp_path, "exclusive")
    (step, _) = read(wanted, tmp_path).results[0].outputs[0].reads[0][0]
    assert isinstance(step, Along)
    assert [step.map.reads(i) for i in range(4)] == [(), (0,), (1,), (2,)]


@pytest.mark.parametrize("words", [{"strides": [0]}, {"dilations": [0]}, {"kernel_shape": [0]}, {"auto_pad": "SAME"}])
def test_windows_that_no_pool_has(words: Words, tmp_path: Path) -> None:
    given: dict[str, Any] = {"kernel_shape": [2]} | words
    wanted = model([helper.make_node("MaxPool", ["x"], ["y"], **given)], [], [1, 1, 5], 12)
    with pytest.raises(StriateError):
        read(wanted, tmp_path)


def test_the_oracle_notices_a_window_more(tmp_path: Path) -> None:
    one = model([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2])], [], [1, 1, 5], 12)
    other = model([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3])], [], [1, 1, 6], 12)
    x = np.ones((1, 1, 5), np.float32)
    assert moved(session(one), x, 0.0).shape == (4, 5)
    assert (moved(session(one), x, 0.0).sum(1) == 2).all()
    assert moved(session(other), np.ones((1, 1, 6), np.float32), 0.0).sum(1).tolist() == [3] * 4
