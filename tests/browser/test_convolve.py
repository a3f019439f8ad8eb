"""Views Convolve, Matrix and Sharing: what lights up is what depends on it, and every number is torch's."""

from __future__ import annotations

import pytest
import torch
from browser.conftest import Opened
from playwright.sync_api import Route

pytestmark = pytest.mark.browser

OUTPUT = ".play .grid[aria-label='output'] td"
INPUT = ".play .grid[aria-label='input'] td"
KERNEL = ".play .grid[aria-label='kernel, slice 0'] td"
PRODUCTS = ".products td"


def lit(opened: Opened, selector: str, way: str) -> list[int]:
    """Which cells of a grid are lit."""
    found: list[int] = opened.page.eval_on_selector_all(
        selector, "(all, way) => all.flatMap((cell, i) => cell.classList.contains(way) ? [i] : [])", way
    )
    return found


def numbers(opened: Opened, selector: str) -> list[float]:
    """The numbers of a grid."""
    return [float(text) for text in opened.texts(selector)]


def test_an_output_lights_the_window_that_it_reads(opened: Opened) -> None:
    opened.show("convolve")
    for unit, first in enumerate((0, 1, 4, 5)):
        opened.page.hover(f"{OUTPUT} >> nth={unit}")
        assert lit(opened, INPUT, "read") == [first + 4 * y + x for y in range(3) for x in range(3)]
        assert lit(opened, OUTPUT, "here") == [unit]
        window = [first + 4 * y + x + 1 for y in range(3) for x in range(3)]
        products = [a * b for a, b in zip(window, range(1, 10), strict=True)]
        assert numbers(opened, PRODUCTS) == products
        assert numbers(opened, OUTPUT)[unit] == sum(products)


