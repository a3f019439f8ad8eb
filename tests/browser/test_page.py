"""The page as a whole: every view in both languages, on a phone, by keyboard, taken back, and behind its guard."""

from __future__ import annotations

import pytest
from browser.conftest import Opened, entered
from playwright.sync_api import Browser

from striate.serve.guard import Guard

pytestmark = pytest.mark.browser

OUTPUT = ".play .grid[aria-label='output'] td"
VIEWS = ("convolve", "matrix", "fields", "features", "hubel", "sharing", "questions")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_opens_in_both_languages(opened: Opened, view: str) -> None:
    for lang, title in (("en", "Questions"), ("zh", "问答")):
        opened.show(f'{view}?lang="{lang}"')
        opened.until(f"document.querySelector('nav').textContent.includes('{title}')")
        assert opened.page.get_attribute("html", "lang") == lang
        opened.page.wait_for_selector(f"main > .view.{view} *")
    assert opened.page.query_selector("main .wrong") is None


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_a_view_without_scrolling_sideways(chromium: Browser, guard: Guard, view: str) -> None:
    phone = entered(chromium, guard, viewport={"width": 390, "height": 800})
    phone.show(view)
    phone.page.wait_for_timeout(300)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.page.context.close()
    assert phone.faults == []


def test_a_link_that_was_followed_shows_a_stranger_how_to_get_in(opened: Opened, chromium: Browser) -> None:
    assert "token" not in opened.page.url
    stranger = chromium.new_context().new_page()
    stranger.goto(opened.address)
    assert "striate serve" in stranger.inner_text("body")
    assert stranger.query_selector("script") is None
    stranger.context.close()


def test_the_address_shows_the_same_page_again_and_back_takes_a_change_back(opened: Opened) -> None:
    opened.show("convolve")
    before = opened.texts(OUTPUT)
    opened.page.wait_for_timeout(700)
    opened.page.select_option("select >> nth=0", "same")
    opened.count(OUTPUT, 9)
    changed = opened.texts(OUTPUT)
    opened.page.reload()
    opened.count(OUTPUT, 9)
    assert opened.texts(OUTPUT) == changed
    opened.page.click("header button")
    opened.count(OUTPUT, 4)
    assert opened.texts(OUTPUT) == before


def test_every_question_leads_to_a_view_that_opens(opened: Opened) -> None:
    opened.show("questions")
    links = opened.page.eval_on_selector_all(".cards a", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) == 15 + 5
    for link in links:
        opened.show(link.removeprefix("#"))
        assert opened.page.query_selector("main .wrong") is None


def test_the_cards_of_questions_stand_below_their_title(opened: Opened) -> None:
    opened.show("questions")
    title, cards, errors = (opened.page.query_selector(f".view > {part}") for part in ("h1", "ol", "h2"))
    tops = [part.bounding_box() for part in (title, cards, errors) if part is not None]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    assert len({box["x"] for box in tops if box}) == 1


def test_nothing_is_asked_of_another_server(opened: Opened) -> None:
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    for view in VIEWS:
        opened.show(view)
    assert asked
    assert all(url.startswith(opened.page.url.partition("#")[0]) for url in asked)
