"""What every executor is: something with a name that turns the arrays of inputs into those of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.names import did_you_mean
from striate.network import Network
from striate.network.network import sized
from striate.values import shown

Array = NDArray[Any]


class Runner(Protocol):
    """An executor of one network."""

    @property
    def name(self) -> str:
        """What computes: ``onnxruntime``, ``torch``, ``reference``."""

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers, by the names asked for; none named: the network's outputs.

        ``feeds`` holds an array for each input of the network, in its shape. Raises InputError for feeds that do not
        fit and layers that are not there.
        """


def checked_feeds(network: Network, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """An array for each input of a network; InputError where one is missing, unknown or of another shape.

    >>> from striate.network.builder import Builder
    >>> from striate.network.operators import Elementwise
    >>> b = Builder("one", x=(1, 2))
    >>> y = b.add(Elementwise(), "x")
    >>> checked_feeds(b.network(), {"x": [[1.0, 2.0]]})["x"].shape
    (1, 2)
    """
    if not isinstance(feeds, Mapping):
        raise InputError(f"feeds must map the names of inputs to arrays, got {shown(feeds)}")
    names = ", ".join(f"{name} {sized(network.shapes[name])}" for name in network.inputs)
    for name in feeds:
        if name not in network.inputs:
            raise InputError(f"no input {name!r}{did_you_mean(str(name), network.inputs)} Inputs: {names}")
    found: dict[str, Array] = {}
    for name in network.inputs:
        if name not in feeds:
            raise InputError(f"no array is fed for input {name!r}; the inputs are {names}")
        array = np.asarray(feeds[name])
        if array.shape != network.shapes[name]:
            raise InputError(f"input {name!r} takes {sized(network.shapes[name])}, is fed {sized(array.shape)}")
        found[name] = array
    return found


def cast_to(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """An array as an input's own type: floats of another width are rounded, all else must fit without loss."""
    both_floats = array.dtype.kind == dtype.kind == "f"
    if not both_floats and not np.can_cast(array.dtype, dtype):
        raise InputError(f"input {name!r} takes {dtype}, is fed {array.dtype}; convert it with array.astype('{dtype}')")
    return array.astype(dtype, copy=False)