def test_an_input_lights_the_outputs_that_read_it_and_a_weight_its_pixels(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.hover(f"{INPUT} >> nth=0")
    assert lit(opened, OUTPUT, "same") == [0]
    assert lit(opened, KERNEL, "same") == [0]
    opened.page.hover(f"{INPUT} >> nth=5")
    assert lit(opened, OUTPUT, "same") == [0, 1, 2, 3]
    assert lit(opened, KERNEL, "same") == [0, 1, 3, 4]
    opened.page.hover(f"{KERNEL} >> nth=4")
    assert lit(opened, INPUT, "same") == [5, 6, 9, 10]


def test_a_pixel_that_a_border_repeats_lights_all_that_reads_it_there_too(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.select_option("select >> nth=0", "reflected")
    mode, corner = "select[aria-label='Padding mode']", ".play .grid[aria-label='input'] td.ring"
    opened.until(f"document.querySelector(`{mode}`)?.value == 'reflect'")
    opened.page.select_option(mode, "circular")
    opened.until(f"document.querySelector(`{corner}`)?.textContent == '16'")
    x = torch.arange(1.0, 17).reshape(1, 1, 4, 4).requires_grad_()
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="circular")
    y = torch.conv2d(padded, torch.arange(1.0, 10).reshape(1, 1, 3, 3)).flatten()
    reads = [torch.autograd.grad(unit, x, retain_graph=True)[0].flatten() != 0 for unit in y]
    for pixel in range(16):
        opened.page.hover(f"{INPUT}:not(.ring) >> nth={pixel}")
        assert lit(opened, OUTPUT, "same") == [unit for unit in range(16) if reads[unit][pixel]], pixel


def test_hovering_is_answered_within_a_frame(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.select_option("select >> nth=0", "dilated")
    opened.count(OUTPUT, 9)
    medians = opened.page.evaluate(
        """selector => { const cells = [...document.querySelectorAll(selector)];
        return [1, 2, 3, 4, 5].map(() => cells.map(cell => { const start = performance.now();
          cell.dispatchEvent(new PointerEvent('pointerenter')); return performance.now() - start; })
          .sort((a, b) => a - b)[cells.length >> 1]); }""",
        OUTPUT,
    )
    assert min(medians) < 16


def test_what_is_typed_is_computed_as_torch_does_also_while_an_answer_is_on_its_way(opened: Opened) -> None:
    opened.show("convolve")
    late: list[Route] = []
    opened.page.route("**/ask/convolve", lambda route: late.append(route), times=2)
    opened.page.fill(f"{KERNEL} input >> nth=2", "-3.5")
    opened.page.keyboard.press("Tab")
    opened.page.fill(f"{INPUT} input >> nth=6", "100")
    opened.page.keyboard.press("Tab")
    opened.until("document.activeElement.ariaLabel == 'input 1,3'")
    for route in late:
        route.continue_()
    x = torch.arange(1.0, 17).reshape(1, 1, 4, 4)
    weight = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    x[0, 0, 1, 2], weight[0, 0, 0, 2] = 100, -3.5
    first, *others = torch.conv2d(x, weight).flatten().tolist()
    opened.until(f"document.querySelector(`{OUTPUT}`).textContent == '{first}'")
    assert len(late) == 2
    assert numbers(opened, OUTPUT)[1:] == pytest.approx(others, rel=1e-3)
    assert opened.page.evaluate("document.activeElement.ariaLabel") == "input 1,3"
    assert len(opened.page.query_selector_all(".frameworks")) == 1


def test_what_does_not_fit_is_told_in_one_line_and_can_be_taken_back(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.fill("input[aria-label='Kernel size rows']", "7")
    opened.page.keyboard.press("Tab")
    opened.page.wait_for_selector("main .wrong")
    assert "kernel" in opened.page.inner_text("main .wrong")
    assert "400" in opened.faults.pop()
    opened.page.fill("input[aria-label='Kernel size rows']", "3")
    opened.page.keyboard.press("Tab")
    opened.page.wait_for_selector(OUTPUT)


def test_playing_goes_from_place_to_place(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.click("text=Step")
    assert lit(opened, OUTPUT, "here") == [1]
    opened.page.focus(".player > input")
    opened.page.keyboard.press("ArrowRight")
    assert lit(opened, OUTPUT, "here") == [2]
    assert "Output (1, 0) is" in opened.page.inner_text("#said")
    opened.page.click("text=Play")
    opened.count(".play .grid[aria-label='output'] tr:first-child td:first-child.here", 1)
    opened.page.click("text=Pause")


@pytest.mark.parametrize("view", ["convolve", "matrix", "sharing"])
def test_every_example_opens(opened: Opened, view: str) -> None:
    opened.show(view)
    options = "select[aria-label='Examples'] option[value]"
    names = opened.page.eval_on_selector_all(options, "all => all.map(option => option.value).filter(Boolean)")
    assert len(names) > 10
    for name in names:
        opened.page.select_option("select >> nth=0", name)
        opened.until("location.hash.includes('weight')")
        opened.page.wait_for_selector(f".view.{view} .stage")
        if not (name == "transposed" and view == "sharing"):
            assert opened.page.query_selector("main .wrong") is None, name


def test_a_row_of_the_matrix_is_an_output_and_a_column_a_pixel(opened: Opened) -> None:
    opened.show("matrix")
    matrix = ".grid.sparse td"
    assert len(opened.texts(matrix)) == 64
    opened.page.hover(".grid[aria-label='output, channel 0'] td >> nth=1")
    assert lit(opened, matrix, "read") == list(range(16, 32))
    assert lit(opened, ".stage .grid[aria-label='input, channel 0'] td", "read") == [1, 2, 3, 5, 6, 7, 9, 10, 11]
    opened.page.hover(".grid[aria-label='input, channel 0'] td >> nth=5")
    assert lit(opened, matrix, "read") == [5, 21, 37, 53]
    opened.page.hover(f"{matrix} >> nth=0")
    assert lit(opened, matrix, "read") == [0, 17, 36, 53]


def test_only_the_convolution_s_map_shifts_with_the_picture(opened: Opened) -> None:
    opened.show("sharing")
    assert opened.texts("main table:not(.grid) tbody td:last-child") == ["yes", "no", "no"]


def test_copied_code_computes_what_is_shown(opened: Opened) -> None:
    opened.show("convolve")
    opened.page.click("details.code summary")
    for code in opened.page.eval_on_selector_all("details.code pre", "all => all.map(e => e.textContent)"):
        names: dict[str, object] = {}
        exec(code, names)
        assert [float(value) for value in torch.as_tensor(names["y"]).flatten()] == numbers(opened, OUTPUT)
