"""What a written document says of a unit is what the unit sees: in JSON, in CSV, in the words beneath the table."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress
from fractions import Fraction
from importlib.resources import files
from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from support.oracle import Builder
from support.pairs import Pair
from support.sure import sure
from torch import nn

import striate
from striate.fields import Fields, region
from striate.geometry import Interval
from striate.show import describe, notes, to_csv, to_html, to_json, to_markdown, view_of
from striate.show.words import LANGUAGES

DENOISER = str(files("striate").joinpath("data/denoiser.onnx"))
EVERYTHING, NOTHING = "everything", "nothing"


def by_json(span: dict[str, Any], u: int) -> tuple[int, int] | None:
    """The convention of the JSON document, read as it is written; None where it says that there is no rule."""
    stride = None if span["stride"] is None else Fraction(*span["stride"])
    if "phases" in span:
        turns, phase = divmod(u, len(span["phases"]))
        moved = turns * len(span["phases"]) * (stride or 0)
        start, stop = span["phases"][phase]
        return start + moved, stop + moved
    if span["start"] is None:
        return None
    start = span["start"] + u * (stride or 0)
    return start, start + span["size"]


def seen_by_json(axis: dict[str, Any], u: int) -> object:
    if axis["status"] == "whole":
        return EVERYTHING
    seen = by_json(axis, u)
    return NOTHING if axis["status"] == "none" or (seen and seen[0] == seen[1]) else seen


def from_csv(row: dict[str, str], prefix: str = "") -> dict[str, Any]:
    """The span of a CSV row, in the form of the JSON document."""
    found = {key: row[f"{prefix}{key}"] for key in ("status", "size", "stride", "start", "phases")}
    stride = Fraction(found["stride"]) if found["stride"] else None
    span = {
        "status": found["status"],
        "size": int(found["size"]) if found["size"] else None,
        "stride": None if stride is None else [stride.numerator, stride.denominator],
        "start": int(found["start"]) if found["start"] else None,
    }
    phases = [[int(n) for n in part.split(":")] for part in found["phases"].split()]
    return {**span, "phases": phases} if phases else span


def seen_by_region(side: Interval | None) -> object:
    if side is None or (side.empty and not side.unbounded):
        return NOTHING
    return EVERYTHING if side.unbounded else (side.start, side.stop)


def units(shape: tuple[int, ...], most: int = 5) -> list[tuple[int, ...]]:
    """Every unit of a small layer; of a large one those of the first and last rows and columns."""
    chosen = [list(range(n)) if n <= 2 * most else [*range(most), *range(n - most, n)] for n in shape]
    return list(product(*chosen))


def number_of(layer: dict[str, Any], axis: dict[str, Any], index: dict[int, int]) -> int:
    """The number of a unit along one axis, by the document alone."""
    if axis["along"] is None:
        return 0
    grid = layer["grid"]
    if grid is None or grid["axis"] != axis["along"]:
        return index[axis["along"]]
    side = grid["names"].index(axis["axis"])
    first, stride, size = int(grid["first"]), int(grid["strides"][side]), int(grid["sizes"][side])
    return (index[grid["axis"]] - first) // stride % size


def random_fields(seed: int, layers: int) -> Fields:
    """A random network of up to so many layers; it ends where torch refuses the next."""
    pair = Pair(Random(seed))
    with suppress(RuntimeError):
        pair.grow(layers)
    return Fields(pair.network(), layout="NCHW")


def agrees(fields: Fields) -> dict[str, int]:
    """Hold the JSON and CSV of every layer against the regions of its units; counts the layers by status.

    What is empty along one axis sees nothing along any.
    """
    document = describe(fields)
    written = json.loads(to_json(document))
    table = csv.DictReader(io.StringIO(to_csv(document)))
    rows = {(row["layer"], row["axis"]): from_csv(row) for row in table}
    counted: dict[str, int] = {}
    for layer in written["layers"]:
        if len(layer["shape"]) != len(written["input"]["shape"]) or 0 in layer["shape"]:
            continue
        for axis in layer["axes"]:
            counted[axis["status"]] = counted.get(axis["status"], 0) + 1
        standing = fields.layer_axes(layer["name"]).units
        for at in units(tuple(layer["shape"][axis] for axis in standing), 4 if len(standing) < 3 else 2):
            index = dict(zip(standing, at, strict=True))
            found = region(fields, layer["name"], at)
            if not found.cover.any():
                continue
            places = [number_of(layer, axis, index) for axis in layer["axes"]]
            said = [seen_by_json(axis, u) for axis, u in zip(layer["axes"], places, strict=True)]
            sides = [seen_by_region(side) for side in found.unclipped or (None,) * len(places)]
            nothing = NOTHING in said or (NOTHING in sides and None in said)
            for claim, side in zip(said, sides, strict=True):
                assert side == NOTHING if nothing else claim in (side, None), (layer["name"], layer["axes"], at)
            written_again = [rows[layer["name"], axis["axis"]] for axis in layer["axes"]]
            assert [seen_by_json(row, u) for row, u in zip(written_again, places, strict=True)] == said
    return counted


@pytest.mark.parametrize("first", range(0, 60, 15))
def test_the_document_says_what_units_see(first: int) -> None:
    counted: dict[str, int] = {}
    for seed in range(first, first + 15):
        for status, count in agrees(random_fields(seed, 6)).items():
            counted[status] = counted.get(status, 0) + count
    assert counted["exact"] > 20
    assert counted["periodic"] + counted["whole"] > 5


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(1000, 4000, 100))
def test_the_document_says_what_units_see_many(first: int) -> None:
    for seed in range(first, first + 100):
        agrees(random_fields(seed, 9))


def test_the_denoiser_at_300x448() -> None:
    fields = striate.load(DENOISER, (1, 3, 300, 448)).fields()
    layers = {layer["name"]: layer for layer in json.loads(to_json(describe(fields)))["layers"]}
    assert by_json(layers["denoised"]["axes"][0], 151) == (107, 190)
    assert layers["dec1/conv"]["axes"][0]["phases"] == [[-41, 38], [-41, 42], [-41, 42], [-37, 42]]
    assert layers["dec1/conv"]["axes"][1]["facts"] == ["periodic", "misaligned"]
    assert agrees(striate.load(DENOISER, (1, 3, 24, 28)).fields())["periodic"] == 2 * 11


class Gated(nn.Module):
    """An upsampling branch beside a skip, then a gate that sees everything, or none."""

    def __init__(self, gate: bool) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(2, 2, 3, 2, 1), nn.ConvTranspose2d(2, 2, 3, 2, 0)
        self.last, self.gate = nn.Conv2d(2, 2, 3), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.last(self.up(self.down(x)))
        return y * y.mean((2, 3), keepdim=True) if self.gate else y * 2


def test_the_local_field_behind_a_gate_is_the_field_without_it() -> None:
    gated, plain = (striate.load(Gated(gate), (1, 2, 17, 19)).fields() for gate in (True, False))
    written = [json.loads(to_json(describe(fields)))["layers"][-1] for fields in (gated, plain)]
    for behind, free in zip(*(layer["axes"] for layer in written), strict=True):
        assert behind["facts"] == ["whole", *free["facts"]]
        assert len(free["phases"]) == 2
        assert [by_json(behind["local"], u) for u in range(9)] == [by_json(free, u) for u in range(9)]
        assert behind["local"]["status"] == free["status"] == "periodic"
    row = list(csv.DictReader(io.StringIO(to_csv(describe(gated)))))[-1]
    assert from_csv(row, "local_") == written[0]["axes"][-1]["local"]


def test_the_oracle_can_fail() -> None:
    span = {"size": 83, "stride": [1, 1], "start": -41}
    assert by_json(span, 151) == (110, 193)
    assert by_json({**span, "phases": [[-41, 42]] * 4}, 151) == (107, 190)


def phased() -> Fields:
    b = Builder(1, 1, 8, 8)
    down = b("conv", "image", out_channels=1, kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), name="down")
    how = {"mode": "nearest", "coordinates": "asymmetric", "nearest": ("floor",) * 2}
    up = b("resize", down, axes=(2, 3), size=(8, 8), name="up", **how)
    b("conv", up, out_channels=1, kernel=(3, 3), padding=((1, 1), (1, 1)), name="wide")
    return Fields(b.network())


def test_the_sentence_speaks_only_of_rows_it_holds_for() -> None:
    exact = describe(Fields(striate.load(nn.Conv2d(1, 1, 3), (1, 1, 8, 8))))
    assert any(line.startswith("Unit u of an axis sees") for line in notes(exact))
    mixed = describe(phased())
    text = "\n".join(notes(mixed))
    assert "Where a row has one start, unit u of an axis sees" in text
    assert "Phases of wide (height, width), 2 units every 2 pixels: [-3, 2) [-1, 4)." in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_form_lists_the_phases(lang: str) -> None:
    document = describe(phased())
    (wide,) = (layer for layer in document["layers"] if layer["name"] == "wide")
    phases = " ".join(f"[{start}, {stop})" for start, stop in wide["axes"][0]["phases"])
    assert phases in "\n".join(notes(document, lang))
    assert phases in to_html(document, lang=lang)
    assert phases in to_markdown(document, lang)


def test_a_caption_lies_in_the_range_of_its_row() -> None:
    fields = striate.load(DENOISER, (1, 3, 300, 448)).fields()
    (row,) = (line for line in to_markdown(describe(fields)).splitlines() if line.startswith("| dec1/conv |"))
    least, largest = map(int, sure(re.search(r"\| (\d+)-(\d+) x \1-\2 \|", row)).groups())
    seen = set()
    for at in product(range(150, 154), repeat=2):
        label = view_of(region(fields, "dec1/conv", at)).label
        height, width = map(int, sure(re.search(r": (\d+)x(\d+)", label)).groups())
        assert least <= min(height, width) <= max(height, width) <= largest
        seen |= {height, width}
    assert seen == {least, largest} == {79, 83}
