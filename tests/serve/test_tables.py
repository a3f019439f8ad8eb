"""What the browser works out of a unit from the tables is what the library says of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.fields import Fields, reach, region
from striate.formats.model import Model
from striate.geometry import Box
from striate.network import Builder, Network
from striate.network.operators import Conv, ConvTranspose, Elementwise, Pool, Reduce, Reshape
from striate.serve.tables import map_document, map_size, network_document

STATIC = Path(str(files("striate").joinpath("serve/static")))
DENOISER = Path(str(files("striate").joinpath("data/denoiser.onnx")))
UNITS = 40


def winding() -> Network:
    """Strides, dilation, transposed and global paths, branches that do not align: every kind of table."""
    b = Builder("winding", x=(1, 2, 37, 30))
    first = b.add(Conv((3, 3), stride=(2, 2), padding=((0, 1), (0, 1)), out_channels=3), "x", name="strided")
    holes = b.add(Conv((3, 3), dilation=(3, 2), padding=((3, 3), (2, 2)), out_channels=3), first, name="dilated")
    up = b.add(ConvTranspose((3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), out_channels=3), holes, name="up")
    gate = b.add(Reduce((2, 3)), up, name="mean")
    gated = b.add(Elementwise(), up, gate, name="gated")
    pooled = b.add(Pool((2, 2), stride=(2, 2)), gated, name="pooled")
    b.add(Conv((1, 1), out_channels=4), pooled, name="last")
    return b.network()


def node(script: str, given: object, folder: Path) -> Any:
    """What a script prints as JSON, run by node beside the page's own modules."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs node")
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "main.mjs").write_text(script)
    shutil.copy(STATIC / "fieldtables.js", folder / "fieldtables.mjs")
    ran = subprocess.run([program, "main.mjs"], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(ran.stdout)


SCRIPT = """
import { readFileSync } from "node:fs";
import { hull, outside, reached, sidesOf, unclipped } from "./fieldtables.mjs";
const { layers, units, pixels, picture } = JSON.parse(readFileSync("given.json"));
const plane = (name) => layers.find((table) => table.layer.name === name);
const seen = units.map(([name, at, local]) => {
  const { layer, map } = plane(name);
  const sides = sidesOf(map, local), free = layer.axes.map((axis, k) => unclipped(axis, at[k], local));
  return [sides && hull(sides, at), free, free.every(Boolean) ? outside(free, picture) : null];
});
const hit = pixels.map(([name, at, local]) => {
  const sides = sidesOf(plane(name).map, local);
  return sides && reached(sides, at);
});
console.log(JSON.stringify([seen, hit]));
"""


def inside(box: Box, pixel: list[int]) -> bool:
    return len(box) == 2 and all(side.start <= p < side.stop for side, p in zip(box, pixel, strict=True))


def asked(network: Network, seed: int = 0) -> dict[str, Any]:
    """A network's tables, and units and pixels drawn at random, half of them without global paths."""
    fields, random = Fields(network), np.random.default_rng(seed)
    document = network_document(fields, "model")
    layers = [table["layer"]["name"] for table in document["layers"] if table["map"] is not None]
    picture = document["picture"]
    assert picture is not None

    def drawn(size: Any) -> list[int]:
        return [int(random.integers(n)) for n in size]

    chosen = [(str(random.choice(layers)), bool(k % 2)) for k in range(UNITS)]
    return {
        "layers": document["layers"],
        "picture": picture,
        "units": [(name, drawn(map_size(fields, name)), local) for name, local in chosen],
        "pixels": [(name, drawn(picture), local) for name, local in chosen],
    }


@pytest.mark.parametrize("network", [winding(), Model(DENOISER, (1, 3, 52, 44)).network], ids=["winding", "denoiser"])
def test_the_browser_answers_as_the_library(network: Network, tmp_path: Path) -> None:
    given = asked(network)
    fields = Fields(network)
    seen, hit = node(SCRIPT, given, tmp_path)
    for (layer, at, local), (hull, free, share) in zip(given["units"], seen, strict=True):
        truth = region(fields.local if local else fields, layer, at)
        assert hull == [[side.start, side.stop] for side in truth.hull]
        if None not in free:
            assert truth.unclipped is not None
            assert free == [[side.start, side.stop] for side in truth.unclipped]
            within = truth.unclipped.clip(Box.whole(given["picture"])).size
            assert share == pytest.approx(1 - within / truth.unclipped.size)
    for (layer, at, local), box in zip(given["pixels"], hit, strict=True):
        chosen = fields.local if local else fields
        size = map_size(fields, layer)
        assert size is not None
        holds = [place for place in np.ndindex(*size) if inside(chosen.hull(layer, place), at)]
        rows, columns = ([place[k] for place in holds] for k in (0, 1))
        assert box == ([[min(rows), max(rows) + 1], [min(columns), max(columns) + 1]] if holds else [[0, 0], [0, 0]])
        for (start, stop), side in zip(box, reach(chosen, at, layer).box, strict=True):
            assert side.empty or start <= side.start < side.stop <= stop


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    given = asked(winding())
    for table in given["layers"]:
        for run in (table["map"] or {}).get("hulls", {}).get("rows", []):
            run[1] -= 1
    seen, _ = node(SCRIPT, given, tmp_path)
    fields = Fields(winding())
    truth = [region(fields, layer, at).hull for layer, at, _ in given["units"]]
    assert any(hull != [[side.start, side.stop] for side in box] for (hull, *_), box in zip(seen, truth, strict=True))


def test_a_layer_without_rows_and_columns_is_no_map() -> None:
    b = Builder("flat", x=(1, 2, 6, 6))
    conv = b.add(Conv((3, 3), out_channels=2), "x", name="conv")
    b.add(Reshape((1, 32)), conv, name="flat")
    fields = Fields(b.network())
    assert map_document(fields, "flat") is None
    told = {table["layer"]["name"]: table["map"] for table in network_document(fields, "model")["layers"]}
    assert told["flat"] is None
    assert told["conv"] == {
        "size": [4, 4],
        "reaching": False,
        "hulls": {"rows": [[4, 0, 3, 1]], "columns": [[4, 0, 3, 1]]},
        "local": None,
    }
