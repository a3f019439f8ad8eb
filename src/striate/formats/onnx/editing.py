"""The file's own nodes edited to work on a part: pads of that part, settings that speak of sizes, constants cut."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from striate.errors import UnsupportedError
from striate.formats.onnx.draft import Draft, attribute, set_attribute
from striate.geometry import Border, Box, Interval
from striate.network.operators import (
    Attention,
    Conv,
    ConvTranspose,
    Elementwise,
    Fold,
    Masked,
    Mix,
    Operator,
    Pad,
    Pool,
    Recurrent,
)
from striate.network.relation import Shape

PER_CHANNEL = ("BatchNormalization", "InstanceNormalization")
PER_AXIS = ("QuantizeLinear", "DequantizeLinear")
UNSHAPED = ("CastLike", "Gemm", "FusedGemm")
COPIES = ("Resize", "Upsample", "If", "ScatterND", "ScatterElements", "Scatter", "Dropout")
"""Operators that are read as element by element where they give back what they are given."""


def edited(
    draft: Draft, node: onnx.NodeProto, whole: Operator, part: Operator, x: Shape, made: Box, shape: Shape
) -> None:
    """Change a copy of the file's node, in place, so that it makes ``made`` of an output of ``shape`` from ``x``.

    ``whole`` is what it does to all of its input, ``part`` what it does to the part ``x``. UnsupportedError, which
    says why, where the operator has no form that does it.
    """
    match whole, part:
        case Conv(), Conv():
            _slides(node, part.padding)
        case ConvTranspose(), ConvTranspose():
            _slides(node, part.padding)
            set_attribute(node, "output_shape", None)
            set_attribute(node, "output_padding", list(part.output_padding))
        case Pool(), Pool() if node.op_type == "LRN":
            if part.padding != whole.padding:
                raise UnsupportedError("it sums over channels that the part has not; ask for all channels")
        case Pool(), Pool():
            _pools(node, part, x)
        case Pad(), Pad():
            _pads(draft, node, part)
        case Fold(), Fold():
            set_attribute(node, "pads", _row(part.padding))
            node.input[1] = draft.integers(f"{node.output[0]}/size", part.size)
        case Masked(), Masked():
            _only_whole(Box(made[-2:]), shape[-2:], "a triangle")
        case Attention(), Attention() if attribute(node, "is_causal", 0):
            _only_whole(Box(made[-2:-1]), shape[-2:-1], "causal attention")
        case Recurrent(), Recurrent() if len(node.input) > 4 and node.input[4]:
            _only_whole(made, shape, "a recurrence with lengths")
        case Elementwise(), Elementwise() if node.op_type == "GatherElements":
            _only_whole(made, shape, "a table of elements")
        case _:
            pass


def _only_whole(made: Box, shape: Shape, what: str) -> None:
    if made != Box.whole(shape):
        raise UnsupportedError(f"{what} is written as a whole only, {Box.whole(shape)}, and not for {made}")


def _row(padding: tuple[tuple[int, int], ...]) -> list[int]:
    return [before for before, _ in padding] + [after for _, after in padding]


def _slides(node: onnx.NodeProto, padding: tuple[tuple[int, int], ...]) -> None:
    if min(_row(padding), default=0) < 0:
        raise UnsupportedError(f"pads {padding} below 0 are not written")
    set_attribute(node, "auto_pad", None)
    set_attribute(node, "pads", _row(padding))


def _pools(node: onnx.NodeProto, part: Pool, x: Shape) -> None:
    """Pads, and ``ceil_mode`` where the last window hangs over the end."""
    counts = []
    for ceil in (False, True):
        windows = part.windows(ceil)
        counts.append(tuple(w.output_size(n) for w, n in zip(windows, x[len(x) - len(windows) :], strict=True)))
    wanted = part.count or counts[part.ceil]
    if wanted not in counts:
        raise UnsupportedError(f"pools of {counts[0]} or {counts[1]} units are written, not of {wanted}")
    _slides(node, part.padding)
    set_attribute(node, "ceil_mode", None if wanted == counts[0] else 1)


def _pads(draft: Draft, node: onnx.NodeProto, part: Pad) -> None:
    """Pads on every axis; the fill stays what the file gives."""
    if node.op_type != "Pad" and part.border is not Border.ZERO:
        raise UnsupportedError("pads of another kind than zeros are not written")
    if draft.opset < 11 or node.op_type != "Pad":
        node.op_type, node.domain = "Pad", ""
        fill, mode = attribute(node, "value"), attribute(node, "mode")
        del node.attribute[:], node.input[1:]
        for name, value in (("value", fill), ("mode", mode)):
            set_attribute(node, name, value)
        if draft.opset < 11:
            set_attribute(node, "pads", _row(part.pads))
            return
    fills = list(node.input[2:3])
    del node.input[1:]
    node.input.extend([draft.integers(f"{node.output[0]}/pads", _row(part.pads)), *fills])


def cut_of(node: onnx.NodeProto, position: int, constant: Shape, op: Operator, made: Box, shape: Shape) -> Box:
    """The box of a constant that a node needs for ``made``, a box of its output, which is of ``shape`` in the whole."""
    whole, size = Box.whole(constant), int(np.prod(constant, dtype=np.int64))
    if size == 1 or made == Box.whole(shape):
        return whole
    kind = node.op_type
    if kind in PER_CHANNEL:
        return Box([made[1]])
    if kind in PER_AXIS:
        axis = int(attribute(node, "axis", 1)) % len(shape)
        if len(constant) != 1:
            if made[axis].size != shape[axis]:
                raise UnsupportedError(f"{kind} by blocks is not written for a part of axis {axis}")
            return whole
        return Box([made[axis]])
    bias = kind in ("Gemm", "FusedGemm") and position == 2
    mask = isinstance(op, Attention) and position == 3
    if (isinstance(op, Elementwise | Mix) and kind not in ("CastLike", "GatherElements")) or bias:
        return _broadcast(constant, made, shape)
    if mask:
        return Box([*whole[:-2], Interval(0, 1) if constant[-2] == 1 else made[-2], whole[-1]])
    return whole


def _broadcast(constant: Shape, made: Box, shape: Shape) -> Box:
    """The part of a constant that meets ``made``; all of one that is not broadcast to the output."""
    sides = list(zip(constant, made[len(shape) - len(constant) :], shape[len(shape) - len(constant) :], strict=True))
    if any(n not in (1, m) for n, _, m in sides):
        return Box.whole(constant)
    return Box([Interval(0, 1) if n == 1 else side for n, side, _ in sides])


def sliced(tensor: onnx.TensorProto, box: Box, name: str) -> onnx.TensorProto:
    """A part of a constant, bit for bit."""
    from onnx import numpy_helper

    if tuple(tensor.dims) == box.shape:
        found = onnx.TensorProto()
        found.CopyFrom(tensor)
        found.name = name
        return found
    array: NDArray[np.generic] = numpy_helper.to_array(tensor)[box.slices]
    made = numpy_helper.from_array(np.ascontiguousarray(array).reshape(box.shape), name)
    if made.data_type != tensor.data_type:
        kind = helper.tensor_dtype_to_string(tensor.data_type)
        raise UnsupportedError(f"constant {tensor.name!r} of {kind} is written as a whole only")
    return made
