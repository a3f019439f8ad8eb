"""The twin of a TFLite file followed backward: the very pixels that reach a unit when each of them is lit alone."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.tflite_cases import CASES, MIXING, QUIET, case
from support.tflite_models import Sketch

from striate.check import check, tflite_backward, tflite_relations
from striate.check.tflite_twin import TfliteTwin
from striate.fields import Fields
from striate.fields.unit import unit_sizes
from striate.formats.model import Model
from striate.formats.tflite.file import TfliteModel

UNITS = 12
FOLLOWED = [name for name in {**CASES, **QUIET, **MIXING} if name != "ZEROS_LIKE"]


def differing(content: bytes) -> list[tuple[str, tuple[int, ...]]]:
    """The units of all layers, so many each, of which the two directions speak differently."""
    model = Model(content).read()
    assert isinstance(model.source, TfliteModel)
    fields = Fields(model)
    twin = TfliteTwin(content, model.source.reading(model.shapes, model.unknown, model.given), fields.source)
    axes = tuple(fields.spatial.values())
    sizes = [fields.network.shapes[fields.source][axis] for axis in axes]
    layers = [fields.network.tensor(layer) for layer in fields]
    shapes = twin.build([tensor for tensor in layers if tensor in twin.tensors])
    units = [(name, at) for name, shape in shapes.items() for at in islice(np.ndindex(unit_sizes(shape)), UNITS)]
    twin.watch(units)
    lit = np.zeros((len(units), *sizes), np.bool_)
    for pixel in np.ndindex(*sizes):
        image = np.zeros(sizes, np.bool_)
        image[pixel] = True
        lit[(slice(None), *pixel)] = twin.responds(image, axes)
    pairs = zip(units, lit, strict=True)
    return [(name, at) for (name, at), told in pairs if not np.array_equal(twin.reads(name, at, axes), told)]


@pytest.mark.parametrize("name", FOLLOWED)
def test_both_directions_speak_alike(name: str) -> None:
    assert not differing(case(name))


def shrunk(lines: dict[int, NDArray[np.bool_]]) -> dict[int, NDArray[np.bool_]]:
    return {axis: matrix & (np.cumsum(matrix, axis=0) > 1) for axis, matrix in lines.items()}


def test_a_window_followed_wrongly_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tflite_relations._window_lines
    monkeypatch.setattr(tflite_relations, "_window_lines", lambda *known: shrunk(dict(right(*known))))
    assert differing(case("conv, dilation"))


def test_what_is_not_followed_is_lit_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite_relations, "REDUCING", frozenset())
    monkeypatch.setattr(tflite_backward, "REDUCING", frozenset())
    report = check(case("softmax"))
    assert report.complete
    assert {unit.method for unit in report.units} == {"backward", "one by one"}


def test_fields_without_global_paths_are_proved_alone() -> None:
    """A gate by the whole picture: without it the convolution's own field, and that is all that is left."""
    report = check(case("gate"), local=True)
    assert report.complete, str(report)
    assert any(unit.outside for unit in report.units if unit.layer == report.units[-1].layer)


def stack(count: int, height: int, width: int, kernel: tuple[int, int]) -> bytes:
    s = Sketch()
    x = s.input(1, height, width, 3)
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": 0}
    for k in range(count):
        weight = s.constant(np.full((3, *kernel, 3), 0.1, np.float32))
        x = s.add("CONV_2D", x, weight, s.constant(np.zeros(3)), options="Conv2DOptions", name=f"layer{k}", **settings)
    return s.file(x)


def test_no_depth_is_too_deep() -> None:
    """A hundred layers: the outermost pixel is one of 3^100 paths, less than float32 holds."""
    report = check(stack(100, 1, 205, (1, 3)), layers=["layer99"], units=[(0, 102)])
    assert report.complete, str(report)
    assert report.units[0].claimed == 201


def test_a_deep_network_is_proved_in_few_passes() -> None:
    """Twelve layers of 3x3: lit one by one, the 625 pixels of a unit would take as many passes."""
    report = check(stack(12, 32, 32, (3, 3)), layers=["layer11"])
    assert report.complete, str(report)
    assert max(unit.claimed for unit in report.units) == 625
    assert report.passes < 200
