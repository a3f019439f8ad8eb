"""A picture of 1024 x 1024: what is pointed at is answered within a frame of the screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser.conftest import DENOISER, entered, serving
from PIL import Image
from playwright.sync_api import Browser

from striate.demo.demo import sample_photo
from striate.fields import Fields, region
from striate.formats.model import Model
from striate.serve.desk import Desk
from striate.serve.subject import Subject

pytestmark = pytest.mark.browser

SIDE, LAYER, FRAME = 1024, "mid2/add", 16
# The time of each of 41 moves over an element in milliseconds, to the last line that is drawn; the middle one counts,
# since a machine with other work stops now and then.
MOVES = """element => {
  const box = element.getBoundingClientRect(), took = [];
  for (let k = 0; k < 41; k++) {
    const part = (step) => ((k * step) % 41 + 0.5) / 41, start = performance.now();
    element.dispatchEvent(new PointerEvent("pointermove",
      { clientX: box.left + box.width * part(17), clientY: box.top + box.height * part(23), bubbles: true }));
    document.body.getBoundingClientRect();
    took.push(performance.now() - start);
  }
  return took.sort((a, b) => a - b)[20];
}"""


def test_fields_are_drawn_within_a_frame(chromium: Browser) -> None:
    model = Model(DENOISER, (1, 3, SIDE, SIDE))
    photo = np.asarray(Image.fromarray(sample_photo()).resize((SIDE, SIDE)))
    with serving(Desk(Subject(model, photo))) as guard:
        opened = entered(chromium, guard)
        sent: list[int] = []
        opened.page.on("response", lambda response: sent.append(int(response.headers["content-length"])))
        opened.page.reload()
        opened.page.wait_for_selector("main > .view")
        opened.show(f'fields?layer="{LAYER}"')
        opened.page.wait_for_selector(".nv-map .nv-legend")
        assert opened.page.eval_on_selector(".nv-middle > .nv-board", MOVES) < FRAME
        assert opened.page.eval_on_selector(".nv-map .nv-board", MOVES) < FRAME
        at, sees = opened.texts(".nv-read p")[:2]
        opened.page.context.close()
    row, column = (int(number) for number in re.findall(r"\d+", at)[-2:])
    (top, bottom), (left, right) = [(s.start, s.stop) for s in region(Fields(model), LAYER, (row, column)).hull]
    assert sees == f"{bottom - top} x {right - left} pixels, from ({top}, {left}) to before ({bottom}, {right})"
    assert opened.faults == []
    assert 3e6 < max(sent) < 4e6


def test_what_takes_longer_than_a_frame_is_found(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<p>slow</p>")
    page.evaluate("""() => addEventListener("pointermove", () => {
      for (const end = performance.now() + 20; performance.now() < end;);
    })""")
    assert page.eval_on_selector("p", MOVES) >= 20
    page.close()
