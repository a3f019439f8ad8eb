"""The twin of a TFLite model: the file's own bytes with other weights, run by LiteRT.

Weights of sums become one positive number, all other constants zero, products and differences sums, and what would
answer to darkness (a logistic function, an exponential) a rectifier. Every value is then at least zero, and a unit is
above zero exactly when one of the pixels it reads is lit. Windows, pads, slices and resizes stay as the file has them.
A weight is one over its input channels and the square root of its taps, so that values neither vanish nor overflow in
float32 for some seventy layers of 3x3.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import UnsupportedError
from striate.fields.unit import unit_sizes
from striate.formats.tflite import Reading
from striate.formats.tflite.litert import LiteRtRunner
from striate.formats.tflite.schema import Graph, load_graph, rename

Target = tuple[str, tuple[int, ...]]
Shape = tuple[int, ...]

WEIGHTED = {
    "CONV_2D": (0, 3), "DEPTHWISE_CONV_2D": (3,), "CONV_3D": (4, 3), "TRANSPOSE_CONV": (0, 3), "FULLY_CONNECTED": (0, 1)
}  # fmt: skip
"""Operators with a weight as their second input: its axis of channels out, and that of channels in where it has one."""
RENAMED = {
    "MUL": "ADD", "DIV": "ADD", "SUB": "ADD", "SQUARED_DIFFERENCE": "ADD", "MINIMUM": "MAXIMUM", "REDUCE_MIN": "SUM",
    "REDUCE_PROD": "SUM", "LOGISTIC": "RELU", "EXP": "RELU", "NEG": "RELU", "RSQRT": "RELU", "LOG": "RELU",
    "COS": "RELU", "SIN": "RELU", "FLOOR": "RELU", "ROUND": "RELU", "CEIL": "RELU",
}  # fmt: skip
KEPT = frozenset({
    "ABS", "ADD", "ADD_N", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION",
    "DEPTH_TO_SPACE", "DEQUANTIZE", "ELU", "EXPAND_DIMS", "GATHER", "GELU", "HARD_SWISH", "L2_POOL_2D",
    "LEAKY_RELU", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MIRROR_PAD", "PACK", "PAD", "PADV2", "PRELU", "REDUCE_MAX",
    "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2", "SHAPE", "SIGN", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT",
    "SQUARE", "SQUEEZE", "STRIDED_SLICE", "SUM", "TANH", "TILE", "TRANSPOSE", "UNPACK",
})  # fmt: skip
"""Operators that are above zero exactly where something they read is, of values that are at least zero."""
FLOATS = ("FLOAT32", "FLOAT16")
UNTOUCHED = ("INT32", "INT64")


class TfliteTwin:
    """The twin of a model; ``tensors`` are the names it knows, all of them ``visible``, ``outputs`` the model's."""

    def __init__(self, content: bytes, reading: Reading, source: str) -> None:
        self._source, self._network = source, reading.network
        self.tensors = self.visible = set(reading.places)
        self.outputs = list(reading.network.outputs)
        self.passes = 0
        self._watching: list[Target] = []
        self._lines: list[str] = []
        self._run = LiteRtRunner(bytes(_rewritten(content)), reading)
        self.runtime = self._run.name

    def build(self, tensors: Sequence[str]) -> dict[str, Shape]:
        """The runtime's own shape of some tensors."""
        found = self._values(np.zeros(self._network.shapes[self._source], np.float32), tensors)
        for name, value in zip(tensors, found, strict=True):
            if value.any():
                raise UnsupportedError(f"check has no twin for this file: {name!r} is not dark where its input is")
        return {name: value.shape for name, value in zip(tensors, found, strict=True)}

    def watch(self, targets: Sequence[Target]) -> None:
        """Choose the units that ``responds`` speaks of from now on, each inside the shape of its tensor."""
        self._watching = list(targets)

    def watch_lines(self, tensors: Sequence[str]) -> None:
        """Choose the tensors all of whose units ``lines`` speaks of from now on."""
        self._lines = list(tensors)

    def responds(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.bool_]:
        """Which targets are above 0 when the source is 1 at ``pixels`` (over its spatial ``axes``) and 0 elsewhere."""
        names = list(dict.fromkeys(tensor for tensor, _ in self._watching))
        values = dict(zip(names, self._values(self._lit(pixels, axes), names), strict=True))
        return np.array([bool(units_of(values[tensor], at).any()) for tensor, at in self._watching])

    def lines(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> list[NDArray[np.bool_]]:
        """As ``responds``, for every unit of the tensors chosen: one array over their units each."""
        found = self._values(self._lit(pixels, axes), self._lines)
        return [(v != 0).any(axis=tuple(range(v.ndim - len(unit_sizes(v.shape))))) for v in found]

    def reads(self, tensor: str, at: Sequence[int], axes: Sequence[int], *, local: bool = False) -> NDArray[np.bool_]:
        """Raises UnsupportedError: LiteRT has no pass backward."""
        raise UnsupportedError("LiteRT has no pass backward")

    def close(self) -> None:
        """Give back the twin's memory; it answers no more."""
        del self._run

    def _lit(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.float32]:
        shape = self._network.shapes[self._source]
        place = [n if axis in axes else 1 for axis, n in enumerate(shape)]
        return np.broadcast_to(pixels.reshape(place), shape).astype(np.float32)

    def _values(self, image: NDArray[np.float32], tensors: Sequence[str]) -> list[NDArray[np.float32]]:
        self.passes += 1
        dark = {name: np.zeros(self._network.shapes[name], np.float32) for name in self._network.inputs}
        made = self._run.run({**dark, self._source: image}, tensors)
        return [made[name] for name in tensors]


def units_of(values: NDArray[Any], at: Sequence[int]) -> NDArray[Any]:
    """All batches and channels of a unit; one index for every trailing axis."""
    index: list[slice | int] = [slice(None)] * (values.ndim - len(at)) + list(at)
    return np.asarray(values[tuple(index)])


def _rewritten(content: bytes) -> bytearray:
    """A copy of a file with the twin's weights and operators."""
    changed = bytearray(content)
    graph = load_graph(changed)
    for operation in graph.operations:
        if operation.op not in KEPT and operation.op not in RENAMED and operation.op not in WEIGHTED:
            name = graph.tensors[operation.outputs[0]].name
            raise UnsupportedError(f"check has no twin for {operation.op} (tensor {name!r})")
        if operation.op in RENAMED and graph.tensors[operation.outputs[0]].kind in UNTOUCHED:
            raise UnsupportedError(f"check has no twin for {operation.op} of integers, which compute a shape")
    for tensor in graph.tensors:
        if tensor.data is not None and tensor.kind in FLOATS:
            tensor.data[:] = bytes(len(tensor.data))
        elif tensor.kind not in (*FLOATS, *UNTOUCHED):
            raise UnsupportedError(f"check has no twin for {tensor.kind} (tensor {tensor.name!r})")
    for operation in graph.operations:
        if operation.op in WEIGHTED:
            _light(graph, operation.inputs[1], WEIGHTED[operation.op])
    for word, code in graph.codes:
        if word in RENAMED:
            rename(code, RENAMED[word])
    return changed


def _light(graph: Graph, k: int, axes: tuple[int, ...]) -> None:
    """Give a weight its positive number, where the file keeps it."""
    shape = graph.tensors[k].shape
    while graph.tensors[k].data is None:
        k = next((o.inputs[0] for o in graph.operations if o.outputs == (k,) and o.op == "DEQUANTIZE"), -1)
        if k < 0:
            raise UnsupportedError("check has no twin for a weight that data makes")
    tensor = graph.tensors[k]
    channels = shape[axes[1]] if len(axes) > 1 else 1
    taps = prod(n for axis, n in enumerate(shape) if axis not in axes)
    if tensor.data is not None:
        tensor.data[:] = np.full(prod(shape), 1 / (channels * sqrt(taps)), tensor.dtype).tobytes()
