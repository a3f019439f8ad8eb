"""What a caller hands over, read once: an integer, some integers, a word; anything else is refused in one line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import MISSING, Field, fields
from operator import index
from typing import Any, TypeVar, overload

from striate.errors import InputError

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

SHOWN = 60
LISTED = 4


def as_integer(value: object) -> int | None:
    """``value`` where it is an integer of any type, None where it is not.

    A symbol that torch traces a size with stands for an integer and stays as it is.

    >>> as_integer(True), as_integer(2.0)
    (1, None)
    """
    if type(value) is int:
        return value
    if hasattr(value, "node") and hasattr(value, "__index__"):
        return value  # type: ignore[return-value]
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def integer(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """``value`` as an integer of at least ``least`` and at most ``most``; InputError, naming it, where it is none.

    >>> integer("stride", True), integer("stride", 3, 1)
    (1, 3)
    """
    number = as_integer(value)
    if number is None:
        raise InputError(f"{name} must be an integer, got {shown(value)}")
    if least is not None and number < least:
        raise InputError(f"{name} must be at least {least}, got {shown(number)}")
    if most is not None and number > most:
        raise InputError(f"{name} must be at most {most}, got {shown(number)}")
    return number


def as_list(value: object) -> list[Any] | None:
    """The items of a sequence or an array, None for what has no length or no order.

    >>> as_list((2, 3)), as_list("23"), as_list({2, 3})
    ([2, 3], None, None)
    """
    if type(value) is tuple or type(value) is list:
        return list(value)
    if isinstance(value, str | bytes | Set | Mapping) or not isinstance(value, Collection):
        return None
    try:
        return list(value)
    except TypeError:  # an array of no axes
        return None


def items(name: str, value: object) -> list[Any]:
    """What a sequence holds; InputError, naming it, for anything without an order."""
    if not isinstance(value, str | bytes | set | dict) and isinstance(value, Iterable):
        try:
            return list(value)
        except TypeError:  # an array of no axes
            pass
    raise InputError(f"{name} must be a sequence, got {shown(value)}")


def integers(name: str, value: object, least: int | None = None, most: int | None = None) -> tuple[int, ...]:
    """Some integers as a tuple; InputError, naming them, where they are none.

    >>> integers("sizes", [2, 3])
    (2, 3)
    """
    return tuple(integer(name, item, least, most) for item in items(name, value))


@overload
def text(name: str, value: object) -> str: ...
@overload
def text(name: str, value: object, choices: Iterable[Word]) -> Word: ...
def text(name: str, value: object, choices: Iterable[str] = ()) -> str:
    """A string, one of ``choices`` where there are any; InputError, naming it, for anything else.

    >>> text("unknown", "whole", ("refuse", "whole"))
    'whole'
    """
    allowed = tuple(choices)
    if not isinstance(value, str) or (allowed and value not in allowed):
        what = f"one of {', '.join(map(repr, allowed))}" if allowed else "a string"
        raise InputError(f"{name} must be {what}, got {shown(value)}")
    return value


def instance(name: str, value: object, kind: type[T]) -> T:
    """``value`` where it is a ``kind``; InputError, naming it, where it is not."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise InputError(f"{name} must be {article} {kind.__name__}, got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A value in a few words on one line: arrays by type and shape, long ones cut.

    >>> shown(list(range(100)))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...'
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape and hasattr(value, "dtype"):
        return f"an array of shape {tuple(shape)} and type {value.dtype}"
    try:
        words = " ".join(repr(value).split())
    except Exception:
        words = f"a {type(value).__name__}"
    return words if len(words) <= SHOWN else words[: SHOWN - 3] + "..."


def brief(value: Any) -> str:
    """A dataclass in a line or two, for its ``__repr__``: what differs from the defaults, arrays and long lists cut.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Places:
    ...     rows: tuple[int, ...]
    ...     channel: int | None = None
    ...     __repr__ = brief
    >>> Places((3, 4)), Places(tuple(range(99)), 2)
    (Places(rows=(3, 4)), Places(rows=(0, 1, ... 99 in all), channel=2))
    """
    told = [item for item in fields(value) if item.repr and not _is_default(item, getattr(value, item.name))]
    words = ", ".join(f"{item.name}={_item(getattr(value, item.name))}" for item in told)
    return f"{type(value).__name__}({words})"


def _is_default(item: Field[Any], value: object) -> bool:
    return item.default is not MISSING and isinstance(value, type(item.default)) and value == item.default


def _item(value: Any) -> str:
    if type(value) in (tuple, list) and len(value) > LISTED:
        return f"({', '.join(map(_item, value[:2]))}, ... {len(value)} in all)"
    if type(value) is tuple:
        return f"({', '.join(map(_item, value))}{',' if len(value) == 1 else ''})"
    return shown(value) if hasattr(value, "dtype") else repr(value)
