"""Where a ``.keras`` file keeps the weights of its layers, and their numbers."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError, ModelError, UnsupportedError
from striate.formats.keras.archive import load_weights
from striate.formats.keras.config import INPUT, Graph
from striate.network import Weight
from striate.network.operators import Operator, Reshape, Transpose


def folders(graph: Graph, place: str) -> dict[str, str]:
    """The folder in the HDF5 file of each layer of a model: named by the classes, numbered where they repeat.

    Source: Keras's own saving, which walks a model's layers in order and leaves out functions.
    """
    used: Counter[str] = Counter()
    found = {}
    for layer in graph.layers:
        if layer.operation or (graph.sequential and layer.kind == INPUT):
            found[layer.name] = ""
            continue
        name = snake_case(layer.kind)
        found[layer.name] = f"{place}/{name}_{used[name]}" if used[name] else f"{place}/{name}"
        used[name] += 1
    return found


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in small letters.

    >>> snake_case("BatchNormalization"), snake_case("Conv2DTranspose"), snake_case("PReLU")
    ('batch_normalization', 'conv2d_transpose', 'p_re_lu')
    """
    plain = re.sub(r"\W+", "", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", plain)).lower()


def weight_values(held: Path | bytes, weight: Weight) -> NDArray[np.float32]:
    """The values of a node's weight, of a convolution as (out, in, rows, columns).

    Raises MissingDependencyError without h5py, InputError for a weight that the file does not hold under its name.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            'reading the weights of a .keras file needs h5py: pip install "striate[keras]"'
        ) from error
    try:
        with h5py.File(BytesIO(load_weights(held)), "r") as file:
            stored = file.get(weight.name)
            if not isinstance(stored, h5py.Dataset) or stored.external or stored.is_virtual:
                raise InputError(f"the file holds no weight {weight.name!r} of its own")
            if stored.size != prod(weight.shape):
                raise ModelError(f"weight {weight.name!r} has shape {stored.shape}, its layer says {weight.shape}")
            values: NDArray[Any] = np.asarray(stored)
    except OSError as error:
        raise ModelError(f"the weights are no sound HDF5 file: {error}") from error
    for view in weight.views:
        values = _viewed(values, view)
    return np.array(values.reshape(weight.shape), np.float32, order="C")


def _viewed(values: NDArray[Any], view: Operator) -> NDArray[Any]:
    match view:
        case Transpose(order):
            return values.transpose(order)
        case Reshape(shape):
            return values.reshape(shape)
    raise UnsupportedError(f"a weight behind {view.word} is not read")
