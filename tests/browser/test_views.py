"""The views of a network: what they draw and say is what the library says, by pointer and by keyboard."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from browser.conftest import DENOISER, SIZE, Opened

from striate.demo.demo import sample_photo
from striate.explore import bench, feature_maps
from striate.explore.photo import photo_input
from striate.explore.stimuli import Bar
from striate.fields import Fields, reach, region
from striate.formats.model import Model
from striate.geometry import Box

pytestmark = pytest.mark.browser

MODEL = Model(DENOISER, (1, 3, *SIZE))
FIELDS = Fields(MODEL)
PICTURE, MAP = ".nv-middle > .nv-board", ".nv-map .nv-board"


def boxes(opened: Opened, board: str) -> list[list[list[int]]]:
    """The boxes drawn on a board, rows and columns of each, outlines of the picture's end left out."""
    read = """all => all.filter((e) => e.getAttribute("fill") !== "none").map((e) => ["y", "height", "x", "width"]
      .map((name) => Number(e.getAttribute(name))))"""
    found: list[list[int]] = opened.page.eval_on_selector_all(f"{board} svg rect.nv-line", read)
    return [[[y, y + height], [x, x + width]] for y, height, x, width in found]


def sides(box: Box) -> list[list[int]]:
    return [[side.start, side.stop] for side in box]


def ready(opened: Opened, state: str) -> None:
    """A view in a state, its answers there."""
    opened.show(state)
    opened.page.wait_for_selector(".nv-three")
    opened.page.wait_for_load_state("networkidle")


