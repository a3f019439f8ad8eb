"""Crops of real networks, fed their box alone, equal that part of the whole: values by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from support.part_networks import FAST, SLOW, denoiser, measured
from support.parts import Differences, random_feeds

from striate.crop import crop
from striate.formats.model import Model
from striate.formats.onnx import opened
from striate.geometry import Box
from striate.run import cropping, part_of, runner
from striate.run.onnx import OnnxRunner
from striate.run.recent import Recent


@pytest.mark.parametrize("name", FAST)
def test_networks(name: str) -> None:
    found = measured(FAST[name](), 5)
    assert found.ran >= 8
    if name == "the shipped denoiser":
        assert found.bitwise == found.ran


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SLOW)
def test_more_networks(name: str) -> None:
    if name.startswith("PP-OCR") and find_spec("rapidocr_onnxruntime") is None:
        pytest.skip("needs the models of rapidocr_onnxruntime")
    found = measured(SLOW[name](), 5, cut=1 if name.startswith("Swin") else 2)
    assert found.ran >= 5


def test_another_box_does_not_pass() -> None:
    found = Differences(*denoiser())
    found.expected = np.roll(found.expected, 1, 3)
    with pytest.raises(AssertionError, match="denoised"):
        found.check(Box("0,0:3,30:40,30:40"))


def test_tiles_of_a_grid_share_sessions() -> None:
    model, _ = denoiser()
    model = model.at((1, 3, 192, 192))
    feeds = random_feeds(model)
    sessions: Recent[Any] = Recent(64)
    whole, keys = runner(model).run(feeds)["denoised"], set()
    for y in range(64, 128, 8):
        for x in range(64, 128, 8):
            found = crop(model.network, {"denoised": Box(f"0,0:3,{y}:{y + 8},{x}:{x + 8}")})
            keys.add(found.key)
            part = OnnxRunner(model, found, threads=1, sessions=sessions)
            fed = {name: feeds[name][box.slices] for name, box in found.feeds.items()}
            made = part.run(fed)["denoised"]
            np.testing.assert_allclose(made, whole[..., y : y + 8, x : x + 8], rtol=1e-5, atol=1e-5)
    assert len(sessions) == len(keys) < 4


def test_what_lies_outside_the_fed_box_does_not_count() -> None:
    model, layer = denoiser()
    found = crop(model.network, {layer: Box("0,0:3,0:8,90:100")})
    feeds, (fed,) = random_feeds(model), found.feeds.values()
    spoiled = np.full_like(feeds["image"], np.nan)
    spoiled[fed.slices] = feeds["image"][fed.slices]
    part = runner(model, found).run({"image": spoiled[fed.slices]})[layer]
    assert np.isfinite(part).all()
    whole = runner(model).run({"image": spoiled})[layer]
    assert np.isnan(whole).any()
    part_of_whole = runner(model).run(feeds)[layer][found.boxes[layer].slices]
    np.testing.assert_allclose(part, part_of_whole, rtol=1e-5, atol=1e-5)


def test_a_part_reads_back_as_the_crop() -> None:
    model, layer = denoiser()
    found = crop(model.network, {layer: Box("0,0:3,8:20,40:48")})
    again = Model(part_of(model, found)).network
    assert {name: again.shapes[name] for name in again.inputs} == {n: b.shape for n, b in found.feeds.items()}
    kept = [node.name for node in found.network.nodes if node.name in {n.name for n in model.network.nodes}]
    assert set(kept) <= {node.name for node in again.nodes}


def test_a_file_is_read_once_for_all_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    held: Recent[Any] = Recent(1)
    monkeypatch.setattr(cropping, "OPENED", held)
    read: list[str] = []

    def counted(opens: Callable[..., Any], source: Any, *settings: Any) -> Any:
        read.append(source.name)
        return opens(source, *settings)

    monkeypatch.setattr(opened, "opened", partial(counted, opened.opened))
    (model, _), box = denoiser(), Box("0,0:3,0:8,0:8")
    small = model.at((1, 3, 24, 24))
    for one, asked in ((model, box), (model, box.shift((0, 0, 9, 9))), (denoiser()[0], box)):
        assert part_of(one, crop(one.network, {"denoised": asked}))
    assert len(read) == 1
    parts = [part_of(one, crop(one.network, {"denoised": box})) for one in (small, model)]
    assert parts[0] != parts[1]
    assert len(read) == 3
