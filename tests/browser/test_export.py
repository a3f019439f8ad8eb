"""The page as a file opened from disk, with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import DENOISER, SIZE, Opened
from playwright.sync_api import Browser

from striate.demo.demo import sample_photo
from striate.formats.model import Model
from striate.serve.desk import Desk
from striate.serve.export import exported
from striate.serve.notebook import Page
from striate.serve.subject import Subject

pytestmark = pytest.mark.browser

VIEWS = ("convolve", "matrix", "fields", "features", "hubel", "sharing", "questions")
OUTPUT = ".play .grid[aria-label='output'] td"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the denoiser as a file."""
    desk = Desk(Subject(Model(DENOISER, (1, 3, *SIZE)), sample_photo()[: SIZE[0], 100 : 100 + SIZE[1]]))
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(exported(desk), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Browser, page_file: Path) -> Iterator[Opened]:
    """The file in a browser without a network, in which nothing goes wrong."""
    page = chromium.new_context(offline=True, viewport={"width": 1400, "height": 900}).new_page()
    found = Opened(page, page_file.as_uri())
    page.on("pageerror", lambda error: found.faults.append(str(error)))
    page.on("console", lambda told: found.faults.append(told.text) if told.type == "error" else None)
    page.on("request", lambda asked: None if asked.url == found.address else found.faults.append(asked.url[:80]))
    page.goto(found.address)
    page.wait_for_selector("main > .view")
    yield found
    page.context.close()
    assert [fault for fault in found.faults if not fault.startswith(("data:", found.address))] == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_works_from_disk(opened: Opened, view: str) -> None:
    opened.show(f'{view}?lang="zh"')
    opened.show(view)
    opened.page.wait_for_timeout(800)
    assert opened.page.query_selector("main .wrong") is None
    assert opened.page.query_selector("header .upload") is None


def test_every_example_of_a_convolution_is_there(opened: Opened) -> None:
    opened.show("convolve")
    options = "select[aria-label='Examples'] option[value]"
    for name in opened.page.eval_on_selector_all(options, "all => all.map(option => option.value).filter(Boolean)"):
        opened.page.select_option("select >> nth=0", name)
        opened.page.wait_for_timeout(100)
        assert opened.page.query_selector("main .wrong") is None, name
        assert len(opened.texts(".view .play td")) > 8


def test_fields_and_maps_are_there_and_what_is_not_says_so(opened: Opened) -> None:
    opened.show("fields")
    opened.until("/sees \\d+ x \\d+ pixels/.test(document.querySelector('main').textContent)")
    opened.show("features")
    opened.until("document.querySelectorAll('.features canvas').length > 8")
    opened.show("convolve")
    opened.page.fill(".play .grid[aria-label='kernel, slice 0'] input >> nth=0", "77")
    opened.page.keyboard.press("Tab")
    opened.page.wait_for_selector("main .wrong")
    assert "striate serve works it out" in opened.page.inner_text("main .wrong")


def test_a_notebook_s_frame_shows_it(chromium: Browser, page_file: Path, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.html"
    shown = Page(page_file.read_text(encoding="utf-8"))._repr_html_()
    notebook.write_text(f'<!doctype html><meta charset="utf-8">{shown}', encoding="utf-8")
    page = chromium.new_context(offline=True).new_page()
    page.goto(notebook.as_uri())
    page.wait_for_selector("iframe")
    frame = page.frames[1]
    frame.wait_for_selector("main > .view.convolve")
    frame.click("nav a >> nth=1")
    frame.wait_for_selector("main > .view.matrix")
    frame.select_option("select >> nth=0", "formula")
    frame.wait_for_selector(".grid.sparse tr:nth-child(16)")
    frame.click("header button")
    frame.wait_for_selector("main > .view")
    assert frame.query_selector("main .wrong") is None
    assert page.evaluate("location.hash") == ""
    page.context.close()
