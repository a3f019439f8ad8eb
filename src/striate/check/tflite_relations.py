"""What one operation of a TFLite twin reads, as LiteRT itself tells when it runs that operation alone.

An operator that treats its axes one by one is asked axis by axis, with every line lit by itself; one that only moves
elements is given them numbered. No formula for windows, pads or indices stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.check.tflite_graph import Added
from striate.check.turned import Array, Back, Bools, Lines, along_axes, fold, spread, taken
from striate.errors import UnsupportedError
from striate.network.relation import Shape

POINTWISE = frozenset({"ADD", "ADD_N", "MAXIMUM", "RELU", "SIGN"})
REDUCING = frozenset({"MEAN", "REDUCE_MAX", "SUM"})
MOVES = frozenset({
    "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "FILL", "GATHER",
    "MIRROR_PAD", "PACK", "PAD", "PADV2", "RESHAPE", "REVERSE_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH",
    "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK",
})  # fmt: skip
CONVOLUTIONS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "CONV_3D": 0, "TRANSPOSE_CONV": 1}
"""Convolutions, and the axis of their weight at which the taps begin."""
POOLS = frozenset({"AVERAGE_POOL_2D", "L2_POOL_2D", "MAX_POOL_2D"})
RESIZES = frozenset({"RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"})
LETTERS = ("D", "H", "W")
WORDS = {"H": "Height", "W": "Width"}
EXACT = 1 << 24
"""The numbers below which float32 holds every whole one."""

Alone = Callable[[Added, Sequence[Array], Sequence[bool]], list[Array]]
"""Runs an operation on some inputs, of which some are data and the others constants."""


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """An operation of a twin: which inputs carry data, all shapes, and the values of inputs that are integers."""

    added: Added
    data: tuple[bool, ...]
    shapes: tuple[Shape, ...]
    made: tuple[Shape, ...]
    values: tuple[Array | None, ...]

    def key(self) -> tuple[Any, ...]:
        """Equal for operations that read alike."""
        values = tuple(None if value is None else value.tobytes() for value in self.values)
        return self.added.told, self.data, self.shapes, self.made, values


def backwards(known: Known, alone: Alone) -> Back:
    """The operation turned round; raises UnsupportedError where it is not one of these."""
    op = known.added.op
    if op in POINTWISE:
        return _pointwise(known)
    if op in REDUCING:
        return spread(_kept(known), known.shapes[0], len(known.data))
    if op in MOVES:
        return _moving(known, alone)
    if op == "FULLY_CONNECTED":
        return _dense(known)
    if op in CONVOLUTIONS or op in POOLS:
        place = known.data.index(True)
        return along_axes(_window_lines(known, place, alone), len(known.data), place)
    if op in RESIZES:
        return along_axes(_resize_lines(known, alone), len(known.data))
    if op == "CUMSUM":
        return along_axes(_running_lines(known, alone), len(known.data))
    raise UnsupportedError(f"{op} is not followed backwards")


def reduced(known: Known) -> set[int]:
    """The axes that a reduction leaves one of, or none."""
    axes, rank = known.values[1], len(known.shapes[0])
    assert axes is not None
    return {int(axis) % rank for axis in axes.reshape(-1)}


def _kept(known: Known) -> Shape:
    gone = reduced(known)
    return tuple(1 if k in gone else n for k, n in enumerate(known.shapes[0]))


def _pointwise(known: Known) -> Back:
    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        (of,) = asked
        assert of is not None
        return [fold(of, shape) if carries else None for carries, shape in zip(known.data, known.shapes, strict=True)]

    return back


def _dense(known: Known) -> Back:
    """Of a row of outputs the whole row of inputs, for no weight is zero."""
    shape, width = known.shapes[0], known.shapes[1][1]

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        (of,) = asked
        assert of is not None
        rows = np.asarray(of.reshape(-1, known.shapes[1][0]).any(axis=1, keepdims=True))
        found = np.broadcast_to(rows, (len(rows), width)).reshape(shape)
        return [found, *[None] * (len(known.data) - 1)]

    return back


def _moving(known: Known, alone: Alone) -> Back:
    """Every element numbered from 1: the outputs say which they took, 0 for none."""
    inputs, first = [], 1
    for carries, shape, value in zip(known.data, known.shapes, known.values, strict=True):
        size = int(np.prod(shape))
        if carries:
            inputs.append(np.arange(first, first + size, dtype=np.float32).reshape(shape))
            first += size
        else:
            inputs.append(np.zeros(shape, np.float32) if value is None else value)
    if first > EXACT:
        raise UnsupportedError(f"{known.added.op} moves more elements than are followed backwards")
    numbers = [made.astype(np.int64) for made in alone(known.added, inputs, known.data)]
    return taken(numbers, [shape if carries else None for carries, shape in zip(known.data, known.shapes, strict=True)])


def _window_lines(known: Known, place: int, alone: Alone) -> Lines:
    """The same operator on one axis alone, and a convolution on its channels alone."""
    shape, out, convolution = known.shapes[place], known.made[0], known.added.op in CONVOLUTIONS
    found = {}
    for axis in range(1, len(shape) - 1):
        lit = np.eye(shape[axis], dtype=np.float32).reshape([shape[axis], *_only(shape, axis)])
        taps = [_taps(known, axis)] if convolution else []
        sizes = np.array([shape[axis], *_only(out, axis)], np.int32)
        (made,) = _window(known, lit, taps, sizes, _on(known, axis), alone)
        found[axis] = made.reshape(shape[axis], out[axis]) > 0
    if convolution:
        channels, last, spots = shape[-1], len(shape) - 1, (1,) * (len(shape) - 2)
        begin = CONVOLUTIONS[known.added.op]
        weight = list(known.shapes[1])
        weight[begin : begin + len(spots)] = spots
        lit = np.eye(channels, dtype=np.float32).reshape(channels, *spots, channels)
        sizes = np.array([channels, *spots, out[-1]], np.int32)
        (made,) = _window(known, lit, [np.ones(weight, np.float32)], sizes, _on(known, 0), alone)
        found[last] = made.reshape(channels, out[-1]) > 0
    return found


def _window(
    known: Known, lit: Array, taps: list[Array], sizes: Array, options: Any, alone: Alone
) -> list[Array]:
    """A convolution or a pool of some lines; a transposed one is told the size of what it makes first."""
    added = Added(known.added.op, (), known.added.outputs, options, known.added.version)
    if known.added.op == "TRANSPOSE_CONV":
        return alone(added, [sizes, *taps, lit], [False, False, True])
    dark = [np.zeros(sizes[-1], np.float32) for _ in taps]
    return alone(added, [lit, *taps, *dark], [True, *(False for _ in taps + dark)])


def _only(shape: Shape, axis: int) -> list[int]:
    """The sizes behind the batch, 1 along all axes but one."""
    return [n if k == axis else 1 for k, n in enumerate(shape)][1:]


def _taps(known: Known, axis: int) -> Array:
    begin, weight = CONVOLUTIONS[known.added.op], known.shapes[1]
    place = begin + axis - 1
    return np.ones([n if k == place else 1 for k, n in enumerate(weight)], np.float32)


def _on(known: Known, axis: int) -> Any:
    """The options with the steps of one axis alone, none for axis 0; the channels of a line are one."""
    options, letters = copy(known.added.options), LETTERS[-(len(known.made[0]) - 2) :]
    for k, letter in enumerate(letters, start=1):
        if k != axis:
            for name in (f"stride{letter}", f"dilation{letter}Factor", f"filter{WORDS.get(letter, letter)}"):
                if hasattr(options, name):
                    setattr(options, name, 1)
    if axis and hasattr(options, "depthMultiplier"):
        options.depthMultiplier = 1
    return options


def _resize_lines(known: Known, alone: Alone) -> Lines:
    """Rows and columns, each line as a channel of its own."""
    shape, out, found = known.shapes[0], known.made[0], {}
    for axis in (1, 2):
        size, spots = shape[axis], [n if k == axis else 1 for k, n in enumerate(shape)][:3]
        lit = np.eye(size, dtype=np.float32).reshape(*spots, size)
        sizes = np.array([out[1] if axis == 1 else 1, out[2] if axis == 2 else 1], np.int32)
        (made,) = alone(known.added, [lit, sizes], [True, False])
        found[axis] = made.reshape(out[axis], size).T > 0
    return found


def _running_lines(known: Known, alone: Alone) -> Lines:
    axis, shape = known.values[1], known.shapes[0]
    assert axis is not None
    at = int(axis.reshape(-1)[0]) % len(shape)
    (made,) = alone(known.added, [np.eye(shape[at], dtype=np.float32), np.array(1, np.int32)], [True, False])
    return {at: made > 0}
