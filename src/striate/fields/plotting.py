"""A field drawn on axes of matplotlib: the pixels read, their hull, and where it reaches without the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError
from striate.geometry import Box, Interval
from striate.values import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNREAD, READ, INK = 0.15, 0.75, "#d97706"
THIN = Box([Interval(0, 1)])


def plotted(mask: NDArray[np.bool_], hull: Box, unclipped: Box | None, title: str, ax: object = None) -> Axes:
    """The pixels of an input of one or two axes, those read bright, on ``ax`` or on new axes of pyplot.

    Raises MissingDependencyError without matplotlib, InputError for another number of axes or an ``ax`` that is none.
    """
    try:
        from matplotlib import pyplot
        from matplotlib.axes import Axes
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise MissingDependencyError("plot needs matplotlib: pip install 'striate[plot]'") from error
    if mask.ndim not in (1, 2):
        raise InputError(f"plot draws an input of one or two spatial axes, this one has {mask.ndim}; see to_xarray")
    if ax is not None and not isinstance(ax, Axes):
        raise InputError(f"ax must be axes of matplotlib, got {shown(ax)}")
    axes = pyplot.figure().add_subplot() if ax is None else ax
    plane = mask.reshape((1, -1)) if mask.ndim == 1 else mask
    axes.imshow(np.where(plane, READ, UNREAD), cmap="Greys_r", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_aspect("equal" if mask.ndim == 2 else "auto")
    for box, dashes in ((unclipped, "--"), (hull, "-")):
        if box is None or box.empty or not all(side.bounded for side in box):
            continue
        rows, columns = box if mask.ndim == 2 else (*THIN, *box)
        corner = (columns.start - 0.5, rows.start - 0.5)
        axes.add_patch(
            Rectangle(corner, columns.size, rows.size, fill=False, edgecolor=INK, linewidth=1.5, linestyle=dashes)
        )
    axes.autoscale_view()
    axes.set_title(title)
    if mask.ndim == 1:
        axes.set_yticks([])
    return axes
