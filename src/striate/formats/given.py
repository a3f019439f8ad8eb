"""What a caller gives of a model's inputs beside their shapes: element types, and the values of scalars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from striate.errors import InputError
from striate.formats.shapes import dtypes_in
from striate.frozen import FrozenDict
from striate.names import did_you_mean
from striate.values import shown, text

DTYPES = (
    "float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
    "complex64", "complex128",
)  # fmt: skip

Value = bool | int | float
Dtypes = str | Mapping[str, str] | None
Values = Mapping[str, Value] | None


@dataclass(frozen=True, slots=True)
class Given:
    """``dtypes`` by the names of inputs, that of all others under the empty name; ``values`` of inputs that stay fixed.

    >>> Given.of("int64", {"rate": 16000})
    Given(dtypes={'': 'int64'}, values={'rate': 16000})
    """

    dtypes: FrozenDict[str, str] = field(default_factory=FrozenDict)
    values: FrozenDict[str, Value] = field(default_factory=FrozenDict)

    @classmethod
    def of(cls, dtypes: Dtypes, values: Values, shapes: object = None) -> Given:
        """What a caller wrote, read once; arrays among ``shapes`` say their types.

        Raises InputError for anything else.
        """
        named = {"": dtypes} if not isinstance(dtypes, Mapping) else dtypes
        chosen = {**dtypes_in(shapes), **{name: dtype for name, dtype in named.items() if dtype is not None}}
        if not isinstance(values, Mapping | None):
            raise InputError(f"values must map the names of inputs to numbers, got {shown(values)}")
        for name, value in (values or {}).items():
            text("the name of an input", name)
            if not isinstance(value, bool | int | float):
                raise InputError(f"the value of {name!r} must be a number, True or False, got {shown(value)}")
        return cls(FrozenDict({name: _dtype(dtype) for name, dtype in chosen.items()}), FrozenDict(values or {}))

    def dtype(self, name: str) -> str | None:
        """The element type of an input, where one is given."""
        return self.dtypes.get(name, self.dtypes.get(""))

    def known(self, names: Mapping[str, object]) -> None:
        """Raise InputError where a type or a value is given for what is no input."""
        for name in (*self.dtypes, *self.values):
            if name and name not in names:
                raise InputError(f"no input {name!r}{did_you_mean(name, list(names))} Inputs: {', '.join(names)}")


NOTHING = Given()
"""Nothing beside the shapes."""


def _dtype(given: object) -> str:
    word = str(given).removeprefix("torch.")
    aliases = {"half": "float16", "float": "float32", "double": "float64", "int": "int32", "long": "int64"}
    return text("dtype", aliases.get(word, word), DTYPES)
