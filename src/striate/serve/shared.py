"""One layer with its weights shared, local, or dense: what it costs, and whether its map shifts with the picture."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypedDict

import numpy as np

from striate.conv import explain
from striate.errors import InputError
from striate.serve.given import Given, Numbers
from striate.serve.kernel import Kernel
from striate.serve.lines import Lines, sharing_code
from striate.serve.matrix import MOST_ENTRIES, matrix_of

SEED = 0


class SharingDocument(TypedDict):
    """``input`` and the same moved down and right by the stride; ``ways`` say what each layer makes of the two.

    ``follows`` says of each output but those of the first row and column whether it is the one before it moved along;
    None where a border, which does not move, is read.
    """

    input: list[list[float]]
    moved: list[list[float]]
    stride: list[int]
    ways: list[dict[str, Any]]
    code: Lines


def sharing(given: Given) -> SharingDocument:
    """The layer as a convolution, locally connected, and dense, with as many outputs; one channel is shown.

    Weights that are not shared are drawn at random, the same at each call. Multiply-adds count taps in the padding.
    """
    kernel = Kernel.of(given)
    if kernel.transposed:
        raise InputError("sharing is shown of convolutions that are not transposed")
    output = kernel.output
    if output.size * kernel.x.size > MOST_ENTRIES:
        raise InputError(f"a dense layer of {output.size:,} x {kernel.x.size:,} is too large to show")
    part = explain(
        kernel.x, kernel.weight, kernel.bias, kernel.stride, kernel.padding, kernel.dilation, kernel.groups,
        padding_mode=kernel.padding_mode, at=(0, 0, 0),
    )  # fmt: skip
    moved = _moved(kernel.x, kernel.stride)
    shared = matrix_of(kernel, kernel.weight, output.shape)
    seen = matrix_of(kernel, np.ones_like(kernel.weight), output.shape) != 0
    drawn = np.random.default_rng(SEED).integers(-2, 3, shared.shape).astype(float)
    taps = kernel.weight[0].size
    ways = (
        ("convolution", shared, part.parameters, output.size * taps),
        ("local", np.where(seen, drawn, 0), part.local_parameters, output.size * taps),
        ("dense", drawn, part.dense_parameters, output.size * kernel.x.size),
    )
    return {
        "input": kernel.x[0].tolist(),
        "moved": moved[0].tolist(),
        "stride": list(kernel.stride),
        "ways": [_way(name, table, kernel, moved, output.shape, counts) for name, table, *counts in ways],
        "code": sharing_code(kernel, SEED),
    }


def _way(
    name: str, table: Numbers, kernel: Kernel, moved: Numbers, shape: tuple[int, ...], counts: list[int]
) -> dict[str, Any]:
    before, after = ((table @ x.ravel()).reshape(shape)[0] for x in (kernel.x, moved))
    rows, columns = (_inside(kernel, axis, units) for axis, units in enumerate(shape[1:]))
    same = after[1:, 1:] == before[:-1, :-1]
    follows = [[bool(same[y, x]) if a and b else None for x, b in enumerate(columns)] for y, a in enumerate(rows)]
    return {
        "way": name,
        "map": before.tolist(),
        "moved": after.tolist(),
        "follows": follows,
        "parameters": counts[0],
        "multiply_adds": counts[1],
    }


def _inside(kernel: Kernel, axis: int, units: int) -> list[bool]:
    """Of each unit but the first of an axis, whether it and the one before it read pixels alone."""
    n = kernel.x.shape[1 + axis]
    places, _ = kernel.taps(axis, units)
    inside = [all(place is not None and 0 <= place < n for place in taps) for taps in places]
    return [here and before for before, here in pairwise(inside)]


def _moved(x: Numbers, stride: tuple[int, int]) -> Numbers:
    """The input moved down and right by the stride; what comes in is zero."""
    padded = np.pad(x, ((0, 0), (stride[0], 0), (stride[1], 0)))
    return padded[:, : x.shape[1], : x.shape[2]]
