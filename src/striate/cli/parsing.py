"""The words a user types, read once into values: shapes, positions, sizes, scales."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import click

from striate.cli.models import AUTO
from striate.errors import InputError
from striate.formats.given import DTYPES
from striate.show import parse_pixel_size, parse_rate

LARGEST_SWEEP = 1000
LARGEST_SIDE = 10_000_000
LETTERS = "NCDHWLTS"


class _Parsed(click.ParamType[Any]):
    """A parameter read by a function that raises InputError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; a value that is read already stays."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


def parse_shape(text: str) -> tuple[str, tuple[int, ...] | Literal["auto"]]:
    """``1x3x224x224`` or ``name=1x3x224x224`` as (name, shape); the name is empty where none is given.

    ``name=scalar`` has no axes; ``auto`` leaves the choice to striate.
    """
    if text == AUTO:
        return "", AUTO
    name, _, numbers = text.rpartition("=")
    if name and numbers == "scalar":
        return name, ()
    if not re.fullmatch(r"\d+([x,]\d+)*", numbers):
        raise InputError(f"{text!r} is no shape; write it like 1x3x224x224 or name=1x3x224x224")
    return name, tuple(int(n) for n in re.split("[x,]", numbers))


def parse_value(text: str) -> tuple[str, bool | int | float]:
    """``name=16000``, ``name=0.5`` or ``name=true`` as (name, value)."""
    name, _, word = text.rpartition("=")
    if name and word.lower() in ("true", "false"):
        return name, word.lower() == "true"
    for kind in (int, float):
        with suppress(ValueError):
            if name:
                return name, kind(word)
    raise InputError(f"{text!r} sets no value; write the input's name and a number, like sr=16000")


def parse_dtype(text: str) -> tuple[str, str]:
    """``int64`` or ``name=int64`` as (name, dtype); the name is empty where none is given."""
    name, _, word = text.rpartition("=")
    if word not in DTYPES:
        raise InputError(f"{text!r} is no element type; write one of {', '.join(DTYPES)}, or name=int64")
    return name, word


def parse_position(text: str) -> tuple[int, ...]:
    """``Y,X`` as indices."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise InputError(f"{text!r} is no position; write one index per spatial axis, like 12,30")
    return tuple(int(n) for n in text.split(","))


def parse_unit(text: str) -> tuple[int, ...] | tuple[tuple[int, ...], tuple[int, ...]]:
    """``Y,X`` as indices, ``Y,X/V,U`` as a pair of them: a unit's place and one within it."""
    if not re.fullmatch(r"\d+(,\d+)*(/\d+(,\d+)*)?", text):
        raise InputError(
            f"{text!r} is no unit; write one index per axis, like 12,30, and behind a stroke those of a place within it"
        )
    at, *within = (tuple(int(n) for n in part.split(",")) for part in text.split("/"))
    return (at, within[0]) if within else at


def parse_sizes(text: str) -> list[int | tuple[int, ...]]:
    """``224,256,300x400`` or ``200:260`` or ``200:260:4`` (stop included) as sizes."""
    ranged = re.fullmatch(r"(\d+):(\d+)(?::(\d+))?", text)
    if ranged:
        start, stop, step = int(ranged[1]), int(ranged[2]), int(ranged[3] or 1)
        if not 1 <= start <= stop or step < 1 or (stop - start) // step >= LARGEST_SWEEP:
            raise InputError(f"{text!r}: write first:last:step, 1 <= first <= last, at most {LARGEST_SWEEP} sizes")
        return list(range(start, stop + 1, step))
    if not re.fullmatch(r"\d+(x\d+)*(,\d+(x\d+)*)*", text):
        raise InputError(f"{text!r} names no sizes; write 224,256,300x400 or first:last:step")
    sizes = [tuple(int(n) for n in part.split("x")) for part in text.split(",")]
    if len(sizes) > LARGEST_SWEEP or any(n < 1 for size in sizes for n in size):
        raise InputError(f"{text!r}: sizes start at 1, and there are at most {LARGEST_SWEEP}")
    return [size[0] if len(size) == 1 else size for size in sizes]


def parse_layout(text: str) -> str:
    """One letter per axis of N, C and the spatial ones, each at most once."""
    if not text or set(text) - set(LETTERS) or len(set(text)) < len(text):
        raise InputError(
            f"{text!r} is no layout; write one letter per axis of {' '.join(LETTERS)}, each once, like NHWC"
        )
    return text


def parse_columns(text: str) -> tuple[str, ...]:
    """``layer,size`` as names."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(f"{text!r} names no columns; write them with commas, like layer,size,stride")
    return names


def parse_sides(text: str) -> tuple[int, int]:
    """``4`` as (4, 4), ``4x6`` as (4, 6)."""
    found = re.fullmatch(r"(\d{1,8})(?:x(\d{1,8}))?", text)
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= min(sides) <= max(sides) <= LARGEST_SIDE:
        raise InputError(f"{text!r} is no size; write 4, or 4x6 for height and width, from 1 to {LARGEST_SIDE:,}")
    return sides


COLUMNS = _Parsed("COLUMNS", parse_columns)
SHAPE = _Parsed("SHAPE", parse_shape)
VALUE = _Parsed("NAME=VALUE", parse_value)
DTYPE = _Parsed("DTYPE", parse_dtype)
POSITION = _Parsed("Y,X", parse_position)
UNIT = _Parsed("Y,X", parse_unit)
SIZES = _Parsed("SIZES", parse_sizes)
SIDES = _Parsed("SIDES", parse_sides)
PIXEL_SIZE = _Parsed("SIZE", parse_pixel_size)
RATE = _Parsed("RATE", parse_rate)
LAYOUT = _Parsed("LETTERS", parse_layout)
FILE = click.Path(path_type=Path, dir_okay=False)
