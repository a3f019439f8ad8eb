"""Nobody is answered but the browser that came by a link, from the page's own address."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.keras_models import keras, saved

from striate.formats.model import Model
from striate.serve.addresses import MOST_ASKED, MOST_PICTURE
from striate.serve.app import app
from striate.serve.assets import parts
from striate.serve.desk import Desk
from striate.serve.guard import HEADERS, MOST_LINKS, Guard
from striate.serve.subject import Subject

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
PORT = 8123


@pytest.fixture
def guard() -> Guard:
    """A guard of a server on this machine."""
    return Guard("127.0.0.1", PORT)


@pytest.fixture
def stranger(guard: Guard) -> Iterator[TestClient]:
    """A browser that was not let in."""
    photo = np.zeros((16, 24, 3), np.uint8)
    desk = Desk(Subject(Model(DENOISER, (1, 3, 16, 24)), photo))
    address = f"http://127.0.0.1:{PORT}"
    with TestClient(app(desk, guard), address, raise_server_exceptions=True, follow_redirects=False) as client:
        yield client


@pytest.fixture
def friend(stranger: TestClient, guard: Guard) -> TestClient:
    """A browser that followed a link."""
    assert stranger.get(guard.link().removeprefix(f"http://127.0.0.1:{PORT}")).status_code == 303
    return stranger


def test_a_link_lets_one_browser_in_once(stranger: TestClient, guard: Guard) -> None:
    link = guard.link()
    entered = stranger.get(link)
    assert entered.status_code == 303
    assert entered.headers["location"] == "./"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "token" not in cookie
    assert "main.js" in stranger.get("/").text
    stranger.cookies.clear()
    assert stranger.get(link).status_code == 403


@pytest.mark.parametrize("path", ["/", "/main.js", "/icon.svg", "/?token=", "/?token=no", "/?token=%ff", "/nowhere"])
def test_a_stranger_reads_only_how_to_get_in(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "striate serve" in answer.text
    assert "script" not in answer.text
    assert stranger.post("/ask/network", json={}).status_code == 403


@pytest.mark.parametrize("cookie", ["", "x", "striate-8123=", "striate-8123=guess", 'striate-8123="', "a=1; b"])
def test_a_guessed_cookie_opens_nothing(stranger: TestClient, cookie: str) -> None:
    assert stranger.get("/", headers={"cookie": cookie}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8123", "127.0.0.1", "127.0.0.1:80", "localhost:8124", "", "127.0.0.1:8123.x"]
)
def test_another_host_is_not_answered(friend: TestClient, host: str) -> None:
    assert friend.get("/", headers={"host": host}).status_code == 400
    assert friend.post("/ask/desk", headers={"host": host}, json={}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"])
def test_the_machine_s_own_names_are_answered(friend: TestClient, host: str) -> None:
    cookies = {"cookie": "; ".join(f"{key}={value}" for key, value in friend.cookies.items())}
    assert friend.get("/", headers={"host": host, **cookies}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8123"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_page_cannot_ask(friend: TestClient, headers: dict[str, str]) -> None:
    assert friend.post("/ask/desk", headers=headers, json={}).status_code == 403
    assert friend.post("/ask/desk", headers={"origin": "http://127.0.0.1:8123"}, json={}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/main.js", "/ask/desk", "/../app.py", "/nowhere"])
def test_every_answer_carries_the_safe_headers(friend: TestClient, path: str) -> None:
    answer = friend.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/static/a.js", "/app.py", "/enter"])
def test_no_other_file_is_read(friend: TestClient, path: str) -> None:
    assert friend.get(path).status_code == 404


@pytest.mark.parametrize(
    ("name", "kind"), [("main.js", "text/javascript"), ("style.css", "text/css"), ("", "text/html")]
)
def test_types_are_told_by_us(friend: TestClient, name: str, kind: str) -> None:
    assert friend.get(f"/{name}").headers["content-type"].startswith(kind)


def test_of_links_never_used_the_oldest_close(guard: Guard) -> None:
    tokens = [guard.link().rpartition("=")[2] for _ in range(MOST_LINKS + 1)]
    assert guard.let_in(tokens[0]) is None
    assert guard.let_in(tokens[1]) is not None


def test_too_much_is_not_read(friend: TestClient) -> None:
    answer = friend.post("/ask/desk", content=b" " * (MOST_ASKED + 1))
    assert answer.status_code == 400
    assert answer.json() == {"error": f"more than {MOST_ASKED:,} bytes were sent"}


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN", b'"text"'])
def test_what_is_no_question_is_refused_in_one_line(friend: TestClient, body: bytes) -> None:
    answer = friend.post("/ask/convolve", content=body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_an_unknown_question_is_not_found(friend: TestClient) -> None:
    assert friend.post("/ask/nothing", json={}).status_code == 404
    assert friend.post("/put/nothing", content=b"").status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"\x08\x07", b"PK\x03\x04", b"\x80\x04K\x01.", b"TFL3" * 9, DENOISER.read_bytes()[:5000]]
)
def test_a_hostile_model_is_refused_and_the_old_one_stays(friend: TestClient, body: bytes) -> None:
    answer = friend.post("/put/model", content=body)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert friend.post("/ask/desk", json={}).json()["model"] == "denoiser.onnx"


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(64), b"GIF89a" + b"\xff" * 200])
def test_a_damaged_picture_is_refused(friend: TestClient, body: bytes) -> None:
    answer = friend.post("/put/picture", content=body)
    assert answer.status_code == 400
    assert "/" not in answer.json()["error"]


def test_a_picture_and_a_model_take_the_place_of_the_old(friend: TestClient) -> None:
    drawn = BytesIO()
    Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(drawn, "png")
    assert friend.post("/put/picture", content=drawn.getvalue()).json() == {}
    told = friend.post("/ask/desk").json()["picture"]
    assert told["shape"] == [16, 24, 3]
    assert set(b64decode(told["data"])) == {200}
    assert friend.post("/put/model", content=DENOISER.read_bytes()).status_code == 200
    assert friend.post("/ask/network", json={}).status_code == 200


def test_a_long_answer_is_sent_in_pieces(friend: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = friend.post("/ask/words")
    assert whole.headers["x-pieces"] == "1"
    monkeypatch.setattr("striate.serve.app.PIECE", 1000)
    count, found = -(-len(whole.content) // 1000), b""
    for piece in range(count):
        sent = friend.post(f"/ask/words?piece={piece}")
        assert (sent.headers["x-pieces"], sent.headers["etag"]) == (str(count), whole.headers["etag"])
        assert len(sent.content) <= 1000
        found += sent.content
    assert found == whole.content
    for beyond in (count, "-1", "x", "9" * 9):
        assert friend.post(f"/ask/words?piece={beyond}").content == b""
    other = friend.post("/ask/words", json={}).headers["etag"], friend.post("/ask/examples").headers["etag"]
    assert (other[0] == whole.headers["etag"], other[1] == whole.headers["etag"]) == (True, False)


def test_twenty_ask_at_once_and_each_is_answered(friend: TestClient) -> None:
    def ask(i: int) -> int:
        return friend.post("/ask/unit", json={"layer": "mid1/conv", "at": [i % 4, i % 6]}).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(60))) == {200}


def test_the_page_weighs_less_than_150_kilobytes() -> None:
    assert sum(map(len, parts().values())) < 150_000


def test_a_server_of_every_address_is_asked_in_digits_and_never_by_a_name() -> None:
    guard = Guard("0.0.0.0", PORT)
    assert guard.link().startswith(f"http://127.0.0.1:{PORT}/")
    assert all(guard.answers(f"{name}:{PORT}") for name in ("192.168.1.7", "[fe80::1]", "localhost"))
    strange = (f"evil.example:{PORT}", "192.168.1.7", "192.168.1.7:80", f":{PORT}")
    assert not any(guard.answers(host) for host in strange)
    assert not Guard("127.0.0.1", PORT).answers(f"192.168.1.7:{PORT}")


def test_a_file_that_its_framework_would_run_is_not_taken(friend: TestClient) -> None:
    made = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    answer = friend.post("/put/model", content=saved(made))
    assert answer.status_code == 400
    assert "command line" in answer.json()["error"]


def test_a_picture_of_more_bytes_than_any_has_is_not_read(friend: TestClient) -> None:
    answer = friend.post("/put/picture", content=bytes(MOST_PICTURE + 1))
    assert answer.json() == {"error": f"more than {MOST_PICTURE:,} bytes were sent"}
