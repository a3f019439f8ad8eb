"""The question of what each framework makes of a window."""

from __future__ import annotations

from typing import Any

from striate.errors import InputError
from striate.geometry.conventions import SizeAnswer, output_sizes
from striate.serve.given import Given, place_in
from striate.serve.kernel import MOST_SIDE


def sizes(given: Given) -> list[list[dict[str, Any]]]:
    """What each framework makes of one window, for rows and for columns."""
    n, kernel, stride, dilation, padding = (
        place_in(given, name) for name in ("n", "kernel", "stride", "dilation", "padding")
    )
    if any(len(pair) != 2 for pair in (n, kernel, stride, dilation, padding)) or max(*n, *padding) > MOST_SIDE:
        raise InputError(f"sizes are asked for pairs of numbers up to {MOST_SIDE}")
    axes = zip(n, kernel, stride, dilation, padding, strict=True)
    return [[_told(answer) for answer in output_sizes(*numbers)] for numbers in axes]


def _told(answer: SizeAnswer) -> dict[str, Any]:
    return {
        "convention": answer.convention,
        "output": answer.output,
        "pads": list(answer.pads),
        "never": list(answer.never_read),
        "why": answer.why,
        "starts": [answer.window.reads(unit)[0] for unit in range(answer.output)],
    }
