"""Where a runtime's rounding puts units of a smooth resize that stand exactly on a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry.resize import Place

MOST = 1 << 62


def beside(place: Place, n: int, computed: NDArray[np.floating[Any]]) -> bool:
    """Whether a unit that stands exactly on one of ``n`` pixels is ``computed`` to stand a little beside it.

    It then reads the pixels around with weights of the size of a rounding error, which are not zero.

    >>> from fractions import Fraction
    >>> fifth = float(np.float32(0.2))
    >>> beside((Fraction(1, 5), Fraction(-2, 5)), 2, (fifth * (np.arange(10) + 0.5) - 0.5).astype(np.float32))
    True
    """
    slope, origin = place
    whole = slope.denominator * origin.denominator
    step, first = slope.numerator * origin.denominator, origin.numerator * slope.denominator
    if max(abs(step) * len(computed), abs(first), whole) > MOST:
        return False
    places = first + step * np.arange(len(computed))
    exact, rest = np.divmod(places, whole)
    on = (rest == 0) & (exact >= 0) & (exact < n)
    return bool((computed[on] != exact[on]).any())
