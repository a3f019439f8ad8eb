"""What the page sends with a question, read once into values; one line says what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.values import shown

Given = Mapping[str, Any]
Numbers = NDArray[np.float64]


def text_in(given: Given, name: str) -> str:
    """A text."""
    value = given.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text, got {shown(value)}")
    return value


def texts_in(given: Given, name: str) -> list[str]:
    """A list of texts."""
    values = given.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{name} must be a list of texts, got {shown(values)}")
    return values


def place_in(given: Given, name: str) -> list[int]:
    """A list of whole numbers."""
    values = given.get(name)
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise InputError(f"{name} must be a list of whole numbers, got {shown(values)}")
    return values


def number_in(given: Given, name: str) -> int:
    """A whole number."""
    value = given.get(name)
    if type(value) is not int:
        raise InputError(f"{name} must be a whole number, got {shown(value)}")
    return value


def flag_in(given: Given, name: str) -> bool:
    """True or false; false where nothing is sent."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false, got {shown(value)}")
    return value


def numbers_in(given: Given, name: str, axes: int, most: int) -> Numbers:
    """Finite numbers in nested lists, ``axes`` deep, no list longer than ``most``."""
    try:
        values = np.array(given.get(name), dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise InputError(f"{name} must be numbers in {axes} nested lists of equal lengths") from None
    if values.ndim != axes or 0 in values.shape or max(values.shape) > most:
        raise InputError(f"{name} must have {axes} axes of 1 to {most}, got {'x'.join(map(str, values.shape)) or 0}")
    if not np.isfinite(values).all():
        raise InputError(f"{name} holds numbers that are not finite")
    return values
