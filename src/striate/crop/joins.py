"""What joins the tiles of a tensor, so that an operator that reads all of it becomes local."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from striate.crop.extents import Axes
from striate.network.operators import AdaptivePool, Mix, Operator, Pool, Reduce
from striate.network.relation import Shape


class Joined(Enum):
    """What the tiles of a tensor are joined to."""

    MEAN = "mean"
    """The mean: tiles give a count and a mean."""
    SUM = "sum"
    """The sum."""
    MAX = "max"
    """The largest."""
    MIN = "min"
    """The smallest."""
    MOMENTS = "moments"
    """Mean and variance: tiles give a count, a mean and the sum of squared distances from it."""
    SOFTMAX = "softmax"
    """The largest, and the sum of exponentials of distances from it."""
    WHOLE = "whole"
    """All of the tensor, as it is: keys and values, the features of a dense layer."""


STATISTICS = {"mean": Joined.MEAN, "average": Joined.MEAN, "sum": Joined.SUM, "max": Joined.MAX, "min": Joined.MIN}
MOMENTS = Joined.MOMENTS, ("mean", "variance")
SOFTMAX = Joined.SOFTMAX, ("maximum", "sum")
NORMALISED = {
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm", "batch_norm", "rms_norm"), MOMENTS),
    **dict.fromkeys(("softmax", "log_softmax"), SOFTMAX),
}


@dataclass(frozen=True, slots=True)
class Join:
    """What joins the tiles of one tensor, so that a global operator becomes local."""

    node: str
    """The global operator, by the name of its node."""
    tensor: str
    """The tensor whose tiles are joined: an output of the stage, or an input of it."""
    axes: Axes
    """The axes of the tensor that are joined; each of the others is kept."""
    groups: int | None
    """Groups of channels of axis 1 that are joined together; None where channels are apart, or among ``axes``."""
    kind: Joined
    """What they are joined to."""
    gives: tuple[str, ...]
    """The inputs of later stages that hold it: mean and variance, maximum and sum, else one."""


def normalised(op: Operator, shape: Shape) -> tuple[Axes, Joined, tuple[str, str]] | None:
    """The axes along which an operator measures its elements, by what, and the names of the two measures."""
    if not isinstance(op, Mix) or op.statistics or op.function.name not in NORMALISED:
        return None
    return (tuple(sorted({axis % len(shape) for axis in op.axes})), *NORMALISED[op.function.name])


def statistic(op: Operator, shape: Shape) -> tuple[Axes, Joined] | None:
    """The axes that an operator reduces to a statistic which joins, and which it is."""
    if not isinstance(op, Reduce | AdaptivePool | Pool) or op.outputs > 1 or op.function.name not in STATISTICS:
        return None
    kind = STATISTICS[op.function.name]
    match op:
        case Reduce():
            return tuple(sorted({axis % len(shape) for axis in op.axes})), kind
        case AdaptivePool():
            return (tuple(range(len(shape) - len(op.size), len(shape))), kind) if set(op.size) == {1} else None
    axes = tuple(range(len(shape) - len(op.kernel), len(shape)))
    bare = op.kernel == shape[axes[0] :] and not any(map(any, op.padding)) and not op.count
    return (axes, kind) if bare else None
