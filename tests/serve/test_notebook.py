"""The page as a value for notebooks."""

from __future__ import annotations

import re
from html import unescape
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.small_graphs import Graph

from striate.errors import InputError
from striate.serve import Page, page

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))


def test_a_notebook_gets_the_file_in_a_frame_without_an_origin(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    graph = Graph(1, 3, 16, 24)
    model = graph.save(tmp_path, graph.conv("image", 3, 2, 3))
    found = page(model, tmp_path / "grey.png", height=500, static=True)
    shown = found._repr_html_()
    assert 'sandbox="allow-scripts"' in shown
    assert "height:500px" in shown
    held = re.search(r'srcdoc="([^"]*)"', shown)
    assert held is not None
    assert unescape(held[1]) == found.html
    assert found.save(tmp_path / "page.html").read_text(encoding="utf-8") == found.html
    assert len(repr(found)) < 30


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"a photograph is \(height, width, 3\) bytes"):
        page(DENOISER, np.zeros((3, 16, 24), np.uint8), (1, 3, 16, 24))
    with pytest.raises(InputError, match="height"):
        Page("", 5)
