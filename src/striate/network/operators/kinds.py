"""The kinds of an operator's fields, told from their types: what each lets through, and how JSON holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Protocol, Union, get_args, get_origin

from striate.errors import InputError
from striate.network.operators.function import Function
from striate.network.operators.values import Mask, Places
from striate.values import instance, integer, items, shown, text

LARGEST = 1 << 31
MOST_TAPS = 1 << 20


class Kind(Protocol):
    """One kind of value."""

    def check(self, name: str, value: Any) -> Any:
        """The value as it is kept; InputError, naming it, where it is of another kind."""

    def json(self, value: Any) -> Any:
        """The value as JSON holds it."""

    def parse(self, name: str, found: Any) -> Any:
        """What ``json`` wrote, for ``check``."""


class Plain:
    """A kind that JSON holds as it is."""

    __slots__ = ()

    def json(self, value: Any) -> Any:
        """The value."""
        return value

    def parse(self, name: str, found: Any) -> Any:
        """What was found."""
        return found


@dataclass(frozen=True, slots=True)
class Integer(Plain):
    """An integer between bounds."""

    least: int = -LARGEST
    most: int = LARGEST

    def check(self, name: str, value: Any) -> int:
        """The integer; a bool is one."""
        if type(value) is int and self.least <= value <= self.most:
            return value
        return integer(name, value, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Number:
    """A float; JSON holds infinite ones as text."""

    def check(self, name: str, value: Any) -> float:
        """The number; an integer stands for its float."""
        if type(value) is float or (isinstance(value, int | float) and abs(value) < 2**1023):
            return float(value)
        raise InputError(f"{name} must be a number, got {shown(value)}")

    def json(self, value: float) -> float | str:
        """The number."""
        return value if isfinite(value) else str(value)

    def parse(self, name: str, found: Any) -> Any:
        """The number that a text means."""
        return float(found) if found in ("inf", "-inf", "nan") else found


@dataclass(frozen=True, slots=True)
class Flag(Plain):
    """True or false."""

    def check(self, name: str, value: Any) -> bool:
        """The truth."""
        return value if type(value) is bool else instance(name, value, bool)


@dataclass(frozen=True, slots=True)
class Word(Plain):
    """A string."""

    def check(self, name: str, value: Any) -> str:
        """The string."""
        return value if type(value) is str else text(name, value)


@dataclass(frozen=True, slots=True)
class Member:
    """One of an enumeration, or its value."""

    enum: type[Enum]

    def check(self, name: str, value: Any) -> Enum:
        """The member."""
        if type(value) is self.enum:
            return value
        for member in self.enum:
            if member.value == value:
                return member
        known = ", ".join(str(member.value) for member in self.enum)
        raise InputError(f"{name}: unknown {self.enum.__name__.lower()} {shown(value)}; known: {known}")

    def json(self, value: Enum) -> Any:
        """The member's value."""
        return value.value

    def parse(self, name: str, found: Any) -> Any:
        """The member's value."""
        return found


@dataclass(frozen=True, slots=True)
class Ratio:
    """A fraction; JSON holds its text."""

    def check(self, name: str, value: Any) -> Fraction:
        """The fraction; an integer stands for one."""
        return value if type(value) is Fraction else Fraction(integer(name, value))

    def json(self, value: Fraction) -> str:
        """The fraction as ``3/2``."""
        return str(value)

    def parse(self, name: str, found: Any) -> Fraction:
        """The fraction that a text means."""
        try:
            return Fraction(text(name, found))
        except (ValueError, ZeroDivisionError):
            raise InputError(f"{name} must be a fraction, got {shown(found)}") from None


@dataclass(frozen=True, slots=True)
class Held:
    """A value of one of the operators' own types, or what makes one: an array, a function's name."""

    type: type[Mask] | type[Places] | type[Function]

    def check(self, name: str, value: Any) -> Mask | Places | Function:
        """The value."""
        try:
            return value if type(value) is self.type else self.type.of(value)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    def json(self, value: Mask | Places | Function) -> dict[str, Any]:
        """The value's own writing."""
        return value.json()

    def parse(self, name: str, found: Any) -> Mask | Places | Function:
        """The value that was written."""
        try:
            return self.type.parse(found)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{name}: no {self.type.__name__.lower()}: {error}") from None


