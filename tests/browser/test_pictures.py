"""The pictures of the page in the guide show it as it is; ``STRIATE_RENEW=1`` draws them anew."""

from __future__ import annotations

import os
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from browser.conftest import Opened, entered
from PIL import Image
from playwright.sync_api import Browser

from striate.serve.guard import Guard

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "page"
SHOWN = {
    "convolve": "convolve?place=[1,0]",
    "matrix": "matrix",
    "fields": 'fields?layer="mid2/relu"&at=[9,12]',
    "features": 'features?layer="enc1/relu"',
    "hubel": 'hubel?layer="stem/relu"',
    "sharing": 'sharing?way="local"',
    "questions": "questions",
}
SMALL = (60, 40)
# Fonts differ from machine to machine: of a picture as small as that, this much on average, of 255.
MOST = 5


def drawn(opened: Opened, view: str) -> Image.Image:
    """A view once all that it asked for has come."""
    opened.show(view)
    opened.page.wait_for_load_state("networkidle")
    waiting = "e => e.childElementCount == 0 && e.textContent.startsWith('Working')"
    opened.until(f"![...document.querySelectorAll('main *')].some({waiting})")
    opened.page.wait_for_timeout(300)
    return Image.open(BytesIO(opened.page.screenshot())).convert("RGB")


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_of_the_guide_shows_the_view(chromium: Browser, guard: Guard, name: str) -> None:
    opened = entered(chromium, guard, viewport={"width": 1200, "height": 800}, color_scheme="light", locale="en")
    shown = drawn(opened, SHOWN[name])
    opened.page.context.close()
    path = FOLDER / f"{name}.png"
    if os.environ.get("STRIATE_RENEW"):
        path.parent.mkdir(exist_ok=True)
        shown.quantize(96).save(path, optimize=True)
    golden = held(path)
    assert golden.size == shown.size
    assert apart(golden, shown) < MOST


def test_the_picture_of_one_view_does_not_pass_for_another() -> None:
    for one, other in combinations(sorted(FOLDER.glob("*.png")), 2):
        assert apart(held(one), held(other)) > MOST, (one.name, other.name)


def held(path: Path) -> Image.Image:
    """A picture of the guide."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart on average, both made small."""
    planes = [np.asarray(picture.resize(SMALL), float) for picture in (one, other)]
    return float(np.abs(planes[0] - planes[1]).mean())
