"""The rules for pages that everyone can use, as axe knows them: no view breaks one, in light and in dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import Opened
from browser.test_page import VIEWS

pytestmark = pytest.mark.browser


def broken(opened: Opened) -> list[tuple[str, list[str]]]:
    """Each rule that the page breaks, with the elements that break it."""
    found: list[dict[str, Any]] = Axe().run(opened.page).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_breaks_no_rule(opened: Opened, view: str) -> None:
    opened.show(view)
    assert broken(opened) == []
    opened.page.emulate_media(color_scheme="dark")
    assert broken(opened) == []


def test_a_picture_without_words_would_be_found(opened: Opened) -> None:
    opened.page.evaluate("document.querySelector('main').append(new Image())")
    assert [rule for rule, _ in broken(opened)] == ["image-alt"]
