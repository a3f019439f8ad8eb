"""What may be missing, of a value that the test made so that it is there."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def sure(value: T | None) -> T:
    """``value``, which is there."""
    assert value is not None
    return value
