"""The live page of a notebook: its messages are answered as the server answers, and what fails says so."""

from __future__ import annotations

import builtins
import json
import threading
from importlib.resources import files
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.errors import InputError, MissingDependencyError
from striate.formats.model import Model
from striate.serve import page
from striate.serve.addresses import Address
from striate.serve.asking import QUESTIONS
from striate.serve.assets import parts
from striate.serve.desk import Desk
from striate.serve.subject import Subject
from striate.serve.widget import LivePage

Sent = Queue[tuple[dict[str, Any], bytes]]

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))


@pytest.fixture
def desk() -> Desk:
    """The denoiser and a grey picture."""
    return Desk(Subject(Model(DENOISER, (1, 3, 16, 24)), np.full((16, 24, 3), 90, np.uint8)))


@pytest.fixture
def live(desk: Desk) -> LivePage:
    """The page of a desk."""
    return LivePage(desk)


@pytest.fixture
def sent(live: LivePage, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the page is sent: what is told of an answer, and its bytes."""
    sent: Sent = Queue()
    monkeypatch.setattr(live, "send", lambda told, buffers: sent.put((told, buffers[0])))
    return sent


def ask(live: LivePage, address: str, *pieces: bytes) -> None:
    """Send a body in pieces, as the frame does."""
    for k, piece in enumerate(pieces, 1):
        content = {"view": 0.5, "number": 7, "address": address, "more": k < len(pieces)}
        live._handle_custom_msg(content, [memoryview(piece)])


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("unit", {"layer": "mid1/conv", "at": [1, 2]}),
        ("planes", {"layer": "stem/conv", "channels": [3]}),
        ("network", {}),
    ],
)
def test_a_question_is_answered_as_by_the_server(
    live: LivePage, sent: Sent, desk: Desk, question: str, given: dict[str, Any]
) -> None:
    ask(live, f"ask/{question}", json.dumps(given).encode())
    told, body = sent.get(timeout=60)
    assert told == {"view": 0.5, "number": 7, "status": 200}
    assert json.loads(body) == json.loads(json.dumps(QUESTIONS[question](desk, given)))


def test_a_file_comes_in_pieces(live: LivePage, sent: Sent, desk: Desk) -> None:
    whole, before = DENOISER.read_bytes(), desk.subject
    ask(live, "put/model", *(whole[k : k + 10_000] for k in range(0, len(whole), 10_000)))
    told, body = sent.get(timeout=60)
    assert (told["status"], body) == (200, b"{}")
    assert desk.subject is not before
    assert desk.subject.model.network.nodes == before.model.network.nodes
    assert sent.empty()


@pytest.mark.parametrize(
    ("address", "body", "line"),
    [
        ("ask/unit", b'{"layer": "nowhere", "at": [0, 0]}', "nowhere"),
        ("ask/unit", b"[]", "a question is an object in JSON"),
        ("put/picture", b"no picture", "not an image"),
    ],
)
def test_what_is_refused_is_told_in_a_line(live: LivePage, sent: Sent, address: str, body: bytes, line: str) -> None:
    ask(live, address, body)
    told, answer = sent.get(timeout=60)
    assert told["status"] == 400
    assert line in json.loads(answer)["error"]
    assert b"\\n" not in answer


def test_a_fault_is_told_on_the_page_and_in_the_notebook(
    live: LivePage, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: Queue[type[BaseException]] = Queue()
    monkeypatch.setattr(threading, "excepthook", lambda given: shown.put(given.exc_type))
    ask(live, "ask/no such question", b"{}")
    told, body = sent.get(timeout=60)
    assert told["status"] == 500
    assert "failed" in json.loads(body)["error"]
    assert shown.get(timeout=60) is KeyError


def test_a_question_is_worked_out_beside_the_cells(live: LivePage, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr("striate.serve.widget.ADDRESSES", {"ask/long": Address(9, lambda desk, body: gate.wait(60))})
    ask(live, "ask/long", b"{}")
    assert sent.empty()
    gate.set()
    assert sent.get(timeout=60)[1] == b"true"


def test_what_a_notebook_keeps_says_how_to_see_it_again(live: LivePage) -> None:
    data, _ = live._repr_mimebundle_()
    assert "static=True" in data["text/html"]
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == live.model_id


def test_the_frame_s_own_scripts_are_not_the_server_s(live: LivePage) -> None:
    assert "parent.postMessage" in live._html
    assert not any(b"postMessage" in part for part in parts().values())


def test_without_anywidget_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def lacking(name: str, *given: Any, **named: Any) -> Any:
        if name == "striate.serve.widget":
            raise ImportError(name)
        return imported(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(MissingDependencyError, match=r"pip install 'striate\[notebook\]'"):
        page(DENOISER, None, (1, 3, 16, 24))


def test_a_live_page_is_what_is_shown() -> None:
    live = page(DENOISER, None, (1, 3, 16, 24), height=300)
    assert isinstance(live, LivePage)
    assert repr(live) == "LivePage(height=300)"
    with pytest.raises(InputError, match="height"):
        page(DENOISER, None, (1, 3, 16, 24), height=5)


def test_a_photograph_as_an_array_is_cropped_as_its_file_is(tmp_path: Path) -> None:
    held = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(held).save(tmp_path / "held.png")
    pages = [page(DENOISER, photo, (1, 3, 16, 24)) for photo in (tmp_path / "held.png", held)]
    from_file, from_array = (each._desk.subject for each in pages)
    assert from_file.photo is not None
    assert from_file.photo.shape == (16, 24, 3)
    np.testing.assert_array_equal(from_array.photo, from_file.photo)
