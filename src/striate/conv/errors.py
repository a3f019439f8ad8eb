"""The errors of the convolution room."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from striate.errors import InputError, MissingDependencyError, StriateError

P = ParamSpec("P")
T = TypeVar("T")


class ShapeError(InputError):
    """Shapes or sizes that make no convolution; the text names what was expected and what came."""


class ArrayTypeError(StriateError, TypeError):
    """An array, tensor or module of a kind the convolutions do not take."""


class EngineError(MissingDependencyError):
    """A compiled way was asked for and the compiled module is not there."""


def named(operation: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Puts the operation's name before the text of striate's own errors, and of a want of memory."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except StriateError as error:
                raise type(error)(f"{operation}: {error}") from None
            except MemoryError as error:
                raise InputError(f"{operation}: takes more memory than there is: {error}") from None

        return call

    return decorate


__all__ = [
    "ArrayTypeError",
    "EngineError",
    "InputError",
    "MissingDependencyError",
    "ShapeError",
    "StriateError",
    "named",
]
