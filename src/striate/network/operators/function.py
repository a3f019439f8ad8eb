"""What an operator computes where its reads do not tell: which function, with which constants."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from striate.errors import InputError
from striate.values import shown

Constant = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its name, and the constants it is given; without a name it is not known.

    Names are short and in lower case: ``relu``, ``leaky_relu`` (alpha), ``clip`` (min, max), ``add``, ``batch_norm``
    (epsilon), ``softmax``, ``layer_norm`` (epsilon), ``mean``, ``max``, ``average`` (include_pad). A function that the
    formats do not share has the name that its own format gives it.

    >>> Function.of("clip", max=6.0, min=0.0)
    Function(name='clip', constants=(('max', 6.0), ('min', 0.0)))
    """

    name: str = ""
    """Its name."""
    constants: tuple[tuple[str, Constant], ...] = ()
    """Name and value of each constant, in the order of their names."""

    def __post_init__(self) -> None:
        for key, value in self.constants:
            if not isinstance(key, str) or not isinstance(value, bool | int | float | str):
                raise InputError(f"a function's constants are names with numbers or texts, got {shown((key, value))}")

    @classmethod
    def of(cls, value: Any, /, **constants: Constant) -> Function:
        """The function of a name."""
        if not isinstance(value, str):
            raise InputError(f"must be a Function or the name of one, got {shown(value)}")
        return cls(value, tuple(sorted(constants.items())))

    def get(self, name: str) -> Constant | None:
        """A constant by its name; None where the function has none of that name."""
        return dict(self.constants).get(name)

    def json(self) -> dict[str, Any]:
        """The value as JSON holds it; numbers that JSON has no word for as ``{"float": "inf"}``."""
        return {"name": self.name, **{key: _written(value) for key, value in self.constants}}

    @classmethod
    def parse(cls, found: dict[str, Any]) -> Function:
        """What ``json`` wrote."""
        given = {key: _read(value) for key, value in found.items() if key != "name"}
        return cls(found["name"], tuple(sorted(given.items())))


UNKNOWN = Function()


def _written(value: Constant) -> Any:
    return {"float": str(value)} if isinstance(value, float) and not isfinite(value) else value


def _read(value: Any) -> Constant:
    made: Constant = float(value["float"]) if isinstance(value, dict) else value
    return made
