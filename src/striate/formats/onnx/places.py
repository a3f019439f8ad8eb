"""ONNX operators that read or write at places: those of a constant are exact, those of data an upper bound."""

from __future__ import annotations

from math import prod

import numpy as np

from striate.errors import ModelError
from striate.formats.onnx.call import Array, Call, Translation, operator, scalar
from striate.network.operators import Elementwise, Everything, Index, Places, Scatter, ScatterAt, Transform
from striate.network.relation import Shape


def anywhere(call: Call, shape: Shape, *inputs: int) -> Translation:
    """Positions that depend on data: every output may read every element."""
    return Translation(Everything((shape,)), inputs or (0,), at_most=True)


def picked(axis: int, indices: tuple[Array, ...], shape: Shape, position: int = 0) -> Translation:
    """Fixed indices of neighbouring axes of one input."""
    return Translation(Index(axis, tuple(map(Places.of, indices)), tuple(map(int, shape))), (position,))


def _counted(axis: int, n: int, rank: int) -> Array:
    """0, 1, ... along one axis of ``rank``."""
    return np.arange(n).reshape([-1 if k == axis else 1 for k in range(rank)])


def _spread(call: Call, position: int, at: int, before: Shape, behind: Shape) -> Translation:
    """An input whose axes come to stand at ``at`` of a larger result that is the same along all other axes."""
    own = call.shape(position)
    shape = (*before, *own, *behind)
    indices = tuple(_counted(at + k, n, len(shape)) for k, n in enumerate(own))
    return picked(0, indices, shape, position)


@operator("Gather")
def gather(call: Call) -> Translation:
    """Fixed indices are a map; of a constant table each element depends on its index alone."""
    axis = call.axis(int(call.get("axis", 0)))
    before, behind = call.x[:axis], call.x[axis + 1 :]
    if call.constant(1):
        indices = _within(call.value(1), call.x[axis], axis)
        return picked(axis, (indices,), indices.shape)
    if call.tensor(1).data and not call.tensor(0).data:
        return _spread(call, 1, axis, before, behind)
    return anywhere(call, (*before, *call.shape(1), *behind))


def _within(indices: Array, n: int, axis: int) -> Array:
    """Integers that lie on an axis."""
    outside = indices[(indices < -n) | (indices >= n)]
    if outside.size:
        raise ModelError(f"index {outside.reshape(-1)[0]} lies outside axis {axis}, which has {n} elements")
    return indices.astype(np.int64)


@operator("GatherElements")
def gather_elements(call: Call) -> Translation:
    """Fixed indices along one axis, which may differ at every place."""
    axis, shape = call.axis(int(call.get("axis", 0))), call.shape(1)
    rank = call.rank
    if len(shape) != rank:
        raise ModelError(f"indices of shape {shape} should have {rank} axes, as the input of shape {call.x}")
    if call.constant(1):
        columns = [_counted(k, n, rank) for k, n in enumerate(shape)]
        columns[axis] = _within(call.value(1), call.x[axis], axis)
        return picked(0, tuple(columns), shape)
    if call.tensor(1).data and not call.tensor(0).data:
        return Translation(Elementwise(), inputs=(1,), kinds=(call.tensor(0).kind,))
    lines = call.x[:axis] + call.x[axis + 1 :] == shape[:axis] + shape[axis + 1 :]
    if lines and not call.tensor(1).data:
        return Translation(Transform((axis,), (shape[axis],)), at_most=True)
    return anywhere(call, shape)


@operator("GatherND")
def gather_nd(call: Call) -> Translation:
    """Fixed indices of the axes after the batch; else any element may be read."""
    batch, indices = int(call.get("batch_dims", 0)), call.shape(1)
    if not indices or not 0 <= batch < len(indices) or batch + indices[-1] > call.rank or not indices[-1]:
        raise ModelError(
            f"indices of shape {indices} should end in 1 to {call.rank - batch} places of an input of shape {call.x} "
            f"behind {batch} batch axes"
        )
    if indices[:batch] != call.x[:batch]:
        raise ModelError(f"indices of shape {indices} do not have the {batch} batch axes of {call.x}")
    count = indices[-1]
    if not call.constant(1):
        return anywhere(call, (*indices[:-1], *call.x[batch + count :]))
    value, rank = call.value(1), len(indices) - 1
    columns = [_counted(k, n, rank) for k, n in enumerate(call.x[:batch])]
    columns += [_within(value[..., k], call.x[batch + k], batch + k) for k in range(count)]
    return picked(0, tuple(columns), indices[:-1])


