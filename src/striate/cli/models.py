"""MODEL on the command line, read as a model; what is wrong with its input is said in the command line's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from striate.errors import InputError
from striate.formats.model import Model
from striate.formats.named import named_source
from striate.formats.unknown import Unknown

Shapes = Mapping[str, tuple[int, ...]] | tuple[int, ...] | None

_NAMED_SHAPE = re.compile(r"input_shape=\{'([^']+)': \(([^()]*)\)\}")
_SHAPE = re.compile(r"input_shape=\(([^()]*)\)")


def open_model(text: str, shapes: Shapes, unknown: str = Unknown.REFUSE) -> Model:
    """MODEL at input shapes, read; raises the StriateError that says what is wrong."""
    with option_words():
        return Model(named_source(text), shapes, Unknown.of(unknown)).read()


def open_for_photo(text: str, photo_size: tuple[int, int], unknown: str) -> Model:
    """MODEL at the size of a photograph where its input is free, else at its own size."""
    with option_words():
        model = Model(named_source(text), (1, 3, *photo_size), Unknown.of(unknown))
        try:
            return model.read()
        except InputError as error:
            with suppress(InputError):
                return model.at(None).read()
            raise error


@contextmanager
def option_words() -> Iterator[None]:
    """While open, what an InputError says of Python's ``input_shape`` it says of ``--input``."""
    try:
        yield
    except InputError as error:
        words = _NAMED_SHAPE.sub(lambda found: f"--input {found[1]}={_crossed(found[2])}", str(error))
        words = _SHAPE.sub(lambda found: f"--input {_crossed(found[1])}", words).replace("input_shape", "--input")
        raise InputError(words) from error


def _crossed(sizes: str) -> str:
    """``N, 3, N, N`` as it is written on the command line."""
    return "x".join(re.findall(r"[^, ]+", sizes))
