"""Every operator of the common form: a frozen value that gives axis relations, output shape and cost.

To add an operator, write one class in the file of its family; a reader then translates the model's own operator to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from striate.network.operators import arrange, combine, indexing, products, regroup, spatial
from striate.network.operators.arrange import (
    ChannelShuffle,
    Concat,
    Expand,
    Gather,
    Masked,
    RepeatInterleave,
    Reshape,
    Roll,
    Scatter,
    Select,
    Slice,
    Split,
    Tile,
    Transpose,
    Unbind,
)
from striate.network.operators.base import Operator, Output, Result
from striate.network.operators.combine import (
    Constant,
    Elementwise,
    Everything,
    Mix,
    Recurrent,
    Reduce,
    Scan,
    Stft,
    Transform,
    broadcast_shape,
)
from striate.network.operators.function import Function
from striate.network.operators.indexing import Index, ScatterAt
from striate.network.operators.products import Attention, Einsum, Linear, MatMul
from striate.network.operators.regroup import DepthToSpace, Fold, Sliding, SpaceToDepth, Unfold
from striate.network.operators.spatial import (
    AdaptivePool,
    Conv,
    ConvTranspose,
    Pad,
    Pool,
    Resize,
    Sample,
)
from striate.network.operators.values import Mask, Places

__all__ = [
    "BY_WORD",
    "OPERATORS",
    "AdaptivePool",
    "Attention",
    "ChannelShuffle",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Einsum",
    "Elementwise",
    "Everything",
    "Expand",
    "Fold",
    "Function",
    "Gather",
    "Index",
    "Linear",
    "Mask",
    "Masked",
    "MatMul",
    "Mix",
    "Operator",
    "Output",
    "Pad",
    "Places",
    "Pool",
    "Recurrent",
    "Reduce",
    "RepeatInterleave",
    "Reshape",
    "Resize",
    "Result",
    "Roll",
    "Sample",
    "Scan",
    "Scatter",
    "ScatterAt",
    "Select",
    "Slice",
    "Sliding",
    "SpaceToDepth",
    "Split",
    "Stft",
    "Tile",
    "Transform",
    "Transpose",
    "Unbind",
    "Unfold",
    "broadcast_shape",
]

FAMILIES = (arrange, combine, products, indexing, spatial, regroup)

OPERATORS: tuple[type[Operator], ...] = tuple(
    value
    for family in FAMILIES
    for value in vars(family).values()
    if isinstance(value, type) and issubclass(value, Operator)
    if value.__module__ == family.__name__ and "word" in vars(value)
)

BY_WORD: Mapping[str, type[Operator]] = {operator.word: operator for operator in OPERATORS}
