"""The summary: on one screen, each number held against the units themselves."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from rich.cells import cell_len
from rich.console import Console
from torch import nn

import striate
from striate.cli.terminal import show
from striate.errors import InputError
from striate.fields import Fields, region
from striate.fields.overview import Level, Overview, overview
from striate.show import describe, notes, scales_for, select_layers, summary, to_csv, to_json
from striate.show.formats import columns
from striate.show.grid import Grid
from striate.show.units import parse_pixel_size

DENOISER = str(files("striate").joinpath("data/denoiser.onnx"))


def detector() -> Path:
    found = find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None:
        pytest.skip("needs rapidocr-onnxruntime")
    return Path(found.origin).parent / "models" / "ch_PP-OCRv4_det_infer.onnx"


@cache
def detected() -> Fields:
    return striate.load(detector(), (1, 3, 480, 480)).fields()


def without_gates(path: Path, folder: Path) -> Path:
    """The file with what global pooling computes put in as a constant: what is left is the local network."""
    model = onnx.load(path)
    gates = [node for node in model.graph.node if node.op_type == "HardSigmoid"]
    for node in gates:
        model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), node.output[0]))
        model.graph.node.remove(node)
    onnx.save(model, folder / "local.onnx")
    return folder / "local.onnx"


def on_terminal(parts: list[str | Grid], width: int) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, force_terminal=True, emoji=False, highlight=False)
    for part in parts:
        show(part, console)
    return stream.getvalue().splitlines()


def unit_hull(fields: Fields, layer: str, at: tuple[int, ...]) -> list[tuple[int, int]]:
    """What a unit reads, as if the image had no border, found by walking back from the unit alone."""
    seen = region(fields, layer, at).unclipped
    assert seen is not None
    return [(side.start, side.stop) for side in seen]


def held(fields: Fields, level: Level) -> None:
    """A level's numbers against what some units of it see: size, stride, centre, halo, padding."""
    field, places = level.field, field_period(level)
    (height, width), stride = (
        field.shape[2:],
        [axis.span.stride for axis in field.axes.values() if axis.span is not None and axis.span.stride is not None],
    )
    image = fields.network.shapes[fields.source][2:]
    first = (height // 2 // places * places, width // 2 // places * places)
    hulls = {
        (i, j): unit_hull(fields, field.name, (first[0] + i, first[1] + j))
        for i in range(places)
        for j in range(places)
    }
    for k in (0, 1):
        span = list(field.axes.values())[k].span
        assert span is not None
        assert max(hull[k][1] - hull[k][0] for hull in hulls.values()) == span.size
        own = first[k] * stride[k], (first[k] + places) * stride[k]
        before = own[0] - min(hull[k][0] for hull in hulls.values())
        after = max(hull[k][1] for hull in hulls.values()) - own[1]
        assert level.halo[k] == (max(before, 0), max(after, 0))
        offsets = [
            Fraction(hull[k][0] + hull[k][1] - 1, 2) - (first[k] + place[k]) * stride[k] - (stride[k] - 1) / 2
            for place, hull in hulls.items()
        ]
        assert level.centre[k] == sum(offsets) / len(offsets)
    corner = unit_hull(fields, field.name, (0, 0))
    inside = prod(max(min(stop, n) - max(start, 0), 0) for (start, stop), n in zip(corner, image, strict=True))
    assert level.padding == 1 - Fraction(inside, prod(stop - start for start, stop in corner))


def field_period(level: Level) -> int:
    spans = [axis.span for axis in level.field.axes.values()]
    return max(len(span.phases) for span in spans if span is not None)


def test_the_summary_of_a_detector_fits_one_screen() -> None:
    for lang in ("en", "zh"):
        lines = on_terminal(summary(detected(), "ch_PP-OCRv4_det_infer.onnx", lang=lang), 80)
        assert len(lines) <= 22, "24 lines of a terminal less the command and the next prompt"
        assert not any("\x1b" in line for line in lines)
        assert all(cell_len(line) <= 80 for line in lines)


def test_every_number_of_a_detectors_summary_is_right(tmp_path: Path) -> None:
    found = overview(detected())
    local = striate.load(without_gates(detector(), tmp_path), (1, 3, 480, 480)).fields()
    assert [level.field.shape[2:] for level in found.levels] == [(n, n) for n in (240, 120, 60, 30, 15, 120, 240, 480)]
    for level in found.levels[:7]:
        held(local, level)
    widest = max(
        prod(stop - start for start, stop in unit_hull(local, "p2o.Sigmoid.0", (240, k))) for k in range(240, 272)
    )
    assert found.largest is not None
    assert [axis.span and axis.span.size for axis in found.largest.axes.values()] == [859, 859]
    assert widest <= 859 * 859
    graph = onnx.load(detector(), load_external_data=False).graph
    assert len(found.global_via) == sum(node.op_type == "GlobalAveragePool" for node in graph.node)
    assert found.operators["Conv"] == sum(node.op_type == "Conv" for node in graph.node)
    text = " ".join(on_terminal(summary(detected()), 200))
    assert f"{sum(found.operators.values())} layers" in text
    assert re.search(r"Misaligned \(3\): p2o.Add.248 -8 px, p2o.Add.250 -12 px, p2o.Add.252 -14 px", text)


def counted(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """What a file learned, without statistics and bounds, and the multiply-accumulates of its convolutions."""
    model = onnx.load(path)
    for dim, n in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = n
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    constants = {n.output[0]: n.attribute[0].t for n in model.graph.node if n.op_type == "Constant"}
    tensors = {**constants, **{weight.name: weight for weight in model.graph.initializer}}
    held = {name: tuple(tensor.dims) for name, tensor in tensors.items()}
    known = {info.name: [d.dim_value for d in info.type.tensor_type.shape.dim] for info in model.graph.value_info}
    macs = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            macs += prod(known[node.output[0]]) * prod(held[node.input[1]][1:])
        if node.op_type == "ConvTranspose":
            macs += prod(known[node.input[0]]) * prod(held[node.input[1]][1:])
    floats = {name for name, tensor in tensors.items() if tensor.data_type == onnx.TensorProto.FLOAT}
    learned = (node for node in model.graph.node if node.op_type not in ("Resize", "Clip"))
    used = {name for node in learned for name in node.input[: 3 if node.op_type == "BatchNormalization" else None]}
    return sum(prod(held[name]) for name in floats & used), macs


def test_the_costs_of_a_detectors_summary_are_those_of_its_file() -> None:
    parameters, macs = counted(detector(), (1, 3, 480, 480))
    text = " ".join(on_terminal(summary(detected()), 200))
    assert f"Parameters {parameters:,} · MACs {macs:,} ·" in text


def test_the_numbers_of_the_denoisers_summary() -> None:
    fields = striate.load(DENOISER, (1, 3, 192, 192)).fields()
    found = overview(fields)
    assert not found.by_stride
    for level in found.levels:
        held(fields, level)
    names = [level.field.name for level in found.levels]
    assert (names[0], names[-1]) == ("stem", "denoised")
    assert len({merge.node for merge in found.misaligned}) == 3


def test_the_oracle_notices_a_wrong_halo() -> None:
    fields = striate.load(DENOISER, (1, 3, 192, 192)).fields()
    level = overview(fields).levels[2]
    wrong = Level(level.field, level.centre, ((level.halo[0][0] + 1, 4),) * 2 if level.halo[0] else (), level.padding)
    with pytest.raises(AssertionError):
        held(fields, wrong)


def staged() -> Overview:
    stages = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, 2, 1)) for _ in range(8))
    )
    return overview(striate.load(stages, (1, 3, 512, 512)).fields())


