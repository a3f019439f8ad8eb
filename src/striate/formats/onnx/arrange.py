"""ONNX operators that move elements: reshape, transpose, slice, concat, gather, scatter, constants."""

from __future__ import annotations

from math import prod

import numpy as np

from striate.errors import ModelError, UnsupportedError
from striate.formats.onnx.call import Call, Translation, operator, scalar
from striate.formats.onnx.elements import Element
from striate.network.operators import (
    Concat,
    Constant,
    Elementwise,
    Expand,
    Reshape,
    Slice,
    Split,
    Tile,
    Transpose,
    broadcast_shape,
)
from striate.network.relation import Shape


def reshaped(shape: Shape) -> Translation:
    """A reshape to ``shape``."""
    return Translation(Reshape(shape))


@operator("Reshape")
def reshape(call: Call) -> Translation:
    """0 copies an axis unless allowzero; -1 takes what is left."""
    shape = list(call.option("shape", 1) or ())
    if not call.get("allowzero", 0):
        shape = [call.x[k] if n == 0 and k < call.rank else n for k, n in enumerate(shape)]
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or known <= 0 or prod(call.x) % known:
            raise ModelError(f"cannot reshape {call.x} to {tuple(shape)}")
        shape[shape.index(-1)] = prod(call.x) // known
    return reshaped(tuple(shape))


@operator("Flatten")
def flatten(call: Call) -> Translation:
    """Two axes: those before ``axis`` and those after."""
    axis = int(call.get("axis", 1))
    axis = axis + call.rank if axis < 0 else axis
    return reshaped((prod(call.x[:axis]), prod(call.x[axis:])))


@operator("Squeeze")
def squeeze(call: Call) -> Translation:
    """Axes of size 1 dropped."""
    axes = call.option("axes", 1)
    gone = call.axes(axes) if axes is not None else tuple(k for k, n in enumerate(call.x) if n == 1)
    if any(call.x[axis] != 1 for axis in gone):
        raise ModelError(f"cannot squeeze axes {gone} of {call.x}")
    return reshaped(tuple(n for k, n in enumerate(call.x) if k not in gone))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> Translation:
    """New axes of size 1."""
    axes = call.option("axes", 1) or ()
    rank = call.rank + len(axes)
    places, rest = set(call.axes(axes, rank)), iter(call.x)
    if len(places) != len(axes):
        raise ModelError(f"axes {axes} name a place twice")
    return reshaped(tuple(1 if k in places else next(rest) for k in range(rank)))


@operator("Transpose")
def transpose(call: Call) -> Translation:
    """Axes in another order, reversed by default."""
    order = tuple(call.get("perm") or reversed(range(call.rank)))
    if sorted(order) != list(range(call.rank)):
        raise ModelError(f"perm {order} is no order of {call.rank} axes")
    return Translation(Transpose(order))


@operator("Expand")
def expand(call: Call) -> Translation:
    """Broadcasting both ways."""
    return Translation(Expand(broadcast_shape((call.x, call.ints(1)))))


@operator("Tile")
def tile(call: Call) -> Translation:
    """Repeats per axis."""
    return Translation(Tile(call.ints(1)))


@operator("Concat")
def concat(call: Call) -> Translation:
    """Every input, constants too, has its place."""
    axis = call.axis(int(call.get("axis", 1)))
    shapes = [call.shape(k) for k in range(len(call.inputs))]
    if any(s[:axis] + s[axis + 1 :] != call.x[:axis] + call.x[axis + 1 :] for s in shapes):
        raise ModelError(f"cannot join {', '.join(map(str, shapes))} along axis {axis}")
    return Translation(Concat(axis), tuple(range(len(shapes))))


@operator("Split")
def split(call: Call) -> Translation:
    """Sizes given, or equal parts with a smaller last one."""
    axis, sizes = call.axis(int(call.get("axis", 0))), call.option("split", 1)
    n, parts = call.x[axis], int(call.get("num_outputs", len(call.outputs)))
    if sizes is None:
        if not 0 < parts <= n:
            raise ModelError(f"cannot split {n} elements into {parts} parts")
        step = -(-n // parts)
        sizes = tuple(min(step, n - k * step) for k in range(parts))
    if sum(sizes) != n or min(sizes) < 0:
        raise ModelError(f"cannot split {n} elements into {sizes}")
    return Translation(Split(axis, sizes))


@operator("Slice")
def slice_(call: Call) -> Translation:
    """Starts and ends are clamped as Python does."""
    starts, ends = call.option("starts", 1) or (), call.option("ends", 2) or ()
    axes = call.option("axes", 3)
    steps = call.option("steps", 4) or (1,) * len(starts)
    axes = call.axes(tuple(range(len(starts))) if axes is None else axes)
    if not len(axes) == len(starts) == len(ends) == len(steps) or 0 in steps:
        raise ModelError(f"starts {starts}, ends {ends} and steps {steps} of axes {axes}: each needs one, no step of 0")
    found = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        taken = range(call.x[axis])[slice(start, end, step)]
        found.append((axis, taken.start, len(taken), taken.step))
    return Translation(Slice(*(tuple(zip(*found, strict=True)) or ((), (), (), ()))))


@operator("Identity", "Bernoulli")
def identity(call: Call) -> Translation:
    """Element by element."""
    kind = call.get("dtype")
    return Translation(Elementwise(), kinds=() if kind is None else (int(kind),))


@operator("Dropout")
def dropout(call: Call) -> Translation:
    """The identity, in inference; the mask depends on nothing."""
    return Translation(Elementwise(), constants=(call.x,))


def constant(shape: Shape, kind: int) -> Translation:
    """A value that depends on no input's elements."""
    return Translation(Constant(shape), (), (kind,))


@operator("ConstantOfShape")
def constant_of_shape(call: Call) -> Translation:
    """Filled with one value."""
    value = call.get("value")
    return constant(call.ints(0), Element.FLOAT if value is None else value.data_type)


@operator("EyeLike", "RandomNormalLike", "RandomUniformLike")
def like(call: Call) -> Translation:
    """The shape of another tensor."""
    return constant(call.x, int(call.get("dtype", call.tensor(0).kind)))


@operator("RandomNormal", "RandomUniform")
def random(call: Call) -> Translation:
    """A shape given as an attribute."""
    return constant(tuple(call.need("shape")), int(call.get("dtype", Element.FLOAT)))


@operator("HannWindow", "HammingWindow", "BlackmanWindow")
def window_values(call: Call) -> Translation:
    """A window function of a given length."""
    return constant((int(scalar(call.value(0))),), int(call.get("output_datatype", Element.FLOAT)))


@operator("MelWeightMatrix")
def mel_weights(call: Call) -> Translation:
    """(bins of the spectrum, mel bins)."""
    shape = (int(scalar(call.value(1))) // 2 + 1, int(scalar(call.value(0))))
    return constant(shape, int(call.get("output_datatype", Element.FLOAT)))


@operator("Range")
def range_(call: Call) -> Translation:
    """Reached where the range is too long to fold."""
    start, stop, step = (float(scalar(call.value(k))) for k in range(3))
    if not step:
        raise ModelError("a range with step 0")
    return constant((max(int(np.ceil((stop - start) / step)), 0),), call.tensor(0).kind)


@operator("NonMaxSuppression", "NonZero", "Unique", "StringSplit")
def sized_by_data(call: Call) -> Translation:
    """No shape can be given before the data is seen."""
    raise UnsupportedError("how many elements come out depends on data")
