"""Checks of TFLite files in LiteRT: right claims are proved, wrong ones are found, and the rest is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from support.command_line import one_line, run
from support.tflite_cases import CASES, MIXING, QUIET, Build, case, conv, filled
from support.tflite_models import Sketch

from striate.check import check
from striate.check.tflite_rules import RULES
from striate.errors import InputError, UnsupportedError
from striate.formats.model import Model
from striate.formats.steps import Step, as_stored, step
from striate.formats.tflite import OPERATORS, arrange, combine, spatial
from striate.formats.tflite.call import Call
from striate.network.operators import Linear, Scan

PROVED = [name for name in {**CASES, **QUIET} if name != "ZEROS_LIKE"]


@pytest.mark.parametrize("name", PROVED)
def test_a_right_claim_is_proved_pixel_by_pixel(name: str) -> None:
    report = check(case(name))
    assert report.complete, str(report)
    assert report.runs
    assert report.runtime.startswith("LiteRT ")
    assert {unit.method for unit in report.units} == {"backward"}


def test_every_operator_that_is_read_has_a_twin_or_depends_on_nothing() -> None:
    sized = {"SHAPE", "RANK", "ZEROS_LIKE", "RANGE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"}
    by_data = {"WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"}
    stored = {"DENSIFY"}
    assert set(OPERATORS) - set(RULES) == sized | by_data | stored
    assert set(RULES) <= set(OPERATORS)


@pytest.mark.parametrize("name", MIXING)
def test_what_mixes_is_proved_where_it_matters(name: str) -> None:
    report = check(case(name))
    assert report.complete, str(report)
    assert report.runs
    assert {unit.method for unit in report.units} == {"backward"}


def test_a_table_that_the_input_looks_up_is_read_within_its_bound() -> None:
    assert check(case("embedded")).ok


@pytest.mark.parametrize(
    "op", ["SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION"]
)
def test_an_operator_said_to_mix_nothing_is_found(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, op, OPERATORS["RELU"])
    assert not check(case(f"{op} along a row")).ok


def test_a_number_said_to_depend_on_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is added to a filled tensor, all is claimed but what fills it."""
    monkeypatch.setitem(OPERATORS, "FILL", arrange.constant)
    sketch = Sketch()
    made = filled(sketch)
    wide = sketch.add("SLICE", 0, *(sketch.constant(np.array(at)) for at in ([0, 0, 0, 0], [1, 2, 2, 1])))
    assert not check(sketch.file(sketch.add("ADD", wide, made, options="AddOptions"))).ok


def test_a_product_said_to_read_one_side_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def left(call: Call) -> Step:
        return step(Linear(call.shape(1)[-2]), call.filed(0), order=as_stored(3))

    monkeypatch.setitem(OPERATORS, "BATCH_MATMUL", left)
    assert not check(case("right turned")).ok


def test_a_sum_said_to_run_the_other_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combine, "Scan", lambda axis, reverse, *more: Scan(axis, not reverse, *more))
    sketch = Sketch()
    x = conv(sketch, sketch.input(1, 4, 3, 2), 2, 2)
    assert not check(sketch.file(sketch.add("CUMSUM", x, sketch.constant(np.int32(1)), options="CumsumOptions"))).ok


def test_a_wrong_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAME with its odd pad before, as it never is."""
    pads = spatial.same_pads
    monkeypatch.setattr(spatial, "same_pads", lambda *row: tuple(reversed(pads(*row))))
    report = check(case("conv, stride 2 on even and odd"))
    assert not report.ok
    assert any(unit.first is not None for unit in report.units)


def custom(s: Sketch) -> int:
    return s.add("CUSTOM:Surprise", conv(s, s.input(1, 4, 5, 2), 2, 2), shape=(1, 4, 5, 2))


def weight_of_data(s: Sketch) -> int:
    x = s.input(1, 3, 3, 2)
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": tflite.Padding.SAME}
    return s.add("CONV_2D", x, s.add("RELU", x, shape=(1, 3, 3, 2)), -1, options="Conv2DOptions", **settings)


@pytest.mark.parametrize(("build", "said"), [
    (custom, "no twin for CUSTOM:Surprise"), (weight_of_data, "data makes"),
])  # fmt: skip
def test_what_has_no_twin_is_refused_by_name(build: Build, said: str) -> None:
    sketch = Sketch()
    with pytest.raises(UnsupportedError, match=said):
        check(Model(sketch.file(build(sketch)), unknown="whole"))


def test_a_file_of_which_a_part_is_not_read_is_one_line(tmp_path: Path) -> None:
    sketch = Sketch()
    path = tmp_path / "m.tflite"
    path.write_bytes(sketch.file(custom(sketch)))
    one_line(run("check", path), 4, "no rule for the custom operator Surprise")


def test_a_layer_inside_an_operation_is_refused() -> None:
    with pytest.raises(InputError, match="is made inside an operation of the file"):
        check(case("conv"), layers=["x.channels_first"])
