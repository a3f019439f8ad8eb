"""Keras with the torch backend as the oracle of what a ``.keras`` file reads: its own models, saved and run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

os.environ["KERAS_BACKEND"] = "torch"
import keras as keras

Array = NDArray[Any]
Sets = NDArray[np.bool_]
L, F = keras.layers, keras.ops
P = ParamSpec("P")
T = TypeVar("T")


def quiet(function: Callable[P, T]) -> Callable[P, T]:
    """Without the warnings that Keras and torch give about each other."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with warnings.catch_warnings(action="ignore"):
            return function(*args, **kwargs)

    return call


@quiet
def saved(model: Any) -> bytes:
    """A model as the file that Keras writes of it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.keras"
        model.save(path)
        return path.read_bytes()


@quiet
def array(variable: Any) -> Array:
    """A variable's or tensor's numbers."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


@quiet
def lit(model: Any, seed: int = 0) -> Any:
    """A model whose weights hide nothing: positive, about one over the number of what they sum."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        shape = tuple(variable.shape)
        taps = int(np.prod(shape[:-1])) if len(shape) > 1 else 1
        still = variable.path.rpartition("/")[2] in ("bias", "beta", "moving_mean", "mean")
        if variable.dtype.startswith("float"):
            variable.assign(np.zeros(shape) if still else random.uniform(0.5, 1.5, shape) / max(taps, 1))
    return model


@quiet
def dependence(model: Any, output: Any, seed: int = 0, by: float = 0.3) -> Sets:
    """Which elements of the model's only input each element of a tensor changes with: each in turn is made larger."""
    source = model.inputs[0]
    inner = keras.Model(model.inputs, output)
    shape = tuple(n or 1 for n in source.shape)
    random = np.random.default_rng(seed)
    low = random.integers(0, 3, shape).astype(np.float64)
    base = low if source.dtype.startswith("int") else random.uniform(0.1, 0.2, shape)
    count = int(np.prod(shape))
    images = np.repeat(base.reshape(1, -1), count + 1, 0)
    images[np.arange(count), np.arange(count)] += 1.0 if source.dtype.startswith("int") else by
    shown = images.reshape(count + 1, *shape[1:]).astype(source.dtype)
    values = array(inner(shown, training=False))
    moved: Sets = values[:-1] != values[-1:]
    return np.moveaxis(moved, 0, -1)[np.newaxis]


@quiet
def gradient(model: Any, tensor: Any, units: Sequence[tuple[int, ...]], image: Array) -> list[Sets]:
    """The pixels of the input that move each unit of a tensor, all of its channels together, by torch's gradients."""
    import torch

    inner = keras.Model(model.inputs, tensor)
    shown = torch.tensor(image, requires_grad=True)
    made = inner(shown, training=False)
    found = []
    for unit in units:
        (moved,) = torch.autograd.grad(made[(0, *unit)].sum(), shown, retain_graph=True)
        found.append((moved != 0).numpy(force=True)[0])
    return found


@contextmanager
def linear() -> Iterator[None]:
    """Keras whose maxima are means and whose ReLU6 has no end, so that gradients tell all that is read."""
    from keras.src.backend.torch import nn

    kept = nn.max_pool, nn.relu6
    nn.max_pool, nn.relu6 = nn.average_pool, nn.relu
    try:
        yield
    finally:
        nn.max_pool, nn.relu6 = kept