def over(opened: Opened, board: str, place: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    """Where a place of a board's rows and columns stands in the window."""
    element = opened.page.query_selector(board)
    assert element is not None
    element.scroll_into_view_if_needed()
    found = element.bounding_box()
    assert found is not None
    (row, column), (rows, columns) = place, size
    return found["x"] + found["width"] * (column + 0.5) / columns, found["y"] + found["height"] * (row + 0.5) / rows


@pytest.mark.parametrize(
    ("layer", "at"), [("stem/conv", (0, 127)), ("mid1/conv", (3, 4)), ("up2/deconv", (47, 0)), ("denoised", (50, 60))]
)
def test_the_field_drawn_is_the_librarys(opened: Opened, layer: str, at: tuple[int, int]) -> None:
    ready(opened, f'fields?layer="{layer}"&at=[{at[0]},{at[1]}]')
    truth = region(FIELDS, layer, at)
    assert boxes(opened, PICTURE)[0] == sides(truth.hull)
    said = "\n".join(opened.texts(".nv-read p"))
    assert f"{truth.cover.sum()} pixels" in said.replace(",", "")
    chain = opened.texts(".nv-chain .nv-step small")
    assert chain[0] == f"{truth.hull[0].size}×{truth.hull[1].size} / {SIZE[0]}×{SIZE[1]}"


def test_pointing_is_answered_by_the_browser_alone(opened: Opened) -> None:
    ready(opened, 'fields?layer="mid2/conv"')
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    for at in ((0, 0), (5, 9), (23, 31)):
        opened.page.mouse.move(*over(opened, MAP, at, (24, 32)))
        assert boxes(opened, PICTURE)[0] == sides(region(FIELDS, "mid2/conv", at).hull)
    assert asked == []
    moves = """() => {
      const board = document.querySelector(".nv-map .nv-board"), box = board.getBoundingClientRect();
      const start = performance.now();
      for (let k = 0; k < 100; k++) {
        const [x, y] = [box.left + (box.width * (k % 10)) / 10, box.top + (box.height * Math.floor(k / 10)) / 10];
        board.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
        document.body.getBoundingClientRect();
      }
      return (performance.now() - start) / 100;
    }"""
    assert min(opened.page.evaluate(moves) for _ in range(3)) < 16


def test_the_arrow_keys_move_from_unit_to_unit(opened: Opened) -> None:
    ready(opened, 'fields?layer="mid2/conv"&at=[4,5]')
    opened.page.focus(MAP)
    for key in ("ArrowRight", "ArrowDown"):
        opened.page.keyboard.press(key)
    assert boxes(opened, PICTURE)[0] == sides(region(FIELDS, "mid2/conv", (5, 6)).hull)
    opened.page.keyboard.press("Enter")
    opened.until("decodeURIComponent(location.hash).includes('at=[5,6]')")
    opened.until("document.getElementById('said').textContent.includes('(5, 6)')")


def test_a_pixel_reaches_in_every_layer_what_the_library_says(opened: Opened) -> None:
    ready(opened, 'fields?layer="mid1/conv"')
    opened.page.mouse.click(*over(opened, PICTURE, (40, 70), SIZE))
    opened.until("document.querySelectorAll('.nv-lit').length > 20")
    opened.page.wait_for_load_state("networkidle")
    for layer in ("stem/conv", "down2/conv", "mid1/conv", "denoised"):
        truth = reach(FIELDS, (40, 70), layer).box
        (said,) = opened.texts(f'tr[data-layer="{layer}"] td:last-child')
        assert said == f"{truth[0].size}×{truth[1].size}"
    assert boxes(opened, MAP)[0] == sides(reach(FIELDS, (40, 70), "mid1/conv").box)


def test_two_fields_are_compared(opened: Opened) -> None:
    ready(opened, 'fields?layer="down1/conv"&at=[10,10]')
    opened.page.get_by_text("Lock to compare").click()
    opened.page.click('tr[data-layer="down2/conv"]')
    opened.page.wait_for_selector(".nv-more .nv-card")
    opened.page.wait_for_load_state("networkidle")
    here, there = (region(FIELDS, name, at).hull for name, at in (("down2/conv", (5, 5)), ("down1/conv", (10, 10))))
    assert boxes(opened, PICTURE) == [sides(here), sides(there)]
    shared = int(np.prod([min(a.stop, b.stop) - max(a.start, b.start) for a, b in zip(here, there, strict=True)]))
    assert f"overlap: {shared} pixels" in opened.texts(".nv-more .nv-card p")[2]


def test_the_effective_field_tells_its_radii(opened: Opened) -> None:
    from striate.fields import effective_field

    ready(opened, 'fields?layer="mid1/conv"&at=[10,10]&warm=true')
    opened.page.wait_for_selector(".nv-more .nv-card")
    radii = effective_field(FIELDS, "mid1/conv", (10, 10)).radii
    rows = opened.texts(".nv-more td")
    assert [float(text) for text in rows[1::3]] == [pytest.approx(radius, rel=1e-3) for radius in radii.values()]


def test_the_graph_is_the_network(opened: Opened) -> None:
    ready(opened, 'fields?layer="mid1/conv"&net="graph"')
    opened.count(".nv-box", 1 + len(MODEL.network.nodes))
    opened.page.focus('.nv-box[data-layer="mid2/conv"]')
    opened.page.keyboard.press("Enter")
    opened.until("document.querySelector('.nv-chosen')?.getAttribute('data-layer') === 'mid2/conv'")
    opened.page.keyboard.press("ArrowLeft")
    opened.count(".nv-stage", 1)
    assert opened.page.get_attribute(".nv-stage", "data-layer") == "mid2/add"


def test_maps_show_the_networks_values(opened: Opened) -> None:
    photo = sample_photo()[: SIZE[0], 100 : 100 + SIZE[1]]
    truth = feature_maps(DENOISER, "down1/relu", photo_input(FIELDS, photo), input_shape=(1, 3, *SIZE))
    ready(opened, 'features?layer="down1/relu"')
    opened.page.wait_for_selector(".nv-tile")
    channels = [int(text.split(" ")[0]) for text in opened.texts(".nv-tile b")]
    assert channels == list(truth.channels[:24])
    tile = f'.nv-tile[data-channel="{channels[3]}"]'
    opened.page.mouse.move(*over(opened, f"{tile} canvas", (20, 30), (48, 64)))
    (said,) = opened.texts(f"{tile} small")
    assert said.startswith("(20, 30) = ")
    assert float(said.partition("= ")[2]) == pytest.approx(float(truth.maps[channels[3], 20, 30]), rel=1e-4)
    assert boxes(opened, ".nv-side .nv-board")[0] == sides(region(FIELDS, "down1/relu", (20, 30)).hull)
    opened.count(".nv-patch", 9)
    least, most = (float(text) for text in opened.texts(".nv-legend span")[:: len(opened.texts(".nv-legend span")) - 1])
    assert (least, most) == pytest.approx(truth.scale, rel=1e-3)


def test_a_bar_is_dragged_over_the_field(opened: Opened) -> None:
    ready(opened, 'hubel?layer="stem/conv"&channel=5')
    board = ".nv-live-card .nv-board"
    opened.page.wait_for_selector(".nv-live-card .nv-chart")
    opened.page.mouse.move(*over(opened, board, (1, 5), (7, 7)))
    shift = -np.sin(np.pi / 4) * (5 - 3) + np.cos(np.pi / 4) * (3 - 1)
    truth = bench(DENOISER, "stem/conv", (1, 3, *SIZE)).responses([Bar(45, 3, position=float(shift))])[0, 5]
    wait_for(opened, ".nv-live-card p[aria-live]", rf"answers {re.escape(f'{truth:.4f}')[:-1]}")
    opened.page.wait_for_selector(".nv-ring polygon")
    assert opened.page.query_selector_all(".nv-control")


def wait_for(opened: Opened, selector: str, pattern: str) -> None:
    """Wait until a text tells a pattern."""
    end = time.monotonic() + 30
    said: Any = ""
    while time.monotonic() < end:
        (said,) = opened.texts(selector)
        if re.search(pattern, said):
            return
        opened.page.wait_for_timeout(100)
    raise AssertionError(f"{pattern} never stood in {said!r}")


def test_the_copied_lines_stand_on_the_page(opened: Opened) -> None:
    ready(opened, 'fields?layer="mid1/conv"&at=[3,4]')
    opened.page.get_by_text("Copy as code").click()
    opened.until("document.querySelector('.nv-copy pre').textContent.includes('region(fields')")
    (lines,) = opened.texts(".nv-copy pre")
    assert "'mid1/conv', (3, 4)" in lines


def test_every_picture_has_a_table(opened: Opened) -> None:
    for view, count in (("fields", 2), ("features", 1), ("hubel", 3)):
        ready(opened, f'{view}?layer="stem/conv"&channel=5')
        opened.until(f"document.querySelectorAll('.nv-table').length >= {count}")
