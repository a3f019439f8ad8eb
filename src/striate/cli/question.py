"""A model as the command line names it: MODEL, and the options that say how its input is to be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click

from striate.cli.models import AUTO, Shapes, open_for_photo, open_model
from striate.cli.parsing import DTYPE, LAYOUT, SHAPE, VALUE
from striate.errors import InputError
from striate.fields import Fields
from striate.formats.given import NOTHING, Given
from striate.formats.model import Model
from striate.formats.unknown import Unknown
from striate.photos import read_photo


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
