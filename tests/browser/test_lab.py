"""The page in a JupyterLab: cells show it live, and what a notebook is turned into shows the one that was kept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import DENOISER
from playwright.sync_api import Browser, Frame, Page
from support.small_graphs import Graph

from striate.fields import Fields, region
from striate.formats.model import Model

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="needs JupyterLab: pip install 'striate[lab]'"),
]

SIZE = (48, 64)
MADE = """from striate.demo.demo import sample_photo
from striate.serve import page
page({!r}, sample_photo()[:48, 100:164], (1, 3, 48, 64), height=600, static={})"""
BUSY = """import time
from pathlib import Path
while not Path("go").exists():
    time.sleep(0.05)
print("went" + " on")"""


def notebook(path: Path, *cells: str) -> Path:
    """A notebook whose cells have not run."""
    made: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"cell{k}", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}
        for k, cell in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebooks lie, and all that Jupyter writes."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def own(folder: Path) -> dict[str, str]:
    """Jupyter's folders apart from those of the user, and the striate under test for its kernels."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    folders = {name: str(folder / "own" / name) for name in names}
    return {**os.environ, **folders, "PYTHONPATH": str(DENOISER.parents[2])}


@pytest.fixture(scope="module")
def lab(folder: Path, own: dict[str, str]) -> Iterator[str]:
    """The address of a JupyterLab that runs beside the tests."""
    told = folder / "told"
    options = ("--no-browser", "--allow-root", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}")
    with told.open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=own, stdout=log, stderr=log)
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", told.read_text())
        if found or server.poll() is not None:
            break
        time.sleep(0.1)
    assert found, told.read_text()
    yield found[0]
    server.terminate()
    server.wait(30)


def frame_of(page: Page) -> Frame:
    """The page's frame, once a view stands in it."""
    frame = page.locator('iframe[title="striate"]').element_handle().content_frame()
    assert frame is not None
    frame.wait_for_selector("main > .view")
    return frame


def run(page: Page, k: int) -> None:
    """Run a cell; a kernel that still starts does not heed the key."""
    cell = f".jp-CodeCell >> nth={k}"
    for _ in range(60):
        page.click(f"{cell} >> .jp-InputPrompt")
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(500)
        if re.search(r"[\d*]", page.inner_text(f"{cell} >> .jp-InputPrompt")):
            return
    raise AssertionError("the cell never ran")


def point_at(frame: Frame, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Point at a unit of the map."""
    board = frame.locator(".nv-map .nv-board")
    box = board.bounding_box()
    assert box is not None
    board.hover(position={"x": box["width"] * (at[1] + 0.5) / size[1], "y": box["height"] * (at[0] + 0.5) / size[0]})


def test_a_cell_shows_the_page_and_its_kernel_answers_even_while_another_runs(
    chromium: Browser, lab: str, folder: Path
) -> None:
    fields = Fields(Model(DENOISER, (1, 3, *SIZE)))
    notebook(folder / "live.ipynb", MADE.format(str(DENOISER), False), BUSY)
    page = chromium.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.set_default_timeout(60_000)
    page.goto(lab.replace("/lab?", "/lab/tree/live.ipynb?"))
    run(page, 0)
    frame = frame_of(page)
    run(page, 1)
    frame.click('nav a[href^="#fields"]')
    for layer in ("mid1/conv", "stem/conv"):
        frame.click(f'tr[data-layer="{layer}"]')
        rows, columns = fields.layer_axes(layer).sizes
        truth = region(fields, layer, (rows >> 1, columns >> 1))
        frame.wait_for_selector(f"text=exactly {truth.cover.sum()} pixels")
        point_at(frame, (3, 5), (rows, columns))
        (top, bottom), (left, right) = [(side.start, side.stop) for side in region(fields, layer, (3, 5)).hull]
        seen = f"{bottom - top} x {right - left} pixels, from ({top}, {left}) to before ({bottom}, {right})"
        frame.wait_for_selector(f"text={seen}")
    (folder / "go").touch()
    page.wait_for_selector("text=went on")
    page.context.close()


def test_what_is_kept_in_a_notebook_is_there_without_a_kernel(
    chromium: Browser, folder: Path, own: dict[str, str]
) -> None:
    graph = Graph(1, 3, *SIZE)
    model = graph.save(folder, graph.conv("image", 3, 2, 5))
    kept = notebook(folder / "kept.ipynb", MADE.format(str(model), True))
    run = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", str(kept)]
    done = subprocess.run(run, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = chromium.new_context(offline=True).new_page()
    page.goto(kept.with_suffix(".html").as_uri())
    frame = page.locator("iframe").element_handle().content_frame()
    assert frame is not None
    frame.click('nav a[href^="#fields"]')
    frame.wait_for_selector("text=sees 5 x 5 pixels")
    page.context.close()
