"""The file's own nodes edited to work on a part: pads of that part, settings that speak of sizes, constants cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from striate.errors import UnsupportedError
from striate.formats.onnx.draft import Draft, attribute, set_attribute
from striate.geometry import Border, Box, Interval, Runs
from striate.network.operators import (
    Attention,
    Conv,
    ConvTranspose,
    Elementwise,
    Fold,
    Mix,
    Operator,
    Pad,
    Pool,
    Recurrent,
    Slice,
)
from striate.network.relation import Shape

PER_CHANNEL = ("BatchNormalization", "InstanceNormalization")
PER_AXIS = ("QuantizeLinear", "DequantizeLinear")
COPIES = ("Resize", "Upsample", "If", "ScatterND", "ScatterElements", "Scatter", "Dropout")
"""Operators that are read as element by element where they give back what they are given."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part of a node stands: it makes the box ``made`` of an output of ``shape``.

    ``inputs`` are the shapes of what the part reads, ``kinds`` the element types of the file's inputs, 0 for one that
    is not given.
    """

    inputs: tuple[Shape, ...]
    kinds: tuple[int, ...]
    made: Box
    shape: Shape


def edited(draft: Draft, node: onnx.NodeProto, whole: Operator, part: Operator, at: Place) -> Slice | None:
    """Change a copy of the file's node, in place, so that it makes the part; nodes that it needs before it are added.

    Where it makes more than the part, the slice that is to stand behind it.

    ``whole`` is what it does to all of its input, ``part`` what it does to the part's. UnsupportedError, which says
    why, where the operator has no form that does it.
    """
    match whole, part:
        case Conv(), Conv():
            _slides(draft, node, part.padding, at.inputs[0])
        case ConvTranspose(), ConvTranspose():
            _transposes(node, part)
        case Pool(), Pool() if node.op_type == "LRN":
            return _channels(whole, part, at)
        case Pool(), Pool():
            _pools(draft, node, part, at.inputs[0])
        case Pad(), Pad():
            _pads(draft, node, part)
        case Fold(), Fold():
            set_attribute(node, "pads", _row(part.padding))
            node.input[1] = draft.integers(f"{node.output[0]}/size", part.size)
        case Attention(), Attention() if attribute(node, "is_causal", 0):
            _attends(draft, node, at)
        case Recurrent(), Recurrent() if len(node.input) > 4 and node.input[4]:
            (time, _), *_ = part.axes
            if time is not None and at.made[time].size != at.shape[time]:
                _lasts(draft, node, at.made[time])
        case _ if node.op_type == "Trilu":
            _moves_triangle(draft, node, at.made)
        case _:
            pass
    return None


def _row(padding: tuple[tuple[int, int], ...]) -> list[int]:
    return [before for before, _ in padding] + [after for _, after in padding]


def _slides(draft: Draft, node: onnx.NodeProto, padding: tuple[tuple[int, int], ...], x: Shape) -> None:
    """Pads at both ends of each axis; those below 0 are pixels that are cut off before."""
    first = len(x) - len(padding)
    off = [(axis, max(-before, 0), max(-after, 0)) for axis, (before, after) in enumerate(padding, first)]
    rows = [(axis, before, x[axis] - before - after) for axis, before, after in off if before or after]
    if rows:
        axes, starts, counts = zip(*rows, strict=True)
        inside = draft.fresh(f"{node.output[0]}/inside")
        node.input[0] = draft.cut(Slice(axes, starts, counts, (1,) * len(rows)), node.input[0], inside)
    set_attribute(node, "auto_pad", None)
    set_attribute(node, "pads", [max(pad, 0) for pad in _row(padding)])


def _channels(whole: Pool, part: Pool, at: Place) -> Slice | None:
    """The channels whose neighbours a part has, where it also has neighbours of which it wants no sums."""
    start, count = whole.padding[0][0] - part.padding[0][0], at.made[1].size
    return Slice((1,), (start,), (count,), (1,)) if count != at.inputs[0][1] else None


def _transposes(node: onnx.NodeProto, part: ConvTranspose) -> None:
    if min(_row(part.padding), default=0) < 0:
        raise UnsupportedError(f"pads {part.padding} below 0 of a transposed convolution are not written")
    set_attribute(node, "auto_pad", None)
    set_attribute(node, "pads", _row(part.padding))
    set_attribute(node, "output_shape", None)
    set_attribute(node, "output_padding", list(part.output_padding))


def _attends(draft: Draft, node: onnx.NodeProto, at: Place) -> None:
    """The rows of the triangle that the part's queries have, as a mask, or in the mask that there is."""
    if at.made[-2].size == at.shape[-2]:
        return
    keys, output = at.inputs[1][-2], node.output[0]
    rows = np.tril(np.ones((at.made[-2].stop, keys), np.bool_))[at.made[-2].start :]
    seen = draft.constant(f"{output}/causal", rows)
    set_attribute(node, "is_causal", None)
    if len(node.input) < 4:
        node.input.append(seen)
    elif not node.input[3]:
        node.input[3] = seen
    elif at.kinds[3] == onnx.TensorProto.BOOL:
        node.input[3] = draft.emit("And", [node.input[3], seen], draft.fresh(f"{output}/mask"))
    else:
        kind = helper.tensor_dtype_to_np_dtype(at.kinds[3])
        lowest = draft.constant(f"{output}/lowest", np.array(np.finfo(kind).min, kind))
        node.input[3] = draft.emit("Where", [seen, node.input[3], lowest], draft.fresh(f"{output}/mask"))


