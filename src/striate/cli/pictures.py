"""Sketches on their way into files, of the kind that the file's name says."""

from __future__ import annotations

from pathlib import Path

from striate.errors import InputError
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
