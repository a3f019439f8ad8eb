"""The live page in Chromium, its messages carried by hand between the frame and the widget in this process."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
from browser.conftest import DENOISER, SIZE
from PIL import Image
from playwright.sync_api import Browser, Frame, Page

from striate.demo.demo import sample_photo
from striate.fields import Fields, region
from striate.formats.model import Model
from striate.serve.desk import Desk
from striate.serve.subject import Subject
from striate.serve.widget import FRAME, LivePage

pytestmark = pytest.mark.browser

# A notebook's model in a few lines: messages go to `kernel`, whose answer is heard.
CELL = """<!doctype html><div id="cell"></div><script type="module">
  const widget = await import(URL.createObjectURL(new Blob([window.source], { type: "text/javascript" })));
  const heard = {}, text = (bytes) => btoa([...new Uint8Array(bytes)].map((b) => String.fromCharCode(b)).join(""));
  const model = {
    get: (name) => window.state[name],
    on: (event, act) => { heard[event] = act; },
    off: () => undefined,
    send(content, callbacks, [bytes]) {
      if (window.gone) throw new Error("Cannot send");
      window.kernel(content, text(bytes)).then((reply) => {
        if (!reply) return;
        const body = Uint8Array.from(atob(reply[1]), (letter) => letter.charCodeAt(0));
        heard["msg:custom"](reply[0], [new DataView(body.buffer)]);
      });
    },
  };
  widget.default.render({ model, el: document.getElementById("cell") });
</script>"""


@pytest.fixture(scope="module")
def live() -> LivePage:
    """The page of the denoiser and a photograph."""
    return LivePage(Desk(Subject(Model(DENOISER, (1, 3, *SIZE)), sample_photo()[: SIZE[0], 100 : 100 + SIZE[1]])))


@pytest.fixture
def kernel(live: LivePage, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], str], Any]:
    """What a notebook's kernel does with a message."""
    sent: Queue[tuple[dict[str, Any], bytes]] = Queue()
    monkeypatch.setattr(live, "send", lambda told, buffers: sent.put((told, buffers[0])))

    def reply(content: dict[str, Any], body: str) -> Any:
        live._handle_custom_msg(content, [memoryview(b64decode(body))])
        if content["more"]:
            return None
        told, answer = sent.get(timeout=60)
        return told, b64encode(answer).decode()

    return reply


@pytest.fixture
def cell(chromium: Browser, live: LivePage, kernel: Callable[[dict[str, Any], str], Any]) -> Iterator[Page]:
    """A cell's output in a browser without a network, in which nothing goes wrong."""
    page, faults = chromium.new_context(offline=True).new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.expose_function("kernel", kernel)
    page.evaluate(
        "([source, state]) => Object.assign(window, { source, state })",
        [(FRAME / "notebook.js").read_text(encoding="utf-8"), {"_html": live._html, "height": 800}],
    )
    page.set_content(CELL)
    yield page
    page.context.close()
    assert faults == []


def shown(cell: Page, view: str) -> Frame:
    """The page in its frame, with a view open."""
    frame = cell.locator("iframe").element_handle().content_frame()
    assert frame is not None
    frame.click(f'nav a[href^="#{view}"]')
    frame.wait_for_selector(f"main > .view.{view}")
    return frame


def test_its_numbers_are_the_library_s(cell: Page) -> None:
    fields = Fields(Model(DENOISER, (1, 3, *SIZE)))
    frame = shown(cell, "fields")
    for layer in ("stem/conv", "mid1/conv"):
        frame.click(f'tr[data-layer="{layer}"]')
        truth = region(fields, layer, tuple(n >> 1 for n in fields.layer_axes(layer).sizes))
        frame.wait_for_selector(f"text={truth.hull[0].size} x {truth.hull[1].size} pixels")
        frame.wait_for_selector(f"text=exactly {truth.cover.sum()} pixels")


@pytest.mark.parametrize(("ground", "scheme"), [("#fff", "light"), ("#111", "dark"), ("rgba(0, 0, 0, 0)", "light")])
def test_it_is_as_light_as_the_notebook(cell: Page, ground: str, scheme: str) -> None:
    cell.evaluate("ground => { document.body.style.background = ground; }", ground)
    frame = shown(cell, "sharing")
    frame.wait_for_selector(".view.sharing td")
    assert frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == scheme


def test_a_picture_larger_than_a_message_is_put_on_the_desk(cell: Page, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert (tmp_path / "noise.png").stat().st_size > 4 << 20
    frame = shown(cell, "fields")
    frame.set_input_files("header input[type=file] >> nth=1", tmp_path / "noise.png")
    frame.wait_for_selector(".nv-map canvas")


def test_what_goes_wrong_is_told_in_the_page(cell: Page, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    frame = shown(cell, "convolve")
    frame.set_input_files("header input[type=file] >> nth=1", tmp_path / "text.png")
    assert "not an image" in frame.locator("main .wrong").inner_text()
    cell.evaluate("window.gone = true")
    frame.click('nav a[href^="#matrix"]')
    frame.wait_for_selector("main .wrong >> text=run the cell again")
