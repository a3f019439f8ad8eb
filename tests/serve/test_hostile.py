"""What is sent to break the server breaks nothing: files that claim more than they hold, and clients that go away."""

from __future__ import annotations

import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
import uvicorn
from onnx import TensorProto, helper
from starlette.testclient import TestClient

from striate.formats.model import Model
from striate.serve.app import app
from striate.serve.desk import MOST_NUMBERS, MOST_SIDE, Desk
from striate.serve.guard import Guard
from striate.serve.subject import Subject

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))


def desk() -> Desk:
    """The shipped network and a black picture."""
    return Desk(Subject(Model(DENOISER, (1, 3, 16, 24)), np.zeros((16, 24, 3), np.uint8)))


@pytest.fixture
def friend() -> Iterator[TestClient]:
    """A browser that was let in."""
    guard = Guard("127.0.0.1", 8123)
    with TestClient(app(desk(), guard), "http://127.0.0.1:8123", follow_redirects=False) as client:
        assert client.get(guard.link()).status_code == 303
        yield client


def convolution(shape: tuple[int, ...], filters: int = 4, location: str | None = None) -> bytes:
    """A convolution 3x3 of an input in some shape; ``location`` is where its weights are said to be."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, (filters, 3, 3, 3), bytes(filters * 27 * 4), raw=True)
    if location is not None:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        entry = weight.external_data.add()
        entry.key, entry.value = "location", location
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in (("x", shape), ("y", None))]
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:], [weight])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    sent: bytes = model.SerializeToString()
    return sent


def png(width: int, height: int) -> bytes:
    """The head of a picture of any size, with hardly anything in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(999))), (b"IEND", b""))
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(60_000, 60_000), (9_000, 8_000), (7_900, 7_900), (1, 2**31 - 1)])
def test_a_picture_that_claims_more_than_it_holds_is_refused(friend: TestClient, size: tuple[int, int]) -> None:
    answer = friend.post("/put/picture", content=png(*size))
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert friend.post("/ask/desk", json={}).json()["picture"]["shape"] == [16, 24, 3]


@pytest.mark.parametrize(
    ("shape", "filters"),
    [
        *(((1, 3, height, width), 4) for height, width in ((MOST_SIDE + 1, 8), (8, 10**6), (10**6, 10**6))),
        *(((1, 3, side, side), 4) for side in (MOST_SIDE, 2**40)),
        ((MOST_NUMBERS, 3, 8, 8), 1),
    ],
)
def test_a_network_that_states_a_huge_size_is_refused(friend: TestClient, shape: tuple[int, ...], filters: int) -> None:
    answer = friend.post("/put/model", content=convolution(shape, filters))
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert friend.post("/ask/desk", json={}).json()["model"] == "denoiser.onnx"


def test_a_network_of_a_usual_size_is_taken(friend: TestClient) -> None:
    assert friend.post("/put/model", content=convolution((1, 3, 2048, 2048))).status_code == 200
    assert friend.post("/ask/unit", json={"layer": "conv", "at": [5, 5]}).json()["pixels"] == 9


@pytest.mark.parametrize("location", ["/etc/hostname", "../../../etc/hostname", "weights.bin"])
def test_no_file_that_a_network_names_is_read(friend: TestClient, location: str) -> None:
    answer = friend.post("/put/model", content=convolution((1, 3, 16, 24), location=location))
    assert answer.status_code == 400
    assert "beside it" in answer.json()["error"]


def test_a_client_that_goes_away_leaves_the_others_answered(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        guard = Guard("127.0.0.1", port)
        server = uvicorn.Server(uvicorn.Config(app(desk(), guard), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        cookie = f"{guard.cookie}={guard.let_in(guard.link().rpartition('=')[2])}"
        head = f"Host: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        for length, sent in ((10_000, b"{"), (2, b"{}"), (10_000, b"")):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(f"POST /ask/network HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n".encode() + sent)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(f"GET /main.js HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
            assert client.recv(64).startswith(b"HTTP/1.1 200")
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
