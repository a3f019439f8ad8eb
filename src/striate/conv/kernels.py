"""Kernels and grids as a person types them, and kernels that have a name."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.names import did_you_mean

Grid = NDArray[np.float64]

LARGEST = 4096
NAMED: dict[str, str] = {
    "identity": "0 0 0; 0 1 0; 0 0 0",
    "mean": "1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9",
    "blur": "1/16 1/8 1/16; 1/8 1/4 1/8; 1/16 1/8 1/16",
    "sharpen": "0 -1 0; -1 5 -1; 0 -1 0",
    "edges": "-1 -1 -1; -1 8 -1; -1 -1 -1",
    "laplace": "0 1 0; 1 -4 1; 0 1 0",
    "sobel-x": "-1 0 1; -2 0 2; -1 0 1",
    "sobel-y": "-1 -2 -1; 0 0 0; 1 2 1",
    "emboss": "-2 -1 0; -1 1 1; 0 1 2",
}


def parse_grid(text: str) -> Grid:
    """Numbers in rows: ``1 2; 3 4``, or ``2x3`` for 0 to 5; fractions such as ``1/9`` are numbers too.

    >>> parse_grid("1 1/2; 3 4").tolist(), parse_grid("2x3").tolist()
    ([[1.0, 0.5], [3.0, 4.0]], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    """
    sized = re.fullmatch(r"\s*(\d{1,4})x(\d{1,4})\s*", text)
    if sized:
        rows, columns = int(sized[1]), int(sized[2])
        if not 1 <= rows * columns <= LARGEST:
            raise InputError(f"{text!r}: a grid has 1 to {LARGEST:,} numbers, this one {rows * columns:,}")
        return np.arange(float(rows * columns)).reshape(rows, columns)
    found = [[_number(word, text) for word in re.split(r"[\s,]+", row.strip())] for row in text.strip(" ;").split(";")]
    if len({len(row) for row in found}) > 1:
        raise InputError(f"{text!r}: rows have {', '.join(str(len(row)) for row in found)} numbers; give each as many")
    return np.array(found, dtype=np.float64)


def parse_kernel(text: str) -> Grid:
    """A kernel by its name, or typed as a grid; InputError for what is neither.

    >>> parse_kernel("laplace").tolist()
    [[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if text in NAMED:
        return parse_grid(NAMED[text])
    if re.fullmatch(r"[a-z][a-z-]*", text):
        raise InputError(f"no kernel {text!r}{did_you_mean(text, NAMED)} Kernels: {', '.join(NAMED)}")
    return parse_grid(text)


def _number(word: str, text: str) -> float:
    over, _, under = word.partition("/")
    try:
        value = float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{text!r}: {word!r} is no number; write rows such as '1 0 -1; 2 0 -2; 1 0 -1'") from None
    if not np.isfinite(value):
        raise InputError(f"{text!r}: {word!r} is not finite")
    return value