@operator("Compress")
def compress(call: Call) -> Translation:
    """A fixed mask is a gather."""
    kept = np.flatnonzero(call.value(1))
    if "axis" in call.attributes:
        axis = call.axis(call.get("axis"))
        return picked(axis, (_within(kept, call.x[axis], axis),), kept.shape)
    return picked(0, np.unravel_index(_within(kept, prod(call.x), 0), call.x), kept.shape)


@operator("ScatterND")
def scatter_nd(call: Call) -> Translation:
    """Fixed places of the leading axes; else the updates may land anywhere."""
    indices, updates = call.shape(1), call.shape(2)
    count = indices[-1] if indices else 0
    if not 0 < count <= call.rank or updates != (*indices[:-1], *call.x[count:]):
        wanted = (*indices[:-1], *call.x[count:])
        raise ModelError(
            f"indices of shape {indices} into an input of shape {call.x} need updates of shape {wanted}, got {updates}"
        )
    if not call.constant(1):
        return _landing_anywhere()
    value = call.value(1)
    return _written(call, tuple(_within(value[..., k], call.x[k], k) for k in range(count)))


@operator("ScatterElements", "Scatter")
def scatter_elements(call: Call) -> Translation:
    """Fixed places along one axis; else the updates may land anywhere."""
    axis, shape = call.axis(int(call.get("axis", 0))), call.shape(1)
    if len(shape) != call.rank or shape != call.shape(2):
        raise ModelError(
            f"indices of shape {shape} and updates of shape {call.shape(2)} should be alike, with {call.rank} axes as "
            f"the input of shape {call.x}"
        )
    if not call.constant(1):
        return _landing_anywhere()
    columns = [_counted(k, n, call.rank) for k, n in enumerate(shape)]
    columns[axis] = _within(call.value(1), call.x[axis], axis)
    return _written(call, tuple(columns))


@operator("TensorScatter")
def tensor_scatter(call: Call) -> Translation:
    """An element of the first input, or of the updates."""
    return Translation(Scatter(), (0, 1), at_most=True)


def _landing_anywhere() -> Translation:
    return Translation(Scatter(), (0, 2), at_most=True)


def _written(call: Call, indices: tuple[Array, ...]) -> Translation:
    """Updates at fixed places; none at all is the first input as it was."""
    if not prod(call.shape(2)):
        return Translation(Elementwise())
    combined = call.text("reduction", "none") != "none"
    return Translation(ScatterAt(tuple(map(Places.of, indices)), combined), (0, 2))


@operator("OneHot")
def one_hot(call: Call) -> Translation:
    """A new axis of ``depth`` elements, all from the index at their place."""
    axis, depth = call.axis(int(call.get("axis", -1)), call.rank + 1), int(scalar(call.value(1)))
    shape = (*call.x[:axis], depth, *call.x[axis:])
    places = [k for k in range(len(shape)) if k != axis]
    indices = tuple(_counted(place, n, len(shape)) for place, n in zip(places, call.x, strict=True))
    return Translation(Index(0, tuple(map(Places.of, indices)), shape), (0,), (call.tensor(2).kind,))


@operator("ReverseSequence")
def reverse_sequence(call: Call) -> Translation:
    """Lengths per batch decide where each element of the time axis comes from."""
    time, batch = call.axis(int(call.get("time_axis", 0))), call.axis(int(call.get("batch_axis", 1)))
    if {time, batch} != {0, 1}:
        raise ModelError(f"time_axis {time} and batch_axis {batch} must be 0 and 1")
    steps, n = call.x[time], call.x[batch]
    if not call.constant(1):
        return anywhere(call, call.x) if call.tensor(1).data else Translation(
            Transform((time,), (steps,)), at_most=True
        )  # fmt: skip
    lengths = call.value(1).astype(np.int64).reshape(-1)
    if lengths.shape != (n,) or (lengths < 0).any() or (lengths > steps).any():
        raise ModelError(f"sequence lengths {tuple(lengths.tolist())} do not fit {n} sequences of {steps} steps")
    step = np.arange(steps)
    turned = np.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)
    columns = (turned.T, _counted(1, n, 2)) if time == 0 else (_counted(0, n, 2), turned)
    return picked(0, columns, call.x[:2])
