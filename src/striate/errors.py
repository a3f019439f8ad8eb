"""The errors striate raises: one base class, few children."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class StriateError(Exception):
    """Base of every error striate raises on purpose; its text is one line, whatever the names in it hold."""

    def __init__(self, text: str = "") -> None:
        super().__init__(" ".join(text.splitlines()))


class InputError(StriateError, ValueError):
    """An argument, shape, layer name or image that striate cannot use as asked."""


class OpenInputError(InputError):
    """An input whose size the model leaves open, and no shape was given."""


class ModelError(StriateError, ValueError):
    """A model file or module that cannot be read: damaged, hostile or inconsistent."""


class UnsupportedError(ModelError):
    """A model that is sound but uses an operator or feature striate has no rule for."""


class MissingDependencyError(StriateError, ImportError):
    """An optional library is needed; the text says what to install."""


class ShapeError(InputError):
    """Shapes or sizes that make no convolution; the text names what was expected and what came."""


class ArrayTypeError(StriateError, TypeError):
    """An array, tensor or module of a kind the convolutions do not take."""


class EngineError(MissingDependencyError):
    """A compiled algorithm was asked for and the compiled module is not there."""


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
