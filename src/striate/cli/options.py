"""The words a user types, read once into values: shapes, positions, sizes, scales."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click
from click.decorators import FC

from striate.cli.models import AUTO, Shapes, open_for_photo, open_model
from striate.errors import InputError
from striate.fields import Fields
from striate.formats.given import DTYPES, NOTHING, Given
from striate.formats.model import Model
from striate.formats.unknown import Unknown
from striate.photos import FITS, read_photo
from striate.show import parse_pixel_size, parse_rate
from striate.show.words import LANGUAGES

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
SIZES = _Parsed("SIZES", parse_sizes)
SIDES = _Parsed("SIDES", parse_sides)
PIXEL_SIZE = _Parsed("SIZE", parse_pixel_size)
RATE = _Parsed("RATE", parse_rate)
LAYOUT = _Parsed("LETTERS", parse_layout)
FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A model as the command line names it, and how its input is to be taken."""

    model: str
    shapes: Shapes
    source: str | None
    layout: str | None
    unknown: str
    given: Given = NOTHING
    local: bool = False

    def open(self) -> Model:
        """The model, read; raises the StriateError that says what is wrong."""
        return open_model(self.model, self.shapes, self.unknown, self.given)

    def open_at(self, photos: Sequence[Path]) -> Model:
        """The model, where no shape is given and its input is free at the size of the first photograph that can be
        read; raises the StriateError that says what is wrong.
        """
        if self.shapes is not None:
            return self.open()
        for path in photos:
            with suppress(InputError):
                height, width, _ = read_photo(path).shape
                break
        else:
            raise InputError(f"none of {len(photos)} pictures can be read, such as {photos[0]}")
        return open_for_photo(self.model, (height, width), self.unknown, self.given)

    def fields(self) -> Fields:
        """The model's fields; raises the StriateError that says what is wrong."""
        return self.fields_of(self.open())

    def fields_of(self, model: Model) -> Fields:
        """The fields of a model read already."""
        fields = Fields(model, self.source, self.layout)
        return fields.local if self.local else fields


Shaped = tuple[tuple[str, tuple[int, ...] | Literal["auto"]], ...]


def shapes_of(given: Shaped, option: str = "--input") -> Shapes:
    """Every ``--input`` as one shape, a mapping where inputs are named, or None for none.

    Raises InputError for one that is given twice, or that has no name beside others.
    """
    if not given:
        return None
    if len(given) == 1 and not given[0][0]:
        return given[0][1]
    if not all(name for name, _ in given):
        raise InputError(
            f"{option} is given {len(given)} times: give one shape, or name each input, "
            f"{option} a=1x3x64x64 {option} b=1x10"
        )
    names = [name for name, _ in given]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{option} {name} is given {names.count(name)} times; each input has one shape")
    return {name: shape for name, shape in given if shape != AUTO}


def given_of(dtypes: Sequence[tuple[str, str]], values: Sequence[tuple[str, bool | int | float]]) -> Given:
    """Every ``--dtype`` and ``--set``; raises InputError for an input that one of them names twice."""
    for option, pairs in (("--dtype", dtypes), ("--set", values)):
        names = [name for name, _ in pairs]
        for name in names:
            times = names.count(name)
            if times > 1:
                raise InputError(f"{option} is given {times} times for {name or 'all inputs'}; give it once")
    return Given.of(dict(dtypes), dict(values))


def named_input(given: Shaped) -> str | None:
    """The input that ``--input`` names, where it names one alone."""
    return given[0][0] or None if len(given) == 1 else None


layout_option = click.option(
    "--layout", type=LAYOUT, metavar="LETTERS", help="The input's axes by letters of N C D H W L T, such as NHWC."
)
source_option = click.option(
    "--source",
    metavar="NAME",
    help="The input whose pixels count (default: the one that --input names alone, else the first behind "
    "a convolution, else the first of highest rank; states, masks and weights by name last).",
)
input_option = click.option(
    "--input",
    "inputs",
    type=SHAPE,
    multiple=True,
    metavar="SHAPE",
    help="Input shape, such as 1x3x224x224, or name=SHAPE, once per input; name=scalar for one number, auto for a "
    "size that the model takes.",
)
set_option = click.option(
    "--set",
    "values",
    type=VALUE,
    multiple=True,
    metavar="NAME=VALUE",
    help="The value of an input that is one number, such as sr=16000; repeatable.",
)
dtype_option = click.option(
    "--dtype",
    "dtypes",
    type=DTYPE,
    multiple=True,
    metavar="DTYPE",
    help="Element type of a torch model's inputs, such as int64 for token ids, or name=int64.",
)

unknown_option = click.option(
    "--unknown",
    type=click.Choice([word.value for word in Unknown]),
    default=Unknown.REFUSE.value,
    show_default=True,
    help="An operator without a rule: refuse the model, or count it as seeing everything.",
)


def model_options(function: Callable[..., None]) -> Callable[..., None]:
    """MODEL and the options of every command that reads one, handed on as a Question."""

    @wraps(function)
    def ask(
        model: str,
        inputs: Any,
        source: str | None,
        layout: str | None,
        unknown: str,
        dtypes: Any,
        values: Any,
        **rest: Any,
    ) -> None:
        chosen = named_input(inputs) if source is None else source
        function(Question(model, shapes_of(inputs), chosen, layout, unknown, given_of(dtypes, values)), **rest)

    decorated: Callable[..., None] = ask
    for decorate in (
        unknown_option,
        layout_option,
        source_option,
        dtype_option,
        set_option,
        input_option,
        click.argument("model"),
    ):
        decorated = decorate(decorated)
    return decorated


def local_option(function: Callable[..., None]) -> Callable[..., None]:
    """``--local``, handed on in the Question."""

    @wraps(function)
    def ask(question: Question, local: bool, **rest: Any) -> None:
        function(replace(question, local=local), **rest)

    described = "Leave out the paths through global operators (global pooling, attention, flatten)."
    return click.option("--local", is_flag=True, help=described)(ask)


pixel_size_option = click.option(
    "--pixel-size", type=PIXEL_SIZE, metavar="SIZE", help="Size of a pixel, such as 0.25um: adds fields in that unit."
)
rate_option = click.option(
    "--rate", type=RATE, metavar="RATE", help="Samples per second, such as 16kHz: adds fields in milliseconds."
)


def _fit_option(default: str) -> Callable[[FC], FC]:
    return click.option(
        "--fit",
        type=click.Choice(FITS),
        default=default,
        show_default=True,
        help="A photograph of another shape than the input is refused, cropped, or padded with grey; never stretched.",
    )


fit_option, crop_option = _fit_option("refuse"), _fit_option("crop")
black_option = click.option(
    "--black", type=float, multiple=True, default=(0.0,), show_default=True, help="Black in the input."
)
white_option = click.option(
    "--white", type=float, multiple=True, default=(1.0,), show_default=True, help="White in the input."
)
lang_option = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="English or Chinese."
)


def level(given: tuple[float, ...]) -> float | tuple[float, ...]:
    """``--black`` or ``--white``: given once, the number for all channels."""
    return given if len(given) > 1 else given[0]


def plain_json(as_json: bool, lang: str) -> None:
    """InputError where JSON is asked for in a language: it holds names and numbers alone."""
    if as_json and lang != "en":
        raise InputError(f"--json is the same in every language; leave out --lang {lang}")
