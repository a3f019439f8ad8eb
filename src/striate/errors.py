"""The errors striate raises: one base class, few children."""

from __future__ import annotations


class StriateError(Exception):
    """Base of every error striate raises on purpose; its text is one line, whatever the names in it hold."""

    def __init__(self, text: str = "") -> None:
        super().__init__(" ".join(text.splitlines()))


class InputError(StriateError, ValueError):
    """An argument, shape, layer name or image that striate cannot use as asked."""


class ModelError(StriateError, ValueError):
    """A model file or module that cannot be read: damaged, hostile or inconsistent."""


class UnsupportedError(ModelError):
    """A model that is sound but uses an operator or feature striate has no rule for."""


class MissingDependencyError(StriateError, ImportError):
    """An optional library is needed; the text says what to install."""
