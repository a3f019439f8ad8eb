"""What one unit is said to read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.fields import Unit


@dataclass(frozen=True, eq=False, slots=True)
class Claim:
    """What a unit is said to read, over the spatial axes of the input.

    It reads at most that where it is a ``bound``; where the claim is ``local``, by paths that are not global.
    """

    unit: Unit
    mask: NDArray[np.bool_]
    bound: bool
    local: bool = False
