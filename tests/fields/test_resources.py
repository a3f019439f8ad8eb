"""Time and memory of the analysis, measured in a process of its own."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.oracle import Builder

from striate.fields import Fields
from striate.fields.pieces import Piece
from striate.network import Network

SCRIPT = """
import resource, sys, time
from types import ModuleType
import torch
sys.modules["torchvision._meta_registrations"] = ModuleType("x")
import torchvision, striate
from striate.formats.torch import reader
module = torchvision.models.resnet152(weights=None)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
fields = striate.load(module, (1, 3, 224, 224)).fields()
sizes = [fields[name].axes["width"].size for name in fields]
print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, len(sizes))
"""


def test_resnet152_takes_little_time_and_memory() -> None:
    """Bounds four times the targets in time, for busy machines, and the target itself in memory."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True)
    seconds, megabytes, layers = map(float, done.stdout.split())
    assert layers > 500
    assert seconds < 2
    assert megabytes < 200


def conv(b: Builder, x: str, stride: int = 1, channels: int = 8) -> str:
    rank = len(b.shapes[x]) - 2
    window: dict[str, Any] = {"kernel": (3,) * rank, "stride": (stride,) * rank, "padding": ((1, 1),) * rank}
    return b("conv", x, out_channels=channels, **window)


def block(b: Builder, x: str) -> str:
    """Attention of tokens (batch, tokens, 8) in two heads whose weights are mixed before and after the softmax."""
    tokens = b.shapes[x][1]
    heads = b("transpose", b("reshape", b("linear", x, out_features=8), shape=(1, tokens, 2, 4)), order=(0, 2, 1, 3))
    weights = b("matmul", heads, b("transpose", heads, order=(0, 1, 3, 2)))
    weights = b("mix", b("linear", weights, out_features=2, axis=1), axes=(3,))
    mixed = b("matmul", b("linear", weights, out_features=2, axis=1), heads)
    return b("elementwise", x, b("reshape", b("transpose", mixed, order=(0, 2, 1, 3)), shape=(1, tokens, 8)))


def transformer(side: int, blocks: int) -> Network:
    b = Builder(1, 3, side, side)
    count = (side // 4) ** 2
    x = b("conv", "image", out_channels=8, kernel=(4, 4), stride=(4, 4))
    x = b("transpose", b("reshape", x, shape=(1, 8, count)), order=(0, 2, 1))
    x = b("concat", b("constant", x, shape=(1, 1, 8)), x, axis=1)
    for _ in range(blocks):
        x = block(b, x)
    return b.network()


def many_paces(count: int) -> Network:
    """Products of all pairs of ``count`` sums, of samples that stand one, two, three, four and five apart."""
    b = Builder(1, 8, 5 * count)
    steps = [b("slice", "image", axes=(2,), starts=(0,), counts=(count,), steps=(step,)) for step in range(1, 6)]
    x = b("elementwise", *steps)
    b("elementwise", b("matmul", b("transpose", x, order=(0, 2, 1)), x))
    return b.network()


def writes(side: int, count: int) -> Network:
    """Small squares of an image written one by one into zeros, as torch's slice assignments are read."""
    b = Builder(1, 8, side, side)
    x = conv(b, "image")
    y = b("constant", x, shape=(1, 8, side, side))
    for k in range(count):
        top, left = k * 7 % (side - 9) + 1, k * 13 % (side - 9) + 1
        part = b("slice", x, axes=(2, 3), starts=(top, left), counts=(8, 8), steps=(1, 1))
        rows = b("slice", y, axes=(2,), starts=(top,), counts=(8,), steps=(1,))
        before = b("slice", rows, axes=(3,), starts=(0,), counts=(left,), steps=(1,))
        behind = b("slice", rows, axes=(3,), starts=(left + 8,), counts=(side - left - 8,), steps=(1,))
        above = b("slice", y, axes=(2,), starts=(0,), counts=(top,), steps=(1,))
        below = b("slice", y, axes=(2,), starts=(top + 8,), counts=(side - top - 8,), steps=(1,))
        y = b("concat", above, b("concat", before, part, behind, axis=3), below, axis=2)
    return b.network()


def dense(layers: int, side: int = 16) -> Network:
    """Every layer reads all layers before it, side by side."""
    b = Builder(1, 8, side, side)
    parts = ["image"]
    for _ in range(layers):
        parts.append(conv(b, b("concat", *parts, axis=1) if len(parts) > 1 else "image"))
    return b.network()


def answered(network: Network) -> tuple[Fields, int, int]:
    """The fields after every layer was asked for; the bytes held then, and the most that were held."""
    _ = network.results
    tracemalloc.start()
    try:
        fields = Fields(network)
        for name in fields:
            _ = fields[name]
        gc.collect()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return fields, held, peak


def forms(fields: Fields) -> Iterator[Piece]:
    return (one.form for name in fields for table in fields.tables(name) for one in table.group.forms)


def test_attention_holds_no_table_of_queries_by_keys() -> None:
    _, _, peak = answered(transformer(96, 2))
    assert peak < 4_000_000
    fields, _, peak = answered(many_paces(600))
    assert peak < 1_000_000
    assert max(form.lo.size for form in forms(fields)) <= 600


def test_blocks_that_see_the_same_share_their_tables() -> None:
    few, many = (answered(transformer(64, blocks)) for blocks in (4, 24))
    assert len(set(forms(many[0]))) == len(set(forms(few[0])))
    assert many[1] - few[1] < 20 * 12 * 4_000


def test_slices_written_one_by_one_keep_no_table_each() -> None:
    side, count = 192, 60
    _, held, peak = answered(writes(side, count))
    tables = count * 2 * 2 * 8 * side * side
    assert peak < tables / 4
    assert held < tables / 6


def test_parts_of_a_concatenation_take_no_map_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def spread(values: np.ndarray, *others: object) -> np.ndarray:
        calls.append(values.size)
        return values

    monkeypatch.setattr("striate.fields.sliding.spread", spread)
    answered(dense(30))
    assert not calls


@pytest.mark.parametrize("side", [64, 100_000])
def test_no_array_grows_with_the_image(side: int) -> None:
    b = Builder(1, 8, side, side)
    x = conv(b, conv(b, conv(b, "image", 2)), 2)
    x = b("elementwise", x, b("reduce", x, axes=(2, 3)))
    fields, _, peak = answered(b.network())
    assert max(form.lo.size for form in forms(fields)) == 1
    assert peak < 300_000


def test_a_hull_among_ten_million_samples_lays_no_table_of_them() -> None:
    b = Builder(1, 1, 10_000_000)
    x = "image"
    for _ in range(6):
        x = conv(b, x, 2)
    mean = b("reduce", x, axes=(2,))
    fields = Fields(b.network())
    assert peak_of(lambda: fields.hull(x, (80_000,))) < 100_000
    assert peak_of(lambda: fields.hull(x, (0,))) < 100_000
    assert peak_of(lambda: fields.hull(mean, (0,))) < 40_000_000


def peak_of(ask: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        ask()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
