"""The page in a notebook, live: an anywidget whose kernel answers what the page asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from threading import Thread
from typing import Any

import anywidget
import traitlets

from striate.errors import StriateError
from striate.serve.addresses import ADDRESSES, json_bytes, refusal
from striate.serve.desk import Desk
from striate.serve.export import bundle, document
from striate.show.words import LANGUAGES, word
from striate.values import integer

FRAME = files("striate.serve") / "frame"
FAULT = {"error": "striate failed to answer; the notebook shows where"}


class LivePage(anywidget.AnyWidget):
    """The page of a desk in a frame of ``height`` pixels.

    Each question is answered in a thread of its own: cells may run meanwhile.
    """

    _esm = (FRAME / "notebook.js").read_text(encoding="utf-8")
    _html = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(self, desk: Desk, height: int = 800) -> None:
        super().__init__(_html=_document(), height=integer("LivePage: height", height, 100))
        self._desk = desk
        self._begun: dict[tuple[float, int], bytes] = {}
        self.on_msg(self._heard)

    def __repr__(self) -> str:
        return f"LivePage(height={self.height})"

    def _heard(self, _: object, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        asked = content["view"], content["number"]
        body = self._begun.pop(asked, b"") + b"".join(buffers)
        if content["more"]:
            self._begun[asked] = body
        else:
            Thread(target=self._answer, args=(*asked, content["address"], body), daemon=True).start()

    def _answer(self, view: float, number: int, address: str, body: bytes) -> None:
        status, sent = 500, json_bytes(FAULT)
        try:
            status, sent = 200, json_bytes(ADDRESSES[address].answer(self._desk, body))
        except StriateError as error:
            status, sent = 400, json_bytes(refusal(error))
        finally:
            self.send({"view": view, "number": number, "status": status}, [sent])

    def _repr_mimebundle_(self, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**given) or ({}, {})
        return {**data, "text/html": _told("page_live")}, metadata


@cache
def _document() -> str:
    """The page's modules, which fetch what they ask from the frame's notebook."""
    return document((FRAME / "page.js").read_text(encoding="utf-8") + bundle(), view=_told("page_silent"))


def _told(key: str) -> str:
    return "".join(f'<p lang="{lang}">{escape(word(key, lang))}</p>' for lang in LANGUAGES)
