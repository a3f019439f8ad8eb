"""Where the page sends what it asks and what it puts on the desk; over HTTP and by a notebook's messages the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from striate.errors import InputError
from striate.serve.asking import QUESTIONS
from striate.serve.desk import Desk
from striate.serve.given import Given

# A question is a few numbers, at most a drawn input and kernels of 32 x 32.
MOST_ASKED = 1 << 20
# The largest networks that a page is of use for; one that is larger is named on the command line.
MOST_MODEL = 256 << 20
# A photograph of as many pixels as are read takes less.
MOST_PICTURE = 64 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """What answers a body, and the ``most`` bytes that it takes."""

    most: int
    _reply: Callable[[Desk, bytes], Any]

    def answer(self, desk: Desk, body: bytes) -> Any:
        """The answer to a body; InputError where it is too long or says nothing sensible."""
        if len(body) > self.most:
            raise InputError(f"more than {self.most:,} bytes were sent")
        return self._reply(desk, body)


def json_bytes(answer: object) -> bytes:
    """An answer as it is sent."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def refusal(error: Exception) -> dict[str, str]:
    """What the page is told of what went wrong, in one line."""
    return {"error": " ".join(str(error).split())}


def _asked(question: Callable[[Desk, Given], Any]) -> Address:
    return Address(MOST_ASKED, lambda desk, body: question(desk, _given(body)))


def _given(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InputError("a question is an object in JSON") from None
    if not isinstance(given, dict):
        raise InputError("a question is an object in JSON")
    return given


def _placed(place: Callable[[Desk, bytes], None], most: int) -> Address:
    def reply(desk: Desk, body: bytes) -> Any:
        place(desk, body)
        return {}

    return Address(most, reply)


ADDRESSES: Mapping[str, Address] = {
    **{f"ask/{name}": _asked(question) for name, question in QUESTIONS.items()},
    "put/model": _placed(Desk.put_model, MOST_MODEL),
    "put/picture": _placed(Desk.put_picture, MOST_PICTURE),
}