def test_many_changes_give_one_row_for_each_stride() -> None:
    found = staged()
    assert found.by_stride
    assert [level.field.axes["width"].stride for level in found.levels] == [1, *(2**k for k in range(1, 9))]
    assert [level.field.name for level in found.levels] == [*(f"{k}.1" for k in range(8)), "7"]


class Heads(nn.Module):
    """Two outputs, the second of which sees everything."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.near = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 2, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.stem(x)
        return self.near(y), y.mean((2, 3))


def test_every_output_is_told_and_units_are_spoken() -> None:
    fields = striate.load(Heads(), (1, 3, 32, 32)).fields()
    scales = scales_for(fields.spatial, parse_pixel_size("0.5um"), None)
    text = " ".join(on_terminal(summary(fields, scales=scales), 200))
    assert "near 1x2x12x12 sees 11 x 11 = 5.5 um; mean 1x4 sees all" in text
    assert "Global operators (1): mean." in text
    assert [level.field.name for level in overview(fields).levels] == ["stem", "near"]


def numbers(texts: list[str]) -> Iterator[str]:
    return (word for text in texts for word in re.findall(r"\d[\d,x+]*", text))


def test_a_narrow_summary_cuts_no_number() -> None:
    fields = striate.load(DENOISER, (1, 3, 480, 480)).fields()
    full = set(numbers(on_terminal(summary(fields), 400)))
    for width in (40, 60, 80):
        lines = on_terminal(summary(fields), width)
        assert all(cell_len(line) <= width for line in lines)
        assert set(numbers(on_terminal(summary(fields), width))) <= full | {"1"}


def test_names_of_hundreds_of_letters_are_shortened_below_a_table() -> None:
    long = "backbone_" * 40
    module = nn.Sequential()
    module.add_module(f"{long}conv", nn.Conv2d(3, 4, 3))
    module.add_module(f"{long}pool", nn.AdaptiveAvgPool2d(1))
    fields = striate.load(module, (1, 3, 16, 16)).fields()
    for lines in (notes(describe(fields)), [part for part in summary(fields) if isinstance(part, str)]):
        assert any("backbone_" in line and "…" in line for line in lines)
        assert max(len(word) for line in lines for word in line.split()) <= 62
    assert long in to_json(describe(fields))


def test_stages_sum_the_costs_of_their_parts() -> None:
    network = striate.load(DENOISER, (1, 3, 64, 64))
    chosen = select_layers(network.fields(), depth=1)
    document = describe(network.fields(), chosen)
    assert (chosen[0], chosen[-1], len(chosen)) == ("stem", "denoised", 16)
    assert sum(layer["macs"] for layer in document["layers"]) == network.costs.macs
    assert sum(layer["params"] for layer in document["layers"]) == network.costs.parameters
    assert select_layers(network.fields(), ["mid*"], depth=1) == ["mid1", "mid2", "mid3"]
    assert select_layers(network.fields(), only=["deconv", "RESIZE"]) == ["up1/resize"]


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda f: select_layers(f, only=["lstm"]), "no layer whose operator is lstm; there are Conv, Relu"),
        (lambda f: select_layers(f, ["mid9"], depth=1), "did you mean 'mid"),
        (lambda f: columns(describe(f), ["sise"]), "no column 'sise'; did you mean 'size'"),
        (lambda f: to_csv(describe(f), ["size", "starts"]), "no column 'starts'; did you mean 'start'"),
    ],
)
def test_what_nothing_matches_is_one_line(choose: object, words: str) -> None:
    assert callable(choose)
    with pytest.raises(InputError, match=re.escape(words)):
        choose(striate.load(DENOISER, (1, 3, 64, 64)).fields())


def test_a_network_without_stages_says_so() -> None:
    with pytest.raises(InputError, match="no layer of this network stands in a stage"):
        select_layers(detected(), depth=1)
