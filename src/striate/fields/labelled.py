"""Covers as xarray arrays, whose axes carry the numbers of the pixels or units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import MissingDependencyError
from striate.geometry import Box

if TYPE_CHECKING:
    import xarray


def labelled(
    name: str, values: NDArray[Any], axes: Iterable[str], box: Box, facts: Mapping[str, object]
) -> xarray.DataArray:
    """Values over a box as an array whose coordinates are the box's places; facts that are None are left out.

    Raises MissingDependencyError without xarray.
    """
    try:
        import xarray
    except ImportError as error:
        raise MissingDependencyError("to_xarray needs xarray: pip install xarray") from error
    places = {axis: np.arange(side.start, side.stop) for axis, side in zip(axes, box, strict=True)}
    known = {key: value for key, value in facts.items() if value is not None}
    return xarray.DataArray(values, places, tuple(places), name, known)