@dataclass(frozen=True, slots=True)
class Maybe:
    """Another kind, or None."""

    kind: Kind

    def check(self, name: str, value: Any) -> Any:
        """The value."""
        return None if value is None else self.kind.check(name, value)

    def json(self, value: Any) -> Any:
        """The value as its own kind writes it."""
        return None if value is None else self.kind.json(value)

    def parse(self, name: str, found: Any) -> Any:
        """The value as its own kind reads it."""
        return None if found is None else self.kind.parse(name, found)


@dataclass(frozen=True, slots=True)
class Each:
    """Any number of values of one kind."""

    kind: Kind

    def check(self, name: str, value: Any) -> tuple[Any, ...]:
        """The values as a tuple."""
        check = self.kind.check
        return tuple([check(name, item) for item in (value if type(value) is tuple else items(name, value))])

    def json(self, value: tuple[Any, ...]) -> list[Any]:
        """The values as a list."""
        return [self.kind.json(item) for item in value]

    def parse(self, name: str, found: Any) -> tuple[Any, ...]:
        """The values of a list."""
        return tuple(self.kind.parse(name, item) for item in items(name, found))


@dataclass(frozen=True, slots=True)
class Row:
    """One value of each of some kinds."""

    kinds: tuple[Kind, ...]

    def check(self, name: str, value: Any) -> tuple[Any, ...]:
        """The values as a tuple."""
        found = value if type(value) is tuple else items(name, value)
        if len(found) != len(self.kinds):
            raise InputError(f"{name} holds {shown(value)}, which should be {len(self.kinds)} values")
        return tuple([kind.check(name, item) for kind, item in zip(self.kinds, found, strict=True)])

    def json(self, value: tuple[Any, ...]) -> list[Any]:
        """The values as a list."""
        return [kind.json(item) for kind, item in zip(self.kinds, value, strict=True)]

    def parse(self, name: str, found: Any) -> tuple[Any, ...]:
        """The values of a list."""
        listed = items(name, found)
        if len(listed) != len(self.kinds):
            raise InputError(f"{name} holds {shown(found)}, which should be {len(self.kinds)} values")
        return tuple(kind.parse(name, item) for kind, item in zip(self.kinds, listed, strict=True))


PLAIN: Mapping[Any, Kind] = {
    int: Integer(),
    float: Number(),
    bool: Flag(),
    str: Word(),
    Fraction: Ratio(),
    Mask: Held(Mask),
    Places: Held(Places),
    Function: Held(Function),
}


def kind_of(hint: Any) -> Kind:
    """The kind that a field's type means.

    >>> kind_of(tuple[int, ...]).check("order", [1, 0])
    (1, 0)
    """
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Member(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind: Kind = parts[1]
        return kind
    if origin in (Union, UnionType) and len(parts) == 2 and NoneType in parts:
        return Maybe(kind_of(next(part for part in parts if part is not NoneType)))
    if origin is tuple and parts[1:] == (...,):
        return Each(kind_of(parts[0]))
    if origin is tuple:
        return Row(tuple(kind_of(part) for part in parts))
    raise TypeError(f"no kind of field for the type {hint}")


Positive = Annotated[int, Integer(1)]
Size = Annotated[int, Integer(0)]
Axis = Annotated[int, Integer(0, 1 << 10)]
Tap = Annotated[int, Integer(1, MOST_TAPS)]
Pad = Annotated[int, Integer(-MOST_TAPS, MOST_TAPS)]

Sizes = tuple[Size, ...]
Axes = tuple[Axis, ...]
Taps = tuple[Tap, ...]
Extras = tuple[Pad, ...]
Pads = tuple[tuple[Pad, Pad], ...]
