"""The numbers of a weight, from where the file keeps them to the form in which its node takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, UnsupportedError
from striate.formats.tflite.schema import Stored, load_graph
from striate.network import Weight
from striate.network.operators import Elementwise, Operator, Reshape, Transpose

FLOATS = ("FLOAT32", "FLOAT16", "FLOAT64")


def weight_values(held: Path | bytes, weight: Weight) -> NDArray[np.float32]:
    """The values of a node's weight, of a convolution as (out, in, rows, columns).

    Raises InputError for a weight that the file does not hold under its name, UnsupportedError for one that it keeps
    as integers or sparse.
    """
    stored = next((tensor for tensor in load_graph(held).tensors if tensor.name == weight.name), None)
    if stored is None or stored.data is None:
        raise InputError(f"the file holds no weight {weight.name!r}: operations of the file make it")
    values: NDArray[Any] = _floats(stored, stored.data)
    for view in weight.views:
        values = _viewed(values, view)
    return np.array(values, np.float32, order="C")


def _floats(stored: Stored, data: memoryview) -> NDArray[Any]:
    if stored.sparse or stored.kind not in FLOATS:
        kept = "sparse" if stored.sparse else f"as {stored.kind}"
        raise UnsupportedError(f"weight {stored.name!r} is kept {kept}; floats are read")
    return np.frombuffer(data, stored.dtype).reshape(stored.shape)


def _viewed(values: NDArray[Any], view: Operator) -> NDArray[Any]:
    match view:
        case Transpose(order):
            return values.transpose(order)
        case Reshape(shape):
            return values.reshape(shape)
        case Elementwise(function=function) if function.name in ("dequantize", "cast"):
            return values.astype(np.float32)
    raise UnsupportedError(f"a weight behind {view.word} is not read")
