"""What one node of a twin reads, as onnxruntime itself tells when it runs that node alone.

An operator that treats its axes one by one is asked axis by axis, with every line lit by itself; one that only moves
elements is given them numbered. No formula for windows, pads or indices stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from striate.check.onnx_graph import attributes
from striate.check.onnx_mixing import CUBIC_ZERO, LINEAR_ZERO
from striate.check.turned import Array, Back, Bools, Lines, along_axes, fold, spread, taken
from striate.errors import UnsupportedError

Alone = Callable[[onnx.NodeProto, Sequence[Array | None]], list[Array]]

POINTWISE = frozenset(("Abs", "Add", "Cast", "Clip", "Identity", "Max", "Mul", "Relu", "Sub"))
REDUCING = frozenset(
    (
        *("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean"),
        *("ReduceSum", "ReduceSumSquare"),
    )
)
WINDOWS = frozenset(("AveragePool", "Conv", "ConvTranspose", "LpPool", "MaxPool"))
RESIZES = frozenset(("Resize", "Upsample"))
PRODUCTS = frozenset(("Einsum", "Gemm", "MatMul"))
MOVES = frozenset(
    (
        *("Compress", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Pad"),
        *("Reshape", "ReverseSequence", "ScatterElements", "ScatterND", "Slice", "SpaceToDepth", "Split", "Squeeze"),
        *("Tile", "Transpose", "Trilu", "Unsqueeze"),
    )
)
# Operators whose other operands matter by their values; of the rest the shape is enough.
VALUED = MOVES | RESIZES | PRODUCTS | REDUCING | {"CumSum", "Mul"}


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """A node of a twin, the shapes of its inputs and outputs, and the values of inputs that carry no image data.

    ``values`` holds None for an input that carries data, that is absent, or of which only the shape matters.
    """

    node: onnx.NodeProto
    data: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]
    made: tuple[tuple[int, ...], ...]
    values: tuple[Array | None, ...]

    def key(self) -> tuple[Any, ...]:
        """Equal for nodes that read alike."""
        plain = onnx.NodeProto(op_type=self.node.op_type, attribute=self.node.attribute)
        values = tuple(None if value is None else value.tobytes() for value in self.values)
        return plain.SerializeToString(deterministic=True), self.data, self.shapes, self.made, values


def backwards(known: Known, alone: Alone) -> Back:
    """The node turned round; raises UnsupportedError where it is not one of these."""
    op = known.node.op_type
    if op in POINTWISE:
        return _pointwise(known)
    if op in REDUCING:
        return _reducing(known)
    if op in MOVES:
        return _moving(known, alone)
    if op in PRODUCTS:
        return _product(known)
    if op in WINDOWS:
        return along_axes(_window_lines(known, alone), len(known.data))
    if op in RESIZES:
        return along_axes(_resize_lines(known, alone), len(known.data))
    if op == "CumSum":
        return along_axes(_running_lines(known, alone), len(known.data))
    raise _unturned(known)


def _unturned(known: Known, why: str = "") -> UnsupportedError:
    return UnsupportedError(f"{known.node.op_type} is not followed backwards{why}")


def _pointwise(known: Known) -> Back:
    shown: list[Array | None] = [None] * len(known.data)
    if known.node.op_type == "Mul":
        if all(known.data):
            raise _unturned(known, " between two parts of the image")
        shown = [known.values[1 - k] for k in range(2)]

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        (of,) = asked
        assert of is not None
        found: list[Bools | None] = []
        for k, carries in enumerate(known.data):
            mask = shown[k]
            seen = of if mask is None else of & (mask != 0)
            found.append(fold(seen, known.shapes[k]) if carries else None)
        return found

    return back


def _reducing(known: Known) -> Back:
    shape, gone = known.shapes[0], reduced(known)
    return spread(tuple(1 if k in gone else n for k, n in enumerate(shape)), shape, len(known.data))


def reduced(known: Known) -> set[int]:
    """The axes of more than one element that a reduction leaves one of, or none."""
    shape, (out, *_), given = known.shapes[0], known.made, attributes(known.node).get("axes")
    if len(out) == len(shape):
        return {k for k, n in enumerate(shape) if n != out[k]}
    stated = known.values[1] if len(known.values) > 1 else None
    axes = given if given is not None else range(len(shape)) if stated is None else stated.tolist()
    return {axis % len(shape) for axis in axes}


def _moving(known: Known, alone: Alone) -> Back:
    """Every element numbered from 1: the outputs say which they took, 0 for none."""
    if attributes(known.node).get("reduction", b"none") != b"none":
        raise _unturned(known, " where it adds")
    feeds, first = list(known.values), 1
    for k, (carries, shape) in enumerate(zip(known.data, known.shapes, strict=True)):
        if carries:
            size = int(np.prod(shape))
            feeds[k] = np.arange(first, first + size, dtype=np.float64).reshape(shape)
            first += size
        elif known.node.input[k] and _moved(known.node.op_type, k):
            feeds[k] = np.zeros(shape, np.float64)
    numbers = [made.astype(np.int64) for made in alone(known.node, feeds)]
    carried = zip(known.data, known.shapes, strict=True)
    return taken(numbers, [shape if carries else None for carries, shape in carried])


def _moved(op: str, k: int) -> bool:
    """Whether an input's elements may appear in the output."""
    return op == "Concat" or k == 0 or (op.startswith("Scatter") and k == 2)