def _lasts(draft: Draft, node: onnx.NodeProto, steps: Interval) -> None:
    """Lengths counted from the first step of the part, none behind its last one."""
    base = f"{node.output[0]}/lengths"
    known = draft.constants.get(node.input[4])
    if known is not None:
        lengths = np.clip(numpy_helper.to_array(known), steps.start, steps.stop) - steps.start
        node.input[4] = draft.constant(base, lengths.astype(np.int32))
        return
    if draft.opset < 12:
        raise UnsupportedError("lengths that are data are counted anew from opset 12 on")
    start, stop = (draft.constant(base, np.array(end, np.int32)) for end in (steps.start, steps.stop))
    inside = draft.emit("Clip", [node.input[4], start, stop], draft.fresh(f"{base}/clip"))
    node.input[4] = draft.emit("Sub", [inside, start], draft.fresh(base))


def _moves_triangle(draft: Draft, node: onnx.NodeProto, made: Box) -> None:
    """The diagonal, counted from the corner of the part."""
    down = made[-2].start - made[-1].start
    if not down:
        return
    base = f"{node.output[0]}/diagonal"
    given = node.input[1] if len(node.input) > 1 else ""
    known = draft.constants.get(given)
    del node.input[1:]
    if known is not None or not given:
        first = int(numpy_helper.to_array(known).reshape(())) if known is not None else 0
        node.input.append(draft.constant(base, np.array(first + down, np.int64)))
    else:
        more = draft.constant(f"{base}/down", np.array(down, np.int64))
        node.input.append(draft.emit("Add", [given, more], draft.fresh(base)))


def _pools(draft: Draft, node: onnx.NodeProto, part: Pool, x: Shape) -> None:
    """Pads, and ``ceil_mode`` where the last window hangs over the end."""
    counts = []
    for ceil in (False, True):
        windows = part.windows(ceil)
        counts.append(tuple(w.output_size(n) for w, n in zip(windows, x[len(x) - len(windows) :], strict=True)))
    wanted = part.count or counts[part.ceil]
    if wanted not in counts:
        raise UnsupportedError(f"pools of {counts[0]} or {counts[1]} units are written, not of {wanted}")
    _slides(draft, node, part.padding, x)
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
    if kind == "GatherElements":
        axis = int(attribute(node, "axis", 0)) % len(shape)
        return Box([whole[k] if k == axis else side for k, side in enumerate(made)])
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
    if (isinstance(op, Elementwise | Mix) and kind != "CastLike") or bias:
        return _broadcast(constant, made, shape)
    if mask:
        return _broadcast(constant, Box([*made[:-1], Interval(0, constant[-1])]), (*shape[:-1], constant[-1]))
    return whole


def _broadcast(constant: Shape, made: Box, shape: Shape) -> Box:
    """The part of a constant that meets ``made``; all of one that is not broadcast to the output."""
    sides = list(zip(constant, made[len(shape) - len(constant) :], shape[len(shape) - len(constant) :], strict=True))
    if any(n not in (1, m) for n, _, m in sides):
        return Box.whole(constant)
    return Box([Interval(0, 1) if n == 1 else side for n, side, _ in sides])


def sliced(tensor: onnx.TensorProto, box: Box, name: str) -> onnx.TensorProto:
    """A part of a constant, bit for bit."""
    if tuple(tensor.dims) == box.shape:
        found = onnx.TensorProto()
        found.CopyFrom(tensor)
        found.name = name
        return found
    made = numpy_helper.from_array(taken(numpy_helper.to_array(tensor), box), name)
    if made.data_type != tensor.data_type:
        kind = helper.tensor_dtype_to_string(tensor.data_type)
        raise UnsupportedError(f"constant {tensor.name!r} of {kind} is written as a whole only")
    return made


def taken(array: NDArray[np.generic], box: Box) -> NDArray[np.generic]:
    """The part of an array that a box holds."""
    found = array[tuple(slice(side.start, side.stop) for side in box)]
    for axis, side in enumerate(box):
        if isinstance(side, Runs):
            found = found.take([place - side.start for place in side.indices], axis)
    return np.ascontiguousarray(found).reshape(box.shape)
