"""MODEL on the command line, read as a model; where its sizes are open, those that it takes are named."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

from striate.errors import InputError, OpenInputError, StriateError
from striate.formats.given import NOTHING, Given
from striate.formats.model import Model
from striate.formats.named import named_source
from striate.formats.sizing import fitting, hint
from striate.formats.unknown import Unknown

AUTO: Final = "auto"
Shapes = Mapping[str, tuple[int, ...]] | tuple[int, ...] | Literal["auto"] | None


def open_model(text: str, shapes: Shapes, unknown: str = Unknown.REFUSE, given: Given = NOTHING) -> Model:
    """MODEL at input shapes, read; raises the StriateError that says what is wrong.

    Where sizes are open and none are given, the error names sizes that the model takes; ``AUTO`` takes one.
    """
    if shapes == AUTO:
        return fitting(Model(named_source(text), None, Unknown.of(unknown), given=given))
    model = Model(named_source(text), shapes, Unknown.of(unknown), given=given)
    try:
        return model.read()
    except OpenInputError as error:
        raise InputError(f"{error}{_sizes(model)}") from error


def _sizes(model: Model) -> str:
    """Sizes that a model takes, as they are written; empty where none was found."""
    try:
        found = hint(model)
    except StriateError:
        return ""
    if found is None:
        return ""
    several = len(found.shapes) > 1
    given = " ".join(
        f"--input {name + '=' if several else ''}{'x'.join(map(str, shape))}" for name, shape in found.shapes.items()
    )
    steps = {None: "", 1: ", as do larger ones"}.get(found.step, f", as do larger ones in steps of {found.step}")
    return f"; {given} fits{steps}; --input auto takes it"


def open_for_photo(text: str, photo_size: tuple[int, int], unknown: str, given: Given = NOTHING) -> Model:
    """MODEL at the size of a photograph where its input is free, else at its own size."""
    model = Model(named_source(text), (1, 3, *photo_size), Unknown.of(unknown), given=given)
    try:
        return model.read()
    except StriateError as error:
        with suppress(StriateError):
            return model.at(None).read()
        raise error
