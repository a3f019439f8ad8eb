"""Photographs on their way in, sketches on their way into files of the kind that their name says."""

from __future__ import annotations

from pathlib import Path

from striate.cli.models import open_for_photo
from striate.cli.question import Question
from striate.errors import InputError
from striate.formats.model import Model
from striate.photos import read_photo
from striate.show.sketch import Sketch, to_png, to_svg


def kind_of(out: Path, kinds: tuple[str, ...] = ("png", "svg"), lang: str = "en") -> str:
    """The kind of a picture's file by its ending; InputError for another, and for words that it has no letters for."""
    kind = out.suffix[1:].lower()
    if kind not in kinds:
        named = " or ".join([", ".join(f".{k}" for k in kinds[:-1]), f".{kinds[-1]}"])
        raise InputError(f"{out}: the picture is a {named} file")
    if lang != "en" and kind != "svg":
        raise InputError(f"a {kind.upper()} has no Chinese letters: write an .svg, or leave out --lang {lang}")
    return kind


def drawn(sketch: Sketch, out: Path) -> bytes | str:
    """A sketch as the file that ``out`` names."""
    return to_svg(sketch) if kind_of(out) == "svg" else to_png(sketch)


def model_for(question: Question, image: Path) -> Model:
    """The model, read at the photograph's size where its input is free and no shape is given."""
    if question.shapes is not None:
        return question.open()
    height, width, _ = read_photo(image).shape
    return open_for_photo(question.model, (height, width), question.unknown, question.given)