def _product(known: Known) -> Back:
    """A product with an operand of zeros and ones: as floats, whose sums of ones stay positive."""
    k = known.data.index(True)
    if sum(known.data) > 1:
        raise _unturned(known, " between two parts of the image")
    turned = {"Einsum": _einsum, "Gemm": _gemm, "MatMul": _matmul}[known.node.op_type](known, k)

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        (of,) = asked
        assert of is not None
        found: list[Bools | None] = [None] * len(known.data)
        found[k] = fold(turned(of.astype(np.float32)) > 0, known.shapes[k])
        return found

    return back


def _other(known: Known, k: int) -> Array:
    value = known.values[1 - k]
    if value is None or min(value.ndim, len(known.shapes[k])) < 2:
        raise _unturned(known, " on a vector")
    return np.asarray((value != 0).astype(np.float32))


def _matmul(known: Known, k: int) -> Callable[[Array], Array]:
    turned = np.swapaxes(_other(known, k), -1, -2)
    return (lambda of: of @ turned) if k == 0 else (lambda of: turned @ of)


def _gemm(known: Known, k: int) -> Callable[[Array], Array]:
    a, other = attributes(known.node), _other(known, k)
    flags = a.get("transA", 0), a.get("transB", 0)
    turned = other if flags[1 - k] else other.T

    def back(of: Array) -> Array:
        found = of @ turned if k == 0 else turned @ of
        return found.T if flags[k] else found

    return back


def _einsum(known: Known, k: int) -> Callable[[Array], Array]:
    terms, arrow, out = attributes(known.node)["equation"].decode().replace(" ", "").partition("->")
    names = terms.split(",")
    others = [(name, known.values[j]) for j, name in enumerate(names) if j != k]
    letters = set("".join([out, *(name for name, _ in others)]))
    if not arrow or "." in terms or len(set(names[k])) < len(names[k]) or set(names[k]) - letters:
        raise _unturned(known, f" as {terms}{arrow}{out}")
    equation = ",".join([out, *(name for name, _ in others)]) + f"->{names[k]}"
    operands = [(value != 0).astype(np.float32) for _, value in others if value is not None]
    return lambda of: np.asarray(np.einsum(equation, of, *operands))


def _window_lines(known: Known, alone: Alone) -> Lines:
    """The same operator on one axis alone, and a convolution on its channels alone."""
    (_, channels, *sizes), op = known.shapes[0], known.node.op_type
    convolution = op.startswith("Conv")
    rank, a = len(sizes), attributes(known.node)
    weights = known.shapes[1] if convolution else ()
    found = {}
    for k, size in enumerate(sizes):
        one = {name: value[k::rank] if isinstance(value, list) else value for name, value in a.items()}
        taps = [np.ones((1, 1, weights[2 + k]), np.float32)] if convolution else []
        one.update({"group": 1} if convolution else {})
        (made,) = _first(alone, op, [np.eye(size, dtype=np.float32)[:, None], *taps], one)
        found[2 + k] = made[:, 0] > 0
    if convolution and (channels, known.made[0][1]) != (1, 1):
        lit, taps = np.eye(channels, dtype=np.float32)[:, :, None], [np.ones((*weights[:2], 1), np.float32)]
        (made,) = _first(alone, op, [lit, *taps], {"group": a.get("group", 1)})
        found[1] = made[:, :, 0] > 0
    return found


def _resize_lines(known: Known, alone: Alone) -> Lines:
    a, shape, out = attributes(known.node), known.shapes[0], known.made[0]
    policy, transform = a.get("keep_aspect_ratio_policy", b"stretch"), a.get("coordinate_transformation_mode")
    if policy != b"stretch" or transform == b"tf_crop_and_resize" or "axes" in a:
        raise _unturned(known, " in this form")
    scales, sizes = _scales(known), known.values[3] if len(known.values) > 3 else None
    limit = {"linear": LINEAR_ZERO, "cubic": CUBIC_ZERO}.get(a.get("mode", b"nearest").decode(), 0.5)
    found = {}
    for axis, size in enumerate(shape):
        if size == out[axis] and (scales is None or scales[axis] == 1):
            continue
        lit = np.eye(size, dtype=np.float32)[None, :, :, None]
        inputs: list[Array | None] = [np.zeros(0, np.float32) if name else None for name in known.node.input]
        inputs[0] = lit
        one = dict(a)
        if scales is None or (sizes is not None and sizes.size):
            inputs[3] = np.array([1, size, out[axis], 1], np.int64)
        elif "scales" in a:
            one["scales"] = [1.0, 1.0, float(scales[axis]), 1.0]
        else:
            inputs[2 if len(inputs) > 2 else 1] = np.array([1, 1, scales[axis], 1], np.float32)
        (made,) = _first(alone, known.node.op_type, inputs, one)
        found[axis] = np.abs(made[0, :, :, 0]) > limit
    return found


def _scales(known: Known) -> Array | None:
    a = attributes(known.node)
    if "scales" in a:
        return np.asarray(a["scales"])
    value = known.values[2 if len(known.values) > 2 else 1]
    return None if value is None or not value.size else value


def _running_lines(known: Known, alone: Alone) -> Lines:
    axis, shape = known.values[1], known.shapes[0]
    assert axis is not None
    at = int(axis.reshape(-1)[0]) % len(shape)
    lit = np.eye(shape[at], dtype=np.float32)
    (made,) = _first(alone, "CumSum", [lit, np.array(1, np.int64)], attributes(known.node))
    return {at: made > 0}


def _first(alone: Alone, op: str, inputs: Sequence[Array | None], a: Mapping[str, Any]) -> list[Array]:
    names = ["" if value is None else f"x{k}" for k, value in enumerate(inputs)]
    return alone(helper.make_node(op, names, ["y"], **a), inputs)
