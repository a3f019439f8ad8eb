"""The law over operators that images seldom meet: any rank, masks, tokens, time, folds, products."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from support.crops import check, random_box

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.geometry import Border, Box, Coordinates, Interpolation
from striate.network import Builder
from striate.network.operators import (
    Attention,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Einsum,
    Elementwise,
    Expand,
    Fold,
    Gather,
    Index,
    Linear,
    Mask,
    Masked,
    MatMul,
    Mix,
    Operator,
    Pad,
    Places,
    Pool,
    Recurrent,
    Reduce,
    Reshape,
    Resize,
    Scan,
    Select,
    Slice,
    Stft,
    Tile,
    Transform,
    Transpose,
    Unbind,
    Unfold,
)

Made = tuple[Operator, list[str]]


def mask(random: Random, *shape: int) -> Mask:
    return Mask.of(np.random.default_rng(random.randrange(10**6)).random(shape) < 0.6)


def any_conv(r: Random, b: Builder) -> Made:
    n = len(b.shapes["x"]) - 2
    kernel, pads = tuple(r.randint(1, 3) for _ in range(n)), tuple((r.randint(0, 2), r.randint(0, 2)) for _ in range(n))
    border = r.choice([Border.ZERO, Border.ZERO, Border.REPLICATE, Border.REFLECT, Border.CIRCULAR])
    return Conv(kernel, tuple(r.randint(1, 2) for _ in range(n)), padding=pads, out_channels=2, border=border), ["x"]


def any_pool(r: Random, b: Builder) -> Made:
    n = len(b.shapes["x"]) - 2
    kernel = tuple(r.randint(1, 3) for _ in range(n))
    pads = tuple((k // 2, k // 2) for k in kernel)
    return Pool(kernel, tuple(r.randint(1, 3) for _ in range(n)), padding=pads, ceil=r.random() < 0.5), ["x"]


def any_transposed(r: Random, b: Builder) -> Made:
    n = len(b.shapes["x"]) - 2
    stride = tuple(r.randint(1, 3) for _ in range(n))
    extra = tuple(r.randint(0, s - 1) for s in stride)
    kernel = tuple(r.randint(1, 3) for _ in range(n))
    return ConvTranspose(kernel, stride, out_channels=2, output_padding=extra), ["x"]


def any_resize(r: Random, b: Builder) -> Made:
    n = len(b.shapes["x"])
    axes = tuple(range(2, n))
    mode = r.choice(list(Interpolation))
    coordinates = r.choice([word for word in Coordinates if word is not Coordinates.TF_CROP_AND_RESIZE])
    size = tuple(r.randint(1, 7) for _ in axes)
    filtered = mode is not Interpolation.NEAREST and r.random() < 0.5
    return Resize(axes, size, mode, coordinates, antialias=filtered, exclude_outside=r.random() < 0.5), ["x"]


def attention(r: Random, b: Builder) -> Made:
    tokens = b.shapes["x"][-2]
    q = b.add(Linear(3), "x")
    keep = r.choice([None, mask(r, tokens, tokens), Mask.of(np.tril(np.ones((tokens, tokens), bool)))])
    return Attention(keep), [q, b.add(Linear(3), "x"), b.add(Linear(2), "x")]


def product(r: Random, b: Builder) -> Made:
    tokens, features = b.shapes["x"][-2:]
    order = (*range(len(b.shapes["x"]) - 2), len(b.shapes["x"]) - 1, len(b.shapes["x"]) - 2)
    left = r.choice([None, mask(r, tokens, features)])
    right = r.choice([None, mask(r, features, tokens)])
    return MatMul(left, right, left is not None and r.random() < 0.5), ["x", b.add(Transpose(order), "x")]


def einsum(r: Random, b: Builder) -> Made:
    letters = "abcde"[: len(b.shapes["x"])]
    y = letters[:-2] + "z" + letters[-1]
    keep = r.choice([None, mask(r, b.shapes["x"][-2], b.shapes["x"][-1])])
    equation = f"{letters},{y}->{letters[:-1]}z"
    return Einsum(equation, keep, rows=letters[-2], columns=letters[-1]) if keep else Einsum(equation), ["x", "x"]


def fold(r: Random, b: Builder) -> Made:
    x = b.shapes["x"]
    if len(x) != 4:
        return Elementwise(), ["x"]
    kernel, stride = (r.randint(1, 3), r.randint(1, 2)), (r.randint(1, 3), r.randint(1, 2))
    dilation, pads = (1, r.randint(1, 2)), ((1, 1), (0, 1))
    return Fold(kernel, stride, dilation, pads, size=x[2:]), [b.add(Unfold(kernel, stride, dilation, pads), "x")]


def indexed(r: Random, b: Builder) -> Made:
    n = b.shapes["x"][-1]
    row = np.array([r.randrange(n) for _ in range(4)]).reshape(2, 2)
    last = len(b.shapes["x"]) - 1
    return r.choice([Gather(last, Places.of(row)), Index(last, (Places.of(row),), (2, 2))]), ["x"]


def kept(r: Random, b: Builder) -> Made:
    shape = [r.choice([1, n]) for n in b.shapes["x"]]
    return r.choice([Masked(mask(r, *shape)), Elementwise(keep=(mask(r, *shape),))]), ["x"]


def recurrent(r: Random, b: Builder) -> Made:
    x = b.shapes["x"]
    if len(x) != 3:
        return Scan(len(x) - 1, reverse=r.random() < 0.5, exclusive=r.random() < 0.5), ["x"]
    both, reverse, last = r.random() < 0.3, r.random() < 0.5, r.random() < 0.2
    shape, axes = ((x[0], 2), (None, 0)) if last else ((x[0], x[1], 2), (1, 0))
    return Recurrent(1, 0, (shape,), (axes,), both, reverse and not both), ["x"]


def frames(r: Random, b: Builder) -> Made:
    x = b.shapes["x"]
    row = b.add(Reshape((x[0], int(np.prod(x[1:])))), "x")
    return Stft(r.randint(1, 3), r.randint(1, 2), 2), [row]


def one_of(r: Random, b: Builder) -> Made:
    axis = r.randrange(len(b.shapes["x"]))
    return r.choice([Select(axis, r.randrange(b.shapes["x"][axis])), Unbind(axis)]), ["x"]


def spread(r: Random, b: Builder) -> Made:
    x = b.shapes["x"]
    return r.choice([Expand((2, *x)), Tile(tuple(r.randint(1, 2) for _ in range(len(x) + 1)))]), ["x"]


def along(r: Random, b: Builder) -> Made:
    axis = r.randrange(len(b.shapes["x"]))
    mixed = Transform((axis,), (3,)), Mix((axis,)), Reduce((axis,), keepdims=False), Linear(2, axis=axis)
    return r.choice(mixed), ["x"]


def joined(r: Random, b: Builder) -> Made:
    x = b.shapes["x"]
    axis = r.randrange(len(x))
    table = b.add(Constant(tuple(2 if k == axis else n for k, n in enumerate(x))))
    return Concat(axis), r.sample(["x", table, "x"], 3)


def positions(r: Random, b: Builder) -> Made:
    table = b.constant("table", b.shapes["x"][1:])
    return Elementwise(), ["x", table]


def padded(r: Random, b: Builder) -> Made:
    border = r.choice(list(Border))
    low = 0 if border is Border.CIRCULAR else -1
    return Pad(tuple((r.randint(low, 3), r.randint(low, 3)) if n > 2 else (0, 1) for n in b.shapes["x"]), border), ["x"]


def stepped(r: Random, b: Builder) -> Made:
    axis = r.randrange(len(b.shapes["x"]))
    n, step = b.shapes["x"][axis], r.choice([-2, -1, 1, 2])
    start = r.randrange(n)
    return Slice((axis,), (start,), (len(range(n)[start::step]),), (step,)), ["x"]


MAKERS: tuple[Callable[[Random, Builder], Made], ...] = (
    any_conv, any_pool, any_transposed, any_resize, attention, product, einsum, fold, indexed, kept, recurrent, frames,
    one_of, spread, along, joined, positions, padded, stepped,
)  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("count", [24, pytest.param(1000, marks=pytest.mark.exhaustive)])
def test_operators_of_any_rank(make: Callable[[Random, Builder], Made], count: int) -> None:
    refused = 0
    for seed in range(count):
        random = Random(seed)
        rank = random.randint(1, 3)
        b = Builder("one", x=(random.randint(1, 2), 2, *(random.randint(2, 6 - rank) for _ in range(rank))))
        op, inputs = make(random, b)
        tensor = b.add(op, *inputs, name="made")
        network = b.network()
        node = network.nodes[-1]
        asked = random.choice(node.outputs)
        if 0 in network.shapes[asked]:
            continue
        for _ in range(4):
            box = {asked: random_box(random, network.shapes[asked])}
            try:
                found = crop(network, box)
            except UnsupportedError:
                refused += 1
                continue
            check(found, network, box)
        assert tensor in network.layers
    assert refused < 3 * count if make in (attention, along) else refused == 0


def test_states_that_read_all_of_time_let_a_crop_grow() -> None:
    """As attention does beside a residual: refused by name, and taken whole where that is allowed."""
    b = Builder("sequencer", x=(1, 6, 2))
    states = b.add(Recurrent(1, 0, ((1, 6, 2),), ((1, 0),), both_ways=True), "x", name="states")
    tensor = b.add(Elementwise(), states, "x", name="sum")
    network, box = b.network(), {tensor: Box("0:1,2:3,0:2")}
    with pytest.raises(UnsupportedError, match=r"states .* reads all of axis 1 of x"):
        crop(network, box)
    found = crop(network, box, grow=True)
    assert found.feeds["x"] == Box("0:1,0:6,0:2")
    check(found, network, box)
