"""The page in Chromium, served as ``striate serve`` does."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Request, sync_playwright

from striate.demo.demo import sample_photo
from striate.formats.model import Model
from striate.serve.app import app
from striate.serve.desk import Desk
from striate.serve.guard import Guard
from striate.serve.subject import Subject

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
SIZE = (96, 128)


@dataclass
class Opened:
    """The page in a browser, and what went wrong in it."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def failed(self, request: Request) -> None:
        """A request that failed; one that is broken off because the page went on did not."""
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.url}: {request.failure}")

    def show(self, view: str) -> None:
        """Open a view, and wait until it is there."""
        self.page.evaluate("view => { location.hash = view }", view)
        self.page.wait_for_selector(f"main > .view.{view.partition('?')[0]}")

    def until(self, holds: str) -> None:
        """Wait until an expression holds; the page lets no text be run, so it is asked again and again."""
        for _ in range(600):
            if self.page.evaluate(holds):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never held: {holds}")

    def count(self, selector: str, number: int) -> None:
        """Wait until there are so many of an element."""
        self.until(f"document.querySelectorAll(`{selector}`).length == {number}")

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements of a kind; of inputs what stands in them."""
        read = "all => all.map(e => e.querySelector('input')?.value ?? e.textContent)"
        found: list[str] = self.page.eval_on_selector_all(selector, read)
        return found


@contextmanager
def serving(desk: Desk) -> Iterator[Guard]:
    """The guard of a server that runs beside the tests."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        guard = Guard("127.0.0.1", listening.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(app(desk, guard), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield guard
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    """The guard of a server of the denoiser and a photograph."""
    photo = sample_photo()[: SIZE[0], 100 : 100 + SIZE[1]]
    with serving(Desk(Subject(Model(DENOISER, (1, 3, *SIZE)), photo))) as guard:
        yield guard


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def entered(chromium: Browser, guard: Guard, **given: Any) -> Opened:
    """A browser that followed a link to the page."""
    page = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **given}).new_page()
    page.set_default_timeout(60_000)
    opened = Opened(page, guard.link())
    page.on("pageerror", lambda error: opened.faults.append(str(error)))
    page.on("console", lambda told: opened.faults.append(told.text) if told.type == "error" else None)
    page.on("requestfailed", lambda request: opened.failed(request))
    page.goto(opened.address)
    page.wait_for_selector("main > .view")
    return opened


@pytest.fixture
def opened(chromium: Browser, guard: Guard) -> Iterator[Opened]:
    """The page, in which nothing goes wrong."""
    found = entered(chromium, guard)
    yield found
    found.page.context.close()
    assert found.faults == []
