"""Every question that the page asks, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from striate.serve import questions
from striate.serve.convolving import convolve
from striate.serve.desk import Desk
from striate.serve.examples import EXAMPLES
from striate.serve.given import Given
from striate.serve.matrix import matrix
from striate.serve.packed import PackedDocument, packed_bytes
from striate.serve.shared import sharing
from striate.serve.sizes import sizes
from striate.show.words import WORDS


class DeskDocument(TypedDict):
    """The name of the model, and the picture as (height, width, 3) bytes."""

    model: str
    picture: PackedDocument | None


def told(desk: Desk) -> DeskDocument:
    """What lies on the desk."""
    subject = desk.subject
    picture = None if subject.photo is None else packed_bytes(subject.photo)
    return {"model": subject.model.name, "picture": picture}


def _of_network(question: questions.Question) -> Callable[[Desk, Given], Any]:
    return lambda desk, given: question(desk.subject, given)


def _of_kernel(question: Callable[[Given], Any]) -> Callable[[Desk, Given], Any]:
    return lambda desk, given: question(given)


QUESTIONS: Mapping[str, Callable[[Desk, Given], Any]] = {
    "desk": lambda desk, given: told(desk),
    "words": lambda desk, given: WORDS,
    "examples": lambda desk, given: EXAMPLES,
    **{name: _of_network(question) for name, question in questions.QUESTIONS.items()},
    "convolve": _of_kernel(convolve),
    "matrix": _of_kernel(matrix),
    "sizes": _of_kernel(sizes),
    "sharing": _of_kernel(sharing),
}
