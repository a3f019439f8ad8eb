"""Errors of reading a file: its name before their text, and what damage does to sound arithmetic made one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from striate.errors import ModelError, StriateError

ACCIDENTS = (IndexError, MemoryError, OverflowError, RecursionError, ValueError, ZeroDivisionError)
"""What numbers and shapes of a damaged file can do to arithmetic that is right for a sound one."""


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """While open, an error gets the name of the file, and an accident of reading it is a ModelError."""
    try:
        yield
    except StriateError as error:
        raise type(error)(f"{name}: {_one_line(str(error))}") from error
    except ACCIDENTS as error:
        raise ModelError(f"{name}: inconsistent or too large to read ({type(error).__name__})") from error


def _one_line(text: str) -> str:
    """Control characters from a hostile file, made visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
